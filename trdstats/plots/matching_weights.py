"""Weights of subjects, as a histogram."""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from trdstats.plots.layout.axes_style import QUIET, dress, get_axes
from trdstats.plots.layout.columns import check_drawable, take_columns
from trdstats.plots.layout.palette import COLORS

_NAME = "plot_matching_weights"


def plot_matching_weights(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    xlabel: str = "Weight",
    ylabel: str = "Patients",
    reference_line: float | None = 1.0,
    title: str = "",
    caveat: str = "",
) -> Axes:
    """Draw the distribution of weights.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a subject, with a column ``weight``.
    ax : matplotlib.axes.Axes, optional
    xlabel, ylabel, title, caveat : str
    reference_line : float or None
        Weight of a subject that represents itself only.

    Returns
    -------
    matplotlib.axes.Axes
    """
    table = take_columns(frame, _NAME, "frame", numbers=("weight",))
    check_drawable(table["weight"], _NAME)
    ax = get_axes(ax, height=3.6)
    sns.histplot(
        x=table["weight"].to_numpy(), ax=ax, color=COLORS[0], edgecolor="white", alpha=0.85,
        bins=min(40, max(10, len(table) // 6)),
    )  # fmt: skip
    if reference_line is not None:
        ax.axvline(reference_line, color=QUIET, linewidth=1.0, linestyle=(0, (5, 3)))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    dress(ax, xlabel=xlabel, ylabel=ylabel, title=title, caveat=caveat)
    return ax
