"""The reference trial as R rbmi imputes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from trials import NAMES

from trdstats import ANCOVA, ApproximateBayes, Bayesian, Delta, Imputation
from trdstats.imputation import Draws, Pooled

R = json.loads(
    (Path(__file__).resolve().parents[1] / "reference" / "imputation" / "values.json").read_text(
        "utf-8"
    )
)
FORMULA = "chg ~ madrs_bl * day + arm * day"
KEYS = {
    "trt_14": ("difference", "ketamine", 14),
    "trt_28": ("difference", "ketamine", 28),
    "lsm_ref_28": ("mean", "TMS", 28),
    "lsm_alt_28": ("mean", "ketamine", 28),
}
# rbmi's refits stop at a relative change of about 1e-6 of the likelihood; errors by the jackknife
# are differences between refits and agree to 7e-5, estimates to 2e-5.
RTOL = 1e-4
# A limit near 0 is a difference of numbers that agree to 1e-5.
ATOL = 1e-5


@pytest.fixture(scope="module")
def draws(reference_frame: pd.DataFrame, reference_events: pd.DataFrame) -> Draws:
    return Imputation(FORMULA).draw(reference_frame, reference_events, **NAMES)


def row_of(pooled: Pooled, parameter: str) -> Any:
    table = pooled.tidy().set_index(["measure", "treatment", "visit"])
    return table.loc[KEYS[parameter]]


def close_to_r(pooled: Pooled, rows: list[dict[str, Any]]) -> None:
    for own in rows:
        found = row_of(pooled, own["parameter"])
        for column, name in (
            ("estimate", "est"), ("std_error", "se"), ("conf_low", "lci"), ("conf_high", "uci"),
        ):  # fmt: skip
            assert found[column] == pytest.approx(own[name], rel=RTOL, abs=ATOL), name
        assert found["p_value"] == pytest.approx(own["pval"], rel=1e-3, abs=1e-9)


def test_events(reference_events: pd.DataFrame) -> None:
    assert len(reference_events) == R["n_ice"]


@pytest.mark.parametrize("strategy", ["MAR", "JR", "CR", "CIR"])
def test_conditional_means_with_the_jackknife(draws: Draws, strategy: str) -> None:
    pooled = draws.impute(strategy, reference="TMS").analyse(ANCOVA("madrs_bl")).pool()
    close_to_r(pooled, R["condmean_jackknife"][strategy])


@pytest.mark.parametrize("delta", [2, 4, 8])
def test_deltas(draws: Draws, delta: float) -> None:
    analysed = draws.impute("MAR").analyse(ANCOVA("madrs_bl"), delta=Delta({"ketamine": delta}))
    close_to_r(analysed.pool(), R["delta_mar"][f"delta_{delta}"])


@pytest.fixture(
    scope="module",
    params=[ApproximateBayes(1000, seed=11), Bayesian(1000, seed=12)],
    ids=["approximate", "gibbs"],
)
def drawn(request: Any, reference_frame: pd.DataFrame, reference_events: pd.DataFrame) -> Draws:
    spec = Imputation(FORMULA, method=request.param)
    return spec.draw(reference_frame, reference_events, **NAMES)


@pytest.mark.parametrize("strategy", ["MAR", "JR"])
def test_draws_within_monte_carlo_error(drawn: Draws, strategy: str) -> None:
    pooled = drawn.impute(strategy, reference="TMS").analyse(ANCOVA("madrs_bl")).pool()
    found, own = row_of(pooled, "trt_28"), R["approxbayes_400"][strategy][0]
    # rbmi took 400 draws of the same spread between sets.
    error = found["mc_error"] * np.sqrt(1 + 1000 / 400)
    assert abs(found["estimate"] - own["est"]) < 3 * error
    # The variance between sets has a relative error of sqrt(2 / M), and fmi is its share.
    of_se = found["std_error"] * found["fmi"] / 2 * np.sqrt(2 / 1000 + 2 / 400)
    assert abs(found["std_error"] - own["se"]) < 3 * of_se
