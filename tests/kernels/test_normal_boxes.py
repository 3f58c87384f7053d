"""Probabilities of boxes of a normal distribution and their derivatives."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from trdstats.kernels.numerics.normal_boxes import bivariate_normal, box_probabilities

GOLDEN = Path(__file__).resolve().parents[1] / "reference" / "probability" / "values.json"
STEP = 5e-3


def covariance(k: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(k, k))
    return A @ A.T + np.eye(k)


def boxes(k: int, m: int = 8, seed: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    lower = rng.normal(size=(m, k)) - 1.5
    upper = lower + rng.uniform(0.5, 4.0, size=(m, k))
    lower[0], upper[1], lower[2, 0], upper[3, -1] = -np.inf, np.inf, -np.inf, np.inf
    return lower, upper, rng.normal(size=(m, k))


def test_remission_at_both_visits() -> None:
    golden = json.loads(GOLDEN.read_text("utf-8"))["remission_at_both_visits"]
    (a, b), r = golden["sds"], golden["correlation"]
    V = np.array([[a * a, r * a * b], [r * a * b, b * b]])
    ends = np.full((1, 2), float(golden["at_most"]))
    found = box_probabilities(np.full((1, 2), -np.inf), ends, np.array([golden["means"]]), V)
    assert found.value[0] == pytest.approx(golden["probability"], abs=1e-12)


@pytest.mark.parametrize("r", [-0.99, -0.5, 0.0, 0.3, 0.9, 0.999])
def test_two_dimensions_against_scipy(r: float) -> None:
    h, k = np.random.default_rng(3).normal(size=(2, 40)) * 2
    h[:3], k[2:5] = 0.0, 0.0
    expected = [
        multivariate_normal.cdf([x, y], [0, 0], [[1, r], [r, 1]], abseps=1e-13, releps=1e-13)
        for x, y in zip(h, k, strict=True)
    ]
    assert bivariate_normal(h, k, r) == pytest.approx(np.array(expected), abs=1e-13)
    ends = bivariate_normal(np.array([np.inf, -np.inf, np.inf]), np.array([0.5, 0.5, np.inf]), r)
    assert ends == pytest.approx([norm.cdf(0.5), 0.0, 1.0], abs=1e-15)


# Three and more dimensions are sums over 8,192 points.
@pytest.mark.parametrize(("k", "of_value"), [(3, 5e-5), (4, 1e-4), (6, 2e-4)])
def test_more_dimensions_against_scipy(k: int, of_value: float) -> None:
    lower, upper, mean = boxes(k)
    V = covariance(k)
    found = box_probabilities(lower, upper, mean, V)
    expected = [
        multivariate_normal(m, V, maxpts=200_000, abseps=1e-7, releps=1e-7).cdf(y, lower_limit=x)
        for x, y, m in zip(lower, upper, mean, strict=True)
    ]
    assert found.value == pytest.approx(np.array(expected), abs=of_value)


def scipy_value(lower: np.ndarray, upper: np.ndarray, mean: np.ndarray, V: np.ndarray) -> float:
    if len(V) == 1:
        sd = np.sqrt(V[0, 0])
        return float((norm.cdf((upper - mean) / sd) - norm.cdf((lower - mean) / sd))[0])
    exact = {"maxpts": 200_000, "abseps": 1e-8, "releps": 1e-8}
    return float(multivariate_normal(mean, V, **exact).cdf(upper, lower_limit=lower))


# In one and two dimensions what is left is the error of the differences.
@pytest.mark.parametrize(("k", "allowed"), [(1, 1e-4), (2, 1e-4), (3, 5e-3)])
def test_derivatives_against_differences_of_scipy(k: int, allowed: float) -> None:
    lower, upper, mean = (x[:5] for x in boxes(k))
    V = covariance(k)
    found = box_probabilities(lower, upper, mean, V)

    def slope(i: int, shift: np.ndarray, change: np.ndarray) -> float:
        up = scipy_value(lower[i], upper[i], mean[i] + shift, V + change)
        down = scipy_value(lower[i], upper[i], mean[i] - shift, V - change)
        return (up - down) / (2 * STEP)

    rows, zero = range(len(mean)), np.zeros(k)
    by_mean = [[slope(i, STEP * e, np.zeros((k, k))) for e in np.eye(k)] for i in rows]
    largest = np.abs(by_mean).max()
    assert found.by_mean == pytest.approx(np.array(by_mean), abs=allowed * largest)
    by_covariance = np.zeros((len(mean), k, k))
    for a in range(k):
        for b in range(a + 1):
            D = np.zeros((k, k))
            D[a, b] += STEP / 2
            D[b, a] += STEP / 2
            by_covariance[:, a, b] = by_covariance[:, b, a] = [slope(i, zero, D) for i in rows]
    largest = np.abs(by_covariance).max()
    assert found.by_covariance == pytest.approx(by_covariance, abs=allowed * largest)


def test_independent_scores_multiply() -> None:
    lower, upper, mean = boxes(4)
    sd = np.array([1.0, 2.0, 0.5, 3.0])
    z = norm.cdf((upper - mean) / sd) - norm.cdf((lower - mean) / sd)
    found = box_probabilities(lower, upper, mean, np.diag(sd**2))
    assert found.value == pytest.approx(z.prod(axis=1), abs=2e-5)


def test_open_and_empty_boxes() -> None:
    V = covariance(3)
    whole = np.full((1, 3), np.inf)
    found = box_probabilities(-whole, whole, np.zeros((1, 3)), V)
    assert found.value[0] == 1.0
    assert not found.by_mean.any()
    upper = np.array([[1.0, np.inf, np.inf], [1.0, -3.0, np.inf]])
    lower = np.array([[-np.inf, -np.inf, -np.inf], [-np.inf, -3.0, -np.inf]])
    found = box_probabilities(lower, upper, np.zeros((2, 3)), V)
    assert found.value == pytest.approx([norm.cdf(1 / np.sqrt(V[0, 0])), 0.0], abs=1e-14)
    assert not found.by_covariance[1].any()
    # Far out in a tail the digits are kept.
    tail = box_probabilities(np.array([[10.0]]), np.array([[np.inf]]), np.zeros((1, 1)), np.eye(1))
    assert tail.value[0] == pytest.approx(norm.sf(10.0), rel=1e-12)


def test_the_same_box_has_always_the_same_probability() -> None:
    lower, upper, mean = boxes(5)
    one, other = (box_probabilities(lower, upper, mean, covariance(5)).value for _ in range(2))
    assert (one == other).all()
    alone = box_probabilities(lower[2:3], upper[2:3], mean[2:3], covariance(5)).value
    assert alone == pytest.approx(one[2:3], rel=1e-12)
