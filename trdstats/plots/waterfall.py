"""One bar a subject: percentage change from baseline, from worst to best.

The convention is one for all figures: bars run from the worst change on the left to the best on the
right, and the line marks the change that counts as response. Negative is improvement, and positive
on a scale on which high is good; the axis says which.
"""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trdstats.errors import SpecError, check_choice
from trdstats.plots.bars import describe_n, draw_bars, draw_threshold, set_change_axis
from trdstats.plots.layout.axes_style import dress, dress_figure, get_axes
from trdstats.plots.layout.columns import check_drawable, take_columns, treatments_of
from trdstats.plots.layout.direction import Better
from trdstats.plots.layout.page_layout import axes_width, wrap
from trdstats.plots.layout.palette import Style, choose_styles

_MOST_COLUMNS = 4
_XLABEL = "Subjects, worst to best"
_SIDE = {"lower": "negative", "higher": "positive"}


def plot_waterfall(
    changes: pd.DataFrame,
    *,
    ax: Axes | None = None,
    threshold: float | None = None,
    styles: Mapping[str, Style] | None = None,
    title: str = "",
    caveat: str = "",
    ylabel: str = "Change from baseline",
    better: Better = "lower",
) -> Axes:
    """Draw the percentage change of every subject as a bar; treatments are side by side.

    Bars run from worst (left) to best (right) within their treatment. A bar beyond 100 % is
    truncated at the edge of the axes, not in the data, and marked with a triangle. Whether a
    subject responded is not decided here: the line shows the threshold, and bars are coloured by
    treatment only.

    Parameters
    ----------
    changes : pandas.DataFrame
        One row a subject. Columns: ``subject``; ``treatment``; ``percent_change`` (per cent of
        baseline, or of the distance to the best total; see `better`). Subjects without a value
        have no bar and are counted in the label of their treatment.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.
    threshold : float, optional
        Change that counts as response (per cent), between 0 and 100 on the side of improvement.
        Default: half, -50 or 50.
    styles : mapping of str to Style, optional
        From `treatment_styles`; by order of treatments otherwise.
    title, caveat : str
        Heading, and the small italic line under it.
    ylabel : str
        Label of the axis, to which the side of improvement is added; its ticks carry the per cent
        sign.
    better : {"lower", "higher"}
        Which changes are improvement: negative ones where low is good, positive where high is.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, with one collection of bars a treatment.

    Raises
    ------
    UnknownNameError
        If a column is missing, or `styles` lacks a treatment.
    SpecError
        If ``percent_change`` does not hold numbers, a subject occurs twice within a treatment,
        or `threshold` is out of range.
    NotEstimableError
        If the frame has no rows or no finite change.

    See Also
    --------
    plot_waterfalls : one small panel a treatment, for more than three treatments.
    """
    frame, chosen, threshold = _check(changes, "plot_waterfall", threshold, styles, better)
    ax = get_axes(ax)
    left, centres, labels = 0.0, [], []
    for name, style in chosen.items():
        bars = frame[frame["treatment"] == name]
        width = draw_bars(ax, bars, style, left, n_shown=len(frame), better=better)
        centres.append(left + (width - 1) / 2)
        labels.append(f"{name}\n{describe_n(bars)}")
        left += width + max(2.0, 0.03 * len(frame))
    set_change_axis(ax, _worst(frame, better), better)
    draw_threshold(ax, threshold)
    label = _improving(ylabel, better)
    dress(ax, xlabel=_XLABEL, ylabel=label, title=title, caveat=caveat)
    ax.set_xticks(centres, labels, fontsize="small")
    ax.tick_params(axis="x", length=0)
    return ax


def plot_waterfalls(
    changes: pd.DataFrame,
    *,
    fig: Figure | None = None,
    threshold: float | None = None,
    styles: Mapping[str, Style] | None = None,
    title: str = "",
    caveat: str = "",
    ylabel: str = "Change from baseline",
    better: Better = "lower",
) -> Figure:
    """Draw a grid of waterfalls, one small panel a treatment, on one y-axis.

    Parameters
    ----------
    changes, threshold, styles, title, caveat, ylabel, better
        As for `plot_waterfall`.
    fig : matplotlib.figure.Figure, optional
        An empty figure to fill; a new one otherwise.

    Returns
    -------
    matplotlib.figure.Figure
        `fig`; each panel is titled with its treatment and number of subjects.

    Raises
    ------
    UnknownNameError, SpecError, NotEstimableError
        As for `plot_waterfall`.
    """
    frame, chosen, threshold = _check(changes, "plot_waterfalls", threshold, styles, better)
    ylabel = _improving(ylabel, better)
    n_rows = 1 if len(chosen) <= 3 else -(-len(chosen) // _MOST_COLUMNS)
    n_columns = -(-len(chosen) // n_rows)
    if fig is None:
        size = (max(3.6, 2.1 * n_columns + 0.6), 2.4 * n_rows + 1.0)
        fig = plt.figure(figsize=size, layout="constrained")
    panels = fig.subplots(n_rows, n_columns, sharey=True, squeeze=False).ravel()
    for place, (name, style) in enumerate(chosen.items()):
        ax = panels[place]
        bars = frame[frame["treatment"] == name]
        draw_bars(ax, bars, style, 0.0, n_shown=len(bars), better=better)
        set_change_axis(ax, _worst(frame, better), better)
        # Named once: a name beside the last panel of a short row would push its column aside.
        draw_threshold(ax, threshold, named=place == n_columns - 1)
        dress(ax, xlabel="", ylabel="")
        heading = f"{wrap(name, axes_width(ax))}\n{describe_n(bars)}"
        ax.set_title(heading, loc="left", fontsize="small", color=style.color)
        ax.set_xticks([])
    for ax in panels[len(chosen) :]:
        ax.set_visible(False)
    fig.supylabel(wrap(ylabel, 0.65 * 72.0 * fig.get_figheight(), "medium"), fontsize="medium")
    fig.supxlabel(_XLABEL, fontsize="medium")
    dress_figure(fig, title=title, caveat=caveat)
    return fig


def _improving(ylabel: str, better: Better) -> str:
    return f"{ylabel} ({_SIDE[better]} = improvement)"


def _worst(frame: pd.DataFrame, better: Better) -> float:
    change = frame["percent_change"]
    return float(change.min() if better == "higher" else change.max())


def _check(
    changes: pd.DataFrame,
    function: str,
    threshold: float | None,
    styles: Mapping[str, Style] | None,
    better: Better,
) -> tuple[pd.DataFrame, dict[str, Style], float]:
    check_choice("better", better, ("lower", "higher"))
    way = 1.0 if better == "higher" else -1.0
    threshold = 50.0 * way if threshold is None else threshold
    if not 0 < way * threshold < 100:
        span = "0 and 100" if better == "higher" else "-100 and 0"
        raise SpecError(
            f"{function}(): threshold must lie between {span} per cent; got {threshold!r}."
        )
    frame = take_columns(
        changes,
        function,
        "changes",
        names=("treatment", "subject"),
        numbers=("percent_change",),
        key=("treatment", "subject"),
    )
    check_drawable(frame["percent_change"], function)
    chosen = choose_styles(treatments_of(frame), styles)
    present = set(frame["treatment"])
    return frame, {name: style for name, style in chosen.items() if name in present}, threshold
