"""Few events: what has no maximum is refused in words, and errors that mean nothing are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import EstimateWarning, NotEstimableError


def _times(time: list[float], status: list[int], **columns: Any) -> pd.DataFrame:
    event = np.array(status) == 1
    frame = pd.DataFrame(
        {"subject": range(len(time)), "treatment": "A", "time": time, "status": status, **columns}
    )
    if "left" not in columns:
        frame["left"] = frame["time"]
    return frame.assign(right=np.where(event, frame["time"], np.inf))


# Two events on a line of the covariate, later than all others: the scale runs to 0.
LATE = _times(
    [5.5, 3.3, 15.8, 2.1, 7.8, 20.6, 12.8, 1.2, 6.8, 25.8, 9.8, 5.7],
    [0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0],
    x=[0.6, -1.7, -0.8, 0.4, 2.4, 0.4, -1.0, -1.2, 1.0, -0.8, -0.3, 2.0],
)


@pytest.mark.parametrize("distribution", ["weibull", "generalised gamma"])
def test_a_scale_that_runs_to_0(distribution: Any) -> None:
    """It ended in a ValueError of SciPy."""
    with pytest.raises(NotEstimableError, match="has no single maximum"):
        trd.AFT("x", distribution=distribution).fit(LATE)


def test_cure_of_fewer_events_than_coefficients() -> None:
    """It ended in a ValueError of SciPy; the scale of `LATE` in another."""
    one = _times([5.8, 3.0, 5.4, 3.1, 9.0, 10.7, 18.8, 2.2, 31.4], [0, 0, 1, 0, 0, 0, 0, 0, 0],
                 x=[1, 1, 1, 1, 1, 0, 0, 0, 0])  # fmt: skip
    for frame in (one, LATE):
        with pytest.warns(EstimateWarning, match="not identified"):
            table = trd.MixtureCure("1", "x").fit(frame).tidy()
        unknown = table[table["std_error"].isna()]
        assert (unknown["reason"] != "").all()
        assert not (table["std_error"] > 1e3).any()


def test_proportional_hazards_of_one_event() -> None:
    """It ended in a LinAlgError of NumPy."""
    frame = _times([5.7, 0.7, 7.7, 7.7, 4.4, 23.3, 4.3, 13.2], [0, 0, 0, 0, 1, 0, 0, 0],
                   x=[-1.1, 0.0, -0.1, 0.7, -0.2, -0.7, 1.3, -1.4])  # fmt: skip
    test = trd.CoxPH("x").fit(frame).proportional_hazards()
    assert test.tidy()[["statistic", "p_value"]].isna().all(axis=None)
    assert "too few, or on too few days" in repr(test)


def test_hazards_that_run_away() -> None:
    """All events in intervals that begin at the entry: rates had errors of 1e52 days."""
    frame = _times([13.2, 8.3, 8.9, 28.5], [1, 1, 1, 1], left=[11.2, 4.3, 6.9, 26.5],
                   entry=[11.2, 4.3, 6.9, 26.5])  # fmt: skip
    spec = trd.Extrapolation(horizons=(100.0,), families=("exponential", "weibull"))
    table = spec.fit(trd.EventTimes(frame)).tidy()
    assert table[["estimate", "std_error"]].isna().all(axis=None)
    assert (table["reason"] != "").all()
    short = _times([0.2, 1.4], [1, 1], left=[0.0, 0.0], origin_gap=3.0)
    with pytest.raises(NotEstimableError, match="has no maximum of the likelihood"):
        trd.DurationCurve().fit(trd.DoublyCensored(trd.EventTimes(short)))
    parted = _times([6.1, 0.7, 9.2, 1.1], [1, 1, 1, 1], left=[0.0, 0.0, 2.2, 0.0],
                    origin_gap=3.0, x=[1.0, 1.0, 0.0, 0.0])  # fmt: skip
    with pytest.raises(NotEstimableError, match=r"The effect of x .* has no finite estimate"):
        trd.DurationPH("x").fit(trd.DoublyCensored(trd.EventTimes(parted)))
