import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from trdstats.errors import NotEstimableError, SpecError, UnknownNameError
from trdstats.plots import choose_ticks, plot_trajectories, treatment_styles


@pytest.mark.parametrize("time_scale", ["linear", "sqrt"])
def test_lines_are_the_frame(names, time_scale, fake):
    means = fake.means(names)
    ax = plot_trajectories(means, time_scale=time_scale)
    ax.figure.canvas.draw()
    styles = treatment_styles(names)
    assert len(ax.lines) == len(ax.collections) == len(names)
    for name, line, bars in zip(names, ax.lines, ax.collections, strict=True):
        own = means[means["treatment"] == name]
        np.testing.assert_array_equal(line.get_xdata(), own["day"])
        np.testing.assert_array_equal(line.get_ydata(), own["estimate"])
        drawn = np.array([segment[:, 1] for segment in bars.get_segments()])
        np.testing.assert_array_equal(drawn, own[["conf_low", "conf_high"]])
        assert to_hex(line.get_color()).upper() == styles[name].color
        assert line.get_marker() == styles[name].marker
    assert [t.get_text() for t in ax.get_legend().get_texts()] == names


def test_order_of_rows_does_not_matter(fake):
    means = fake.means(fake.THREE)
    line = plot_trajectories(means.iloc[::-1]).lines[-1]
    np.testing.assert_array_equal(
        line.get_ydata(), means.loc[means["treatment"] == fake.THREE[0], "estimate"]
    )


def test_neighbours_stand_apart_but_inside_the_axes(names, fake):
    ax = plot_trajectories(fake.means(names), time_scale="sqrt")
    ax.figure.canvas.draw()
    starts = [line.get_transform().transform((0.0, 30.0))[0] for line in ax.lines]
    assert (np.diff(starts) > 0).all()
    assert starts[0] > ax.bbox.x0
    spread_in_days = ax.transData.inverted().transform((starts[-1], 0))[0]
    assert spread_in_days < 2


def test_given_axes_come_back_with_units_direction_and_caveat(texts, fake):
    figure, axes = plt.subplots(1, 2, layout="constrained")
    caveat = "Unadjusted: cohorts were not randomised"
    ax = plot_trajectories(
        fake.means(fake.THREE),
        ax=axes[1],
        ylabel="MADRS total (points)",
        title="Severity",
        caveat=caveat,
    )
    assert ax is axes[1]
    assert ax.get_ylabel() == "MADRS total (points; lower = better)"
    assert ax.get_xlabel() == "Day since first treatment (days)"
    assert ax.get_title(loc="left") == "Severity"
    assert caveat in texts(figure)
    note = next(t for t in ax.get_children() if caveat[:8] in getattr(t, "get_text", str)())
    assert note.get_fontstyle() == "italic"
    assert not note.get_clip_on()


@pytest.mark.parametrize(
    ("better", "label"), [("higher", "Score (higher = better)"), (None, "Score")]
)
def test_direction_can_be_turned(better, label, fake):
    assert plot_trajectories(fake.means(fake.THREE), better=better).get_ylabel() == label


def test_ticks_are_readable_days(fake):
    ticks = plot_trajectories(fake.means(fake.EIGHT), time_scale="sqrt").get_xticks()
    assert list(ticks) == [0, 7, 28, 60, 90, 180, 270, 365, 545, 730]
    linear = plot_trajectories(fake.means(fake.EIGHT)).get_xticks()
    assert list(linear) == [0, 180, 360, 540, 720]


@pytest.mark.parametrize(
    ("last", "ticks"),
    [(28, [0, 7, 14, 21, 28]), (90, [0, 14, 28, 42, 56, 70, 84]), (2, [0, 0.25, 0.5, 0.75, 1])],
)
def test_linear_ticks_are_days_weeks_or_months(last, ticks):
    assert choose_ticks(0, last)[: len(ticks)] == ticks
    assert choose_ticks(0, last, "sqrt")[0] == 0
    with pytest.raises(SpecError, match="time_scale must be one of"):
        choose_ticks(0, last, "cubic")


def test_numbers_observed_stand_under_their_days(texts, fake):
    means = fake.means(["Ketamine"])
    ax = plot_trajectories(means, show_n=True)
    assert "Observed" in texts(ax.figure)
    written = {t.get_position()[0]: t.get_text() for t in ax.texts if t.get_text().isdigit()}
    frame = dict(zip(means["day"], means["n"].astype(str), strict=True))
    assert set(written) == set(ax.get_xticks())
    assert all(frame[day] == n for day, n in written.items())


def test_missing_limits_leave_a_point_without_bar(fake):
    means = fake.means(["ECT"])
    means.loc[1, "conf_low"] = np.nan
    ax = plot_trajectories(means)
    assert len(ax.lines[0].get_ydata()) == len(means)
    assert len(ax.collections[0].get_segments()) == len(means) - 1


def test_errors_name_function_and_column(fake):
    means = fake.means(fake.THREE)
    with pytest.raises(UnknownNameError, match=r"plot_trajectories\(\).*'conf_low'.*'conf_lower'"):
        plot_trajectories(means.rename(columns={"conf_low": "conf_lower"}))
    with pytest.raises(NotEstimableError, match=r"plot_trajectories\(\): `means` has no rows"):
        plot_trajectories(means.iloc[:0])
    with pytest.raises(NotEstimableError, match="'estimate' holds no finite value"):
        plot_trajectories(means.assign(estimate=np.nan))
    with pytest.raises(SpecError, match="numbers in column 'day'"):
        plot_trajectories(means.assign(day="week 1"))
    with pytest.raises(SpecError, match="one row for each treatment and day; 15 repeat"):
        plot_trajectories(means.loc[means.index.repeat(2)].head(30))
    with pytest.raises(SpecError, match="has missing values in column 'treatment'"):
        plot_trajectories(means.assign(treatment=None))
    with pytest.raises(SpecError, match="must be a pandas DataFrame; got list"):
        plot_trajectories([1, 2])
    with pytest.raises(SpecError, match="time_scale must be one of"):
        plot_trajectories(means, time_scale="log")
    with pytest.raises(SpecError, match="better must be one of"):
        plot_trajectories(means, better="down")
    with pytest.raises(UnknownNameError, match=r"treatment in the styles.*'ECT'"):
        plot_trajectories(means, styles=treatment_styles(["Ketamine", "rTMS"]))
    assert not plt.get_fignums(), "a refused frame must not leave a figure behind"
