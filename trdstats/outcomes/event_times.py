"""Times to an event with what is known of them: (left, right], time, status, covariates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arguments import checked
from trdstats.errors import DataError, Problem, count_of, nearest, unknown_name
from trdstats.study.checks import numbers as read_numbers
from trdstats.study.frames import to_pandas
from trdstats.tables import Face, Introduces, Table, format_count, format_number
from trdstats.weights import caveat_under


@checked
class EventTimes(Introduces):
    """One row a subject: when an event happened, as far as the visits tell.

    Parameters
    ----------
    frame : DataFrame
        One row a subject. Columns `left` and `right` may be absent: an event is then taken as
        known to the day, a censored time as (time, infinity). A column `entry` holds the day from
        which a subject is under observation, where that is not 0.
    subject, treatment, time, status, left, right, entry : str
        Columns. Times count in days from the origin. Status is 0 for censored, 1 for the event,
        2 and above for competing causes.
    outcome, origin : str
        What the event is, and from where time counts.
    causes : dict of int to str, optional
        Names of the status codes from 1.
    left_out : pandas.DataFrame, optional
        subject, treatment and reason of those without a time.
    caveat : str
        What every comparison must say; empty when nothing has to be said.
    first_look : dict of str to float, optional
        Earliest day on which anybody under a treatment was rated: before it nothing could be
        seen to happen.

    Attributes
    ----------
    frame : pandas.DataFrame
        subject, treatment, left, right, time, status, entry where it was given, then covariates.
        Where the origin is a first visit with something, `origin_gap` holds the days between the
        visit before it and that visit: the origin may have come about on any of them.

    Raises
    ------
    DataError
        With every problem of the frame.

    Examples
    --------
    >>> import pandas as pd
    >>> times = EventTimes(pd.DataFrame({"subject": [1, 2], "treatment": ["ECT", "TMS"],
    ...                                  "time": [7, 28], "status": [1, 0]}))
    >>> times.frame["right"].tolist()
    [7.0, inf]
    """

    __slots__ = ("_causes", "caveat", "first_look", "frame", "left_out", "origin", "outcome")

    def __init__(
        self,
        frame: Any,
        *,
        subject: str = "subject",
        treatment: str = "treatment",
        time: str = "time",
        status: str = "status",
        left: str = "left",
        right: str = "right",
        entry: str = "entry",
        outcome: str = "event",
        origin: str = "day 0",
        causes: Mapping[int, str] | None = None,
        left_out: pd.DataFrame | None = None,
        caveat: str = "",
        first_look: Mapping[str, float] | None = None,
    ) -> None:
        table = to_pandas(frame, what="event times")
        needed = {"subject": subject, "treatment": treatment, "time": time, "status": status}
        _raise(_check_columns(table, needed))
        given = {"left": left, "right": right, "entry": entry}
        names = {v: k for k, v in {**needed, **given}.items() if v in table.columns}
        table = table.rename(columns=names)
        _raise(_check_values(table))
        table = table.assign(**{c: _numbers(table[c]) for c in ("time", "status")})
        status_ = table["status"].to_numpy(dtype=int)
        time_ = table["time"].to_numpy(dtype=float)
        if "left" not in table:
            table["left"] = time_
        if "right" not in table:
            table["right"] = np.where(status_ == 1, time_, np.inf)
        numbers = {"left": float, "right": float, "time": float, "status": int}
        table = table.astype({**numbers, **({"entry": float} if "entry" in table else {})})
        if not isinstance(table["treatment"].dtype, pd.CategoricalDtype):
            text = table["treatment"].map(str)
            table["treatment"] = pd.Categorical(text, categories=sorted(set(text)))
        _raise(_check_order(table))
        first = ["subject", "treatment", "left", "right", "time", "status"]
        first += ["entry"] if "entry" in table else []
        self.frame = table[first + [c for c in table.columns if c not in first]]
        self.outcome, self.origin, self.caveat = outcome, origin, caveat
        self._causes = dict(causes or {1: outcome})
        self.first_look = dict(first_look or {})
        empty = pd.DataFrame({"subject": [], "treatment": [], "reason": []}, dtype=object)
        self.left_out = empty if left_out is None else left_out

    @property
    def treatments(self) -> tuple[str, ...]:
        """Treatments in the order of all tables and figures."""
        return tuple(self.frame["treatment"].cat.categories)

    @property
    def causes(self) -> dict[int, str]:
        """Names of the status codes: 1 is the event, 2 and above compete with it."""
        seen = sorted(set(self.frame["status"]) - {0})
        return {int(k): self._causes.get(int(k), f"cause {k}") for k in {*seen, *self._causes}}

    def at_risk(self) -> pd.DataFrame:
        """Return the rows with follow-up: time above 0, or the event itself at time 0.

        A subject that was never rated after the origin carries no information on the time.
        """
        keep = (self.frame["time"] > 0) | (self.frame["status"] == 1)
        return self.frame.loc[keep].reset_index(drop=True)

    def only(self, treatments: Sequence[str]) -> EventTimes:
        """Return the event times of some of the treatments.

        Raises
        ------
        UnknownNameError
            When a treatment is not there.
        """
        for name in treatments:
            if name not in self.treatments:
                raise unknown_name("treatment", name, self.treatments)
        kept = [t for t in self.treatments if t in treatments]
        frame = self.frame[self.frame["treatment"].isin(kept)]
        return EventTimes(
            frame.assign(treatment=frame["treatment"].cat.set_categories(kept)),
            outcome=self.outcome,
            origin=self.origin,
            causes=self._causes,
            left_out=self.left_out[self.left_out["treatment"].isin(kept)],
            caveat=self.caveat if len(kept) > 1 else "",
            first_look={k: v for k, v in self.first_look.items() if k in kept},
        )

    def face(self) -> Face:
        """Return counts by treatment, and how finely the visits locate the event."""
        frame, causes = self.frame, self.causes
        risk = self.at_risk()
        rows = []
        for name in self.treatments:
            mine = frame[frame["treatment"] == name]
            status = mine["status"].to_numpy()
            width = (mine["right"] - mine["left"]).to_numpy()[status == 1]
            rows.append(
                (
                    name,
                    format_count(len(mine)),
                    *(format_count((status == k).sum()) for k in causes),
                    format_count((status == 0).sum()),
                    format_count(len(mine) - (risk["treatment"] == name).sum()),
                    format_number(np.median(width) if len(width) else np.nan),
                )
            )
        header = ("Treatment", "Subjects", *causes.values(), "Censored", "Never seen", "Gap (days)")
        notes = ["Gap: median number of days between the visits that enclose the event."]
        notes += [f"{reason}: {n:,} left out." for reason, n in self._left_out_counts().items()]
        if self.caveat:
            notes.insert(0, self.caveat + ".")
        return Face(
            f"Time to {self.outcome}",
            (("Origin", self.origin), ("Time", "days")),
            (Table(header, tuple(rows)),),
            tuple(notes),
        )

    def _left_out_counts(self) -> dict[str, int]:
        return {str(k): int(v) for k, v in self.left_out["reason"].value_counts(sort=False).items()}


def as_event_times(data: Any, weights: Any = None) -> EventTimes:
    """Return event times from event times or a frame with their columns.

    `weights` are those of the subjects, where there are any: the caveat then knows of them.
    """
    times = data if isinstance(data, EventTimes) else EventTimes(data)
    caveat = caveat_under(times.caveat, weights)
    if caveat == times.caveat:
        return times
    other = copy(times)
    other.caveat = caveat
    return other


def _raise(problems: list[Problem]) -> None:
    if problems:
        raise DataError(problems)


def _check_columns(table: pd.DataFrame, needed: dict[str, str]) -> list[Problem]:
    found = []
    for role, column in needed.items():
        if column not in table.columns:
            close = nearest(column, table.columns)
            hint = f"Did you mean {close[0]!r}? " if close else ""
            found.append(
                Problem(
                    "unknown_column",
                    f"The event times have no column {column!r} for {role}.",
                    (),
                    f"{hint}Name it with {role}=...",
                )
            )
    if not len(table):
        found.append(
            Problem("empty_table", "The event times have no rows.", (), "Check how they were made.")
        )
    return found


def _places(table: pd.DataFrame, bad: Any) -> tuple[str, ...]:
    rows = np.flatnonzero(np.asarray(bad))
    subjects = table["subject"].to_numpy(dtype=object)
    return tuple(f"{subjects[i]} (row {i})" for i in rows)


def _numbers(values: pd.Series[Any]) -> npt.NDArray[np.float64]:
    is_bool = pd.api.types.is_bool_dtype(values.dtype)
    return read_numbers(values.astype(int) if is_bool else values)[0]


_HIGHEST = 1_000_000  # of causes; beyond lie codes for missing


def _check_values(table: pd.DataFrame) -> list[Problem]:
    time, status = (pd.Series(_numbers(table[c])) for c in ("time", "status"))
    bad_time = time.isna() | (time < 0) | (time == np.inf)
    bad_status = status.isna() | (status < 0) | (status != status.round()) | (status > _HIGHEST)
    checks: list[tuple[str, pd.Series[bool], str, str, str, str]] = [
        ("bad_time", bad_time, "time is", "times are", "missing, infinite or negative",
         "Times count in days from the origin; leave out those without follow-up."),
        ("bad_status", bad_status, "status is", "statuses are", "no whole number of 0 or above",
         "0 is censored, 1 the event, 2 and above competing causes."),
        ("duplicate_subject", table["subject"].duplicated(), "row repeats", "rows repeat",
         "a subject", "Keep one row a subject."),
        ("missing_treatment", table["treatment"].isna(), "row has", "rows have", "no treatment",
         "Fill the treatment in."),
    ]  # fmt: skip
    return [
        Problem(
            kind, f"{count_of(int(np.sum(bad)), one, many)} {text}.", _places(table, bad), remedy
        )
        for kind, bad, one, many, text, remedy in checks
        if np.any(bad)
    ]


def _check_order(table: pd.DataFrame) -> list[Problem]:
    left, right, status = table["left"], table["right"], table["status"]
    wrong = left.isna() | right.isna() | (left > right) | ((status == 1) & ~np.isfinite(right))
    found = []
    if wrong.any():
        found.append(
            Problem(
                "bad_interval",
                count_of(
                    int(wrong.sum()), "interval (left, right] is", "intervals (left, right] are"
                )
                + " missing, reversed, or infinite where the event was seen.",
                _places(table, wrong),
                "left is the last day without the event, right the first day with it.",
            )
        )
    if "entry" in table:
        late = ~(table["entry"] < table["time"]) & (table["time"] > 0)
        late |= ~(table["entry"] >= 0)
        if late.any():
            found.append(
                Problem(
                    "bad_entry",
                    count_of(int(late.sum()), "entry is", "entries are")
                    + " missing, negative, or not before the time.",
                    _places(table, late),
                    "entry is the day from which the subject is under observation.",
                )
            )
    return found
