"""Runs: the rows of one subject that follow each other in a sorted array.

Every function takes `start`, the offsets of the runs: subject ``i`` owns the rows
``start[i] : start[i + 1]``. Nothing loops over subjects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trdstats.arrays import BoolArray, FloatArray, IntArray, addresses

# Days are compared after adding the place of the subject: a few seconds are lost to rounding.
CLOCK = 1e-4


def run_starts(code: npt.NDArray[np.integer], n: int) -> IntArray:
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
    row = first_of_runs(code)
    if len(row) == n:
        return np.append(row, len(code))
    counts = np.zeros(n, dtype=np.intp)
    counts[code[row]] = np.diff(row, append=len(code))
    return np.concatenate(([0], np.cumsum(counts)))


def first_of_runs(values: npt.NDArray[Any]) -> IntArray:
    """Return the rows at which a run of equal entries begins, whatever order they are in.

    An object is equal to itself, also one that says it is not.
    """
    held = addresses(values) if values.dtype == object else values
    begins = np.ones(len(values), dtype=bool)
    np.not_equal(held[1:], held[:-1], out=begins[1:])
    row = np.flatnonzero(begins)
    if held is values or not len(row):
        return row
    # Other objects may be equal all the same.
    differs = np.ones(len(row), dtype=bool)
    np.not_equal(values[row[1:]], values[row[1:] - 1], out=differs[1:])
    return row[differs]


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
    place = _before(marked, begin, end, hits)
    row = hits[np.minimum(place, len(hits) - 1)]
    exists = (place < len(hits)) & (row < end) & (begin < end)
    return np.where(exists, row, -1)


def _before(marked: BoolArray, begin: IntArray, end: IntArray, hits: IntArray) -> IntArray:
    """Return how many of the marked rows stand before each span."""
    if len(begin) and begin[0] == 0 and (begin[1:] == end[:-1]).all():
        # Spans that follow each other are counted in less time than they are searched in.
        counts = counts_marked(marked, np.append(begin, end[-1]))
        return np.cumsum(counts) - counts
    return np.searchsorted(hits, begin)


def last_marked(marked: BoolArray, start: IntArray) -> IntArray:
    """Return the last marked row of each run, -1 where there is none, shape (n,)."""
    if not len(marked):
        return np.full(len(start) - 1, -1, dtype=np.intp)
    row = start[1:] - 1
    # Most runs end in a marked row: few are searched.
    searched = np.flatnonzero((row < start[:-1]) | ~marked[row])
    if 8 * len(searched) > len(row):
        counts = counts_marked(marked, start)
        hits = np.append(np.flatnonzero(marked), -1)
        return np.where(counts > 0, hits[np.cumsum(counts) - 1], -1)
    if len(searched):
        hits = np.concatenate(([-1], np.flatnonzero(marked)))
        last = hits[np.searchsorted(hits, row[searched], side="right") - 1]
        row[searched] = np.where(last >= start[:-1][searched], last, -1)
    return row


def counts_marked(marked: BoolArray, start: IntArray) -> IntArray:
    """Return how many rows of each run are marked, shape (n,)."""
    counts = np.zeros(len(start) - 1, dtype=np.intp)
    filled = np.flatnonzero(start[1:] > start[:-1])
    if marked.any():
        # A sum over the rows from one run that has any to the next such run.
        ones = marked[: start[-1]].view(np.uint8)
        counts[filled] = np.add.reduceat(ones, start[filled], dtype=np.int32)
    return counts


def rows_to_runs(start: IntArray) -> IntArray:
    """Return the subject of every row, shape (n_rows,)."""
    return np.repeat(np.arange(len(start) - 1), np.diff(start))


def any_so_far(marked: BoolArray, start: IntArray) -> BoolArray:
    """Return, for every row, whether it or an earlier row of its run is marked."""
    if not marked.any():
        return np.zeros(len(marked), dtype=bool)
    total = np.concatenate(([0], np.cumsum(marked)))
    before = np.repeat(total[start[:-1]], np.diff(start))
    return total[1:] > before


@dataclass(frozen=True, slots=True)
class Sequences:
    """Sequences of marked rows, for each row.

    Attributes
    ----------
    begins : ndarray of bool, shape (n_rows,)
        The row begins such a sequence.
    open_ended : ndarray of bool, shape (n_rows,)
        The run ends before the sequence could be confirmed or refuted.
    end : ndarray of int, shape (n_rows,)
        Last row of the sequence, where one begins.
    """

    begins: BoolArray
    open_ended: BoolArray
    end: IntArray


def consecutive(
    marked: BoolArray,
    start: IntArray,
    length: int,
    *,
    day: FloatArray,
    after: float = 0.0,
    within: float | None = None,
) -> Sequences:
    """Find rows that begin `length` marked rows in a row.

    Parameters
    ----------
    marked : ndarray of bool, shape (n_rows,)
    start : ndarray of int, shape (n + 1,)
    length : int
        Number of marked rows that confirm each other, at least 1.
    day : ndarray, shape (n_rows,)
        Day of each row, increasing within a run.
    after : float
        Least number of days from one of them to the next; rows between must be marked too.
    within : float, optional
        Largest number of days from one of them to the next.
    """
    rows = np.arange(len(marked))
    if length == 1 or not len(marked):
        return Sequences(marked.copy(), np.zeros(len(marked), dtype=bool), rows)
    final = start[1:][rows_to_runs(start)] - 1
    following = rows + 1
    if after > 0:
        place = along(start, day)
        following = np.maximum(following, np.searchsorted(place, place + after - CLOCK))
    is_there = following <= final
    reach = np.where(is_there, following, final)
    total = np.concatenate(([0], np.cumsum(marked)))
    unbroken = total[reach + 1] - total[rows] == reach + 1 - rows
    goes_on = is_there & unbroken
    if within is not None:
        goes_on &= day[reach] - day <= within + CLOCK
    begins, end = marked.copy(), rows
    open_ended = np.zeros(len(marked), dtype=bool)
    for _ in range(length - 1):
        open_ended = (~is_there & unbroken) | (goes_on & open_ended[reach])
        begins, end = goes_on & begins[reach], end[reach]
    return Sequences(begins, open_ended & ~begins, end)


def along(start: IntArray, day: FloatArray, room: float = 0.0) -> FloatArray:
    """Return days on one line for all runs, so that one search serves every run.

    Parameters
    ----------
    start : ndarray of int, shape (n + 1,)
    day : ndarray, shape (n_rows,)
    room : float
        How far beyond a run's last day a search may look.
    """
    apart = float(day.max(initial=0.0)) + room + 1
    return rows_to_runs(start) * apart + day
