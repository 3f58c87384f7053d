"""The design of the rows of a partition, and what the rows of all come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.formulas import DesignSpec, OutcomeFormula, read_formula
from trdstats.kernels.gee.batches import lay_out
from trdstats.kernels.gee.ratings import triangle_of
from trdstats.kernels.gee.working import classify
from trdstats.longitudinal.designs.by_visit import changing_roles, check_once
from trdstats.longitudinal.designs.design import RowTotals
from trdstats.longitudinal.designs.outcome_values import read_outcome
from trdstats.longitudinal.designs.rated_outcome import (
    OutcomeSums,
    days_of_rows,
    design_of_rows,
    subjects_with_one_day_twice,
)
from trdstats.longitudinal.designs.subject_weights import COLUMN
from trdstats.longitudinal.gee.correlation import places_of
from trdstats.longitudinal.gee.divided_levels import (
    SUBJECT,
    VISIT,
    Levels,
    Reading,
    TableOfPart,
    complete_part,
)
from trdstats.longitudinal.gee.divided_outcome import PartOfRatings, RowsOfParts


@dataclass(frozen=True)
class LaidOut:
    """The design of a part, and what it says of itself.

    Attributes
    ----------
    part : PartOfRatings
    rows : RowsOfPart
    """

    part: PartOfRatings
    rows: RowsOfPart


@dataclass(frozen=True)
class RowsOfPart:
    """What the rows of a part come to: see `RowsOfParts`.

    Attributes
    ----------
    analysed : ndarray of bool
        Subjects of the part with an analysed row.
    visit_n, visit_day : ndarray, shape (T,)
        Ratings of each visit, and the sum of their days.
    terms : list of str
    spec : DesignSpec
    totals : RowTotals
    learnt : bool
        Whether the design or its warnings depend on other rows.
    """

    analysed: BoolArray
    sums: OutcomeSums
    factor: FloatArray
    lowest: FloatArray
    highest: FloatArray
    weight_sum: float
    is_weighted: bool
    first_rows: pd.DataFrame
    varying: frozenset[str]
    visit_n: FloatArray
    visit_day: FloatArray
    with_one_day_twice: int
    classes: FloatArray
    count: FloatArray
    terms: list[str]
    spec: DesignSpec
    totals: RowTotals
    learnt: bool


def lay_out_part(table: TableOfPart, reading: Reading, levels: Levels) -> LaidOut | None:
    """Return the design of the analysed rows of a part; None where it has none."""
    frame, _ = complete_part(table, reading)
    if not len(frame):
        return None
    formula = read_formula(reading.formula)
    y = _outcome_of_part(frame, reading, levels)
    frame = frame.assign(**{c: pd.Categorical(frame[c], dtype=t) for c, t in levels.types.items()})
    codes = frame[SUBJECT].cat.codes.to_numpy().astype(np.intp)
    analysed, person = np.unique(codes, return_inverse=True)
    person = np.asarray(person, dtype=np.intp).ravel()
    occasion = frame[VISIT].cat.codes.to_numpy().astype(np.intp)
    T = len(levels.visits)
    check_once(frame, SUBJECT, VISIT, person, occasion, T)
    sort = np.lexsort((occasion, person))
    frame = frame.iloc[sort].reset_index(drop=True)
    person, occasion, y = person[sort], occasion[sort], y[sort]
    X, terms, spec = design_of_rows(frame, formula)
    planned = np.asarray(levels.planned.get_indexer(levels.visits), dtype=float)
    day = days_of_rows(frame, levels.visits, planned, occasion, reading.time)
    place = places_of(reading.structure, occasion, planned[occasion], day)
    weight = None
    for column in (reading.rating_weights, COLUMN if COLUMN in frame else None):
        if column is not None:
            w = frame[column].to_numpy(dtype=float)
            weight = w if weight is None else weight * w
    batches = lay_out(person, place)
    each = np.ones(len(y)) if weight is None else weight
    pairs = classify(reading.structure, batches, each, T)
    first = np.flatnonzero(np.diff(person, prepend=-1))
    right = sorted(str(v) for v in formula.rhs.required_variables)
    shown = [*right, SUBJECT, *([COLUMN] if COLUMN in frame else [])]
    of_subjects = frame[shown].iloc[first].reset_index(drop=True)
    varying = [c for c in right if frame[c].groupby(person).nunique().max() > 1]
    rows = RowsOfPart(
        analysed=np.isin(np.arange(table.n_subjects), analysed),
        sums=OutcomeSums.of(y),
        factor=triangle_of(np.column_stack([np.ones(len(y)), X, y])),
        lowest=X.min(axis=0), highest=X.max(axis=0), weight_sum=float(each.sum()),
        is_weighted=weight is not None, first_rows=of_subjects, varying=frozenset(varying),
        visit_n=np.bincount(occasion, minlength=T).astype(float),
        visit_day=np.asarray(np.bincount(occasion, day, T), dtype=float),
        with_one_day_twice=subjects_with_one_day_twice(person, day),
        classes=pairs.distance, count=pairs.count, terms=terms, spec=spec,
        totals=RowTotals.of(frame, [str(v) for v in spec.required_variables]),
        learnt=_is_learnt(frame, formula, spec) or bool(changing_roles(frame, SUBJECT, person)),
    )  # fmt: skip
    return LaidOut(PartOfRatings(X, y, weight, batches), rows)


def _is_learnt(frame: pd.DataFrame, formula: OutcomeFormula, spec: DesignSpec) -> bool:
    """Return whether a transform on either side of a formula depends on all rows."""
    if spec.transform_state or str(formula.lhs[0]) in frame:
        return bool(spec.transform_state)
    outcome = formula.lhs.get_model_matrix(frame, output="pandas", na_action="ignore")
    return bool(outcome.model_spec.transform_state)


def _outcome_of_part(frame: pd.DataFrame, reading: Reading, levels: Levels) -> FloatArray:
    if reading.family != "ordinal":
        return read_outcome(frame, read_formula(reading.formula), reading.family)[0]
    values = frame[reading.name].astype(object)
    return np.asarray(pd.Index(levels.categories).get_indexer(pd.Index(values)), dtype=float)


def rows_of_part(laid_out: LaidOut | None) -> RowsOfPart | None:
    """Return what the rows of a part come to, which is gathered."""
    return None if laid_out is None else laid_out.rows


def added_rows(
    parts: Sequence[RowsOfPart], places: Sequence[IntArray], levels: Levels
) -> RowsOfParts:
    """Return what the rows of all parts come to."""
    place = np.concatenate([p[part.analysed] for part, p in zip(parts, places, strict=True)])
    order = np.argsort(place)
    subject = np.empty(len(place), dtype=np.intp)
    subject[order] = np.arange(len(place))
    first_rows = pd.concat([part.first_rows for part in parts], ignore_index=True)
    counts = np.concatenate([part.count for part in parts])
    keys = np.concatenate([part.classes for part in parts])
    classes, code = np.unique(keys, return_inverse=True)
    count = np.bincount(np.ravel(code), counts, len(classes))
    n = np.sum([part.visit_n for part in parts], axis=0)
    return RowsOfParts(
        sums=reduce(OutcomeSums.__add__, [part.sums for part in parts]),
        factor=triangle_of(np.concatenate([part.factor for part in parts])),
        lowest=np.min([part.lowest for part in parts], axis=0),
        highest=np.max([part.highest for part in parts], axis=0),
        weight_sum=sum(part.weight_sum for part in parts), is_weighted=parts[0].is_weighted,
        first_rows=first_rows.iloc[order].reset_index(drop=True), in_study=place[order],
        subject=subject, varying=frozenset[str]().union(*(part.varying for part in parts)),
        place=np.asarray(levels.planned.get_indexer(levels.visits), dtype=float),
        day=np.sum([part.visit_day for part in parts], axis=0) / n,
        with_one_day_twice=sum(part.with_one_day_twice for part in parts),
        classes=classes, count=np.asarray(count, dtype=float),
    )  # fmt: skip
