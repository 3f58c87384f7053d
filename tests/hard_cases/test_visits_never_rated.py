"""A planned visit at which nobody was rated is still a step between its neighbours."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from repeated_measures import simulated

from trdstats import MMRM
from trdstats.errors import EstimateWarning

PLANNED = [7, 14, 21, 28]


def without_14() -> pd.DataFrame:
    frame = simulated(n=50, T=4, seed=2)
    frame = frame[frame["visit"] != 14]
    return frame.assign(visit=pd.Categorical(frame["visit"], categories=PLANNED))


def test_ar1_is_the_spatial_power_of_the_planned_weeks() -> None:
    frame = without_14()
    power = MMRM("y ~ arm * visit", covariance="sp_pow", ddf="satterthwaite").fit(
        frame.assign(visit=frame["visit"].astype(int))
    )
    with pytest.warns(EstimateWarning, match=r"No subject was assessed at 14.*AR\(1\).*as a step"):
        ar1 = MMRM("y ~ arm * visit", covariance="ar1", ddf="satterthwaite").fit(frame)
    assert ar1.loglik == pytest.approx(power.loglik, abs=1e-8)
    rho = ar1.covariance_parameters()["estimate"].iloc[1]
    C = ar1.covariance.to_numpy() / ar1.covariance.iloc[0, 0]
    assert C[0, 1:].tolist() == pytest.approx([rho**2, rho**3])


@pytest.mark.parametrize("covariance", ["toep", "toeph", "ar1h"])
def test_rows_without_an_outcome_are_planned_as_well(covariance: str) -> None:
    frame = simulated(n=50, T=4, seed=2)
    frame.loc[frame["visit"] == 14, "y"] = np.nan
    model = MMRM("y ~ arm * visit", covariance=covariance, ddf="satterthwaite")
    with pytest.warns(EstimateWarning, match="No subject was assessed at 14"):
        rows = model.fit(frame)
    with pytest.warns(EstimateWarning, match="No subject was assessed at 14"):
        declared = model.fit(without_14())
    assert rows.loglik == pytest.approx(declared.loglik, abs=1e-8)
    if covariance == "toep":  # distances 1, 2 and 3 all occur: three covariances of three visits
        names = rows.covariance_parameters()["term"].tolist()
        assert names == ["variance", *(f"cov(distance {k})" for k in (1, 2, 3))]


@pytest.mark.parametrize("covariance", ["us", "cs", "csh", "ad", "adh"])
def test_where_distances_play_no_part_nothing_is_said(covariance: str) -> None:
    MMRM("y ~ arm * visit", covariance=covariance, ddf="satterthwaite").fit(without_14())


def test_visits_before_the_first_and_after_the_last_make_no_distance() -> None:
    frame = simulated(n=50, T=4, seed=2)
    longer = pd.Categorical(frame["visit"], categories=[0, *PLANNED, 35])
    model = MMRM("y ~ arm * visit", covariance="ar1", ddf="satterthwaite")
    assert model.fit(frame.assign(visit=longer)).loglik == pytest.approx(model.fit(frame).loglik)
