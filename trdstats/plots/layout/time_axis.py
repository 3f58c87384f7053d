"""A time axis in days with readable ticks, linear or in square roots of days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import ArrayLike, NDArray

from trdstats.errors import check_choice

TimeScale = Literal["linear", "sqrt"]

# Steps that a clinician reads without arithmetic: days, weeks, months, quarters, years.
_STEPS = (0.1, 0.25, 0.5, 1, 2, 7, 14, 28, 60, 90, 180, 365, 730, 1825, 3650)
_MOST_TICKS = 8

# Days with a meaning in schedules, the most useful first: where two are too close on a
# square-root axis, the earlier in this list is kept.
_LANDMARKS = (0, 28, 7, 90, 365, 180, 730, 14, 42, 1095, 60, 1825, 270, 3, 1, 545)
_SQRT_GAP = 0.06  # of the length of the axis


def signed_sqrt(day: ArrayLike) -> NDArray[np.float64]:
    """Return the square root of days, odd about 0 so that days before treatment have a place."""
    days = np.asarray(day, dtype=np.float64)
    return np.sign(days) * np.sqrt(np.abs(days))


def signed_square(root: ArrayLike) -> NDArray[np.float64]:
    """Return days from their signed square roots."""
    roots = np.asarray(root, dtype=np.float64)
    return roots * np.abs(roots)


def place(day: ArrayLike, time_scale: TimeScale) -> NDArray[np.float64]:
    """Return the positions of days along the axis, up to a linear map."""
    return signed_sqrt(day) if time_scale == "sqrt" else np.asarray(day, dtype=np.float64)


def spread(days: Iterable[float], gap: float, time_scale: TimeScale) -> list[float]:
    """Return the days that lie at least `gap` apart along the axis, in order.

    Days are taken in the order given, so the first ones win. `gap` is in units of `place`.
    """
    kept: list[float] = []
    for day in days:
        spot = place(day, time_scale)
        if all(abs(spot - place(other, time_scale)) >= gap for other in kept):
            kept.append(float(day))
    return sorted(kept)


def by_meaning(days: Iterable[float]) -> list[float]:
    """Return days with those that matter in schedules first, the others after them in order."""
    rank = {float(day): k for k, day in enumerate(_LANDMARKS)}
    return sorted(days, key=lambda day: (rank.get(float(day), len(rank)), day))


def choose_ticks(first: float, last: float, time_scale: TimeScale = "linear") -> list[float]:
    """Return days of ticks that a clinician reads without arithmetic.

    They are also good times for the numbers at risk under a curve.

    Parameters
    ----------
    first, last : float
        Range of the axis (days).
    time_scale : {"linear", "sqrt"}
        Linear: multiples of a day, week, four weeks, quarter or year. Square root: days of usual
        schedules, thinned where they would overlap.

    Returns
    -------
    list of float
        Days from `first` to `last`, ascending.

    Raises
    ------
    SpecError
        If `time_scale` is neither ``"linear"`` nor ``"sqrt"``.

    Examples
    --------
    >>> choose_ticks(0, 42)
    [0.0, 7.0, 14.0, 21.0, 28.0, 35.0, 42.0]
    """
    check_choice("time_scale", time_scale, ("linear", "sqrt"))
    if time_scale == "sqrt":
        gap = _SQRT_GAP * float(np.ptp(place([first, last], time_scale)))
        inside = [day for day in _LANDMARKS if first <= day <= last]
        return spread(inside, gap, time_scale)
    step = next((s for s in _STEPS if (last - first) / s <= _MOST_TICKS), _STEPS[-1])
    return [float(k * step) for k in range(int(np.ceil(first / step)), int(last // step) + 1)]


def set_time_axis(
    ax: Axes,
    *,
    first: float,
    last: float,
    time_scale: TimeScale,
    ticks: Sequence[float] | None = None,
    margin: float = 0.02,
) -> None:
    """Give the x-axis its scale, limits and ticks.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Its x-axis is set.
    first, last : float
        Range of the data (days).
    time_scale : {"linear", "sqrt"}
        ``"sqrt"`` enlarges the first weeks when follow-up lasts for years.
    ticks : sequence of float, optional
        Days of the ticks; readable ones are chosen otherwise.
    margin : float
        Room on either side, as a fraction of the length of the axis.

    Raises
    ------
    SpecError
        If `time_scale` is neither ``"linear"`` nor ``"sqrt"``.
    """
    check_choice("time_scale", time_scale, ("linear", "sqrt"))
    last = last if last > first else first + 1.0
    ends = place([first, last], time_scale)
    room = margin * (ends[1] - ends[0])
    limits = ends + np.array([-room, room])
    if time_scale == "sqrt":
        ax.set_xscale("function", functions=(signed_sqrt, signed_square))
        limits = signed_square(limits)
    ax.set_xlim(float(limits[0]), float(limits[1]))
    shown = choose_ticks(first, last, time_scale) if ticks is None else sorted(ticks)
    ax.xaxis.set_major_locator(FixedLocator(list(shown)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda day, _: f"{day:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
