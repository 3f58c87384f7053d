"""The columns of a table that a formula names, and the design matrix it gives."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from formulaic.parser.types import Term

from trdstats.aliases import FrameLike
from trdstats.arrays import BoolArray, FloatArray
from trdstats.columns import are_finite, check_columns, check_finite, check_not_empty
from trdstats.errors import DataError, DataWarning, NotEstimableError, SpecError, warn
from trdstats.formulas.evaluate import CheckedFactor, CheckedFormula, DesignSpec, Uses
from trdstats.formulas.reading import parse, right_text
from trdstats.frames import to_pandas
from trdstats.kinds import (
    as_category,
    check_kind,
    is_plain_number,
    kind_of,
    missing_in,
    trimmed,
)
from trdstats.study import Study
from trdstats.study.plausibility.covariates import note_whole_numbers
from trdstats.study.plausibility.lookalikes import note_lookalikes
from trdstats.study.plausibility.plain_tables import warn_of_codes
from trdstats.study.study import is_of_study

# Why rows are left out as incomplete, in the order in which it is said.
MISSING = ("no outcome", "a covariate is missing")


@dataclass(frozen=True)
class OutcomeFormula:
    """A formula with an outcome.

    Attributes
    ----------
    lhs : CheckedFormula
        The outcome, one term.
    rhs : CheckedFormula
        The terms of the model.
    """

    lhs: CheckedFormula
    rhs: CheckedFormula

    @property
    def required_variables(self) -> set[str]:
        """Columns of both sides."""
        sides = (self.lhs, self.rhs)
        return {str(v) for side in sides for v in side.required_variables}

    def learns(self) -> bool:
        """Whether a function of either side learns from all rows, such as `scale`."""
        return self.lhs.learns() or self.rhs.learns()


@cache
def read_formula(formula: str) -> OutcomeFormula:
    """Return a formula with an outcome on its left.

    Raises
    ------
    SpecError
        When it cannot be read, is not allowed, or has no outcome.
    """
    left, right = parse(formula)
    if left is None or len(left) != 1:
        raise SpecError(
            f"The formula {formula!r} needs one outcome on the left, such as "
            "'change ~ baseline * visit + treatment * visit'."
        )
    return OutcomeFormula(left, right)


# Codes of arms (1, 2, 3) are names: as numbers they would be a dose with one slope.
ARMS = "treatment"


def complete_rows(
    data: Study | FrameLike, formula: OutcomeFormula, roles: list[str], needed: list[str]
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the rows with an outcome and all covariates, and how many were left out and why.

    Raises
    ------
    NotEstimableError
        When there is no such row.
    """
    frame, left_out = any_complete_rows(data, formula, roles, needed)
    if not len(frame):
        raise NotEstimableError("No row has an outcome and all covariates.")
    return frame, left_out


def any_complete_rows(
    data: Study | FrameLike, formula: OutcomeFormula, roles: list[str], needed: list[str]
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the same of a table in which there may be no such row."""
    if isinstance(data, Study):
        table = data.longitudinal()
    else:
        table = to_pandas(data, what="data", copied=False)  # the columns used are copied below
    _check_table(table, roles, needed)
    used = list(dict.fromkeys([*roles, *needed]))
    frame = trimmed(table[used], used)
    is_missing = frame.isna().to_numpy()
    incomplete = is_missing.any(axis=1)
    outcome = str(formula.lhs[0])
    no_outcome = is_missing[:, used.index(outcome)] if outcome in used else incomplete & False
    reasons = dict(zip(MISSING, (no_outcome, incomplete & ~no_outcome), strict=True))
    left_out = {name: int(rows.sum()) for name, rows in reasons.items() if rows.any()}
    frame = frame.iloc[np.flatnonzero(~incomplete)] if incomplete.any() else frame.copy(deep=False)
    frame.index = pd.RangeIndex(len(frame))
    # The covariates of a study were looked at when it was built.
    looked_at = [outcome] if is_of_study(data) else needed
    warn_of_codes(frame, [c for c in looked_at if c in needed and c not in roles], "data")
    return frame, left_out


def add_left_out(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Return how many rows of all parts were left out and why, reasons in their usual order.

    Parameters
    ----------
    counts : sequence of mapping of str to int
        Those of each part, as `complete_rows` returns them.
    """
    reasons = dict.fromkeys([*MISSING, *(reason for count in counts for reason in count)])
    total = {r: sum(count.get(r, 0) for count in counts) for r in reasons}
    return {reason: n for reason, n in total.items() if n}


def as_categories(
    frame: pd.DataFrame,
    columns: list[str],
    visit: str = "",
    *,
    uses: Uses | None = None,
    keep_levels: bool = False,
    is_part: bool = False,
    of_rows: int | None = None,
    what: str = "data",
) -> pd.DataFrame:
    """Return the columns of a model as numbers or as categories.

    Texts, booleans, visits and the treatment are categories, and so are columns within ``C(...)``;
    columns within functions (``log(dose)``) are numbers. Unused categories are dropped unless kept.
    Of a part of the rows nothing is said of its levels: that is said of the distinct values of all,
    which stand for a number of rows (`of_rows`).

    Raises
    ------
    DataError
        When a column holds dates, or texts among numbers.
    SpecError
        When levels are to be kept and a column does not name them.
    """
    uses = uses or Uses()
    changed: dict[str, Any] = {}
    problems = []
    for column in dict.fromkeys(columns):
        values = frame[column]
        coded = column == visit or (column == ARMS and column not in uses.numbers)
        coded = coded or column in uses.categories - uses.numbers
        if column in uses.categories and column in uses.bare and kind_of(values) == "number":
            coded = column == visit  # a number that C() codes besides
        problem = check_kind(values, column, what)
        labels = problem is not None and problem.kind in _LABELS
        if problem is not None and not (coded and labels):
            problems.append(problem)
            continue
        if not coded and _is_number(column, values, uses):
            continue
        declared = isinstance(values.dtype, pd.CategoricalDtype)
        if keep_levels and not declared:
            raise SpecError(
                f"{column!r} must name all its levels, those of other chunks too: "
                f"frame[{column!r}] = pd.Categorical(frame[{column!r}], categories=[...])."
            )
        if declared and keep_levels:
            changed[column] = values
        elif column == visit:
            changed[column] = _visits(values)
        else:
            changed[column] = as_category(values)
    if problems:
        raise DataError(problems)
    if is_part:
        return frame.assign(**changed)
    levels = {c: v.dtype.categories for c, v in changed.items()}
    for column, names in levels.items():
        declared = isinstance(frame[column].dtype, pd.CategoricalDtype)
        if column != visit and column not in uses.categories and not declared:
            n = len(frame) if of_rows is None else of_rows
            spelled = note_whole_numbers(n, names, column, what)
            if spelled is not None:
                warn(spelled.describe(), DataWarning)
    for column, names in levels.items():
        twins = note_lookalikes(names, "level", column)
        if twins is not None:
            warn(twins.describe(), DataWarning)
    return frame.assign(**changed)


_LABELS = ("texts_among_numbers", "numbers_as_text", "dates_as_text")  # as C() may have them


def _is_number(column: str, values: pd.Series[Any], uses: Uses) -> bool:
    if is_plain_number(values.dtype):
        return True
    if isinstance(values.dtype, pd.CategoricalDtype):
        return False
    if pd.api.types.is_bool_dtype(values.dtype):
        # Within a function True counts as 1.
        return column in uses.numbers and column not in uses.bare
    return pd.api.types.is_numeric_dtype(values.dtype)


def _visits(values: pd.Series[Any]) -> pd.Categorical:
    if isinstance(values.array, pd.Categorical):
        return values.array.remove_unused_categories()
    if pd.api.types.is_numeric_dtype(values.dtype):
        return pd.Categorical(values)
    return as_category(values)


def outcome_of(frame: pd.DataFrame, formula: OutcomeFormula) -> FloatArray:
    """Return the outcome of every row."""
    name = str(formula.lhs[0])
    if name in frame and pd.api.types.is_numeric_dtype(frame[name].dtype):
        return _finite(frame[name].to_numpy(dtype=float), name)
    for column in sorted(formula.lhs.columns().bare):
        problem = check_kind(frame[column], column, "data")
        if problem is not None:
            raise DataError([problem])
    matrix = formula.lhs.get_model_matrix(frame, output="pandas", na_action="ignore")
    if matrix.shape[1] != 1 or kind_of(matrix.iloc[:, 0]) != "number":
        raise SpecError(f"The outcome {formula.lhs[0]!s} must be a number.")
    return _finite(matrix.to_numpy(dtype=float)[:, 0], name)


def _finite(values: FloatArray, name: str) -> FloatArray:
    """Return an outcome, all of it finite numbers."""
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise SpecError(
            f"The outcome {name!r} is not a finite number in {len(wrong):,} of the {len(values):,} "
            "analysed rows: correct them, or leave them empty."
        )
    return values


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
    spec : DesignSpec
        How a table becomes a design, with the intercept that `matrix` removes.
    """

    X: FloatArray
    terms: list[str]
    factors: list[str]
    kept: BoolArray
    left_out: dict[str, int]
    frame: pd.DataFrame
    spec: DesignSpec

    @property
    def uses(self) -> Uses:
        """Columns of the formula by use."""
        formula = self.spec.formula
        assert isinstance(formula, CheckedFormula)
        return formula.columns()

    def matrix(self, frame: pd.DataFrame) -> FloatArray:
        """Return the design of other rows, which have the columns of `frame`, shape (n, q)."""
        return _without_intercept(np.asarray(self.spec.get_model_matrix(frame)), self.spec)[0]


@cache
def read_right_side(formula: str) -> CheckedFormula:
    """Return a formula of covariates only.

    Raises
    ------
    SpecError
        When it cannot be read, is not allowed, or has an outcome.
    """
    left, right = parse(formula)
    if left is not None:
        raise SpecError(
            f"The formula {formula!r} names an outcome; give the covariates only, such as "
            "'treatment + age'."
        )
    return right


def split_sides(formula: str) -> tuple[CheckedFormula | None, str]:
    """Return the left side of a formula, None without one, and the text of the right side.

    Raises
    ------
    SpecError
        When it cannot be read or is not allowed.
    """
    left, _ = parse(formula)
    if left is None:
        return None, formula
    return left, right_text(formula)


def read_covariates(
    table: pd.DataFrame,
    formula: str,
    *,
    what: str = "data",
    least: int = 1,
    keep_levels: bool = False,
    outcome: Collection[str] = (),
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
    keep_levels : bool
        Whether categories that no row has get their columns, too.
    outcome : collection of str
        Columns that hold the outcome, which is no covariate.

    Raises
    ------
    DataError, SpecError, NotEstimableError
        When a column is not there, is the subject or the outcome, the formula cannot be read, or
        no row has all covariates.

    Warns
    -----
    DataWarning
        When a column of numbers holds usual codes for missing far from all others.
    """
    parsed = read_right_side(formula)
    needed = sorted(str(v) for v in parsed.required_variables)
    check_outcome_apart(needed, outcome)
    if "subject" in needed:
        raise SpecError(
            "'subject' identifies subjects and is no covariate: take it out of the formula."
        )
    _check_table(table, [], needed, what)
    table = trimmed(table, needed)
    is_missing = np.zeros(len(table), dtype=bool)
    for column in needed:
        if not are_finite(table[column]):
            is_missing |= missing_in(table[column])
    if is_missing.all():
        raise NotEstimableError(f"No row of the {what} has all covariates of {formula!r}.")
    # Each column of a new frame is made anew when it is asked for: no copy without need.
    rows = table[~is_missing] if is_missing.any() else table
    frame = as_categories(rows, needed, uses=parsed.columns(), what=what, keep_levels=keep_levels)
    frame.index = pd.RangeIndex(len(frame))
    if not is_of_study(table):
        warn_of_codes(frame, needed, what)
    X, spec = _with_intercept(parsed).design(frame, unknown="raise")
    X, terms = _without_intercept(X, spec)
    if len(terms) < least:
        constant = [f"{c!r} (always {frame[c].iloc[0]!s})" for c in needed
                if (frame[c] == frame[c].iloc[0]).all()]  # fmt: skip
        if constant:
            raise SpecError(
                f"Nothing can be estimated from {formula!r}: every subject has the same "
                f"{', '.join(constant)}."
            )
        raise SpecError(f"The formula {formula!r} has no covariate.")
    factors = {c: str(row.term) for row in spec.structure for c in row.columns}
    return CovariateDesign(
        X=X,
        terms=terms,
        factors=[factors[t] for t in terms],
        kept=~is_missing,
        left_out={"a covariate is missing": int(is_missing.sum())} if is_missing.any() else {},
        frame=frame,
        spec=spec,
    )


def check_outcome_apart(covariates: Collection[str], outcome: Collection[str]) -> None:
    """Raise `SpecError` where the outcome is among the covariates that are to explain it."""
    both = [c for c in outcome if c in covariates]
    if both:
        named = " and ".join(map(repr, both))
        holds, them = ("holds", "it") if len(both) == 1 else ("hold", "them")
        raise SpecError(
            f"{named} {holds} the outcome, which cannot be a covariate too: take {them} out of the "
            "formula."
        )


_INDEPENDENT = 1e-6  # of the smallest eigenvalue of a correlation, far above its rounding


def _with_intercept(formula: CheckedFormula) -> CheckedFormula:
    """Return a formula in which every factor has a reference level."""
    intercept = Term([CheckedFactor("1", eval_method="literal")])
    return formula if intercept in formula else CheckedFormula([intercept, *formula])


def _plainly_independent(products: FloatArray) -> bool:
    """Return whether cross-products alone show columns to be far from collinear.

    Near collinearity they lose half of the digits: then the columns themselves are looked at.
    """
    size = np.sqrt(np.diag(products))
    if not len(size) or not (size > 0).all():
        return False
    return bool(np.linalg.eigvalsh(products / np.outer(size, size))[0] > _INDEPENDENT)


def check_differences(X: FloatArray, terms: Sequence[str]) -> None:
    """Raise `NotEstimableError` as `check_full_rank`, of columns less their means.

    Parameters
    ----------
    X : ndarray, shape (n, q)
    terms : sequence of str
    """
    mean, products = X.mean(axis=0), X.T @ X
    centred = products - len(X) * np.outer(mean, mean)
    # Where means are large beside differences, these are rounding in sums of squares.
    is_exact = (np.diag(centred) > _INDEPENDENT * np.diag(products)).all()
    if not (is_exact and _plainly_independent(centred)):
        check_full_rank(X - mean, terms)


def check_full_rank(X: FloatArray, terms: Sequence[str], among: str = "") -> None:
    """Raise `NotEstimableError` with the columns that are collinear with those before them.

    Parameters
    ----------
    X : ndarray, shape (n, q)
    terms : sequence of str
        Its columns.
    among : str
        Whose rows they are, where they are not those of all subjects.
    """
    if _plainly_independent(X.T @ X):
        return
    aliased, basis = [], np.empty((len(X), 0))
    for term, column in zip(terms, X.T, strict=True):
        length = np.linalg.norm(column)
        residual = column - basis @ (basis.T @ column)
        residual = residual - basis @ (basis.T @ residual)
        size = np.linalg.norm(residual)
        if size <= 1e-9 * length:
            aliased.append(term)
        else:
            basis = np.column_stack((basis, residual / size))
    if aliased:
        raise NotEstimableError(
            f"Collinear (aliased) with other columns of the model"
            f"{f' among {among}' if among else ''}: {', '.join(aliased)}. "
            "Leave them out."
        )


def _without_intercept(X: FloatArray, spec: DesignSpec) -> tuple[FloatArray, list[str]]:
    names = spec.column_names
    kept = [j for j, c in enumerate(names) if c != "Intercept"]
    first = len(names) - len(kept)
    # Nearly always it stands first: then nothing is copied.
    at = slice(first, None) if kept == list(range(first, len(names))) else kept
    return X[:, at], [str(names[j]) for j in kept]


def _check_table(
    table: pd.DataFrame, roles: list[str], needed: list[str], what: str = "data"
) -> None:
    named = [*(("the model", c) for c in roles), *(("the formula", c) for c in needed)]
    problems = check_columns(table, named, what)
    problems += check_finite(table, needed, what)
    empty = check_not_empty(table, what)
    if problems or empty:
        raise DataError([*problems, *([empty] if empty else [])])
