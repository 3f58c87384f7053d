"""Visits that were scheduled and missed, put in order among those that were assessed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from trdstats.arrays import BoolArray, IntArray
from trdstats.kernels.visits import runs
from trdstats.kernels.visits.endpoints import (
    ASSESSED,
    NOT_RATED,
    MissedVisits,
    RatedVisits,
    States,
    states,
)


@dataclass(frozen=True, slots=True)
class ExpectedVisits:
    """Rated and missed visits in one order.

    Attributes
    ----------
    visits : RatedVisits
        All of them; missed ones are on their scheduled day with a NaN score.
    rated : ndarray of int, shape (n_rated,)
        Rows that were assessed, in the order of the assessed visits.
    missed : ndarray of bool, shape (n_rows,)
    """

    visits: RatedVisits
    rated: IntArray
    missed: BoolArray

    def spread(self, state: States, *, missed_counts: bool) -> States:
        """Return the state of every row from that of the assessed ones.

        Parameters
        ----------
        state : States
            Of the assessed visits.
        missed_counts : bool
            Whether the state was not met at a missed visit, instead of not known.
        """
        met = np.zeros(len(self.missed), dtype=bool)
        lost = ASSESSED if missed_counts else NOT_RATED
        reason = np.full(len(self.missed), lost, dtype=np.uint8)
        met[self.rated], reason[self.rated] = state.met, state.reason
        return states(met, reason)

    def collect(self, state: States) -> States:
        """Return the state of the assessed rows."""
        return States(state.met[self.rated], state.known[self.rated], state.reason[self.rated])


def only_rated(visits: RatedVisits) -> ExpectedVisits:
    """Return the assessed visits as if no other had been scheduled."""
    n = len(visits.day)
    return ExpectedVisits(visits, np.arange(n), np.zeros(n, dtype=bool))


def expect(visits: RatedVisits, missed: MissedVisits) -> ExpectedVisits:
    """Put missed visits among the assessed ones."""
    n = len(visits.start) - 1
    owner = np.concatenate((runs.rows_to_runs(visits.start), runs.rows_to_runs(missed.start)))
    nominal = np.concatenate((visits.nominal, missed.day))
    day = np.concatenate((visits.day, missed.day))
    is_missed = np.arange(len(day)) >= len(visits.day)
    # Actual days order the assessed visits; a missed one takes its place by its scheduled day.
    order = np.lexsort((day, owner))
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order))
    score = np.concatenate((visits.score, np.full(len(missed.day), np.nan)))
    every = replace(
        visits,
        start=runs.run_starts(owner[order], n),
        day=day[order],
        score=score[order],
        scheduled=nominal[order],
        missed=None,
    )
    return ExpectedVisits(every, place[: len(visits.day)], is_missed[order])
