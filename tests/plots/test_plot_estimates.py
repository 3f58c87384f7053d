import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from trdstats.errors import NotEstimableError, SpecError, UnknownNameError
from trdstats.plots import plot_estimates, treatment_styles


def drawn(ax):
    """Dots as (x, y), and intervals as (low, high, y), from the top row down."""
    dots = [tuple(c.get_offsets()[0]) for c in ax.collections if not hasattr(c, "get_segments")]
    bars = [c.get_segments()[0] for c in ax.collections if hasattr(c, "get_segments")]
    return dots, [(bar[0, 0], bar[1, 0], bar[0, 1]) for bar in bars]


def test_rows_are_the_frame_from_the_top(names, fake):
    frame = fake.estimates(names)
    ax = plot_estimates(frame, reference_line=0.0, xlabel="Difference (points)")
    dots, bars = drawn(ax)
    assert dots == [(x, y) for y, x in enumerate(frame["estimate"])]
    limits = frame[["conf_low", "conf_high"]].itertuples(index=False)
    assert bars == [(row.conf_low, row.conf_high, y) for y, row in enumerate(limits)]
    assert [t.get_text() for t in ax.get_yticklabels()] == list(frame["label"])
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    assert [0.0, 0.0] in [list(line.get_xdata()) for line in ax.lines]
    assert ax.get_xlabel() == "Difference (points)"
    colors = [to_hex(c.get_facecolor()[0]).upper() for c in ax.collections[1::2]]
    assert colors == [style.color for style in treatment_styles(names).values()]


def test_treatment_is_optional(fake):
    ax = plot_estimates(fake.estimates(fake.THREE).drop(columns="treatment"))
    assert ax.get_legend() is None
    assert len(drawn(ax)[0]) == 3


def test_legend_only_where_labels_do_not_tell_treatments_apart(fake):
    frame = fake.estimates(fake.THREE)
    assert plot_estimates(frame).get_legend() is None
    twice = fake.estimates(fake.THREE * 2).assign(label=["Day 7"] * 3 + ["Day 28"] * 3)
    legend = plot_estimates(twice).get_legend()
    assert [t.get_text() for t in legend.get_texts()] == fake.THREE


def test_numbers_are_written_beside_and_empty_rows_stay(texts, fake):
    frame = fake.estimates(fake.THREE)
    frame.loc[1, ["estimate", "conf_low", "conf_high"]] = np.nan
    ax = plot_estimates(frame, digits=2, caveat="Unadjusted", title="Differences")
    written = texts(ax.figure)
    assert {"−6.00 (−7.50 to −4.00)", "not estimable", "2.00 (0.50 to 4.00)"} <= set(written)
    assert {"Unadjusted", "Differences"} <= set(written)
    assert [y for _, y in drawn(ax)[0]] == [0, 2]
    assert "not estimable" not in texts(plot_estimates(frame, digits=None).figure)


def test_ratios_on_a_log_axis(fake):
    frame = fake.estimates(fake.THREE)
    columns = ["estimate", "conf_low", "conf_high"]
    with pytest.raises(SpecError, match="log axis needs estimates and limits above 0"):
        plot_estimates(frame, xscale="log")
    frame[columns] = np.exp(frame[columns] / 5)
    ax = plot_estimates(frame, xscale="log", reference_line=1.0)
    ax.figure.canvas.draw()
    assert ax.get_xscale() == "log"
    assert {"0.5", "1", "2"} <= {t.get_text() for t in ax.get_xticklabels()}


def test_given_axes_come_back_and_errors(fake):
    ax = plt.subplots()[1]
    frame = fake.estimates(fake.THREE)
    assert plot_estimates(frame, ax=ax) is ax
    with pytest.raises(UnknownNameError, match=r"plot_estimates\(\): `frame` .*'label'"):
        plot_estimates(frame.drop(columns="label"))
    with pytest.raises(NotEstimableError, match="has no rows"):
        plot_estimates(frame.iloc[:0])
    with pytest.raises(SpecError, match="xscale must be one of"):
        plot_estimates(frame, xscale="sqrt")
