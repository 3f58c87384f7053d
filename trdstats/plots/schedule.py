"""Assessment schedule of each treatment, and its effect on onset."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from trdstats.plots.layout.axes_style import GRID, LINE_WIDTH, dress_figure
from trdstats.plots.layout.columns import check_drawable, take_columns
from trdstats.plots.layout.palette import Style, choose_styles
from trdstats.plots.layout.time_axis import TimeScale, set_time_axis

_NAME = "plot_schedule"
_ROW = 0.45  # inches
_LARGEST = 90.0  # points squared, of a visit that every subject attended
_SHIFT = {"at the visit": -0.2, "between visits": 0.0, "at the visit, one grid": 0.2}
_MARKERS = {"at the visit": "o", "between visits": "", "at the visit, one grid": "x"}


def plot_schedule(
    visits: pd.DataFrame,
    estimates: pd.DataFrame,
    *,
    fig: Figure | None = None,
    tau: float | None = None,
    time_scale: TimeScale = "linear",
    styles: Mapping[str, Style] | None = None,
    title: str = "",
    caveat: str = "",
) -> Figure:
    """Draw the visits of each treatment beside its mean days to the event.

    Parameters
    ----------
    visits : pandas.DataFrame
        treatment, day (of a scheduled visit), share (proportion of subjects assessed at it, 0 to
        1).
    estimates : pandas.DataFrame
        treatment, method ("at the visit", "between visits", "at the visit, one grid"),
        bound_low, bound_high (days; equal where the time is exact).
    fig : matplotlib.figure.Figure, optional
        An empty figure to fill; a new one otherwise, its height by the number of rows.
    tau : float, optional
        Horizon: visits are drawn up to it.
    time_scale : {"linear", "sqrt"}
        Of the axis of days.
    styles : mapping of str to Style, optional
        From `treatment_styles`; by order of treatments otherwise.
    title, caveat : str
        Heading, and the small italic line under it.

    Returns
    -------
    matplotlib.figure.Figure
        Two Axes; treatments are at y = 0, 1, 2, ... downwards.

    Raises
    ------
    UnknownNameError, SpecError, NotEstimableError
        If a column is missing or of the wrong kind, or there is nothing to draw.
    """
    attended = take_columns(visits, _NAME, "visits", names=("treatment",), numbers=("day", "share"))
    means = take_columns(
        estimates, _NAME, "estimates", names=("treatment", "method"),
        numbers=("bound_low", "bound_high"),
    )  # fmt: skip
    check_drawable(means["bound_low"], _NAME)
    names = list(means["treatment"].cat.categories)
    chosen = choose_styles(names, styles)
    if tau is not None:
        attended = attended[attended["day"] <= tau]
    if fig is None:
        fig = Figure(figsize=(10.0, _ROW * len(names) + 2.0), layout="constrained")
    left, right = fig.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    for y, name in enumerate(names):
        days = attended[attended["treatment"] == name]
        left.plot([0, days["day"].max() if len(days) else 0], [y, y], color=GRID, zorder=1)
        left.scatter(days["day"], np.full(len(days), y), s=_LARGEST * days["share"], zorder=2,
                     color=chosen[name].color, linewidths=0)  # fmt: skip
        _draw_means(right, y, means[means["treatment"] == name], chosen[name].color)
    last = tau if tau is not None else float(attended["day"].max())
    set_time_axis(left, first=0.0, last=last, time_scale=time_scale)
    left.set_xlabel("Day of the visit (area: proportion of subjects assessed)")
    horizon = "" if tau is None else f" to day {tau:g}"
    right.set_xlabel(f"Mean days without the event{horizon}")
    left.set_yticks(range(len(names)), names)
    left.set_ylim(len(names) - 0.4, -0.6)
    for ax in (left, right):
        ax.set_axisbelow(True)
        ax.grid(visible=True, axis="x", color=GRID, linewidth=0.8)
        ax.tick_params(axis="y", length=0)
        for spine in ("left", "right", "top"):
            ax.spines[spine].set_visible(False)
    shown = set(means.loc[means["bound_low"].notna(), "method"].astype(str))
    keys = [_key(method) for method in _SHIFT if method in shown]
    fig.legend(handles=keys, loc="outside lower right", ncols=3, frameon=False, fontsize="small")
    dress_figure(fig, title=title, caveat=caveat)
    return fig


def _draw_means(ax: Axes, y: float, rows: pd.DataFrame, color: str) -> None:
    for row in rows.to_dict("records"):
        method = str(row["method"])
        at = y + _SHIFT.get(method, 0.0)
        ends = [row["bound_low"], row["bound_high"]]
        if method == "between visits":
            ax.plot(ends, [at, at], color=color, linewidth=3.5 * LINE_WIDTH, alpha=0.6,
                    solid_capstyle="butt")  # fmt: skip
        else:
            ax.plot(ends[:1], [at], color=color, marker=_MARKERS[method], markersize=6,
                    linestyle="")  # fmt: skip


def _key(method: str) -> Line2D:
    ink = "#4D545B"
    if method == "between visits":
        return Line2D([], [], color=ink, linewidth=3.5 * LINE_WIDTH, alpha=0.6, label=method)
    return Line2D([], [], color=ink, marker=_MARKERS[method], linestyle="", label=method)
