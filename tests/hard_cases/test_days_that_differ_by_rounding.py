"""28.1 - 14.1 days and 14 days are one time, as R's survival package has it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import trdstats as trd
from trdstats.outcomes.episodes.start_stop import value_at


def table(time: np.ndarray) -> pd.DataFrame:
    n = len(time)
    return pd.DataFrame(
        {
            "subject": np.arange(n),
            "treatment": np.where(np.arange(n) % 2, "A", "B"),
            "time": time,
            "status": (np.arange(n) % 3 > 0).astype(int),
            "age": 40.0 + np.arange(n) % 17,
        }
    )


def test_differences_of_days_are_one_time() -> None:
    assert 28.1 - 14.1 != 14.0
    times = trd.EventTimes(table(np.array([28.1 - 14.1, 14.0, 14.0, 28.3 - 14.3, 7.5, 7.5])))
    assert len(times.frame["time"].unique()) == 2


WHOLE = np.repeat(np.arange(3.0, 33.0), 4) + 0.5


@pytest.mark.parametrize(
    "fit",
    [
        pytest.param(lambda t: trd.KaplanMeier().fit(t), id="KaplanMeier"),
        pytest.param(lambda t: trd.CoxPH("treatment + age").fit(t), id="CoxPH"),
        pytest.param(lambda t: trd.RMST(tau=20).fit(t), id="RMST"),
        pytest.param(lambda t: trd.LogRank().fit(t), id="LogRank"),
    ],
)
def test_rounding_of_days_changes_no_estimate(fit: object) -> None:
    rng = np.random.default_rng(0)
    noise = rng.uniform(-1, 1, len(WHOLE)) * 1e-12
    exact, near = (trd.EventTimes(table(t)) for t in (WHOLE, WHOLE + noise))
    a, b = (fit(t).glance() for t in (exact, near))  # type: ignore[operator]
    numbers = a.select_dtypes("number").columns
    assert_allclose(a[numbers], b[numbers], rtol=1e-9)


@given(st.lists(st.integers(0, 400), min_size=2, max_size=30), st.integers(0, 9))
def test_times_further_apart_stay_apart(days: list[int], seed: int) -> None:
    """A second is a hundred times the tolerance of days of a year."""
    time = np.array(days) + np.random.default_rng(seed).integers(1, 86_400, len(days)) / 86_400
    times = trd.EventTimes(table(time))
    assert_allclose(times.frame["time"], time, rtol=0)


def test_entry_stays_below_the_time() -> None:
    frame = table(np.array([7.5, 7.5 + 1e-12, 14.25])).assign(entry=[0.0, 7.5, 0.0])
    times = trd.EventTimes(frame)
    assert (times.frame["entry"] < times.frame["time"]).all()


def test_subdistribution_predictions_end_with_follow_up() -> None:
    study = trd.load_sample("trial")
    times = trd.time_to(study, trd.Response(), competing="left follow-up")
    fit = trd.FineGray("treatment").fit(times)
    last = float(times.frame["time"].max())
    rows = fit.predict(pd.DataFrame({"treatment": ["TMS"]}), [28, last, last + 1])
    assert rows["estimate"].isna().tolist() == [False, False, True]


def spans(cut: float) -> pd.DataFrame:
    """Episodes of 120 subjects, each cut once before the end, with ties at half days."""
    stop = WHOLE
    start = np.zeros(len(stop))
    n = len(stop)
    arm = np.where(np.arange(n) % 2, "A", "B")
    first = pd.DataFrame({"subject": np.arange(n), "treatment": arm, "start": start, "stop": cut,
                          "status": 0, "low": 0.0})  # fmt: skip
    second = first.assign(start=cut, stop=stop, status=(np.arange(n) % 3), low=1.0 * (arm == "A"))
    return pd.concat([first, second.assign(low=np.arange(n) % 5)], ignore_index=True)


def test_rounding_of_days_changes_no_estimate_of_episodes() -> None:
    exact = spans(2.25)
    rng = np.random.default_rng(1)
    near = exact.assign(
        start=exact["start"].where(exact["start"] == 0, exact["start"] + rng.uniform(0, 1e-12)),
        stop=exact["stop"] + rng.uniform(-1, 1, len(exact)) * 1e-12,
    )
    a, b = trd.Episodes(exact), trd.Episodes(near)
    assert len(a.frame["stop"].unique()) == len(b.frame["stop"].unique())
    for fit in (
        lambda e: trd.CoxPH("treatment + low").fit(e),
        lambda e: trd.FineGray("treatment").fit(e),
        lambda e: trd.AalenJohansen().fit(e),
        lambda e: trd.MeanCumulative().fit(e),
    ):
        rows = [fit(e).tidy().select_dtypes("number") for e in (a, b)]  # type: ignore[no-untyped-call]
        assert_allclose(rows[0], rows[1], rtol=1e-9)


def test_rows_that_touch_but_for_rounding_do_not_overlap() -> None:
    assert 28.1 - 14.1 > 14.0
    episodes = trd.Episodes(
        pd.DataFrame(
            {"subject": ["A", "A"], "treatment": "ECT", "start": [0, 14.0],
             "stop": [28.1 - 14.1, 20.5], "status": [0, 1]}
        )
    )  # fmt: skip
    assert episodes.frame["start"].tolist() == [0, 14.0]
    assert episodes.frame["stop"].tolist() == [14.0, 20.5]


def test_gaps_that_differ_by_rounding_are_one_time() -> None:
    frame = pd.DataFrame(
        {"subject": ["A", "A", "B", "B"], "treatment": "ECT", "start": [0, 14.1, 0, 7.0],
         "stop": [14.1, 28.1, 7.0, 21.0], "status": 1}
    )  # fmt: skip
    stop = trd.Episodes(frame).gap_time().frame["stop"]
    assert stop.tolist() == [14.1, 14.0, 7.0, 14.0]


def test_short_episodes_keep_their_days() -> None:
    frame = pd.DataFrame(
        {"subject": ["A", "A", "A"], "treatment": "ECT", "start": [0, 7.5, 7.5 + 1e-12],
         "stop": [7.5, 7.5 + 1e-12, 9.0], "status": [0, 0, 1]}
    )  # fmt: skip
    made = trd.Episodes(frame).frame
    assert made["start"].tolist() == frame["start"].tolist()
    assert made["stop"].tolist() == frame["stop"].tolist()


def study_of_fractions() -> trd.Study:
    """Return visits whose distance from the first response is whole but for rounding."""
    visits = pd.DataFrame(
        {"subject": ["A"] * 4 + ["B"] * 4, "day": [0, 14.1, 28.1, 42.1, 0, 7.0, 21.0, 35.0],
         "treatment": ["ECT"] * 4 + ["TMS"] * 4, "score": [30, 10, 12, 28, 30, 11, 14, 29],
         "dose": [1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0]}
    )  # fmt: skip
    return trd.Study(visits, scale="MADRS")


def test_start_stop_cuts_at_one_day() -> None:
    episodes = trd.start_stop(
        study_of_fractions(), trd.LossOfResponse(), ["dose"], since=trd.Response()
    ).frame
    assert episodes["start"].tolist() == [0, 14.0, 0, 14.0]
    assert episodes["dose"].tolist() == [2.0, 3.0, 2.0, 3.0]
    assert episodes["stop"].tolist() == [14.0, 28.0, 14.0, 28.0]


@pytest.mark.parametrize("day", [0.1 + 28.0, 14.1 + 14.0, 0.3 + 14.0])
def test_a_value_counts_from_its_day_on(day: float) -> None:
    change = pd.DataFrame({"subject": ["A"], "day": [day], "value": [1.0]})
    at = np.array([np.nextafter(day, 0), day, np.nextafter(day, 99)])
    who = pd.Series(["A", "A", "A"])
    assert value_at(who, at, change).tolist() == [1, 1, 1]
    assert value_at(who, at, change, before=True).isna().all()


def stays(day: float) -> pd.DataFrame:
    return pd.DataFrame(
        {"subject": ["A", "A", "B", "B"], "treatment": "ECT", "start": [0, 14.0, 0, 14.0],
         "stop": [28.1 - 14.1, 28.0, day, 28.0],
         "state": ["not responding", "in response"] * 2, "to": ["in response", "relapsed"] * 2}
    )  # fmt: skip


def test_stays_that_touch_but_for_rounding_follow_each_other() -> None:
    visits = pd.DataFrame({"subject": ["A", "B"], "day": [14.0, 28.1 - 14.1]})
    history = trd.ResponseHistory(stays(14.0), visits=visits)
    assert history.frame["stop"].tolist() == [14.0, 28.0] * 2
    assert history.frame["right"].tolist() == [14.0, 28.0] * 2
    assert history.visits["day"].tolist() == [14.0, 14.0]
    same = trd.ResponseHistory(stays(14.0).assign(stop=[14.0, 28.0] * 2))
    a, b = (trd.ResponseState(tau=28).fit(h).tidy() for h in (history, same))
    pd.testing.assert_frame_equal(a, b)
