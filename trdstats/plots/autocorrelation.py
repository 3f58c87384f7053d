"""Autocorrelations of residuals by distance."""

from __future__ import annotations

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from trdstats.plots.layout.axes_style import QUIET, dress, get_axes
from trdstats.plots.layout.columns import check_drawable, take_columns
from trdstats.plots.layout.palette import COLORS

_BAND = "#D9D9D9"


def plot_autocorrelation(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    xlabel: str = "Distance",
    ylabel: str = "Autocorrelation of residuals",
    title: str = "",
    caveat: str = "",
) -> Axes:
    """Draw autocorrelations with the band within which they lie without correlation.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a distance: lag, autocorrelation, conf_low and conf_high (of no correlation).
    ax : matplotlib Axes, optional
    xlabel, ylabel, title, caveat : str

    Returns
    -------
    matplotlib Axes
    """
    name = "plot_autocorrelation"
    numbers = ("lag", "autocorrelation", "conf_low", "conf_high")
    rows = take_columns(frame, name, "frame", numbers=numbers)
    check_drawable(rows["autocorrelation"], name)
    ax = get_axes(ax)
    x = rows["lag"].to_numpy()
    near = 0.5 if len(x) < 2 else float(min(x[1:] - x[:-1])) / 2
    for at, low, high in zip(x, rows["conf_low"], rows["conf_high"], strict=True):
        ax.fill_between([at - near, at + near], low, high, color=_BAND, linewidth=0)
    ax.axhline(0.0, color=QUIET, linewidth=1.0)
    ax.vlines(x, 0.0, rows["autocorrelation"], color=COLORS[0], linewidth=2.0)
    ax.plot(x, rows["autocorrelation"], "o", color=COLORS[0], markersize=6)
    ax.set_xticks(x)
    keys: list[Artist] = [
        Line2D([], [], color=COLORS[0], marker="o", label="observed"),
        Patch(color=_BAND, label="expected without correlation"),
    ]
    dress(ax, xlabel=xlabel, ylabel=ylabel, title=title, caveat=caveat, keys=keys)
    return ax
