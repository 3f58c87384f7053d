import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex

from trdstats.errors import NotEstimableError, SpecError, UnknownNameError
from trdstats.plots import plot_waterfall, plot_waterfalls, treatment_styles


def heights_of(bars: PolyCollection) -> np.ndarray:
    """Return the signed height of every bar: that of its corner beyond 0."""
    return np.array([path.vertices[1, 1] for path in bars.get_paths()])


def bars_of(ax: Axes) -> list[PolyCollection]:
    return [c for c in ax.collections if isinstance(c, PolyCollection)]


def test_bars_are_the_changes_from_worst_to_best(names, fake):
    changes = fake.changes(names)
    ax = plot_waterfall(changes)
    for name, bars in zip(names, bars_of(ax), strict=True):
        own = changes.loc[changes["treatment"] == name, "percent_change"].dropna()
        np.testing.assert_array_equal(heights_of(bars), sorted(own, reverse=True))
        assert {to_hex(color).upper() for color in bars.get_facecolor()} == {
            treatment_styles(names)[name].color
        }
        for path in bars.get_paths():
            assert path.vertices[0, 1] == path.vertices[3, 1] == 0  # bars stand on 0
    lefts = [path.vertices[0, 0] for bars in bars_of(ax) for path in bars.get_paths()]
    assert (np.diff(lefts) > 0).all()
    assert ax.get_xlim()[0] < min(lefts)
    assert ax.get_xlim()[1] > max(lefts) + 0.8


def test_a_bar_beyond_the_axis_is_kept_and_marked(texts, fake):
    ax = plot_waterfall(fake.changes(fake.THREE))
    assert heights_of(bars_of(ax)[0]).max() == 160
    assert ax.get_ylim()[1] == 100
    assert "▲ beyond +100%" in texts(ax.figure)
    marks = [c for c in ax.collections if not isinstance(c, PolyCollection)]
    np.testing.assert_array_equal(marks[0].get_offsets(), [[0, 100]])
    calm = plot_waterfall(fake.changes(fake.THREE).query("percent_change < 100"))
    assert "▲ beyond +100%" not in texts(calm.figure)


def test_threshold_is_drawn_and_named(texts, fake):
    ax = plot_waterfall(fake.changes(fake.THREE), threshold=-30)
    assert [-30, -30] in [list(line.get_ydata()) for line in ax.lines]
    assert "Response (−30%)" in texts(ax.figure)
    assert ax.get_ylabel() == "Change from baseline (negative = improvement)"


def test_subjects_without_value_are_counted(fake):
    ax = plot_waterfall(fake.changes(fake.THREE))
    labels = [t.get_text() for t in ax.get_xticklabels()]
    assert labels == ["Ketamine\nn = 11 (1 missing)", "ECT\nn = 12", "rTMS\nn = 12"]


def test_grid_has_one_titled_panel_a_treatment_on_one_scale(names, texts, fake):
    changes = fake.changes(names)
    caveat = "Unadjusted: cohorts were not randomised"
    figure = plot_waterfalls(changes, title="Change", caveat=caveat)
    figure.canvas.draw()
    panels = [ax for ax in figure.axes if ax.get_visible()]
    assert len(panels) == len(names)
    assert len({ax.get_ylim() for ax in panels}) == 1
    for name, ax in zip(names, panels, strict=True):
        n = changes.loc[changes["treatment"] == name, "percent_change"].notna().sum()
        assert ax.get_title(loc="left").startswith(f"{name}\nn = {n}")
        assert len(bars_of(ax)[0].get_paths()) == n
    assert {caveat, "Change", "−50%", "+100%"} <= set(texts(figure))


def test_grid_fills_the_figure_it_is_given(fake):
    figure = plt.figure()
    assert plot_waterfalls(fake.changes(fake.EIGHT[:5]), fig=figure) is figure
    assert sum(ax.get_visible() for ax in figure.axes) == 5


def test_given_axes_come_back(fake):
    ax = plt.subplots()[1]
    assert plot_waterfall(fake.changes(fake.THREE), ax=ax) is ax


@pytest.mark.parametrize("draw", [plot_waterfall, plot_waterfalls])
def test_errors(draw, fake):
    changes = fake.changes(fake.THREE)
    name = draw.__name__
    with pytest.raises(UnknownNameError, match=rf"{name}\(\).*'percent_change'"):
        draw(changes.rename(columns={"percent_change": "pct"}))
    with pytest.raises(NotEstimableError, match=rf"{name}\(\): `changes` has no rows"):
        draw(changes.iloc[:0])
    with pytest.raises(NotEstimableError, match="no finite value"):
        draw(changes.assign(percent_change=np.nan))
    with pytest.raises(SpecError, match="one row for each treatment and subject"):
        draw(changes.assign(subject="P001"))
    with pytest.raises(SpecError, match="between -100 and 0 per cent; got 50"):
        draw(changes, threshold=50)
    assert not plt.get_fignums()
