"""Tables that no study has checked: codes of arms, codes for missing, changes, baselines."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataWarning, EstimateWarning

FORMULA = "change ~ baseline + treatment * visit"


def long_table(arms: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n, visits = 48, 3
    person = np.repeat(np.arange(n), visits)
    arm = person % arms + 1
    baseline = np.repeat(rng.integers(24, 42, n), visits).astype(float)
    # The second arm does worse than both others: no slope over 1, 2, 3 says so.
    change = np.round(rng.normal(-8 + 5 * (arm == 2), 5))
    return pd.DataFrame({
        "subject": [f"S{i:02d}" for i in person], "treatment": arm,
        "visit": np.tile([7, 14, 28], n), "day": np.tile([7.0, 14.0, 28.0], n),
        "baseline": baseline, "score": baseline + change, "change": change,
        "better": (change < -8).astype(int), "age": np.repeat(rng.integers(20, 70, n), visits),
    })  # fmt: skip


def last(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["visit"] == 28].reset_index(drop=True)


MODELS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "MMRM": lambda t: trd.MMRM(FORMULA).fit(t),
    "LMM": lambda t: trd.LMM("change ~ baseline + treatment * day").fit(t),
    "GEE": lambda t: trd.GEE("change ~ treatment * visit", family="gaussian").fit(t),
    "GLMM": lambda t: trd.GLMM("better ~ treatment + baseline").fit(t),
    "Logistic": lambda t: trd.Logistic("better ~ treatment + baseline", by=None).fit(last(t)),
    "ProportionalOdds": lambda t: trd.ProportionalOdds("better ~ treatment", by=None).fit(last(t)),
}


@pytest.mark.parametrize("name", MODELS)
def test_codes_of_arms_are_names_in_every_model(name: str) -> None:
    """Arms 1, 2 and 3 of a plain table were a dose: one slope for three treatments."""
    numbers = long_table()
    expected = MODELS[name](numbers.assign(treatment=numbers["treatment"].astype(str))).tidy()
    for codes in (numbers["treatment"], numbers["treatment"].astype("Int64"),
                  numbers["treatment"].astype(float)):  # fmt: skip
        found = MODELS[name](numbers.assign(treatment=codes)).tidy()
        # The same columns of the same design: the same digits.
        np.testing.assert_array_equal(found["estimate"], expected["estimate"])
        assert sum("treatment[T." in str(t) for t in found["term"]) >= 2


def test_arms_of_zero_and_one_have_means() -> None:
    table = long_table(arms=2).assign(treatment=lambda t: t["treatment"] - 1)
    found = trd.MMRM(FORMULA).fit(table).margins("treatment", by="visit").contrasts(reference=0)
    texts = table.assign(treatment=table["treatment"].map({0: "A", 1: "B"}))
    named = trd.MMRM(FORMULA).fit(texts).margins("treatment", by="visit").contrasts(reference="A")
    np.testing.assert_array_equal(found.tidy()["estimate"], named.tidy()["estimate"])


def test_a_treatment_within_a_function_is_an_amount() -> None:
    found = trd.MMRM("change ~ sqrt(treatment) + visit").fit(long_table()).tidy()
    assert list(found["term"])[1] == "sqrt(treatment)"


@pytest.mark.parametrize("name", ["MMRM", "LMM", "GLMM", "Logistic"])
def test_codes_for_missing_among_covariates_are_named(name: str) -> None:
    table = long_table()
    table.loc[table["subject"] == "S03", "baseline"] = -9.0
    with pytest.warns(DataWarning, match=r"column 'baseline' holds -9, far from all others \(2"):
        MODELS[name](table)


@pytest.mark.parametrize(
    "fit",
    [
        MODELS["MMRM"], MODELS["LMM"], MODELS["GEE"],
        lambda t: trd.RankComparison("change", better="lower").fit(last(t)),
        lambda t: trd.ProportionalOdds("change ~ treatment").fit(last(t)),
        lambda t: trd.Standardisation("treatment", outcome="change").fit(last(t)),
    ],
)  # fmt: skip
def test_codes_for_missing_among_outcomes_are_named(fit: Callable[[pd.DataFrame], Any]) -> None:
    """999 was analysed as a change like all others: a difference of 15 points in place of -4."""
    table = long_table()
    table.loc[table["subject"].isin(["S03", "S04"]), "change"] = 999.0
    with pytest.warns(DataWarning, match=r"'change' holds 999, far from all others .* for missing"):
        fit(table)


def test_the_baseline_among_the_outcomes_is_named() -> None:
    table = long_table()
    start = last(table).assign(visit=0, day=0.0, change=0.0, score=lambda t: t["baseline"])
    rows = pd.concat([start, table])
    for spec in (
        trd.MMRM(FORMULA, covariance="cs"),
        trd.LMM("change ~ treatment * day"),
        trd.GEE("change ~ treatment * visit", family="gaussian"),
    ):
        with warnings.catch_warnings():
            # A variance of subjects at zero is no matter here.
            warnings.simplefilter("ignore", EstimateWarning)
            with pytest.warns(DataWarning, match=r"'change' is 0 in all 48 rows of visit 0"):
                spec.fit(rows)


@pytest.mark.parametrize("name", ["MMRM", "LMM", "GEE"])
def test_a_change_of_the_other_sign_is_named(name: str) -> None:
    table = long_table()
    with pytest.warns(DataWarning, match=r"'change' is the baseline less the score in 1\d\d of"):
        MODELS[name](table.assign(change=-table["change"]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MODELS[name](table)
        trd.MMRM("gain ~ treatment * visit").fit(table.assign(gain=-table["change"]))
