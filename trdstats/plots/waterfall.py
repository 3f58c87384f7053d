"""One bar a subject: percentage change from baseline, from worst to best.

The convention is one for all figures: negative is improvement, bars run from the worst change on
the left to the best on the right, and the line marks the change that counts as response.
"""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trdstats.errors import SpecError
from trdstats.plots.bars import describe_n, draw_bars, draw_threshold, set_change_axis
from trdstats.plots.layout.axes_style import dress, dress_figure, get_axes
from trdstats.plots.layout.columns import check_drawable, take_columns, treatments_of
from trdstats.plots.layout.page_layout import axes_width, wrap
from trdstats.plots.layout.palette import Style, choose_styles

_MOST_COLUMNS = 4
_XLABEL = "Subjects, worst to best"
_YLABEL = "Change from baseline (negative = improvement)"


def plot_waterfall(
    changes: pd.DataFrame,
    *,
    ax: Axes | None = None,
    threshold: float = -50.0,
    styles: Mapping[str, Style] | None = None,
    title: str = "",
    caveat: str = "",
    ylabel: str = _YLABEL,
) -> Axes:
    """Draw the percentage change of every subject as a bar; treatments are side by side.

    Bars run from worst (left) to best (right) within their treatment, and negative is
    improvement. A bar beyond +100 % is truncated at the edge of the axes, not in the data, and
    marked with a triangle. Whether a subject responded is not decided here: the line shows the
    threshold, and bars are coloured by treatment only.

    Parameters
    ----------
    changes : pandas.DataFrame
        One row a subject. Columns: ``subject``; ``treatment``; ``percent_change`` (per cent of
        baseline, -100 to infinity, negative = improvement). Subjects without a value have no
        bar and are counted in the label of their treatment.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.
    threshold : float
        Change that counts as response (per cent), above -100 and below 0.
    styles : mapping of str to Style, optional
        From `treatment_styles`; by order of treatments otherwise.
    title, caveat : str
        Heading, and the small italic line under it.
    ylabel : str
        Label of the axis; its ticks carry the per cent sign.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, with one container of bars a treatment.

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
    frame, chosen = _check(changes, "plot_waterfall", threshold, styles)
    ax = get_axes(ax)
    left, centres, labels = 0.0, [], []
    for name, style in chosen.items():
        bars = frame[frame["treatment"] == name]
        width = draw_bars(ax, bars, style, left, n_shown=len(frame))
        centres.append(left + (width - 1) / 2)
        labels.append(f"{name}\n{describe_n(bars)}")
        left += width + max(2.0, 0.03 * len(frame))
    set_change_axis(ax, float(frame["percent_change"].max()))
    draw_threshold(ax, threshold)
    dress(ax, xlabel=_XLABEL, ylabel=ylabel, title=title, caveat=caveat)
    ax.set_xticks(centres, labels, fontsize="small")
    ax.tick_params(axis="x", length=0)
    return ax


def plot_waterfalls(
    changes: pd.DataFrame,
    *,
    fig: Figure | None = None,
    threshold: float = -50.0,
    styles: Mapping[str, Style] | None = None,
    title: str = "",
    caveat: str = "",
    ylabel: str = _YLABEL,
) -> Figure:
    """Draw a grid of waterfalls, one small panel a treatment, on one y-axis.

    Parameters
    ----------
    changes, threshold, styles, title, caveat, ylabel
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
    frame, chosen = _check(changes, "plot_waterfalls", threshold, styles)
    n_rows = 1 if len(chosen) <= 3 else -(-len(chosen) // _MOST_COLUMNS)
    n_columns = -(-len(chosen) // n_rows)
    if fig is None:
        size = (max(3.6, 2.1 * n_columns + 0.6), 2.4 * n_rows + 1.0)
        fig = plt.figure(figsize=size, layout="constrained")
    panels = fig.subplots(n_rows, n_columns, sharey=True, squeeze=False).ravel()
    for place, (name, style) in enumerate(chosen.items()):
        ax = panels[place]
        bars = frame[frame["treatment"] == name]
        draw_bars(ax, bars, style, 0.0, n_shown=len(bars))
        set_change_axis(ax, float(frame["percent_change"].max()))
        # Named once: a name beside the last panel of a short row would shift its column.
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


def _check(
    changes: pd.DataFrame, function: str, threshold: float, styles: Mapping[str, Style] | None
) -> tuple[pd.DataFrame, dict[str, Style]]:
    if not -100 < threshold < 0:
        raise SpecError(
            f"{function}(): threshold must lie between -100 and 0 per cent; got {threshold!r}."
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
    return frame, {name: style for name, style in chosen.items() if name in present}
