"""Propensity scores beside statsmodels and scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from cases import Case

import trdstats as trd
from trdstats.kernels.weighting.propensity import fit_scores

_LESS = (
    "weights and standardised differences in lines of numpy; no checks, no errors, no overlap, no "
    "variance ratios, no distances between distributions"
)


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


def _differences(X: Any, code: Any, arms: int, weight: Any) -> list[Any]:
    """Return the standardised differences of every column and pair of treatments."""
    rows = [code == k for k in range(arms)]
    mean = [np.average(X[r], axis=0, weights=weight[r]) for r in rows]
    variance = [X[r].var(axis=0, ddof=1) for r in rows]
    return [
        (mean[b] - mean[a]) / np.sqrt((variance[a] + variance[b]) / 2)
        for a, b in combinations(range(arms), 2)
    ]


def _weights_and_balance(X: Any, code: Any, arms: int, p: Any) -> Any:
    """Return weights to all subjects, and the differences before and after, in lines of numpy."""
    weight = 1 / p[np.arange(len(p)), code]
    before = _differences(X, code, arms, np.ones(len(p)))
    return weight, before, _differences(X, code, arms, weight)


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

    def after_statsmodels() -> Any:
        p = statsmodels().predict(X)
        both = np.column_stack([1 - p, p]) if p.ndim == 1 else p
        return _weights_and_balance(X[:, 1:], code, arms, both)

    def after_sklearn() -> Any:
        return _weights_and_balance(X[:, 1:], code, arms, sklearn().predict_proba(frame[names]))

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
        {"statsmodels": after_statsmodels, "sklearn": after_sklearn},
        dict.fromkeys(("statsmodels", "sklearn"), _LESS),
    )


def cases() -> Iterator[Case]:
    yield from _scores(100_000, 2)
    yield from _scores(100_000, 4)
