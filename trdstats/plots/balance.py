"""Covariates before and after weighting, and how scores or weights are spread."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from trdstats.plots.columns import check_drawable, take_columns
from trdstats.plots.dress import LINE_WIDTH, QUIET, dress, get_axes, key_line
from trdstats.plots.palette import Style, choose_styles

_ROW = 0.3  # inches
_BEFORE, _AFTER = "#7A828A", "#0072B2"


def plot_balance(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    threshold: float = 0.1,
    title: str = "",
    caveat: str = "",
) -> Axes:
    """Draw standardised differences before and after weighting (love plot).

    Parameters
    ----------
    frame : pandas.DataFrame
        term, smd_before, smd_after; of several pairs the largest difference of a term is drawn.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise, as tall as the terms need.
    threshold : float
        Difference that is worth a look, a dashed line.
    title, caveat : str
        Heading, and the small italic line under it.

    Returns
    -------
    matplotlib.axes.Axes
        Terms stand at y = 0, 1, 2, ... downwards, the largest difference before weighting first.

    Raises
    ------
    UnknownNameError, SpecError, NotEstimableError
        If a column is missing or of the wrong kind, or there is nothing to draw.
    """
    rows = take_columns(
        frame, "plot_balance", "frame", names=("term",), numbers=("smd_before", "smd_after")
    )
    check_drawable(rows["smd_before"], "plot_balance")
    sizes = rows.set_index("term").abs().groupby(level=0, observed=True).max()
    sizes = sizes.sort_values("smd_before", ascending=False, kind="stable")
    ax = get_axes(ax, height=_ROW * len(sizes) + 1.4)
    y = np.arange(len(sizes))
    for a, b, at in zip(sizes["smd_before"], sizes["smd_after"], y, strict=True):
        ax.plot([a, b], [at, at], color="#D5D9DD", linewidth=LINE_WIDTH, zorder=1)
    ax.plot(sizes["smd_before"], y, "o", color=_BEFORE, markerfacecolor="white", zorder=2)
    ax.plot(sizes["smd_after"], y, "D", color=_AFTER, markersize=5, zorder=3)
    ax.axvline(threshold, color=QUIET, linewidth=1.0, linestyle=(0, (5, 3)), zorder=1)
    ax.set_yticks(y, [str(t) for t in sizes.index])
    ax.set_ylim(len(sizes) - 0.4, -0.6)
    ax.set_xlim(left=0.0)
    keys = [
        Line2D([], [], color=_BEFORE, marker="o", markerfacecolor="white", linestyle="",
               label="before"),
        Line2D([], [], color=_AFTER, marker="D", markersize=5, linestyle="", label="after"),
    ]  # fmt: skip
    dress(ax, xlabel="Absolute standardised mean difference", ylabel="", title=title,
          caveat=caveat, keys=keys, grid="x")  # fmt: skip
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def plot_by_treatment(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    xlabel: str = "Value",
    bins: int = 30,
    styles: Mapping[str, Style] | None = None,
    title: str = "",
    caveat: str = "",
) -> Axes:
    """Draw how a number is spread under each treatment, as shares of its subjects.

    Parameters
    ----------
    frame : pandas.DataFrame
        treatment, value: one row a subject.
    ax : matplotlib.axes.Axes, optional
    xlabel : str
        What the number is.
    bins : int
        Number of steps.
    styles : mapping of str to Style, optional
        From `treatment_styles`; by order of treatments otherwise.
    title, caveat : str
        Heading, and the small italic line under it.

    Returns
    -------
    matplotlib.axes.Axes
        One outline a treatment.

    Raises
    ------
    UnknownNameError, SpecError, NotEstimableError
        If a column is missing or of the wrong kind, or there is nothing to draw.
    """
    rows = take_columns(
        frame, "plot_by_treatment", "frame", names=("treatment",), numbers=("value",)
    )
    check_drawable(rows["value"], "plot_by_treatment")
    names = list(rows["treatment"].cat.categories)
    chosen = choose_styles(names, styles)
    ax = get_axes(ax)
    edges = np.linspace(rows["value"].min(), rows["value"].max(), bins + 1)
    for name in names:
        values = rows.loc[rows["treatment"] == name, "value"].to_numpy()
        share = np.histogram(values, edges)[0] / max(len(values), 1)
        style = chosen[name]
        ax.stairs(100 * share, edges, color=style.color, linestyle=style.linestyle,
                  linewidth=LINE_WIDTH, fill=False)  # fmt: skip
        ax.stairs(100 * share, edges, color=style.color, alpha=0.12, fill=True)
    keys = [key_line(n, chosen[n], marker=False) for n in names]
    dress(ax, xlabel=xlabel, ylabel="Subjects (%)", title=title, caveat=caveat, keys=keys)
    ax.set_ylim(bottom=0)
    return ax
