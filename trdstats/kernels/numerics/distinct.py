"""Distinct times, and distinct rows of several columns, with the place of each among them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from trdstats.arrays import FloatArray, IntArray

_GLANCE = 256  # values of a column that tell whether few are alike
_ROOM = 8  # whole numbers up to so many times the number of values are counted, not sorted


def distinct(values: FloatArray | IntArray) -> tuple[FloatArray, IntArray]:
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
    return np.asarray(ordered, dtype=float), np.asarray(place, dtype=np.intp)


def equal_rows(columns: Iterable[FloatArray], n: int) -> tuple[IntArray, IntArray] | None:
    """Return the first of the rows that are equal in all columns, and the place of each row.

    Patients of a trial with the same treatment, seen on the same days, are one row of a likelihood
    with the sum of their weights.

    Parameters
    ----------
    columns : iterable of ndarray, shape (n,)
        Without missing values; those that differ most are best first.
    n : int
        Number of rows.

    Returns
    -------
    first : ndarray of int, shape (m,)
        A row of each kind.
    place : ndarray of int, shape (n,)
        Which of them each row is like.
        None in place of both where there are more than half as many kinds as rows.
    """
    kinds, place = min(n, 1), np.zeros(n, dtype=np.intp)
    for column in columns:
        if (column == column[:1]).all():
            continue
        glance = column[:: max(1, n // _GLANCE)]
        if 2 * len(set(glance.tolist())) > len(glance):
            return None
        values, at = np.unique(column, return_inverse=True)
        numbers, place = distinct(place * len(values) + at)
        kinds = len(numbers)
        if 2 * kinds > n:
            return None
    first = np.empty(kinds, dtype=np.intp)
    first[place[::-1]] = np.arange(n - 1, -1, -1)
    return first, place
