"""States over time in a real trial. Its licence keeps the file out of this repository."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from real_files import real_file

from trdstats import (
    IntervalResponseState,
    KaplanMeier,
    LossOfResponse,
    Response,
    ResponseState,
    Study,
    response_history,
    time_to,
)


@pytest.fixture
def antidepressant() -> Study:
    path = real_file("antidepressant_hamd17.csv")
    return Study(
        pd.read_csv(path),
        scale="HAM-D17",
        subject="PATIENT",
        treatment="THERAPY",
        day="RELDAYS",
        score="HAMDTL17",
        baseline="BASVAL",
        randomised=True,
    )


def test_antidepressant(antidepressant: Study) -> None:
    study = antidepressant
    history = response_history(study, Response(), LossOfResponse(), regain=True)
    fit = ResponseState(tau=35).fit(history)
    # Leaving the first state for good is the time to response.
    once = response_history(study, Response(), LossOfResponse())
    states = ResponseState(tau=35).fit(once).at([7, 14, 28, 35])
    waiting = states[states["state"] == "not responding"]
    curve = KaplanMeier().fit(time_to(study, Response())).at([7, 14, 28, 35])
    assert waiting["estimate"].to_numpy() == pytest.approx(curve["estimate"].to_numpy(), abs=1e-12)
    assert waiting["std_error"].to_numpy() == pytest.approx(curve["std_error"], abs=1e-12)
    days = fit.mean_days().query("measure == 'mean days'")
    total = days.groupby("treatment")["estimate"].sum()
    assert total.to_numpy() == pytest.approx([35, 35], abs=1e-12)
    # Nobody regains what was not lost: more days in response than with relapse for good.
    lost = ResponseState(tau=35).fit(once).mean_days()["estimate"].to_numpy()
    assert (days["estimate"].to_numpy()[1::3] >= lost[1:6:3]).all()
    between = IntervalResponseState(tau=35, cuts=(14,)).fit(once)
    assert between.glance()["converged"].item()
    # Visits are one or two weeks apart: dating at the visit costs a few days of response.
    gain = between.mean_days()["estimate"].to_numpy()[1:6:3] - lost[1:6:3]
    assert np.all((gain > 0) & (gain < 7))
