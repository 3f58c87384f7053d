"""The proportion of time each subject spends in a state, compared between treatments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import pandas as pd

from trdstats.arguments import Level, checked
from trdstats.arrays import BoolArray, FloatArray
from trdstats.endpoint.time_share_result import TimeShareResult
from trdstats.errors import NotEstimableError, SpecError, check_choice, check_level, pick_level
from trdstats.kernels.visits.endpoints import RatedVisits, States
from trdstats.kernels.visits.runs import rows_to_runs
from trdstats.outcomes import Definition
from trdstats.outcomes.assess import check_arguments, evaluate
from trdstats.outcomes.failures import failed_by
from trdstats.outcomes.rules.definition import check_states
from trdstats.outcomes.rules.failure import FailureIf
from trdstats.study import Rated, Study
from trdstats.tables import Summary, SummaryMixin

TimeRule = Literal["visits", "days"]
TimeMissing = Literal["nonresponse", "observed", "locf"]


@checked
@dataclass(frozen=True, repr=False)
class TimeShare(SummaryMixin):
    """Proportion of time in response or remission of each subject, and its mean by treatment.

    The primary outcome of RECOVER (months in response as a proportion of months 3 to 12). Every
    subject has one number, responder or not; treatments are compared by means with errors that
    allow each treatment its own variance, and by ranks.

    Parameters
    ----------
    definition : Definition
        A state that holds or not at a visit, such as ``Response()``.
    start, end : float
        Days of the follow-up that counts, both included.
    by_rule : {"visits", "days"}
        "visits": scheduled visits with the state over scheduled visits from `start` to `end`.
        "days": a state holds from its visit to the next one; before the first visit it does not.
    missing : {"nonresponse", "observed", "locf"}
        What becomes of visits without a rating, or where the rule cannot judge, and of days after
        the last visit (and of those from a visit that cannot be judged). "nonresponse": not in the
        state. "observed": they leave numerator and denominator; subjects without any are left out.
        "locf": as at the last visit that was judged; before the first one, not in the state.
    reference : str, optional
        Treatment the others are compared with. Default: the first one.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Conway et al. 2025, Brain Stimul 18:676-689, doi:10.1016/j.brs.2024.12.1191 (RECOVER). Welch
    1947, doi:10.2307/2332510.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> found = trd.TimeShare(trd.Response(), start=7, end=28).fit(study)
    >>> found.tidy()["measure"].unique().tolist()
    ['proportion of time', 'difference']
    """

    definition: Definition
    start: float = field(kw_only=True)
    end: float = field(kw_only=True)
    by_rule: TimeRule = field(default="visits", kw_only=True)
    missing: TimeMissing = field(default="nonresponse", kw_only=True)
    reference: Level | None = field(default=None, kw_only=True)
    conf_level: float = field(default=0.95, kw_only=True)

    def __post_init__(self) -> None:
        of_failure = isinstance(self.definition, FailureIf)
        check_states("TimeShare", self._state)
        if of_failure and self.by_rule == "days":
            raise SpecError("FailureIf needs by_rule='visits': visits after the event count.")
        check_choice("by_rule", self.by_rule, get_args(TimeRule))
        check_choice("missing", self.missing, get_args(TimeMissing))
        check_level(self.conf_level)
        later = self.end > self.start if self.by_rule == "days" else self.end >= self.start
        if not (self.start >= 0 and later):
            raise SpecError(
                f"end must be later than start, and start 0 or later; got start={self.start:g}, "
                f"end={self.end:g}."
            )

    def fit(self, data: Study) -> TimeShareResult:
        """Return the proportion of every subject and the comparison.

        Parameters
        ----------
        data : Study

        Raises
        ------
        SpecError
            When `data` is no Study or the definition does not fit its scale.
        NotEstimableError
            When a treatment has no visit scheduled, or no subject with a visit, in that time,
            follow-up ends before that time does, or there is one treatment only.
        """
        check_arguments(data, self.definition)
        if len(data.treatments) < 2:
            raise NotEstimableError("There is one treatment only: nothing to compare.")
        rated, state = evaluate(data, self.definition)
        if self.by_rule == "visits":
            proportion = self._of_visits(data, rated, state)
        else:
            proportion = self._of_days(rated.arrays, state)
        arm = data.subjects["treatment"]
        known = ~np.isnan(proportion)
        for name in data.treatments:
            if not known[(arm == name).to_numpy()].any():
                raise NotEstimableError(
                    f"No subject under {name} has a visit from day {self.start:g} to day "
                    f"{self.end:g}. Leave the treatment out with study.only([...])."
                )
        self._check_end(data, rated)
        reference = pick_level("treatment", self.reference, data.treatments)
        frame = pd.DataFrame(
            {
                "subject": data.subjects["subject"].array,
                "treatment": arm.array,
                "proportion": proportion,
            }
        )
        return TimeShareResult(
            spec=self, outcome=self.definition.label(data.scale), caveat=data.caveat,
            frame=frame, _reference=str(reference),
        )  # fmt: skip

    def _check_end(self, study: Study, rated: Rated) -> None:
        """Refuse days after the end of follow-up: nothing is known of anyone there."""
        visits = rated.arrays
        arm = study.subjects["treatment"].to_numpy(dtype=object)[rows_to_runs(visits.start)]
        ends = {}
        for name in study.treatments:
            planned = () if study.windows is None else study.windows[name].days
            ends[name] = max([0.0, *visits.day[arm == name].tolist(), *planned])
        # Days count alike in all treatments; of visits each treatment has its own.
        last = min(ends.values()) if self.by_rule == "days" else max(ends.values())
        if last < self.end - 1e-9:
            who = "" if self.by_rule == "visits" else f" under {min(ends, key=lambda k: ends[k])}"
            raise NotEstimableError(
                f"Follow-up{who} ends on day {last:g}: nothing is known of the days to "
                f"{self.end:g}. Give end={last:g} or earlier."
            )

    def _of_visits(self, study: Study, rated: Rated, state: States) -> FloatArray:
        """Return the proportion of scheduled visits in the state."""
        visits, nominal = rated.arrays, study.visits["visit"].to_numpy()[rated.row]
        days = self._scheduled(study)
        every = np.unique(np.concatenate(list(days.values())))
        n = len(study.subjects)
        owner = np.repeat(np.arange(n), np.diff(visits.start))
        met, known = np.zeros((n, len(every))), np.zeros((n, len(every)), dtype=bool)
        at = np.minimum(np.searchsorted(every, nominal - 1e-9), len(every) - 1)
        on = np.abs(every[at] - nominal) < 1e-9  # not of unscheduled visits, which are NaN
        met[owner[on], at[on]] = state.met[on]
        known[owner[on], at[on]] = state.known[on]
        self._add_failures(study, every, met, known)
        arm = study.subjects["treatment"].to_numpy(dtype=object)
        due = np.array([np.isin(every, days[str(a)]) for a in arm]).reshape(n, len(every))
        if self.missing == "locf":
            met = self._carried(visits, state, owner, met, known, every)
            known = np.ones_like(known)
        counted = due if self.missing != "observed" else due & known
        with np.errstate(invalid="ignore", divide="ignore"):
            total = counted.sum(axis=1)
            return np.where(total > 0, (met * (known & due)).sum(axis=1) / total, np.nan)

    @property
    def _state(self) -> Definition:
        """The state, without the events that count as failure."""
        state = self.definition
        return state.definition if isinstance(state, FailureIf) else state

    def _add_failures(
        self,
        study: Study,
        every: FloatArray,
        met: FloatArray,
        known: BoolArray,
    ) -> None:
        """Mark the days without an assessment after an event of failure as known."""
        if not self.definition.failures:
            return
        for k, day in enumerate(every):
            failed = failed_by(study, self.definition, float(day)) & ~known[:, k]
            known[failed, k] = True
            met[failed, k] = float(bool(self.definition.is_worsening))

    def _scheduled(self, study: Study) -> dict[str, FloatArray]:
        """Return the scheduled days in the time asked for, by treatment."""
        rows = study.visits[["subject", "visit"]].dropna()
        rows = rows[(rows["visit"] > 0) & rows["visit"].between(self.start, self.end)]
        arm = study.subjects["treatment"].to_numpy(dtype=object)
        of_row = arm[rows["subject"].cat.codes.to_numpy()]
        scheduled = {}
        for name in study.treatments:
            if study.windows is not None:
                planned = np.array(study.windows[name].days, dtype=np.float64)
                inside = (planned > 0) & (planned >= self.start) & (planned <= self.end)
                days = planned[inside]
            else:
                days = np.unique(rows["visit"].to_numpy(dtype=np.float64)[of_row == name])
            if not len(days):
                raise NotEstimableError(
                    f"No visit is scheduled under {name} from day {self.start:g} to day "
                    f"{self.end:g}."
                )
            scheduled[name] = days
        return scheduled

    @staticmethod
    def _carried(
        visits: RatedVisits,
        state: States,
        owner: np.ndarray[tuple[int], np.dtype[np.intp]],
        met: FloatArray,
        known: BoolArray,
        every: FloatArray,
    ) -> FloatArray:
        """Return the state at each scheduled day, as at the last visit that was judged."""
        scheduled = met.copy()
        rows = np.flatnonzero(state.known)
        for k, day in enumerate(every):
            early = rows[visits.nominal[rows] <= day + 1e-9]
            last = np.zeros(len(met))
            last[owner[early]] = state.met[early]  # rows are sorted by day: the last one stays
            scheduled[:, k] = np.where(known[:, k], met[:, k], last)
        return scheduled

    def _of_days(self, visits: RatedVisits, state: States) -> FloatArray:
        """Return the proportion of days in the state."""
        n = len(visits.start) - 1
        met = state.met.astype(np.float64)
        known = state.known.copy()
        rows = np.arange(len(visits.day))
        kept = np.flatnonzero(known) if self.missing == "locf" else rows
        owner = np.repeat(np.arange(n), np.diff(visits.start))[kept]
        begin = np.clip(visits.day[kept], self.start, self.end)
        is_last = np.append(owner[1:] != owner[:-1], True) if len(owner) else np.zeros(0, bool)
        until = np.append(visits.day[kept][1:], np.inf) if len(owner) else np.zeros(0)
        # After the last visit nothing is known but what is carried forward.
        until = np.where(is_last, np.inf if self.missing == "locf" else visits.day[kept], until)
        length = np.maximum(np.clip(until, self.start, self.end) - begin, 0.0)
        inside = np.bincount(owner, weights=length * met[kept] * known[kept], minlength=n)
        if self.missing != "observed":
            return np.asarray(inside / (self.end - self.start))
        first = np.full(n, np.nan)
        first[owner[::-1]] = visits.day[kept][::-1]
        before = np.clip(np.clip(first, self.start, self.end) - self.start, 0.0, None)
        seen = np.bincount(owner, weights=length * known[kept], minlength=n) + np.nan_to_num(before)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(seen > 0, inside / seen, np.nan)

    def summary(self) -> Summary:
        """Return the method in words."""
        header = (
            ("State", self.definition.describe()),
            ("Time", f"day {self.start:g} to day {self.end:g}, by {self.by_rule}"),
        )
        return Summary("Proportion of time in a state", header)
