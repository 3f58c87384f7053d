"""Events at the origin are events at time 0: in the risk set, and in every denominator.

R values: R 4.2.2 with survival 3.5-3 and cmprsk 2.2-11 on Debian 12, the calls beside the numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trdstats import (
    IPCW,
    RMST,
    AalenJohansen,
    CoxPH,
    Event,
    EventTimes,
    FineGray,
    GrayTest,
    IntervalResponseState,
    KaplanMeier,
    LogRank,
    Relapse,
    Response,
    ResponseState,
    Study,
    Turnbull,
    landmark,
    response_history,
    time_to,
)

PRINTED = 2e-9  # ten printed digits


def times_of(time: Any, status: Any, treatment: Any = "A", **columns: Any) -> EventTimes:
    frame = {"subject": range(len(time)), "treatment": treatment, "time": time, "status": status}
    return EventTimes(pd.DataFrame({**frame, **columns}), causes={1: "response", 2: "death"})


def incidence(times: EventTimes, day: float) -> list[float]:
    """Return the incidence of each cause by a day."""
    values = AalenJohansen(by=None).fit(times).at([day])["estimate"].tolist()
    return [float(v) for v in values]


def test_competing_events_at_time_zero() -> None:
    # survfit(Surv(time, factor(status)) ~ 1): pstate at 1 and 5.
    times = times_of([0, 1, 2, 3, 4, 5], [2, 1, 0, 1, 2, 0])
    assert incidence(times, 1)[0] == pytest.approx(1 / 6)
    assert incidence(times, 5) == pytest.approx([7 / 18, 7 / 18])
    # Two causes at once, by hand: 1 of 4 each; then 1 of 2 of the half that is left.
    assert incidence(times_of([0, 0, 5, 5], [1, 2, 1, 0]), 5) == pytest.approx([0.5, 0.25])


def test_censored_at_time_zero_are_at_risk_of_an_event_there() -> None:
    # summary(survfit(Surv(c(0, 0, 5, 5), c(1, 0, 1, 0)) ~ 1)): 0.750 of 4, then 0.375 of 2.
    fit = KaplanMeier().fit(times_of([0, 0, 5, 5], [1, 0, 1, 0]))
    assert fit.tidy()["n_risk"].tolist() == [4, 2]
    assert fit.tidy()["estimate"].tolist() == pytest.approx([0.75, 0.375])
    assert "Never assessed  1 without a visit after the origin, at risk at time 0 only" in repr(fit)
    # Without an event at time 0 they carry nothing, and stay out of the risk set.
    fit = KaplanMeier().fit(times_of([0, 0, 5, 5], [0, 0, 1, 0]))
    assert fit.glance()[["n", "n_unseen"]].to_numpy().tolist() == [[2, 2]]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=2, max_size=14).filter(
        lambda rows: any(t > 0 or s > 0 for t, s in rows)
    )
)
def test_a_later_origin_changes_no_curve(rows: list[tuple[int, int]]) -> None:
    """An event at time 0 counts like an event on day 1 of clocks that start a day earlier."""
    time, status = (np.array(v) for v in zip(*rows, strict=True))
    here, later = times_of(time, status), times_of(time + 1.0, status)
    days = np.arange(5.0)
    for spec in (AalenJohansen(), KaplanMeier()):
        a, b = spec.fit(here).at(days), spec.fit(later).at(days + 1)
        if not len(b):
            continue
        columns = ["estimate", "std_error", "conf_low", "conf_high"]
        known = a["estimate"].notna()
        kinds = [1] if isinstance(spec, KaplanMeier) else [1, 2]
        if not np.isin(status[time == 0], kinds).any():  # nobody can have had it at the origin
            known &= a["time"] > 0
        np.testing.assert_allclose(a.loc[known, columns], b.loc[known, columns], atol=1e-12)


def drawn(seed: int, n: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "subject": range(n),
            "treatment": np.where(np.arange(n) % 2, "A", "B"),
            "time": rng.integers(0, 6, n).astype(float),
            "status": rng.integers(0, 3, n),
            "x": rng.normal(size=n),
        }
    )


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6))
def test_a_later_origin_changes_no_test_and_no_regression(seed: int) -> None:
    frame = drawn(seed)
    here, later = EventTimes(frame), EventTimes(frame.assign(time=frame["time"] + 1))
    for fit in (
        lambda t: LogRank().fit(t).glance()["statistic"].item(),
        lambda t: GrayTest().fit(t).tidy()["statistic"].to_numpy(),
        lambda t: CoxPH("treatment + x").fit(t).tidy()["estimate"].to_numpy(),
        lambda t: CoxPH("x", cause=2).fit(t).tidy()[["estimate", "std_error"]].to_numpy(),
        lambda t: FineGray("x").fit(t).tidy()[["estimate", "std_error"]].to_numpy(),
        lambda t: FineGray("treatment", cause=2).fit(t).tidy()["std_error"].to_numpy(),
        lambda t: Turnbull().fit(t).tidy()["mass"].to_numpy(),
    ):
        np.testing.assert_allclose(fit(here), fit(later), rtol=1e-6, atol=1e-8)
    a, b = (
        RMST(tau=tau).fit(t).tidy().query("measure == 'restricted mean'")["estimate"].to_numpy()
        for t, tau in ((here, 3), (later, 4))
    )
    np.testing.assert_allclose(a + 1, b)


GROUPS = np.repeat(["A", "B"], 6)
TIME = [0, 0, 5, 6, 7, 9, 0, 3, 4, 6, 8, 2]
STATUS = [1, 2, 1, 1, 0, 1, 0, 1, 1, 2, 1, 1]
X = [1.0, 2, 3, 4, 5, 2, 3, 1, 2, 4, 3, 1]


def test_regressions_and_tests_of_r() -> None:
    times = times_of(TIME, STATUS, GROUPS, x=X)
    # coxph(Surv(time, status == k) ~ x)
    got = [CoxPH("x", cause=k).fit(times).tidy()[["estimate", "std_error"]].iloc[0] for k in (1, 2)]
    assert got[0].tolist() == pytest.approx([-0.96581843119, 0.481131001489], rel=1e-8)
    assert got[1].tolist() == pytest.approx([-0.0704681123397, 0.622075005017], rel=1e-8)
    # crr(time + 1, status, x, failcode = 2). At time 0 itself crr takes the mean of G(0-) and G(0)
    # for G(0-): approx() averages over its two points at 0.
    got = FineGray("x", cause=2).fit(times).tidy()[["estimate", "std_error"]].iloc[0]
    assert got.tolist() == pytest.approx([0.229799453474, 0.397377891176], rel=1e-8)
    # cuminc(time, status, g)$Tests; survdiff(Surv(time, status == 1) ~ g)$chisq
    got = GrayTest().fit(times).tidy()["statistic"].tolist()
    assert got == pytest.approx([0.566903105814, 0.0], rel=PRINTED, abs=1e-12)
    assert LogRank().fit(times).glance()["statistic"].item() == pytest.approx(0.359363980063)
    # summary(survfit(Surv(time, status == 1) ~ g), times = c(0, 5))
    got = KaplanMeier().fit(times).at([0, 5])
    assert got["estimate"].tolist() == pytest.approx([5 / 6, 0.625, 1.0, 0.4])
    assert got["std_error"].tolist() == pytest.approx([0.15214515, 0.21347814, 0, 0.21908902])


def test_durability_of_the_trial_with_the_rows_of_time_zero(trial: Study) -> None:
    """cuminc, coxph and crr on all 154 responders, four of whom have time 0: two left then."""
    times = time_to(trial, Relapse(20, 2), since=Response(), competing="left follow-up")
    fit = AalenJohansen().fit(times)
    assert fit.glance()["n"].item() == 154
    got = fit.at([0, 28, 84])
    left = got[(got["cause"] == "left follow-up") & (got["treatment"] == "TMS")]
    assert left["estimate"].tolist() == pytest.approx(
        [0.04761904762, 0.07268170426, 0.12644110276], rel=PRINTED
    )
    assert (left["std_error"] ** 2).tolist() == pytest.approx(
        [0.00110613351, 0.0016768187355, 0.0029008566565], rel=5e-9
    )
    relapse = got[(got["cause"] != "left follow-up") & (got["treatment"] == "TMS")]
    assert relapse["estimate"].tolist() == pytest.approx(
        [0, 0.10025062657, 0.23154761905], rel=PRINTED
    )
    gray = GrayTest().fit(times).tidy()["statistic"].tolist()
    assert gray == pytest.approx([11.590108211, 1.589373958], rel=PRINTED)
    cox = CoxPH("treatment + msm + age", cause=2).fit(times).tidy()
    assert cox["estimate"].tolist() == pytest.approx(
        [-0.342477378687, -0.820778665641, 0.206717781296, 0.003064810815], rel=1e-8
    )


def visits(**scores: dict[float, float]) -> pd.DataFrame:
    rows = [
        {"subject": s, "treatment": "ECT", "day": d, "score": v}
        for s, own in scores.items()
        for d, v in own.items()
    ]
    return pd.DataFrame(rows)


def events(*rows: tuple[str, float, str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["subject", "day", "event"])


@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
def test_those_who_never_return_left() -> None:
    """Ten start, four never return, three respond: 0.30 and 0.40 of the ten."""
    scores = {f"P{i}": {0.0: 30.0} for i in range(10)}
    for i in range(4, 10):
        scores[f"P{i}"] |= {7.0: 12.0 if i < 7 else 25.0, 28.0: 10.0 if i < 7 else 25.0}
    times = time_to(Study(visits(**scores), scale="MADRS"), Response(), competing="left follow-up")
    assert AalenJohansen().fit(times).at([28])["estimate"].tolist() == pytest.approx([0.3, 0.4])
    frame = times.frame.assign(x=np.arange(10) % 2)
    fit = FineGray("x", cause=2).fit(EventTimes(frame)).glance()
    assert fit["events"].item() == 4


@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
def test_events_on_the_day_of_the_origin() -> None:
    scores = {s: {0.0: 30.0, 14.0: 10.0, 28.0: 9.0} for s in ("A", "B", "C", "D")}
    scores["D"] = {0.0: 30.0}
    study = Study(
        visits(**scores),
        scale="MADRS",
        events=events(
            ("A", 0.0, "hospitalisation"), ("B", 14.0, "hospitalisation"), ("D", 0.0, "death"),
            ("C", -3.0, "hospitalisation"),
        ),
    )  # fmt: skip
    first = time_to(study, Event(("hospitalisation",)), competing="death")
    assert first.frame[["time", "status"]].to_numpy().tolist() == [
        [0, 1], [14, 1], [28, 0], [0, 2],
    ]  # fmt: skip
    relapse = Relapse(22, events=("hospitalisation",))
    since = time_to(study, relapse, since=Response())
    assert since.frame[["subject", "time", "status"]].to_numpy().tolist() == [
        ["A", 14, 0], ["B", 0, 1], ["C", 14, 0],
    ]  # fmt: skip
    until = time_to(study, Response(), until="hospitalisation")
    assert until.frame[["time", "status"]].to_numpy().tolist() == [[0, 0], [14, 1], [14, 1], [0, 0]]


@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
def test_a_relapse_on_the_day_of_response_stays_in_the_history() -> None:
    scores = {f"P{i:02d}": {0.0: 30.0, 7.0: 20.0, 14.0: 10.0, 28.0: 9.0} for i in range(8)}
    study = Study(visits(**scores), scale="MADRS", events=events(("P00", 14.0, "hospitalisation")))
    history = response_history(study, Response(), Relapse(22, events=("hospitalisation",)))
    own = history.frame[history.frame["subject"] == "P00"]
    assert own[["start", "stop", "state", "to"]].to_numpy().tolist() == [
        [0, 14, "not responding", "in response"], [14, 14, "in response", "relapsed"],
    ]  # fmt: skip
    fit = ResponseState(tau=28).fit(history)
    assert fit.glance()[["responded", "relapsed"]].to_numpy().tolist() == [[8, 1]]
    assert fit.at([14, 20])["estimate"].tolist() == pytest.approx(
        [0, 0, 7 / 8, 7 / 8, 1 / 8, 1 / 8]
    )
    moved = fit.influence([20]).drop(columns="subject").to_numpy()
    assert moved.sum(axis=0) == pytest.approx(0, abs=1e-12)
    assert IntervalResponseState(tau=28).fit(history).glance()["relapsed"].item() == 1


def test_landmark_at_day_zero_counts_those_it_leaves_out() -> None:
    late = landmark(times_of(TIME, STATUS, GROUPS), 0)
    assert len(late.frame) == 9
    assert late.left_out["reason"].value_counts().to_dict() == {
        "an event by day 0": 2,
        "follow-up ended by day 0": 1,
    }


def test_ipcw_begins_with_the_event_at_time_zero() -> None:
    curve = IPCW("x", days=(3,)).fit(times_of(TIME, STATUS, GROUPS, x=X)).curves()
    own = curve[curve["treatment"] == "A"]
    assert own["time"].is_unique
    assert own["estimate"].iloc[0] == pytest.approx(5 / 6)
