"""Sums of exp(h r) over risk sets that shrink with time, in time that is nearly linear.

At time k those still at risk are the subjects from `start[k]` on, in the order of their exits, and
subject i counts with exp(h_k r_i). Written out that is one exponential for every subject and time.
Where the times of a block have h within d of its middle g, and no |r| exceeds R, with d R = 2,

    exp(h r) = exp(g r) sum_j (h - g)^j r^j / j!

to rounding after some 25 terms, each a product of something of the time and something of the
subject: sums over subjects are running sums, taken once a block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from trdstats.arrays import FloatArray, IntArray

_REACH = 2.0  # |h - g| |r| in a block: terms lose two digits of sixteen at most
_CUT = 1e-18  # first term left out, of the smallest value
_LARGEST = 300.0  # exponents beyond it leave the range of numbers
_FEW = 100  # times that are written out: nothing is gained
_TIMES_A_BLOCK = 25  # times a block from which on the series is faster than the sums themselves
_AT_ONCE = 2**20  # entries of a table that is made at once
_STEP = 512


@dataclass(frozen=True, slots=True)
class ExponentialSums:
    """Sums over subjects and over times.

    Attributes
    ----------
    h : ndarray, shape (k,)
        Not decreasing, not negative.
    r : ndarray, shape (n,)
        By subject, in the order of exits.
    start : ndarray of int, shape (k,)
        First subject still at risk at each time; not decreasing.
    block : ndarray of int, shape (b + 1,)
        Where the blocks of times begin, and the end of the last.
    """

    h: FloatArray
    r: FloatArray
    start: IntArray
    block: IntArray

    @classmethod
    def of(cls, h: FloatArray, r: FloatArray, start: IntArray) -> Self | None:
        """Return the sums; None where they had better be written out."""
        reach = float(np.abs(r).max(initial=0.0))
        if len(h) < _FEW or 2 * h[-1] * reach > _LARGEST:
            return None
        number = np.floor(h * reach / (2 * _REACH)).astype(np.intp)
        block = np.append(np.flatnonzero(np.diff(number, prepend=-1)), len(h))
        return cls(h, r, start, block) if len(h) >= _TIMES_A_BLOCK * (len(block) - 1) else None

    def over_subjects(self, part: FloatArray, factor: float = 1.0) -> FloatArray:
        """Return the sum of ``part[i] exp(factor h[k] r[i])`` over those at risk, shape (k,)."""
        result = np.empty(len(self.h))
        for times, middle in self._blocks():
            first = int(self.start[times][0])
            r, gap = self.r[first:], factor * (self.h[times] - middle)
            place = self.start[times] - first
            term = part[first:] * np.exp(factor * middle * r)
            power, total = np.ones(len(gap)), np.zeros(len(gap))
            for j in range(1, _terms(gap, r) + 1):
                left = np.cumsum(term[::-1])[::-1]  # only of those who are still at risk
                total += power * left[place]
                term, power = term * r / j, power * gap
            result[times] = total
        return result

    def over_times(self, part: FloatArray) -> FloatArray:
        """Return the sum of ``part[k] exp(h[k] r[i])`` over the times at risk, shape (n, p)."""
        result = np.zeros((len(self.r), part.shape[1]))
        for times, middle in self._blocks():
            first = int(self.start[times][0])
            r, gap = self.r[first:], self.h[times] - middle
            passed = np.searchsorted(self.start[times], np.arange(first, len(self.r)), side="right")
            scale, power = np.exp(middle * r), part[times]
            for j in range(1, _terms(gap, r) + 1):
                so_far = np.vstack([np.zeros(part.shape[1]), np.cumsum(power, axis=0)])
                result[first:] += scale[:, None] * so_far[passed]
                scale, power = scale * r / j, power * gap[:, None]
        return result

    def largest(self, part: FloatArray) -> FloatArray:
        """Return the largest ``part[i] exp(h[k] r[i])`` of those at risk, shape (k,)."""
        which = _foremost(part, self.r)
        result, rows = np.empty(len(self.h)), max(_AT_ONCE // max(len(which), 1), 1)
        for begin in range(0, len(self.h), rows):
            times = slice(begin, begin + rows)
            value = part[which] * np.exp(self.h[times, None] * self.r[which])
            value[which < self.start[times, None]] = 0.0
            result[times] = value.max(axis=1)
        return result

    def _blocks(self) -> Iterator[tuple[slice, float]]:
        for begin, end in zip(self.block[:-1].tolist(), self.block[1:].tolist(), strict=True):
            yield slice(begin, end), float(self.h[begin] + self.h[end - 1]) / 2


def _terms(gap: FloatArray, r: FloatArray) -> int:
    """Return the number of terms after which the next is rounding."""
    reach = float(np.abs(gap).max() * np.abs(r).max())
    j, term = 1, 1.0
    while term > _CUT * np.exp(-reach):
        term *= reach / j
        j += 1
    return j


def _foremost(part: FloatArray, r: FloatArray) -> IntArray:
    """Return subjects of whom no one who stays as long has as large a part and as large an r.

    For h >= 0 the largest value is always one of theirs.
    """
    kept = np.zeros(0, dtype=np.intp)
    for end in range(len(r), 0, -_STEP):
        rows = np.arange(max(end - _STEP, 0), end)
        behind = (part[kept] >= part[rows, None]) & (r[kept] >= r[rows, None])
        rows = rows[~behind.any(axis=1)]
        later = rows > rows[:, None]
        behind = later & (part[rows] >= part[rows, None]) & (r[rows] >= r[rows, None])
        kept = np.concatenate([kept, rows[~behind.any(axis=1)]])
    return kept
