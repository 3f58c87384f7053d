"""Sums over risk sets, for all event times at once.

A subject is at risk at t when entry < t <= time, within its stratum. Every distinct pair of stratum
and time is a place, in order; a subject is at risk at the places from `start` to `place`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.numerics.grouped import grouped_sums


@dataclass(frozen=True, slots=True)
class RiskSets:
    """Risk sets of subjects.

    Attributes
    ----------
    time : ndarray, shape (m,)
        Time of each place.
    stratum : ndarray of int, shape (m,)
        Stratum of each place.
    place : ndarray of int, shape (n,)
        Place of each subject's time.
    start : ndarray of int, shape (n,)
        First place at which each subject is at risk.
    first : ndarray of int, shape (m,)
        First place of each place's stratum.
    """

    time: FloatArray
    stratum: IntArray
    place: IntArray
    start: IntArray
    first: IntArray

    @classmethod
    def of(cls, time: FloatArray, entry: FloatArray, stratum: IntArray) -> RiskSets:
        """Find the places of subjects.

        Parameters
        ----------
        time, entry : ndarray, shape (n,)
            Entry 0 or below means observation from the start.
        stratum : ndarray of int, shape (n,)
            0, 1, 2, ...
        """
        order = np.lexsort((time, stratum))
        t, s = time[order], stratum[order]
        new = np.r_[True, (t[1:] != t[:-1]) | (s[1:] != s[:-1])]
        place = np.empty(len(t), dtype=np.intp)
        place[order] = np.cumsum(new) - 1
        t, s = t[new], s[new]
        edges = np.searchsorted(s, np.arange(int(s[-1]) + 2))
        start = edges[stratum].copy()
        for k in np.unique(stratum[entry > 0]):
            late_entries = (stratum == k) & (entry > 0)
            times_of_stratum = t[edges[k] : edges[k + 1]]
            start[late_entries] = edges[k] + np.searchsorted(
                times_of_stratum, entry[late_entries], side="right"
            )
        return cls(t, s, place, start, edges[s])

    def at(self, values: FloatArray) -> FloatArray:
        """Return the sums of values, shape (n, ...), at each place, shape (m, ...)."""
        return grouped_sums(self.place, values, len(self.time))

    def over(self, values: FloatArray) -> FloatArray:
        """Return the sums over those at risk at each place, shape (m, ...)."""
        total = self._from_here(self.at(values))
        late = self.start > self.first[self.place]
        if late.any():
            # Who enters at a place was not at risk at those before it.
            entered = grouped_sums(self.start[late] - 1, values[late], len(self.time))
            total = total - self._from_here(entered)
        return total

    def _from_here(self, values: FloatArray) -> FloatArray:
        """Return sums from each place to the last of its stratum."""
        edges = np.flatnonzero(np.r_[True, np.diff(self.stratum) != 0, True])
        result = np.empty_like(values)
        for a, b in pairwise(edges):
            result[a:b] = np.cumsum(values[a:b][::-1], axis=0)[::-1]
        return result

    def until(self, steps: FloatArray) -> FloatArray:
        """Return the sums of steps, shape (m, ...), over each subject's time at risk, (n, ...)."""
        zero = np.zeros((1, *steps.shape[1:]))
        total = np.concatenate((zero, np.cumsum(steps, axis=0)))
        return np.asarray(total[self.place + 1] - total[self.start])
