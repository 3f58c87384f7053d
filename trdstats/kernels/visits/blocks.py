"""Tests of millions of rows, a block at a time, so that what they need on the way stays small."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from trdstats.arrays import BoolArray, FloatArray, IntArray

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


def rows_against(
    test: Callable[[FloatArray, FloatArray], BoolArray],
    values: FloatArray,
    per_run: FloatArray,
    start: IntArray,
) -> BoolArray:
    """Return a test of each row against a number of its run, shape (n_rows,).

    Parameters
    ----------
    test : callable
        Takes values of rows, and the number of the run of each.
    values : ndarray, shape (n_rows,)
    per_run : ndarray, shape (n_runs,)
    start : ndarray of int, shape (n_runs + 1,)
        Rows of run ``i`` are ``start[i] : start[i + 1]``.

    Examples
    --------
    >>> values, limits = np.array([3.0, 1.0, 2.0]), np.array([2.0, 1.0])
    >>> rows_against(np.less_equal, values, limits, np.array([0, 2, 3])).tolist()
    [False, True, False]
    """
    n = int(start[-1])
    result = np.empty(n, dtype=bool)
    ends = np.searchsorted(start, np.arange(_ROWS, n + _ROWS, _ROWS), side="right") - 1
    first = 0
    for last in dict.fromkeys([*ends.tolist(), len(per_run)]):
        rows = slice(start[first], start[last])
        spread = np.repeat(per_run[first:last], np.diff(start[first : last + 1]))
        result[rows] = test(values[rows], spread)
        first = last
    return result


def holds_anywhere(test: Callable[..., BoolArray], *columns: npt.NDArray[Any]) -> bool:
    """Return whether a test holds for any row; it ends at the first block in which one does."""
    return any(
        bool(test(*(c[first : first + _ROWS] for c in columns)).any())
        for first in range(0, len(columns[0]), _ROWS)
    )


def extremes(values: npt.NDArray[Any]) -> tuple[float, float]:
    """Return the lowest and the highest of some numbers: NaN where one is, or there are none.

    Between two limits they say of all numbers at once that they are numbers, finite and in range.
    """
    if not len(values):
        return np.nan, np.nan
    blocks = [values[first : first + _ROWS] for first in range(0, len(values), _ROWS)]
    lows, highs = zip(*((block.min(), block.max()) for block in blocks), strict=True)
    return float(np.min(lows)), float(np.max(highs))


def known_extremes(values: FloatArray) -> tuple[float, float]:
    """Return the lowest and the highest of the numbers that are not missing, NaN without one."""
    if not len(values):
        return np.nan, np.nan
    blocks = [values[first : first + _ROWS] for first in range(0, len(values), _ROWS)]
    each = [(np.fmin.reduce(block), np.fmax.reduce(block)) for block in blocks]
    lows, highs = zip(*each, strict=True)
    return float(np.fmin.reduce(lows)), float(np.fmax.reduce(highs))
