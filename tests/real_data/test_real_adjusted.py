"""Adjusted comparisons of two real randomised trials: adjusting moves little and sharpens."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from real_files import real_file

from trdstats import (
    AIPW,
    IPCW,
    RMST,
    CensoringWeights,
    EventTimes,
    Matching,
    Standardisation,
)
from trdstats.errors import NotEstimableError

COVARIATES = "AGE + BECK + NDT + RACE + SITE"


def real(name: str) -> pd.DataFrame:
    path = real_file(name)
    return pd.read_csv(path)


def difference(result: object) -> pd.Series:
    table = result.tidy()  # type: ignore[attr-defined]
    return table[table["measure"] == "difference"].iloc[0]


@pytest.fixture
def relapses() -> EventTimes:
    table = real("uis_relapse.csv")
    table["treatment"] = pd.Categorical(
        table["TREAT"].map({0: "short", 1: "long"}), categories=["short", "long"]
    )
    return EventTimes(table, subject="ID", time="TIME", status="CENSOR", outcome="drug use")


@pytest.fixture
def beat_the_blues() -> pd.DataFrame:
    table = real("btheb.csv")
    table["treatment"] = pd.Categorical(table["treatment"], categories=["TAU", "BtheB"])
    return table.assign(change=table["bdi_2m"] - table["bdi_pre"])


def test_days_without_drug_use(relapses: EventTimes) -> None:
    crude = difference(Standardisation("treatment", tau=365).fit(relapses))
    adjusted = difference(Standardisation(f"treatment + {COVARIATES}", tau=365).fit(relapses))
    # Randomised: half a standard error is more than chance imbalance makes here.
    assert abs(adjusted["estimate"] - crude["estimate"]) < 0.5 * crude["std_error"]
    assert adjusted["std_error"] < crude["std_error"]
    assert adjusted["conf_low"] > 0


def test_nobody_left_in_the_first_year(relapses: EventTimes) -> None:
    crude = difference(RMST(tau=365).fit(relapses))
    weighted = difference(IPCW(COVARIATES, tau=365).fit(relapses))
    for column in ("estimate", "std_error"):
        assert weighted[column] == pytest.approx(crude[column], rel=1e-9)


def test_fall_of_depression(beat_the_blues: pd.DataFrame) -> None:
    covariates = "bdi_pre + drug + length"
    arms = beat_the_blues.groupby("treatment", observed=True)["change"]
    crude = arms.mean().diff().iloc[-1]
    error = float(np.sqrt((arms.var() / arms.count()).sum()))
    formula = f"treatment + {covariates}"
    with pytest.raises(
        NotEstimableError, match=r"length\[T.>6m\] separates the observed under TAU"
    ):
        CensoringWeights(covariates, outcome="change").fit(beat_the_blues)
    weights = CensoringWeights("bdi_pre + drug", outcome="change").fit(beat_the_blues)
    assert weights.glance()["n_observed"][0] == beat_the_blues["change"].notna().sum() == 97
    found = [
        difference(Standardisation(formula, outcome="change").fit(beat_the_blues)),
        difference(AIPW(formula, covariates, outcome="change").fit(beat_the_blues)),
        difference(
            AIPW(formula, covariates, outcome="change").fit(beat_the_blues, weights=weights)
        ),
    ]
    for row in found:
        assert abs(row["estimate"] - crude) < error
        # The baseline explains a part of the change.
        assert row["std_error"] < error
    matched = Matching(covariates, replace=True).fit(beat_the_blues)
    row = difference(matched.estimate(beat_the_blues, "change"))
    assert abs(row["estimate"] - found[0]["estimate"]) < 2 * row["std_error"]
