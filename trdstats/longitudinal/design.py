"""From a table of visits to the design of a model: formula, visits, groups, weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from formulaic import Formula, ModelSpec
from formulaic.errors import FormulaicError

from trdstats.errors import DataError, NotEstimableError, Problem, SpecError, count_of
from trdstats.study import Study
from trdstats.study.checks import check_columns, check_not_empty
from trdstats.study.frames import to_pandas

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


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
    days : ndarray, shape (T,)
        Days of the visits where they are numbers, else 0, 1, 2, ...
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
    left_out : dict of str to int
        Rows not analysed, by reason.
    """

    frame: pd.DataFrame
    subjects: pd.Index[Any]
    visits: pd.Index[Any]
    days: FloatArray
    outcome: str
    terms: list[str]
    spec: ModelSpec
    X: FloatArray
    y: FloatArray
    rated: npt.NDArray[np.bool_]
    group: IntArray
    groups: list[str]
    weight: FloatArray | None
    left_out: dict[str, int]


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


def build_design(
    data: Any,
    formula: Formula,
    *,
    subject: str,
    visit: str,
    group: str | None,
    weights: str | None,
) -> Design:
    """Lay a table out by subject and visit.

    Raises
    ------
    DataError
        With every problem of the table.
    SpecError, NotEstimableError
        When the formula does not fit the table, or nothing is left to analyse.
    """
    outcome = str(formula.lhs[0])
    needed = sorted({str(v) for v in formula.required_variables})
    roles = [subject, visit, *(c for c in (group, weights) if c)]
    frame, left_out = _complete_rows(data, formula, roles, needed)
    frame = _categorical(frame, [visit, *(c for c in needed if c != outcome)], visit)
    visits = frame[visit].cat.categories
    person, subjects = pd.factorize(frame[subject], sort=True)
    person = np.asarray(person, dtype=np.intp)
    occasion = frame[visit].cat.codes.to_numpy().astype(np.intp)
    _check_once(frame, subject, visit, person, occasion, len(visits))
    n, T = len(subjects), len(visits)
    rated = np.zeros((n, T), dtype=bool)
    rated[person, occasion] = True
    group_code, groups = _of_subject(frame, group, person, n)
    weight = _weights(frame, weights, person, occasion, (T, n))
    spec, X, terms = _matrix(formula, frame, person, occasion, n, T, visit)
    y = np.zeros((T, n))
    y[occasion, person] = _outcome(frame, formula)
    return Design(
        frame=frame, subjects=pd.Index(subjects), visits=visits, days=_days(visits),
        outcome=outcome, terms=terms, spec=spec, X=X, y=y, rated=rated, group=group_code,
        groups=groups, weight=weight, left_out=left_out,
    )  # fmt: skip


def build_rows(
    data: Any, formula: Formula, random: str, subject: str
) -> tuple[Design, FloatArray, list[str]]:
    """Lay a table out by subject and rating, for subjects on days of their own.

    Returns
    -------
    design : Design
        Its visits are the first, second, ... rating of a subject.
    Z : ndarray, shape (n, T, r)
        Design of the random effects, 0 where there is no rating.
    names : list of str
        The random effects.

    Raises
    ------
    DataError, SpecError, NotEstimableError
        As `build_design`.
    """
    try:
        effects = Formula(random)
    except (FormulaicError, SyntaxError) as error:
        raise SpecError(f"random={random!r} cannot be read: {error}.") from error
    needed = {str(v) for v in (*formula.required_variables, *effects.required_variables)}
    frame, left_out = _complete_rows(data, formula, [subject], sorted(needed))
    outcome = str(formula.lhs[0])
    frame = _categorical(frame, sorted(needed - {outcome}), "")
    codes, subjects = pd.factorize(frame[subject], sort=True)
    person = np.asarray(codes, dtype=np.intp)
    place = np.asarray(frame.groupby(person, sort=False).cumcount(), dtype=np.intp)
    n, T = len(subjects), int(place.max()) + 1
    fixed = formula.rhs.get_model_matrix(frame, output="pandas", na_action="ignore")
    rated = np.zeros((n, T), dtype=bool)
    rated[person, place] = True
    X = _by_place(fixed.to_numpy(dtype=float), person, place, n, T)
    y = np.zeros((T, n))
    y[place, person] = _outcome(frame, formula)
    drawn = effects.get_model_matrix(frame, output="pandas", na_action="ignore")
    Z = np.zeros((n, T, drawn.shape[1]))
    Z[person, place] = drawn.to_numpy(dtype=float)
    design = Design(
        frame=frame, subjects=pd.Index(subjects), visits=pd.RangeIndex(T),
        days=np.arange(T, dtype=float), outcome=outcome, terms=[str(c) for c in fixed.columns],
        spec=fixed.model_spec, X=X, y=y, rated=rated, group=np.zeros(n, dtype=np.intp),
        groups=["all"], weight=None, left_out=left_out,
    )  # fmt: skip
    return design, Z, [str(c) for c in drawn.columns]


def _by_place(matrix: FloatArray, person: IntArray, place: IntArray, n: int, T: int) -> FloatArray:
    """Lay rows out by subject and place, filled in by what never changes within a subject."""
    X = np.zeros((T, matrix.shape[1], n))
    for j, column in enumerate(matrix.T):
        own = np.zeros(n)
        own[person] = column
        if (own[person] == column).all():
            X[:, j] = own
        else:
            X[place, j, person] = column
    return X


def _complete_rows(
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


def _categorical(frame: pd.DataFrame, columns: list[str], visit: str) -> pd.DataFrame:
    """Return texts, booleans and visits as categories; unused categories go."""
    changed: dict[str, Any] = {}
    for column in dict.fromkeys(columns):
        values = frame[column]
        if isinstance(values.dtype, pd.CategoricalDtype):
            changed[column] = values.cat.remove_unused_categories()
        elif column == visit or not pd.api.types.is_numeric_dtype(values.dtype):
            changed[column] = pd.Categorical(values)
    return frame.assign(**changed)


def _days(visits: pd.Index[Any]) -> FloatArray:
    days = pd.to_numeric(pd.Series(list(visits)), errors="coerce").to_numpy(dtype=float)
    return np.asarray(np.arange(len(visits), dtype=float) if np.isnan(days).any() else days)


def _check_once(
    frame: pd.DataFrame, subject: str, visit: str, person: IntArray, occasion: IntArray, T: int
) -> None:
    cell = person * T + occasion
    again = pd.Series(cell).duplicated().to_numpy()
    if again.any():
        named = frame.loc[again, [subject, visit]].iloc[:50].itertuples()
        raise DataError(
            [
                Problem(
                    "duplicate_visit",
                    count_of(int(again.sum()), "row repeats", "rows repeat")
                    + " a subject and visit.",
                    tuple(f"{who} at {visit} {when} (row {i})" for i, who, when in named),
                    "Keep one row a subject and visit.",
                )
            ]
        )


def _of_subject(
    frame: pd.DataFrame, column: str | None, person: IntArray, n: int
) -> tuple[IntArray, list[str]]:
    if column is None:
        return np.zeros(n, dtype=np.intp), ["all"]
    codes, names = pd.factorize(frame[column], sort=True)
    result = np.full(n, -1, dtype=np.intp)
    result[person] = codes
    if (result[person] != codes).any():
        raise SpecError(f"group={column!r} changes between visits of a subject.")
    return result, [str(name) for name in names]


def _weights(
    frame: pd.DataFrame,
    column: str | None,
    person: IntArray,
    occasion: IntArray,
    shape: tuple[int, int],
) -> FloatArray | None:
    """Return weights by visit and subject; a constant one stands at missed visits too."""
    if column is None:
        return None
    values = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=float)
    if not (np.isfinite(values) & (values > 0)).all():
        raise SpecError(f"weights={column!r} must be positive numbers.")
    own = np.ones(shape[1])
    own[person] = values
    result = np.ones(shape)
    if (own[person] == values).all():
        result[:] = own
    result[occasion, person] = values
    return result


def _outcome(frame: pd.DataFrame, formula: Formula) -> FloatArray:
    matrix = formula.lhs.get_model_matrix(frame, output="pandas", na_action="ignore")
    if matrix.shape[1] != 1:
        raise SpecError(f"The outcome {formula.lhs[0]!s} must be a number.")
    return np.asarray(matrix.to_numpy(dtype=float)[:, 0])


def _matrix(
    formula: Formula,
    frame: pd.DataFrame,
    person: IntArray,
    occasion: IntArray,
    n: int,
    T: int,
    visit: str,
) -> tuple[ModelSpec, FloatArray, list[str]]:
    """Return the design at every visit of every subject.

    At visits without a rating it is filled in: by what never changes within the subject, so that
    a covariate is one column for all visits, and by 0 elsewhere. It has no weight there.
    """
    whole: dict[str, Any] = {}
    place = occasion * n + person
    for column in formula.rhs.required_variables:
        name = str(column)
        values = frame[name]
        if name == visit:
            codes = np.repeat(np.arange(T), n)
            whole[name] = pd.Categorical.from_codes(codes, dtype=values.dtype)  # type: ignore[call-overload]
            continue
        is_category = isinstance(values.dtype, pd.CategoricalDtype)
        plain = values.cat.codes.to_numpy() if is_category else values.to_numpy()
        full = np.zeros(n * T, dtype=plain.dtype)
        own = np.zeros(n, dtype=plain.dtype)
        own[person] = plain
        if (own[person] == plain).all():
            full = np.tile(own, T)
        full[place] = plain
        whole[name] = (
            pd.Categorical.from_codes(full, dtype=values.dtype) if is_category else full  # type: ignore[call-overload]
        )
    table = pd.DataFrame(whole, index=pd.RangeIndex(n * T))
    filled = formula.rhs.get_model_matrix(table, output="pandas", na_action="ignore")
    spec = filled.model_spec
    if spec.transform_state:
        # A transform that learns from its column (a centre, a spline) learns from analysed rows.
        spec = formula.rhs.get_model_matrix(frame, output="pandas", na_action="ignore").model_spec
        filled = spec.get_model_matrix(table, output="pandas", na_action="ignore")
    names = [str(c) for c in filled.columns]
    X = filled.to_numpy(dtype=float)
    if not np.isfinite(X).all():
        raise SpecError("The formula gives values that are no finite numbers.")
    return spec, np.ascontiguousarray(X.reshape(T, n, -1).transpose(0, 2, 1)), names
