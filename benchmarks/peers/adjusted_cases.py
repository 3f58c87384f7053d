"""Propensity scores beside statsmodels and scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from cases import Case

import trdstats as trd
from trdstats.kernels.weighting.propensity import fit_scores


def cohort(n: int, arms: int, *, k: int = 10, seed: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, k))
    logit = np.column_stack(
        [np.zeros(n), *(0.3 * X[:, j] + 0.2 * X[:, 4] for j in range(arms - 1))]
    )
    p = np.exp(logit - logit.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    arm = (rng.random(n)[:, None] > np.cumsum(p, axis=1)).sum(axis=1)
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(k)])
    return frame.assign(subject=np.arange(n), treatment=np.array(list("ABCD"))[arm])


def _scores(n: int, arms: int) -> Iterator[Case]:
    """Yield the scores alone, from the same matrix, and all that a fit of weights says."""
    frame = cohort(n, arms)
    names = [f"x{j}" for j in range(10)]
    X = np.column_stack([np.ones(n), frame[names]])
    code = pd.factorize(frame["treatment"], sort=True)[0]

    def statsmodels() -> Any:
        from statsmodels.discrete.discrete_model import Logit, MNLogit

        return (Logit if arms == 2 else MNLogit)(code, X).fit(disp=0)

    def sklearn() -> Any:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=np.inf, tol=1e-8, solver="newton-cholesky").fit(
            frame[names], code
        )

    formula = "treatment ~ " + " + ".join(names)
    once = np.ones(n)
    yield Case(
        f"Propensity scores alone, {arms} arms, 10 covariates, {n:,}: from the matrix",
        lambda: fit_scores(X, code, arms, once),
        {"statsmodels": statsmodels, "sklearn": sklearn},
        {"sklearn": "no errors"},
    )
    yield Case(
        f"Propensity scores, {arms} arms, 10 covariates, {n:,}: weights and balance",
        lambda: trd.PropensityWeights(formula).fit(frame).balance(),
        {"statsmodels": statsmodels, "sklearn": sklearn},
        {"statsmodels": "scores only: no weights, no balance", "sklearn": "scores only, no errors"},
    )


def cases() -> Iterator[Case]:
    yield from _scores(100_000, 2)
    yield from _scores(100_000, 4)
