"""Observed against predicted proportions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from trdstats.plots.layout.axes_style import QUIET, dress, get_axes, key_line
from trdstats.plots.layout.columns import check_drawable, take_columns, treatments_of
from trdstats.plots.layout.palette import Style, choose_styles

_NAME = "plot_calibration"


def plot_calibration(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    xlabel: str = "Predicted proportion",
    ylabel: str = "Observed proportion",
    styles: Mapping[str, Style] | None = None,
    title: str = "",
    caveat: str = "",
) -> Axes:
    """Draw observed against predicted proportions, one point a treatment and visit.

    On the broken line both are the same; the limits of nearly all points should reach it.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns: ``treatment``; ``predicted``, ``observed``, ``conf_low``, ``conf_high``
        (proportions); optional ``visit``, written beside the point. Rows without a proportion are
        left out.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.
    xlabel, ylabel : str
    styles : mapping of str to Style, optional
        From `treatment_styles`; by order of treatments otherwise.
    title, caveat : str
        Heading, and the small italic line under it.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`; both axes run from 0 to 100 %.

    Raises
    ------
    UnknownNameError
        If a column is missing, or `styles` lacks a treatment.
    SpecError
        If a column does not hold numbers.
    NotEstimableError
        If the frame has no rows or no finite proportion.
    """
    numbers = ("predicted", "observed", "conf_low", "conf_high")
    table = take_columns(frame, _NAME, "frame", names=("treatment",), numbers=numbers)
    check_drawable(table["observed"], _NAME)
    visits = frame["visit"] if "visit" in frame.columns else pd.Series("", index=frame.index)
    table = table.assign(visit=[_text(v) for v in visits])
    chosen = choose_styles(treatments_of(table), styles)
    ax = get_axes(ax, width=5.2, height=5.2)
    ax.plot([0, 1], [0, 1], color=QUIET, linestyle="--", linewidth=1.0, zorder=1)
    drawn = table[np.isfinite(table["observed"]) & np.isfinite(table["predicted"])]
    keys = []
    for name, style in chosen.items():
        in_arm = drawn[drawn["treatment"] == name]
        if in_arm.empty:
            continue
        x, y = in_arm["predicted"].to_numpy(), in_arm["observed"].to_numpy()
        ends = np.abs(in_arm[["conf_low", "conf_high"]].to_numpy() - y[:, None]).T
        ax.errorbar(
            x, y, yerr=ends, fmt=style.marker, color=style.color, markeredgecolor="white",
            markersize=7, elinewidth=1.0, label=name,
        )  # fmt: skip
        for at, up, text in zip(x, y, in_arm["visit"], strict=True):
            ax.annotate(
                text, (at, up), xytext=(5, 3), textcoords="offset points", fontsize="x-small",
                color=style.color,
            )  # fmt: skip
        keys.append(key_line(name, style, marker=True))
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    dress(ax, xlabel=xlabel, ylabel=ylabel, title=title, caveat=caveat, keys=keys)
    return ax


def _text(visit: object) -> str:
    return f"{visit:g}" if isinstance(visit, float) else str(visit)
