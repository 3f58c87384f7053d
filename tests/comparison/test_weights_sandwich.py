"""Errors of weighted means beside a sandwich that was written down from the equations alone.

All equations, of the weights and of the means, are stacked; the bread is their derivative by
central differences. Nothing of the library enters but the weights that are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

import trdstats as trd
from trdstats.estimates.weights import EstimatedWeights

FloatArray = npt.NDArray[np.float64]
Equations = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
N = 240


def cohort() -> tuple[pd.DataFrame, FloatArray, FloatArray, FloatArray]:
    """Return three treatments, their indicators, the design and an outcome."""
    rng = np.random.default_rng(12)
    x = rng.normal(size=(N, 2)) * [3.0, 1.0] + [40.0, 0.0]
    odds = (x - [40, 0]) @ np.array([[0.1, 0.0, -0.1], [0.0, 0.5, 0.2]])
    arm = (odds + rng.gumbel(size=(N, 3))).argmax(axis=1)
    frame = pd.DataFrame({"subject": np.arange(N), "treatment": np.array(list("ABC"))[arm],
                          "age": x[:, 0], "msm": x[:, 1]})  # fmt: skip
    y = 0.1 * x[:, 0] + arm + rng.normal(size=N)
    # Covariates near 0 and 1 keep central differences accurate; the means do not depend on it.
    scaled = np.column_stack([np.ones(N), (x[:, 0] - 40) / 3, x[:, 1]])
    return frame, np.eye(3)[arm], scaled, y


def logistic(Z: FloatArray, X: FloatArray, weigh: Any, *, balancing: bool) -> Equations:
    """Return parts of the equations of the scores, (n, 6), and weights, (n,)."""

    def parts(gamma: FloatArray) -> tuple[FloatArray, FloatArray]:
        eta = np.column_stack([np.zeros(N), X @ gamma.reshape(2, 3).T])
        p = np.exp(eta) / np.exp(eta).sum(axis=1, keepdims=True)
        w = weigh(p) / (Z * p).sum(axis=1)
        pull = w[:, None] * (Z[:, 1:] - Z[:, :1]) if balancing else (Z - p)[:, 1:]
        return (pull[:, :, None] * X[:, None, :]).reshape(N, -1), w

    return parts


def entropy(Z: FloatArray, X: FloatArray) -> Equations:
    """Weights exp(x'theta) within a treatment whose sums of (1, x) are those of all subjects."""

    def parts(theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        w = np.exp((Z @ theta.reshape(3, 3) * X).sum(axis=1))
        pull = Z * w[:, None] - 1
        return (pull[:, :, None] * X[:, None, :]).reshape(N, -1), w

    return parts


def solve(equations: Callable[[FloatArray], FloatArray], start: FloatArray) -> FloatArray:
    theta = start
    for _ in range(60):
        theta = theta - np.linalg.solve(slopes(equations, theta), equations(theta))
    assert np.abs(equations(theta)).max() < 1e-8
    return theta


def slopes(equations: Callable[[FloatArray], FloatArray], theta: FloatArray) -> FloatArray:
    h = 1e-5 * np.eye(len(theta))
    return np.column_stack([(equations(theta + e) - equations(theta - e)) / 2e-5 for e in h])


CASES: list[tuple[dict[str, Any], Any]] = [
    ({}, lambda Z, X: logistic(Z, X, lambda p: 1.0, balancing=False)),
    ({"estimand": "att", "treated": "B"},
     lambda Z, X: logistic(Z, X, lambda p: p[:, 1], balancing=False)),
    ({"estimand": "overlap"},
     lambda Z, X: logistic(Z, X, lambda p: 1 / (1 / p).sum(axis=1), balancing=False)),
    ({"estimand": "matching"},
     lambda Z, X: logistic(Z, X, lambda p: p.min(axis=1), balancing=False)),
    ({"method": "balancing"}, lambda Z, X: logistic(Z, X, lambda p: 1.0, balancing=True)),
    ({"method": "balancing", "estimand": "att", "treated": "B"},
     lambda Z, X: logistic(Z, X, lambda p: p[:, 1], balancing=True)),
    ({"estimand": "entropy"}, entropy),
]  # fmt: skip


@pytest.mark.parametrize(("options", "build"), CASES, ids=[str(c[0]) for c in CASES])
def test_stacked_errors(options: dict[str, Any], build: Any) -> None:
    frame, Z, X, y = cohort()
    equations = build(Z, X)
    size = 9 if options.get("estimand") == "entropy" else 6
    gamma = solve(lambda g: equations(g)[0].sum(axis=0), np.zeros(size))
    w = equations(gamma)[1]
    means = np.array([np.average(y, weights=w * z) for z in Z.T])

    def everything(theta: FloatArray) -> FloatArray:
        parts, w = equations(theta[:size])
        return np.hstack([parts, w[:, None] * Z * (y[:, None] - theta[size:])])

    theta = np.concatenate([gamma, means])
    bread = np.linalg.inv(slopes(lambda t: everything(t).sum(axis=0), theta))
    meat = everything(theta).T @ everything(theta)
    want = (bread @ meat @ bread.T)[size:, size:]

    fit = trd.PropensityWeights("age + msm", **options).fit(frame)
    found = fit.weights["weight"].to_numpy()
    # Entropy weights of the library sum to the size of the treatment, those here to that of all.
    ratio = [found[z == 1] / w[z == 1] for z in Z.T]
    assert all(np.ptp(r) < 1e-7 * r[0] for r in ratio)
    share = found[:, None] * Z / (found @ Z)
    direct = share * (y[:, None] - share.T @ y)
    model = fit.subject_weights
    assert isinstance(model, EstimatedWeights)
    stacked = model.first_order().among(frame["subject"]).stacked_influence(direct)
    # Central differences of step 1e-5 know the bread to about 1e-8.
    np.testing.assert_allclose(stacked.T @ stacked, want, rtol=1e-6, atol=1e-9)
    # The weights' own errors matter: without them the covariance is another one.
    assert not np.allclose(direct.T @ direct, want, rtol=0.02)


def test_influence_on_the_model_is_the_robust_covariance() -> None:
    frame, Z, X, _ = cohort()
    equations = logistic(Z, X, lambda p: 1.0, balancing=False)
    gamma = solve(lambda g: equations(g)[0].sum(axis=0), np.zeros(6))
    bread = np.linalg.inv(slopes(lambda g: equations(g)[0].sum(axis=0), gamma))
    parts = equations(gamma)[0]
    want = bread @ parts.T @ parts @ bread.T
    frame = frame.assign(age=X[:, 1])
    fit = trd.PropensityWeights("age + msm").fit(frame)
    influence = fit.influence()
    assert list(influence.columns[:3]) == ["subject", "B A Intercept", "B A age"]
    moved = influence.drop(columns="subject").to_numpy()
    np.testing.assert_allclose(fit.tidy()["estimate"], gamma, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(moved.T @ moved, want, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(fit.tidy()["std_error"], np.sqrt(np.diag(want)), rtol=1e-6)


@pytest.mark.parametrize("options", [c[0] for c in CASES], ids=str)
def test_order_names_and_units_do_not_matter(options: dict[str, Any]) -> None:
    frame, *_ = cohort()
    base = trd.PropensityWeights("age + msm", **options).fit(frame)
    names = {"A": "z", "B": "m", "C": "k"}
    other = frame.assign(treatment=frame["treatment"].map(names), age=frame["age"] * 12 - 7,
                         msm=-frame["msm"] / 3).sample(frac=1, random_state=3)  # fmt: skip
    renamed = {**options, "treated": names["B"]} if "treated" in options else options
    again = trd.PropensityWeights("age + msm", **renamed).fit(other)
    moved = again.weights.set_index("subject")["weight"].loc[frame["subject"]]
    np.testing.assert_allclose(moved, base.weights["weight"], rtol=1e-6)


@pytest.mark.parametrize("estimand", ["ate", "att", "overlap"])
def test_balancing_scores_balance(estimand: str) -> None:
    frame, *_ = cohort()
    treated = "B" if estimand == "att" else None
    spec = trd.PropensityWeights("age + msm", estimand=estimand, treated=treated,  # type: ignore[arg-type]
                                 method="balancing")  # fmt: skip
    assert spec.fit(frame).balance()["smd_after"].abs().max() < 1e-7


def test_balancing_and_entropy_weights_to_the_treated_are_the_same() -> None:
    # Both are exp(x'g) within the other treatments and meet the means of B.
    frame, *_ = cohort()
    one = trd.PropensityWeights("age + msm", estimand="att", treated="B", method="balancing")
    other = trd.PropensityWeights("age + msm", estimand="entropy", treated="B")
    a, b = (s.fit(frame).weights.set_index("treatment")["weight"] for s in (one, other))
    for k in "ABC":
        np.testing.assert_allclose(a[k] / a[k].sum(), b[k] / b[k].sum(), rtol=1e-6)
