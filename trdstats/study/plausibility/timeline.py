"""The rated visits of a study as what a look at its days needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import Level
from trdstats.kernels.visits.runs import rows_to_runs, run_starts

# Proportions of fewer subjects than this say nothing about a table: one of five is 20 %.
FEWEST = 10
# What happens to this proportion of the subjects is more than a slip here and there.
MANY = 0.05


@dataclass(frozen=True)
class Timeline:
    """Rated visits, sorted by subject and day.

    Attributes
    ----------
    ids : pandas.Index, shape (n_subjects,)
        Identifiers.
    arm : ndarray of int, shape (n_subjects,)
        Index into `arms`.
    arms : list of str
        Treatments.
    day : ndarray, shape (n,)
        Day of each rating.
    start : ndarray of int, shape (n_subjects + 1,)
        Ratings of subject ``i`` are ``start[i] : start[i + 1]``.
    """

    ids: pd.Index[Any]
    arm: IntArray
    arms: list[str]
    day: FloatArray
    start: IntArray

    @classmethod
    def of(
        cls,
        ids: Any,
        arm: Any,
        arms: list[str],
        code: npt.NDArray[np.integer],
        day: FloatArray,
        rated: BoolArray,
    ) -> Timeline:
        """Make one of all visits and whether each was assessed."""
        if not rated.all():
            code, day = code[rated], day[rated]
        codes = np.asarray(arm, dtype=np.intp)
        return cls(pd.Index(ids), codes, arms, day, run_starts(code, len(codes)))

    @classmethod
    def of_visits(
        cls, visits: pd.DataFrame, ids: pd.Index[Any], treatment: pd.Categorical
    ) -> Timeline | None:
        """Make one of canonical visits; None where a row names no known subject or treatment."""
        if not isinstance(visits["subject"].dtype, pd.CategoricalDtype) or treatment.isna().any():
            return None
        code = visits["subject"].cat.codes.to_numpy()
        rated = visits["score"].notna().to_numpy()
        day = visits["day"].to_numpy()
        return cls.of(ids, treatment.codes, list(treatment.categories), code, day, rated)

    def some_days(self, who: BoolArray, most: int) -> tuple[FloatArray, int]:
        """Return the days of every k-th rating of some subjects, from `most` to twice as many.

        Parameters
        ----------
        who : ndarray of bool, shape (n_subjects,)
            Among those ever rated.
        most : int

        Returns
        -------
        days : ndarray
            Of all ratings where there are fewer.
        k : int
        """
        begin, n = self.start[:-1][who], np.diff(self.start)[who]
        end = np.cumsum(n)
        total = int(end[-1]) if len(end) else 0
        step = max(1, total // most)
        place = np.arange(0, total, step)
        subject = np.searchsorted(end, place, side="right")
        return self.day[begin[subject] + place - (end - n)[subject]], step

    @cached_property
    def of_arms(self) -> tuple[BoolArray, ...]:
        """The subjects of each treatment who were ever rated, shape (n_subjects,) each."""
        return tuple(self.seen & (self.arm == k) for k in range(len(self.arms)))

    @cached_property
    def code(self) -> IntArray:
        """Subject of each rating, shape (n,)."""
        return rows_to_runs(self.start)

    @cached_property
    def seen(self) -> BoolArray:
        """Whether each subject was ever rated, shape (n_subjects,)."""
        return np.diff(self.start) > 0

    @cached_property
    def first(self) -> FloatArray:
        """Day of each subject's first rating, NaN without one, shape (n_subjects,)."""
        return self._at(self.start[:-1])

    @cached_property
    def last(self) -> FloatArray:
        """Day of each subject's last rating, NaN without one, shape (n_subjects,)."""
        return self._at(self.start[1:] - 1)

    def _at(self, row: IntArray) -> FloatArray:
        seen = self.seen
        if seen.all():
            return self.day[row]
        values = np.full(len(seen), np.nan)
        values[seen] = self.day[row[seen]]
        return values


def level_of(n: int, of: int) -> Level:
    """Return how loud to be about some of the subjects: a note, and a warning about many."""
    return "warning" if of >= FEWEST and n >= MANY * of else "note"
