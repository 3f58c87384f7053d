"""What must hold for any data: relations between estimators, influence, invariance, refusals."""

from __future__ import annotations

import pickle
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines.statistics import multivariate_logrank_test

from trdstats import (
    RMST,
    AalenJohansen,
    EventTimes,
    KaplanMeier,
    LogRank,
    Response,
    Study,
    time_to,
)
from trdstats.errors import NotEstimableError, SpecError, UnknownNameError


def times_of(time: Any, status: Any, arm: Any = None, **columns: Any) -> EventTimes:
    n = len(time)
    frame = pd.DataFrame(
        {"subject": range(n), "treatment": ["a"] * n if arm is None else arm, "time": time,
         "status": status, **columns}
    )  # fmt: skip
    return EventTimes(frame, causes={1: "relapse", 2: "left"})


def simulated(seed: int, n: int = 60, *, causes: int = 1, ties: bool = True) -> EventTimes:
    rng = np.random.default_rng(seed)
    time = rng.integers(1, 20, n) if ties else rng.permutation(n) + 1.0
    arm = np.where(np.arange(n) % 2, "a", "b")
    return times_of(time, rng.integers(0, causes + 1, n), arm)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_without_censoring_the_curve_is_the_empirical_one(seed: int) -> None:
    times = simulated(seed)
    frame = times.frame.assign(status=1, right=times.frame["time"])
    fit = KaplanMeier(by=None).fit(EventTimes(frame))
    at = np.arange(0, 21)
    expected = [(frame["time"] > t).mean() for t in at]
    assert fit.at(at)["estimate"].to_numpy() == pytest.approx(expected, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_one_cause_is_one_minus_kaplan_meier(seed: int, ties: bool) -> None:
    times = simulated(seed, ties=ties)
    incidence = AalenJohansen().fit(times).tidy()
    incidence = incidence[incidence["cause"] == "relapse"]
    survival = KaplanMeier().fit(times).tidy()
    assert incidence["estimate"].to_numpy() == pytest.approx(1 - survival["estimate"], abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_incidences_and_survival_sum_to_one(seed: int) -> None:
    times = simulated(seed, causes=2)
    incidence = AalenJohansen(by=None).fit(times).tidy()
    total = incidence.groupby("time")["estimate"].sum().to_numpy()
    frame = times.frame
    any_cause = EventTimes(
        frame.assign(
            status=(frame["status"] > 0).astype(int),
            right=frame["time"].where(frame["status"] > 0, np.inf),
        )
    )
    survival = KaplanMeier(by=None).fit(any_cause).tidy()["estimate"].to_numpy()
    assert total + survival == pytest.approx(np.ones(len(total)), abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_log_rank_of_lifelines(seed: int) -> None:
    times = simulated(seed)
    frame = times.frame
    expected = multivariate_logrank_test(
        frame["time"], frame["treatment"].astype(str), frame["status"]
    )
    got = LogRank().fit(times).glance().iloc[0]
    assert got["statistic"] == pytest.approx(expected.test_statistic, rel=1e-9, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_order_of_rows_and_names_of_arms_do_not_matter(seed: int) -> None:
    times = simulated(seed, causes=2)
    shuffled = EventTimes(times.frame.sample(frac=1, random_state=seed))
    renamed = EventTimes(
        times.frame.assign(treatment=times.frame["treatment"].map({"a": "z", "b": "y"}).astype(str))
    )
    a, b, c = (LogRank().fit(t).glance()["statistic"].item() for t in (times, shuffled, renamed))
    assert a == pytest.approx(b, rel=1e-10)
    assert a == pytest.approx(c, rel=1e-10)
    means = [RMST(tau=5).fit(t).tidy()["estimate"].iloc[:2].to_numpy() for t in (times, shuffled)]
    assert means[0] == pytest.approx(means[1], rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.5, 2.0, 24.0]))
def test_changing_the_unit_of_time(seed: int, factor: float) -> None:
    times = simulated(seed)
    frame = times.frame
    scaled = EventTimes(frame.assign(**{c: frame[c] * factor for c in ("time", "left", "right")}))
    a = RMST(tau=6).fit(times).tidy()
    b = RMST(tau=6 * factor).fit(scaled).tidy()
    means = a["measure"] == "restricted mean"
    assert (b["estimate"] / a["estimate"])[means].to_numpy() == pytest.approx(
        [factor] * 2, rel=1e-12
    )
    ratios = a["measure"] == "ratio"
    assert b["conf_low"][ratios].to_numpy() == pytest.approx(
        a["conf_low"][ratios].to_numpy(), rel=1e-9, nan_ok=True
    )


@pytest.mark.parametrize("seed", range(5))
def test_influence_is_the_derivative_with_respect_to_weight(seed: int) -> None:
    """Repeat one subject: the estimate moves by its influence, up to terms of order 1 / n^2."""
    n = 400
    times = simulated(seed, n=n, causes=2)
    frame = times.frame.assign(treatment="a")
    for spec, call in (
        (KaplanMeier(), lambda f: f.at([5])["estimate"].item()),
        (AalenJohansen(), lambda f: f.at([5])["estimate"].iloc[0]),
        (RMST(tau=5), lambda f: f.tidy()["estimate"].iloc[0]),
    ):
        fit = spec.fit(EventTimes(frame))
        influence = (fit.influence() if isinstance(spec, RMST) else fit.influence([5])).iloc[:, 1]
        assert influence.sum() == pytest.approx(0, abs=1e-12)
        for i in (0, 17, 123):
            more = pd.concat([frame, frame.iloc[[i]].assign(subject=-1)])
            moved = call(spec.fit(EventTimes(more))) - call(fit)
            assert moved == pytest.approx(influence.iloc[i], abs=12 * 5 / n**2)


@pytest.mark.parametrize("seed", range(3))
def test_influence_gives_the_standard_error(seed: int) -> None:
    times = simulated(seed, n=300, causes=2, ties=False)
    at = [40.0, 90.0]
    for fit in (KaplanMeier().fit(times), AalenJohansen().fit(times)):
        own = fit.at(at)
        if "cause" in own:
            own = own[own["cause"] == "relapse"]
        spread = np.sqrt((fit.influence(at).drop(columns="subject") ** 2).sum()).to_numpy()
        # Without ties the two differ in terms of order 1 / n at risk.
        assert spread == pytest.approx(own["std_error"].to_numpy(), rel=0.02)
    # Greenwood's formula is the sum of squared influences exactly.
    fit = KaplanMeier().fit(times)
    spread = np.sqrt((fit.influence(at).drop(columns="subject") ** 2).sum()).to_numpy()
    assert spread == pytest.approx(fit.at(at)["std_error"].to_numpy(), rel=1e-10)


def test_beyond_follow_up_nothing_is_known() -> None:
    fit = KaplanMeier().fit(times_of([1, 2, 3], [1, 1, 0]))
    assert np.isnan(fit.at([4])["estimate"].item())
    ended = KaplanMeier().fit(times_of([1, 2, 3], [1, 1, 1]))
    assert ended.at([4])["estimate"].item() == 0
    with pytest.raises(
        NotEstimableError, match=r"tau = 4 lies beyond the follow-up of a \(day 3\)"
    ):
        RMST(tau=4).fit(times_of([1, 2, 3], [1, 1, 0]))
    assert RMST(tau=4).fit(times_of([1, 2, 3], [1, 1, 1])).tidy()["estimate"].item() == 2


def test_a_treatment_nobody_had_looked_at() -> None:
    visits = pd.DataFrame(
        {"subject": list("AABB"), "treatment": ["ECT"] * 2 + ["VNS"] * 2, "day": [0, 28, 0, 90],
         "score": [30, 10, 30, 10]}
    )  # fmt: skip
    onset = time_to(Study(visits, scale="MADRS"), Response())
    with pytest.raises(
        NotEstimableError, match=r"No subject was assessed by day 28 under VNS \(day 90\)"
    ):
        RMST(tau=28).fit(onset)
    assert RMST(tau=28).fit(onset.only(["ECT"])).tidy()["estimate"].tolist() == [28]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda t: RMST(tau=0), SpecError, "tau must be a positive number of days"),
        (lambda t: RMST(tau=3, reference="c").fit(t), UnknownNameError, "Unknown group 'c'"),
        (lambda t: KaplanMeier(conf_type="loglog"), SpecError, "Did you mean 'log-log'"),  # type: ignore[arg-type]
        (lambda t: KaplanMeier(by="arm").fit(t), UnknownNameError, "Unknown column 'arm'"),
        (lambda t: LogRank(rho=-1), SpecError, "rho and gamma must be 0 or more"),
        (lambda t: LogRank(strata="site").fit(t), UnknownNameError, "Unknown column 'site'"),
        (lambda t: LogRank().fit(times_of([1, 2], [1, 0])), NotEstimableError, "needs two groups"),
        (lambda t: LogRank().fit(t).pairwise("tukey"), SpecError, "adjust must be one of"),
        (lambda t: AalenJohansen().fit(t).influence([3], cause=5), UnknownNameError, "cause '5'"),
        (
            lambda t: KaplanMeier().fit(times_of([0, 0], [0, 0])),
            NotEstimableError,
            "No subject has",
        ),
        (lambda t: KaplanMeier(conf_level=95), SpecError, "conf_level must lie between"),
    ],
)
def test_refusals(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(simulated(1))


def test_pairwise_is_adjusted(trial: Study) -> None:
    onset = time_to(trial, Response())
    frame = LogRank().fit(onset).pairwise()
    p = frame["p_value"].to_numpy()
    # Holm by hand: sorted p times 3, 2, 1, made monotone.
    expected = np.maximum.accumulate(np.sort(p) * [3, 2, 1])[np.argsort(np.argsort(p))]
    assert frame["p_adjusted"].to_numpy() == pytest.approx(expected, rel=1e-12)
    assert LogRank().fit(onset).pairwise("none")["p_adjusted"].tolist() == p.tolist()


def test_results_pickle_and_introduce_themselves(trial: Study) -> None:
    onset = time_to(trial, Response())
    for result in (
        KaplanMeier().fit(onset), LogRank().fit(onset), RMST(28).fit(onset),
        AalenJohansen().fit(onset),
    ):  # fmt: skip
        assert repr(pickle.loads(pickle.dumps(result))) == repr(result)
        assert "224 with follow-up" in repr(result)
        assert "224 with follow-up" in result._repr_html_()
        assert "0x" not in repr(result)


def test_curves_can_be_drawn(trial: Study) -> None:
    onset = time_to(trial, Response())
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5))
    assert KaplanMeier().fit(onset).plot(left) is left
    assert AalenJohansen().fit(onset).plot(right) is right
    assert "Response" in left.get_ylabel()
    plt.close(figure)
    figure, ax = plt.subplots()
    assert RMST(28).fit(onset).plot(ax) is ax
    plt.close(figure)


def test_a_plain_frame_is_enough() -> None:
    frame = pd.DataFrame(
        {"subject": [1, 2, 3], "treatment": ["a", "a", "b"], "time": [3, 5, 4], "status": [1, 0, 1]}
    )
    assert KaplanMeier().fit(frame).at([4])["estimate"].tolist() == [0.5, 0.0]


@pytest.mark.parametrize("conf_type", ["log-log", "log", "plain"])
def test_intervals_hold_the_estimate(trial: Study, conf_type: Any) -> None:
    curve = KaplanMeier(conf_type=conf_type).fit(time_to(trial, Response())).tidy().dropna()
    assert (curve["conf_low"] <= curve["estimate"]).all()
    assert (curve["estimate"] <= curve["conf_high"]).all()
    assert curve["conf_low"].between(0, 1).all()
    assert curve["conf_high"].between(0, 1).all()


def test_subjects_without_a_group_are_counted() -> None:
    times = times_of([1, 2, 3], [1, 1, 0], site=["x", None, "y"])
    fit = KaplanMeier(by="site").fit(times)
    assert fit.glance()["n"].item() == 2
    assert "1 whose group is missing" in repr(fit)
