"""Tipping points: along one delta, over two, or by numbers of responders."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError
from trdstats.plots.layout.axes_style import LINE_WIDTH, QUIET, dress, get_axes
from trdstats.plots.layout.columns import ESTIMATE, check_drawable, take_columns
from trdstats.plots.layout.palette import COLORS

_BELOW, _ABOVE = "#BFD7EA", "#F6D5BA"  # pale blue, pale orange: also differ as greys


def plot_delta_line(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    level: float = 0.05,
    tips: Sequence[float] = (),
    xlabel: str = "Delta",
    quantity: str = "Estimate",
    title: str = "",
    caveat: str = "",
) -> Axes:
    """Draw an estimate with its interval along a delta.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a delta: delta, estimate, conf_low, conf_high.
    ax : matplotlib Axes, optional
    level : float
        Level of p at which the conclusion changes, for the legend.
    tips : sequence of float
        Deltas at which it changes, drawn as vertical lines.
    xlabel, quantity, title, caveat : str

    Returns
    -------
    matplotlib Axes
    """
    name = "plot_delta_line"
    rows = take_columns(frame, name, "frame", numbers=("delta", *ESTIMATE))
    check_drawable(rows["estimate"], name)
    ax = get_axes(ax)
    x = rows["delta"].to_numpy()
    ax.fill_between(x, rows["conf_low"], rows["conf_high"], color=_BELOW, alpha=0.7, linewidth=0)
    ax.plot(x, rows["estimate"], color=COLORS[0], linewidth=LINE_WIDTH)
    ax.axhline(0.0, color=QUIET, linewidth=1.0, linestyle=(0, (5, 3)))
    for tip in tips:
        ax.axvline(tip, color=COLORS[1], linewidth=1.4)
    keys: list[Artist] = [
        Line2D([], [], color=COLORS[0], linewidth=LINE_WIDTH, label="estimate, interval")
    ]
    if len(tips):
        shown = ", ".join(f"{tip:.2f}" for tip in tips)
        keys.append(Line2D([], [], color=COLORS[1], label=f"p = {level:g} at {shown}"))
    dress(ax, xlabel=xlabel, ylabel=_first_up(quantity), title=title, caveat=caveat, keys=keys)
    return ax


def plot_delta_areas(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    level: float = 0.05,
    xlabel: str = "Delta",
    ylabel: str = "Delta of the other arm",
    quantity: str = "Estimate",
    title: str = "",
    caveat: str = "",
) -> Axes:
    """Draw the areas of two deltas in which p lies below and above a level.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a combination, a full grid: delta, delta_other, estimate, p_value.
    ax : matplotlib Axes, optional
    level : float
    xlabel, ylabel, quantity, title, caveat : str

    Returns
    -------
    matplotlib Axes
        Lines join equal estimates.
    """
    name = "plot_delta_areas"
    x, y, (estimate, p) = _surface(frame, name, ("estimate", "p_value"))
    ax = get_axes(ax, width=7.2, height=5.4)
    ax.contourf(x, y, p, levels=[-0.001, level, 1.001], colors=[_BELOW, _ABOVE])
    if np.nanmin(p) < level < np.nanmax(p):
        ax.contour(x, y, p, levels=[level], colors=[COLORS[4]], linewidths=1.8)
    if np.ptp(estimate) > 0:
        ticks = MaxNLocator(8, steps=[1, 2, 5, 10])
        lines = ax.contour(
            x, y, estimate, levels=ticks.tick_values(estimate.min(), estimate.max()),
            colors=QUIET, linewidths=0.8, linestyles="dashed",
        )  # fmt: skip
        ax.clabel(lines, fmt="%g", fontsize="small")
    at_zero = Line2D([], [], color=COLORS[4], marker="P", linestyle="", label="no delta")
    keys = [*_areas(level), Line2D([], [], color=QUIET, linestyle="dashed", label=quantity)]
    if x[0] <= 0 <= x[-1] and y[0] <= 0 <= y[-1]:
        ax.plot([0], [0], marker="P", color=COLORS[4], markersize=8, clip_on=False, zorder=5)
        keys.append(at_zero)
    dress(ax, xlabel=xlabel, ylabel=ylabel, title=title, caveat=caveat, keys=keys)
    ax.grid(visible=False)
    return ax


def plot_responder_tiles(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    level: float = 0.05,
    xlabel: str = "Responders among subjects not assessed",
    ylabel: str = "Responders among subjects not assessed, reference",
    title: str = "",
    caveat: str = "",
) -> Axes:
    """Draw one tile a combination of counts, coloured by whether p lies below a level.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a combination, a full grid: delta and delta_other (counts), p_value.
    ax : matplotlib Axes, optional
    level : float
    xlabel, ylabel, title, caveat : str

    Returns
    -------
    matplotlib Axes
    """
    x, y, (p,) = _surface(frame, "plot_responder_tiles", ("p_value",))
    ax = get_axes(ax, width=7.2, height=5.0)
    edges = [np.append(v, v[-1] + 1) - 0.5 for v in (x, y)]
    ax.pcolormesh(
        *edges, (p >= level).astype(float), cmap=ListedColormap([_BELOW, _ABOVE]), vmin=0, vmax=1,
        edgecolors="white", linewidth=0.8,
    )  # fmt: skip
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    dress(ax, xlabel=xlabel, ylabel=ylabel, title=title, caveat=caveat, keys=_areas(level))
    ax.grid(visible=False)
    return ax


def _areas(level: float) -> list[Artist]:
    return [
        Patch(color=_BELOW, label=f"p below {level:g}"),
        Patch(color=_ABOVE, label=f"p {level:g} or above"),
    ]


def _surface(
    frame: pd.DataFrame, name: str, values: tuple[str, ...]
) -> tuple[FloatArray, FloatArray, list[FloatArray]]:
    """Return the two axes of a full grid and the values on it."""
    rows = take_columns(frame, name, "frame", numbers=("delta", "delta_other", *values))
    check_drawable(rows[values[0]], name)
    x, column = np.unique(rows["delta"].to_numpy(), return_inverse=True)
    y, row = np.unique(rows["delta_other"].to_numpy(), return_inverse=True)
    if len(rows) != len(x) * len(y) or len({*zip(row, column, strict=True)}) != len(rows):
        raise NotEstimableError(f"{name}(): the combinations of the frame are not a full grid.")
    tables = []
    for value in values:
        table = np.empty((len(y), len(x)))
        table[row, column] = rows[value].to_numpy()
        tables.append(table)
    return x, y, tables


def _first_up(text: str) -> str:
    return text[:1].upper() + text[1:]
