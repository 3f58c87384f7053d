"""Runs: the rows of one subject that follow each other in a sorted array.

Every function takes `start`, the offsets of the runs: subject ``i`` owns the rows
``start[i] : start[i + 1]``. Nothing loops over subjects.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.intp]
FloatArray = npt.NDArray[np.float64]


def run_starts(code: IntArray, n: int) -> IntArray:
    """Return the offsets of the runs of sorted subject codes.

    Parameters
    ----------
    code : ndarray of int, shape (n_rows,)
        Subject codes 0 to ``n - 1``, sorted; a code may have no row.
    n : int
        Number of subjects.

    Returns
    -------
    ndarray of int, shape (n + 1,)
    """
    counts = np.bincount(code, minlength=n) if len(code) else np.zeros(n, dtype=np.intp)
    return np.concatenate(([0], np.cumsum(counts))).astype(np.intp)


def first_marked(marked: BoolArray, begin: IntArray, end: IntArray) -> IntArray:
    """Return the first marked row in each span, -1 where there is none.

    Parameters
    ----------
    marked : ndarray of bool, shape (n_rows,)
    begin, end : ndarray of int, shape (n,)
        Half-open spans ``begin[i] : end[i]`` of rows; they may be empty.

    Returns
    -------
    ndarray of int, shape (n,)
    """
    hits = np.flatnonzero(marked)
    if not len(hits):
        return np.full(len(begin), -1, dtype=np.intp)
    place = np.searchsorted(hits, begin)
    row = hits[np.minimum(place, len(hits) - 1)]
    found = (place < len(hits)) & (row < end) & (begin < end)
    return np.where(found, row, -1)


def rows_to_runs(start: IntArray) -> IntArray:
    """Return the subject of every row, shape (n_rows,)."""
    return np.repeat(np.arange(len(start) - 1), np.diff(start))


def any_so_far(marked: BoolArray, start: IntArray) -> BoolArray:
    """Return, for every row, whether it or an earlier row of its run is marked."""
    total = np.concatenate(([0], np.cumsum(marked)))
    before = np.repeat(total[start[:-1]], np.diff(start))
    return total[1:] > before


def consecutive(
    marked: BoolArray,
    start: IntArray,
    length: int,
    *,
    day: FloatArray,
    within: float | None = None,
) -> tuple[BoolArray, BoolArray]:
    """Find rows that begin `length` marked rows in a row.

    Parameters
    ----------
    marked : ndarray of bool, shape (n_rows,)
    start : ndarray of int, shape (n + 1,)
    length : int
        Number of consecutive marked rows, at least 1.
    day : ndarray, shape (n_rows,)
        Day of each row, increasing within a run.
    within : float, optional
        Largest number of days between two neighbours.

    Returns
    -------
    begins : ndarray of bool, shape (n_rows,)
        The row begins such a sequence.
    open_ended : ndarray of bool, shape (n_rows,)
        The run ends before the sequence could be confirmed or refuted.
    """
    n_rows = len(marked)
    begins, open_ended = marked.copy(), np.zeros(n_rows, dtype=bool)
    last = np.zeros(n_rows, dtype=bool)
    ends = start[1:][np.diff(start) > 0] - 1
    last[ends] = True
    # Working back from the run's end: a row begins k marked rows when it is marked and the
    # next row begins k - 1.
    for _ in range(length - 1):
        follows, follows_open = np.zeros(n_rows, dtype=bool), np.zeros(n_rows, dtype=bool)
        follows[:-1], follows_open[:-1] = begins[1:], open_ended[1:]
        close = np.ones(n_rows, dtype=bool)
        if within is not None:
            close[:-1] = np.diff(day) <= within
        begins = marked & ~last & follows & close
        open_ended = marked & (last | (follows_open & close))
    return begins, open_ended
