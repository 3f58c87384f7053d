"""Comparisons of two proportions: published trials, R, worked cases, relations, empty cells."""

from __future__ import annotations

import json
import math
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

from trdstats.kernels.two_by_two import fisher_test, pearson_test, yates_test
from trdstats.kernels.two_proportions import odds_ratio, risk_difference, risk_ratio

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
PUBLISHED = tomllib.loads((REFERENCE / "published_counts" / "values.toml").read_text("utf-8"))
R_RATES = json.loads((REFERENCE / "rates" / "values.json").read_text("utf-8"))["rates"]
KETAMINE_TMS = (41, 80, 27, 80)
MEASURES = [risk_difference, risk_ratio, odds_ratio]
METHODS = ["miettinen-nurminen", "gart", "newcombe", "wald"]

HALF_UNIT = 0.00501  # points of per cent printed with two decimals
BISECTION = 1e-6  # ratesci halves its interval down to about 1e-7 of the estimate


def fixtures() -> list[Any]:
    return [pytest.param(v, id=k) for k, v in PUBLISHED.items()]


def in_points(measure: Any, counts: list[int], method: str) -> tuple[float, float]:
    c = measure(*counts, method=method, conf_level=0.95)
    return 100 * c.low, 100 * c.high


@pytest.mark.parametrize("row", fixtures())
@pytest.mark.parametrize(
    ("method", "key"),
    [("wald", "wald"), ("newcombe", "newcombe"), ("miettinen-nurminen", "miettinen_nurminen")],
)
def test_published_differences(row: dict[str, Any], method: str, key: str) -> None:
    c = risk_difference(*row["counts"], method=method, conf_level=0.95)
    assert 100 * c.estimate == pytest.approx(row["difference"], abs=HALF_UNIT)
    assert in_points(risk_difference, row["counts"], method) == pytest.approx(
        row[key], abs=HALF_UNIT
    )


@pytest.mark.parametrize("row", fixtures())
def test_published_tests_and_odds_ratios(row: dict[str, Any]) -> None:
    counts = row["counts"]
    assert pearson_test(*counts).statistic == pytest.approx(row["chi_squared"], abs=0.00051)
    for test, key in ((pearson_test, "p"), (yates_test, "p_yates"), (fisher_test, "p_fisher")):
        printed = row[key]
        if printed.startswith("<"):
            assert test(*counts).p_value < float(printed[1:])
        else:
            assert test(*counts).p_value == pytest.approx(float(printed), abs=0.000051)
    c = odds_ratio(*counts, method="wald", conf_level=0.95)
    assert [c.estimate, c.low, c.high] == pytest.approx(row["odds_ratio"], abs=0.00051)


def test_elektd_is_miettinen_nurminen() -> None:
    # Published: 14.2 points (3.9 to 24.2). Wald would print 4.0 to 24.4, Newcombe 3.9 to 24.1.
    counts = PUBLISHED["elektd_resp"]["counts"]
    low, high = in_points(risk_difference, counts, "miettinen-nurminen")
    assert (round(low, 1), round(high, 1)) == (3.9, 24.2)
    for other in ("wald", "newcombe"):
        limits = in_points(risk_difference, counts, other)
        assert (round(limits[0], 1), round(limits[1], 1)) != (3.9, 24.2)


def test_smiles_three_p_values() -> None:
    # Published P .028 is the uncorrected chi-squared; Yates and Fisher tell another story.
    counts = PUBLISHED["smiles_rem"]["counts"]
    values = [round(test(*counts).p_value, 3) for test in (pearson_test, yates_test, fisher_test)]
    assert values == [0.028, 0.061, 0.047]


@pytest.mark.parametrize(
    ("measure", "key", "method"),
    [(risk_difference, "RD", "miettinen-nurminen"), (risk_ratio, "RR", "miettinen-nurminen"),
     (odds_ratio, "OR", "gart")],
)  # fmt: skip
def test_score_intervals_of_ratesci(measure: Any, key: str, method: str) -> None:
    expected = R_RATES["miettinen_nurminen"][key]
    c = measure(*KETAMINE_TMS, method=method, conf_level=0.95)
    got = (c.low, c.estimate, c.high)
    assert got == pytest.approx([expected[k] for k in ("lower", "est", "upper")], rel=BISECTION)


def test_why_the_odds_ratio_of_ratesci_is_not_miettinen_nurminen() -> None:
    # Without Gart's bias term the interval is another one, and statsmodels agrees with ours.
    plain = odds_ratio(*KETAMINE_TMS, method="miettinen-nurminen", conf_level=0.95)
    assert plain.estimate == pytest.approx((41 * 53) / (39 * 27), rel=1e-12)
    oracle = confint_proportions_2indep(
        *KETAMINE_TMS, compare="odds-ratio", method="score", correction=True
    )
    # statsmodels stops its root search at 1e-12 of the log odds ratio.
    assert (plain.low, plain.high) == pytest.approx(oracle, rel=1e-9)
    assert plain.high > R_RATES["miettinen_nurminen"]["OR"]["upper"] * 1.008


def test_newcombe_of_ratesci() -> None:
    c = risk_difference(*KETAMINE_TMS, method="newcombe", conf_level=0.95)
    expected = R_RATES["newcombe"]
    # A closed form: only the ten printed digits limit the agreement.
    assert (c.low, c.high) == pytest.approx((expected["lower"], expected["upper"]), abs=1e-10)


def test_score_ratio_of_statsmodels() -> None:
    c = risk_ratio(*KETAMINE_TMS, method="miettinen-nurminen", conf_level=0.95)
    oracle = confint_proportions_2indep(
        *KETAMINE_TMS, compare="ratio", method="score", correction=True
    )
    assert (c.low, c.high) == pytest.approx(oracle, rel=1e-9)


def test_worked_by_hand() -> None:
    """Six of ten against three of ten.

    Difference .3; unpooled variance .6 .4 / 10 + .3 .7 / 10 = .045, so Wald is
    .3 -+ 1.959964 sqrt(.045) = -.115771 to .715771. Pooled p .45: chi-squared
    .3^2 / (.45 .55 .2) = 1.81818; Miettinen-Nurminen takes 19/20 of it: z = 1.31426.
    """
    c = risk_difference(6, 10, 3, 10, method="wald", conf_level=0.95)
    assert (c.low, c.high) == pytest.approx((-0.115771, 0.715771), abs=5e-7)
    assert pearson_test(6, 10, 3, 10).statistic == pytest.approx(20 / 11, rel=1e-12)
    m = risk_difference(6, 10, 3, 10, method="miettinen-nurminen", conf_level=0.95)
    assert m.statistic == pytest.approx(math.sqrt(20 / 11 * 19 / 20), rel=1e-12)


counts = st.tuples(st.integers(1, 60), st.integers(1, 60)).flatmap(
    lambda n: st.tuples(st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
)


@settings(max_examples=200, deadline=None)
@given(counts, st.sampled_from(METHODS), st.sampled_from(MEASURES))
def test_limits_enclose_the_estimate_and_widen_with_the_level(
    table: tuple[int, int, int, int], method: str, measure: Any
) -> None:
    narrow, wide = (measure(*table, method=method, conf_level=level) for level in (0.8, 0.99))
    assume(not math.isnan(narrow.low) and not math.isnan(narrow.estimate))
    assert narrow.low <= narrow.estimate * (1 + 1e-9) + 1e-9
    assert narrow.estimate <= narrow.high * (1 + 1e-9) + 1e-9
    assert wide.low <= narrow.low + 1e-9
    assert wide.high >= narrow.high - 1e-9 * abs(narrow.high if math.isfinite(narrow.high) else 1)
    if measure is risk_difference and method != "wald":
        assert narrow.low >= -1 - 1e-12
        assert narrow.high <= 1 + 1e-12


@settings(max_examples=200, deadline=None)
@given(counts, st.sampled_from(METHODS))
def test_swapping_groups_turns_the_comparison_around(
    table: tuple[int, int, int, int], method: str
) -> None:
    a, b = table[:2], table[2:]
    forth = risk_difference(*a, *b, method=method, conf_level=0.95)
    back = risk_difference(*b, *a, method=method, conf_level=0.95)
    # Two root searches, each to 1e-14 of its bracket, on scores that are steep near the ends.
    assert (back.low, back.high) == pytest.approx((-forth.high, -forth.low), abs=1e-8)
    for measure in (risk_ratio, odds_ratio):
        forth, back = (measure(*x, method=method, conf_level=0.95) for x in ((*a, *b), (*b, *a)))
        if all(math.isfinite(v) and v > 0 for v in (forth.low, forth.high)):
            assert (back.low, back.high) == pytest.approx((1 / forth.high, 1 / forth.low), rel=1e-6)


@settings(max_examples=200, deadline=None)
@given(counts, st.sampled_from(MEASURES))
def test_score_interval_and_test_agree(table: tuple[int, int, int, int], measure: Any) -> None:
    c = measure(*table, method="miettinen-nurminen", conf_level=0.95)
    assume(not math.isnan(c.p_value) and abs(c.p_value - 0.05) > 1e-9)
    null = 0.0 if measure is risk_difference else 1.0
    assert (c.low <= null <= c.high) == (c.p_value > 0.05)


def test_methods_agree_in_large_samples() -> None:
    table = (400_000, 1_000_000, 300_000, 1_000_000)
    for measure in MEASURES:
        limits = [measure(*table, method=m, conf_level=0.95) for m in METHODS]
        for other in limits[1:]:
            # Differences between the methods are of order 1 / n.
            assert (other.low, other.high) == pytest.approx(
                (limits[0].low, limits[0].high), rel=1e-4
            )


def test_empty_cells() -> None:
    mn = {"method": "miettinen-nurminen", "conf_level": 0.95}
    none = risk_difference(0, 10, 0, 12, **mn)
    assert -1 < none.low < 0 < none.high < 1
    ratio = risk_ratio(5, 10, 0, 12, **mn)
    assert ratio.estimate == ratio.high == math.inf
    assert 1 < ratio.low < math.inf
    flipped = risk_ratio(0, 12, 5, 10, **mn)
    assert (flipped.estimate, flipped.low) == (0.0, 0.0)
    assert flipped.high == pytest.approx(1 / ratio.low, rel=1e-9)
    nothing = odds_ratio(0, 10, 0, 12, **mn)
    assert math.isnan(nothing.estimate)
    assert (nothing.low, nothing.high) == (0.0, math.inf)
    wald = risk_ratio(5, 10, 0, 12, method="wald", conf_level=0.95)
    assert math.isnan(wald.low)
    assert all(
        math.isnan(v)
        for v in (risk_difference(0, 0, 3, 9, **mn).low, pearson_test(0, 0, 3, 9).p_value)
    )
    assert math.isnan(fisher_test(0, 0, 3, 9).p_value)
    assert math.isnan(yates_test(0, 5, 0, 9).statistic)
