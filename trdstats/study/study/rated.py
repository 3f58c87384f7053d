"""Visits of a study as the arrays and rows that others see, and what was recorded beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import SpecError, unknown_name
from trdstats.kernels.visits.endpoints import MissedVisits, RatedVisits
from trdstats.kernels.visits.runs import counts_marked, run_starts
from trdstats.scales import Scale
from trdstats.study.courses.changes import first_day
from trdstats.study.roles import EVENT_KINDS
from trdstats.study.windows import VisitWindows

if TYPE_CHECKING:
    from trdstats.study.study.rows import VisitRows
    from trdstats.study.study.study import Study


@dataclass(frozen=True, slots=True)
class Rated:
    """Rated visits after baseline: arrays for kernels, and their rows in ``study.visits``.

    Scores and baselines of the arrays are turned round where high is good, so that kernels may
    take a fall for improvement on every scale; those in ``study.visits`` stay as they were given.

    Attributes
    ----------
    arrays : RatedVisits
    among : ndarray of bool, shape (n_visits,)
        Which visits of the study they are.
    """

    arrays: RatedVisits
    among: BoolArray

    @property
    def row(self) -> IntArray:
        """Their rows in ``study.visits``."""
        return np.flatnonzero(self.among)


def rate_visits(
    visits: pd.DataFrame,
    subjects: pd.DataFrame,
    windows: Mapping[str, VisitWindows] | None,
    scale: Scale,
) -> Rated:
    """Return the rated visits after baseline, and with a schedule those that were missed."""
    day, score = visits["day"].to_numpy(), visits["score"].to_numpy()
    rated = (day > 0) & ~np.isnan(score)
    every = visits["subject"].cat.codes.to_numpy()
    counts = counts_marked(rated, run_starts(every, len(subjects)))
    scheduled, missed = None, None
    if windows is not None:
        code = every[rated].astype(np.intp)
        nominal = visits["visit"].to_numpy()[rated]
        scheduled = np.where(np.isnan(nominal), day[rated], nominal)
        missed = _missed(nominal, code, subjects["treatment"], windows)
    arrays = RatedVisits(
        start=np.concatenate(([0], np.cumsum(counts))),
        day=day[rated],
        score=scale.oriented(score[rated]),
        baseline=scale.oriented(subjects["baseline"].to_numpy()),
        floor=float(scale.floor),
        scheduled=scheduled,
        missed=missed,
    )
    return Rated(arrays, rated)


def _missed(
    nominal: FloatArray,
    code: IntArray,
    treatment: pd.Series[str],
    windows: Mapping[str, VisitWindows],
) -> MissedVisits:
    """Return the scheduled days after day 0 on which each subject was not assessed."""
    plans = [windows[name].days for name in treatment.cat.categories]
    days = np.array(sorted({d for plan in plans for d in plan if d > 0}))
    planned = np.array([[d in plan for d in days] for plan in plans], dtype=bool)
    seen = np.zeros((len(treatment), len(days)), dtype=bool)
    on_time = np.flatnonzero(~np.isnan(nominal))
    seen[code[on_time], np.searchsorted(days, nominal[on_time])] = True
    owner, which = np.nonzero(planned[treatment.cat.codes.to_numpy()] & ~seen)
    return MissedVisits(run_starts(owner, len(treatment)), days[which])


@dataclass(frozen=True)
class RecordedBeside:
    """Records of a study, looked up when a definition asks for them.

    Attributes
    ----------
    study : Study
    """

    study: Study

    def column(self, name: str) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return of every visit: start of each subject's run, the nominal day, and a value.

        Raises
        ------
        UnknownNameError, SpecError
            When the visits have no such column, or it does not hold numbers.
        """
        visits = self.study.visits
        if name not in visits:
            raise unknown_name("column of the visits", name, visits.columns)
        values = visits[name]
        if not pd.api.types.is_numeric_dtype(values.dtype):
            raise SpecError(f"{name!r} of the visits holds no numbers: an item is a number.")
        scheduled, day = visits["visit"].to_numpy(float), visits["day"].to_numpy(float)
        start = run_starts(
            visits["subject"].cat.codes.to_numpy().astype(np.intp), len(self.study.subjects)
        )
        nominal = np.where(np.isnan(scheduled), day, scheduled)
        return start, nominal, values.to_numpy(dtype=float, na_value=np.nan)

    def scale(self, label: str) -> tuple[RatedVisits, Scale]:
        """Return the rated visits on another scale, and the scale.

        Raises
        ------
        UnknownNameError
            When the study has no such scale.
        """
        if label not in self.study.scales:
            raise unknown_name("scale of this study", label, self.study.scales)
        other = self.study.on(label)
        return other.rated().arrays, other.scale

    def first_event(self, kinds: Sequence[str]) -> FloatArray:
        """Return the first day of an event from day 0 on, NaN without one, shape (n_subjects,).

        Raises
        ------
        UnknownNameError
            When neither the library nor the study knows a kind.
        """
        known = list(dict.fromkeys([*EVENT_KINDS, *self.study.kinds_of_events]))
        for kind in kinds:
            if kind not in known:
                raise unknown_name("kind of event", kind, known)
        return first_day(self.study.events, list(kinds), np.zeros(len(self.study.subjects)))


@dataclass(frozen=True)
class VisitCounts:
    """How many visits a study has.

    Attributes
    ----------
    unrated : int
        Without a score.
    spare : int
        Rated after day 0 and unscheduled or surplus.
    rated : tuple of int
        Rated after day 0, by treatment.
    """

    unrated: int
    spare: int
    rated: tuple[int, ...]


def count_visits(study: Study) -> VisitCounts:
    """Count the visits of a study."""
    visits, start = study.visits, study.rated().arrays.start
    arm = study.subjects["treatment"].cat.codes.to_numpy()
    surplus = visits["visit"].isna() & visits["score"].notna() & (visits["day"] > 0)
    of_subject = np.diff(start)
    return VisitCounts(
        int(visits["score"].isna().sum()),
        int(surplus.sum()),
        tuple(int(of_subject[arm == k].sum()) for k in range(len(study.treatments))),
    )


def long_rows(study: Study, days: Sequence[float] | None) -> pd.DataFrame:
    """Return the scheduled visits after baseline with what describes their subjects."""
    visits, subjects = study.visits, study.subjects
    keep = visits["visit"].notna().to_numpy() & (visits["day"].to_numpy() > 0)
    if days is not None:
        keep &= visits["visit"].isin(list(days)).to_numpy()
    at = np.flatnonzero(keep)
    who = visits["subject"].cat.codes.to_numpy()[at]
    score = visits["score"].to_numpy()[at]
    baseline = subjects["baseline"].to_numpy()[who]
    # One frame of all columns: to add them one by one takes longer than all the rest.
    columns: dict[Any, Any] = {
        "subject": visits["subject"].array.take(at),
        "treatment": subjects["treatment"].array.take(who),
        "day": visits["day"].to_numpy()[at],
        "visit": visits["visit"].to_numpy()[at],
        "score": score,
        "baseline": baseline,
        "change": score - baseline,
    }
    columns |= {c: visits[c].array.take(at) for c in visits.columns if c not in columns}
    columns |= {c: subjects[c].array.take(who) for c in subjects.columns if c not in columns}
    return pd.DataFrame(columns)


def days_stood_for(study: Study, treatments: tuple[str, ...], rated: bool) -> set[float]:
    """Return the scheduled days above 0 that some visit stands for."""
    visits = study.visits
    kept = visits["visit"].notna() & (visits["day"] > 0)
    if len(treatments) < len(study.treatments):
        arm = study.subjects["treatment"].isin(treatments).to_numpy()
        kept &= arm[visits["subject"].cat.codes.to_numpy()]
    kept &= visits["score"].notna() if rated else True
    return set(visits.loc[kept, "visit"].unique().tolist())


def days_of_ratings(study: VisitRows) -> dict[str, FloatArray]:
    """Return the distinct days above 0 of the rated visits at hand, by treatment."""
    rows, arm = study.rated().arrays, study.subjects["treatment"].cat.codes.to_numpy()
    owner = np.repeat(arm, np.diff(rows.start))
    return {name: np.unique(rows.day[owner == k]) for k, name in enumerate(study.treatments)}
