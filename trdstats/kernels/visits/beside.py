"""What was recorded beside the scores: values at visits, other scales, days of events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from trdstats.arrays import FloatArray, IntArray


class Beside(Protocol):
    """Records of a study that a definition may ask for."""

    def column(self, name: str) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return of every visit: start of each subject's run, the nominal day, and a value."""
        ...

    def scale(self, label: str) -> tuple[Any, Any]:
        """Return the rated visits on another scale, and the scale."""
        ...

    def first_event(self, kinds: Sequence[str]) -> FloatArray:
        """Return the first day of an event from day 0 on, NaN without one, shape (n_subjects,)."""
        ...


def same_visit(
    start: IntArray, nominal: FloatArray, other_start: IntArray, other_nominal: FloatArray
) -> IntArray:
    """Return the row of another table at the subject and nominal day of each row, -1 without one.

    Parameters
    ----------
    start, other_start : ndarray of int, shape (n_subjects + 1,)
        Runs of the subjects in both tables.
    nominal, other_nominal : ndarray, shape (n_rows,), (n_other,)
        Nominal days. Of rows of one subject on the same day the last one is taken.
    """
    owner = np.repeat(np.arange(len(start) - 1), np.diff(start))
    other = np.repeat(np.arange(len(other_start) - 1), np.diff(other_start))
    every = np.round(np.concatenate([nominal, other_nominal]), 9)
    day = np.unique(every, return_inverse=True)[1].astype(np.int64)
    n_days = int(day.max(initial=0)) + 1
    key, other_key = owner * n_days + day[: len(nominal)], other * n_days + day[len(nominal) :]
    order = np.argsort(other_key, kind="stable")
    place = np.searchsorted(other_key[order], key, side="right") - 1
    rows = np.full(len(key), -1, dtype=np.intp)
    inside = place >= 0
    row = order[place[inside]]
    rows[inside] = np.where(other_key[row] == key[inside], row, -1)
    return rows
