"""Sums over runs of neighbours, as in `interval_sums`, for many resamples at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class StackedRuns:
    """Runs first, ..., last of the positions 0, ..., m - 1 in every resample; shapes (b, c)."""

    first: IntArray
    last: IntArray
    m: int

    def sums(self, x: FloatArray) -> FloatArray:
        """Return the sum of x, shape (b, m), over every run, shape (b, c)."""
        total = np.zeros((len(x), self.m + 1))
        np.cumsum(x, axis=1, out=total[:, 1:])
        start = self._row * (self.m + 1)
        flat = total.ravel()
        return np.asarray(flat[start + self.last + 1] - flat[start + self.first])

    def spread(self, value: FloatArray) -> FloatArray:
        """Return at every position the sum of the values of the runs that cover it, (b, m)."""
        size, start = len(value) * (self.m + 1), self._row * (self.m + 1)
        weights = value.ravel()
        steps = np.bincount((start + self.first).ravel(), weights, size)
        steps -= np.bincount((start + self.last + 1).ravel(), weights, size)
        return np.cumsum(steps.reshape(len(value), -1)[:, :-1], axis=1, dtype=float)

    def curvature(self, bend: FloatArray) -> FloatArray:
        """Return the sum over runs of bend times 1 1' on the run, shape (b, m, m)."""
        m = self.m
        covers = self.last >= self.first
        at = (self._row * m + self.first) * m + self.last
        size = len(bend) * m * m
        ends = np.bincount(at[covers], bend[covers], size).reshape(-1, m, m)
        # A run covers i <= j where it starts by i and ends from j on.
        upper = np.cumsum(np.cumsum(ends, axis=1)[:, :, ::-1], axis=2)[:, :, ::-1]
        place = np.arange(m)
        return np.where(place[:, None] <= place, upper, upper.swapaxes(1, 2))

    def onto(self, kept: BoolArray, m: int) -> StackedRuns:
        """Return the runs among some positions of each resample, at most m of them."""
        before = np.zeros((len(kept), self.m + 1), dtype=np.intp)
        np.cumsum(kept, axis=1, out=before[:, 1:])
        start, flat = self._row * (self.m + 1), before.ravel()
        return StackedRuns(flat[start + self.first], flat[start + self.last + 1] - 1, m)

    def rows(self, which: BoolArray | IntArray) -> StackedRuns:
        """Return the runs of some resamples."""
        return StackedRuns(self.first[which], self.last[which], self.m)

    @property
    def _row(self) -> IntArray:
        return np.arange(len(self.first))[:, None]
