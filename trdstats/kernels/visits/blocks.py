"""Tests of millions of rows, a block at a time, so that what they need on the way stays small."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from trdstats.arrays import BoolArray, IntArray

_ROWS = 1 << 16  # numbers of so many rows fit into the cache beside the processor


def rows_where(test: Callable[..., BoolArray], *columns: npt.NDArray[Any]) -> IntArray:
    """Return the rows of columns for which a test holds, increasing.

    Parameters
    ----------
    test : callable
        Takes a block of each column and returns a truth value for each of its rows.
    *columns : ndarray, shape (n_rows,)

    Returns
    -------
    ndarray of int

    Examples
    --------
    >>> rows_where(np.isnan, np.array([1.0, np.nan, 3.0]))
    array([1])
    """
    n = len(columns[0])
    places = [
        first + np.flatnonzero(test(*(c[first : first + _ROWS] for c in columns)))
        for first in range(0, n, _ROWS)
    ]
    return np.concatenate([np.zeros(0, dtype=np.intp), *(p for p in places if len(p))])


def holds_anywhere(test: Callable[..., BoolArray], *columns: npt.NDArray[Any]) -> bool:
    """Return whether a test holds for any row; it ends at the first block in which one does."""
    return any(
        bool(test(*(c[first : first + _ROWS] for c in columns)).any())
        for first in range(0, len(columns[0]), _ROWS)
    )
