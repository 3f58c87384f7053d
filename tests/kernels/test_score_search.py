"""Limits by a score: searches alone and side by side, and the variances of many tables at once."""

from __future__ import annotations

from math import inf, isnan, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trdstats.kernels.proportions.score_search import (
    alone,
    falling_root,
    ratio_searches,
    together,
    value_at,
)
from trdstats.kernels.proportions.strata_variances import DifferenceVariances, ratio_variances
from trdstats.kernels.proportions.stratified_tables import stratified_difference, stratified_ratio
from trdstats.kernels.proportions.two_by_two import difference_variance, ratio_variance
from trdstats.kernels.proportions.two_proportions import risk_difference, risk_ratio

LAST_DIGITS = 4e-14  # of a root of a cubic in double precision, taken times a root

TABLES = st.lists(
    st.tuples(st.integers(1, 60), st.integers(1, 60)).flatmap(
        lambda n: st.tuples(
            st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1])
        )
    ),
    min_size=1,
    max_size=6,
)


def test_a_root_is_met_to_the_last_digits() -> None:
    assert alone(falling_root(-2.0, 0.0, 9.0), lambda t: 1 - t**2) == pytest.approx(
        sqrt(3), rel=1e-15
    )
    near = falling_root(-2.0, 0.0, 9.0, near=1.7)
    assert alone(near, lambda t: 1 - t**2) == pytest.approx(sqrt(3), rel=1e-15)


def test_few_scores_are_asked_for_near_a_straight_line() -> None:
    asked = []

    def score(t: float) -> float:
        asked.append(t)
        return (0.1 - t) / sqrt(0.002 + 0.001 * t)

    alone(falling_root(1.96, -1.0, 0.1, near=0.1 - 1.96 * sqrt(0.002)), score)
    assert len(asked) <= 6


def test_an_end_is_the_answer_where_the_target_is_not_met() -> None:
    assert alone(falling_root(5.0, -1.0, 1.0), lambda t: -t) == -1.0
    assert alone(falling_root(-5.0, -1.0, 1.0), lambda t: -t) == 1.0
    assert alone(falling_root(-5.0, -1.0, 1.0, near=0.5), lambda t: -t) == 1.0


def test_infinite_scores_do_not_stall_a_search() -> None:
    def score(t: float) -> float:
        return inf if t < 0.25 else 1 / t - 2

    assert alone(falling_root(1.0, 0.0, 1.0), score) == pytest.approx(1 / 3, rel=1e-14)
    # A jump has no root: the search closes in on it.
    jump = alone(falling_root(0.0, 0.0, 1.0), lambda t: inf if t < 0.3 else -inf)
    assert jump == pytest.approx(0.3, rel=1e-13)


def test_searches_side_by_side_are_those_alone() -> None:
    def scores(t: np.ndarray) -> np.ndarray:
        return np.asarray(np.log(2.0) - t - 0.1 * t**3)

    searches = [falling_root(z, -9.0, 9.0) for z in (-1.0, 0.0, 1.0)]
    roots = together([*searches, value_at(0.5)], scores)
    for z, root in zip((-1.0, 0.0, 1.0), roots[:3], strict=True):
        single = alone(falling_root(z, -9.0, 9.0), lambda t: log(2.0) - t - 0.1 * t**3)
        assert root == pytest.approx(single, rel=1e-13)
    assert roots[3] == pytest.approx(log(2.0) - 0.5 - 0.0125, rel=1e-15)


def test_a_ratio_of_0_or_infinity_has_one_limit_without_a_search() -> None:
    low, high = ratio_searches(1.96, 0.0, float("nan"))
    assert alone(low, abs) == -inf
    assert alone(high, lambda t: -t) == pytest.approx(1.96, rel=1e-14)
    low, high = ratio_searches(1.96, inf, float("nan"))
    assert alone(high, abs) == inf
    assert alone(low, lambda t: -t) == pytest.approx(-1.96, rel=1e-14)


@given(TABLES, st.floats(-1, 1), st.floats(-4, 4))
def test_variances_of_many_tables_are_those_of_each(
    tables: list[tuple[int, int, int, int]], d: float, log_ratio: float
) -> None:
    counts = np.array(tables, dtype=np.int64).T
    points = np.array([d, 0.0, -d])
    many = DifferenceVariances.of(*counts).at(points)
    each = [[difference_variance(float(point), *t) for t in tables] for point in points]
    # The rate is held to the last digit; the variance loses those that 1 - rate loses.
    np.testing.assert_allclose(many, each, rtol=1e-9, atol=LAST_DIGITS)
    ratios = np.exp([log_ratio, 0.0])
    each = [[ratio_variance(float(r), *t) for t in tables] for r in ratios]
    np.testing.assert_allclose(ratio_variances(ratios, *counts), each, rtol=1e-9, atol=LAST_DIGITS)


@given(TABLES.filter(lambda tables: any(0 < t[0] + t[2] < t[1] + t[3] for t in tables)))
def test_one_stratum_is_its_table(tables: list[tuple[int, int, int, int]]) -> None:
    for table in tables:
        counts = [[v] for v in table]
        pairs = [(stratified_difference(*counts, conf_level=0.95),
                  risk_difference(*table, method="miettinen-nurminen", conf_level=0.95)),
                 (stratified_ratio(*counts, conf_level=0.95),
                  risk_ratio(*table, method="miettinen-nurminen", conf_level=0.95))]  # fmt: skip
        for many, one in pairs:
            if isnan(one.estimate):
                continue
            # A limit is where a flat score meets z: its digits are fewer than those of the score.
            assert many.low == pytest.approx(one.low, rel=1e-9, abs=1e-12)
            assert many.high == pytest.approx(one.high, rel=1e-9, abs=1e-12)
            assert many.statistic == pytest.approx(one.statistic, rel=1e-9, abs=1e-9)
