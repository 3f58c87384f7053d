"""Visits that meet a state and the rule that is to end it."""

from __future__ import annotations

import numpy as np

from trdstats.kernels.visits.endpoints import RatedVisits, States
from trdstats.kernels.visits.event_times import Origins
from trdstats.kernels.visits.runs import CLOCK, rows_to_runs

Overlap = tuple[int, int]


def count_overlap(visits: RatedVisits, origin: Origins, state: States, end: States) -> Overlap:
    """Count subjects with a later visit that meets both, and with one that meets the end.

    Parameters
    ----------
    visits : RatedVisits
    origin : Origins
        First visit with the state; NaN for subjects without one.
    state, end : States
        The state, and what is to end it.
    """
    with np.errstate(invalid="ignore"):
        later = visits.day > visits.spread(origin.day) + CLOCK
    ends = later & end.met & end.known
    both = ends & state.met & state.known
    owner = rows_to_runs(visits.start)
    return len(np.unique(owner[both])), len(np.unique(owner[ends]))
