"""Likelihood-ratio tests of terms, of random effects and of proportional odds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trdstats.errors import SpecError, unknown_name
from trdstats.kernels.glmm.fit import fit_marginal
from trdstats.kernels.numerics.tails import chi2_sf, deviance_drop, mixture_sf
from trdstats.longitudinal.designs.term_tests import columns_by_term
from trdstats.longitudinal.glmm.fitted import with_thresholds

if TYPE_CHECKING:
    from trdstats.longitudinal.glmm.glmm_result import GLMMResult

_RANK = 1e-8
_WEIGHTED = "weights of subjects make a pseudo-likelihood, which has no likelihood ratio"


def compare_fits(larger: GLMMResult, simpler: GLMMResult) -> pd.DataFrame:
    """Return the likelihood-ratio test of two nested fits; see `GLMMResult.likelihood_ratio`."""
    if larger.is_weighted or simpler.is_weighted:
        raise SpecError(f"likelihood_ratio() cannot be had: {_WEIGHTED}. Use joint_test().")
    a, b = larger.design, simpler.design
    same = (
        larger.spec.family == simpler.spec.family
        and larger.spec.link_name == simpler.spec.link_name
        and a.n_obs == b.n_obs
        and list(a.subjects) == list(b.subjects)
        and bool((a.person == b.person).all() and (a.y == b.y).all())
    )
    if not same:
        raise SpecError(
            "likelihood_ratio() needs two fits to the same ratings with one family and link. Fit "
            "both to the rows that have all covariates."
        )
    if larger.spec.points != simpler.spec.points:
        raise SpecError(
            f"likelihood_ratio() needs the same points; got {larger.spec.points} and "
            f"{simpler.spec.points}."
        )
    fewer = len(larger.parameters.theta) - len(simpler.parameters.theta)
    terms = len(larger.fitted.estimated) - len(simpler.fitted.estimated)
    X, Z = a.X[:, larger.fitted.columns.kept], larger.effects.Z
    inner, drawn = b.X[:, simpler.fitted.columns.kept], simpler.effects.Z
    effects = Z.shape[1] - drawn.shape[1]
    if fewer < 1 or not _within(X, inner) or not _within(Z, drawn) or effects > 1:
        raise SpecError(
            "likelihood_ratio() needs a simpler fit that is part of this one: fewer terms, or one "
            "random effect (or the correlation) fewer."
        )
    if terms and fewer != terms:
        raise SpecError(
            "likelihood_ratio() tests terms or random effects; these fits differ in both. Change "
            "one at a time."
        )
    statistic = deviance_drop(-2 * simpler.loglik, -2 * larger.loglik)
    return pd.DataFrame([_row(statistic, fewer, mixture=effects > 0)])


def test_variance(fit: GLMMResult) -> pd.DataFrame:
    """Return the test of the last random effect; see `GLMMResult.test_random_effects`."""
    if fit.is_weighted:
        raise SpecError(f"test_random_effects() cannot be had: {_WEIGHTED}.")
    rows, name = fit.fitted.rows, fit.effects.names[-1]
    if len(fit.effects.names) == 1:
        below: float | None = fit.fitted.without[1]
    else:
        one = fit_marginal(replace(rows, Z=rows.Z[:, :1]), fit.fitted.points, fit.fitted.without[0])
        below = None if one is None or not one.converged else one.loglik
    k = 2 if len(rows.entries[0]) == 3 else 1
    statistic = np.nan if below is None else deviance_drop(-2 * below, -2 * fit.loglik)
    row = _row(statistic, k, mixture=True)
    return pd.DataFrame([{"term": f"sd({name})", **row}])


def test_odds(fit: GLMMResult, terms: str | Sequence[str] | None) -> pd.DataFrame:
    """Return tests of proportional odds; see `GLMMResult.test_proportional_odds`."""
    k = fit.fitted.n_thresholds
    if k < 2:
        raise SpecError(
            "test_proportional_odds() needs an ordinal outcome of three categories or more; "
            f"{fit.design.outcome!r} has {max(len(fit.design.categories), 2)}."
        )
    if fit.is_weighted:
        raise SpecError(f"test_proportional_odds() cannot be had: {_WEIGHTED}.")
    groups = columns_by_term(fit.design)
    every = [str(t) for t in fit.design.spec.term_indices if str(t) != "1"]
    chosen = every if terms is None else [terms] if isinstance(terms, str) else list(terms)
    place = {int(j): i for i, j in enumerate(fit.fitted.estimated)}
    table = []
    for term in chosen:
        if term not in groups or term == "1":
            raise unknown_name("term", term, every)
        columns = tuple(place[j] for j in groups[term] if j in place)
        by_threshold = (
            with_thresholds(fit.design, fit.effects, fit.fitted, columns) if columns else None
        )
        reason, statistic = "", np.nan
        if not columns:
            reason = "none of its columns is estimable"
        elif by_threshold is None or not by_threshold.converged:
            reason = (
                "the model with a coefficient at every threshold has no maximum with "
                "probabilities above 0"
            )
        else:
            statistic = deviance_drop(-2 * fit.loglik, -2 * by_threshold.loglik)
        row = _row(statistic, (k - 1) * len(columns), mixture=False)
        table.append({"term": term, **row, "reason": reason})
    return pd.DataFrame(table)


def _row(statistic: float, k: int, *, mixture: bool) -> dict[str, float | str]:
    """Return a test; a mixture has half its weight on one degree of freedom less."""
    if not mixture:
        p = float(chi2_sf(statistic, k))
        return {"statistic": float(statistic), "df": str(k), "p_value": p}
    p = mixture_sf(statistic, k)
    return {"statistic": float(statistic), "df": f"{k - 1}:{k}", "p_value": p}


def _within(outer: np.ndarray, inner: np.ndarray) -> bool:
    """Return whether the columns of one design are combinations of those of another."""
    fitted = outer @ np.linalg.lstsq(outer, inner, rcond=None)[0]
    size = np.sqrt((inner**2).sum(axis=0))
    return bool((np.sqrt(((inner - fitted) ** 2).sum(axis=0)) <= _RANK * size).all())
