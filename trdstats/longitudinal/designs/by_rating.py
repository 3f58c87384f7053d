"""Designs by subject and rating, for random effects on individual visit days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import SpecError
from trdstats.formulas import (
    CheckedFormula,
    OutcomeFormula,
    as_categories,
    complete_rows,
    outcome_of,
    read_right_side,
)
from trdstats.longitudinal.designs.design import Design, RowTotals
from trdstats.study.study import better_of, caveat_of


@dataclass(frozen=True)
class Grouping:
    """The random effects of one level of grouping, laid out by unit and rating.

    Attributes
    ----------
    column : str
        Column that names the groups.
    effects : list of str
    Z : ndarray, shape (n, T, r)
        Design of the effects, 0 where there is no rating.
    member : ndarray of int, shape (n, T), or None
        Group of each rating, -1 where there is none; None where the groups are the units.
    labels : pandas.Index
        Names of the groups.
    """

    column: str
    effects: list[str]
    Z: FloatArray
    member: IntArray | None
    labels: pd.Index[Any]


def build_rows(
    data: Any, formula: OutcomeFormula, random: Mapping[str, str]
) -> tuple[Design, list[Grouping]]:
    """Lay a table out by unit and rating, for subjects with individual visit days.

    Parameters
    ----------
    data : Study or DataFrame
    formula : OutcomeFormula
    random : mapping of str to str
        Column of each level of grouping, the outermost first, and its random effects. The
        outermost groups are the units.

    Returns
    -------
    design : Design
        Its visits are the first, second, ... rating of a unit.
    groupings : list of Grouping

    Raises
    ------
    DataError, SpecError, NotEstimableError
        As `build_design`; also when a group belongs to two groups of the level above.
    """
    effects = {column: read_effects(text) for column, text in random.items()}
    needed = {str(v) for v in formula.required_variables}
    for effect in effects.values():
        needed |= {str(v) for v in effect.required_variables}
    frame, left_out = complete_rows(data, formula, list(random), sorted(needed))
    outcome = str(formula.lhs[0])
    uses = formula.rhs.columns()
    for effect in effects.values():
        uses |= effect.columns()
    frame = as_categories(frame, [c for c in sorted(needed) if c != outcome], uses=uses)
    codes = {c: pd.factorize(frame[c], sort=True) for c in random}
    _check_nested(codes)
    unit, *_ = random
    person = np.asarray(codes[unit][0], dtype=np.intp)
    place = np.asarray(frame.groupby(person, sort=False).cumcount(), dtype=np.intp)
    n, T = len(codes[unit][1]), int(place.max()) + 1
    fixed = formula.rhs.get_model_matrix(frame, output="pandas", na_action="ignore")
    if not np.isfinite(fixed.to_numpy(dtype=float)).all():
        raise SpecError("The formula gives values that are not finite numbers.")
    rated = np.zeros((n, T), dtype=bool)
    rated[person, place] = True
    X = _by_place(fixed.to_numpy(dtype=float), person, place, n, T)
    y = np.zeros((T, n))
    y[place, person] = outcome_of(frame, formula)
    groupings = []
    for column, chosen in effects.items():
        drawn = chosen.get_model_matrix(frame, output="pandas", na_action="ignore")
        if not np.isfinite(drawn.to_numpy(dtype=float)).all():
            raise SpecError(
                f"random effects of {column!r} have values that are not finite numbers."
            )
        Z = np.zeros((n, T, drawn.shape[1]))
        Z[person, place] = drawn.to_numpy(dtype=float)
        code, labels = codes[column]
        member = None
        if column != unit:
            member = np.full((n, T), -1, dtype=np.intp)
            member[person, place] = code
        groupings.append(
            Grouping(column, [str(c) for c in drawn.columns], Z, member, pd.Index(labels))
        )
    subject = list(random)[-1]
    design = Design(
        frame=frame, subjects=pd.Index(codes[unit][1]), visits=pd.RangeIndex(T),
        days=np.arange(T, dtype=float)[None], schedule=np.zeros(n, dtype=np.intp),
        outcome=outcome, terms=[str(c) for c in fixed.columns],
        spec=fixed.model_spec, X=X, y=y, rated=rated, group=np.zeros(n, dtype=np.intp),
        groups=["all"], weight=None, person=person, occasion=place, varying=(), baseline=None,
        totals=RowTotals.of(frame, [str(v) for v in fixed.model_spec.required_variables]),
        left_out=left_out, caveat=caveat_of(data),
        better=better_of(data, outcome), unit="subject" if subject == unit else unit,
        subject_of_row=pd.Index(frame[subject]),
    )  # fmt: skip
    return design, groupings


def read_effects(text: str) -> CheckedFormula:
    """Return random effects as a formula.

    Raises
    ------
    SpecError
        When they cannot be read, or there is none.
    """
    try:
        effects = read_right_side(text)
    except SpecError as error:
        raise SpecError(f"random={text!r}: {error}") from None
    if not len(list(effects)):
        raise SpecError(
            f"random={text!r} names no random effect: '1' is an intercept, '1 + week' an "
            "intercept and a slope. MMRM fits a model without random effects."
        )
    return effects


def _check_nested(codes: Mapping[str, tuple[Any, Any]]) -> None:
    """Refuse a group that belongs to two groups of the level above it."""
    for (above, (outer, names)), (column, (inner, labels)) in pairwise(codes.items()):
        pairs = np.unique(np.stack((inner, outer)), axis=1)
        twice = np.flatnonzero(np.bincount(pairs[0]) > 1)
        if len(twice):
            parents = ", ".join(str(names[o]) for o in pairs[1, pairs[0] == twice[0]])
            raise SpecError(
                f"{column!r} is not nested within {above!r}: {labels[twice[0]]} is in {parents}"
                + (f", and {len(twice) - 1} more are in several" if len(twice) > 1 else "")
                + f". Groups within different levels of {above!r} need different names."
            )


def _by_place(matrix: FloatArray, person: IntArray, place: IntArray, n: int, T: int) -> FloatArray:
    """Lay rows out by subject and place, filled in with what is constant within a subject."""
    X = np.zeros((T, matrix.shape[1], n))
    for j, column in enumerate(matrix.T):
        by_subject = np.zeros(n)
        by_subject[person] = column
        if (by_subject[person] == column).all():
            X[:, j] = by_subject
        else:
            X[place, j, person] = column
    return X
