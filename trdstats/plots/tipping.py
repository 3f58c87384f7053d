"""Estimates corrected for an unmeasured confounder, as contours over its properties."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from trdstats.errors import SpecError
from trdstats.plots.layout.axes_style import LINE_WIDTH, QUIET, dress, get_axes
from trdstats.plots.layout.columns import check_drawable, take_columns
from trdstats.plots.layout.palette import COLORS

_NAME = "plot_tipping_points"


def plot_tipping_points(
    frame: pd.DataFrame,
    *,
    null: float,
    limit: Literal["conf_low", "conf_high"],
    ax: Axes | None = None,
    xlabel: str = "Prevalence among the treated",
    ylabel: str = "Effect of the confounder on the outcome",
    title: str = "",
    caveat: str = "",
) -> Axes:
    """Draw corrected estimates as contours, with the lines where the conclusion changes.

    Parameters
    ----------
    frame : pandas.DataFrame
        A full grid: one row for each prevalence_treated (proportion) and effect, with estimate,
        conf_low and conf_high after correction.
    null : float
        Value of no effect: 1 for ratios, 0 for differences.
    limit : {"conf_low", "conf_high"}
        The confidence limit nearest to no effect.
    ax : matplotlib.axes.Axes, optional
    xlabel, ylabel, title, caveat : str

    Returns
    -------
    matplotlib.axes.Axes
        A solid line where the corrected estimate is no effect, a dashed one where the interval
        begins to include no effect, and the area beyond them shaded.

    Raises
    ------
    UnknownNameError, NotEstimableError
        If a column is missing, or nothing can be drawn.
    SpecError
        If the rows are not a full grid of at least two by two.
    """
    numbers = ("prevalence_treated", "effect", "estimate", "conf_low", "conf_high")
    table = take_columns(frame, _NAME, "frame", numbers=numbers)
    check_drawable(table["estimate"], _NAME)
    grids = [
        table.pivot_table(index="effect", columns="prevalence_treated", values=v, dropna=False)
        for v in ("estimate", limit)
    ]
    estimate, nearer = (g.to_numpy(dtype=float) for g in grids)
    if min(estimate.shape) < 2 or estimate.size != len(table) or np.isnan(estimate).any():
        raise SpecError(
            f"{_NAME}() needs a full grid: every effect with every prevalence, at least two each."
        )
    ax = get_axes(ax, width=6.4, height=4.6)
    x, y = grids[0].columns.to_numpy(dtype=float), grids[0].index.to_numpy(dtype=float)
    levels = _levels(estimate, null)
    if levels:
        lines = ax.contour(
            x, y, estimate, levels=levels, colors="0.6", linewidths=0.9, linestyles="solid"
        )
        ax.clabel(lines, fmt=lambda v: f"{v:g}", fontsize="x-small", colors=QUIET)
    keys = []
    lines_of: tuple[tuple[NDArray[np.float64], str, Literal["-", "--"], str], ...] = (
        (nearer, COLORS[0], "--", "interval includes no effect"),
        (estimate, COLORS[1], "-", "estimate is no effect"),
    )
    for values, color, style, label in lines_of:
        if values.min() <= null <= values.max():
            ax.contour(
                x, y, values, levels=[null], colors=color, linestyles=[style],
                linewidths=LINE_WIDTH + 0.4,
            )  # fmt: skip
            keys.append(Line2D([], [], color=color, linestyle=style, linewidth=2.2, label=label))
    beyond = nearer <= null if limit == "conf_low" else nearer >= null
    if beyond.any() and not beyond.all():
        side = [-np.inf, null] if limit == "conf_low" else [null, np.inf]
        ax.contourf(x, y, nearer, levels=side, colors=[COLORS[0]], alpha=0.08)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    dress(ax, xlabel=xlabel, ylabel=ylabel, title=title, caveat=caveat, keys=keys)
    return ax


def _levels(estimate: NDArray[np.float64], null: float) -> list[float]:
    """Return round levels inside the range of the estimates.

    The line of no effect is drawn apart, and a level that many cells hold exactly, as those that
    are not corrected at all do, is an area and has no line.
    """
    low, high = float(estimate.min()), float(estimate.max())
    ticks = MaxNLocator(nbins=14, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [
        float(v)
        for v in ticks
        if low < v < high and abs(v - null) > 1e-12 and np.isclose(estimate, v).sum() < 5
    ]
