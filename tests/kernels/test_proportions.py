"""Intervals of one proportion: closed forms, an oracle, the ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from trdstats.errors import SpecError
from trdstats.kernels.proportions.single_proportion import proportion_interval

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


TABLES = st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(TABLES, st.sampled_from(list(NAMES)))
def test_limits_stay_within_range_enclose_the_rate_and_widen(
    table: tuple[int, int], method: str
) -> None:
    x, n = table
    narrow, wide = (
        [float(v) for v in proportion_interval(x, n, method=method, conf_level=level)]
        for level in (0.8, 0.99)
    )
    # Half a dozen operations on numbers of at most 1 lose about 1e-15.
    assert 0 <= wide[0] <= narrow[0] + 1e-14
    assert narrow[0] <= x / n + 1e-14
    assert x / n <= narrow[1] + 1e-14
    assert narrow[1] <= wide[1] + 1e-14
    assert wide[1] <= 1


@given(TABLES, st.sampled_from(list(NAMES)))
def test_counting_the_others_mirrors_the_limits(table: tuple[int, int], method: str) -> None:
    x, n = table
    low, high = proportion_interval(x, n, method=method, conf_level=0.95)
    other = proportion_interval(n - x, n, method=method, conf_level=0.95)
    # Two quantiles of a beta distribution are inverted to about 1e-12.
    assert (1 - other[1], 1 - other[0]) == pytest.approx((float(low), float(high)), abs=1e-10)


def test_clopper_pearson_by_hand() -> None:
    """No event among ten: the upper limit solves (1 - p)^10 = .025, p = 1 - .025^(1/10)."""
    low, high = proportion_interval(0, 10, method="clopper-pearson", conf_level=0.95)
    assert float(low) == 0
    assert float(high) == pytest.approx(1 - 0.025**0.1, rel=1e-12)


def test_agresti_coull_by_hand() -> None:
    """One of four at z = 2: 3 of 8, half 2 sqrt(.375 .625 / 8)."""
    limits = proportion_interval(1, 4, method="agresti-coull", conf_level=0.9544997361036416)
    half = 2 * np.sqrt(0.375 * 0.625 / 8)
    assert [float(v) for v in limits] == pytest.approx([0.375 - half, 0.375 + half], abs=1e-12)


def test_what_cannot_be_used_is_refused() -> None:
    with pytest.raises(SpecError, match="'wilson'"):
        proportion_interval(1, 4, method="wilsons", conf_level=0.95)
    with pytest.raises(SpecError, match="between 0 and 1"):
        proportion_interval(1, 4, method="wilson", conf_level=95)
    for events in (-1, 5):
        with pytest.raises(SpecError, match="between 0 and the number"):
            proportion_interval([1, events], [4, 4], method="wilson", conf_level=0.95)
