"""Sums within groups of rows."""

from __future__ import annotations

import numpy as np

from trdstats.arrays import FloatArray, IntArray


def grouped_sums(code: IntArray, values: FloatArray, n: int) -> FloatArray:
    """Return the sums of the rows of each group, in their order; shape (n, ...).

    Parameters
    ----------
    code : ndarray of int, shape (rows,)
        Group of each row, 0 to ``n - 1``.
    values : ndarray, shape (rows, ...)
    n : int
        Number of groups.
    """
    if values.ndim == 1:
        return np.asarray(np.bincount(code, weights=values, minlength=n), dtype=np.float64)
    flat = values.reshape(len(values), -1)
    sums = np.empty((n, flat.shape[1]))
    for j in range(flat.shape[1]):
        sums[:, j] = np.bincount(code, weights=flat[:, j], minlength=n)
    return sums.reshape(n, *values.shape[1:])
