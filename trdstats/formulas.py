"""Formulas: what they name in a table, and the design matrix they make of it."""

from __future__ import annotations

from collections.abc import Sequence
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
from trdstats.study.checks import check_columns, check_finite, check_not_empty
from trdstats.study.frames import to_pandas

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


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
    _check_table(table, roles, needed)
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
    frame: pd.DataFrame, columns: list[str], visit: str = "", *, keep_levels: bool = False
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


@dataclass(frozen=True)
class CovariateDesign:
    """Covariates of a regression without an intercept.

    Attributes
    ----------
    X : ndarray, shape (n, q)
        Rows with all covariates.
    terms : list of str
        Columns of X.
    factors : list of str
        Term of the formula that each column belongs to.
    kept : ndarray of bool, shape (n_rows,)
        Rows of the table that have all covariates.
    left_out : dict of str to int
        Rows not analysed, by reason.
    frame : pandas.DataFrame
        The kept rows, texts as categories.
    spec : ModelSpec
        How a table becomes a design, with the intercept that `matrix` takes away.
    """

    X: FloatArray
    terms: list[str]
    factors: list[str]
    kept: BoolArray
    left_out: dict[str, int]
    frame: pd.DataFrame
    spec: ModelSpec

    def matrix(self, frame: pd.DataFrame) -> FloatArray:
        """Return the design of other rows, which have the columns of `frame`, shape (n, q)."""
        return _without_intercept(self.spec.get_model_matrix(frame))[0]


@cache
def read_right_side(formula: str) -> Formula:
    """Return a formula of covariates only.

    Raises
    ------
    SpecError
        When it cannot be read or has an outcome.
    """
    try:
        parsed = Formula(formula)
    except (FormulaicError, SyntaxError) as error:
        raise SpecError(f"The formula {formula!r} cannot be read: {error}.") from error
    if hasattr(parsed, "lhs"):
        raise SpecError(
            f"The formula {formula!r} names an outcome; give the covariates only, such as "
            "'treatment + age'."
        )
    return parsed


def read_covariates(
    table: pd.DataFrame, formula: str, *, what: str = "data", least: int = 1
) -> CovariateDesign:
    """Return the design of the rows that have all covariates of a formula.

    Texts become categories; the first category is the reference.

    Parameters
    ----------
    table : pandas.DataFrame
    formula : str
        Covariates only, such as ``"treatment + age"``.
    what : str
        What the table is called in messages.
    least : int
        How many columns the design must have; 0 where a formula may be ``"1"``.

    Raises
    ------
    DataError, SpecError, NotEstimableError
        When a column is not there, the formula cannot be read, or no row has all covariates.
    """
    parsed = read_right_side(formula)
    needed = sorted(str(v) for v in parsed.required_variables)
    _check_table(table, [], needed, what)
    lacks = table[needed].isna().any(axis=1).to_numpy()
    if lacks.all():
        raise NotEstimableError(f"No row of the {what} has all covariates of {formula!r}.")
    frame = as_categories(table[~lacks].reset_index(drop=True), needed)
    # With the intercept in place every factor has a reference level.
    spec = ModelSpec(Formula(f"1 + {formula}"), output="pandas", na_action="raise")
    made = spec.get_model_matrix(frame)
    X, terms = _without_intercept(made)
    if len(terms) < least:
        raise SpecError(f"The formula {formula!r} has no covariate.")
    slices = made.model_spec.term_slices
    factors = {
        made.columns[k]: str(t) for t, s in slices.items() for k in range(len(made.columns))[s]
    }
    return CovariateDesign(
        X=X,
        terms=terms,
        factors=[factors[t] for t in terms],
        kept=~lacks,
        left_out={"a covariate is missing": int(lacks.sum())} if lacks.any() else {},
        frame=frame,
        spec=made.model_spec,
    )


def check_full_rank(X: FloatArray, terms: Sequence[str]) -> None:
    """Raise `NotEstimableError` with the columns that those before them explain."""
    explained, kept = [], np.empty((len(X), 0))
    for term, column in zip(terms, X.T, strict=True):
        length = np.linalg.norm(column)
        rest = column - kept @ (kept.T @ column)
        rest = rest - kept @ (kept.T @ rest)
        size = np.linalg.norm(rest)
        if size <= 1e-9 * length:
            explained.append(term)
        else:
            kept = np.column_stack((kept, rest / size))
    if explained:
        raise NotEstimableError(
            f"Other columns of the model explain {', '.join(explained)}: leave them out."
        )


def _without_intercept(matrix: pd.DataFrame) -> tuple[FloatArray, list[str]]:
    columns = [c for c in matrix.columns if c != "Intercept"]
    return matrix[columns].to_numpy(dtype=float), [str(c) for c in columns]


def _check_table(
    table: pd.DataFrame, roles: list[str], needed: list[str], what: str = "data"
) -> None:
    named = [*(("the model", c) for c in roles), *(("the formula", c) for c in needed)]
    problems = check_columns(table, named, what)
    problems += check_finite(table, needed, what)
    empty = check_not_empty(table, what)
    if problems or empty:
        raise DataError([*problems, *([empty] if empty else [])])
