"""Times to an event with what is known of them: (left, right], time, status, covariates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import Level, checked
from trdstats.errors import DataError, Problem, pick_level, pick_levels
from trdstats.estimates.weights import WeightsLike, caveat_under
from trdstats.frames import locked, to_pandas
from trdstats.kernels.visits.near_days import near_days_as_one
from trdstats.kinds import as_labels, trimmed
from trdstats.outcomes.check_event_times import (
    DAYS,
    check_columns,
    check_intervals,
    check_roles,
    check_values,
    complete,
    hint_at_lookalikes,
    hint_at_status_of_r,
    read_numbers,
)
from trdstats.outcomes.switching import SwitchCounts, caveat_of_figure, notes_on
from trdstats.tables import Summary, SummaryMixin, Table, caveat_notes, format_count, format_number

# What is known of the event, which is no covariate of it.
OUTCOME_COLUMNS = ("time", "status", "left", "right")


@checked
class EventTimes(SummaryMixin):
    """One row a subject: when an event happened, as far as the visits tell.

    Parameters
    ----------
    frame : DataFrame
        One row a subject. Columns `left` and `right` may be absent: an event is then taken as
        known to the day, a censored time as (time, infinity). With both, time and status may be
        absent: a finite `right` is an event, dated there. A column `entry` holds the day from
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
        Earliest day on which any subject under a treatment was assessed: before it nothing could be
        seen to happen.
    notices : sequence of Problem
        What the visits cannot show of the event.
    switching : SwitchCounts, optional
        How many started another treatment, and how they are counted.

    Attributes
    ----------
    frame : pandas.DataFrame
        subject, treatment, left, right, time, status, entry where it was given, then covariates.
        Where the origin is a first visit with something, `origin_gap` holds the days between the
        visit before it and that visit: the origin may have come about on any of them. Numbers
        and categories cannot be changed in place.

    Raises
    ------
    DataError
        With every problem of the frame: days that are no numbers, a time outside (left, right], a
        censored row with a finite `right`.

    Warns
    -----
    DataWarning
        When statuses are 1 and 2 only, as R codes censored and dead, and no causes are named.

    Examples
    --------
    >>> import pandas as pd
    >>> times = EventTimes(pd.DataFrame({"subject": [1, 2], "treatment": ["ECT", "TMS"],
    ...                                  "time": [7, 28], "status": [1, 0]}))
    >>> times.frame["right"].tolist()
    [7.0, inf]
    """

    __slots__ = (
        "_causes", "_limits", "caveat", "first_look", "frame", "left_out", "origin", "outcome",
        "switching",
    )  # fmt: skip

    def __init__(
        self,
        frame: FrameLike,
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
        notices: Sequence[Problem] = (),
        switching: SwitchCounts | None = None,
    ) -> None:
        table = to_pandas(frame, what="event times")
        roles = {
            "subject": subject, "treatment": treatment, "time": time, "status": status,
            "left": left, "right": right, "entry": entry,
        }  # fmt: skip
        _raise(check_columns(table, roles))
        _raise(check_roles(table, roles, "event times"))
        table = table.rename(columns={v: k for k, v in roles.items() if v in table.columns})
        table, problems = read_numbers(trimmed(table, ["subject", "treatment"]))
        _raise(problems)
        _raise(check_values(table))
        table = complete(table)
        if not isinstance(table["treatment"].dtype, pd.CategoricalDtype):
            table["treatment"] = as_labels(table["treatment"])
        _raise(check_intervals(table))
        hint_at_lookalikes(table["treatment"])
        table = table.astype({"status": int})
        if causes is None:
            hint_at_status_of_r(table["status"])
        self._hold(
            table, outcome=outcome, origin=origin, causes=causes, left_out=left_out,
            caveat=caveat, first_look=first_look, notices=notices, switching=switching,
        )  # fmt: skip

    def _hold(
        self, table: pd.DataFrame, *, outcome: str, origin: str, causes: Mapping[int, str] | None,
        left_out: pd.DataFrame | None, caveat: str, first_look: Mapping[str, float] | None,
        notices: Sequence[Problem], switching: SwitchCounts | None,
    ) -> None:  # fmt: skip
        days = {c: table[c].to_numpy(dtype=float) for c in DAYS if c in table}
        span = ("entry", "time") if "entry" in days else None
        table = table.assign(**near_days_as_one(days, span=span))
        first = ["subject", "treatment", "left", "right", "time", "status"]
        first += ["entry"] if "entry" in table else []
        self.frame = locked(table[first + [c for c in table.columns if c not in first]])
        self.outcome, self.origin, self.caveat = outcome, origin, caveat
        self._causes = dict(causes or {1: outcome})
        self.first_look = dict(first_look or {})
        self.switching = switching
        self._limits = tuple(notices)
        empty = pd.DataFrame({"subject": [], "treatment": [], "reason": []}, dtype=object)
        self.left_out = empty if left_out is None else left_out

    @classmethod
    def of_valid(
        cls, frame: pd.DataFrame, *, outcome: str = "event", origin: str = "day 0",
        causes: Mapping[int, str] | None = None, left_out: pd.DataFrame | None = None,
        caveat: str = "", first_look: Mapping[str, float] | None = None,
        notices: Sequence[Problem] = (), switching: SwitchCounts | None = None,
    ) -> EventTimes:  # fmt: skip
        """Return event times of rows that were checked before, or follow from such rows.

        Checking them again would take most of the time of a comparison of many pairs.

        Parameters
        ----------
        frame : pandas.DataFrame
            Columns and types as in `frame` of event times; at least one row.
        outcome, origin, causes, left_out, caveat, first_look, notices, switching
            As in `EventTimes`.

        Raises
        ------
        DataError
            When there are no rows.
        """
        _raise(check_columns(frame, {"subject": "subject", "treatment": "treatment",
                                     "left": "left", "right": "right"}))  # fmt: skip
        times = cls.__new__(cls)
        times._hold(
            frame, outcome=outcome, origin=origin, causes=causes, left_out=left_out,
            caveat=caveat, first_look=first_look, notices=notices, switching=switching,
        )  # fmt: skip
        return times

    def only_subjects(self, subjects: Sequence[object] | pd.Series[Any]) -> EventTimes:
        """Return the event times of some subjects; who was left out before stays so.

        Raises
        ------
        DataError
            When none of them has a time.
        """
        return EventTimes.of_valid(
            self.frame[self.frame["subject"].isin(subjects)],
            outcome=self.outcome,
            origin=self.origin,
            causes=self._causes,
            left_out=self.left_out,
            caveat=self.caveat,
            first_look=self.first_look,
            switching=self.switching and self.switching.among(subjects),
        )

    @property
    def figure_caveat(self) -> str:
        """What stands under a figure: the caveat, and how many switched and how they count."""
        return caveat_of_figure(self.caveat, self.switching)

    @property
    def notices(self) -> tuple[Problem, ...]:
        """What the visits cannot show, and how those who started another treatment are counted."""
        return (*self._limits, *(() if self.switching is None else self.switching.notices()))

    @property
    def treatments(self) -> tuple[str, ...]:
        """Treatments in the order of all tables and figures."""
        return tuple(self.frame["treatment"].cat.categories)

    @property
    def causes(self) -> dict[int, str]:
        """Names of the status codes: 1 is the event, 2 and above compete with it."""
        return named_causes(self.frame["status"], self._causes)

    def at_risk(self) -> pd.DataFrame:
        """Return the rows of the risk sets: time above 0, or an event of any cause at time 0.

        A subject censored at time 0 is at risk at time 0 only. It is among the rows where somebody
        had an event there, whose denominator it belongs to, and carries no information otherwise.
        """
        later = self.frame["time"].to_numpy() > 0
        if later.all() or (self.frame["status"].to_numpy()[~later] > 0).any():
            plain = self.frame.copy(deep=False)
            plain.index = pd.RangeIndex(len(plain))
            return plain
        return self.frame.loc[later].reset_index(drop=True)

    def to_lifelines(self) -> pd.DataFrame:
        """Return a frame for the fitters of lifelines, where analyses go on there.

        Returns
        -------
        pandas.DataFrame
            One row a subject of the risk sets: duration, event (True or False; causes other than
            1 are censored), entry, lower and upper (the interval that holds the event, for
            ``fit_interval_censoring``), then subject, treatment and covariates
            (``duration_given`` where one has a name of these). lifelines has no event at time 0,
            and no weights of subjects: its weights are counts.

        Examples
        --------
        >>> import trdstats as trd
        >>> onset = trd.time_to(trd.load_sample("trial"), trd.Response())
        >>> onset.to_lifelines().columns[:5].tolist()
        ['duration', 'event', 'entry', 'lower', 'upper']
        """
        frame = self.at_risk()
        event = frame["status"] == 1
        first = pd.DataFrame(
            {
                "duration": frame["time"],
                "event": event,
                "entry": frame.get("entry", 0.0),
                "lower": frame["left"],
                "upper": frame["right"].where(event, np.inf),
            }
        )
        taken = {"time", "status", "left", "right", "entry"}
        others = frame[[c for c in frame if c not in taken]]
        return pd.concat([first, others.rename(columns={c: f"{c}_given" for c in first})], axis=1)

    def n_unseen(self) -> int:
        """Return the number of subjects censored at time 0: not observed after the origin."""
        at_start = self.frame["time"].to_numpy() == 0
        return int((self.frame["status"].to_numpy()[at_start] == 0).sum())

    def only(self, treatments: Sequence[Level]) -> EventTimes:
        """Return the event times of some of the treatments.

        Raises
        ------
        UnknownNameError
            When a treatment is not there.
        """
        return self._of(pick_levels("treatment", treatments, self.treatments))

    def with_reference(self, reference: Level) -> EventTimes:
        """Return the same times with one treatment first: what models compare the others with.

        Raises
        ------
        UnknownNameError
            When the treatment is not there.
        """
        first = pick_level("treatment", reference, self.treatments)
        return self._of([first, *(t for t in self.treatments if t != first)])

    def _of(self, kept: list[str]) -> EventTimes:
        """Return the times of some treatments, in the order given."""
        frame = self.frame[self.frame["treatment"].isin(kept)]
        return EventTimes.of_valid(
            frame.assign(treatment=frame["treatment"].cat.set_categories(kept)),
            outcome=self.outcome,
            origin=self.origin,
            causes=self._causes,
            left_out=self.left_out[self.left_out["treatment"].isin(kept)],
            caveat=self.caveat if len(kept) > 1 else "",
            first_look={k: v for k, v in self.first_look.items() if k in kept},
            switching=self.switching and self.switching.only(kept),
            notices=self._limits,
        )

    def summary(self) -> Summary:
        """Return counts by treatment, and how finely the visits locate the event."""
        frame, causes = self.frame, self.causes
        rows = []
        for name in self.treatments:
            of_arm = frame[frame["treatment"] == name]
            status = of_arm["status"].to_numpy()
            width = (of_arm["right"] - of_arm["left"]).to_numpy()[status == 1]
            rows.append(
                (
                    name,
                    format_count(len(of_arm)),
                    *(format_count((status == k).sum()) for k in causes),
                    format_count((status == 0).sum()),
                    format_count(((of_arm["time"] == 0) & (status == 0)).sum()),
                    format_number(np.median(width) if len(width) else np.nan),
                )
            )
        header = (
            "Treatment",
            "Subjects",
            *causes.values(),
            "Censored",
            "Never assessed",
            "Gap (days)",
        )
        notes = ["Gap: median number of days between the visits that enclose the event."]
        notes += [f"{reason}: {n:,} left out." for reason, n in self._left_out_counts().items()]
        notes[:0] = [f"{p.summary} {p.remedy}" for p in self._limits]
        notes += notes_on(self.switching)
        notes[:0] = caveat_notes(self.caveat)
        return Summary(
            f"Time to {self.outcome}",
            (("Origin", self.origin), ("Time", "days")),
            (Table(header, tuple(rows)),),
            tuple(notes),
        )

    def _left_out_counts(self) -> dict[str, int]:
        return {str(k): int(v) for k, v in self.left_out["reason"].value_counts(sort=False).items()}


def named_causes(status: pd.Series[Any], given: Mapping[int, str]) -> dict[int, str]:
    """Return the names of the status codes above 0, those that occur and those that were given."""
    counts = np.bincount(status.to_numpy(dtype=np.intp))
    seen = np.flatnonzero(counts[1:]) + 1
    return {int(k): given.get(int(k), f"cause {k}") for k in sorted({*seen.tolist(), *given})}


def as_event_times(data: Any, weights: WeightsLike | None = None) -> EventTimes:
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
