"""Interval-censored onset in the reference trial against R (icenReg)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trdstats import EventTimes, IntervalPH, Response, Study, Turnbull, time_to

FOLDER = Path(__file__).resolve().parents[1] / "reference" / "interval_censored"

PRINTED = 1e-9  # R printed ten digits, and stops at a gap of about 1e-10 in a mass
STOPS_EARLY = 1e-6  # icenReg ends before its coefficients settle; ours has the higher likelihood


@pytest.fixture(scope="module")
def r_values() -> dict[str, Any]:
    result: dict[str, Any] = json.loads((FOLDER / "values.json").read_text("utf-8"))
    return result


@pytest.fixture(scope="module")
def onset(trial: Study) -> EventTimes:
    return time_to(trial, Response())


def test_intervals_and_masses_of_every_arm(onset: EventTimes, r_values: dict[str, Any]) -> None:
    fit = Turnbull().fit(onset)
    assert fit.glance()["n"].item() == r_values["n"]
    frame = fit.tidy()
    total = 0.0
    for arm in r_values["turnbull"]:
        own = frame[frame["treatment"] == arm["arm"]]
        lower, upper = np.array(arm["intervals"], dtype=float).T
        # R marks an open end by adding 1e-10, and infinity by null.
        assert own["lower"].to_numpy() == pytest.approx(lower, abs=2e-10)
        assert own["upper"].to_numpy() == pytest.approx(np.nan_to_num(upper, nan=np.inf))
        assert own["mass"].tolist() == pytest.approx(arm["mass"], rel=PRINTED)
        total += arm["loglik"]
        alone = Turnbull().fit(onset.only([arm["arm"]])).glance().iloc[0]
        assert alone["loglik"] == pytest.approx(arm["loglik"], rel=PRINTED)
        assert alone["loglik"] >= arm["loglik"] - 1e-9  # the last printed digit
        assert alone["gap"] <= 1e-9
    assert fit.glance()["loglik"].item() == pytest.approx(total, rel=PRINTED)


def test_proportional_hazards(onset: EventTimes, r_values: dict[str, Any]) -> None:
    expected = r_values["ic_semiparametric_ph"]
    fit = IntervalPH("treatment + msm + age").fit(onset)
    row = fit.glance().iloc[0]
    assert row["converged"]
    assert row["loglik"] >= expected["loglik"] - 1e-9  # the last printed digit
    assert row["loglik"] == pytest.approx(expected["loglik"], rel=PRINTED)
    frame = fit.tidy()
    assert frame["term"].tolist() == ["treatment[T.ECT]", "treatment[T.ketamine]", "msm", "age"]
    got = frame["estimate"].tolist()
    assert got == pytest.approx(list(expected["coef"].values()), rel=STOPS_EARLY, abs=1e-8)
