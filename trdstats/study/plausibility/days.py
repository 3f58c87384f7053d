"""Days that cannot be days since first treatment: dates, serial numbers, clocks of computers."""

from __future__ import annotations

from typing import Any

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.errors import Problem, count_of
from trdstats.kernels.visits.blocks import known_extremes
from trdstats.kinds import places
from trdstats.study.plausibility.timeline import Timeline

# Ten years before treatment, a hundred after it: nobody is followed longer.
EARLIEST, LATEST = -3650.0, 36500.0
_COUNT = "(date - first treatment).dt.total_seconds() / 86400"
_REMEDY = f"Days count from first treatment (day 0): {_COUNT}."

# What a number too large for a day looks like: from, up to, words.
_SHAPES = (
    (40_000, 60_000, "serial numbers of Excel dates (days since 1900)"),
    (693_000, 750_000, "serial numbers of dates (days since year 0 or 1)"),
    (2_400_000, 2_500_000, "Julian days"),
    (19_000_101, 21_001_231, "dates written as one number (year, month, day)"),
    (1.0e8, 5.0e9, "seconds of a computer's clock"),
    (1.0e11, 5.0e12, "milliseconds of a computer's clock"),
    (1.0e17, 5.0e18, "nanoseconds of a computer's clock"),
)


def check_day_range(subjects: Any, day: FloatArray, table: str) -> Problem | None:
    """Check that days lie where patients can be; what they look like is named.

    Parameters
    ----------
    subjects : sequence, shape (n,)
        Identifiers.
    day : ndarray, shape (n,)
        NaN and infinite days are another check's.
    table : str
    """
    if not len(day):
        return None
    low, high = known_extremes(day)
    if low >= EARLIEST and high <= LATEST:
        return None
    with np.errstate(invalid="ignore"):
        bad = np.isfinite(day) & ((day < EARLIEST) | (day > LATEST))
    if not bad.any():
        return None
    size = np.abs(day[bad])
    shapes = [(int(((size >= a) & (size <= b)).sum()), words) for a, b, words in _SHAPES]
    n, words = max(shapes)
    looks = f" They look like {words}." if n > len(size) / 2 else ""
    if not looks and (day[bad] < EARLIEST).all() and bad.sum() < len(day) / 2:
        # A start that is a serial number read as a date of 1970, or a year that slipped.
        looks = (
            " The first treatment of these subjects, or the visit, was read as a date far from the "
            "other: a serial number of Excel, or a slip of the year."
        )
    return Problem(
        "impossible_day",
        count_of(int(bad.sum()), f"day of `{table}` lies", f"days of `{table}` lie")
        + f" before {EARLIEST:g} or after {LATEST:g}.{looks}",
        places(bad, lambda i: f"{subjects[i]}: {day[i]:.10g} (row {i})"),
        f"{_REMEDY} Read serial numbers with pd.to_datetime(column, unit='D', "
        "origin='1899-12-30'), and look for slips in the dates of these subjects.",
    )


def check_counted_from_treatment(timeline: Timeline) -> Problem | None:
    """Check that the days of most subjects do not begin ten years or more after day 0.

    Dates kept as days since 1960 (SAS, Stata) or 1970 (R) are days of patients by their size alone.
    """
    seen = timeline.seen
    if not seen.any():
        return None
    first = timeline.first[seen]
    middle = float(np.median(first))
    if middle <= -EARLIEST:
        return None
    late = np.zeros(len(seen), dtype=bool)
    late[seen] = first > -EARLIEST
    return Problem(
        "days_are_dates",
        f"The first ratings of {int(late.sum()):,} of {int(seen.sum()):,} subjects lie ten years "
        f"or more after day 0 (median day {middle:g}). The days look like serial numbers of dates: "
        "days since 1960 (SAS, Stata) or since 1970 (R).",
        places(late, lambda i: f"{timeline.ids[i]}: first day {timeline.first[i]:g}"),
        "Take the serial number of each subject's first treatment away: "
        "visits['day'] - visits['start'].",
    )
