"""The state of every subject at baseline: what holds before the first visit after treatment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.visits.endpoints import (
    ASSESSED,
    UNCONFIRMED,
    MissedVisits,
    RatedVisits,
    states_at,
)
from trdstats.outcomes.rules.definition import Definition
from trdstats.scales import Scale
from trdstats.study import Study
from trdstats.study.study.rated import RecordedBeside


def met_at_baseline(study: Study, definition: Definition) -> FloatArray:
    """Return 1 for subjects whose baseline meets a definition, 0 for others, shape (n,).

    NaN where it is not known: no baseline, or none on another scale that it asks for. An event
    such as a relapse has not happened yet.

    Raises
    ------
    SpecError, UnknownNameError
        When the definition does not fit the study.
    """
    visits = _baselines(study)
    has_row = np.diff(visits.start) > 0
    row = np.where(has_row, visits.start[:-1], -1)
    state = states_at(definition.evaluate(visits, study.scale), row)
    met = state.met & (not definition.is_event)
    # What further visits would have to confirm is not met yet.
    is_known = np.isin(state.reason, (ASSESSED, UNCONFIRMED))
    return np.where(is_known, met.astype(float), np.nan)


@dataclass(frozen=True, slots=True)
class _BesideBaseline:
    """What was recorded at baseline beside the scores: one row a subject, on day 0."""

    study: Study

    def column(self, name: str) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return the last value of a column of the visits at day 0 or before."""
        start, _, value = RecordedBeside(self.study).column(name)
        early = (self.study.visits["day"].to_numpy(dtype=float) <= 0) & ~np.isnan(value)
        owner = np.repeat(np.arange(len(start) - 1), np.diff(start))
        last = np.full(len(start) - 1, np.nan)
        last[owner[early]] = value[early]  # rows are sorted by day: the last one stays
        runs, has = _rows_of(~np.isnan(last))
        return runs, np.zeros(len(has)), last[has]

    def scale(self, label: str) -> tuple[RatedVisits, Scale]:
        """Return the baselines on another scale, and the scale."""
        RecordedBeside(self.study).scale(label)  # one that is not there is refused here
        other = self.study.on(label)
        return _baselines(other), other.scale

    def first_event(self, kinds: Sequence[str]) -> FloatArray:
        """Return the first day of an event from day 0 on, NaN without one."""
        return RecordedBeside(self.study).first_event(kinds)


def _baselines(study: Study) -> RatedVisits:
    """Return the baseline of every subject as its one rated visit, on day 0."""
    rated = study.rated().arrays
    start, has = _rows_of(~np.isnan(rated.baseline))
    missed = None
    if rated.missed is not None:
        missed = MissedVisits(np.zeros(len(start), dtype=np.intp), np.empty(0))
    return RatedVisits(
        start=start, day=np.zeros(len(has)), score=rated.baseline[has], baseline=rated.baseline,
        floor=rated.floor, missed=missed, beside=_BesideBaseline(study),
    )  # fmt: skip


def _rows_of(has: BoolArray) -> tuple[IntArray, IntArray]:
    """Return the starts of runs of one row or none a subject, and the subjects that have one."""
    return np.concatenate([[0], np.cumsum(has)]), np.flatnonzero(has)
