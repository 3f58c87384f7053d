"""When visits and events were: days since first treatment, from whatever the export holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import Problem, add_problems, count_of
from trdstats.intake.dates.days import (
    check_days,
    check_epochs,
    check_exchanged,
    check_gaps,
    days_since,
    describe_fit,
)
from trdstats.intake.dates.read import Dates, read_dates
from trdstats.intake.identifiers import Identifiers
from trdstats.intake.mapping.units import describe_unit, note_unit_in_name, to_days
from trdstats.intake.measured import Measured
from trdstats.intake.reading import Reading
from trdstats.intake.subject_level import constant
from trdstats.intake.values.entries import Column
from trdstats.kinds import label_of, places


@dataclass(frozen=True)
class Start:
    """Date and time of first treatment of each subject, shape (n_subjects,); NaN if not known."""

    day: FloatArray
    seconds: FloatArray
    swapped: FloatArray


@dataclass(frozen=True)
class Calendar:
    """All dates of an export, by the part they play, and first treatments."""

    dates: Mapping[str, Dates]
    start: Start


def read_calendar(
    reading: Reading,
    identifiers: Identifiers,
    subject: Mapping[str, IntArray],
    wide: Mapping[float, str],
) -> Calendar | None:
    """Return all dates of an export; None where it names none.

    Parameters
    ----------
    subject : mapping of str to ndarray of int
        Subject of each row, by table.
    wide : mapping of float to str
        Columns of dates of visits by the day in their names.
    """
    mapping, tables, problems = reading.mapping, reading.tables, reading.problems
    if mapping.start is None:
        return None
    columns: dict[str, Column] = {}
    if mapping.date is not None and not wide:
        columns["visits"] = tables["visits"].columns[mapping.date]
    columns |= {f"visits {day:g}": tables["visits"].columns[c] for day, c in wide.items()}
    for name in ("visits", "subjects"):
        if name in tables and mapping.start in tables[name].columns:
            columns[f"start {name}"] = tables[name].columns[mapping.start]
    for name in ("visits", "subjects"):
        for c in mapping.event_dates:
            if name in tables and c in tables[name].columns:
                columns[f"event {name} {c}"] = tables[name].columns[c]
    if "events" in tables and mapping.date in tables["events"].columns:
        columns["events"] = tables["events"].columns[str(mapping.date)]

    def fit(days: Mapping[str, FloatArray]) -> str:
        starts = _starts(
            {r: d for r, d in days.items() if r.startswith("start")}, subject, identifiers
        )
        visits = [d for r, d in days.items() if r == "visits" or r.startswith("visits ")]
        owner = subject["visits"]
        begin = np.append(starts, np.nan)[owner]
        return describe_fit(
            np.concatenate(visits or [np.empty(0)]),
            np.tile(begin, len(visits)),
            np.tile(owner, len(visits)),
        )

    dates = read_dates(
        {role: reading.date(c) for role, c in columns.items()},
        order=mapping.date_order,
        date_system=mapping.date_system,
        timezone=mapping.timezone,
        fit=fit,
        problems=problems,
    )
    if not any(p.level == "error" for p in problems):
        check_gaps(dates, problems)
    return Calendar(dates, _first_treatment(dates, subject, identifiers, problems))


def _starts(
    days: Mapping[str, FloatArray], subject: Mapping[str, IntArray], identifiers: Identifiers
) -> FloatArray:
    n = len(identifiers.names)
    result = np.full(n, np.nan)
    for role, day in days.items():
        first, _, _ = constant(day, subject[role.split()[1]], n)
        result = np.where(np.isnan(result), first, result)
    return result


def _first_treatment(
    dates: Mapping[str, Dates],
    subject: Mapping[str, IntArray],
    identifiers: Identifiers,
    problems: list[Problem],
) -> Start:
    n = len(identifiers.names)
    day, seconds, swapped = np.full((3, n), np.nan)
    for role in (r for r in ("start subjects", "start visits") if r in dates):
        read, owner = dates[role], subject[role.split()[1]]
        first, differs, row = constant(read.day, owner, n)
        again = ~np.isnan(day) & ~np.isnan(first) & (day != first)
        if differs.any() or again.any():
            marked = differs | np.append(again, False)[owner]
            who = [str(identifiers.names[k]) for k in owner]
            problems.append(
                Problem(
                    "conflicting_values",
                    f"{read.column.what} (start) says two dates of first treatment of "
                    + count_of(len(np.unique(owner[marked])), "subject.", "subjects."),
                    read.column.where(marked, who.__getitem__),
                    "Give one date a subject: that of the treatment that is compared.",
                )
            )
        new = np.isnan(day) & (row >= 0)
        day[new], seconds[new] = first[new], read.seconds[row[new]]
        swapped[new] = read.swapped[row[new]]
    return Start(day, seconds, swapped)


def visit_days(
    reading: Reading,
    identifiers: Identifiers,
    subject: IntArray,
    measured: Measured,
    calendar: Calendar | None,
) -> FloatArray:
    """Return the day of each visit, shape (n_visits,), NaN where none can be had.

    Parameters
    ----------
    subject : ndarray of int, shape (n_rows,)
        Subject of each row of the export.
    """
    mapping, problems = reading.mapping, reading.problems
    columns = reading.tables["visits"].columns
    if measured.day is not None and not measured.dates:
        return measured.day
    if mapping.day is not None:
        days = to_days(reading.number(columns[mapping.day], is_day=True), mapping.unit)
        if mapping.unit != "days":
            problems.append(_converted(columns[mapping.day], mapping.unit))
        else:
            what, remedy = columns[mapping.day].what, 'Say so: unit = "weeks" (or what it is).'
            add_problems(problems, note_unit_in_name(what, mapping.day, days, remedy))
        _report_undated(columns[mapping.day], np.isnan(days), measured, "day", problems)
        return days
    if mapping.visit is not None:
        return _named_days(reading, columns[mapping.visit], measured)
    assert calendar is not None
    if measured.dates:
        return _wide_dates(identifiers, subject, measured, calendar, problems)
    dates = calendar.dates["visits"]
    owner = np.append(calendar.start.day, np.nan)[subject]
    _report_untreated(identifiers, subject, np.isnan(owner) & ~np.isnan(dates.day), problems)
    clock = np.append(calendar.start.seconds, np.nan)[subject]
    days = days_since(dates, owner, clock, problems)
    _report_undated(dates.column, dates.column.code < 0, measured, "date", problems)
    swapped = np.append(calendar.start.swapped, np.nan)[subject]
    start = next(d for r, d in calendar.dates.items() if r.startswith("start"))
    check_epochs(days, subject, dates, start, len(identifiers.names), problems)
    check_exchanged(dates, start, owner, swapped, subject, list(identifiers.names), problems)
    check_days(
        days, lambda i: f"{identifiers.names[subject[i]]} (row {i})", dates.column.what, problems
    )
    return days


def _wide_dates(
    identifiers: Identifiers,
    subject: IntArray,
    measured: Measured,
    calendar: Calendar,
    problems: list[Problem],
) -> FloatArray:
    """Return days of visits whose dates stand in separate columns."""
    assert measured.day is not None
    grid = measured.day.reshape(len(subject), -1)
    result = np.full(grid.shape, np.nan)
    rated = measured.is_rated.reshape(grid.shape)
    start = np.append(calendar.start.day, np.nan)[subject]
    clock = np.append(calendar.start.seconds, np.nan)[subject]
    for k, day in enumerate(grid[0].tolist()):
        dates = calendar.dates.get(f"visits {day:g}")
        if dates is None:
            problems.append(
                Problem(
                    "no_date_column",
                    f"Visits of day {day:g} have scores but no column of dates.",
                    (),
                    "Give both patterns the same times, or leave date out.",
                )
            )
            continue
        notes: list[Problem] = []
        result[:, k] = days_since(dates, start, clock, notes)
        if not k:
            problems += notes
        undated = rated[:, k] & (dates.column.code < 0)
        if undated.any():
            problems.append(_undated(dates.column, undated, "date"))
        check_days(
            result[:, k], lambda i: str(identifiers.names[subject[i]]), dates.column.what, problems
        )
    _report_untreated(
        identifiers, subject, np.isnan(start) & ~np.isnan(result).all(axis=1), problems
    )
    return result.ravel()


def _named_days(reading: Reading, column: Column, measured: Measured) -> FloatArray:
    """Return the day that the name of each visit stands for."""
    column = reading.label(column)
    known = {label_of(k): v for k, v in reading.mapping.visit_days.items()}
    fold = {str(k).casefold(): v for k, v in known.items()}
    texts = [label_of(v) for v in column.distinct]
    of_value = np.array(
        [float(known.get(t, fold.get(str(t).casefold(), np.nan))) for t in texts], dtype=float
    )
    days = column.spread(of_value)
    unknown = column.rows_with(np.isnan(of_value))
    rated = unknown & measured.is_rated
    if rated.any():
        names = sorted({str(texts[k]) for k in np.unique(column.code[rated])})
        reading.problems.append(
            Problem(
                "unknown_visit",
                count_of(int(rated.sum()), "rating has", "ratings have")
                + f" a visit in {column.what} that visit_days does not name: "
                + ", ".join(map(repr, names[:12]))
                + ".",
                column.where(rated),
                f"Give it a day: visit_days = {{{names[0]!r} = ...}}.",
            )
        )
    _report_undated(column, column.code < 0, measured, "visit", reading.problems)
    return days


def _converted(column: Column, unit: str) -> Problem:
    return Problem(
        "unit_of_time",
        f"{column.what} became days: {describe_unit(unit)}.",  # type: ignore[arg-type]
        (),
        'If it holds days, leave unit out: unit = "days".',
        level="note",
    )


def _undated(column: Column, rows: BoolArray, role: str) -> Problem:
    return Problem(
        f"missing_{role}",
        count_of(int(rows.sum()), "rating has", "ratings have") + f" no {role} in {column.what}.",
        places(rows, lambda i: f"row {i}"),
        f"Fill the {role} in, or remove the rows: the day of a rating is never invented.",
    )


def _report_undated(
    column: Column, undated: BoolArray, measured: Measured, role: str, problems: list[Problem]
) -> None:
    rows = undated & (column.code < 0) & measured.is_rated
    if rows.any():
        problems.append(_undated(column, rows, role))


def _report_untreated(
    identifiers: Identifiers, subject: IntArray, rows: BoolArray, problems: list[Problem]
) -> None:
    who = np.unique(subject[rows & (subject >= 0)])
    if len(who) and not any(p.level == "error" for p in problems):
        marked = np.zeros(len(identifiers.names), dtype=bool)
        marked[who] = True
        problems.append(
            Problem(
                "missing_start",
                count_of(len(who), "subject has", "subjects have")
                + " dated visits but no date of first treatment.",
                places(marked, lambda i: str(identifiers.names[i])),
                "Fill it in, or remove the rows of subjects who were never treated.",
            )
        )
