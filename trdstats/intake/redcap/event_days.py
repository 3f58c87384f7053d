"""Days of the events of a REDCap project, by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from trdstats.errors import DataError, Problem, nearest
from trdstats.frames import to_pandas
from trdstats.intake.files import read_file
from trdstats.intake.mapping.units import Unit, to_days
from trdstats.intake.redcap.layout import RedcapLayout

_ARM = re.compile(r"_arm_\d+[a-z]?$")
_UNIT_FIRST = re.compile(r"(hour|day|week|month)s?_?(\d+)")
_NUMBER_FIRST = re.compile(r"(\d+)_?(hour|day|week|month)s?")
_AT_START = ("baseline", "treatment_start", "start_of_treatment")


def event_days(names: Iterable[str], layout: RedcapLayout) -> dict[str, float]:
    """Return the day since first treatment of each event.

    Parameters
    ----------
    names : iterable of str
        Events of visits, as they stand in the export: unique names, or labels.
    layout : RedcapLayout

    Raises
    ------
    DataError
        With the events whose day is not known, and the nearest known ones.
    """
    names = list(names)
    known = dict(layout.event_days)
    if layout.event_table is not None:
        known = _of_table(layout.event_table)
    days, unknown = {}, []
    for name in names:
        day = day_of_name(name) if layout.days_in_names else _look_up(name, known)
        if day is None:
            unknown.append(name)
        else:
            days[name] = day
    if unknown:
        raise DataError([_unknown(unknown, known, layout)])
    return days


def _of_table(table: Any) -> dict[str, float]:
    if isinstance(table, str):
        table = read_file(table, text="all").frame.astype(object)
    frame = to_pandas(table, what="event table")
    lacking = [c for c in ("unique_event_name", "day_offset") if c not in frame]
    if lacking:
        raise DataError(
            [
                Problem("event_table", f"The event table has no column {lacking[0]!r}.", (),
                        "Download it from REDCap: Define My Events, Download events (CSV).")
            ]
        )  # fmt: skip
    frame = frame.dropna(subset=["unique_event_name", "day_offset"])
    days: dict[str, float] = {}
    wrong: list[str] = []
    for n, d in zip(frame["unique_event_name"].map(str), frame["day_offset"], strict=True):
        day = pd.to_numeric(d, errors="coerce")
        if not np.isfinite(day):
            wrong.append(f"{n}: {d!r}, no number")
        elif days.setdefault(n, float(day)) != day:
            wrong.append(f"{n}: {days[n]:g} and {day:g}")
    if wrong:
        raise DataError(
            [
                Problem("event_table", "The event table does not give each event one day.",
                        tuple(wrong), "Correct day_offset, or give event_days={name: day}.")
            ]
        )  # fmt: skip
    frame = frame.drop_duplicates("unique_event_name")
    if "event_name" in frame:  # what exports with labels call it
        days |= {str(n): d for n, d in zip(frame["event_name"], days.values(), strict=True)}
    return days


def _look_up(name: str, known: Mapping[str, float]) -> float | None:
    for key in (name, _ARM.sub("", name), re.sub(r" \(Arm \d+: .*\)$", "", name)):
        if key in known:
            return known[key]
    return None


def day_of_name(name: str) -> float | None:
    """Return the day that the name of an event says, None where it says none."""
    text = _ARM.sub("", name.casefold().replace(" ", "_"))
    if text in _AT_START:
        return 0.0
    first, second = _UNIT_FIRST.fullmatch(text), _NUMBER_FIRST.fullmatch(text)
    if first is None and second is None:
        return None
    unit, number = first.groups() if first else second.groups()[::-1]  # type: ignore[union-attr]
    units: dict[str, Unit] = {
        "hour": "hours", "day": "days", "week": "weeks", "month": "months"
    }  # fmt: skip
    return float(to_days(float(number), units[unit]))


def _unknown(names: list[str], known: Mapping[str, float], layout: RedcapLayout) -> Problem:
    where = []
    for name in names:
        close = nearest(name, known, n=1)
        where.append(f"{name!r} (did you mean {close[0]!r}?)" if close else repr(name))
    if layout.days_in_names:
        remedy = "Their names do not say it: give event_days={name: day} for all events."
    elif layout.event_table is not None:
        remedy = "Complete day_offset of the event table, or give event_days={name: day}."
    else:
        remedy = (
            "Give event_days={name: day}, the project's event_table, or days_in_names=True where "
            "names such as week_4_arm_1 say it."
        )
    return Problem(
        "unknown_event",
        "Ratings stand under events whose day is not known.",
        tuple(where),
        remedy,
    )
