"""Events of an export: columns with the date of one, and a table of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import Problem, count_of, nearest
from trdstats.intake.dates.days import days_since
from trdstats.intake.identifiers import Identifiers
from trdstats.intake.mapping.units import to_days
from trdstats.intake.reading import Reading
from trdstats.intake.timing import Calendar
from trdstats.intake.values.entries import as_objects, plain
from trdstats.kinds import places


def read_events(
    reading: Reading,
    identifiers: Identifiers,
    subject: Mapping[str, IntArray],
    calendar: Calendar | None,
) -> pd.DataFrame | None:
    """Return events as subject, day, event; None where the export names none."""
    mapping = reading.mapping
    parts = [*_from_columns(reading, identifiers, subject, calendar)]
    if "events" in reading.tables:
        part = _from_table(reading, identifiers, subject["events"], calendar)
        parts += [] if part is None else [part]
    if not parts:
        asked = mapping.event_dates or mapping.event_days
        return _frame(identifiers, np.empty(0, np.intp), np.empty(0), np.empty(0, object)) if (
            asked
        ) else None  # fmt: skip
    frame = pd.concat(parts, ignore_index=True)
    return frame.drop_duplicates(ignore_index=True)


def _frame(
    identifiers: Identifiers, subject: IntArray, day: FloatArray, event: object
) -> pd.DataFrame:
    return pd.DataFrame({"subject": identifiers.names[subject], "day": day, "event": event})


def _from_columns(
    reading: Reading,
    identifiers: Identifiers,
    subject: Mapping[str, IntArray],
    calendar: Calendar | None,
) -> Iterator[pd.DataFrame]:
    mapping, tables, problems = reading.mapping, reading.tables, reading.problems
    for name in ("visits", "subjects"):
        for column, event in {**mapping.event_dates, **mapping.event_days}.items():
            if name not in tables or column not in tables[name].columns:
                continue
            owner = subject[name]
            if column in mapping.event_days:
                number = reading.number(tables[name].columns[column], is_day=True)
                days = to_days(number, mapping.unit)
            else:
                assert calendar is not None
                dates = calendar.dates[f"event {name} {column}"]
                start = np.append(calendar.start.day, np.nan)[owner]
                clock = np.append(calendar.start.seconds, np.nan)[owner]
                days = days_since(dates, start, clock, [])
                _check_start(identifiers, owner, dates.day, days, column, problems)
            rows = np.flatnonzero(~np.isnan(days) & (owner >= 0))
            yield _frame(identifiers, owner[rows], days[rows], event)


def _from_table(
    reading: Reading, identifiers: Identifiers, owner: IntArray, calendar: Calendar | None
) -> pd.DataFrame | None:
    mapping, problems = reading.mapping, reading.problems
    columns = reading.tables["events"].columns
    if mapping.event not in columns:
        close = nearest(mapping.event, columns)
        problems.append(
            Problem(
                "unknown_column",
                f"`events` has no column {mapping.event!r} that says what happened.",
                (),
                f"Name it: event = ... Columns: {', '.join(map(repr, close or columns))}.",
            )
        )
        return None
    named = reading.label(columns[mapping.event])
    if calendar is not None and "events" in calendar.dates:
        dates = calendar.dates["events"]
        start = np.append(calendar.start.day, np.nan)[owner]
        clock = np.append(calendar.start.seconds, np.nan)[owner]
        days = days_since(dates, start, clock, problems)
        _check_start(identifiers, owner, dates.day, days, "events", problems)
    else:
        column = mapping.day or "day"
        if column not in columns:
            problems.append(
                Problem(
                    "unknown_column",
                    f"`events` has neither the column of dates {mapping.date!r} nor {column!r}.",
                    (),
                    "Name date (or day) of events and of visits alike. "
                    f"Columns: {', '.join(map(repr, columns))}.",
                )
            )
            return None
        days = to_days(reading.number(columns[column], is_day=True), mapping.unit)
    events = as_objects([*map(plain, named.distinct), None])[named.code]
    return _frame(identifiers, owner, days, events)


def _check_start(
    identifiers: Identifiers,
    owner: IntArray,
    dates: FloatArray,
    days: FloatArray,
    column: str,
    problems: list[Problem],
) -> None:
    lost = ~np.isnan(dates) & np.isnan(days)
    if lost.any():
        problems.append(
            Problem(
                "missing_start",
                count_of(int(lost.sum()), "event", "events")
                + f" of {column!r} of subjects without a date of first treatment.",
                places(lost, lambda i: str(identifiers.names[owner[i]])),
                "Fill it in, or remove the event.",
            )
        )
