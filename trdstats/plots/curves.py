"""Survival and cumulative-incidence curves with intervals and numbers at risk."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import AutoLocator, FixedLocator, PercentFormatter, ScalarFormatter

from trdstats.errors import SpecError, check_choice, unknown_name
from trdstats.plots.layout.axes_style import (
    LINE_WIDTH,
    QUIET,
    dress,
    get_axes,
    key_line,
    legend_width,
)
from trdstats.plots.layout.columns import ESTIMATE, check_drawable, take_columns, treatments_of
from trdstats.plots.layout.number_rows import choose_columns, draw_rows, rows_height
from trdstats.plots.layout.palette import Style, choose_styles
from trdstats.plots.layout.time_axis import TimeScale, set_time_axis

_NAME = "plot_survival"


def plot_survival(
    curve: pd.DataFrame,
    *,
    at_risk: pd.DataFrame | None = None,
    ax: Axes | None = None,
    ylabel: str = "",
    xlabel: str = "Time (days)",
    cumulative: bool = False,
    styles: Mapping[str, Style] | None = None,
    title: str = "",
    caveat: str = "",
    time_scale: TimeScale = "linear",
    censor_marks: bool = True,
) -> Axes:
    """Draw one step curve a treatment, with shaded intervals and numbers at risk.

    A curve keeps its value from each time up to the next, and starts at time 0 with 1, or with 0
    for a cumulative incidence, unless the frame has a row for time 0.

    Parameters
    ----------
    curve : pandas.DataFrame
        One row a treatment and time. Columns: ``treatment``; ``time`` (days, from 0);
        ``n_risk``, ``n_event``, ``n_censor`` (subjects); ``estimate``, ``conf_low``,
        ``conf_high`` (proportions from 0 to 1). Where a limit is NaN no interval is shaded.
    at_risk : pandas.DataFrame, optional
        One row a treatment and chosen time. Columns: ``treatment``; ``time`` (days);
        ``n_risk``. Written under the axis with its ticks at those times; times too close to be
        printed side by side are left out.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.
    ylabel, xlabel : str
        Meaning of the proportion, and origin of the time. Default for y: "Event-free",
        or "Cumulative incidence".
    cumulative : bool
        Whether ``estimate`` is a cumulative incidence already; nothing is subtracted from 1.
    styles : mapping of str to Style, optional
        From `treatment_styles`; by order of treatments otherwise.
    title, caveat : str
        Heading, and the small italic line under it.
    time_scale : {"linear", "sqrt"}
        ``"sqrt"`` enlarges the first weeks when follow-up lasts for years.
    censor_marks : bool
        Draw a tick on the curve wherever ``n_censor`` is above 0.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`; the y-axis runs from 0 to 100 %.

    Raises
    ------
    UnknownNameError
        If a column is missing, `styles` lacks a treatment, or `at_risk` has one that `curve`
        has not.
    SpecError
        If a column does not hold numbers, a treatment and time occur twice, a time is negative
        or missing, or `time_scale` is not one of the choices.
    NotEstimableError
        If a frame has no rows, or `curve` has no finite estimate.
    """
    check_choice("time_scale", time_scale, ("linear", "sqrt"))
    frame = take_columns(
        curve,
        _NAME,
        "curve",
        names=("treatment",),
        numbers=("time", "n_risk", "n_event", "n_censor", *ESTIMATE),
        key=("treatment", "time"),
    )
    check_drawable(frame["estimate"], _NAME)
    if not (frame["time"] >= 0).all():
        raise SpecError(f"{_NAME}(): column 'time' must hold days of 0 or more, none missing.")
    chosen = choose_styles(treatments_of(frame), styles)
    counts = None if at_risk is None else _take_counts(at_risk, list(chosen))
    present = set(frame["treatment"])
    names = [name for name in chosen if name in present]
    ax = get_axes(ax, height=4.2 + (0.0 if counts is None else rows_height(len(names)) / 72.0))

    start = 0.0 if cumulative else 1.0
    for name in names:
        curve_rows = frame[frame["treatment"] == name].sort_values("time")
        _draw_curve(ax, curve_rows, chosen[name], start, shade=0.18 if len(names) <= 4 else 0.09)
        if censor_marks:
            _draw_censorings(ax, curve_rows, chosen[name])

    keys: list[Artist] = [key_line(name, chosen[name], marker=False) for name in names]
    if censor_marks and (frame["n_censor"] > 0).any():
        keys.append(_censor_mark(QUIET))
    last = float(frame["time"].max())
    columns = None
    if counts is not None:
        right = legend_width(ax, keys)
        columns = choose_columns(
            ax, counts, first=0.0, last=last, time_scale=time_scale, right=right
        )
    set_time_axis(ax, first=0.0, last=last, time_scale=time_scale, ticks=columns)
    ax.set_ylim(0.0, 1.02)
    ax.yaxis.set_major_locator(FixedLocator([0.0, 0.2, 0.4, 0.6, 0.8, 1.0]))
    ax.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    dress(
        ax,
        xlabel=xlabel,
        ylabel=ylabel or ("Cumulative incidence" if cumulative else "Event-free"),
        title=title,
        caveat=caveat,
        keys=keys,
    )
    if counts is not None and columns is not None:
        draw_rows(ax, counts, heading="At risk", columns=columns, styles=chosen)
    return ax


def plot_mean_number(
    curve: pd.DataFrame,
    *,
    at_risk: pd.DataFrame | None = None,
    ax: Axes | None = None,
    ylabel: str = "Mean number of events",
    xlabel: str = "Time (days)",
    styles: Mapping[str, Style] | None = None,
    title: str = "",
    caveat: str = "",
) -> Axes:
    """Draw the mean number of events a subject has had, one step curve a treatment.

    Parameters
    ----------
    curve, at_risk, ax, xlabel, styles, title, caveat
        As in `plot_survival`; ``estimate``, ``conf_low`` and ``conf_high`` are numbers of events.
    ylabel : str

    Returns
    -------
    matplotlib.axes.Axes
        `ax`; the y-axis starts at 0.
    """
    ax = plot_survival(
        curve, at_risk=at_risk, ax=ax, ylabel=ylabel, xlabel=xlabel, cumulative=True,
        styles=styles, title=title, caveat=caveat, censor_marks=False,
    )  # fmt: skip
    highest = float(np.nanmax(curve[["estimate", "conf_high"]].to_numpy(dtype=float)))
    ax.set_ylim(0.0, 1.05 * max(highest, 1e-9))
    ax.yaxis.set_major_locator(AutoLocator())
    ax.yaxis.set_major_formatter(ScalarFormatter())
    return ax


def _take_counts(at_risk: pd.DataFrame, treatments: list[str]) -> pd.DataFrame:
    counts = take_columns(
        at_risk,
        _NAME,
        "at_risk",
        names=("treatment",),
        numbers=("time", "n_risk"),
        key=("treatment", "time"),
    )
    for name in treatments_of(counts):
        if name not in treatments:
            raise unknown_name("treatment in `at_risk`:", name, treatments)
    # Rows are in the order of the curves, whatever the order of `at_risk`.
    counts["treatment"] = counts["treatment"].cat.set_categories(treatments)
    return counts.rename(columns={"n_risk": "n"})


def _draw_curve(ax: Axes, rows: pd.DataFrame, style: Style, start: float, *, shade: float) -> None:
    rows = rows[np.isfinite(rows["estimate"])]
    time, estimate = rows["time"].to_numpy(), rows["estimate"].to_numpy()
    if time.size == 0:
        return
    if time[0] > 0:
        time, estimate = np.r_[0.0, time], np.r_[start, estimate]
    # A plain line: seaborn's would be mapped, averaged and labelled anew for every curve.
    ax.plot(
        time,
        estimate,
        drawstyle="steps-post",
        color=style.color,
        linestyle=style.linestyle,
        linewidth=LINE_WIDTH,
        zorder=3,
    )
    # Both corners of every step are written out: with step="post", matplotlib would end the
    # shade one step early at each gap of the limits.
    edges = np.repeat(rows["time"].to_numpy(), 2)[1:]
    low = np.repeat(rows["conf_low"].to_numpy(), 2)[:-1]
    high = np.repeat(rows["conf_high"].to_numpy(), 2)[:-1]
    has_limits = np.isfinite(low) & np.isfinite(high)
    if has_limits.any():
        ax.fill_between(
            edges,
            low,
            high,
            where=has_limits,
            color=style.color,
            alpha=shade,
            linewidth=0,
            zorder=1,
        )


def _draw_censorings(ax: Axes, rows: pd.DataFrame, style: Style) -> None:
    marks = rows[(rows["n_censor"] > 0) & np.isfinite(rows["estimate"])]
    if not marks.empty:
        mark = _censor_mark(style.color)
        mark.set_data(marks["time"].to_numpy(), marks["estimate"].to_numpy())
        mark.set_zorder(4)
        ax.add_line(mark)


def _censor_mark(color: str) -> Line2D:
    return Line2D(
        [], [], color=color, linestyle="", marker="|", markersize=7, mew=1.1, label="Censored"
    )
