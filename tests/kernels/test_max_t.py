"""Joint inference against laws that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from trdstats.kernels.numerics.max_t import max_t

DRAWS = 200_000
# Three Monte Carlo errors of a probability near 0.05, and of the quantile there.
P_ERROR = 3 * np.sqrt(0.05 * 0.95 / DRAWS)
Z_ERROR = P_ERROR / (2 * norm.pdf(2.0))


def run(estimate: list[float], influence: np.ndarray):  # type: ignore[type-arg, no-untyped-def]
    rng = np.random.default_rng(7)
    return max_t(np.array(estimate), influence, conf_level=0.95, draws=DRAWS, rng=rng)


def orthogonal(n: int, k: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.linalg.qr(np.random.default_rng(1).normal(size=(n, k)))[0]


def test_one_estimate_is_judged_alone() -> None:
    found = run([0.392], np.full((4, 1), 0.1))
    assert found.std_error[0] == pytest.approx(0.2)
    assert found.critical == pytest.approx(norm.isf(0.025), abs=Z_ERROR)
    assert found.p_value[0] == pytest.approx(2 * norm.sf(1.96), abs=P_ERROR)
    assert found.n_effective == pytest.approx(1.0, abs=0.03)


def test_independent_estimates_follow_sidak() -> None:
    found = run([2.5, 1.0, 0.0, 0.0, 0.0], orthogonal(40, 5))
    assert found.critical == pytest.approx(norm.isf((1 - 0.95 ** (1 / 5)) / 2), abs=Z_ERROR)
    assert found.p_value[0] == pytest.approx(1 - (1 - 2 * norm.sf(2.5)) ** 5, abs=P_ERROR)
    assert found.n_effective == pytest.approx(5.0, rel=0.03)


def test_copies_of_one_estimate_cost_nothing() -> None:
    found = run([2.0, 2.0, 2.0], np.repeat(orthogonal(20, 1), 3, axis=1))
    assert found.critical == pytest.approx(norm.isf(0.025), abs=Z_ERROR)
    assert found.p_value == pytest.approx(2 * norm.sf(2.0), abs=P_ERROR)


def test_two_correlated_estimates_by_the_bivariate_normal() -> None:
    basis, rho = orthogonal(30, 2), 0.6
    influence = np.column_stack([basis[:, 0], rho * basis[:, 0] + 0.8 * basis[:, 1]])
    found = run([2.2, 0.0], influence)
    law = multivariate_normal([0, 0], [[1, rho], [rho, 1]])
    inside = law.cdf([2.2, 2.2], lower_limit=[-2.2, -2.2])
    assert found.p_value[0] == pytest.approx(1 - inside, abs=P_ERROR)


def test_estimates_that_cannot_be_had_take_no_part() -> None:
    influence = np.column_stack([orthogonal(20, 1), np.zeros((20, 1)), orthogonal(20, 1)])
    found = run([2.0, 1.0, np.nan], influence)
    assert np.isnan(found.p_value[1:]).all()
    assert found.critical == pytest.approx(norm.isf(0.025), abs=Z_ERROR)
    nothing = run([np.nan], np.zeros((5, 1)))
    assert np.isnan(nothing.critical)
