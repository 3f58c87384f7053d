"""The regression of hazards whose coefficients have courses over time."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from trdstats.kernels.parametric.natural_spline import natural_spline
from trdstats.kernels.weighting.pooled_hazards import PooledHazards


def test_it_is_the_logistic_regression_on_products_of_course_and_columns() -> None:
    rng = np.random.default_rng(3)
    time = np.sort(rng.integers(0, 8, 900))
    Z = np.column_stack([np.ones(900), rng.integers(0, 2, 900), 40 + 9 * rng.normal(size=900)])
    y = (rng.random(900) < 0.25).astype(float)
    weight = rng.uniform(0, 3, 900)
    course = natural_spline(np.arange(8.0), np.array([0.0, 2.0, 5.0]))[0]
    got = PooledHazards.of(Z, time, course).fit(y, weight)
    design = (course[time][:, :, None] * Z[:, None, :]).reshape(900, -1)
    fit = sm.GLM(y, design, family=sm.families.Binomial(), freq_weights=weight).fit(tol=1e-14)
    # Both stop where a step gains nothing; the conditioning of the products costs some digits.
    assert got == pytest.approx(course @ fit.params.reshape(3, 3), rel=1e-6, abs=1e-8)


def test_with_a_knot_at_every_interval_each_has_a_regression_of_its_own() -> None:
    rng = np.random.default_rng(4)
    time = np.repeat([0, 1, 2], 300)
    Z = np.column_stack([np.ones(900), rng.normal(size=900)])
    y = (rng.random(900) < 0.3).astype(float)
    course = natural_spline(np.arange(3.0), np.arange(3.0))[0]
    got = PooledHazards.of(Z, time, course).fit(y, np.ones(900))
    for t in range(3):
        rows = time == t
        alone = sm.Logit(y[rows], Z[rows]).fit(disp=0, tol=1e-14).params
        assert got[t] == pytest.approx(alone, rel=1e-7)


def test_the_rows_of_an_interval_may_be_weighted_with_0() -> None:
    time, Z = np.array([0, 0, 0, 0, 1, 1, 1, 1]), np.ones((8, 1))
    y, weight = np.array([1.0, 0, 0, 1, 0, 1, 0, 0]), np.array([1.0, 1, 1, 0, 1, 1, 1, 1])
    course = natural_spline(np.arange(2.0), np.arange(2.0))[0]
    level = PooledHazards.of(Z, time, course).fit(y, weight)[:, 0]
    assert 1 / (1 + np.exp(-level)) == pytest.approx([1 / 3, 1 / 4], rel=1e-9)
