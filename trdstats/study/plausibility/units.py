"""Whether days are weeks, months or hours, or count from 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import Problem, argument
from trdstats.kinds import places
from trdstats.study.plausibility.timeline import FEWEST, Timeline, level_of

# Days of a unit that days may have been confused with; a month by the calendar or of four weeks.
UNITS = {"hours": (1 / 24,), "weeks": (7.0,), "months": (365.25 / 12, 28.0)}
# The windows speak for another unit when at least so many ratings lie in them under it, and at most
# so many as days: chance alone moves a few either way.
_FIT, _MISFIT = 0.8, 0.6
_SAMPLE = 20_000  # ratings are enough to tell a unit

# Ratings at weeks 4, 8, 12 are usual; at days 4, 8 and 12, with none at day 7, they are not.
_FOUR_WEEKLY = {4, 8, 12, 16, 24}
_LAST_WEEK = 104
_HOURS = 6  # different days, all of them multiples of 24, come about by hours alone
# Daily ratings for a fortnight or more are a diary; up to here they may be either.
_LAST_IF_DAILY = 12
_RATINGS, _SUBJECTS = 3, 3  # fewer may fit windows in another unit by chance
_USED = 0.05  # proportion of the subjects rated on a day that belongs to the schedule


def note_unit_by_windows(
    timeline: Timeline, place: Callable[[FloatArray, IntArray], FloatArray]
) -> Problem | None:
    """Note that ratings would lie in the windows if their days were weeks, months or hours.

    Parameters
    ----------
    timeline : Timeline
    place : callable
        ``place(day, arm)`` returns the scheduled day whose window holds each, NaN outside all.
    """
    after = np.flatnonzero(timeline.day > 0)
    if not len(after) or timeline.seen.sum() < FEWEST:
        return None
    some = after[:: max(1, len(after) // _SAMPLE)]
    day, arm = timeline.day[some], timeline.arm[timeline.code[some]]

    def proportion(factor: float) -> float:
        return float(np.isfinite(place(day * factor, arm)).mean())

    if proportion(1.0) > _MISFIT:
        return None
    fits = [(proportion(f), unit, f) for unit, factors in UNITS.items() for f in factors]
    best, unit, factor = max(fits)
    if best < _FIT:
        return None
    return Problem(
        "unit_of_days",
        f"The days look like {unit}: {100 * proportion(1.0):.0f} % of the {len(after):,} ratings "
        f"after day 0 lie in a visit window as they are, {100 * best:.0f} % would if they were "
        f"{unit}.",
        (),
        f"Convert them: visits['day'] {_convert(factor)}, or give windows in the unit of the days.",
        level="warning",
    )


def note_unit_of_some(
    timeline: Timeline, place: Callable[[FloatArray, IntArray], FloatArray]
) -> Problem | None:
    """Note subjects of whom all ratings would lie in windows in another unit, and none does now.

    Parameters
    ----------
    timeline : Timeline
    place : callable
        As in `note_unit_by_windows`.
    """
    after = timeline.day > 0
    code, day = timeline.code[after], timeline.day[after]
    arm, n = timeline.arm[code], len(timeline.ids)
    ratings = np.bincount(code, minlength=n)

    def within(factor: float) -> FloatArray:
        inside = np.isfinite(place(day * factor, arm))
        return np.bincount(code[inside], minlength=n).astype(float)

    # Two early ratings of those who left may fit by chance.
    suspect = (ratings >= _RATINGS) & (within(1.0) == 0)
    if suspect.sum() < _SUBJECTS:
        return None
    fits = [((suspect & (within(f) == ratings)), unit, f) for unit, fs in UNITS.items() for f in fs]
    fits_best, unit, factor = max(fits, key=lambda fit: int(fit[0].sum()))
    count = int(fits_best.sum())
    if count < _SUBJECTS:
        return None
    return Problem(
        "unit_of_days",
        f"The days of {count:,} subjects look like {unit}: none of their ratings after day 0 lies "
        f"in a visit window as it is, all would if they were {unit}.",
        places(fits_best, lambda i: f"{timeline.ids[i]} ({timeline.arms[timeline.arm[i]]})"),
        f"Look whether a site or a treatment counts in {unit}, and convert their days: "
        f"{_convert(factor)}.",
        level=level_of(count, int(timeline.seen.sum())),
    )


def of_all_or_some(
    timeline: Timeline, note: Callable[[Timeline, BoolArray], Problem | None]
) -> Problem | None:
    """Return what a check says of all subjects or, if nothing, of single treatments.

    Parameters
    ----------
    timeline : Timeline
    note : callable
        ``note(timeline, who)`` says it of some subjects who were ever rated.
    """
    whole = note(timeline, timeline.seen)
    if whole is not None or len(timeline.arms) < 2:
        return whole
    of_arms = zip(timeline.arms, timeline.of_arms, strict=True)
    by_arm = {name: p for name, who in of_arms if (p := note(timeline, who))}
    if not by_arm:
        return None
    first = next(iter(by_arm.values()))
    sentences = tuple(f"{name}: {p.summary}" for name, p in by_arm.items())
    if len(by_arm) == 1:
        return replace(first, summary=f"Under {next(iter(by_arm))}: {first.summary}")
    return replace(first, summary=f"Of {len(by_arm)} treatments: {first.summary}", where=sentences)


def note_unit_by_spacing(timeline: Timeline, who: BoolArray) -> Problem | None:
    """Note days that are spaced as weeks, months or hours are, where there are no windows."""
    n = int(who.sum())
    if n < FEWEST:
        return None
    last = float(timeline.last[who].max())
    if last < 3 or last > 24 * 400:
        return None
    day, step = timeline.some_days(who, _SAMPLE)
    day = day[day > 0]
    if (day % 1).any():
        return None  # days with fractions are days
    count = np.bincount(day.astype(np.intp))
    used, grid = np.flatnonzero(count), np.flatnonzero(count >= _USED * n / step)
    if len(used) < 3:
        return None
    if not (used % 24).any() and ({24, 48} & set(grid.tolist()) or len(used) >= _HOURS):
        unit, factor, grid = "hours", 1 / 24, used
    elif len(grid) >= 3 and _are_weeks(grid, int(last)):
        unit, factor = "weeks or months", 7.0
    else:
        return None
    shown = ", ".join(str(d) for d in grid[:8]) + (", ..." if len(grid) > 8 else "")
    return Problem(
        "unit_of_days",
        f"The days look like {unit}: ratings after day 0 lie on {shown}.",
        (),
        f"If they are, convert them: visits['day'] {_convert(factor)}"
        + (" (weeks). " if factor == 7 else ". ")
        + "If they are days, all is well; "
        + f"{argument('windows', '{...}', option='DAY=WIDTH')} says so.",
        level="warning",
    )


def _are_weeks(grid: IntArray, last: int) -> bool:
    """Whether days after 0 are those of a schedule in weeks or months rather than in days."""
    days = set(grid.tolist())
    weekly = 7 in days and not {6, 8} & days
    if weekly or last > _LAST_WEEK:
        return False
    if len(days & _FOUR_WEEKLY) >= 3:
        # Diaries are filled in daily, also beyond the twelfth day.
        return len(days) <= _LAST_IF_DAILY or last <= _LAST_IF_DAILY
    steps = np.diff(grid, prepend=0)
    return 4 <= last <= _LAST_IF_DAILY and (steps <= 2).mean() >= 0.5


def note_day_one(timeline: Timeline, who: BoolArray) -> Problem | None:
    """Note days that count from 1, so that no subject has a baseline."""
    n = int(who.sum())
    if n < FEWEST:
        return None
    on_one = timeline.first[who] == 1
    if on_one.mean() < _FIT:
        return None
    return Problem(
        "days_from_one",
        f"The first rating of {int(on_one.sum()):,} of {n:,} subjects is on day 1, and none of "
        "theirs is on day 0 or before: the days seem to count from 1.",
        (),
        "Days count from 0, the day of first treatment: visits['day'] -= 1, or name the column of "
        f"the baseline with {argument('baseline')}",
        level="warning",
    )


def _convert(factor: float) -> str:
    if factor < 1:
        return f"/= {1 / factor:g}"
    return f"*= {factor:g}" if factor == round(factor) else "*= 365.25 / 12"
