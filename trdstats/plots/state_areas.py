"""Proportion of patients in each state over time, as stacked areas."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, PercentFormatter

from trdstats.errors import unknown_name
from trdstats.plots.layout.axes_style import dress_figure
from trdstats.plots.layout.columns import check_drawable, take_columns, treatments_of
from trdstats.plots.layout.number_rows import choose_columns, draw_rows, rows_height
from trdstats.plots.layout.page_layout import axes_width, wrap
from trdstats.plots.layout.palette import COLORS, Style
from trdstats.plots.layout.time_axis import TimeScale, set_time_axis

_NAME = "plot_state_areas"
_MOST_COLUMNS = 3
# From the bottom up: the height of the lowest area can be read from the axis.
_AREAS = {
    "in response": Style(COLORS[3], "-", "o"),
    "relapsed": Style(COLORS[1], "-", "o"),
    "not responding": Style("#868C94", "-", "o"),
}


def plot_state_areas(
    frame: pd.DataFrame,
    *,
    observed: pd.DataFrame | None = None,
    fig: Figure | None = None,
    steps: bool = True,
    title: str = "",
    caveat: str = "",
    ylabel: str = "Proportion of patients",
    xlabel: str = "Day (0 is the start)",
    time_scale: TimeScale = "linear",
) -> Figure:
    """Draw a grid of panels, one a treatment, with the probabilities of the states stacked.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a treatment, state and time. Columns: ``treatment``; ``state`` ("not responding",
        "in response" or "relapsed"); ``time`` (days); ``estimate`` (probability).
    observed : pandas.DataFrame, optional
        Columns ``treatment``, ``state``, ``time``, ``n_risk``: subjects under observation in the
        state, written under the panels.
    fig : matplotlib.figure.Figure, optional
        An empty figure to fill; a new one otherwise.
    steps : bool
        Whether probabilities are constant from each time to the next, not interpolated.
    title, caveat : str
        Heading, and the small italic line under it.
    ylabel, xlabel : str
        Meaning of the proportions, and origin of the days.
    time_scale : {"linear", "sqrt"}
        ``"sqrt"`` enlarges the first weeks when follow-up lasts for years.

    Returns
    -------
    matplotlib.figure.Figure
        `fig`, with one Axes a treatment, titled with it.

    Raises
    ------
    UnknownNameError
        If a column is missing, or a state is not known.
    SpecError
        If a column does not hold numbers, or a treatment, state and time occur twice.
    NotEstimableError
        If a frame has no rows, or no finite estimate.
    """
    probabilities = _take(frame, "frame", "estimate")
    check_drawable(probabilities["estimate"], _NAME)
    counts = None if observed is None else _take(observed, "observed", "n_risk")
    present = set(probabilities["treatment"])
    names = [name for name in treatments_of(probabilities) if name in present]
    n_columns = min(len(names), _MOST_COLUMNS)
    n_rows = -(-len(names) // n_columns)
    if fig is None:
        below = 0.0 if counts is None else rows_height(2) / 72.0
        size = (max(4.8, 3.1 * n_columns + 1.4), (2.7 + below) * n_rows + 0.7)
        fig = plt.figure(figsize=size, layout="constrained")
    panels = fig.subplots(n_rows, n_columns, sharey=True, squeeze=False)
    for place, name in enumerate(names):
        ax = panels[place // n_columns, place % n_columns]
        panel = probabilities[probabilities["treatment"] == name]
        _draw_areas(ax, panel, steps=steps)
        panel_counts = None if counts is None else counts[counts["treatment"] == name]
        _style_panel(
            ax, panel, panel_counts, name, named=place % n_columns == 0, time_scale=time_scale
        )
    for ax in panels.ravel()[len(names) :]:
        ax.set_visible(False)
    fig.supylabel(ylabel, fontsize="medium")
    fig.supxlabel(xlabel, fontsize="medium")
    keys = [Patch(facecolor=style.color, label=state) for state, style in _AREAS.items()]
    fig.legend(handles=keys[::-1], loc="outside right upper", frameon=False, fontsize="small")
    dress_figure(fig, title=title, caveat=caveat)
    return fig


def _take(frame: pd.DataFrame, argument: str, number: str) -> pd.DataFrame:
    taken = take_columns(
        frame,
        _NAME,
        argument,
        names=("treatment", "state"),
        numbers=("time", number),
        key=("treatment", "state", "time"),
    )
    for state in taken["state"].cat.categories:
        if state not in _AREAS:
            raise unknown_name(f"state in `{argument}`:", state, _AREAS)
    return taken


def _draw_areas(ax: Axes, panel: pd.DataFrame, *, steps: bool) -> None:
    wide = panel.pivot_table(index="time", columns="state", values="estimate", observed=False)
    wide = wide.reindex(columns=list(_AREAS)).fillna(0.0)[wide.notna().any(axis=1)]
    time, levels = wide.index.to_numpy(dtype=float), np.cumsum(wide.to_numpy(), axis=1)
    if steps:  # both corners of every step
        time, levels = np.repeat(time, 2)[1:], np.repeat(levels, 2, axis=0)[:-1]
    ground = np.zeros(len(time))
    for j, style in enumerate(_AREAS.values()):
        ax.fill_between(
            time, ground, levels[:, j], color=style.color, linewidth=0.6, edgecolor="white"
        )
        ground = levels[:, j]


def _style_panel(
    ax: Axes,
    panel: pd.DataFrame,
    counts: pd.DataFrame | None,
    name: str,
    *,
    named: bool,
    time_scale: TimeScale,
) -> None:
    last = float(panel["time"].max())
    rows, columns = None, None
    if counts is not None:
        rows = counts.drop(columns="treatment").rename(
            columns={"state": "treatment", "n_risk": "n"}
        )
        columns = choose_columns(ax, rows, first=0.0, last=last, time_scale=time_scale, right=0.0)
    set_time_axis(ax, first=0.0, last=last, time_scale=time_scale, ticks=columns, margin=0.05)
    ax.set_ylim(0.0, 1.0)
    ax.yaxis.set_major_locator(FixedLocator([0.0, 0.2, 0.4, 0.6, 0.8, 1.0]))
    ax.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    ax.set_title(wrap(name, axes_width(ax)), loc="left", fontsize="small", fontweight="bold")
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    if rows is not None and columns is not None:
        styles: Mapping[str, Style] = _AREAS
        draw_rows(ax, rows, heading="Observed", columns=columns, styles=styles, named=named)
