"""What a part of a divided study does for an MMRM: its rows are summed, or kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import NotEstimableError
from trdstats.formulas import (
    OutcomeFormula,
    Uses,
    any_complete_rows,
    outcome_of,
    read_formula,
)
from trdstats.kernels.gaussian.reml import Model, State
from trdstats.kernels.gaussian.sandwich import DegreeSums, Kind, ScoredRows
from trdstats.kernels.gaussian.subject_parts import score_part
from trdstats.kernels.gaussian.subject_rows import SubjectRows
from trdstats.longitudinal.designs.part_levels import (
    Levels,
    PartValues,
    values_of_part,
    with_levels,
)
from trdstats.longitudinal.designs.subject_weights import COLUMN, weigh_part
from trdstats.longitudinal.gaussian.summaries import MMRMSummary, SharedColumns, sum_up
from trdstats.study import Study

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.mmrm import MMRM

SUBJECT, VISIT = "subject", "visit"


@dataclass(frozen=True)
class WeighedRows:
    """Rows of a part, with weights of their subjects.

    Attributes
    ----------
    rows : pandas.DataFrame
    left_out : dict of str to int
        Rows of weight 0.
    """

    rows: pd.DataFrame
    left_out: dict[str, int]


@dataclass(frozen=True)
class SeenRows:
    """What is to be known of the analysed rows of all parts before they are summed.

    Attributes
    ----------
    held : PartValues
        Of columns that may be categories.
    extremes : dict of str to (float, float)
        Of the numbers on the right of the formula.
    n : int
        Rows.
    total, low, high : float
        Of the outcome.
    subjects : dict of object to int
        Subjects by group that has a covariance.
    """

    held: PartValues
    extremes: dict[str, tuple[float, float]]
    n: int
    total: float
    low: float
    high: float
    subjects: dict[object, int]


@dataclass(frozen=True)
class SummedRows:
    """The rows of a part, summed.

    Attributes
    ----------
    summary : MMRMSummary or None
        None where no row is analysed.
    left_out : dict of str to int
    subjects : ndarray of int, shape (n,)
        Place in the part of each analysed subject, in the order of `rows`.
    weight : ndarray, shape (n,), or None
        Weights of these subjects.
    rows : SubjectRows or None
        The subjects one by one, where they are kept.
    """

    summary: MMRMSummary | None
    left_out: dict[str, int]
    subjects: IntArray
    weight: FloatArray | None
    rows: SubjectRows | None


def columns_of(spec: MMRM) -> tuple[OutcomeFormula, list[str], list[str], list[str]]:
    """Return the formula, its columns, those that may be categories, and those that rows need."""
    formula = read_formula(spec.formula)
    needed = sorted({str(v) for v in formula.required_variables})
    grouped = [] if spec.group is None else [spec.group]
    factors = [VISIT, *(c for c in needed if c != str(formula.lhs[0])), *grouped]
    weights = [COLUMN] if spec.rating_weights == COLUMN else []
    return formula, needed, factors, [SUBJECT, VISIT, *grouped, *weights]


def uses_of(spec: MMRM) -> Uses:
    """Return how a model uses its columns: groups that have a covariance are categories."""
    uses = read_formula(spec.formula).rhs.columns()
    return uses if spec.group is None else uses | Uses(categories=frozenset({spec.group}))


def rows_of(part: Study, spec: MMRM) -> pd.DataFrame:
    """Return the rows of a part, with the columns that the model needs."""
    _, needed, _, roles = columns_of(spec)
    rows = part.longitudinal()
    return rows[[c for c in rows if c in {*needed, *roles, COLUMN}]]


def weigh(rows: pd.DataFrame, weight: FloatArray) -> WeighedRows:
    """Return the rows of a part with the weights of its subjects."""
    return WeighedRows(*weigh_part(rows, weight))


def _weighed(part: Study | WeighedRows) -> WeighedRows:
    return part if isinstance(part, WeighedRows) else WeighedRows(part.longitudinal(), {})


def see(part: Study | WeighedRows, spec: MMRM) -> SeenRows | None:
    """Return what the analysed rows of a part hold; None where it has no such row."""
    formula, needed, factors, roles = columns_of(spec)
    rows = _weighed(part).rows
    if not len(rows):
        return None
    frame, _ = any_complete_rows(rows, formula, roles, needed)
    if not len(frame):
        return None
    values = values_of_part(frame, factors, uses=uses_of(spec), visit=VISIT)
    numbers = {str(v) for v in formula.rhs.required_variables}.intersection(values.numbers)
    y = outcome_of(frame, formula)
    groups: dict[object, int] = {"all": int(frame[SUBJECT].nunique())}
    if spec.group is not None:
        counts = frame.drop_duplicates(SUBJECT)[spec.group].value_counts()
        groups = {g: int(n) for g, n in counts.items()}
    return SeenRows(
        values, {c: (float(frame[c].min()), float(frame[c].max())) for c in sorted(numbers)},
        len(y), float(y.sum()), float(y.min()), float(y.max()), groups,
    )  # fmt: skip


def sum_rows(
    part: Study | WeighedRows, spec: MMRM, levels: Levels, shared: SharedColumns, keep: bool
) -> SummedRows:
    """Sum up the rows of a part.

    Parameters
    ----------
    part : Study or WeighedRows
    spec : MMRM
    levels : dict of str to CategoricalDtype
    shared : SharedColumns
    keep : bool
        Whether the subjects are kept one by one.
    """
    given = _weighed(part)
    nothing = np.zeros(0, dtype=np.intp)
    if not len(given.rows):
        return SummedRows(None, given.left_out, nothing, None, None)
    table = with_levels(given.rows, levels)
    try:
        summary, rows, design = sum_up(spec, table, subject=SUBJECT, visit=VISIT, shared=shared)
    except NotEstimableError:
        formula, needed, _, roles = columns_of(spec)
        usable, left_out = any_complete_rows(table, formula, roles, needed)
        if len(usable):
            raise
        return SummedRows(None, given.left_out | left_out, nothing, None, None)
    places = _places(given.rows, design.subjects)[rows.order]
    weight = None
    if design.weight is not None:
        weight = design.weight[0, rows.order]
    return SummedRows(
        summary, given.left_out | design.left_out, places, weight,
        rows if keep else None,
    )  # fmt: skip


def _places(rows: pd.DataFrame, subjects: pd.Index[Any]) -> IntArray:
    """Return the places of subjects in their part."""
    known = rows[SUBJECT].cat.categories
    return np.asarray(known.get_indexer(subjects.astype(known.dtype)), dtype=np.intp)


def sums_of(part: SummedRows) -> SummedRows:
    """Return what is gathered of a part: all but its subjects one by one."""
    return SummedRows(part.summary, part.left_out, part.subjects, part.weight, None)


def score(part: SummedRows, model: Model, state: State, kind: Kind) -> ScoredRows:
    """Return the scores of the subjects of a part at an optimum."""
    assert part.summary is not None
    assert part.rows is not None
    return score_part(part.summary.products, part.rows, model, state, kind)


def scores_of(scored: ScoredRows) -> tuple[FloatArray, FloatArray]:
    """Return what is gathered of the scores of a part: one row a subject."""
    return scored.scores, scored.alone


def degree_sums_of(scored: ScoredRows, L: FloatArray, plain: FloatArray) -> DegreeSums:
    """Return the sums over the subjects of a part that degrees of freedom need."""
    return scored.degree_sums(L, plain)


def subjects_of_part(
    part: Study | WeighedRows, spec: MMRM, levels: Levels
) -> tuple[IntArray, pd.DataFrame]:
    """Return the analysed subjects of a part by their place, and what stands on the first row.

    Of the columns of the formula, on the first analysed row of each.
    """
    formula, needed, _, roles = columns_of(spec)
    rows = _weighed(part).rows
    if not len(rows):
        return np.zeros(0, dtype=np.intp), pd.DataFrame()
    frame, _ = any_complete_rows(with_levels(rows, levels), formula, roles, needed)
    first = frame.drop_duplicates(SUBJECT)
    columns = sorted(str(v) for v in formula.rhs.required_variables)
    return _places(rows, pd.Index(first[SUBJECT])), first[columns].reset_index(drop=True)


def extremes_of(parts: Sequence[dict[str, tuple[float, float]]]) -> dict[str, tuple[float, float]]:
    """Return the least and the largest value of each number in all parts."""
    names = dict.fromkeys(name for part in parts for name in part)
    ends = {name: [part[name] for part in parts if name in part] for name in names}
    return {
        name: (min(low for low, _ in pairs), max(high for _, high in pairs))
        for name, pairs in ends.items()
    }
