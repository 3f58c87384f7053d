"""Mean scores over the nominal days of a study, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from trdstats.errors import check_choice
from trdstats.plots.layout.axes_style import (
    LINE_WIDTH,
    MARKER_SIZE,
    MARKER_SIZES,
    dress,
    get_axes,
    key_line,
    legend_width,
)
from trdstats.plots.layout.columns import ESTIMATE, check_drawable, take_columns, treatments_of
from trdstats.plots.layout.direction import Better, say_direction
from trdstats.plots.layout.number_rows import choose_columns, draw_rows, rows_height
from trdstats.plots.layout.page_layout import axes_width, offset
from trdstats.plots.layout.palette import Style, choose_styles
from trdstats.plots.layout.time_axis import TimeScale, place, set_time_axis

_DODGE = 3.0  # points between neighbouring treatments at one day, at most
_DODGE_PROPORTION = 0.7  # of the usual gap between two days, for all treatments together


def plot_trajectories(
    means: pd.DataFrame,
    *,
    ax: Axes | None = None,
    ylabel: str = "Score",
    styles: Mapping[str, Style] | None = None,
    title: str = "",
    caveat: str = "",
    xlabel: str = "Day since first treatment (days)",
    better: Better | None = "lower",
    time_scale: TimeScale = "linear",
    show_n: bool = False,
) -> Axes:
    """Draw the mean score of each treatment over nominal days, with intervals.

    Treatments are drawn a few points apart so that intervals of one day do not overlap; the days
    in the drawn data are exactly those of the frame.

    Parameters
    ----------
    means : pandas.DataFrame
        One row a treatment and day. Columns: ``treatment``; ``day`` (days since first
        treatment); ``n`` (subjects observed); ``estimate``, ``conf_low``, ``conf_high`` (score
        points). Rows without an estimate are left out; an interval is drawn when both its
        limits are finite.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.
    ylabel : str
        The instrument and its unit, for example ``"MADRS total (points)"``.
    styles : mapping of str to Style, optional
        From `treatment_styles`; by order of treatments otherwise.
    title, caveat : str
        Heading, and the small italic line under it.
    xlabel : str
        Origin of the days.
    better : {"lower", "higher"} or None
        Direction of the scale, stated on the axis; None for no statement.
    time_scale : {"linear", "sqrt"}
        ``"sqrt"`` enlarges the first weeks when follow-up lasts for years.
    show_n : bool
        Write ``n`` under the axis, one row a treatment, and put the ticks at those days.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, with one line a treatment in the order of treatments.

    Raises
    ------
    UnknownNameError
        If a column is missing, or `styles` lacks a treatment.
    SpecError
        If a column does not hold numbers, a treatment and day occur twice, or `better` or
        `time_scale` is not one of the choices.
    NotEstimableError
        If the frame has no rows or no finite estimate.
    """
    function = "plot_trajectories"
    frame = take_columns(
        means,
        function,
        "means",
        names=("treatment",),
        numbers=("day", "n", *ESTIMATE),
        key=("treatment", "day"),
    )
    check_drawable(frame["estimate"], function)
    if better is not None:
        check_choice("better", better, ("lower", "higher"))
    check_choice("time_scale", time_scale, ("linear", "sqrt"))
    chosen = choose_styles(treatments_of(frame), styles)
    drawn = frame[np.isfinite(frame["estimate"])].sort_values("day")
    present = set(drawn["treatment"])
    names = [name for name in chosen if name in present]
    ax = get_axes(ax, height=4.2 + (rows_height(len(names)) / 72.0 if show_n else 0.0))

    keys = [key_line(name, chosen[name], marker=True) for name in names]
    right = legend_width(ax, keys)
    width = axes_width(ax, right=right)
    dodge = _choose_dodge(drawn["day"].unique(), len(names), width, time_scale)
    for rank, name in enumerate(names):
        shift = dodge * (rank - (len(names) - 1) / 2)
        _draw_one(ax, drawn[drawn["treatment"] == name], chosen[name], shift)

    first, last = float(drawn["day"].min()), float(drawn["day"].max())
    counts = drawn.rename(columns={"day": "time"})[["treatment", "time", "n"]]
    columns = (
        choose_columns(ax, counts, first=first, last=last, time_scale=time_scale, right=right)
        if show_n
        else None
    )
    margin = 0.015 + (dodge * len(names) / 2 + MARKER_SIZE / 2) / width
    set_time_axis(ax, first=first, last=last, time_scale=time_scale, ticks=columns, margin=margin)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
    dress(
        ax,
        xlabel=xlabel,
        ylabel=say_direction(ylabel, better),
        title=title,
        caveat=caveat,
        keys=keys,
    )
    if columns is not None:
        draw_rows(ax, counts, heading="Observed", columns=columns, styles=chosen)
    return ax


def _choose_dodge(
    days: NDArray[np.float64], n_treatments: int, width: float, time_scale: TimeScale
) -> float:
    """Return the distance in points between treatments: small where days are close together.

    Treatments shifted by more than the gap between two days would seem to be observed on
    another day.
    """
    spots = place(np.sort(days), time_scale)
    if spots.size < 2:
        return _DODGE
    usual = float(np.median(np.diff(spots))) / float(np.ptp(spots)) * width
    return min(_DODGE, _DODGE_PROPORTION * usual / n_treatments)


def _draw_one(ax: Axes, rows: pd.DataFrame, style: Style, shift: float) -> None:
    """Draw one treatment, shifted sideways by `shift` points on the page, not in the data."""
    ax.plot(
        rows["day"].to_numpy(),
        rows["estimate"].to_numpy(),
        color=style.color,
        linestyle=style.linestyle,
        linewidth=LINE_WIDTH,
        marker=style.marker,
        markersize=MARKER_SIZES.get(style.marker, MARKER_SIZE),
        markeredgecolor="white",
        markeredgewidth=0.75,
        zorder=3,
    )
    limits = rows[np.isfinite(rows["conf_low"]) & np.isfinite(rows["conf_high"])]
    bars = ax.vlines(
        limits["day"],
        limits["conf_low"],
        limits["conf_high"],
        color=style.color,
        linewidth=1.2,
        alpha=0.75,
        zorder=2,
    )
    # The limits of the axes are set by now; only the position on the page changes.
    shifted = ax.transData + offset(ax, shift)
    ax.lines[-1].set_transform(shifted)
    bars.set_transform(shifted)
