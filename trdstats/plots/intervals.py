"""Estimates with their intervals, one a row, as in a forest plot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from trdstats.errors import SpecError, check_choice
from trdstats.plots.layout.axes_style import LINE_WIDTH, QUIET, dress, get_axes, key_line
from trdstats.plots.layout.columns import ESTIMATE, check_drawable, take_columns, treatments_of
from trdstats.plots.layout.page_layout import make_room, points, text_width
from trdstats.plots.layout.palette import Style, choose_styles
from trdstats.tables.format import format_interval, format_number

_NAME = "plot_estimates"
_ROW = 0.3  # inches
_ONE = Style("#212326", "-", "o")  # rows without a treatment


def plot_estimates(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    xlabel: str = "Estimate with confidence interval",
    reference_line: float | None = None,
    title: str = "",
    caveat: str = "",
    styles: Mapping[str, Style] | None = None,
    xscale: Literal["linear", "log"] = "linear",
    digits: int | None = 1,
) -> Axes:
    """Draw each estimate as a point on its interval, in the order of the frame from the top.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row an estimate. Columns: ``label``; ``estimate``, ``conf_low``, ``conf_high`` (one
        common unit); optional ``treatment``, which gives the row its colour and marker. A row
        that could not be estimated keeps its place, empty.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise, its height by the number of rows.
    xlabel : str
        Quantity, unit, and direction that favours each treatment.
    reference_line : float, optional
        Value of no difference: 0 for differences, 1 for ratios.
    title, caveat : str
        Heading, and the small italic line under it.
    styles : mapping of str to Style, optional
        From `treatment_styles`; by order of treatments otherwise.
    xscale : {"linear", "log"}
        ``"log"`` for ratios: an interval is then as long above 1 as below.
    digits : int or None
        Decimals of the numbers written beside the rows; None to leave them out.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`; rows are at y = 0, 1, 2, ... downwards.

    Raises
    ------
    UnknownNameError
        If a column is missing, or `styles` lacks a treatment.
    SpecError
        If a column does not hold numbers, or a log axis is requested for numbers that are not
        above 0.
    NotEstimableError
        If the frame has no rows or no finite estimate.
    """
    check_choice("xscale", xscale, ("linear", "log"))
    has_treatment = isinstance(frame, pd.DataFrame) and "treatment" in frame.columns
    rows = take_columns(
        frame,
        _NAME,
        "frame",
        names=("label", "treatment") if has_treatment else ("label",),
        numbers=ESTIMATE,
    )
    check_drawable(rows["estimate"], _NAME)
    if xscale == "log" and (rows[list(ESTIMATE)] <= 0).any(axis=None):
        raise SpecError(f"{_NAME}(): a log axis needs estimates and limits above 0.")
    chosen = choose_styles(treatments_of(rows), styles) if has_treatment else {}
    ax = get_axes(ax, height=_ROW * len(rows) + 1.3)

    values = rows[list(ESTIMATE)].to_numpy(dtype=np.float64)
    treatments = rows["treatment"].astype(str) if has_treatment else [""] * len(rows)
    for y, (name, row) in enumerate(zip(treatments, values, strict=True)):
        _draw_row(ax, y, row, chosen.get(name, _ONE))
    if reference_line is not None:
        ax.axvline(reference_line, color=QUIET, linewidth=1.0, linestyle=(0, (5, 3)), zorder=1)
    if xscale == "log":
        _set_log_axis(ax)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
    ax.set_yticks(range(len(rows)), list(rows["label"]))
    ax.set_ylim(len(rows) - 0.4, -0.6)
    beside = 0.0 if digits is None else _write_values(ax, values, digits)
    # Where every row has its own treatment, the labels name it and a legend would repeat them.
    shown = [name for name in chosen if name in set(treatments)]
    shown = shown if len(shown) < len(rows) else []
    dress(
        ax,
        xlabel=xlabel,
        ylabel="",
        title=title,
        caveat=caveat,
        keys=[key_line(n, replace(chosen[n], linestyle="-"), marker=True) for n in shown],
        beside=beside,
        grid="x",
    )
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    return ax


def _draw_row(ax: Axes, y: int, row: NDArray[np.float64], style: Style) -> None:
    estimate, low, high = row
    if np.isfinite(low) and np.isfinite(high):
        ax.hlines(y, low, high, color=style.color, linewidth=LINE_WIDTH, zorder=2)
    if np.isfinite(estimate):
        # A plain point: seaborn's would set up its mappings for every row.
        ax.scatter(
            [estimate],
            [y],
            color=style.color,
            marker=style.marker,
            s=52,
            edgecolor="white",
            linewidth=0.8,
            zorder=3,
        )


def _set_log_axis(ax: Axes) -> None:
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


def _write_values(ax: Axes, values: NDArray[np.float64], digits: int) -> float:
    """Write estimates and intervals to the right of the axes, as a table would print them.

    Return the width of the column in points.
    """
    widest = ""
    for y, (estimate, low, high) in enumerate(values):
        limits = format_interval(low, high, digits)
        text = f"{format_number(estimate, digits)} ({limits})"
        text = text.replace("-", "−") if np.isfinite(estimate) else "not estimable"
        widest = max(widest, text, key=len)
        ax.annotate(
            text,
            xy=(1, y),
            xycoords=("axes fraction", "data"),
            xytext=(points(), 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
            annotation_clip=False,
        )
    width = points() + text_width(widest)
    make_room(ax, right=width)
    return width
