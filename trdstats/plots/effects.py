"""An effect over time: one point an event time, and a smooth line."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from statsmodels.nonparametric.smoothers_lowess import lowess

from trdstats.plots.layout.axes_style import LINE_WIDTH, QUIET, dress, get_axes
from trdstats.plots.layout.columns import check_drawable, take_columns
from trdstats.plots.layout.time_axis import TimeScale, set_time_axis

_NAME = "plot_effect_over_time"
_INK = "#0072B2"


def plot_effect_over_time(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    xlabel: str = "Time (days)",
    ylabel: str = "Log hazard ratio",
    reference: float | None = None,
    title: str = "",
    caveat: str = "",
    time_scale: TimeScale = "linear",
) -> Axes:
    """Draw effects over time with a locally weighted line.

    Parameters
    ----------
    frame : pandas.DataFrame
        time (days) and effect, one row an event time.
    ax : matplotlib Axes, optional
    xlabel, ylabel : str
    reference : float, optional
        Effect that does not change with time, drawn as a horizontal line.
    title, caveat : str
    time_scale : {"linear", "sqrt"}

    Returns
    -------
    matplotlib Axes
    """
    table = take_columns(frame, _NAME, "frame", numbers=("time", "effect"))
    check_drawable(table["effect"], _NAME)
    ax = get_axes(ax)
    time, effect = table["time"].to_numpy(), table["effect"].to_numpy()
    ax.scatter(time, effect, s=18, color=QUIET, alpha=0.6, linewidths=0)
    if len(np.unique(time)) > 3:
        smooth = lowess(effect, time, frac=0.7)
        ax.plot(smooth[:, 0], smooth[:, 1], color=_INK, linewidth=LINE_WIDTH)
    if reference is not None:
        ax.axhline(reference, color=QUIET, linestyle="--", linewidth=1.0)
    set_time_axis(ax, first=float(time.min()), last=float(time.max()), time_scale=time_scale)
    dress(ax, xlabel=xlabel, ylabel=ylabel, title=title, caveat=caveat)
    return ax
