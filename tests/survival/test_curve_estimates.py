"""Curves hold estimates: their values on several days share subjects, and can be combined."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trdstats as trd
from trdstats.errors import SpecError

STUDY = trd.load_sample("trial")
ONSET = trd.time_to(STUDY, trd.Response())
RELAPSE = trd.Relapse(at_least=22)
DURABILITY = trd.time_to(STUDY, RELAPSE, since=trd.Response(), competing="left follow-up")
HISTORY = trd.response_history(STUDY, trd.Response(), RELAPSE)
RESULTS = {
    "kaplan-meier": trd.KaplanMeier().fit(ONSET),
    "aalen-johansen": trd.AalenJohansen().fit(DURABILITY),
    "states": trd.ResponseState(tau=84).fit(HISTORY),
    "interval states": trd.IntervalResponseState(tau=84, cuts=(28,)).fit(HISTORY),
    "standardised": trd.CoxPH("treatment + age").fit(ONSET).marginal(),
}


@given(st.integers(0, 10_000), st.floats(1, 15), st.floats(1, 15))
@settings(max_examples=30, deadline=None)
def test_days_of_a_curve_covary_as_greenwood_says(seed: int, a: float, b: float) -> None:
    # Cov(S(s), S(t)) = Var(S(s)) S(t) / S(s) for s < t (Greenwood).
    rng = np.random.default_rng(seed)
    n, (s, t) = 40, sorted((a, b))
    frame = pd.DataFrame(
        {"subject": range(n), "treatment": "x", "time": rng.integers(1, 20, n),
         "status": rng.integers(0, 2, n)}
    )  # fmt: skip
    found = trd.KaplanMeier().fit(frame).estimates([s, t])
    if not np.isfinite(found.std_error).all():
        return
    value = found.value
    assert found.covariance[0, 1] == pytest.approx(
        found.covariance[0, 0] * value[1] / value[0], rel=1e-8
    )


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_covariances_with_late_entry_and_causes_are_possible_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 60
    entry = rng.integers(0, 4, n).astype(float)
    frame = pd.DataFrame(
        {"subject": range(n), "treatment": rng.choice(["x", "y"], n), "entry": entry,
         "time": entry + rng.integers(1, 12, n), "status": rng.integers(0, 3, n)}
    )  # fmt: skip
    for spec in (trd.KaplanMeier(), trd.AalenJohansen()):
        found = spec.fit(frame).estimates([3, 6, 9])
        own = np.isfinite(found.std_error)
        V = found.covariance[np.ix_(own, own)]
        assert np.linalg.eigvalsh(V).min() > -1e-12


@pytest.mark.parametrize("name", RESULTS)
def test_estimates_are_what_the_tables_say(name: str) -> None:
    result = RESULTS[name]
    found = result.estimates(days=[14, 28])
    if name == "standardised":
        table, own = result.tidy().query("time in [14, 28]"), found
    else:
        table = result.at([14, 28])
        own = found.only(quantity="probability") if "states" in name else found
    for column in ("estimate", "std_error", "conf_low", "conf_high"):
        np.testing.assert_allclose(own.tidy()[column], table[column], rtol=1e-9, err_msg=column)
    narrow, wide = (own.tidy(conf_level=level)["conf_low"] for level in (0.5, 0.99))
    assert (narrow.dropna() > wide.dropna()).all()


@pytest.mark.parametrize("name", RESULTS)
def test_curves_compare_and_adjust(name: str) -> None:
    gaps = RESULTS[name].estimates(days=[28]).compare(reference="TMS")
    adjusted = gaps.adjust("max-t")
    known = gaps.tidy()["p_value"].notna()
    assert known.any()
    assert (adjusted.p_value[known] >= gaps.p_value[known] - 1e-12).all()


def test_three_outcomes_of_one_trial_are_judged_together() -> None:
    early = RESULTS["kaplan-meier"].estimates([28]).compare()
    days = trd.RMST(tau=84).fit(ONSET).estimates().only(measure="difference")
    states = RESULTS["states"].estimates().only(state="in response").compare()
    every = trd.joint(early, days, states)
    correlation = every.covariance / np.outer(every.std_error, every.std_error)
    # Who responds early has fewer days without response and more days in response.
    assert correlation[0, 2] > 0.5
    assert correlation[0, 4] < -0.5
    joint, holm = every.adjust("max-t").p_value, every.adjust("bonferroni").p_value
    assert (joint <= holm + 1e-9).all()
    assert (every.p_value <= joint + 1e-9).all()


def test_a_change_from_day_to_day() -> None:
    found = RESULTS["kaplan-meier"].estimates([14, 28], measure="incidence")
    change = found.only(treatment="TMS").contrast([-1, 1], ["more by day 28"])
    # Of those without response on day 14 a share q responds by day 28: S(14) q has variance
    # S(14)^2 Var(q) + q^2 Var(S(14)), the two being uncorrelated.
    n = len(ONSET.frame)
    assert change.std_error[0] < found.std_error[:2].max() * np.sqrt(2)
    assert change.value[0] == pytest.approx(found.value[1] - found.value[0])
    assert len(change.influence()) <= n


def test_days_are_numbers_however_written() -> None:
    found = RESULTS["kaplan-meier"].estimates([14, 28.5])
    assert found.labels()[:2] == ["TMS 14", "TMS 28.5"]
    assert len(found.only(time=14)) == len(found.only(time=14.0)) == 3


def test_what_is_missing_says_why() -> None:
    late = RESULTS["kaplan-meier"].estimates([0, 5000]).tidy()
    assert late["reason"].iloc[0] == "the value at the origin is known"
    assert late["reason"].str.contains("follow-up ends on day")[1::2].all()
    open_ = trd.Turnbull().fit(ONSET).estimates([10.5]).tidy()
    shut = open_["estimate"].notna()
    assert (open_["reason"].str.contains("leave it between") == ~shut).all()
    with pytest.raises(SpecError, match=r"days must hold at least one day, such as \[28\]"):
        RESULTS["kaplan-meier"].compare()


def test_summaries_name_a_group_without_a_standard_error() -> None:
    frame = pd.DataFrame(
        {"subject": range(8), "treatment": list("AAAABBBB"), "time": [3, 4, 9, 9, 9, 9, 9, 9],
         "status": [1, 1, 0, 0, 0, 0, 0, 0]}
    )  # fmt: skip
    assert "In B no subject or every subject had the outcome" in str(trd.KaplanMeier().fit(frame))
    causes = frame.assign(status=[1, 2, 0, 0, 1, 0, 0, 0])
    shown = str(trd.AalenJohansen().fit(causes))
    assert "In B (cause 2) no subject or every subject" in shown
    assert "In TMS" not in str(RESULTS["kaplan-meier"])
    states = pd.DataFrame(
        [(k, 0, 9, "not responding", "censored", "A") for k in "ab"]
        + [("c", 0, 3, "not responding", "in response", "B"),
           ("c", 3, 9, "in response", "censored", "B"),
           ("d", 0, 9, "not responding", "censored", "B")],
        columns=["subject", "start", "stop", "state", "to", "treatment"],
    )  # fmt: skip
    shown = str(trd.ResponseState(tau=9).fit(states))
    assert "A (in response)" in shown
    assert "B (in response)" not in shown
