"""Curves of interval-censored times: steps where they are known, boxes where they are not."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, PercentFormatter

from trdstats.errors import SpecError, check_choice
from trdstats.plots.layout.axes_style import LINE_WIDTH, dress, get_axes, key_line
from trdstats.plots.layout.columns import check_drawable, take_columns, treatments_of
from trdstats.plots.layout.palette import Style, choose_styles
from trdstats.plots.layout.time_axis import TimeScale, set_time_axis

_NAME = "plot_interval_curves"


def plot_interval_curves(
    curve: pd.DataFrame,
    *,
    ax: Axes | None = None,
    ylabel: str = "Cumulative incidence",
    xlabel: str = "Time (days)",
    styles: Mapping[str, Style] | None = None,
    title: str = "",
    caveat: str = "",
    time_scale: TimeScale = "linear",
) -> Axes:
    """Draw one cumulative incidence a treatment, known only outside its intervals.

    Between intervals a curve is a horizontal line. Inside an interval any rise from the lower left
    to the upper right corner of the box fits the data equally well.

    Parameters
    ----------
    curve : pandas.DataFrame
        One row a treatment and interval. Columns: ``treatment``; ``lower``, ``upper`` (days, from
        0; equal for an exact time, ``upper`` infinite where the event was not observed);
        ``estimate`` (proportion that had the event by ``upper``).
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.
    ylabel, xlabel : str
        Meaning of the proportion, and origin of the time.
    styles : mapping of str to Style, optional
        From `treatment_styles`; by order of treatments otherwise.
    title, caveat : str
        Heading, and the small italic line under it.
    time_scale : {"linear", "sqrt"}
        ``"sqrt"`` enlarges the first weeks when follow-up lasts for years.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`; the y-axis runs from 0 to 100 %.

    Raises
    ------
    UnknownNameError
        If a column is missing or `styles` lacks a treatment.
    SpecError
        If a column does not hold numbers, an interval is reversed or begins before day 0, or
        `time_scale` is not one of the choices.
    NotEstimableError
        If the frame has no rows or no finite estimate.
    """
    check_choice("time_scale", time_scale, ("linear", "sqrt"))
    frame = take_columns(
        curve,
        _NAME,
        "curve",
        names=("treatment",),
        numbers=("lower", "upper", "estimate"),
        key=("treatment", "lower", "upper"),
    )
    check_drawable(frame["estimate"], _NAME)
    if not ((frame["lower"] >= 0) & (frame["upper"] >= frame["lower"])).all():
        raise SpecError(f"{_NAME}(): intervals must begin on day 0 or later and end after that.")
    chosen = choose_styles(treatments_of(frame), styles)
    present = set(frame["treatment"])
    names = [name for name in chosen if name in present]
    ax = get_axes(ax)
    ends = frame[["lower", "upper"]].to_numpy().ravel()
    last = float(ends[np.isfinite(ends)].max())
    for name in names:
        _draw(ax, frame[frame["treatment"] == name].sort_values("upper"), chosen[name], last)
    set_time_axis(ax, first=0.0, last=last, time_scale=time_scale)
    ax.set_ylim(0.0, 1.02)
    ax.yaxis.set_major_locator(FixedLocator([0.0, 0.2, 0.4, 0.6, 0.8, 1.0]))
    ax.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    keys = [key_line(name, chosen[name], marker=False) for name in names]
    dress(ax, xlabel=xlabel, ylabel=ylabel, title=title, caveat=caveat, keys=keys)
    return ax


def _draw(ax: Axes, rows: pd.DataFrame, style: Style, last: float) -> None:
    """Draw a curve from day 0 to the last day on which it is known."""
    lower, upper, level = (rows[c].to_numpy() for c in ("lower", "upper", "estimate"))
    before = np.concatenate(([0.0], level[:-1]))
    starts = np.concatenate(([0.0], upper))
    stops = np.append(lower, last)
    levels = np.concatenate(([0.0], level))
    # A gap in the line (NaN) leaves unknown parts undrawn; an exact time is a step.
    x: list[float] = []
    y: list[float] = []
    for start, stop, height in zip(starts, stops, levels, strict=True):
        if np.isfinite(start):
            exact = bool(x) and x[-1] == start
            x += [start, stop] if exact or not x else [np.nan, start, stop]
            y += [height, height] if exact or len(y) == 0 else [np.nan, height, height]
    ax.plot(x, y, color=style.color, linestyle=style.linestyle, linewidth=LINE_WIDTH, zorder=3)
    for a, b, low, high in zip(lower, upper, before, level, strict=True):
        if np.isfinite(b) and b > a:
            box = Rectangle((a, low), b - a, high - low, facecolor=style.color, alpha=0.22,
                            edgecolor=style.color, linewidth=0.6, zorder=2)  # fmt: skip
            ax.add_patch(box)
