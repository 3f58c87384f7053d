"""Stratified rates, matching weights and pooled trials as R computes them."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import root

from trdstats import (
    MAIC,
    PublishedTrial,
    Response,
    Study,
    meta_analysis,
    published_figures,
    stratified_rates,
)
from trdstats.errors import EstimateWarning
from trdstats.kernels.numerics import meta_analysis as kernel

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
R: dict[str, Any] = json.loads((REFERENCE / "comparison" / "values.json").read_text("utf-8"))

DIGITS = 1e-9  # closed forms; R printed ten digits
BISECTION = 1e-6  # scoreci halves its interval down to about 1e-7
METHODS = {
    "EE": "fixed",
    "DL": "dersimonian-laird",
    "REML": "reml",
    "PM": "paule-mandel",
    "REML_HKSJ": "reml",
}
SHORT = {"RR": "risk ratio", "OR": "odds ratio", "RD": "risk difference"}

# BCG vaccine against tuberculosis (Colditz 1994): cases and others, vaccinated and not.
BCG = np.array(
    [
        (4, 119, 11, 128), (6, 300, 29, 274), (3, 228, 11, 209), (62, 13536, 248, 12619),
        (33, 5036, 47, 5761), (180, 1361, 372, 1079), (8, 2537, 10, 619),
        (505, 87886, 499, 87892), (29, 7470, 45, 7232), (17, 1699, 65, 1600),
        (186, 50448, 141, 27197), (5, 2493, 3, 2338), (27, 16886, 29, 17825),
    ]
)  # fmt: skip


def row_of(frame: pd.DataFrame, measure: str) -> Any:
    return frame[(frame["measure"] == measure) & (frame["treatment"] == "ketamine")].iloc[0]


def test_stratified_rates(trial: Study) -> None:
    frame = stratified_rates(trial, Response(), day=28, strata="sex").tidy()
    got, want = row_of(frame, "difference"), R["rates"]["stratified_mn_sex"]
    assert [got["conf_low"], got["estimate"], got["conf_high"]] == pytest.approx(
        [want["lower"], want["est"], want["upper"]], rel=BISECTION
    )
    got, want = row_of(frame, "odds ratio"), R["rates"]["cmh_sex"]
    found = [got[c] for c in ("estimate", "statistic", "p_value", "conf_low", "conf_high")]
    assert found == pytest.approx(
        [want["common_or"], want["statistic"], want["p"], *want["conf"]], rel=DIGITS
    )


@pytest.fixture(scope="module")
def ketamine(trial_tables: Any) -> pd.DataFrame:
    subjects, visits, _ = trial_tables
    table = subjects.merge(visits[visits["day"] == 28], on="usubjid", how="left")
    table["response"] = (table["madrs"] <= 0.5 * table["madrs_bl"]).astype(int)
    table["female"] = (table["sex"] == "F").astype(float)
    return table[table["arm"] == "ketamine"]


def test_matching_weights(ketamine: pd.DataFrame) -> None:
    fit = MAIC(R["maic"]["target"]).fit(ketamine, subject="usubjid", treatment="arm")
    weight = fit.frame["weight"].to_numpy()
    moments = ketamine[["msm", "age", "female"]].to_numpy(dtype=float)
    # The targets are met to the last digits, which is all that the method asks for.
    assert weight @ moments / weight.sum() == pytest.approx([10, 55, 0.5], rel=1e-13)
    # optim stopped nearby, see below: five digits are what the two have in common.
    assert fit.effective_size == pytest.approx(R["maic"]["ess"], rel=2e-5)
    response = weight @ ketamine["response"] / weight.sum()
    assert response == pytest.approx(R["maic"]["weighted_response"], rel=2e-5)


def test_r_stopped_where_its_numeric_gradient_is_zero(ketamine: pd.DataFrame) -> None:
    """Central differences of step 1e-3, the default of optim, put its minimum beside the true."""
    centred = ketamine[["msm", "age", "female"]].to_numpy(dtype=float) - [10, 55, 0.5]
    step = 1e-3

    def gradient(gamma: Any) -> Any:
        return np.exp(centred @ gamma) @ np.sinh(step * centred) / step

    found = root(gradient, np.zeros(3), tol=1e-13)
    weight = np.exp(centred @ found.x)
    # optim ends when a step gains less than 1e-15 of the sum, near 1e-7 of the coefficients.
    assert weight.sum() ** 2 / (weight @ weight) == pytest.approx(R["maic"]["ess"], rel=1e-6)
    response = weight @ ketamine["response"] / weight.sum()
    assert response == pytest.approx(R["maic"]["weighted_response"], rel=1e-6)


@pytest.fixture(scope="module")
def eight() -> pd.DataFrame:
    frame = pd.DataFrame(R["meta"]["studies"])
    names = {"ai": "events", "n1": "n", "ci": "reference_events", "n2": "reference_n"}
    return frame.rename(columns={"study": "trial", **names})


@pytest.mark.parametrize("short", SHORT)
@pytest.mark.parametrize("kind", METHODS)
def test_pooled_trials(eight: pd.DataFrame, short: str, kind: str) -> None:
    want = R["meta"][short][kind]
    narrow = kind == "REML_HKSJ"  # Q is below 3 on 7 df for all three
    with pytest.warns(EstimateWarning, match="less than by chance") if narrow else nullcontext():
        found = meta_analysis(
            eight,
            measure=SHORT[short],
            method=METHODS[kind],  # type: ignore[arg-type]
            hartung_knapp=kind == "REML_HKSJ",
        )
    one, about = found.tidy().query("row == 'pooled'").iloc[0], found.glance().iloc[0]
    back = float if short == "RD" else np.log
    new = found.tidy().query("row == 'prediction'").iloc[0]
    got = {
        "estimate": back(one["estimate"]), "se": one["std_error"], "lower": back(one["conf_low"]),
        "upper": back(one["conf_high"]), "tau2": about["tau2"], "I2": 100 * about["I2"],
        "Q": about["Q"], "Qp": about["Q_p"], "pi_lower": back(new["conf_low"]),
        "pi_upper": back(new["conf_high"]),
    }  # fmt: skip
    for key, value in want.items():
        if isinstance(value, float | int):
            assert got[key] == pytest.approx(value, rel=DIGITS, abs=1e-12), key
        else:  # jsonlite writes NULL as {}: no prediction under one common effect
            assert kind == "EE"
            assert np.isnan(got[key])


@pytest.mark.parametrize(
    ("method", "hartung_knapp", "estimate", "se", "tau2", "low", "high"),
    # Printed by metafor's documentation, so to four digits.
    [
        ("fixed", False, -0.4303, 0.0405, 0.0, -0.5097, -0.3509),
        ("dersimonian-laird", False, -0.7141, 0.1787, 0.3088, -1.0644, -0.3638),
        ("reml", False, -0.7145, 0.1798, 0.3132, -1.0669, -0.3622),
        ("paule-mandel", False, -0.7150, 0.1809, 0.3181, -1.0695, -0.3604),
        ("reml", True, -0.7145, 0.1808, 0.3132, -1.1084, -0.3206),
    ],
)
def test_trials_that_disagree(
    method: str, hartung_knapp: bool, estimate: float, se: float, tau2: float, low: float,
    high: float,
) -> None:  # fmt: skip
    x1, y1, x0, y0 = BCG.T
    y = np.log(x1 / (x1 + y1) / (x0 / (x0 + y0)))
    v = 1 / x1 - 1 / (x1 + y1) + 1 / x0 - 1 / (x0 + y0)
    found = kernel.pool(y, v, method=method, conf_level=0.95, hartung_knapp=hartung_knapp)
    got = [found.estimate, found.std_error, found.tau2, found.low, found.high]
    assert got == pytest.approx([estimate, se, tau2, low, high], abs=5.1e-5)
    assert abs(found.Q - 152.2330) < 5.1e-5


def test_statsmodels_agrees_on_the_variance_between(eight: pd.DataFrame) -> None:
    from statsmodels.stats.meta_analysis import combine_effects

    x1, y1, x0, y0 = BCG.T
    y = np.log(x1 / (x1 + y1) / (x0 / (x0 + y0)))
    v = 1 / x1 - 1 / (x1 + y1) + 1 / x0 - 1 / (x0 + y0)
    for ours, theirs in (("dersimonian-laird", "chi2"), ("paule-mandel", "iterated")):
        found = kernel.pool(y, v, method=ours, conf_level=0.95)
        want = combine_effects(y, v, method_re=theirs)
        # statsmodels ends its iteration at 1e-5.
        assert found.tau2 == pytest.approx(want.tau2, rel=1e-4)


def test_elekt_d_and_ketect_do_not_pool_in_silence() -> None:
    counts = pd.DataFrame(
        {
            "trial": ["ELEKT-D", "KetECT"], "treatment": "ketamine", "reference": "ECT",
            "events": [108, 44], "n": [195, 95], "reference_events": [70, 57],
            "reference_n": [170, 91],
        }
    )  # fmt: skip
    asked = (("ELEKT-D", "response"), ("KetECT", "remission"))
    effects = [
        PublishedTrial.from_rows(
            published_figures(trial=trial, outcome=outcome, measure="count").frame
        ).contrast("ketamine", "ECT", "odds ratio")
        for trial, outcome in asked
    ]
    with pytest.warns(EstimateWarning, match="opposite directions"):
        told = meta_analysis(effects)
    assert "The trials differ in outcome (response; remission)" in repr(told)
    with pytest.warns(EstimateWarning, match=r"opposite directions: ELEKT-D has more under ket"):
        found = meta_analysis(counts)
    assert "Q 11.40 on 1 df, p <0.001; I2 91 %" in found.warning
    assert found.warning in repr(found)
    assert told.effect().estimate == pytest.approx(found.effect().estimate, rel=1e-12)
