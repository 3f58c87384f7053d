"""Intervals of one proportion: closed forms, an oracle, the ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from trdstats.kernels.proportions import proportion_interval

NAMES = {"wilson": "wilson", "agresti-coull": "agresti_coull", "clopper-pearson": "beta"}


@pytest.mark.parametrize("method", list(NAMES))
@pytest.mark.parametrize("n", [1, 7, 80, 10_000])
def test_statsmodels(method: str, n: int) -> None:
    x = np.unique(np.linspace(0, n, 12).astype(int))
    low, high = proportion_interval(x, np.full(len(x), n), method=method, conf_level=0.9)
    expected = [proportion_confint(k, n, alpha=0.1, method=NAMES[method]) for k in x]
    # Two closed forms that differ in the order of their operations.
    assert low == pytest.approx([max(e[0], 0) for e in expected], abs=1e-12)
    assert high == pytest.approx([min(e[1], 1) for e in expected], abs=1e-12)


def test_wilson_by_hand() -> None:
    """One of four at z = 2, a level of .9545.

    Centre (.25 + 4/8) / (1 + 4/4) = .375; half sqrt(4 (.1875 / 4 + 4 / 64)) / 2.
    """
    low, high = proportion_interval(1, 4, method="wilson", conf_level=0.9544997361036416)
    half = np.sqrt(4 * (0.1875 / 4 + 4 / 64)) / 2
    assert (float(low), float(high)) == pytest.approx((0.375 - half, 0.375 + half), abs=1e-12)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_clopper_pearson_leaves_the_right_tails(table: tuple[int, int]) -> None:
    x, n = table
    low, high = (
        float(v) for v in proportion_interval(x, n, method="clopper-pearson", conf_level=0.95)
    )
    # The incomplete beta function is inverted to about 1e-12.
    if x > 0:
        assert binom.sf(x - 1, n, low) == pytest.approx(0.025, rel=1e-8)
    if x < n:
        assert binom.cdf(x, n, high) == pytest.approx(0.025, rel=1e-8)


@pytest.mark.parametrize("method", list(NAMES))
def test_ends_and_nothing(method: str) -> None:
    low, high = proportion_interval([0, 10, 0], [10, 10, 0], method=method, conf_level=0.95)
    assert low[0] == 0
    assert high[1] == 1
    assert np.isnan(low[2])
    assert np.isnan(high[2])
    assert 0 < high[0] < 1
    assert 0 < low[1] < 1
