"""Comparisons of two proportions: published trials, R, worked cases, relations, empty cells."""

from __future__ import annotations

import json
import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

from trdstats.errors import SpecError
from trdstats.kernels.proportions.two_by_two import pearson_test
from trdstats.kernels.proportions.two_proportions import odds_ratio, risk_difference, risk_ratio

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


def in_points(counts: list[int], method: str) -> tuple[float, float]:
    c = risk_difference(*counts, method=method, conf_level=0.95)
    return 100 * c.low, 100 * c.high


@pytest.mark.parametrize("row", fixtures())
@pytest.mark.parametrize(
    ("method", "key"),
    [("wald", "wald"), ("newcombe", "newcombe"), ("miettinen-nurminen", "miettinen_nurminen")],
)
def test_published_differences(row: dict[str, Any], method: str, key: str) -> None:
    c = risk_difference(*row["counts"], method=method, conf_level=0.95)
    assert 100 * c.estimate == pytest.approx(row["difference"], abs=HALF_UNIT)
    assert in_points(row["counts"], method) == pytest.approx(row[key], abs=HALF_UNIT)


@pytest.mark.parametrize("row", fixtures())
def test_published_odds_ratios(row: dict[str, Any]) -> None:
    c = odds_ratio(*row["counts"], method="wald", conf_level=0.95)
    # Half a unit of the third decimal that is printed.
    assert [c.estimate, c.low, c.high] == pytest.approx(row["odds_ratio"], abs=0.00051)


@pytest.mark.parametrize(
    ("name", "method", "digits", "published"),
    [("elektd_resp", "miettinen-nurminen", 1, (3.9, 24.2)),
     ("t1_resp56", "wald", 2, (2.11, 28.22)), ("t1_resp84", "wald", 2, (0.68, 27.67)),
     ("t2_resp", "wald", 2, (4.01, 30.60)), ("t3_resp", "wald", 2, (-0.28, 27.58))],
)  # fmt: skip
def test_which_method_a_trial_published(
    name: str, method: str, digits: int, published: tuple[float, float]
) -> None:
    for tried in ("miettinen-nurminen", "newcombe", "wald"):
        limits = in_points(PUBLISHED[name]["counts"], tried)
        found = tuple(round(v, digits) for v in limits)
        assert (found == published) == (tried == method)


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
    for measure, compare in ((risk_ratio, "ratio"), (odds_ratio, "odds-ratio")):
        plain = measure(*KETAMINE_TMS, method="miettinen-nurminen", conf_level=0.95)
        oracle = confint_proportions_2indep(
            *KETAMINE_TMS, compare=compare, method="score", correction=True
        )
        # statsmodels stops its root search at 1e-12 of the log odds ratio.
        assert (plain.low, plain.high) == pytest.approx(oracle, rel=1e-9)
    assert plain.estimate == pytest.approx((41 * 53) / (39 * 27), rel=1e-12)
    assert plain.high > R_RATES["miettinen_nurminen"]["OR"]["upper"] * 1.008


def test_newcombe_of_ratesci() -> None:
    c = risk_difference(*KETAMINE_TMS, method="newcombe", conf_level=0.95)
    expected = R_RATES["newcombe"]
    # A closed form: only the ten printed digits limit the agreement.
    assert (c.low, c.high) == pytest.approx((expected["lower"], expected["upper"]), abs=1e-10)


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


def test_recovered_ratio_by_hand() -> None:
    """One of four against two of four at z = 2, where Wilson limits have simple roots.

    p1 = .25 with limits .375 -+ .330719, p0 = .5 with .5 -+ .353553. With A = p1 p0 = .125 the
    lower limit is (A - sqrt(A^2 - l1 u0 (2 p1 - l1)(2 p0 - u0))) / (u0 (2 p0 - u0)); the upper
    limit has u1 and l0 in their place and the other sign.
    """
    level = 0.9544997361036416
    l1, u1 = (0.375 + s * math.sqrt(0.109375) for s in (-1, 1))
    l0, u0 = (0.5 + s * math.sqrt(0.125) for s in (-1, 1))
    low = (0.125 - math.sqrt(0.125**2 - l1 * u0 * (0.5 - l1) * (1 - u0))) / (u0 * (1 - u0))
    high = (0.125 + math.sqrt(0.125**2 - u1 * l0 * (0.5 - u1) * (1 - l0))) / (l0 * (1 - l0))
    c = risk_ratio(1, 4, 2, 4, method="newcombe", conf_level=level)
    assert (c.estimate, c.low, c.high) == pytest.approx((0.5, low, high), rel=1e-12)
    assert math.isnan(c.p_value)


def test_log_scale_wald_by_hand() -> None:
    """Six of ten against three of ten: ratio 2, var 1/6 - 1/10 + 1/3 - 1/10 = .3.

    Odds ratio (6 7) / (4 3) = 3.5, variance 1/6 + 1/4 + 1/3 + 1/7 = 25/28.
    """
    for measure, estimate, variance in ((risk_ratio, 2.0, 0.3), (odds_ratio, 3.5, 25 / 28)):
        c = measure(6, 10, 3, 10, method="wald", conf_level=0.9544997361036416)
        spread = math.exp(2 * math.sqrt(variance))
        expected = (estimate, estimate / spread, estimate * spread, math.sqrt(variance))
        assert (c.estimate, c.low, c.high, c.std_error) == pytest.approx(expected, rel=1e-12)
        assert c.statistic == pytest.approx(math.log(estimate) / math.sqrt(variance), rel=1e-12)


# Sixty-digit arithmetic: the constrained estimate by halving the likelihood equation, the limit by
# halving the score. No closed form of the library is used; 14 digits are kept.
EXACT = [
    (risk_difference, (3, 10**6, 1, 10**6), (-2.9104062046089e-06, 7.9248252621719e-06)),
    (risk_ratio, (3, 10**6, 1, 10**6), (0.42988312517319, 20.935943494912)),
    (odds_ratio, (3, 10**6, 1, 10**6), (0.4298822087127, 20.936031261461)),
    (risk_difference, (999_999, 10**6, 999_990, 10**6), (3.1388378479216e-06, 1.7520467965022e-05)),
    (risk_ratio, (999_999, 10**6, 999_990, 10**6), (1.0000031388608, 1.0000175207891)),
    (odds_ratio, (999_999, 10**6, 999_990, 10**6), (1.6500103537627, 60.606698137059)),
    (risk_difference, (1, 553_934, 236_635, 236_637), (-0.99999659440931, -0.9999671994435)),
    (risk_ratio, (1, 553_934, 236_635, 236_637), (3.1867682788133e-07, 1.0226753748922e-05)),
    (odds_ratio, (506_107, 506_108, 1, 550_196), (20941448931.739, 3702637879419.5)),
]


@pytest.mark.parametrize(("measure", "table", "limits"), EXACT)
@pytest.mark.parametrize("whole", [int, np.int64])
def test_score_limits_at_the_edge_of_a_million(
    measure: Any, table: tuple[int, ...], limits: tuple[float, float], whole: Any
) -> None:
    c = measure(*map(whole, table), method="miettinen-nurminen", conf_level=0.95)
    # The accuracy that is promised; most digits are lost by rates within 1e-6 of 0 or 1.
    assert (c.low, c.high) == pytest.approx(limits, rel=1e-10)


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
    ends = (-forth.high, -forth.low)
    assert (back.low, back.high) == pytest.approx(ends, abs=1e-8, nan_ok=True)
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
    ratio = risk_ratio(5, 10, 0, 12, **mn)
    assert ratio.estimate == ratio.high == math.inf
    assert 1 < ratio.low < math.inf
    flipped = risk_ratio(0, 12, 5, 10, **mn)
    assert (flipped.estimate, flipped.low) == (0.0, 0.0)
    assert flipped.high == pytest.approx(1 / ratio.low, rel=1e-9)
    nothing = odds_ratio(0, 10, 0, 12, **mn)
    assert (math.isnan(nothing.estimate), nothing.low, nothing.high) == (True, 0.0, math.inf)
    assert math.isnan(risk_ratio(5, 10, 0, 12, method="wald", conf_level=0.95).low)


@settings(max_examples=200, deadline=None)
@given(counts, st.sampled_from(METHODS), st.sampled_from(MEASURES))
def test_estimates_turn_around_too(
    table: tuple[int, int, int, int], method: str, measure: Any
) -> None:
    forth, back = (
        measure(*t, method=method, conf_level=0.95) for t in (table, table[2:] + table[:2])
    )
    assume(not math.isnan(forth.estimate))
    turned = -forth.estimate if measure is risk_difference else 1 / (forth.estimate or math.ulp(0))
    if math.isfinite(turned):
        # A quotient and the quotient turned over; "gart" searches each with its own bracket.
        assert back.estimate == pytest.approx(turned, rel=1e-9, abs=1e-12)
    else:
        assert back.estimate == math.inf
    assert back.std_error == pytest.approx(forth.std_error, rel=1e-9, nan_ok=True)
    assert back.p_value == pytest.approx(forth.p_value, rel=1e-6, abs=1e-12, nan_ok=True)


def test_equal_rates_at_the_ends() -> None:
    for table in ((0, 10, 0, 12), (10, 10, 12, 12)):
        wald = risk_difference(*table, method="wald", conf_level=0.95)
        # Rates of 0 or 1 have no Wald error: limits that meet would claim to know them.
        assert wald.estimate == 0
        assert all(math.isnan(v) for v in (wald.std_error, wald.low, wald.high, wald.p_value))
        for measure in MEASURES:  # the score test of no difference is one test
            score = measure(*table, method="miettinen-nurminen", conf_level=0.95)
            assert score.p_value == 1
            assert measure is not risk_difference or -1 < score.low < 0 < score.high < 1
    every = risk_ratio(10, 10, 12, 12, method="miettinen-nurminen", conf_level=0.95)
    assert 0 < every.low < 1 < every.high < math.inf
    assert math.isnan(every.std_error)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("method", METHODS)
def test_nobody_in_a_group_and_all_against_none(measure: Any, method: str) -> None:
    for table in ((0, 0, 3, 9), (3, 9, 0, 0), (0, 0, 0, 0)):
        c = measure(*table, method=method, conf_level=0.95)
        assert all(math.isnan(v) for v in (c.estimate, c.std_error, c.low, c.high, c.p_value))
    c = measure(10, 10, 0, 12, method=method, conf_level=0.95)
    assert c.estimate == (1 if measure is risk_difference else math.inf)
    if method in ("miettinen-nurminen", "gart"):
        assert c.low > 0
        assert c.high == c.estimate


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    ("x1", "method", "level", "message"),
    [(1, "walld", 0.95, "Did you mean 'wald'"), (1, "wald", 95, "conf_level"),
     (5, "wald", 0.95, "whole numbers")],
)  # fmt: skip
def test_refused(measure: Any, x1: int, method: str, level: float, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        measure(x1, 4, 2, 4, method=method, conf_level=level)
