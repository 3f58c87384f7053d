"""What must hold of accelerated failure time and mixture cure models for any data."""

from __future__ import annotations

import pickle
import re
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import GeneralizedGammaFitter, LogLogisticAFTFitter, WeibullAFTFitter
from scipy import stats

from trdstats import AFT, EventTimes, MixtureCure, Response, Study, time_to
from trdstats.errors import (
    DataError,
    EstimateWarning,
    NotEstimableError,
    SpecError,
    UnknownNameError,
)

DISTRIBUTIONS = ("exponential", "weibull", "log-normal", "log-logistic", "generalised gamma")
CURE = ("weibull", "log-normal", "log-logistic")
ARMS = ["treatment[T.ECT]", "treatment[T.ketamine]"]


def simulated(
    seed: int, n: int = 90, *, never: float = 0.0, unit: float = 1.0, last: float = 60.0
) -> EventTimes:
    """Return times of two arms seen every week or so, some exactly, some not at all."""
    rng = np.random.default_rng(seed)
    arm = np.where(np.arange(n) % 2, "b", "a")
    age = rng.normal(40, 10, n).round(1)
    time = np.exp(2.5 - 0.5 * (arm == "b") + 0.01 * age) * rng.weibull(1.3, n) / 2
    time[rng.random(n) < never] = np.inf
    visits = np.cumsum(rng.uniform(3, 10, (n, 14)), axis=1)
    visits = np.column_stack([np.zeros(n), np.minimum(visits, last)])
    place = [int(np.searchsorted(v, t)) for v, t in zip(visits, time, strict=True)]
    seen = np.array([k < visits.shape[1] for k in place]) & (time <= last)
    left = np.array([v[k - 1] for v, k in zip(visits, place, strict=True)])
    left = np.where(seen, left, last)
    right = np.array([v[min(k, 14)] for v, k in zip(visits, place, strict=True)])
    right = np.where(seen, right, np.inf)
    exact = seen & (np.arange(n) % 7 == 0)
    left, right = np.where(exact, time, left), np.where(exact, time, right)
    frame = pd.DataFrame(
        {"subject": np.arange(n), "treatment": arm, "left": left * unit, "right": right * unit,
         "time": np.where(seen, right, left) * unit, "status": seen.astype(int), "age": age}
    )  # fmt: skip
    return EventTimes(frame, outcome="response")


def estimates(result: Any) -> np.ndarray:
    return np.asarray(result.tidy()["estimate"])


@pytest.fixture(scope="module")
def onset(trial: Study) -> EventTimes:
    return time_to(trial, Response())


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@settings(max_examples=5, deadline=None)
# None of these samples sends the shape of the generalised gamma to infinity.
@given(seed=st.integers(0, 10), factor=st.sampled_from([1 / 7, 24.0]))
def test_unit_of_time_and_order_of_rows(name: Any, seed: int, factor: float) -> None:
    a = AFT("treatment + age", name).fit(simulated(seed))
    b = AFT("treatment + age", name).fit(simulated(seed, unit=factor))
    moved = estimates(a).copy()
    moved[0] += np.log(factor)
    assert estimates(b) == pytest.approx(moved, rel=1e-6, abs=1e-7)
    # Errors of a generalised gamma rest on differences in Q, good to six digits or so.
    assert b.tidy()["std_error"].to_numpy() == pytest.approx(a.tidy()["std_error"], rel=1e-5)
    days = a.marginal(tau=30.0).tidy()["estimate"] * factor
    assert b.marginal(tau=30.0 * factor).tidy()["estimate"].to_numpy() == pytest.approx(
        days, rel=1e-6
    )
    shuffled = simulated(seed).frame.sample(frac=1, random_state=seed)
    c = AFT("treatment + age", name).fit(EventTimes(shuffled))
    assert estimates(c) == pytest.approx(estimates(a), rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("name", CURE)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**4))
def test_unit_of_time_and_order_of_rows_of_a_mixture(name: Any, seed: int) -> None:
    spec = MixtureCure("treatment", "treatment", name)
    times = simulated(seed, n=150, never=0.3)
    a = spec.fit(times)
    b = spec.fit(simulated(seed, n=150, never=0.3, unit=7.0))
    moved = estimates(a).copy()
    moved[2] += np.log(7)
    assert estimates(b) == pytest.approx(moved, rel=1e-7, abs=1e-8)
    c = spec.fit(EventTimes(times.frame.sample(frac=1, random_state=seed)))
    assert estimates(c) == pytest.approx(estimates(a), rel=1e-8, abs=1e-9)
    renamed = times.frame["treatment"].map({"a": "z", "b": "y"}).astype(str)
    d = spec.fit(EventTimes(times.frame.assign(treatment=renamed)))
    assert d.marginal().tidy().set_index(["treatment", "measure"]).loc[
        ("z", "ever"), "estimate"
    ] == (pytest.approx(a.marginal().tidy()["estimate"].iloc[0], rel=1e-8))


def test_generalised_gamma_holds_weibull_and_log_normal() -> None:
    times = simulated(4, n=200)
    full = AFT("treatment", "generalised gamma").fit(times)
    for name in ("weibull", "log-normal"):
        inner = AFT("treatment", name).fit(times)  # type: ignore[arg-type]
        assert full.glance()["loglik"].item() >= inner.glance()["loglik"].item()
    # The data are Weibull: Q = 1 lies inside its interval.
    row = full.tidy().iloc[-1]
    assert row["term"] == "Q"
    assert row["conf_low"] < 1 < row["conf_high"]


def exact_times(seed: int = 2, n: int = 120) -> tuple[EventTimes, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    arm = np.arange(n) % 2
    time = np.exp(2 + 0.6 * arm) * rng.weibull(1.5, n)
    end = rng.uniform(5, 40, n)
    frame = pd.DataFrame({"time": np.minimum(time, end), "status": (time <= end).astype(int)})
    frame["arm"] = arm
    named = frame.assign(subject=range(n), treatment=np.where(arm, "b", "a"))
    return EventTimes(named[["subject", "treatment", "time", "status"]]), frame


def test_lifelines_right_censored() -> None:
    """Lifelines stops a little below the maximum: three digits of its parameters are final."""
    times, frame = exact_times()
    for name, fitter in (("weibull", WeibullAFTFitter), ("log-logistic", LogLogisticAFTFitter)):
        peer = fitter().fit(frame, "time", "status")
        own = AFT("treatment", name).fit(times)  # type: ignore[arg-type]
        assert own.glance()["loglik"].item() == pytest.approx(peer.log_likelihood_, abs=1e-3)
        assert own.glance()["loglik"].item() >= peer.log_likelihood_
        location = peer.params_[{"weibull": "lambda_", "log-logistic": "alpha_"}[name]]
        shape = peer.params_[{"weibull": "rho_", "log-logistic": "beta_"}[name]]["Intercept"]
        expected = [location["Intercept"], location["arm"], -shape]
        assert estimates(own) == pytest.approx(expected, abs=5e-3)
        errors = peer.standard_errors_.to_numpy()
        assert sorted(own.tidy()["std_error"]) == pytest.approx(sorted(errors), rel=0.02)


def test_lifelines_interval_censored_and_generalised_gamma() -> None:
    times = simulated(6, n=150)
    frame = times.frame.assign(arm=(times.frame["treatment"] == "b").astype(float))
    both = frame[["left", "right", "arm"]].assign(left=lambda d: d["left"].clip(lower=1e-12))
    peer = WeibullAFTFitter().fit_interval_censoring(both, "left", "right")
    own = AFT("treatment").fit(times)
    assert own.glance()["loglik"].item() == pytest.approx(peer.log_likelihood_, abs=1e-5)
    peer = GeneralizedGammaFitter().fit_interval_censoring(both["left"], both["right"])
    own = AFT("1", "generalised gamma").fit(times)
    assert own.glance()["loglik"].item() == pytest.approx(peer.log_likelihood_, abs=1e-4)
    assert own.glance()["loglik"].item() >= peer.log_likelihood_ - 1e-9


def test_scipy_without_censoring() -> None:
    time = stats.lognorm(0.8, scale=9).rvs(50, random_state=np.random.default_rng(1))
    frame = pd.DataFrame({"subject": range(50), "treatment": "a", "time": time, "status": 1})
    row = AFT("1", "log-normal").fit(EventTimes(frame)).tidy()
    logs = np.log(time)
    assert row["estimate"].tolist() == pytest.approx([logs.mean(), np.log(logs.std())], rel=1e-10)
    assert row["std_error"].tolist() == pytest.approx(
        [logs.std() / np.sqrt(50), 1 / np.sqrt(100)], rel=1e-10
    )


@pytest.mark.parametrize("kind", ["aft", "cure"])
def test_weights_of_two_are_copies(kind: str) -> None:
    times = simulated(11, n=120, never=0.2)
    spec: Any = AFT("treatment + age") if kind == "aft" else MixtureCure("treatment", "age")
    w = 1 + (np.arange(120) % 4 == 0)
    frame = times.frame.assign(w=w)
    weighted = spec.fit(EventTimes(frame), weights="w")
    copies = frame.loc[np.repeat(frame.index, w)].assign(subject=range(int(w.sum())))
    repeated = spec.fit(EventTimes(copies))
    assert estimates(weighted) == pytest.approx(estimates(repeated), rel=1e-8, abs=1e-10)
    assert weighted.glance()["loglik"].item() == pytest.approx(
        repeated.glance()["loglik"].item(), rel=1e-12
    )
    assert "robust" in repr(weighted)
    # Errors are those of subjects, not of copies.
    effect = weighted.influence().drop(columns="subject").to_numpy()
    assert weighted.covariance.to_numpy() == pytest.approx(effect.T @ effect, rel=1e-10)
    same = spec.fit(times, weights=pd.Series(1.0, index=range(120)))
    assert estimates(same) == pytest.approx(estimates(spec.fit(times)), rel=1e-9, abs=1e-10)
    gone = frame.assign(w=(np.arange(120) >= 10).astype(float))
    fewer = spec.fit(EventTimes(frame.iloc[10:]))
    assert estimates(spec.fit(EventTimes(gone), weights="w")) == pytest.approx(
        estimates(fewer), rel=1e-8, abs=1e-9
    )


@pytest.mark.parametrize("kind", ["aft", "cure"])
def test_influence_is_the_change_when_a_subject_counts_more(kind: str) -> None:
    times = simulated(12, n=150, never=0.25)
    spec: Any = AFT("treatment") if kind == "aft" else MixtureCure("treatment", "1")
    base = spec.fit(times)
    effect = base.influence().drop(columns="subject")
    assert effect.sum().to_numpy() == pytest.approx(np.zeros(effect.shape[1]), abs=1e-9)
    for i in (0, 31, 77):
        w = np.ones(150)
        w[i] += 1e-5
        moved = spec.fit(times, weights=pd.Series(w, index=range(150)))
        change = (estimates(moved) - estimates(base)) / 1e-5
        assert change == pytest.approx(effect.iloc[i].to_numpy(), rel=1e-3, abs=1e-6)


def test_robust_errors_are_near_model_errors_where_the_model_holds() -> None:
    times = simulated(13, n=600)
    model, robust = (AFT("treatment", robust=r).fit(times).tidy() for r in (False, True))
    assert robust["estimate"].tolist() == model["estimate"].tolist()
    assert robust["std_error"].to_numpy() == pytest.approx(model["std_error"], rel=0.15)


def test_delayed_entry_undoes_truncation() -> None:
    """Those seen only if the event comes after entry: ignoring it would bias times upwards."""
    rng = np.random.default_rng(8)
    time, entry = 10 * rng.weibull(1.4, 6000), rng.uniform(0, 12, 6000)
    kept = time > entry
    frame = pd.DataFrame(
        {"subject": range(int(kept.sum())), "treatment": "a", "time": time[kept], "status": 1,
         "entry": entry[kept]}
    )  # fmt: skip
    good = AFT("1").fit(EventTimes(frame)).tidy()
    assert abs(good["estimate"].iloc[0] - np.log(10)) < 3 * good["std_error"].iloc[0]
    naive = AFT("1").fit(EventTimes(frame.drop(columns="entry"))).tidy()
    assert naive["estimate"].iloc[0] - np.log(10) > 5 * naive["std_error"].iloc[0]


def test_mixture_recovers_who_never_responds() -> None:
    times = simulated(21, n=3000, never=0.4, last=90.0)
    fit = MixtureCure("treatment", "treatment + age").fit(times)
    rows = fit.marginal(days=[0.0, 45.0]).tidy().set_index(["treatment", "measure", "time"])
    for arm in "ab":
        own = rows.loc[arm]
        assert own.loc["ever", "conf_low"].item() < 0.6 < own.loc["ever", "conf_high"].item()
        assert own.loc[("by day", 0.0), "estimate"] == 0
        assert own.loc[("by day", 45.0), "estimate"] < own.loc["ever", "estimate"].item()
    assert fit.glance()["late_proportion"].item() < 0.01
    latency = fit.tidy().query("part == 'latency'").set_index("term")
    assert abs(latency.loc["treatment[T.b]", "estimate"] + 0.5) < 0.15
    assert abs(latency.loc["age", "estimate"] - 0.01) < 0.01


def test_likelihood_ratio_tests(onset: EventTimes) -> None:
    spec = MixtureCure("treatment * age", "treatment + msm")
    fit = spec.fit(onset)
    loglik = fit.glance()["loglik"].item()
    for part, other, df in (
        ("incidence", MixtureCure("age", "treatment + msm"), 4),
        ("latency", MixtureCure("treatment * age", "msm"), 2),
        ("both", MixtureCure("age", "msm"), 6),
    ):
        row = fit.test("treatment", part=part).iloc[0]  # type: ignore[arg-type]
        expected = 2 * (loglik - other.fit(onset).glance()["loglik"].item())
        assert row["statistic"] == pytest.approx(expected, abs=1e-8)
        assert row["df"] == df
        assert row["p_value"] == pytest.approx(stats.chi2.sf(expected, df), rel=1e-8)
    weighted = spec.fit(onset, weights=pd.Series(1.0, index=onset.frame["subject"]))
    wald = weighted.test("treatment", part="latency").iloc[0]
    assert wald["method"] == "Wald, robust"
    terms = [f"latency {t}" for t in ARMS]
    b = weighted.tidy().query("part == 'latency'").set_index("term").loc[ARMS, "estimate"]
    V = weighted.covariance.loc[terms, terms].to_numpy()
    assert wald["statistic"] == pytest.approx(b @ np.linalg.solve(V, b), rel=1e-10)


def test_marginal_of_a_saturated_model_is_each_arms_own(onset: EventTimes) -> None:
    fit = AFT("treatment", "log-normal").fit(onset)
    rows = fit.marginal(days=[28.0]).tidy().set_index(["treatment", "measure"])
    beta = fit.tidy().set_index("term")
    medians = np.exp(beta.loc["Intercept", "estimate"] + np.array([0, *beta["estimate"].iloc[1:3]]))
    got = [rows.loc[(a, "median"), "estimate"] for a in onset.treatments]
    assert got == pytest.approx(medians.tolist(), rel=1e-10)
    # With only log-normal the limits of the median are those of the intercept.
    limits = np.exp(beta.loc["Intercept", ["conf_low", "conf_high"]].to_numpy(dtype=float))
    own = rows.loc[("TMS", "median"), ["conf_low", "conf_high"]].to_numpy(dtype=float)
    assert own == pytest.approx(limits, rel=1e-10)
    one = fit.predict(pd.DataFrame({"treatment": ["TMS", None]}), days=[28.0])
    assert one["estimate"].iloc[:2].tolist() == pytest.approx(
        rows.loc["TMS", "estimate"].tolist(), rel=1e-10
    )
    assert one["estimate"].iloc[2:].isna().all()


def test_standardised_curve_averages_the_predicted_ones(onset: EventTimes) -> None:
    fit = AFT("treatment + msm + age").fit(onset)
    frame = onset.at_risk()
    everyone = fit.predict(frame.assign(treatment="ECT"), days=[20.0])
    mean = everyone[everyone["measure"] == "survival"]["estimate"].mean()
    own = fit.marginal(days=[20.0]).tidy().query("treatment == 'ECT' and measure == 'survival'")
    assert own["estimate"].item() == pytest.approx(mean, rel=1e-12)


def changed(**columns: Any) -> EventTimes:
    times = simulated(1)
    return EventTimes(times.frame.assign(**columns), outcome="response")


def without_events(arm: str) -> EventTimes:
    frame = simulated(1).frame
    off = frame["treatment"] == arm
    return EventTimes(
        frame.assign(
            left=frame["left"].where(~off, 30.0),
            right=frame["right"].where(~off, np.inf),
            time=frame["time"].where(~off, 30.0),
            status=frame["status"].where(~off, 0),
        )
    )


def all_at_once(arm: str) -> EventTimes:
    frame = simulated(1).frame
    on = frame["treatment"] == arm
    return EventTimes(
        frame.assign(
            left=frame["left"].where(~on, 0.0),
            right=frame["right"].where(~on, 1.0),
            time=frame["time"].where(~on, 1.0),
            status=frame["status"].where(~on, 1),
        )
    )


def one_visit() -> EventTimes:
    """Two arms seen on day 20 only tell two shares, but a Weibull model has three parameters."""
    frame = simulated(1).frame
    hit = frame["right"] <= 20
    ends = {"left": np.where(hit, 0.0, 20.0), "right": np.where(hit, 20.0, np.inf)}
    return EventTimes(frame.assign(**ends, time=20.0, status=hit.astype(int)))


def event_at_zero() -> EventTimes:
    frame = simulated(1).frame.copy()
    frame.loc[[3, 5], ["left", "right", "time", "status"]] = [0.0, 0.0, 0.0, 1]
    return EventTimes(frame)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: AFT("treatment", "gompertz"), SpecError, "distribution must be one of"),  # type: ignore[arg-type]
        (lambda: AFT("treatment", "lognormal"), SpecError, "Did you mean 'log-normal'"),  # type: ignore[arg-type]
        (lambda: AFT("time ~ treatment"), SpecError, "names an outcome"),
        (lambda: AFT("treatment +"), SpecError, "cannot be read"),
        (lambda: AFT("1", conf_level=95), SpecError, "conf_level must lie between"),
        (lambda: AFT("treatmen").fit(simulated(1)), DataError, "treatmen"),
        (lambda: AFT("treatment").fit(without_events("b")), NotEstimableError,
         "No subject had the event where treatment = b"),
        (lambda: AFT("treatment").fit(without_events("a")), NotEstimableError, "treatment = a"),
        (lambda: AFT("treatment").fit(all_at_once("b")), NotEstimableError,
         r"no single maximum: treatment\[T.b\] can change without end"),
        (lambda: AFT("treatment").fit(one_visit()), NotEstimableError,
         "can change without end(.|\n)*visits may be too few"),
        (lambda: AFT("1").fit(changed(right=np.inf, status=0)), NotEstimableError,
         "No subject had the event: the time to"),
        (lambda: AFT("treatment + age + twice").fit(changed(twice=lambda d: 2 * d["age"])),
         NotEstimableError, "twice"),
        (lambda: AFT("age").fit(changed(age=np.nan)), NotEstimableError,
         "No subject has all covariates: age"),
        (lambda: AFT("age").fit(
            changed(w=lambda d: d["subject"] % 2, age=lambda d: d["age"].where(d["w"] == 0)),
            weights="w",
        ), NotEstimableError, "No subject has all covariates: age"),
        (lambda: AFT("1").fit(event_at_zero()), DataError,
         r"2 events are dated at time 0 exactly(.|\n)*3; 5(.|\n)*interval \(0, right\]"),
        (lambda: AFT("1").fit(changed(left=-1.0)), DataError,
         "90 intervals begin before time 0"),
        (lambda: AFT("1").fit(changed(time=np.nan)), DataError, "missing, infinite or negative"),
        (lambda: AFT("1").fit(changed(left=500.0)), DataError, "reversed"),
        (lambda: AFT("age").fit(simulated(1)).marginal(), UnknownNameError, "'treatment'"),
        (lambda: AFT("age").fit(simulated(1)).marginal("age"), UnknownNameError, "'age'"),
        (lambda: AFT("treatment").fit(simulated(1)).marginal(days=[-1]), SpecError, "from 0 on"),
        (lambda: AFT("treatment").fit(simulated(1)).marginal(tau=0), SpecError, "tau must be"),
        (lambda: AFT("treatment").fit(simulated(1)).predict(pd.DataFrame({"age": [1]})),
         UnknownNameError, "Unknown column 'treatment'"),
        (lambda: AFT("treatment").fit(simulated(1)).predict(pd.DataFrame({"treatment": ["c"]})),
         UnknownNameError, "'c'"),
        (lambda: AFT("treatment", "log-normal").fit(simulated(1)).hazard_ratios(),
         NotEstimableError, "not proportional"),
        (lambda: AFT("treatment").fit(simulated(1), weights="w"), UnknownNameError, "'w'"),
        (lambda: MixtureCure("1", "1", "exponential"), SpecError, "distribution must be one of"),  # type: ignore[arg-type]
        (lambda: MixtureCure("1", "y ~ 1"), SpecError, "names an outcome"),
        (lambda: MixtureCure("treatment", "1").fit(without_events("b")), NotEstimableError,
         "treatment = b"),
        (lambda: MixtureCure("1", "1").fit(simulated(1).only(["a"])), NotEstimableError,
         "All had the event"),
        (lambda: cure().test("treatment", part="all"), SpecError, "part must be one of"),
        (lambda: cure().test("age", part="incidence"), UnknownNameError, "of the incidence"),
        (lambda: cure().marginal("age"), UnknownNameError, "'age'"),
    ],
)  # fmt: skip
def test_refusals(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def cure() -> Any:
    return MixtureCure("treatment", "treatment + age").fit(simulated(3, n=150, never=0.3))


def test_short_follow_up_is_said() -> None:
    times = simulated(30, n=120, last=7.0)
    with pytest.warns(EstimateWarning, match="follow-up hardly tells"):
        fit = MixtureCure("treatment", "treatment").fit(times)
    assert not fit.glance()["identified"].item()
    assert fit.glance()["late_proportion"].item() > 0.1
    assert "expected to after day 7, the last visit" in repr(fit)
    assert "not identified" in repr(fit)


def one_event() -> EventTimes:
    frame = pd.DataFrame(
        {"subject": range(5), "treatment": "a", "left": [3, 9, 9, 9, 9],
         "right": [7, *[np.inf] * 4], "time": [7, 9, 9, 9, 9], "status": [1, 0, 0, 0, 0]}
    )  # fmt: skip
    return EventTimes(frame)


@pytest.mark.parametrize("times", [one_visit, one_event])
def test_too_little_to_tell_a_mixture(times: Any) -> None:
    with pytest.warns(EstimateWarning, match="not identified"):
        fit = MixtureCure("1", "1").fit(times())
    assert not fit.glance()["identified"].item()
    assert "not identified" in repr(fit)


def test_an_arm_in_which_everybody_responds() -> None:
    times = simulated(3, n=150, never=0.3)
    frame = times.frame
    hit = (frame["treatment"] == "b") & (frame["status"] == 0)
    frame = frame.assign(
        left=frame["left"].where(~hit, 5.0), right=frame["right"].where(~hit, 9.0),
        time=frame["time"].where(~hit, 9.0), status=frame["status"].where(~hit, 1),
    )  # fmt: skip
    with pytest.warns(
        EstimateWarning, match=r"0 or 1: incidence treatment\[T.b\] is not identified"
    ):
        fit = MixtureCure("treatment", "treatment").fit(EventTimes(frame))
    ever = fit.marginal().tidy().query("measure == 'ever'")["estimate"].to_numpy()
    assert ever[1] == pytest.approx(1, abs=1e-6)
    assert fit.tidy()["estimate"].isna().tolist() == [False, True, False, False, False]
    assert 0.5 < ever[0] < 0.9


@pytest.mark.parametrize("module", ["aft", "mixture_cure"])
def test_times_without_probability(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise FloatingPointError

    name = {"aft": "fit_aft", "mixture_cure": "fit_cure"}[module]
    monkeypatch.setattr(f"trdstats.survival.parametric.{module}.{name}", fail)
    spec: Any = AFT("1") if module == "aft" else MixtureCure("1", "1")
    with pytest.raises(NotEstimableError, match="so far from the others that weibull times"):
        spec.fit(simulated(3, never=0.3))


def test_missing_covariates_are_counted() -> None:
    times = changed(age=lambda d: d["age"].where(d["subject"] > 4))
    for spec in (AFT("treatment + age"), MixtureCure("treatment", "age")):
        frame = times.frame
        if isinstance(spec, MixtureCure):
            frame = simulated(3, never=0.3).frame.assign(age=frame["age"])
        fit = spec.fit(EventTimes(frame))
        assert fit.glance()["n"].item() == 85
        assert "5: a covariate is missing" in repr(fit)
        effect = fit.influence()
        assert len(effect) == 90
        assert (effect.iloc[:5, 1:] == 0).all(axis=None)


def test_competing_causes_count_as_censored() -> None:
    frame = simulated(3, never=0.3).frame
    other = frame["status"] == 0
    two = frame.assign(status=frame["status"].where(~other, 2), right=frame["right"])
    causes = {1: "event", 2: "other"}
    a, b = (AFT("treatment").fit(EventTimes(f, causes=causes)) for f in (frame, two))
    assert estimates(a).tolist() == estimates(b).tolist()


def test_results_pickle_and_introduce_themselves(onset: EventTimes) -> None:
    for spec in (AFT("treatment + msm"), MixtureCure("treatment", "treatment")):
        result = spec.fit(onset)
        assert repr(pickle.loads(pickle.dumps(result))) == repr(result)
        assert "224 with follow-up, 154 events" in repr(result)
        assert "224 with follow-up" in result._repr_html_()
        assert "0x" not in repr(result)
    text = repr(AFT("treatment", "log-normal").fit(onset))
    assert re.search(r"treatment\[T\.ketamine\] +-1\.\d{3} +0\.\d{3} +0\.\d\d +0\.\d\d to", text)
    assert "Distribution    log-normal" in text
    assert "dated at the visit" not in text


def test_curves_can_be_drawn(onset: EventTimes) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5))
    fit = AFT("treatment + msm", "log-normal").fit(onset)
    assert fit.plot(left) is left
    assert MixtureCure("treatment", "treatment").fit(onset).plot(right, title="Onset") is right
    assert "response" in left.get_ylabel().lower()
    assert right.get_title(loc="left") == "Onset" or right.get_title() == "Onset"
    line = left.get_lines()[0]
    day, share = line.get_xdata()[-1], line.get_ydata()[-1]
    own = fit.marginal(days=[float(day)]).tidy().query("measure == 'survival'")["estimate"]
    assert share == pytest.approx(1 - own.iloc[0], rel=1e-9)
    plt.close(figure)
