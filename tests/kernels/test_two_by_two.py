"""Tests of a two-by-two table: published p values, worked cases, relations, empty margins."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, hypergeom

from trdstats.errors import SpecError
from trdstats.kernels.proportions.two_by_two import (
    fisher_test,
    pearson_test,
    score_difference,
    score_odds,
    score_ratio,
    yates_test,
)

REFERENCE = Path(__file__).resolve().parents[1] / "reference" / "published_counts"
PUBLISHED = tomllib.loads((REFERENCE / "values.toml").read_text("utf-8"))
CHI_SQUARED = 0.00051  # half a unit of the third decimal that is printed
P_VALUE = 0.000051  # half a unit of the fourth

COUNTS = st.tuples(st.integers(1, 80), st.integers(1, 80)).flatmap(
    lambda n: st.tuples(st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
)
TESTS = [pearson_test, yates_test, fisher_test]


def has_both_outcomes(table: tuple[int, int, int, int]) -> bool:
    x1, n1, x0, n0 = table
    return 0 < x1 + x0 < n1 + n0


@pytest.mark.parametrize("row", [pytest.param(v, id=k) for k, v in PUBLISHED.items()])
def test_published_trials(row: dict[str, Any]) -> None:
    counts = row["counts"]
    assert pearson_test(*counts).statistic == pytest.approx(row["chi_squared"], abs=CHI_SQUARED)
    for test, key in zip(TESTS, ("p", "p_yates", "p_fisher"), strict=True):
        printed = row[key]
        if printed.startswith("<"):
            assert test(*counts).p_value < float(printed[1:])
        else:
            assert test(*counts).p_value == pytest.approx(float(printed), abs=P_VALUE)


def test_smiles_three_p_values() -> None:
    # Published P .028 is the uncorrected chi-squared; Yates and Fisher tell another story.
    counts = PUBLISHED["smiles_rem"]["counts"]
    assert [round(test(*counts).p_value, 3) for test in TESTS] == [0.028, 0.061, 0.047]


@pytest.mark.parametrize(
    ("name", "chi_squared", "p"), [("kratter_rem", 4.5, 0.035), ("kratter_resp", 4.3, 0.039)]
)
def test_kratter_as_published(name: str, chi_squared: float, p: float) -> None:
    found = pearson_test(*PUBLISHED[name]["counts"])
    assert (round(found.statistic, 1), round(found.p_value, 3)) == (chi_squared, p)


def test_worked_by_hand() -> None:
    """Three of four against one of four.

    Cells 3 1 / 1 3, cross difference 9 - 1 = 8, margins all 4. Pearson 8 8^2 / 4^4 = 2;
    Yates 8 (8 - 4)^2 / 4^4 = .5. Of the C(8,4) = 70 tables, 1 16 36 16 1 have 0 to 4 events in
    group 1; no more probable than 16 are 1 + 16 + 16 + 1 = 34: Fisher p = 34/70.
    """
    table = (3, 4, 1, 4)
    pearson, yates, fisher = (test(*table) for test in TESTS)
    # Closed forms of a few operations.
    assert (pearson.statistic, pearson.df) == (pytest.approx(2, rel=1e-14), 1)
    assert pearson.p_value == pytest.approx(math.erfc(1), rel=1e-12)  # P(|z| > sqrt 2)
    assert yates.statistic == pytest.approx(0.5, rel=1e-14)
    assert yates.p_value == pytest.approx(math.erfc(0.5), rel=1e-12)
    assert fisher.p_value == pytest.approx(34 / 70, rel=1e-12)
    assert math.isnan(fisher.statistic)
    assert math.isnan(fisher.df)


def test_far_tail_keeps_its_digits() -> None:
    """All of 200 against none of 200: chi-squared is 400, z 20, and p = erfc(20 / sqrt 2)."""
    found = pearson_test(200, 200, 0, 200)
    assert found.statistic == pytest.approx(400, rel=1e-14)
    assert found.p_value == pytest.approx(math.erfc(20 / math.sqrt(2)), rel=1e-10)


@given(COUNTS.filter(has_both_outcomes))
def test_scipy_contingency(table: tuple[int, int, int, int]) -> None:
    x1, n1, x0, n0 = table
    cells = np.array([[x1, n1 - x1], [x0, n0 - x0]])
    for test, correction in ((pearson_test, False), (yates_test, True)):
        oracle = chi2_contingency(cells, correction=correction)
        # Their sum over four cells rounds near 0.
        assert test(*table).statistic == pytest.approx(float(oracle.statistic), rel=1e-9, abs=1e-12)
        assert test(*table).p_value == pytest.approx(float(oracle.pvalue), rel=1e-6, abs=1e-12)


@given(COUNTS)
def test_fisher_is_the_sum_over_tables(table: tuple[int, int, int, int]) -> None:
    x1, n1, x0, n0 = table
    possible = hypergeom.pmf(np.arange(n1 + 1), n1 + n0, x1 + x0, n1)
    # Tables that are equally probable differ by rounding.
    expected = float(possible[possible <= possible[x1] * (1 + 1e-7)].sum())
    assert fisher_test(*table).p_value == pytest.approx(min(expected, 1), rel=1e-8)


@given(COUNTS)
def test_neither_order_of_groups_nor_the_outcome_counted_matters(
    table: tuple[int, int, int, int],
) -> None:
    x1, n1, x0, n0 = table
    for test in TESTS:
        p = test(*table).p_value
        for other in ((x0, n0, x1, n1), (n1 - x1, n1, n0 - x0, n0)):
            # fisher_exact sums its tail from either end: the order of a sum.
            assert test(*other).p_value == pytest.approx(p, rel=1e-9, nan_ok=True)


@given(COUNTS.filter(has_both_outcomes))
def test_score_of_no_difference_is_one_test(table: tuple[int, int, int, int]) -> None:
    total = table[1] + table[3]
    expected = pearson_test(*table).statistic * (total - 1) / total
    found = (
        score_difference(0.0, *table),
        score_ratio(1.0, *table),
        score_odds(0.0, *table, less_bias=False),
    )
    # The same number by a cubic and two quadratics.
    assert [z**2 for z in found] == pytest.approx([expected] * 3, rel=1e-9, abs=1e-12)


@given(COUNTS.filter(has_both_outcomes), st.data())
def test_scores_fall(table: tuple[int, int, int, int], data: st.DataObject) -> None:
    a, b = sorted(data.draw(st.tuples(*[st.floats(-0.999, 0.999)] * 2)))
    logs = [math.atanh(v) for v in (a, b)]
    # Where a score is flat, both values carry rounding errors.
    slack = 1e-7
    assert score_difference(a, *table) >= score_difference(b, *table) - slack
    scores = [score_odds(t, *table, less_bias=False) for t in logs]
    assert scores[0] >= scores[1] - slack
    scores = [score_ratio(math.exp(t), *table) for t in logs]
    assert scores[0] >= scores[1] - slack


def test_empty_margins() -> None:
    for table in ((0, 0, 3, 9), (0, 5, 0, 9), (5, 5, 9, 9)):
        for test in (pearson_test, yates_test):
            assert math.isnan(test(*table).statistic)
            assert math.isnan(test(*table).p_value)
    assert math.isnan(fisher_test(0, 0, 3, 9).p_value)
    assert fisher_test(0, 5, 0, 9).p_value == fisher_test(5, 5, 9, 9).p_value == 1


def test_large_numpy_integers_do_not_overflow() -> None:
    counts = (300_000, 1_000_000, 301_000, 1_000_000)
    for test in TESTS:
        narrow, plain = test(*np.array(counts, dtype=np.int32)), test(*counts)
        assert narrow.p_value == plain.p_value


def test_what_is_no_table_is_refused() -> None:
    for table in ((5, 4, 1, 4), (1, 4, -1, 4), (1.5, 4, 1, 4), (math.nan, 4, 1, 4)):
        for test in TESTS:
            with pytest.raises(SpecError, match="whole numbers"):
                test(*table)  # type: ignore[arg-type]
