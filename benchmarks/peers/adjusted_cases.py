"""Propensity scores and matching beside statsmodels, scikit-learn, and glm, nnet, MatchIt of R."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from cases import Case
from in_r import InR

import trdstats as trd
from trdstats.kernels.proportions.stratified_tables import stratified_difference
from trdstats.kernels.weighting.propensity import fit_scores

_LESS = (
    "weights and standardised differences in lines of numpy; no checks, no errors, no overlap, no "
    "variance ratios, no distances between distributions"
)
SCORES = "scores only: no weights, no balance"


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

    once = np.ones(n)
    formula = "treatment ~ " + " + ".join(names)
    table = {"d": frame[[*names, "treatment"]]}

    def coefficients() -> Any:
        return fit_scores(X, code, arms, once).gamma.ravel()

    in_r = {
        "R glm": InR(f"summary(glm({formula}, binomial, d))", table, "coef(done)[, 1]",
                     coefficients, 1e-6)
    } if arms == 2 else {
        "R nnet": InR(f"multinom({formula}, d, trace = FALSE)", table, "t(coef(done))",
                      coefficients, 1e-3, ("nnet",))
    }  # fmt: skip
    yield Case(
        f"Propensity scores alone, {arms} arms, 10 covariates, {n:,}: from the matrix",
        lambda: fit_scores(X, code, arms, once),
        {"statsmodels": statsmodels, "sklearn": sklearn} | in_r,
        {"sklearn": "no errors", "R nnet": "no errors"},
    )
    yield Case(
        f"Propensity scores, {arms} arms, 10 covariates, {n:,}: weights and balance",
        lambda: trd.PropensityWeights(formula).fit(frame).balance(),
        {"statsmodels": after_statsmodels, "sklearn": after_sklearn} | in_r,
        {"statsmodels": _LESS, "sklearn": _LESS, "R glm": SCORES, "R nnet": SCORES},
    )  # fmt: skip


def _matching(n: int) -> Case:
    """Return matches without a caliper: MatchIt 4.5.1 matches subjects further apart than it."""
    frame = cohort(n, 2)
    formula = " + ".join(f"x{j}" for j in range(10))
    spec = trd.Matching(formula, caliper=None)

    def ours() -> list[float]:
        distance = spec.fit(frame).pairs["distance"]
        return [len(distance), distance.sum()]

    matchit = InR(
        f'matchit(treatment ~ {formula}, d, link = "linear.logit", m.order = "largest")',
        {"d": frame},
        """one <- done$match.matrix[, 1]
        gap <- abs(done$distance[names(one)] - done$distance[one])
        c(sum(!is.na(gap)), sum(gap, na.rm = TRUE))""",
        # Among 100,000 MatchIt leaves some few that have a neighbour without a match.
        ours, 1e-6 if n <= 1_000 else 0.05, ("MatchIt",),
    )  # fmt: skip
    return Case(
        f"Nearest neighbours on the logit of the propensity, {n:,}", lambda: spec.fit(frame),
        {"R MatchIt": matchit},
    )  # fmt: skip


# The constrained estimate of Miettinen and Nurminen 1985, appendix; weights of Mantel and Haenszel.
_BY_HAND = """
variance <- function(d) with(k, {
  N <- n + reference_n; x0 <- reference_events; m <- reference_n
  b <- (n + 2 * m) * d - N - events - x0
  c <- (m * d - N - 2 * x0) * d + events + x0
  q <- b^3 / (3 * N)^3 - b * c / (6 * N^2) + x0 * d * (1 - d) / (2 * N)
  p <- sign(q) * sqrt(b^2 / (3 * N)^2 - c / (3 * N))
  p0 <- 2 * p * cos((pi + acos(pmin(pmax(q / p^3, -1), 1))) / 3) - b / (3 * N)
  p1 <- p0 + d
  (p1 * (1 - p1) / n + p0 * (1 - p0) / m) * N / (N - 1)
})
w <- with(k, n * reference_n / (n + reference_n)); w <- w / sum(w)
"""


def _strata(n: int) -> Case:
    rng = np.random.default_rng(9)
    frame = pd.DataFrame({"stratum": range(n), "n": rng.integers(20, 60, n),
                          "reference_n": rng.integers(20, 60, n)})  # fmt: skip
    for of, rate in (("events", 0.4), ("reference_events", 0.3)):
        frame[of] = rng.binomial(frame["n" if of == "events" else "reference_n"], rate)
    counts = frame[["events", "n", "reference_events", "reference_n"]].to_numpy().T

    def ours() -> list[float]:
        found = stratified_difference(*counts, conf_level=0.95)
        return [found.estimate, found.low, found.high]

    by_hand = InR(
        """gap <- sum(w * (k$events / k$n - k$reference_events / k$reference_n))
        score <- function(d) (gap - d) / sqrt(sum(w^2 * variance(d)))
        z <- qnorm(0.975)
        root <- function(side, ends) uniroot(function(d) score(d) - side, ends, tol = 1e-10)$root
        c(gap, root(z, c(gap - 0.5, gap)), root(-z, c(gap, gap + 0.5)))""",
        {"k": frame}, "done", ours, 1e-8, setup=_BY_HAND,
    )  # fmt: skip
    return Case(
        f"Difference of rates over strata, Miettinen and Nurminen's limits, {n} strata: alone",
        ours,
        {"R base": by_hand},
        {"R base": "lines of R by hand, limits to 1e-10 where trdstats has 1e-14, no test"},
    )


def cases() -> Iterator[Case]:
    for n in (200, 100_000):
        yield from _scores(n, 2)
    yield from _scores(100_000, 4)
    for n in (1_000, 100_000):
        yield _matching(n)
    yield _strata(20)
