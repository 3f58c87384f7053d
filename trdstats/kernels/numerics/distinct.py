"""Distinct times and the place of each time among them."""

from __future__ import annotations

import numpy as np

from trdstats.arrays import FloatArray, IntArray

_ROOM = 8  # whole numbers up to so many times the number of values are counted, not sorted


def distinct(values: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the distinct values in increasing order, and the place of each value among them.

    Whole days of many subjects are counted in one pass; other values are sorted.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Finite.

    Returns
    -------
    ndarray, shape (m,)
    ndarray of int, shape (n,)
    """
    n = len(values)
    if n and values.min() >= 0 and values.max() <= _ROOM * n:
        whole = values.astype(np.intp)
        if (whole == values).all():
            there = np.zeros(int(whole.max()) + 1, dtype=bool)
            there[whole] = True
            place = np.cumsum(there) - 1
            return np.flatnonzero(there).astype(float), place[whole]
    ordered, place = np.unique(values, return_inverse=True)
    return ordered, np.asarray(place, dtype=np.intp)
