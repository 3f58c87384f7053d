"""Innermost intervals of one sample under many case weights at once.

A resample gives some subjects no weight; its innermost intervals are those of the others. They
are found for all resamples together, on the ends that occur in the whole sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class StackedCells:
    """Innermost intervals of every resample, and the run of them that each pair of ends covers.

    Attributes
    ----------
    lower, upper : ndarray, shape (b, m)
        Ends of (lower, upper] in order of time, filled up with 0.
    n : ndarray of int, shape (b,)
        Intervals of each resample.
    first, last : ndarray of int, shape (b, c)
        Each distinct pair of ends covers the intervals first, ..., last of a resample; none where
        it has no weight (last is -1).
    count : ndarray, shape (b, c)
        Weight of the subjects with these ends.
    """

    lower: FloatArray
    upper: FloatArray
    n: IntArray
    first: IntArray
    last: IntArray
    count: FloatArray

    @property
    def valid(self) -> BoolArray:
        """Which places hold an interval, shape (b, m)."""
        return np.arange(self.lower.shape[1]) < self.n[:, None]

    def __len__(self) -> int:
        """Return the number of resamples."""
        return len(self.n)


def stacked_cells(left: FloatArray, right: FloatArray, weight: FloatArray) -> StackedCells:
    """Return the innermost intervals of every resample.

    Parameters
    ----------
    left, right : ndarray, shape (n,)
        As in `innermost_intervals`.
    weight : ndarray, shape (b, n)
        Of every subject in every resample; 0 leaves it out.
    """
    days, place = np.unique(np.concatenate((left, right)), return_inverse=True)
    at_left, at_right = np.split(place, 2)
    # The order of ends at one day is that of `innermost_intervals`.
    opens, closes = 3 * at_left + np.where(left == right, 0, 2), 3 * at_right + 1
    pair, code = np.unique(opens * (3 * len(days)) + closes, return_inverse=True)
    of_code = np.argsort(code, kind="stable")
    begins = np.searchsorted(code[of_code], np.arange(len(pair)))
    count = np.add.reduceat(weight[:, of_code], begins, axis=1)
    ends = np.unique(np.concatenate((opens, closes)))
    open_at = np.searchsorted(ends, pair // (3 * len(days)))
    close_at = np.searchsorted(ends, pair % (3 * len(days)))
    start, stop = _starts_and_stops(count > 0, open_at, close_at, ends % 3 == 1)
    row, cell = np.nonzero(stop)
    ordinal: IntArray = np.cumsum(stop, axis=1, dtype=np.intp)
    n: IntArray = ordinal[:, -1]
    place_in_row = ordinal[row, cell] - 1
    lower, upper = np.zeros((2, len(n), int(n.max())))
    upper[row, place_in_row] = days[ends[cell] // 3]
    row_started, started = np.nonzero(start)  # in the same order: each stop has one start
    lower[row_started, place_in_row] = days[ends[started] // 3]
    before: IntArray = np.cumsum(start, axis=1) - start
    used = count > 0
    first = np.where(used, before[:, open_at], 0)
    last = np.where(used, ordinal[:, close_at] - 1, -1)
    return StackedCells(lower, upper, n, first, last, count)


def _starts_and_stops(
    used: BoolArray, open_at: IntArray, close_at: IntArray, closing: BoolArray
) -> tuple[BoolArray, BoolArray]:
    """Return at which ends an innermost interval starts, and at which one stops; (b, k)."""
    b, k = len(used), len(closing)
    present = np.zeros((b, k), dtype=bool)
    row, code = np.nonzero(used)
    present[row, open_at[code]] = True
    present[row, close_at[code]] = True
    seen = np.maximum.accumulate(np.where(present, np.arange(k), -1), axis=1)
    previous = np.concatenate((np.full((b, 1), -1), seen[:, :-1]), axis=1)
    stop = present & closing & (previous >= 0) & ~closing[previous]
    start = np.zeros_like(stop)
    row, cell = np.nonzero(stop)
    start[row, previous[row, cell]] = True
    return start, stop
