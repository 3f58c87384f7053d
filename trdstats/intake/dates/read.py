"""All dates of an export: read together, checked, and what was done with them said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import Problem, count_of
from trdstats.intake.dates.columns import (
    EARLIEST,
    LATEST,
    DateColumn,
    Order,
    in_zone,
    read_date_column,
)
from trdstats.intake.dates.order import decide_order
from trdstats.intake.dates.texts import Form
from trdstats.intake.values.entries import Column, plain

FEW = 3  # entries on either side that make a pattern


@dataclass(frozen=True, slots=True)
class Dates:
    """A column of dates by row.

    Attributes
    ----------
    column : Column
    day : ndarray, shape (n_rows,)
        Days since 1 January 1970, NaN where the cell is empty or was reported.
    seconds : ndarray, shape (n_rows,)
        Time of day; NaN throughout where the column holds no times.
    swapped : ndarray, shape (n_rows,)
        The same with day and month exchanged, NaN where that is no date or the same one.
    """

    column: Column
    day: FloatArray
    seconds: FloatArray
    swapped: FloatArray

    @property
    def has_times(self) -> bool:
        """Whether the column holds times of day."""
        return bool((~np.isnan(self.seconds)).any())


def read_dates(
    columns: Mapping[str, Column],
    *,
    order: Order | None,
    date_system: int,
    timezone: str | None,
    fit: Callable[[Mapping[str, FloatArray]], str],
    problems: list[Problem],
) -> dict[str, Dates]:
    """Return all columns of dates by row.

    Parameters
    ----------
    columns : mapping of str to Column
        By the part they play; codes for missing made empty.
    order : str or None
        Order of the digits, None to find it.
    date_system : {1900, 1904}
    timezone : str or None
        Zone whose calendar counts.
    fit : callable
        Says in words how well the days of all columns, by row, fit together.
    problems : list of Problem
        Problems and notices are appended.
    """
    read = {role: read_date_column(c) for role, c in columns.items()}

    def under(chosen: Order) -> str:
        return fit({r: c.column.spread(c.days(chosen, date_system)) for r, c in read.items()})

    chosen = decide_order(list(read.values()), order, under, problems)
    result = {}
    for role, column in read.items():
        _note_stored(column, date_system, problems)
        days = column.days(chosen, date_system)
        _check_entries(column, days, problems)
        _note_zones(column, timezone, problems)
        # A date before 1950 was reported: what follows from it says nothing.
        days = np.where((days < EARLIEST) | (days >= LATEST), np.nan, days)
        seconds = column.seconds
        if timezone is not None:
            days, seconds = in_zone(days, seconds, column.offset, timezone)
        times = column.has_times
        result[role] = Dates(
            column.column,
            column.column.spread(days),
            column.column.spread(seconds if times else np.full(len(days), np.nan)),
            column.column.spread(_swap(days)),
        )
    return result


def _swap(days: FloatArray) -> FloatArray:
    """Return dates with day and month exchanged, NaN where that is no date or the same one."""
    result = np.full(len(days), np.nan)
    known = np.flatnonzero(~np.isnan(days))
    stamps = days[known].astype("int64").astype("datetime64[D]")
    months = stamps.astype("datetime64[M]")
    year = months.astype("datetime64[Y]")
    day = (stamps - months.astype("datetime64[D]")).astype(int)  # from 0
    month = (months - year.astype("datetime64[M]")).astype(int)
    can = (day < 12) & (day != month)
    swapped = (year[can].astype("datetime64[M]") + day[can]).astype("datetime64[D]") + month[can]
    result[known[can]] = swapped.astype("int64")
    return result


def _check_entries(column: DateColumn, days: FloatArray, problems: list[Problem]) -> None:
    partial = column.form == Form.PARTIAL
    unreadable = column.form == Form.UNREADABLE
    impossible = np.isnan(days) & np.isin(column.form, (Form.FIXED, Form.DIGITS, Form.SHORT))
    outside = ~np.isnan(days) & ((days < EARLIEST) | (days >= LATEST))
    _report(
        column, partial, problems, "partial_date",
        ("is a date without its day or month.", "are dates without their day or month."),
        "Complete them, or leave them empty: a day that is not known is never invented. "
        "Ratings without a date cannot be used.",
    )  # fmt: skip
    _report(
        column, unreadable, problems, "unreadable_date", ("is no date.", "are no dates."),
        "Write dates as year-month-day, or name codes for missing: missing = [...].",
    )  # fmt: skip
    if not any(p.kind in ("date_order", "mixed_date_order", "ambiguous_date_order")
               and p.level == "error" for p in problems):  # fmt: skip
        _report(
            column, impossible, problems, "impossible_date",
            ("is a date that does not exist.", "are dates that do not exist."),
            "Look them up: such dates are slips of day, month or year.",
        )  # fmt: skip
        serial = outside & (column.form == Form.SERIAL)
        _report(
            column, serial, problems, "implausible_date",
            ("is neither a date nor a serial number of one after 1950.",
             "are neither dates nor serial numbers of dates after 1950."),
            "Is it the right column? Days since first treatment are named with day=.",
        )  # fmt: skip
        _report(
            column, outside & ~serial, problems, "implausible_date",
            ("lies before 1950 or after 2099.", "lie before 1950 or after 2099."),
            "Correct the year, or name the codes for missing: missing = [...].",
        )  # fmt: skip


def _report(
    column: DateColumn,
    marked: BoolArray,
    problems: list[Problem],
    kind: str,
    words: tuple[str, str],
    remedy: str,
) -> None:
    rows = column.column.rows_with(marked)
    if rows.any():
        one, many = (f"{c} of {column.column.what} {w}" for c, w in
                     zip(("entry", "entries"), words, strict=True))  # fmt: skip
        problems.append(
            Problem(kind, count_of(int(rows.sum()), one, many), column.column.where(rows), remedy)
        )


def _note_stored(column: DateColumn, date_system: int, problems: list[Problem]) -> None:
    """Note serial numbers, and refuse what a spreadsheet has read in another order."""
    serial = column.form == Form.SERIAL
    digits = column.is_digits
    fixed = serial | ((column.form == Form.FIXED) & ~column.is_named)
    days = column.days("day first", date_system)
    # Of serial numbers and other dates only those with days up to 12 can have been exchanged.
    early = ~np.isnan(_swap(days)) | _same_day_and_month(days)
    first = column.parts[:, 0] > 12
    second = column.parts[:, 1] > 12
    one_order = (first & ~second)[digits].all() or (second & ~first)[digits].all()
    counts = column.column.counts
    if (
        counts[digits].sum() >= FEW
        and counts[fixed].sum() >= FEW
        and one_order
        and early[fixed].all()
    ):
        k, j = int(np.flatnonzero(fixed)[0]), int(np.flatnonzero(digits)[0])
        problems.append(
            Problem(
                "exchanged_dates",
                f"{column.column.what} was changed by a spreadsheet: in "
                + count_of(int(counts[fixed].sum()), "entry", "entries")
                + " kept as dates no day is above 12, and in "
                + count_of(int(counts[digits].sum()), "entry", "entries")
                + " kept as text every one is. The former had day and month exchanged.",
                (
                    repr(plain(column.column.distinct[k])),
                    repr(plain(column.column.distinct[j])),
                ),
                "Export once more with dates as year-month-day, and open no csv file in a "
                "spreadsheet on the way.",
            )
        )
    elif serial.any():
        n = int(counts[serial].sum())
        k = int(np.flatnonzero(serial)[0])
        plausible = (days[serial] >= EARLIEST) & (days[serial] < LATEST)
        if plausible.all():
            stamp = np.datetime64(int(days[k]), "D")
            among = " among dates written as text" if (~serial).any() else ""
            problems.append(
                Problem(
                    "serial_numbers",
                    count_of(n, "entry", "entries")
                    + f" of {column.column.what} are serial numbers{among}: read as days since "
                    f"{date_system}, {plain(column.column.distinct[k])!r} is {stamp}.",
                    column.column.where(column.column.rows_with(serial)),
                    "Workbooks of old Macintosh versions count from 1904: date_system = 1904.",
                    level="note",
                )
            )


def _same_day_and_month(days: FloatArray) -> BoolArray:
    result = np.zeros(len(days), dtype=bool)
    known = np.flatnonzero(~np.isnan(days))
    stamps = days[known].astype("int64").astype("datetime64[D]")
    months = stamps.astype("datetime64[M]")
    day = (stamps - months.astype("datetime64[D]")).astype(int)
    month = (months - months.astype("datetime64[Y]").astype("datetime64[M]")).astype(int)
    result[known] = day == month
    return result


def _note_zones(column: DateColumn, timezone: str | None, problems: list[Problem]) -> None:
    known = column.offset[~np.isnan(column.offset)]
    n = int(column.column.counts[~np.isnan(column.offset)].sum())
    if column.zones and timezone is not None:
        problems.append(
            Problem(
                "named_zone",
                f"{column.column.what} names time zones without an offset from UTC.",
                column.zones,
                "Write offsets such as +01:00, or leave timezone out to keep dates as written.",
            )
        )
    elif n and timezone is not None:
        problems.append(
            Problem(
                "time_zone",
                count_of(n, "entry", "entries")
                + f" of {column.column.what} with an offset from UTC: counted on the calendar of "
                f"{timezone}.",
                (),
                "Leave timezone out to keep the dates as written.",
                level="note",
            )
        )
    elif n or column.zones:
        offsets = sorted(set(known.tolist()))
        apart = bool(len(offsets)) and offsets[-1] - offsets[0] > 60  # summer time is one hour
        listed = tuple(f"{'+' if o >= 0 else '-'}{abs(o) // 60:02.0f}:{abs(o) % 60:02.0f}"
                       for o in offsets) + column.zones  # fmt: skip
        problems.append(
            Problem(
                "time_zone",
                f"{column.column.what} holds time zones: dates are kept as written.",
                listed,
                'Where they should be those of one place, name it: timezone = "Europe/Berlin".',
                level="warning" if apart else "note",
            )
        )
