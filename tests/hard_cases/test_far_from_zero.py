"""Outcomes and days far from 0, or in other units: nothing changes but what must."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from repeated_measures import simulated

from trdstats import LMM, MMRM, Bayesian, Imputation
from trdstats.longitudinal import STRUCTURES


def own_days(seed: int = 3, n: int = 60, T: int = 6) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    day = np.sort(rng.uniform(0, 60, (n, T)), axis=1)
    drawn = rng.normal(0, [3, 0.08], (n, 2))
    arm = np.arange(n) % 2
    y = 30 + (0.1 * arm - 0.2)[:, None] * day + drawn[:, [0]] + drawn[:, [1]] * day
    frame = pd.DataFrame(
        {
            "subject": np.repeat(np.arange(n), T),
            "arm": np.repeat(np.where(arm, "A", "B"), T),
            "day": day.ravel(),
            "y": (y + rng.normal(0, 2, (n, T))).ravel(),
        }
    )
    return frame[rng.random(len(frame)) > 0.15].reset_index(drop=True)


SHIFTS = st.sampled_from([0.0, 36_525.0, -1e4, 1e6])
SCALES = st.sampled_from([1.0, 1 / 365.25, 24.0, 86_400.0])


@settings(max_examples=8, deadline=None)
@given(SHIFTS, SCALES, st.sampled_from([0.0, 1e8, -1e6]), st.sampled_from([1.0, 1e-4, 1e4]))
def test_a_mixed_model_of_days(day_0: float, per_day: float, y_0: float, size: float) -> None:
    frame = own_days()
    model = LMM("y ~ day * arm", random="1 + day")
    base = model.fit(frame)
    moved = frame.assign(day=frame["day"] * per_day + day_0, y=(frame["y"] + y_0) * size)
    fit = model.fit(moved)
    a, b = base.tidy().iloc[[1, 3]], fit.tidy().iloc[[1, 3]]  # slope, and its difference
    digits = 1e-5 if y_0 else 1e-6
    for column, unit in (("estimate", size / per_day), ("std_error", size / per_day), ("df", 1.0)):
        assert b[column].to_numpy() == pytest.approx(a[column].to_numpy() * unit, rel=digits)
    s2 = base.residual_variance * size**2
    assert fit.residual_variance == pytest.approx(s2, rel=1e-5)
    slope = base.covariance.loc["day", "day"] * (size / per_day) ** 2
    assert fit.covariance.loc["day", "day"] == pytest.approx(slope, rel=1e-4)
    lines = base.residuals("conditional")["residual"].to_numpy() * size
    assert fit.residuals("conditional")["residual"].to_numpy() == pytest.approx(
        lines, abs=1e-4 * size
    )
    # The mean at a day is the mean at that day, however far the origin lies.
    here = base.margins("arm", at={"day": 30.0}).tidy()
    there = fit.margins("arm", at={"day": 30.0 * per_day + day_0}).tidy()
    assert there["estimate"].to_numpy() == pytest.approx((here["estimate"] + y_0) * size, rel=1e-6)
    assert there["std_error"].to_numpy() == pytest.approx(here["std_error"] * size, rel=1e-5)


def test_days_since_1900_with_uncorrelated_effects_of_two_levels() -> None:
    frame = own_days(n=80).assign(site=lambda d: d["subject"] // 8)
    rng = np.random.default_rng(0)
    frame["y"] += rng.normal(0, 3, 10)[frame["site"]]
    model = LMM("y ~ day * arm", random={"site": "1", "subject": "1 + day"})
    base = model.fit(frame)
    fit = model.fit(frame.assign(day=frame["day"] + 36_525, y=frame["y"] + 1e8))
    assert fit.deviance == pytest.approx(base.deviance, abs=1e-5)
    effects, others = base.random_effects(), fit.random_effects()
    assert others["day"].to_numpy() == pytest.approx(effects["day"].to_numpy(), abs=1e-5)
    assert others["std_error day"].to_numpy() == pytest.approx(
        effects["std_error day"].to_numpy(), rel=1e-4
    )
    plain = LMM("y ~ day", random="1 + day", correlated=False, ddf="kenward-roger")
    hours = plain.fit(frame.assign(day=frame["day"] * 24)).tidy()
    days = plain.fit(frame).tidy()
    assert hours["statistic"].tolist() == pytest.approx(days["statistic"].tolist(), rel=1e-6)


@pytest.mark.parametrize("covariance", list(STRUCTURES))
def test_a_model_of_visits(covariance: str) -> None:
    frame = simulated(n=60, T=4, seed=8)
    for formula in ("y ~ base + arm * visit", "y ~ 0 + visit + arm:visit"):
        model = MMRM(formula, covariance=covariance, ddf="satterthwaite")
        base = model.fit(frame)
        fit = model.fit(frame.assign(y=frame["y"] + 1e8))
        assert fit.loglik == pytest.approx(base.loglik, abs=1e-4)
        numbers = ["estimate", "std_error", "df"]
        gaps = [f.margins("arm", by="visit").contrasts().tidy() for f in (base, fit)]
        assert gaps[1][numbers].to_numpy() == pytest.approx(gaps[0][numbers].to_numpy(), rel=1e-4,
                                                            abs=1e-6)  # fmt: skip
        assert fit.residuals()["residual"].to_numpy() == pytest.approx(
            base.residuals()["residual"].to_numpy(), abs=1e-4
        )


@pytest.mark.parametrize("covariance", ["sp_exp", "sp_gau", "sp_pow"])
def test_actual_days_counted_from_anywhere_in_any_unit(covariance: str) -> None:
    frame = simulated(n=60, T=4, seed=8, gone=0.3)
    rng = np.random.default_rng(2)
    frame["day"] = frame["visit"] + rng.integers(-2, 3, len(frame))
    model = MMRM("y ~ arm * visit", covariance=covariance, ddf="satterthwaite", time="day")
    base = model.fit(frame)
    for moved in (frame["day"] + 36_525, frame["day"] / 7, frame["day"] * 24 + 1e6):
        fit = model.fit(frame.assign(day=moved))
        assert fit.loglik == pytest.approx(base.loglik, abs=1e-6)
        assert fit.tidy()["std_error"].tolist() == pytest.approx(
            base.tidy()["std_error"].tolist(), rel=1e-5
        )


@pytest.mark.parametrize("method", ["bayesian", "conditional"])
def test_imputed_outcomes_lie_where_the_outcome_does(method: str) -> None:
    frame = simulated(n=60, T=3, seed=8).rename(columns={"arm": "treatment"})
    how: Any = (
        {"method": Bayesian(n=400, burn_in=100, thin=1, chains=2, seed=1)}
        if method == "bayesian"
        else {}
    )
    near, far = (
        Imputation("y ~ base + treatment * visit", **how).draw(data).drawn.beta
        for data in (frame, frame.assign(y=frame["y"] + 1e6))
    )
    gap = far - near
    assert gap[:, 0] == pytest.approx(1e6, abs=1e-3)
    assert gap[:, 1:] == pytest.approx(0, abs=1e-3)
