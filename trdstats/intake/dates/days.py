"""Dates into days since first treatment, and what is implausible in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import Problem, count_of
from trdstats.intake.dates.read import Dates
from trdstats.kinds import places

NEAR = 28  # days before first treatment within which a first rating is expected
SOON = 7  # and after it
LONG_BEFORE = 3650
EARLY = 180  # days before first treatment that a rating is seldom made
GAP = 1825  # five years without a single date of the export
MANY = 0.05
_NEARLY_ALL = 0.8
_EPOCHS = 1462  # days from the epoch of Excel to that of old Macintosh workbooks


def days_since(
    dates: Dates, start: FloatArray, start_seconds: FloatArray, problems: list[Problem]
) -> FloatArray:
    """Return days from first treatment, shape (n_rows,).

    Parameters
    ----------
    dates : Dates
    start, start_seconds : ndarray, shape (n_rows,)
        Date and time of first treatment of the subject of each row.
    """
    days = dates.day - start
    clocks = dates.has_times and bool((~np.isnan(start_seconds)).any())
    if clocks:
        days = days + (dates.seconds - start_seconds) / 86400
    problems.append(
        Problem(
            "days_from_dates",
            f"Days of {dates.column.what} are counted from the date of first treatment, "
            + ("with the time of day." if clocks else "in whole calendar days."),
            (),
            "Both dates need times where fractions of days matter."
            if not clocks
            else "Leave the times out where only the calendar counts.",
            level="note",
        )
    )
    return days


def check_days(
    days: FloatArray, name: Callable[[int], str], what: str, problems: list[Problem]
) -> None:
    """Report days half a year before first treatment, and refuse those ten years before it."""
    early = days < -LONG_BEFORE
    if early.any():
        problems.append(
            Problem(
                "implausible_day",
                count_of(int(early.sum()), "date", "dates")
                + f" of {what} more than ten years before first treatment.",
                places(early, lambda i: f"{name(i)}: day {days[i]:,.0f}"),
                "Correct the date or that of first treatment: serial numbers, years and codes for "
                "missing are the usual causes.",
            )
        )
    soon = (days < -EARLY) & ~early
    if soon.any():
        problems.append(
            Problem(
                "early_date",
                count_of(int(soon.sum()), "date", "dates")
                + f" of {what} more than {EARLY} days before first treatment.",
                places(soon, lambda i: f"{name(i)}: day {days[i]:,.0f}"),
                "Look whether the years are right.",
                level="warning",
            )
        )


def check_gaps(all_dates: Mapping[str, Dates], problems: list[Problem]) -> None:
    """Report the few dates that lie five years or more from all other dates of the export."""
    known = [d.day[~np.isnan(d.day)] for d in all_dates.values()]
    days = np.sort(np.concatenate(known)) if known else np.empty(0)
    if len(days) < 20:
        return
    after = np.flatnonzero(np.diff(days) > GAP)
    few = max(1, int(0.02 * len(days)))
    low = max((days[k] for k in after if k + 1 <= few), default=-np.inf)
    high = min((days[k + 1] for k in after if len(days) - k - 1 <= few), default=np.inf)
    if not np.isfinite([low, high]).any():
        return
    where: list[str] = []
    count = 0
    for dates in all_dates.values():
        apart = (dates.day <= low) | (dates.day >= high)
        count += int(apart.sum())
        where += [f"{dates.column.what}: {w}" for w in dates.column.where(apart)]
    problems.append(
        Problem(
            "date_apart",
            count_of(count, "date lies", "dates lie")
            + " five years or more from all other dates of the export.",
            tuple(where),
            "Look whether the year is right.",
            level="warning",
        )
    )


def check_epochs(
    days: FloatArray,
    subject: IntArray,
    visits: Dates,
    start: Dates,
    n: int,
    problems: list[Problem],
) -> None:
    """Report that visits begin four years off: serial numbers of 1900 beside some of 1904.

    Parameters
    ----------
    days : ndarray, shape (n_rows,)
        Days since first treatment.
    subject : ndarray of int, shape (n_rows,)
    visits, start : Dates
    n : int
        Number of subjects.
    """
    first = _first(days, subject, ~np.isnan(days) & (subject >= 0), n)
    rated = ~np.isnan(first)
    for offset in (-_EPOCHS, _EPOCHS):
        off = int(_near(first[rated] - offset).sum())
        if off and off >= rated.sum() / 2:
            late, early = (visits, start) if offset < 0 else (start, visits)
            problems.append(
                Problem(
                    "two_epochs",
                    f"The first ratings of {off:,} of {int(rated.sum()):,} subjects lie 1,462 days "
                    "off first treatment: the days between the epochs of Excel, 1900 and 1904.",
                    (),
                    f"{late.column.what} seems to count from 1904 and {early.column.what} from "
                    "1900: save both from one workbook, or add 1462 to the former.",
                )
            )


def check_exchanged(
    visits: Dates,
    start: Dates,
    start_of: FloatArray,
    swapped_of: FloatArray,
    subject: IntArray,
    names: Sequence[Any],
    problems: list[Problem],
) -> None:
    """Report subjects whose ratings fit first treatment only with day and month exchanged.

    Ratings begin within four weeks before first treatment and a week after it. A subject who has
    none there, and would with day and month of one date exchanged, has them exchanged.

    Parameters
    ----------
    visits, start : Dates
    start_of, swapped_of : ndarray, shape (n_rows,)
        First treatment of the subject of each visit, as read and with day and month exchanged.
    subject : ndarray of int, shape (n_rows,)
    names : sequence, shape (n_subjects,)
    """
    n = len(names)
    usable = ~np.isnan(visits.day) & ~np.isnan(start_of) & (subject >= 0)
    if not usable.any():
        return
    first = _first(visits.day, subject, usable, n)
    swapped_first = _first(np.where(np.isnan(visits.swapped), visits.day, visits.swapped),
                           subject, usable, n)  # fmt: skip
    begin, other = np.full(n, np.nan), np.full(n, np.nan)
    begin[subject[usable]] = start_of[usable]
    other[subject[usable]] = swapped_of[usable]
    rated = ~np.isnan(first) & ~np.isnan(begin)
    near = _near(first - begin)
    by_start = rated & ~near & _near(first - other)
    by_visits = rated & ~near & ~by_start & _near(swapped_first - begin)
    both = by_start | by_visits
    # Where few begin near first treatment the date may be another one, of admission say, and some
    # fit by chance; nearly all do where day and month are exchanged.
    by_chance = near.sum() < both.sum() < _NEARLY_ALL * (rated & ~near).sum()
    if not both.any() or by_chance:
        return
    many = both.sum() >= 3 and both.sum() >= MANY * rated.sum()
    which = start.column.what if by_start.sum() >= by_visits.sum() else visits.column.what
    problems.append(
        Problem(
            "exchanged_dates",
            count_of(int(both.sum()), "subject has", "subjects have")
            + " no rating near first treatment, but would have with day and month exchanged: in "
            f"{which} they were most likely swapped.",
            places(both, lambda i: f"{names[i]}: first rating on day {first[i] - begin[i]:,.0f}"),
            "Compare these dates with their source. A spreadsheet that reads day and month in the "
            "other order exchanges all days up to 12 and leaves the others.",
            level="error" if many else "warning",
        )
    )


def _near(days: FloatArray) -> BoolArray:
    with np.errstate(invalid="ignore"):
        result: BoolArray = (days >= -NEAR) & (days <= SOON)
    return result


def _first(day: FloatArray, subject: IntArray, usable: BoolArray, n: int) -> FloatArray:
    first = np.full(n, np.inf)
    np.minimum.at(first, subject[usable], day[usable])
    return np.where(np.isinf(first), np.nan, first)


def describe_fit(visits: FloatArray, start: FloatArray, subject: IntArray) -> str:
    """Return how well dates of visits fit those of first treatment, in words.

    Parameters
    ----------
    visits, start : ndarray, shape (n_rows,)
        Days since 1970, under the order of digits that is judged.
    subject : ndarray of int, shape (n_rows,)
    """
    days = visits - start
    known = ~np.isnan(days)
    after = (days >= -NEAR) & (days <= 2 * 365)
    same = (subject[1:] == subject[:-1]) & known[1:] & known[:-1]
    rising = (days[1:] >= days[:-1]) & same
    return (
        f"{int(after.sum()):,} of {int(known.sum()):,} visits from {NEAR} days before first "
        f"treatment to two years after it, and {int(rising.sum()):,} of {int(same.sum()):,} visits "
        "not before the row above of the same subject"
    )
