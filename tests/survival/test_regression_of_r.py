"""Cox, Fine-Gray and Gray's test as R's survival and cmprsk compute them.

Tolerances: R printed ten significant digits. Closed forms and Newton's maxima are met to them;
cmprsk stops its search when the log-likelihood moves by less than 1e-6 of itself, so its
coefficients are its own to about 1e-6 only (its test statistic for them, to 1e-8).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trdstats import (
    CoxPH,
    EventTimes,
    FineGray,
    GrayTest,
    Relapse,
    Response,
    Study,
    time_to,
)

PRINTED = 2e-9
FORMULA = "treatment + msm + age"


@pytest.fixture(scope="module")
def onset(trial: Study) -> EventTimes:
    return time_to(trial, Response())


@pytest.fixture(scope="module")
def durability(trial: Study) -> EventTimes:
    # The R script left out the rows with time 0; tests/hard_cases/test_time_zero.py has them all.
    every = time_to(trial, Relapse(20, 2), since=Response(), competing="left follow-up")
    later = every.frame[every.frame["time"] > 0]
    return EventTimes(later, outcome=every.outcome, origin=every.origin, causes=every.causes)


def check_coefficients(fit: Any, expected: dict[str, Any], error: str) -> None:
    table = fit.tidy()
    for ours, theirs in (("estimate", "coef"), ("std_error", error), ("hazard_ratio", "exp(coef)"),
                         ("statistic", "z")):  # fmt: skip
        values = [row[theirs] for row in expected["coef"]]
        # coxph stops when the log-likelihood moves by less than 1e-9 of itself: a coefficient near
        # 0 is its own to about 1e-10.
        assert table[ours].tolist() == pytest.approx(values, rel=1e-8, abs=5e-10), ours
    limits = np.array(expected["conf"])[:, 2:]
    got = table[["hazard_ratio_low", "hazard_ratio_high"]].to_numpy()
    np.testing.assert_allclose(got, limits, rtol=1e-8)


def test_cox(onset: EventTimes, r_times: dict[str, Any]) -> None:
    expected = r_times["onset"]["cox_efron"]
    fit = CoxPH(FORMULA).fit(onset)
    check_coefficients(fit, expected, "se(coef)")
    summary = fit.glance().iloc[0]
    found = [summary["loglik_null"], summary["loglik"]]
    assert found == pytest.approx(expected["loglik"], rel=PRINTED)
    found = [summary["concordance"], summary["concordance_std_error"]]
    assert found == pytest.approx(expected["concordance"], rel=PRINTED)


def test_cox_with_robust_errors(onset: EventTimes, r_times: dict[str, Any]) -> None:
    expected = r_times["onset"]["cox_efron_robust"]
    check_coefficients(
        CoxPH(FORMULA, robust=True, correction="none").fit(onset), expected, "robust se"
    )
    # Every subject its own cluster is the same.
    check_coefficients(
        CoxPH(FORMULA, cluster="subject", correction="none").fit(onset), expected, "robust se"
    )


def test_proportional_hazards(onset: EventTimes, r_times: dict[str, Any]) -> None:
    expected = r_times["onset"]["cox_zph_km"]
    table = CoxPH(FORMULA).fit(onset).proportional_hazards("km").tidy()
    for ours, theirs in (("statistic", "chisq"), ("df", "df"), ("p_value", "p")):
        values = [row[theirs] for row in expected]
        assert table[ours].tolist() == pytest.approx(values, rel=1e-8), ours


def test_cause_specific_cox(durability: EventTimes, r_times: dict[str, Any]) -> None:
    expected = r_times["durability"]["cause_specific_cox"]
    fit = CoxPH(FORMULA).fit(durability)
    assert fit.glance()["n"].item() == r_times["durability"]["n"]
    check_coefficients(fit, expected, "se(coef)")
    summary = fit.glance().iloc[0]
    assert [summary["loglik_null"], summary["loglik"]] == pytest.approx(
        expected["loglik"], rel=PRINTED
    )
    assert [summary["concordance"], summary["concordance_std_error"]] == pytest.approx(
        expected["concordance"], rel=PRINTED
    )


def test_fine_gray(durability: EventTimes, r_times: dict[str, Any]) -> None:
    expected = r_times["durability"]["fine_gray"]
    fit = FineGray(FORMULA).fit(durability)
    table = fit.tidy()
    assert table["estimate"].tolist() == pytest.approx(expected["coef"], rel=1e-6)
    assert table["std_error"].tolist() == pytest.approx(expected["se"], rel=1e-6)
    assert fit.glance()["loglik"].item() == pytest.approx(expected["loglik"], rel=PRINTED)


def test_gray(durability: EventTimes, r_times: dict[str, Any]) -> None:
    table = GrayTest().fit(durability).tidy()
    for ours, theirs in (("statistic", "stat"), ("df", "df"), ("p_value", "pv")):
        values = [row[theirs] for row in r_times["durability"]["gray"]]
        assert table[ours].tolist() == pytest.approx(values, rel=PRINTED * 10), ours
