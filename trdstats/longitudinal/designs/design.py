"""Outcome and design of a mixed model, arranged by subject and visit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.formulas import DesignSpec
from trdstats.scales import Scale
from trdstats.study.visit_order import days_of

_ROWS = "(rows)"  # no name of a user's column
_MOST_CELLS = 100_000  # combinations of categories that are counted without being numbered anew


@dataclass(frozen=True)
class Baseline:
    """The constraint that treatments share one mean at the visits before treatment.

    Attributes
    ----------
    visit, treatment : str
        Columns.
    before : tuple
        Visits at day 0 or earlier.
    reference : object
        Treatment whose design rows all subjects have at these visits.
    """

    visit: str
    treatment: str
    before: tuple[object, ...]
    reference: object

    def apply(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table in which all subjects have the reference treatment before treatment."""
        values = table[self.treatment].copy()
        values[table[self.visit].isin(self.before).to_numpy()] = self.reference
        return table.assign(**{self.treatment: values})


@dataclass(frozen=True)
class Scales:
    """Several scales rated at every visit.

    Attributes
    ----------
    column : str
    names : list of str
    places : ndarray, shape (T,)
        Place of each assessed visit among the planned ones.
    """

    column: str
    names: list[str]
    places: FloatArray


@dataclass(frozen=True)
class RowTotals:
    """Totals of the analysed rows, for marginal means.

    Attributes
    ----------
    types : dict of str to CategoricalDtype
        Categories of the model's columns.
    sums : dict of str to float
        Sums of its numbers.
    counts : pandas.DataFrame
        Rows by combination of the categories: the columns, and the number of rows.
    n : int
        Rows.
    """

    types: dict[str, pd.CategoricalDtype]
    sums: dict[str, float]
    counts: pd.DataFrame
    n: int

    @classmethod
    def of(cls, frame: pd.DataFrame, columns: list[str]) -> RowTotals:
        """Compute the totals of some rows."""
        types = {
            c: frame[c].dtype for c in columns if isinstance(frame[c].dtype, pd.CategoricalDtype)
        }
        return cls(
            types=types,  # type: ignore[arg-type]
            sums={c: float(frame[c].sum()) for c in columns if c not in types},
            counts=_count(frame, list(types)),
            n=len(frame),
        )

    def __add__(self, other: RowTotals) -> RowTotals:
        counts = pd.concat([self.counts, other.counts])
        if self.types:
            counts = counts.groupby(list(self.types), observed=True)[_ROWS].sum().reset_index()
        sums = {c: self.sums[c] + other.sums[c] for c in self.sums}
        return RowTotals(self.types, sums, counts, self.n + other.n)

    def mean(self, column: str) -> float:
        """Return the mean of a number over the rows."""
        return self.sums[column] / self.n

    def count(self, cell: Mapping[str, object]) -> int:
        """Return the number of rows with some levels of the categories."""
        there = np.ones(len(self.counts), dtype=bool)
        for column, level in cell.items():
            there &= (self.counts[column] == level).to_numpy(dtype=bool)
        return int(self.counts.loc[there, _ROWS].sum())

    def size(self, columns: list[str]) -> pd.Series[Any]:
        """Return the number of rows by combination of some of the categories."""
        return self.counts.groupby(columns, observed=False)[_ROWS].sum()


def _count(frame: pd.DataFrame, categories: list[str]) -> pd.DataFrame:
    """Return the combinations of categories that occur, with the number of rows of each."""
    if not categories:
        return pd.DataFrame({_ROWS: [len(frame)]})
    factors = [pd.Categorical(frame[c]) for c in categories]
    cell, size = np.zeros(len(frame), dtype=np.intp), 1
    for factor in factors:
        k = len(factor.categories)
        cell, size = cell * k + factor.codes, size * k
        if size > _MOST_CELLS:  # so that many factors do not outgrow an integer
            cell = np.unique(cell, return_inverse=True)[1]
            size = int(cell.max()) + 1
    n = np.bincount(cell, minlength=size)
    first = np.zeros(size, dtype=np.intp)
    first[cell[::-1]] = np.arange(len(cell))[::-1]  # what is set last stays: the first row
    there = np.flatnonzero(n)
    columns = {c: factor[first[there]] for c, factor in zip(categories, factors, strict=True)}
    return pd.DataFrame({**columns, _ROWS: n[there]})


class ModelRows(Protocol):
    """What marginal means and tests of terms need to know of the rows of a model."""

    @property
    def terms(self) -> list[str]:
        """Columns of the design."""

    @property
    def spec(self) -> DesignSpec:
        """How a table becomes a design."""

    def rows_of(self, table: pd.DataFrame) -> FloatArray:
        """Return the rows of the design that other rows of the formula's columns have."""

    @property
    def totals(self) -> RowTotals:
        """Totals of the analysed rows."""

    @property
    def visit(self) -> str:
        """Column of the visits; empty where ratings are not by visit."""

    @property
    def caveat(self) -> str:
        """What comparisons of the treatments must say."""

    @property
    def baseline(self) -> Baseline | None:
        """The constraint of one mean before treatment, None without."""


@dataclass(frozen=True)
class Design:
    """Outcome and design arranged by subject and visit.

    Attributes
    ----------
    frame : pandas.DataFrame
        Analysed rows, with the columns of the formula.
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
        Column and reference level that all subjects have at the visits before treatment, in a
        constrained analysis.
    totals : RowTotals
    left_out : dict of str to int
        Rows not analysed, by reason.
    visit : str
        Column of the visits; empty where ratings are not by visit.
    better : {"lower", "higher"} or None
        Which values of the outcome are better, None where not known.
    caveat : str
        What comparisons of the treatments must say; empty when randomised or not known.
    unit : str
        What `subjects` are where they are no subjects: the column of the sites whose random
        effects subjects share.
    subject_of_row : pandas.Index or None
        Subject of each row of `frame`, where `subjects` are none.
    planned : pandas.Index or None
        Visits that the table names, in order, including those without any assessment.
    order_from_text : bool
        Whether the order of the visits was read from the numbers in their names.
    scale : Scale or None
        Scale of the scores, where the data know it.
    scales : Scales or None
        The scales of the ratings, where there are several at a visit.
    by_row : bool
        Whether the arrays hold one column a row of `frame`, T = 1 and n = n_rows, because ratings
        are not laid out by visit.
    coordinates : ndarray, shape (q, q), or None
        Matrix from the columns of the formula to those of X, where some are counted from another
        origin. Coefficients of the formula's columns are this matrix times those of X.
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
    rated: BoolArray
    group: IntArray
    groups: list[str]
    weight: FloatArray | None
    person: IntArray
    occasion: IntArray
    varying: tuple[str, ...]
    baseline: Baseline | None
    totals: RowTotals
    left_out: dict[str, int]
    visit: str = ""
    caveat: str = ""
    better: Literal["lower", "higher"] | None = None
    unit: str = "subject"
    subject_of_row: pd.Index[Any] | None = None
    planned: pd.Index[Any] | None = None
    order_from_text: bool = False
    scale: Scale | None = None
    scales: Scales | None = None
    by_row: bool = False
    coordinates: FloatArray | None = None

    def without_rows(self) -> Design:
        """Return what is known of the design beside its rows."""
        of_row = None if self.subject_of_row is None else self.subject_of_row[:0]
        weight = None if self.weight is None else self.weight[:, :0]
        return replace(
            self, frame=self.frame[:0], subjects=self.subjects[:0], X=self.X[:, :, :0],
            y=self.y[:, :0], rated=self.rated[:0], group=self.group[:0], person=self.person[:0],
            occasion=self.occasion[:0], schedule=self.schedule[:0], subject_of_row=of_row,
            weight=weight,
        )  # fmt: skip

    def rows_of(self, table: pd.DataFrame) -> FloatArray:
        """Return the rows of the design of other rows of the formula's columns, shape (m, q)."""
        rows = self.spec.rows(table)
        return rows if self.coordinates is None else rows @ self.coordinates

    def on_columns(self, L: FloatArray) -> FloatArray:
        """Return coefficients on the columns of X, of those on the formula's, shape (k, q)."""
        return L if self.coordinates is None else L @ self.coordinates

    @property
    def cells(self) -> tuple[IntArray, IntArray]:
        """Place of each row of `frame` in `y`, and in the first and last axis of `X`."""
        if self.by_row:
            rows = np.arange(len(self.person))
            return np.zeros_like(rows), rows
        return self.occasion, self.person

    @property
    def row_subjects(self) -> pd.Index[Any]:
        """Subject of each row of `frame`."""
        if self.subject_of_row is not None:
            return self.subject_of_row
        return self.subjects[self.person]

    @property
    def places(self) -> FloatArray:
        """Place of each visit among the planned ones, shape (T,); repeated for every scale."""
        if self.scales is not None:
            return np.tile(self.scales.places, len(self.scales.names))
        if self.planned is None:
            return np.arange(len(self.visits), dtype=float)
        return np.asarray(self.planned.get_indexer(self.visits), dtype=float)

    @property
    def never_rated(self) -> list[Any]:
        """Planned visits between assessed ones at which no subject was assessed."""
        if self.planned is None or self.scales is not None:
            return []
        place = self.planned.get_indexer(self.visits)
        return [v for v in self.planned[place.min() : place.max()] if v not in self.visits]

    @property
    def nominal_days(self) -> FloatArray:
        """Days that the visits name; where any names none, the usual days."""
        if self.scales is not None:
            return self.usual_days
        days = days_of(list(self.visits))
        return self.usual_days if np.isnan(days).any() else days

    @property
    def usual_days(self) -> FloatArray:
        """Day of each visit: the mean over subjects where days are individual, shape (T,)."""
        if len(self.days) == 1:
            return np.asarray(self.days[0])
        subject_days = self.days[self.schedule]
        return np.asarray(
            np.where(self.rated, subject_days, 0.0).sum(axis=0) / self.rated.sum(axis=0)
        )
