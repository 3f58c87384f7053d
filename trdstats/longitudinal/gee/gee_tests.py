"""Joint Wald tests of the effects of estimating equations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.errors import SpecError, check_choice, unknown_name
from trdstats.kernels.gaussian.mixed_tests import FTest, independent_rows
from trdstats.kernels.gee.score_test import score_statistic
from trdstats.longitudinal.designs.term_tests import columns_by_term, joint_test_row, type3_table

if TYPE_CHECKING:
    from trdstats.longitudinal.gee.gee_result import GEEResult

_TOO_FEW = "the robust covariance of so few subjects has too low a rank for a joint test"


def joint_test_of(
    fit: GEEResult, terms: str | Sequence[str] | FloatArray, method: Literal["wald", "score"]
) -> pd.DataFrame:
    """Return the joint test of terms, columns, or coefficients on the columns of the design."""
    check_choice("method", method, ("wald", "score"))
    L = _rows(fit, terms)
    return _tested(fit, L) if method == "wald" else _scored(fit, L)


def _rows(fit: GEEResult, terms: str | Sequence[str] | FloatArray) -> FloatArray:
    every = fit.design.terms
    if isinstance(terms, str) or (len(terms) and isinstance(terms[0], str)):
        chosen = [terms] if isinstance(terms, str) else [str(t) for t in terms]
        return np.eye(len(every))[[j for t in chosen for j in _columns(fit, t)]]
    L = np.atleast_2d(np.asarray(terms, dtype=float))
    if L.shape[1] != len(every):
        raise SpecError(
            f"A test needs {len(every)} coefficients, one a column of the design; got {L.shape[1]}."
        )
    return L


def type3_of(fit: GEEResult) -> pd.DataFrame:
    """Return the tests of all terms of the formula."""
    return type3_table(fit.design, fit.spec.formula, lambda L: _tested(fit, L))


def _tested(fit: GEEResult, L: FloatArray) -> pd.DataFrame:
    test, reason = fit.identified.test(L)
    if reason and fit.separated is not None:
        reason = f"tested without what has no finite estimate: {fit.separated.words}"
    if np.isnan(test.statistic) and test.df_num and not reason:
        reason = _TOO_FEW
    return joint_test_row(test, reason)


def _scored(fit: GEEResult, L: FloatArray) -> pd.DataFrame:
    weighting = fit.design.weighting
    if fit.dropout is not None or (weighting is not None and weighting.among is not None):
        raise SpecError(
            "The score test takes weights as known, and these were estimated: use method='wald'."
        )
    _, reason = fit.identified.test(L)
    part, lost = fit.identified.columns.estimable_part(L)
    rows = fit.on_parameters(part)
    rows = rows[rows.any(axis=1)]
    if lost and fit.separated is not None:
        reason = f"tested without what has no finite estimate: {fit.separated.words}"
    if not len(rows):
        return joint_test_row(FTest(np.nan, 0.0, np.nan), reason or "nothing to test")
    e = fit._equations
    rows, _ = independent_rows(rows, fit.parameters.bread)
    statistic = score_statistic(e.ratings, e.fit.beta, rows)
    if np.isnan(statistic):
        reason = (
            reason or "the equations without these effects have no solution, or subjects are few"
        )
    return joint_test_row(FTest(statistic / len(rows), float(len(rows)), np.inf), reason)


def _columns(fit: GEEResult, name: str) -> list[int]:
    if name in fit.design.terms:
        return [fit.design.terms.index(name)]
    groups = columns_by_term(fit.design)
    if name not in groups:
        raise unknown_name("term", name, [*groups, *fit.design.terms])
    return groups[name]
