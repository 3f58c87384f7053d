"""Events that are all on one day: their spread is no scale of a distribution."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import EstimateWarning, NotEstimableError


@pytest.fixture(scope="module")
def times() -> trd.EventTimes:
    return trd.EventTimes(pd.DataFrame({
        "subject": range(20), "treatment": ["ECT", "TMS"] * 10, "age": [*range(30, 50)],
        "time": 50.0, "status": 1,
    }))  # fmt: skip


@pytest.mark.parametrize("distribution", ["weibull", "log-normal", "log-logistic"])
def test_a_distribution_with_a_scale_has_no_maximum(
    times: trd.EventTimes, distribution: Literal["weibull", "log-normal", "log-logistic"]
) -> None:
    """The time ratio was 1.00 (1.00 to 1.00), p below 0.001."""
    fits: list[Any] = [
        trd.AFT("treatment", distribution=distribution),
        trd.Standardisation("treatment + age", days=[40], model=distribution),
    ]
    for spec in fits:
        with pytest.raises(NotEstimableError, match=r"log\(scale\) can change without end"):
            spec.fit(times)


def test_an_exponential_has_one(times: trd.EventTimes) -> None:
    """Ten events in 500 days under each treatment: a mean of 50 days."""
    found = trd.AFT("treatment", distribution="exponential").fit(times).tidy()
    assert found["estimate"].tolist() == pytest.approx([np.log(50), 0.0], abs=1e-6)


def test_a_cure_model_does_not_know_its_parameters(times: trd.EventTimes) -> None:
    """Those with the event had it after 50.0 days (50.0 to 50.0), under a note on convergence."""
    frame = times.frame[["subject", "treatment"]].assign(
        time=np.where(np.arange(20) % 3, 50.0, 90.0), status=np.arange(20) % 3 > 0
    )
    with pytest.warns(EstimateWarning):
        found = trd.MixtureCure("treatment", "1").fit(trd.EventTimes(frame)).tidy()
    assert found["std_error"].isna().all()
    assert (found["reason"] != "").all()
