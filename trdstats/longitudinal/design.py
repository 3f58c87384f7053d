"""What a mixed model is fitted to: outcome and design, laid out by subject and visit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.formulas import DesignSpec

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Baseline:
    """The constraint that treatments share one mean at the first visit.

    Attributes
    ----------
    visit, treatment : str
        Columns.
    first, reference : object
        First visit, and the treatment whose design rows all subjects have there.
    """

    visit: str
    treatment: str
    first: Any
    reference: Any

    def apply(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table in which everybody has the reference treatment at the first visit."""
        values = table[self.treatment].copy()
        values[(table[self.visit] == self.first).to_numpy()] = self.reference
        return table.assign(**{self.treatment: values})


@dataclass(frozen=True)
class Facts:
    """What marginal means need to know of the analysed rows.

    Attributes
    ----------
    types : dict of str to CategoricalDtype
        Categories of the model's columns.
    sums : dict of str to float
        Sums of its numbers.
    counts : pandas.DataFrame
        Rows by combination of the categories: the columns, and n.
    n : int
        Rows.
    """

    types: dict[str, pd.CategoricalDtype]
    sums: dict[str, float]
    counts: pd.DataFrame
    n: int

    @classmethod
    def of(cls, frame: pd.DataFrame, columns: list[str]) -> Facts:
        """Take the facts of some rows."""
        types = {
            c: frame[c].dtype for c in columns if isinstance(frame[c].dtype, pd.CategoricalDtype)
        }
        return cls(
            types=types,  # type: ignore[arg-type]
            sums={c: float(frame[c].sum()) for c in columns if c not in types},
            counts=_count(frame[list(types)]),
            n=len(frame),
        )

    def __add__(self, other: Facts) -> Facts:
        counts = pd.concat([self.counts, other.counts])
        if self.types:
            counts = counts.groupby(list(self.types), observed=True)["n"].sum().reset_index()
        sums = {c: self.sums[c] + other.sums[c] for c in self.sums}
        return Facts(self.types, sums, counts, self.n + other.n)

    def mean(self, column: str) -> float:
        """Return the mean of a number over the rows."""
        return self.sums[column] / self.n

    def size(self, columns: list[str]) -> pd.Series[Any]:
        """Return the number of rows by combination of some of the categories."""
        return self.counts.groupby(columns, observed=False)["n"].sum()


def _count(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the combinations of categories that occur, with the number of rows of each."""
    if not len(frame.columns):
        return pd.DataFrame({"n": [len(frame)]})
    codes = [frame[c].cat.codes.to_numpy() for c in frame]
    shape = [len(frame[c].cat.categories) for c in frame]
    cell, n = np.unique(np.ravel_multi_index(codes, shape), return_counts=True)
    at = np.unravel_index(cell, shape)
    columns = {
        c: frame[c].cat.categories[k].astype(frame[c].dtype) for c, k in zip(frame, at, strict=True)
    }
    return pd.DataFrame({**columns, "n": n})


@dataclass(frozen=True)
class Design:
    """Outcome and design laid out by subject and visit.

    Attributes
    ----------
    frame : pandas.DataFrame
        Rows that were analysed, with the columns of the formula.
    subjects : pandas.Index
        Subjects in the order of the arrays.
    visits : pandas.Index
        Visits in order.
    days : ndarray, shape (K, T)
        Days of the visits, one row a schedule; 0, 1, 2, ... where visits are no numbers.
    schedule : ndarray of int, shape (n,)
        Row of `days` that each subject has.
    outcome : str
    terms : list of str
        Columns of the design.
    spec : DesignSpec
        How a table becomes a design, for predictions.
    X : ndarray, shape (T, q, n)
    y : ndarray, shape (T, n)
    rated : ndarray of bool, shape (n, T)
    group : ndarray of int, shape (n,)
    groups : list of str
    weight : ndarray, shape (T, n), or None
        Weights of the ratings; X and y are not yet multiplied by their roots.
    person, occasion : ndarray of int, shape (n_rows,)
        Subject and visit of each row of `frame`.
    varying : tuple of str
        Columns that change between visits of a subject, so that they are not known at missed ones.
    baseline : Baseline or None
        Column and reference level that all subjects have at the first visit, in a constrained
        analysis.
    facts : Facts
    left_out : dict of str to int
        Rows not analysed, by reason.
    unit : str
        What `subjects` are where they are no subjects: the column of the sites whose random
        effects subjects share.
    subject_of_row : pandas.Index or None
        Subject of each row of `frame`, where `subjects` are none.
    """

    frame: pd.DataFrame
    subjects: pd.Index[Any]
    visits: pd.Index[Any]
    days: FloatArray
    schedule: IntArray
    outcome: str
    terms: list[str]
    spec: DesignSpec
    X: FloatArray
    y: FloatArray
    rated: npt.NDArray[np.bool_]
    group: IntArray
    groups: list[str]
    weight: FloatArray | None
    person: IntArray
    occasion: IntArray
    varying: tuple[str, ...]
    baseline: Baseline | None
    facts: Facts
    left_out: dict[str, int]
    unit: str = "subject"
    subject_of_row: pd.Index[Any] | None = None

    @property
    def row_subjects(self) -> pd.Index[Any]:
        """Subject of each row of `frame`."""
        if self.subject_of_row is not None:
            return self.subject_of_row
        return self.subjects[self.person]

    @property
    def nominal_days(self) -> FloatArray:
        """Days of the visits as they are labelled; 0, 1, 2, ... where they are no numbers."""
        days = pd.to_numeric(pd.Series(list(self.visits)), errors="coerce").to_numpy(dtype=float)
        return np.asarray(np.arange(len(days), dtype=float) if np.isnan(days).any() else days)
