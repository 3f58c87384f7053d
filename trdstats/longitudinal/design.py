"""What a mixed model is fitted to: outcome and design, laid out by subject and visit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from formulaic import Formula, ModelSpec
from formulaic.errors import FormulaicError

from trdstats.errors import DataError, NotEstimableError, SpecError
from trdstats.study import Study
from trdstats.study.checks import check_columns, check_not_empty
from trdstats.study.frames import to_pandas

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
    spec : ModelSpec
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
    """

    frame: pd.DataFrame
    subjects: pd.Index[Any]
    visits: pd.Index[Any]
    days: FloatArray
    schedule: IntArray
    outcome: str
    terms: list[str]
    spec: ModelSpec
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

    @property
    def nominal_days(self) -> FloatArray:
        """Days of the visits as they are labelled; 0, 1, 2, ... where they are no numbers."""
        days = pd.to_numeric(pd.Series(list(self.visits)), errors="coerce").to_numpy(dtype=float)
        return np.asarray(np.arange(len(days), dtype=float) if np.isnan(days).any() else days)


@cache
def read_formula(formula: str) -> Formula:
    """Return a formula with an outcome on its left.

    Raises
    ------
    SpecError
        When it cannot be read or has no outcome.
    """
    try:
        parsed = Formula(formula)
    except (FormulaicError, SyntaxError) as error:
        raise SpecError(f"The formula {formula!r} cannot be read: {error}.") from error
    if not hasattr(parsed, "lhs") or len(parsed.lhs) != 1:
        raise SpecError(
            f"The formula {formula!r} needs one outcome on the left, such as "
            "'change ~ baseline * visit + treatment * visit'."
        )
    return parsed


def complete_rows(
    data: Any, formula: Formula, roles: list[str], needed: list[str]
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the rows with an outcome and all covariates, and how many were left out and why."""
    table = data.longitudinal() if isinstance(data, Study) else to_pandas(data, what="data")
    named = [*(("the model", c) for c in roles), *(("the formula", c) for c in needed)]
    problems = check_columns(table, named, "data")
    empty = check_not_empty(table, "data")
    if problems or empty:
        raise DataError([*problems, *([empty] if empty else [])])
    frame = table[list(dict.fromkeys([*roles, *needed]))]
    lacks = frame.isna()
    outcome = str(formula.lhs[0])
    no_outcome = lacks[outcome] if outcome in lacks else lacks.any(axis=1) & False
    reasons = {
        "no outcome": no_outcome,
        "a covariate is missing": lacks.any(axis=1) & ~no_outcome,
    }
    left_out = {name: int(rows.sum()) for name, rows in reasons.items() if rows.any()}
    frame = frame[~lacks.any(axis=1)].reset_index(drop=True)
    if not len(frame):
        raise NotEstimableError("No row has an outcome and all covariates.")
    return frame, left_out


def as_categories(
    frame: pd.DataFrame, columns: list[str], visit: str, *, keep_levels: bool = False
) -> pd.DataFrame:
    """Return texts, booleans and visits as categories; unused categories go unless kept.

    Raises
    ------
    SpecError
        When levels are to be kept and a column does not name them.
    """
    changed: dict[str, Any] = {}
    for column in dict.fromkeys(columns):
        values = frame[column]
        if isinstance(values.dtype, pd.CategoricalDtype):
            changed[column] = values if keep_levels else values.cat.remove_unused_categories()
        elif keep_levels and (column == visit or not pd.api.types.is_numeric_dtype(values.dtype)):
            raise SpecError(
                f"{column!r} must name all its levels, those of other chunks too: "
                f"frame[{column!r}] = pd.Categorical(frame[{column!r}], categories=[...])."
            )
        elif column == visit or not pd.api.types.is_numeric_dtype(values.dtype):
            changed[column] = pd.Categorical(values)
    return frame.assign(**changed)


def outcome_of(frame: pd.DataFrame, formula: Formula) -> FloatArray:
    """Return the outcome of every row."""
    name = str(formula.lhs[0])
    if name in frame and pd.api.types.is_numeric_dtype(frame[name].dtype):
        return frame[name].to_numpy(dtype=float)
    matrix = formula.lhs.get_model_matrix(frame, output="pandas", na_action="ignore")
    if matrix.shape[1] != 1:
        raise SpecError(f"The outcome {formula.lhs[0]!s} must be a number.")
    return np.asarray(matrix.to_numpy(dtype=float)[:, 0])
