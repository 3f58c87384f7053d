"""Rules that pool, and least squares on many sets, beside their formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from scipy.stats import t as t_law

from trdstats.kernels.gaussian.completed_ancova import adjust_sets
from trdstats.kernels.numerics.pooling import pool_bootstrap, pool_jackknife, pool_rubin


def test_rubin_by_hand() -> None:
    """Estimates 1, 2, 3 with errors 1: U 1, B 1, T = 1 + 4/3 = 7/3, lambda = 4/7.

    With 30 complete degrees of freedom: 1 / nu_old = (4/7)^2 / 2 = 8/49,
    nu_obs = 31 * 30 / 33 * 3/7 = 12.0779; nu = 1 / (8/49 + 1/12.0779) = 4.0640.
    r = 4/3, fmi = (4/3 + 2 / (nu + 3)) / (7/3) = 0.69271.
    """
    pool = pool_rubin(np.array([[1.0], [2.0], [3.0]]), np.ones((3, 1)), np.full((3, 1), 30.0), 0.95)
    nu = 1 / (8 / 49 + 33 * 7 / (31 * 30 * 3))
    assert pool.estimate[0] == 2
    assert pool.std_error[0] == pytest.approx((7 / 3) ** 0.5, rel=1e-14)
    assert pool.df[0] == pytest.approx(nu, rel=1e-14)
    assert round(nu, 3) == 4.064
    assert pool.fmi[0] == pytest.approx((4 / 3 + 2 / (nu + 3)) / (7 / 3), rel=1e-14)
    assert pool.mc_error[0] == pytest.approx(3**-0.5, rel=1e-14)
    half = t_law.isf(0.025, nu) * (7 / 3) ** 0.5
    assert (pool.low[0], pool.high[0]) == pytest.approx((2 - half, 2 + half), rel=1e-12)


def test_rubin_without_missing_values_is_the_analysis_itself() -> None:
    pool = pool_rubin(np.full((5, 1), 1.5), np.full((5, 1), 0.5), np.full((5, 1), np.inf), 0.9)
    assert (pool.std_error[0], pool.fmi[0], pool.mc_error[0]) == (0.5, 0.0, 0.0)
    assert np.isinf(pool.df[0])
    assert pool.p_value[0] == pytest.approx(2 * norm.sf(3), rel=1e-12)


def test_rubin_with_normal_sets_has_the_degrees_of_freedom_of_1987() -> None:
    pool = pool_rubin(np.array([[1.0], [2.0], [3.0]]), np.ones((3, 1)), np.full((3, 1), np.inf), 0.95)  # fmt: skip # noqa: E501
    assert pool.df[0] == pytest.approx(2 * (1 + 3 / 4) ** 2, rel=1e-14)


def test_jackknife_of_a_mean_is_its_standard_error() -> None:
    y = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0])
    out = (y.sum() - y) / 5
    pool = pool_jackknife(np.concatenate([[y.mean()], out])[:, None], 0.95)
    assert pool.std_error[0] == pytest.approx(y.std(ddof=1) / 6**0.5, rel=1e-13)
    assert np.isnan(pool.fmi[0])


def test_bootstrap_intervals() -> None:
    drawn = np.arange(-9.0, 90.0)  # 99 resamples: the 5th and 95th of 100 places
    rng = np.random.default_rng(1)
    estimates = np.concatenate([[40.0], rng.permutation(drawn)])[:, None]
    plain = pool_bootstrap(estimates, 0.90, percentile=False)
    assert plain.std_error[0] == pytest.approx(drawn.std(ddof=1), rel=1e-13)
    assert plain.low[0] == pytest.approx(40 - norm.isf(0.05) * drawn.std(ddof=1), rel=1e-12)
    shares = pool_bootstrap(estimates, 0.90, percentile=True)
    assert (shares.low[0], shares.high[0]) == pytest.approx((-5.0, 85.0))
    # 10 of 99 at or below 0.
    assert shares.p_value[0] == pytest.approx(2 * 11 / 100)


@pytest.mark.parametrize("resampled", [False, True])
def test_sets_are_regressions_one_by_one(resampled: bool) -> None:
    rng = np.random.default_rng(4)
    n, M = 30, 7
    arm = np.arange(n) % 2
    x = rng.normal(size=n)
    X = np.column_stack([arm == 0, arm == 1, x]).astype(float)
    means = np.stack([np.column_stack([np.full(n, a == k) for k in (0, 1)] + [x]) for a in (0, 1)])
    y = rng.normal(size=(M, n)) + arm
    counts = rng.integers(0, 3, (M, n)).astype(float) if resampled else None
    L = np.array([[1.0, 0.0], [-1.0, 1.0]])
    found = adjust_sets(X, y, counts, means.astype(float), L)
    for m in range(M):
        who = np.arange(n) if counts is None else np.repeat(np.arange(n), counts[m].astype(int))
        beta, rss, *_ = np.linalg.lstsq(X[who], y[m, who], rcond=None)
        rows = L @ means[:, who].mean(axis=1)
        V = np.linalg.inv(X[who].T @ X[who]) * rss / (len(who) - 3)
        assert found.estimate[m] == pytest.approx(rows @ beta, rel=1e-10)
        assert found.std_error[m] == pytest.approx(np.sqrt(np.diag(rows @ V @ rows.T)), rel=1e-8)
        assert found.df[m] == len(who) - 3


def test_a_set_without_an_arm_has_no_estimate() -> None:
    arm = np.arange(6) % 2
    X = np.column_stack([arm == 0, arm == 1]).astype(float)
    means = np.stack([np.tile(np.eye(2)[a], (6, 1)) for a in (0, 1)])
    counts = (arm == 0).astype(float)[None]
    found = adjust_sets(X, np.ones((1, 6)), counts, means, np.eye(2))
    # The mean of the other arm is what it is, its error that of three equal values.
    assert found.estimate[0, 0] == pytest.approx(1.0)
    assert np.isnan([found.estimate[0, 1], found.std_error[0, 1]]).all()
    assert found.df.tolist() == [2.0]


def test_rubin_of_1987_without_the_correction_for_small_samples() -> None:
    """Estimates 1, 2, 3 with errors 1: nu = (M - 1) / lambda^2 = 2 (7 / 4)^2 = 6.125."""
    estimate, error = np.array([[1.0], [2.0], [3.0]]), np.ones((3, 1))
    pool = pool_rubin(estimate, error, np.full((3, 1), 5.0), 0.95, small_sample=False)
    assert pool.df[0] == pytest.approx(6.125, rel=1e-14)
    assert pool_rubin(estimate, error, np.full((3, 1), 5.0), 0.95).df[0] < 5
