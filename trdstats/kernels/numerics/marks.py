"""Rows of marks (assessed or not, met or not) as numbers, for any number of marks a row."""

from __future__ import annotations

import numpy as np

from trdstats.arrays import BoolArray, IntArray

_WORD = 62  # marks that one machine integer holds with room to spare


def number_rows(marks: BoolArray, group: IntArray | None = None) -> tuple[IntArray, IntArray]:
    """Return a number for every row of marks, equal rows the same.

    Parameters
    ----------
    marks : ndarray of bool, shape (n, k)
        Any number of marks: they are read in words, never as one integer.
    group : ndarray of int, shape (n,), optional
        Rows of different groups are distinct; the rows of one group are numbered together.

    Returns
    -------
    number : ndarray of int, shape (n,)
        Number of the distinct row that each row is, from 0.
    first : ndarray of int
        First row of each number.
    """
    n, k = marks.shape
    if n == 0:
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    words = [
        marks[:, at : at + _WORD] @ (1 << np.arange(min(_WORD, k - at), dtype=np.int64))
        for at in range(0, k, _WORD)
    ]
    if group is not None:
        words.append(np.asarray(group, dtype=np.int64))
    if not words:
        return np.zeros(n, dtype=np.intp), np.zeros(1, dtype=np.intp)
    order = np.lexsort(words)  # the last key sorts first: group, then the latest marks
    differs = np.zeros(n, dtype=bool)
    for word in words:
        differs[1:] |= np.diff(word[order]) != 0
    number = np.empty(n, dtype=np.intp)
    number[order] = np.cumsum(differs)
    first = order[np.flatnonzero(np.concatenate(([True], differs[1:])))]
    return number, first
