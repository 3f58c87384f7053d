"""Tail probabilities beside those of scipy.stats, and what they take to import."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from trdstats.kernels.numerics import tails

X = np.concatenate([np.linspace(-8, 8, 33), [40.0, 200.0, 1e-300, 0.0, np.inf, -np.inf, np.nan]])
P = np.array([0.0, 1e-300, 1e-10, 0.001, 0.025, 0.5, 0.9, 1.0, np.nan])
DEGREES = [0.3, 1.0, 2.0, 3.7, 10.0, 100.0, 1e6, 0.0, -1.0, np.nan]
# The same functions underneath: differences are those of the last digit.
CLOSE = {"rtol": 1e-14, "atol": 0.0}


def test_normal() -> None:
    assert_allclose(tails.normal_sf(X), stats.norm.sf(X), **CLOSE)
    assert_allclose(tails.normal_logsf(X), stats.norm.logsf(X), **CLOSE)
    assert_allclose(tails.normal_isf(P), stats.norm.isf(P), **CLOSE)


@pytest.mark.parametrize("df", DEGREES)
def test_student_chi_squared_and_fisher(df: float) -> None:
    assert_allclose(tails.t_sf(X, df), stats.t.sf(X, df), **CLOSE)
    assert_allclose(tails.t_isf(P, df), stats.t.isf(P, df), **CLOSE)
    assert_allclose(tails.chi2_sf(X, df), stats.chi2.sf(X, df), **CLOSE)
    if df > 0:
        assert_allclose(tails.chi2_isf(P, df), stats.chi2.isf(P, df), **CLOSE)
    for df_den in (0.5, 3.0, 20.0, 1e9, 0.0):
        assert_allclose(tails.f_sf(X, df, df_den), stats.f.sf(X, df, df_den), **CLOSE)


def test_infinite_degrees_are_the_normal_distribution() -> None:
    mixed = np.where(np.arange(len(X)) % 2, np.inf, 5.0)
    normal, student = tails.normal_sf(X), tails.t_sf(X, 5.0)
    assert_allclose(tails.t_sf(X, np.inf), normal, rtol=0)
    assert_allclose(tails.t_sf(X, mixed), np.where(np.isinf(mixed), normal, student), rtol=0)
    assert_allclose(tails.t_isf(P, np.inf), tails.normal_isf(P), rtol=0)
    above = X[X > 0]
    assert_allclose(tails.f_sf(above, 3, np.inf), tails.chi2_sf(3 * above, 3), rtol=0)


def test_a_study_and_its_outcomes_need_nothing_of_scipy() -> None:
    """Its special functions alone take a sixth of a second to import."""
    code = """
import sys, trdstats
for name in ("Study", "read_study", "Response", "assess", "time_to"):
    getattr(trdstats, name)
    print(name, [m for m in sys.modules if m in ("scipy.special", "scipy.linalg")])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[1::2] == ["[]"] * 5, done.stdout


def test_first_use_does_without_scipy_stats_and_optimize() -> None:
    """They take half a second and a fifth of a second to import."""
    code = """
import sys, trdstats
for name in ("Study", "KaplanMeier", "CoxPH", "MMRM", "rates", "compare", "PropensityWeights"):
    getattr(trdstats, name)
    print(name, [m for m in sys.modules
                 if m in ("scipy.stats", "scipy.interpolate", "scipy.optimize")])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[1::2] == ["[]"] * 7, done.stdout


@pytest.mark.parametrize(("drop", "statistic", "p"), [
    (0.0, 0.0, 1.0), (3e-14, 0.0, 1.0), (-3e-14, 0.0, 1.0), (-0.5, 0.0, 1.0),
    (1.0, 1.0, stats.chi2.sf(1.0, 1) / 2), (3.0, 3.0, stats.chi2.sf(3.0, 1) / 2),
])  # fmt: skip
def test_a_variance_that_adds_nothing_has_p_1(drop: float, statistic: float, p: float) -> None:
    """By rounding alone two deviances of 212.7 differ, and p was a half where it did."""
    found = tails.deviance_drop(212.7 + drop, 212.7)
    assert found == pytest.approx(statistic)
    assert tails.mixture_sf(found, 1) == pytest.approx(p)
    two = 1.0 if statistic == 0 else (stats.chi2.sf(statistic, 1) + stats.chi2.sf(statistic, 2)) / 2
    assert tails.mixture_sf(found, 2) == pytest.approx(two)
    assert np.isnan(tails.mixture_sf(np.nan, 1))
