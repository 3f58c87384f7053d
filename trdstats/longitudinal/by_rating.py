"""Designs by subject and rating, for random effects on days of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from formulaic import Formula
from formulaic.errors import FormulaicError

from trdstats.errors import SpecError
from trdstats.formulas import as_categories, complete_rows, outcome_of
from trdstats.longitudinal.design import (
    Design,
    Facts,
    FloatArray,
    IntArray,
)


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
    frame, left_out = complete_rows(data, formula, [subject], sorted(needed))
    outcome = str(formula.lhs[0])
    frame = as_categories(frame, sorted(needed - {outcome}))
    codes, subjects = pd.factorize(frame[subject], sort=True)
    person = np.asarray(codes, dtype=np.intp)
    place = np.asarray(frame.groupby(person, sort=False).cumcount(), dtype=np.intp)
    n, T = len(subjects), int(place.max()) + 1
    fixed = formula.rhs.get_model_matrix(frame, output="pandas", na_action="ignore")
    rated = np.zeros((n, T), dtype=bool)
    rated[person, place] = True
    X = _by_place(fixed.to_numpy(dtype=float), person, place, n, T)
    y = np.zeros((T, n))
    y[place, person] = outcome_of(frame, formula)
    drawn = effects.get_model_matrix(frame, output="pandas", na_action="ignore")
    Z = np.zeros((n, T, drawn.shape[1]))
    Z[person, place] = drawn.to_numpy(dtype=float)
    design = Design(
        frame=frame, subjects=pd.Index(subjects), visits=pd.RangeIndex(T),
        days=np.arange(T, dtype=float)[None], schedule=np.zeros(n, dtype=np.intp),
        outcome=outcome, terms=[str(c) for c in fixed.columns],
        spec=fixed.model_spec, X=X, y=y, rated=rated, group=np.zeros(n, dtype=np.intp),
        groups=["all"], weight=None, person=person, occasion=place, varying=(), baseline=None,
        facts=Facts.of(frame, [str(v) for v in fixed.model_spec.required_variables]),
        left_out=left_out,
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
