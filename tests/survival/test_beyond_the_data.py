"""Times standardised over treatments say where subjects like these never got one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import trdstats as trd

SAYS = "No subject with stage above 3 got TMS (100 such subjects under other treatments)."


@pytest.fixture(scope="module")
def times() -> trd.EventTimes:
    """Stages 1 to 3 got both treatments, stages 4 and 5 electroconvulsive therapy alone."""
    rng = np.random.default_rng(3)
    treatment = np.repeat(["ECT", "TMS"], [250, 150])
    stage = np.r_[np.tile([1, 2, 3, 4, 5], 50), np.tile([1, 2, 3], 50)].astype(float)
    time = np.where(rng.random(400) < 0.3, 1000.0, np.ceil(rng.exponential(10 + 3 * stage)))
    frame = pd.DataFrame({"subject": np.arange(400), "treatment": treatment, "stage": stage})
    frame["time"], frame["status"] = np.minimum(time, 84), (time <= 84).astype(int)
    return trd.EventTimes(frame)


STANDARDISED: dict[str, Callable[[trd.EventTimes], trd.Estimates]] = {
    "Cox": lambda t: trd.CoxPH("treatment + stage").fit(t).marginal(days=[28]).estimates(),
    "RMST": lambda t: trd.RMST(tau=56, covariates="stage").fit(t).estimates(),
    "AFT": lambda t: trd.AFT("treatment + stage").fit(t).marginal(),
    "cure": lambda t: trd.MixtureCure("treatment + stage", "stage").fit(t).marginal(),
}


@pytest.mark.parametrize("name", STANDARDISED)
def test_they_say_who_never_got_a_treatment(times: trd.EventTimes, name: str) -> None:
    estimates = STANDARDISED[name](times)
    assert any(SAYS in note and "rests on its form alone" in note for note in estimates.notes)


@pytest.mark.parametrize("name", STANDARDISED)
def test_nothing_is_said_where_ranges_meet(times: trd.EventTimes, name: str) -> None:
    frame = times.frame
    met = trd.EventTimes(frame[frame["stage"] <= 3])
    assert not [n for n in STANDARDISED[name](met).notes if "form alone" in n]


def test_subjects_of_a_treatment_got_it(times: trd.EventTimes) -> None:
    """Averaged over those of TMS, none is beyond its reach, nor beyond that of the other."""
    curves = trd.CoxPH("treatment + stage").fit(times).marginal(days=[28], among="TMS")
    assert not [n for n in curves.estimates().notes if "No subject with" in n and "ECT" in n]


def test_a_summary_says_it(times: trd.EventTimes) -> None:
    assert SAYS in " ".join(str(trd.RMST(tau=56, covariates="stage").fit(times)).split())
