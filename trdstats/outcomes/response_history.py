"""Stays in states: not responding, in response, relapsed; one row a subject and stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import Level, checked
from trdstats.errors import DataError, Problem, pick_levels
from trdstats.frames import locked, to_pandas
from trdstats.kernels.visits.near_days import near_days_as_one
from trdstats.kinds import as_labels
from trdstats.outcomes.check_history import (
    CENSORED,
    COLUMNS,
    STATES,
    check_columns,
    check_course,
    check_values,
)
from trdstats.outcomes.event_times import EventTimes
from trdstats.outcomes.switching import SwitchCounts, notes_on
from trdstats.tables import Summary, SummaryMixin, Table, caveat_notes, format_count


@checked
class ResponseHistory(SummaryMixin):
    """Who was in which state from when to when, as far as the visits tell.

    Parameters
    ----------
    frame : DataFrame
        One row a subject and stay: subject, treatment, start and stop (days since day 0), state
        ("not responding", "in response" or "relapsed") and to, the state in which the stay ended
        or "censored". A stay follows the one before it without a gap; one that ends on the day it
        starts (an event on the day of response) must lead to another state. Columns `left` and
        `right`, the days between which the change of state happened, may be absent: changes are
        then taken as known to the day. Others are covariates, the same on all rows of a subject.
    response, relapse : str
        What the changes of state are, for labels.
    unseen : pandas.DataFrame, optional
        subject, treatment and covariates of those never assessed after day 0.
    left_out : pandas.DataFrame, optional
        subject, treatment and reason of those whose state can never be known.
    visits : pandas.DataFrame, optional
        subject and day of every rated visit. Methods for changes between visits use them.
    caveat : str
        What every comparison must say; empty when nothing has to be said.
    first_look : dict of str to float, optional
        Earliest day on which any subject under a treatment was assessed.
    switching : SwitchCounts, optional
        How many started another treatment, and how they are counted.

    Attributes
    ----------
    frame : pandas.DataFrame
        subject, treatment, start, stop, state, to, left, right, then covariates; sorted by
        subject, in order of appearance, and start. Its numbers and categories
        cannot be changed in place.

    Raises
    ------
    DataError
        With every problem of the frame.

    Examples
    --------
    >>> import pandas as pd
    >>> history = ResponseHistory(pd.DataFrame({
    ...     "subject": ["A", "A", "B"], "treatment": ["ECT", "ECT", "TMS"],
    ...     "start": [0, 7, 0], "stop": [7, 28, 28],
    ...     "state": ["not responding", "in response", "not responding"],
    ...     "to": ["in response", "censored", "censored"]}))
    >>> history.frame["right"].tolist()
    [7.0, inf, inf]
    """

    __slots__ = (
        "caveat", "first_look", "frame", "left_out", "relapse", "response", "switching", "unseen",
        "visits",
    )  # fmt: skip

    def __init__(
        self,
        frame: FrameLike,
        *,
        response: str = "response",
        relapse: str = "relapse",
        unseen: pd.DataFrame | None = None,
        left_out: pd.DataFrame | None = None,
        visits: pd.DataFrame | None = None,
        caveat: str = "",
        first_look: Mapping[str, float] | None = None,
        switching: SwitchCounts | None = None,
    ) -> None:
        table = to_pandas(frame, what="response history")
        _raise(check_columns(table))
        if not isinstance(table["treatment"].dtype, pd.CategoricalDtype):
            table["treatment"] = as_labels(table["treatment"])
        _raise(check_values(table))
        table = table.astype({"start": float, "stop": float})
        seen = (table["to"] != CENSORED).to_numpy()
        if "left" not in table:
            table["left"] = table["stop"]
        if "right" not in table:
            table["right"] = np.where(seen, table["stop"], np.inf)
        table = table.astype({"left": float, "right": float})
        table, visits = _tied(table, visits)
        order = np.lexsort((table["stop"], table["start"], pd.factorize(table["subject"])[0]))
        table = table.assign(row_=np.arange(len(table))).iloc[order].reset_index(drop=True)
        _raise(check_course(table))
        first = [*COLUMNS, "left", "right"]
        rest = [c for c in table.columns if c not in (*first, "row_")]
        frame = table[first + rest].astype(
            {
                "state": pd.CategoricalDtype([*STATES]),
                "to": pd.CategoricalDtype([*STATES, CENSORED]),
            }
        )
        self._hold(
            frame, response=response, relapse=relapse, unseen=unseen, left_out=left_out,
            visits=visits, caveat=caveat, first_look=first_look, switching=switching,
        )  # fmt: skip

    def _hold(
        self, frame: pd.DataFrame, *, response: str, relapse: str, unseen: pd.DataFrame | None,
        left_out: pd.DataFrame | None, visits: pd.DataFrame | None, caveat: str,
        first_look: Mapping[str, float] | None, switching: SwitchCounts | None,
    ) -> None:  # fmt: skip
        self.frame = locked(frame)
        empty = pd.DataFrame({"subject": [], "treatment": [], "reason": []}, dtype=object)
        self.left_out = empty if left_out is None else left_out
        self.unseen = empty.drop(columns="reason") if unseen is None else unseen
        none = pd.DataFrame({"subject": [], "day": []})
        self.visits = none if visits is None else visits[["subject", "day"]]
        self.response, self.relapse, self.caveat = response, relapse, caveat
        self.first_look = dict(first_look or {})
        self.switching = switching

    @classmethod
    def of_valid(
        cls, frame: pd.DataFrame, *, response: str, relapse: str, unseen: pd.DataFrame,
        left_out: pd.DataFrame, visits: pd.DataFrame, caveat: str,
        first_look: Mapping[str, float], switching: SwitchCounts | None,
    ) -> ResponseHistory:  # fmt: skip
        """Return histories of rows that were checked before.

        Checking them again would take a good part of the time of a comparison of many pairs.

        Parameters
        ----------
        frame : pandas.DataFrame
            Columns, types and order of rows as in `frame` of histories.
        response, relapse, unseen, left_out, visits, caveat, first_look, switching
            As in `ResponseHistory`.
        """
        frame, seen = _tied(frame, visits)
        history = cls.__new__(cls)
        history._hold(
            frame, response=response, relapse=relapse, unseen=unseen, left_out=left_out,
            visits=seen, caveat=caveat, first_look=first_look, switching=switching,
        )  # fmt: skip
        return history

    @property
    def treatments(self) -> tuple[str, ...]:
        """Treatments in the order of all tables and figures."""
        return tuple(self.frame["treatment"].cat.categories)

    @property
    def regains(self) -> bool:
        """Whether somebody is followed after a relapse, and may respond again."""
        return bool((self.frame["state"] == STATES[2]).any())

    def per_subject(self) -> EventTimes:
        """Return one row a subject: when it was first in response, as far as that was seen.

        Status is 1 for those who were ever in response: (left, right] holds the first response,
        dated at `right`. For the others `time` is the end of follow-up. Those never assessed have
        time 0.
        """
        frame = self.frame
        code, who = pd.factorize(frame["subject"])
        starts_so = (frame["state"] == STATES[1]).to_numpy()
        responds = np.flatnonzero(starts_so | (frame["to"] == STATES[1]).to_numpy())
        start, stop, left, right = (
            frame[c].to_numpy(dtype=float) for c in ("start", "stop", "left", "right")
        )
        # Written in reverse, the first row of a subject stays; written in turn, the last one.
        first, last, met = (np.zeros(len(who), dtype=np.intp) for _ in range(3))
        every = np.arange(len(code))
        first[code[::-1]], last[code] = every[::-1], every
        met[code[responds[::-1]]] = responds[::-1]
        came = np.zeros(len(who), dtype=bool)
        came[code[responds]] = True
        begins = starts_so[met]
        dated = np.where(came, np.where(begins, start[met], right[met]), np.inf)
        time = np.where(np.isfinite(dated), dated, stop[last])
        table = frame.iloc[first].drop(columns=["start", "state", "to", "stop"])
        table = table.assign(
            time=time,
            status=came.astype(int),
            left=np.where(came, np.where(begins, start[met], left[met]), time),
            right=dated,
        )
        if len(self.unseen):
            never = self.unseen.assign(left=0.0, right=np.inf, time=0.0, status=0)
            table = pd.concat([table, never[[c for c in table.columns if c in never]]])
            table["treatment"] = pd.Categorical(table["treatment"], categories=self.treatments)
        return EventTimes.of_valid(
            table.reset_index(drop=True),
            outcome=self.response,
            left_out=self.left_out,
            caveat=self.caveat,
            first_look=self.first_look,
            switching=self.switching,
        )

    def only(self, treatments: Sequence[Level]) -> ResponseHistory:
        """Return the histories under some of the treatments.

        Raises
        ------
        UnknownNameError
            When a treatment is not there.
        """
        kept = pick_levels("treatment", treatments, self.treatments)
        frame = self.frame[self.frame["treatment"].isin(kept)]
        return ResponseHistory(
            frame.assign(treatment=frame["treatment"].cat.set_categories(kept)),
            response=self.response,
            relapse=self.relapse,
            unseen=self.unseen[self.unseen["treatment"].isin(kept)],
            left_out=self.left_out[self.left_out["treatment"].isin(kept)],
            visits=self.visits,
            caveat=self.caveat if len(kept) > 1 else "",
            first_look={k: v for k, v in self.first_look.items() if k in kept},
            switching=self.switching and self.switching.only(kept),
        )

    def only_subjects(self, subjects: Sequence[object] | pd.Series[Any]) -> ResponseHistory:
        """Return the histories of some subjects; who was left out before stays so."""
        other = copy(self)
        other.frame = locked(
            self.frame[self.frame["subject"].isin(subjects)].reset_index(drop=True)
        )
        other.unseen = self.unseen[self.unseen["subject"].isin(subjects)]
        other.visits = self.visits[self.visits["subject"].isin(subjects)]
        other.switching = self.switching and self.switching.among(subjects)
        return other

    def summary(self) -> Summary:
        """Return subjects and changes of state by treatment."""
        rows = []
        for name in self.treatments:
            of_arm = self.frame[self.frame["treatment"] == name]
            to = of_arm["to"]
            rows.append(
                (
                    name,
                    format_count(of_arm["subject"].nunique()),
                    format_count(of_arm.loc[to == STATES[1], "subject"].nunique()),
                    format_count(of_arm.loc[to == STATES[2], "subject"].nunique()),
                    format_count((of_arm["state"].eq(STATES[2]) & to.eq(STATES[1])).sum()),
                    format_count((self.unseen["treatment"] == name).sum()),
                )
            )
        header = ("Treatment", "Subjects", "Responded", "Relapsed", "Regained", "Never assessed")
        notes = [*caveat_notes(self.caveat)]
        notes += notes_on(self.switching)
        reasons = self.left_out["reason"].value_counts(sort=False)
        notes += [f"{reason}: {int(n):,} left out." for reason, n in reasons.items()]
        return Summary(
            "Histories of response",
            (("Response", self.response), ("Relapse", self.relapse), ("Time", "days since day 0")),
            (Table(header, tuple(rows)),),
            tuple(notes),
        )


def as_history(data: Any) -> ResponseHistory:
    """Return histories from histories or a frame with their columns."""
    return data if isinstance(data, ResponseHistory) else ResponseHistory(data)


def _tied(
    table: pd.DataFrame, visits: pd.DataFrame | None
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Return stays and visits with days that differ by rounding as one."""
    days = {c: table[c].to_numpy(dtype=float) for c in ("start", "stop", "left", "right")}
    if visits is not None:
        days["day"] = visits["day"].to_numpy(dtype=float)
    code = pd.factorize(table["subject"])[0]
    tied = near_days_as_one(days, span=("start", "stop"), subject=code)
    if "day" in tied and visits is not None:
        visits = visits.assign(day=tied.pop("day"))
    return table.assign(**tied), visits


def _raise(problems: list[Problem]) -> None:
    if problems:
        raise DataError(problems)
