"""Rated visits of a study as the arrays that kernels see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.visits.endpoints import MissedVisits, RatedVisits
from trdstats.kernels.visits.runs import run_starts
from trdstats.scales import Scale
from trdstats.study.windows import VisitWindows


@dataclass(frozen=True, slots=True)
class Rated:
    """Rated visits after baseline: arrays for kernels, and their rows in ``study.visits``.

    Scores and baselines of the arrays are turned round where high is good, so that kernels may
    take a fall for improvement on every scale; those in ``study.visits`` stay as they were given.
    """

    arrays: RatedVisits
    row: IntArray


def rate_visits(
    visits: pd.DataFrame,
    subjects: pd.DataFrame,
    windows: Mapping[str, VisitWindows] | None,
    scale: Scale,
) -> Rated:
    """Return the rated visits after baseline, and with a schedule those that were missed."""
    day, score = visits["day"].to_numpy(), visits["score"].to_numpy()
    row = np.flatnonzero((day > 0) & ~np.isnan(score))
    code = visits["subject"].cat.codes.to_numpy()[row].astype(np.intp)
    scheduled, missed = None, None
    if windows is not None:
        nominal = visits["visit"].to_numpy()[row]
        scheduled = np.where(np.isnan(nominal), day[row], nominal)
        missed = _missed(nominal, code, subjects["treatment"], windows)
    arrays = RatedVisits(
        start=run_starts(code, len(subjects)),
        day=day[row],
        score=scale.oriented(score[row]),
        baseline=scale.oriented(subjects["baseline"].to_numpy()),
        floor=float(scale.floor),
        scheduled=scheduled,
        missed=missed,
    )
    return Rated(arrays, row)


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
