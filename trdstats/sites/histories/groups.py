"""Groups of neighbouring courses, none of few subjects.

Microaggregation, as statistical offices use it: subjects are put into groups of at least so many
that are near each other, and all of a group stand where its median does.

References
----------
Domingo-Ferrer and Mateo-Sanz 2002, IEEE Trans Knowl Data Eng 14:189-201, doi:10.1109/69.979982.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trdstats.arrays import FloatArray, IntArray


def grouped(days: FloatArray, n: IntArray, minimum: int) -> FloatArray:
    """Return the days on which subjects stand when none stands with few.

    A group is split where that lessens the squares of the distances to its means the most, and
    while both parts hold `minimum` subjects. All of a group stand on its median days, each a day of
    one of its visits.

    Parameters
    ----------
    days : ndarray, shape (m, 2)
        Days of response and of the end; no end before its response, and none is after it.
    n : ndarray of int, shape (m,)
        Subjects of each; `minimum` or more in all.
    minimum : int

    Returns
    -------
    ndarray, shape (m, 2)
    """
    placed = days.copy()
    if n.min() >= minimum:
        return placed
    for rows in _parts(days, n, np.arange(len(n)), minimum):
        placed[rows] = [_median(days[rows, k], n[rows]) for k in range(2)]
    return placed


def _parts(days: FloatArray, n: IntArray, rows: IntArray, minimum: int) -> Iterator[IntArray]:
    waiting = [rows]
    while waiting:
        group = waiting.pop()
        split = _split(days[group], n[group], minimum)
        if split is None:
            yield group
        else:
            waiting += [group[split], group[~split]]


def _split(days: FloatArray, n: IntArray, minimum: int) -> np.ndarray | None:
    """Return who stands in the first of two groups, shape (m,); None where there is no split."""
    centred = days - np.average(days, axis=0, weights=n)
    best, chosen = 1e-9, None
    for axis in range(2):
        order = np.argsort(days[:, axis], kind="stable")
        size = np.cumsum(n[order])
        sums = np.cumsum(n[order, None] * centred[order], axis=0)
        differs = np.append(np.diff(days[order, axis]) > 0, False)
        allowed = differs & (size >= minimum) & (size[-1] - size >= minimum)
        if not allowed.any():
            continue
        rest = np.where(allowed, size[-1] - size, 1)
        gained = np.where(allowed, (sums**2).sum(axis=1) * (1 / size + 1 / rest), -1.0)
        at = int(gained.argmax())
        if gained[at] > best:
            best = float(gained[at])
            chosen = np.isin(np.arange(len(n)), order[: at + 1])
    return chosen


def _median(values: FloatArray, n: IntArray) -> float:
    """Return the lower median: a value of the group."""
    order = np.argsort(values, kind="stable")
    size = np.cumsum(n[order])
    return float(values[order][np.searchsorted(size, size[-1] / 2)])
