"""Episodes: rows (start, stop] of follow-up with what held during them and how they ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import Level, checked
from trdstats.arrays import IntArray
from trdstats.errors import DataError, Problem, SpecError, pick_level
from trdstats.estimates.weights import WeightsLike, caveat_under
from trdstats.frames import to_pandas
from trdstats.kernels.visits.near_days import near_days_as_one
from trdstats.kinds import as_labels
from trdstats.outcomes.check_event_times import check_roles
from trdstats.outcomes.episodes.check_episodes import (
    check_columns,
    check_names,
    check_rows,
    check_subjects,
    read_numbers,
)
from trdstats.outcomes.event_times import named_causes
from trdstats.outcomes.switching import SwitchCounts, caveat_of_figure, notes_on
from trdstats.tables import Summary, SummaryMixin, Table, caveat_notes, format_count

_FIRST = ["subject", "treatment", "start", "stop", "status", "number"]


@checked
class Episodes(SummaryMixin):
    """Spans (start, stop] of follow-up, one or more rows a subject.

    A subject is at risk after `start` and up to `stop`. Covariates hold for the whole span, so
    that a covariate that changes has a new row on the day of each change. An event ends its row;
    where events come again, the next row is the risk of the next one.

    Parameters
    ----------
    frame : DataFrame
        subject, treatment, start, stop, status and covariates. Rows of a subject do not overlap;
        between them it is not at risk. Only an event at the origin has start and stop at 0.
    subject, treatment, start, stop, status : str
        Columns. Days count from the origin. Status is 0 where the row ends without an event, 1
        for the event, 2 and above for what ends the follow-up of a subject (a competing event).
    outcome, origin : str
        What the event is, and from where time counts.
    causes : dict of int to str, optional
        Names of the status codes from 1.
    left_out : pandas.DataFrame, optional
        subject, treatment and reason of those without an episode.
    caveat : str
        What every comparison must say; empty when nothing has to be said.
    switching : SwitchCounts, optional
        How many started another treatment, and how they are counted.

    Attributes
    ----------
    frame : pandas.DataFrame
        subject, treatment, start, stop, status, number (1 for the row of a subject's first event,
        2 for that of its second, ...; rows cut by a covariate share it), then covariates; sorted
        by subject, in order of appearance, and start.
    clock : {"total", "gap"}
        "gap" after `gap_time`: days count from the start of each span.

    Raises
    ------
    DataError
        With every problem of the frame.

    Examples
    --------
    >>> import pandas as pd
    >>> episodes = Episodes(pd.DataFrame({
    ...     "subject": ["A", "A", "B"], "treatment": ["ECT", "ECT", "TMS"], "start": [0, 14, 0],
    ...     "stop": [14, 28, 28], "status": [1, 0, 0]}))
    >>> episodes.frame["number"].tolist()
    [1, 2, 1]
    """

    __slots__ = (
        "_causes", "caveat", "clock", "frame", "left_out", "origin", "outcome", "switching",
    )  # fmt: skip

    def __init__(
        self,
        frame: FrameLike,
        *,
        subject: str = "subject",
        treatment: str = "treatment",
        start: str = "start",
        stop: str = "stop",
        status: str = "status",
        outcome: str = "event",
        origin: str = "day 0",
        causes: Mapping[int, str] | None = None,
        left_out: pd.DataFrame | None = None,
        caveat: str = "",
        switching: SwitchCounts | None = None,
    ) -> None:
        table = to_pandas(frame, what="episodes")
        roles = {
            "subject": subject, "treatment": treatment, "start": start, "stop": stop,
            "status": status,
        }  # fmt: skip
        _raise(check_columns(table, roles))
        _raise(check_roles(table, roles, "episodes"))
        table = table.rename(columns={v: k for k, v in roles.items()})
        table, problems = read_numbers(table)
        _raise(problems)
        _raise(check_rows(table))
        if not isinstance(table["treatment"].dtype, pd.CategoricalDtype):
            table["treatment"] = as_labels(table["treatment"])
        code = pd.factorize(table["subject"])[0]
        table = _tied(table, code)
        table = table.iloc[np.lexsort((table["stop"], table["start"], code))]
        _raise(check_subjects(table.assign(row_=table.index)))
        table = table.reset_index(drop=True).astype({"status": int})
        _raise(check_names(table, _numbers_of(table)))
        table["number"] = _numbers_of(table)
        self.frame = table[_FIRST + [c for c in table.columns if c not in _FIRST]]
        self.outcome, self.origin, self.caveat = outcome, origin, caveat
        self.clock, self.switching = "total", switching
        self._causes = dict(causes or {1: outcome})
        empty = pd.DataFrame({"subject": [], "treatment": [], "reason": []}, dtype=object)
        self.left_out = empty if left_out is None else left_out

    @property
    def treatments(self) -> tuple[str, ...]:
        """Treatments in the order of all tables and figures."""
        return tuple(self.frame["treatment"].cat.categories)

    @property
    def causes(self) -> dict[int, str]:
        """Names of the status codes: 1 is the event, 2 and above end the follow-up."""
        return named_causes(self.frame["status"], self._causes)

    @property
    def figure_caveat(self) -> str:
        """What stands under a figure: the caveat, and how many switched and how they count."""
        return caveat_of_figure(self.caveat, self.switching)

    @property
    def is_recurrent(self) -> bool:
        """Whether a subject has more than one event."""
        return bool((_numbers_of(self.frame) > 1).any())

    @property
    def n_subjects(self) -> int:
        """Number of subjects with an episode."""
        return int(self.frame["subject"].nunique())

    def at_risk(self) -> pd.DataFrame:
        """Return the rows of the risk sets, with entry and time of each.

        A row censored at the origin is at risk at time 0 only, where somebody had an event there.
        """
        frame = self.frame
        at_origin = frame["stop"] == 0
        if not (at_origin & (frame["status"] > 0)).any():
            frame = frame[~at_origin]
        time = frame["stop"]
        return frame.assign(
            entry=frame["start"], time=time, left=time,
            right=time.where(frame["status"] == 1, np.inf),
        ).reset_index(drop=True)  # fmt: skip

    def n_unseen(self) -> int:
        """Return the number of subjects censored at the origin."""
        return int(((self.frame["stop"] == 0) & (self.frame["status"] == 0)).sum())

    def with_reference(self, reference: Level) -> Episodes:
        """Return the same episodes with one treatment first: what models compare others with.

        Raises
        ------
        UnknownNameError
            When the treatment is not there.
        """
        first = pick_level("treatment", reference, self.treatments)
        order = [first, *(t for t in self.treatments if t != first)]
        return self.with_rows(
            self.frame.assign(treatment=self.frame["treatment"].cat.set_categories(order))
        )

    def gap_time(self) -> Episodes:
        """Return the episodes with time counted from the start of the risk of each event.

        Raises
        ------
        SpecError
            When time is counted so already.

        Notes
        -----
        The clock of the gap-time model of Prentice, Williams and Peterson 1981,
        doi:10.1093/biomet/68.2.373; stratify by the number of the event.
        """
        if self.clock == "gap":
            raise SpecError("Time is counted from the start of each risk already.")
        frame = self.frame
        # By the event itself, also where late events share a number.
        risk = [frame["subject"], _numbers_of(frame)]
        origin = frame.groupby(risk, observed=True)["start"].transform("min")
        spans = frame.assign(start=frame["start"] - origin, stop=frame["stop"] - origin)
        made = self.with_rows(_tied(spans, pd.factorize(frame["subject"])[0]))
        made.clock = "gap"
        return made

    def with_numbers_to(self, most: int) -> Episodes:
        """Return the episodes with all events from the `most`-th on under one number.

        Late strata hold few events: with ``with_numbers_to(3)`` the third and later events share
        a stratum.

        Raises
        ------
        SpecError
            When `most` is below 1.
        """
        if most < 1:
            raise SpecError(f"most is a number of events of 1 or above; got {most}.")
        return self.with_rows(self.frame.assign(number=self.frame["number"].clip(upper=most)))

    def without_subjects(self, subjects: Sequence[object] | pd.Series[Any]) -> Episodes:
        """Return the episodes of all other subjects."""
        frame = self.frame
        return self.with_rows(frame[~frame["subject"].isin(subjects)].reset_index(drop=True))

    def with_rows(self, frame: pd.DataFrame) -> Episodes:
        """Return the same with other rows, which are not checked again."""
        other = copy(self)
        other.frame = frame
        return other

    def summary(self) -> Summary:
        """Return subjects, rows, events and days at risk by treatment."""
        rows = []
        for name in self.treatments:
            part = self.frame[self.frame["treatment"] == name]
            events = part[part["status"] == 1].groupby("subject", observed=True).size()
            rows.append(
                (
                    name,
                    format_count(part["subject"].nunique()),
                    format_count(len(part)),
                    format_count(events.sum()),
                    format_count((events > 1).sum()),
                    format_count((part["stop"] - part["start"]).sum()),
                )
            )
        header = (
            "Treatment", "Subjects", "Episodes", "Events", "With two or more", "Days at risk",
        )  # fmt: skip
        notes = [*caveat_notes(self.caveat)]
        notes += notes_on(self.switching)
        reasons = self.left_out["reason"].value_counts(sort=False)
        notes += [f"{reason}: {int(n):,} left out." for reason, n in reasons.items()]
        time = "days since the start of each risk" if self.clock == "gap" else "days"
        return Summary(
            f"Episodes until {self.outcome}",
            (("Origin", self.origin), ("Time", time)),
            (Table(header, tuple(rows)),),
            tuple(notes),
        )


def as_episodes(data: Any, weights: WeightsLike | None = None) -> Episodes:
    """Return episodes from episodes or a frame with their columns.

    `weights` are those of the subjects, where there are any: the caveat then knows of them.
    """
    episodes = data if isinstance(data, Episodes) else Episodes(data)
    caveat = caveat_under(episodes.caveat, weights)
    if caveat == episodes.caveat:
        return episodes
    other = copy(episodes)
    other.caveat = caveat
    return other


def _tied(table: pd.DataFrame, code: IntArray) -> pd.DataFrame:
    """Return the rows with days that differ by rounding as one."""
    days = {c: table[c].to_numpy(dtype=float) for c in ("start", "stop")}
    return table.assign(**near_days_as_one(days, span=("start", "stop"), subject=code))


def _numbers_of(table: pd.DataFrame) -> pd.Series[int]:
    """Return which event of the subject the row is at risk of: 1, 2, ..."""
    happened = (table["status"] == 1).astype(int)
    before = happened.groupby(table["subject"], observed=True, sort=False).cumsum() - happened
    return before + 1


def _raise(problems: list[Problem]) -> None:
    if problems:
        raise DataError(problems)
