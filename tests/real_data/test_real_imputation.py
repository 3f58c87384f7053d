"""The antidepressant trial of the DIA working group under several assumptions.

Its licence keeps the file out of this repository.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from real_files import real_file

from trdstats import ANCOVA, ApproximateBayes, Imputation, TippingPoint, dropout_events
from trdstats.imputation import Draws

NAMES = {"subject": "PATIENT", "treatment": "THERAPY", "visit": "VISIT"}
FORMULA = "CHANGE ~ BASVAL * VISIT + THERAPY * VISIT"


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    path = real_file("antidepressant_hamd17.csv")
    table = pd.read_csv(path)
    return table.assign(THERAPY=pd.Categorical(table["THERAPY"], ["PLACEBO", "DRUG"]))


@pytest.fixture(scope="module")
def draws(frame: pd.DataFrame) -> Draws:
    return Imputation(FORMULA).draw(
        frame, dropout_events(frame, outcome="CHANGE", **NAMES), **NAMES
    )


def at_week_6(draws: Draws, strategy: str) -> Any:
    analysed = draws.impute(strategy, reference="PLACEBO").analyse(ANCOVA("BASVAL", visits=[7]))
    return analysed.pool().tidy().iloc[-1]


def test_dropout(draws: Draws) -> None:
    g = draws.glance().iloc[0]
    # 64 of 84 and 65 of 88 were rated at week 6; one gap.
    assert (g["n"], g["n_events"], g["n_gaps"]) == (172, 43, 1)


def test_difference_at_week_6(draws: Draws) -> None:
    """Published: -2.80 under missing at random (standard error 1.116), less under a jump."""
    found = {s: at_week_6(draws, s) for s in ("MAR", "JR", "CR", "CIR")}
    assert round(found["MAR"]["estimate"], 1) == -2.8
    assert found["MAR"]["std_error"] == pytest.approx(1.116, abs=0.03)
    assert -2.8 < found["JR"]["estimate"] < -1.9
    for strategy in ("CR", "CIR"):
        assert found["MAR"]["estimate"] < found[strategy]["estimate"] < found["JR"]["estimate"]


def test_draws_agree_with_conditional_means(frame: pd.DataFrame, draws: Draws) -> None:
    spec = Imputation(FORMULA, method=ApproximateBayes(300, seed=3))
    drawn = spec.draw(frame, dropout_events(frame, outcome="CHANGE", **NAMES), **NAMES)
    for strategy in ("MAR", "JR"):
        one, two = at_week_6(draws, strategy), at_week_6(drawn, strategy)
        assert abs(one["estimate"] - two["estimate"]) < 3 * two["mc_error"]


def test_tipping_point(draws: Draws) -> None:
    found = TippingPoint({"DRUG": [0.0, 2.0, 4.0]}, ANCOVA("BASVAL")).fit(draws.impute("MAR"))
    assert 0 < found.glance()["tipping_point"].item() < 4
