"""What subjects one by one are to a summary of them."""

from __future__ import annotations

from dataclasses import dataclass

from trdstats.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class SubjectRows:
    """The distinct numbers of every subject, for quantities that need more than sums.

    Attributes
    ----------
    u : ndarray, shape (n_subjects, d)
        Sorted by pattern.
    pattern : ndarray of int, shape (n_subjects,)
    order : ndarray of int, shape (n_subjects,)
        Place of each row among the subjects as they were given.
    """

    distinct: FloatArray
    pattern: IntArray
    order: IntArray
