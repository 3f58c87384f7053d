import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text

from trdstats.errors import NotEstimableError, SpecError, UnknownNameError
from trdstats.plots import plot_survival, treatment_styles


def curves_of(ax):
    return [line for line in ax.lines if line.get_drawstyle() == "steps-post"]


def marks_of(ax):
    return [line for line in ax.lines if line.get_marker() == "|"]


@pytest.mark.parametrize("cumulative", [False, True])
def test_curves_are_the_frame_from_time_zero(names, cumulative, fake):
    curve = fake.curve(names)
    if cumulative:
        curve[["estimate", "conf_low", "conf_high"]] = (
            1 - curve[["estimate", "conf_high", "conf_low"]].to_numpy()
        )
    ax = plot_survival(curve, cumulative=cumulative, time_scale="sqrt")
    ax.figure.canvas.draw()
    for name, line in zip(names, curves_of(ax), strict=True):
        own = curve[curve["treatment"] == name]
        np.testing.assert_array_equal(line.get_xdata(), [0, *own["time"]])
        np.testing.assert_array_equal(line.get_ydata(), [0 if cumulative else 1, *own["estimate"]])
        assert to_hex(line.get_color()).upper() == treatment_styles(names)[name].color


def test_a_row_for_time_zero_is_kept(fake):
    curve = fake.curve(["ECT"])
    first = curve.iloc[[0]].assign(time=0.0, estimate=0.9)
    line = curves_of(plot_survival(pd.concat([first, curve])))[0]
    assert line.get_ydata()[0] == 0.9
    assert len(line.get_ydata()) == len(curve) + 1


def test_shade_covers_each_step_with_limits_to_its_end(fake):
    curve = fake.curve(["ECT"])
    (band,) = plot_survival(curve).collections
    corners = {tuple(corner) for path in band.get_paths() for corner in path.vertices}
    known = curve[curve["conf_low"].notna()]
    ends = [*known["time"].iloc[1:], curve["time"].iloc[-1]]
    for (_, row), end in zip(known.iterrows(), ends, strict=True):
        assert {(row["time"], row["conf_low"]), (end, row["conf_low"])} <= corners
        assert {(row["time"], row["conf_high"]), (end, row["conf_high"])} <= corners
    assert np.isfinite(np.array(list(corners))).all()


def test_curve_without_any_limits_is_drawn(fake):
    curve = fake.curve(["ECT"]).assign(conf_low=np.nan, conf_high=np.nan)
    ax = plot_survival(curve)
    assert len(curves_of(ax)) == 1
    assert not ax.collections


def test_censor_marks_lie_on_the_curve(fake):
    curve = fake.curve(fake.THREE)
    ax = plot_survival(curve)
    for name, mark in zip(fake.THREE, marks_of(ax), strict=True):
        censored = curve[(curve["treatment"] == name) & (curve["n_censor"] > 0)]
        np.testing.assert_array_equal(mark.get_xdata(), censored["time"])
        np.testing.assert_array_equal(mark.get_ydata(), censored["estimate"])
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [*fake.THREE, "Censored"]
    assert not marks_of(plot_survival(curve, censor_marks=False))


def test_y_is_in_per_cent(fake):
    ax = plot_survival(fake.curve(fake.THREE), ylabel="Still in response")
    ax.figure.canvas.draw()
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert labels[0] == "0%"
    assert "100%" in labels
    assert ax.get_ylabel() == "Still in response"


def read_table(ax):
    """Numbers under the axis as (colour, time) -> text."""
    cells = [t for t in ax.texts if t.get_text().isdigit()]
    return {(t.get_color(), t.get_position()[0]): t.get_text() for t in cells}


def test_numbers_at_risk_are_the_frame_and_stand_at_the_ticks(names, texts, fake):
    times = [0.0, 28.0, 90.0, 180.0, 365.0, 730.0]
    curve = fake.curve(names)
    last = curve["time"].max()
    at_risk = fake.at_risk(names, times)
    ax = plot_survival(curve, at_risk=at_risk, time_scale="sqrt")
    assert list(ax.get_xticks()) == [t for t in times if t <= last]
    styles = treatment_styles(names)
    inside = at_risk[at_risk["time"] <= last]
    wanted = {
        (styles[r.treatment].color, r.time): str(r.n_risk) for r in inside.itertuples(index=False)
    }
    assert read_table(ax) == wanted
    written = texts(ax.figure)
    assert "At risk" in written
    assert all(written.count(name) == 2 for name in names)  # the legend and the table


def test_rows_keep_the_order_of_the_curves(fake):
    at_risk = fake.at_risk(fake.THREE[::-1], [0, 180])
    ax = plot_survival(fake.curve(fake.THREE), at_risk=at_risk)
    ax.figure.canvas.draw()
    heights = {
        t.get_text(): t.get_window_extent().y0 for t in ax.texts if t.get_text() in fake.THREE
    }
    assert sorted(heights, key=heights.get, reverse=True) == fake.THREE


def visible_boxes(figure):
    texts = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
    return [(t.get_text(), t.get_window_extent()) for t in texts]


@pytest.mark.parametrize("layout", ["constrained", "tight", None])
@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (2, 2)])
def test_no_text_overprints_another(layout, shape, fake):
    figure, axes = plt.subplots(*shape, figsize=(5 * shape[1], 4.5 * shape[0]), layout=layout)
    at_risk = fake.at_risk(fake.THREE, [0.0, 60.0, 120.0, 180.0, 240.0, 300.0, 365.0])
    for ax in np.ravel(axes):
        caveat = "Unadjusted: cohorts were not randomised"
        plot_survival(fake.curve(fake.THREE), at_risk=at_risk, ax=ax, title="Panel", caveat=caveat)
    figure.draw_without_rendering()
    for (text, box), (other, other_box) in itertools.combinations(visible_boxes(figure), 2):
        inner = box.padded(-1.0)  # a pixel: boxes include the blank around letters
        assert not inner.overlaps(other_box), f"{text!r} overprints {other!r}"


def test_eight_rows_survive_a_tight_box(fake):
    at_risk = fake.at_risk(fake.EIGHT, [0.0, 90.0, 365.0, 730.0])
    ax = plot_survival(fake.curve(fake.EIGHT), at_risk=at_risk)
    figure = ax.figure
    figure.draw_without_rendering()
    whole = figure.get_tightbbox()
    scale = figure.dpi
    for text, box in visible_boxes(figure):
        assert whole.x0 * scale - 1 <= box.x0, text
        assert whole.y0 * scale - 1 <= box.y0, text
    for (text, box), (other, other_box) in itertools.combinations(visible_boxes(figure), 2):
        assert not box.padded(-1.0).overlaps(other_box), f"{text!r} overprints {other!r}"


def test_crowded_times_are_thinned_not_overprinted(fake):
    at_risk = fake.at_risk(fake.EIGHT, [float(t) for t in range(0, 731, 2)])
    ax = plot_survival(fake.curve(fake.EIGHT), at_risk=at_risk)
    assert 0 in ax.get_xticks()
    assert len(ax.get_xticks()) < 20


def test_given_axes_come_back(fake):
    ax = plt.subplots()[1]
    assert plot_survival(fake.curve(fake.THREE), ax=ax) is ax


def test_errors_name_function_frame_and_column(fake):
    curve = fake.curve(fake.THREE)
    with pytest.raises(
        UnknownNameError, match=r"plot_survival\(\): `curve` needs the column 'time'"
    ):
        plot_survival(curve.drop(columns="time"))
    with pytest.raises(UnknownNameError, match=r"`at_risk` needs the columns 'time', 'n_risk'"):
        plot_survival(curve, at_risk=curve[["treatment"]])
    with pytest.raises(UnknownNameError, match="treatment in `at_risk`: 'Sham'"):
        plot_survival(curve, at_risk=fake.at_risk(["Sham"], [0]))
    with pytest.raises(NotEstimableError, match="`curve` has no rows"):
        plot_survival(curve.iloc[:0])
    with pytest.raises(NotEstimableError, match="`at_risk` has no rows"):
        plot_survival(curve, at_risk=fake.at_risk([], []))
    with pytest.raises(SpecError, match="'time' must hold days of 0 or more"):
        plot_survival(curve.assign(time=curve["time"] - 50))
    with pytest.raises(SpecError, match="Select one outcome or cause"):
        plot_survival(pd.concat([curve, curve]))
    assert not plt.get_fignums()
