"""28.1 - 14.1 days and 14 days are one time, as R's survival package has it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import trdstats as trd


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
