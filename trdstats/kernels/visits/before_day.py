"""Rated visits up to a day of each subject: what is seen later is as if it had not been."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.visits import runs
from trdstats.kernels.visits.endpoints import MissedVisits, RatedVisits


def visits_up_to(
    visits: RatedVisits, day: FloatArray, *, inclusive: bool
) -> tuple[RatedVisits, IntArray]:
    """Return the rated and missed visits up to a day of each subject.

    Parameters
    ----------
    visits : RatedVisits
        Without an origin.
    day : ndarray, shape (n_subjects,)
        NaN: all visits stay.
    inclusive : bool
        Whether a visit on that very day stays.

    Returns
    -------
    visits : RatedVisits
    row : ndarray of int
        Rows of `visits` that stay.
    """
    kept = _early(visits.day, visits.start, day, inclusive)
    missed = visits.missed
    if missed is not None:
        due = _early(missed.day, missed.start, day, inclusive)
        missed = MissedVisits(_starts(missed.start, due), missed.day[due])
    scheduled = None if visits.scheduled is None else visits.scheduled[kept]
    early = replace(
        visits,
        start=_starts(visits.start, kept),
        day=visits.day[kept],
        score=visits.score[kept],
        scheduled=scheduled,
        missed=missed,
    )
    return early, np.flatnonzero(kept)


def _early(day: FloatArray, start: IntArray, limit: FloatArray, inclusive: bool) -> BoolArray:
    last = np.repeat(np.where(np.isnan(limit), np.inf, limit), np.diff(start))
    return np.asarray(day <= last if inclusive else day < last, dtype=bool)


def _starts(start: IntArray, kept: BoolArray) -> IntArray:
    return runs.run_starts(runs.rows_to_runs(start)[kept], len(start) - 1)
