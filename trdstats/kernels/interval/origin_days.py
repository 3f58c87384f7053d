"""Days on which the origin of a time may have been."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class OriginDays:
    """Days on which the origin of each subject may have been.

    Attributes
    ----------
    owner : ndarray of int, shape (R,)
        Subject of each row, ascending; every subject has a row.
    shift : ndarray, shape (R,)
        Days before the dated origin, 0 or more.
    chance : ndarray, shape (R,)
        Probability of each; of a subject they sum to 1.
    """

    owner: IntArray
    shift: FloatArray
    chance: FloatArray

    @property
    def starts(self) -> IntArray:
        """First row of each subject, shape (n,)."""
        return np.flatnonzero(np.diff(self.owner, prepend=-1)).astype(np.intp)

    @property
    def mean(self) -> FloatArray:
        """Expected days before the dated origin, shape (n,)."""
        return np.add.reduceat(self.chance * self.shift, self.starts)

    def take(self, subjects: IntArray) -> OriginDays:
        """Return the days of some subjects, in their order."""
        first = self.starts
        size = np.diff(np.append(first, len(self.owner)))[subjects]
        at = np.repeat(first[subjects] - np.cumsum(size) + size, size) + np.arange(size.sum())
        owner = np.repeat(np.arange(len(subjects)), size).astype(np.intp)
        return OriginDays(owner, self.shift[at], self.chance[at])
