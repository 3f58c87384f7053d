"""When visits were: days, dates since first treatment, names of visits, names of columns."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import IntArray
from trdstats.intake.propose.names import columns_for, fold, read_name
from trdstats.intake.propose.proposal import Question
from trdstats.intake.propose.scores import FoundScores
from trdstats.intake.propose.values import are_dates, as_numbers, is_constant, present
from trdstats.intake.redcap.event_days import day_of_name

_EVENT = ("redcap_event_name", "Event Name")
_BIRTH = ("birth", "geburt", "dob")


@dataclass
class Times:
    """What was found of times, gathered on the way.

    Attributes
    ----------
    fields, assumed, questions, lacking
        As in `Proposal`.
    used : set of str
        Columns taken.
    by_event : bool
        Whether the day is that of the event of a REDCap project.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    assumed: dict[str, str] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    lacking: list[Question] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    by_event: bool = False

    def lack(self, key: str, words: str) -> None:
        """Add what has to be known first."""
        self.lacking.append(Question(key, words))


def find_times(
    frame: pd.DataFrame,
    subject: IntArray,
    n: int,
    scores: FoundScores,
    used: Collection[str],
    *,
    is_redcap: bool,
    event_table: str | None,
) -> Times:
    """Return how an export says when visits were.

    Parameters
    ----------
    frame : pandas.DataFrame
    subject : ndarray of int, shape (n_rows,)
    n : int
        Number of subjects.
    scores : FoundScores
    used : collection of str
        Columns that have a role.
    is_redcap : bool
    event_table : str or None
    """
    times = Times()
    free = [c for c in frame.columns if c not in used]
    dated = [c for c in free if are_dates(frame[c], named=read_name(c).is_date or _starts(c))]
    starts = _starts_of(frame, dated, subject, n)
    if scores.is_wide:
        _wide(times, dated, starts)
        return times
    for role, unit in (("day", "days"), ("week", "weeks"), ("month", "months")):
        for column in columns_for(role, free):
            if as_numbers(frame[column]) is not None and not is_redcap:
                times.fields["day"] = column
                times.assumed["day"] = f"{unit} since first treatment"
                times.used.add(column)
                if unit != "days":
                    times.fields["unit"] = unit
                _note_dates(times, dated, column)
                return times
    visits = _dates_of_visits(frame, dated, scores, starts, subject, n)
    if visits and starts:
        _dates(times, visits, starts)
        times.used |= set(dated)
        return times
    if is_redcap and _by_event(times, frame, scores, event_table):
        return times
    if not is_redcap and _by_name(times, frame, free):
        return times
    if visits:
        times.lack(
            "start",
            f"the date of first treatment: {visits[0]!r} holds dates of visits, and no column that "
            "is the same within each subject is called start, begin or first_treatment",
        )
    else:
        times.lack(
            "day",
            "when visits were: no column is called day, week or date, and no column of scores has "
            "its time in its name, as madrs_w4 has. Rename it",
        )
    return times


def _starts(column: str) -> bool:
    return bool(columns_for("start", [column]))


def _starts_of(frame: pd.DataFrame, dated: list[str], subject: IntArray, n: int) -> list[str]:
    """Return the dates that may be of first treatment, those called so first."""
    same = [c for c in dated if is_constant(frame[c], subject, n)]
    called = columns_for("start", same)
    others = [
        c for c in same
        if c not in called and not any(b in fold(c) for b in _BIRTH) and read_name(c).unit is None
    ]  # fmt: skip
    return called or (others if len(others) == 1 and len(dated) > 1 else [])


def _wide(times: Times, dated: list[str], starts: list[str]) -> None:
    timed = [n for n in map(read_name, dated) if n.unit is not None]
    patterns = {n.pattern for n in timed}
    times.assumed["score"] = "the time stands in the names of columns, from first treatment on"
    if len(patterns) == 1 and len(timed) > 1 and starts:
        times.fields |= {"date": timed[0].pattern, "start": starts[0]}
        times.assumed["date"] = "actual dates of the visits, which count before the names"
        times.assumed["start"] = "date of first treatment, day 0"
    elif timed:
        times.questions.append(
            Question(
                "score",
                "there are dates beside the scores, and no single date of first treatment: days "
                "are those in the names of columns",
            )
        )
    times.used |= set(dated)


def _note_dates(times: Times, dated: list[str], day: str) -> None:
    if dated:
        shown = ", ".join(map(repr, dated))
        times.questions.append(
            Question("day", f"days were taken from {day!r}, not from the dates in {shown}")
        )
        times.used |= set(dated)


def _dates_of_visits(
    frame: pd.DataFrame,
    dated: list[str],
    scores: FoundScores,
    starts: list[str],
    subject: IntArray,
    n: int,
) -> list[str]:
    """Return the dates that change within subjects: of the scale, then called so, then others."""
    free = [c for c in dated if c not in starts[:1] and not is_constant(frame[c], subject, n)]
    rated = np.zeros(len(frame), dtype=bool)
    for column in scores.used:
        rated |= present(frame[column])
    free = [c for c in free if (present(frame[c]) & rated).sum() >= 0.5 * rated.sum()]
    called = columns_for("date", free)

    def rank(column: str) -> int:
        name = read_name(column)
        if name.scale in scores.scales:
            return 0
        return 1 if column in called else 2

    return sorted(free, key=rank)


def _dates(times: Times, visits: list[str], starts: list[str]) -> None:
    times.fields |= {"date": visits[0], "start": starts[0]}
    times.assumed["date"] = "dates of the visits"
    times.assumed["start"] = "date of first treatment, day 0"
    for key, several in (("date", visits), ("start", starts)):
        if len(several) > 1:
            others = " or ".join(map(repr, several[1:]))
            times.questions.append(Question(key, f"{several[0]!r} was taken, not {others}"))
    if not _starts(starts[0]):
        times.questions.append(
            Question(
                "start", f"{starts[0]!r} is the only date that is the same within each subject; it "
                "was taken as that of first treatment",
            )
        )  # fmt: skip


def _by_event(
    times: Times, frame: pd.DataFrame, scores: FoundScores, event_table: str | None
) -> bool:
    event = next((c for c in _EVENT if c in frame), None)
    if event is None:
        return False
    if event_table is None:
        rated = np.zeros(len(frame), dtype=bool)
        for column in scores.used:
            rated |= present(frame[column])
        unread = [e for e in pd.unique(frame.loc[rated, event].dropna())
                  if day_of_name(str(e)) is None]  # fmt: skip
        if unread:
            shown = ", ".join(map(repr, unread[:5]))
            times.lack(
                "redcap",
                f"the days of the events: the names {shown} do not say them. Put the event table "
                "of the project (Define My Events, Download events) beside the export",
            )
            return True
    times.by_event = True
    times.assumed["event"] = (
        f"days of events are those of {event_table}" if event_table else
        "days of events are read from their names"
    )  # fmt: skip
    times.questions.append(
        Question(
            "redcap",
            "every visit stands on the planned day of its event: for actual days name the fields "
            "of its date and of first treatment with date and start",
        )
    )
    return True


def _by_name(times: Times, frame: pd.DataFrame, free: list[str]) -> bool:
    for column in columns_for("visit", free):
        names = [str(v) for v in pd.unique(frame.loc[present(frame[column]), column])]
        days = {name: day_of_name(name) for name in names}
        if days and all(d is not None for d in days.values()):
            times.fields |= {"visit": column, "visit_days": days}
            times.assumed["visit"] = "days are read from the names of visits"
            times.questions.append(Question("visit_days", "every visit stands on its planned day"))
            times.used.add(column)
            return True
    return False
