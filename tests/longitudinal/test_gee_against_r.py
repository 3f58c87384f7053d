"""Generalised estimating equations against R's geepack, emmeans and the definitions of papers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.longitudinal import GEEResult

VALUES = Path(__file__).resolve().parents[1] / "reference" / "gee" / "values.json"
FORMULA = "met ~ arm * visit + madrs_bl"


@pytest.fixture(scope="module")
def of_r() -> dict[str, Any]:
    return json.loads(VALUES.read_text("utf-8"))


@pytest.fixture(scope="module")
def rated(acute: pd.DataFrame) -> pd.DataFrame:
    """Return 804 ratings of 216 subjects at days 7 to 28."""
    frame = acute[acute["day"] >= 7]
    return frame.assign(met=2 * (frame["madrs_bl"] - frame["madrs"]) >= frame["madrs_bl"])


def fit(frame: pd.DataFrame, formula: str = FORMULA, **options: Any) -> GEEResult:
    return trd.GEE(formula, **{"ddf": "normal", **options}).fit(frame, subject="usubjid")


def in_r(term: str) -> str:
    parts = [p.replace("[T.", "").replace("]", "") for p in term.split(":")]
    return ":".join("(Intercept)" if p == "Intercept" else p for p in parts)


def table_of(result: GEEResult) -> pd.DataFrame:
    table = result.tidy()
    return table.assign(term=[in_r(t) for t in table["term"]]).set_index("term")


@pytest.mark.parametrize("corr", ["independence", "exchangeable", "ar1"])
def test_coefficients_and_robust_errors(corr: str, rated: pd.DataFrame, of_r: Any) -> None:
    result = fit(rated, corr=corr)
    own, expected = table_of(result), of_r["gee"][corr]
    coef = pd.DataFrame(expected["coef"]).set_index("term")
    own = own.loc[coef.index]
    # geepack stops at changes of 1e-4: its exchangeable fit is 1.2e-6 off, see the next test.
    within = 1.5e-6 if corr == "exchangeable" else 1e-6
    assert own["estimate"].to_numpy() == pytest.approx(coef["estimate"].to_numpy(), abs=within)
    assert own["std_error"].to_numpy() == pytest.approx(coef["se"].to_numpy(), abs=1e-7)
    assert result.glance()["dispersion"][0] == pytest.approx(expected["scale"], abs=1e-6)
    if corr != "independence":
        alpha = result.correlation.iloc[0, 1]
        assert alpha == pytest.approx(expected["correlation"], abs=2e-7)


def test_where_geepack_stopped_early(rated: pd.DataFrame, of_r: Any) -> None:
    """R's exchangeable coefficients leave 1e-5 of its equations; ours, at R's alpha, 1e-8."""
    result = fit(rated)
    expected = of_r["gee"]["exchangeable"]
    coef = {c["term"]: c["estimate"] for c in expected["coef"]}
    beta = np.array([coef[in_r(t)] for t in result.tidy()["term"]])

    def rest(at: np.ndarray) -> float:
        """Return the largest element of sum_i X_i' A_i^1/2 R_i^-1 A_i^-1/2 (y_i - mu_i)."""
        d = result.design
        eta = d.X @ at
        mu = 1 / (1 + np.exp(-eta))
        root = np.sqrt(mu * (1 - mu))
        total = np.zeros(len(at))
        for k in range(len(d.subjects)):
            i = np.flatnonzero(d.person == k)
            R = np.full((len(i), len(i)), expected["correlation"])
            np.fill_diagonal(R, 1.0)
            total += (root[i, None] * d.X[i]).T @ np.linalg.solve(R, (d.y[i] - mu[i]) / root[i])
        return float(np.abs(total).max())

    assert rest(beta) > 1e-5
    assert rest(result.parameters.beta) < 0.1 * rest(beta)


@pytest.mark.parametrize(
    ("vcov", "name"),
    [
        ("robust", "plain"),
        ("mancl-derouen", "mancl_derouen"),
        ("kauermann-carroll", "kauermann_carroll"),
    ],
)
def test_small_sample_errors(vcov: str, name: str, rated: pd.DataFrame, of_r: Any) -> None:
    own = table_of(fit(rated, corr="independence", vcov=vcov))
    order = [c["term"] for c in of_r["gee"]["independence"]["coef"]]
    error = own.loc[order, "std_error"].to_numpy()
    assert error == pytest.approx(np.array(of_r["gee_small_sample"][name]), abs=1e-8)


def test_marginal_means_and_odds_ratios(rated: pd.DataFrame, of_r: Any) -> None:
    expected, result = of_r["gee_margins"], fit(rated)
    link = result.margins("arm", by="visit", scale="link")
    own, means = link.tidy(), pd.DataFrame(expected["link"])
    assert own["estimate"].to_numpy() == pytest.approx(means["emmean"].to_numpy(), abs=1e-6)
    assert own["std_error"].to_numpy() == pytest.approx(means["SE"].to_numpy(), abs=1e-7)
    for ours, theirs in (("conf_low", "asymp.LCL"), ("conf_high", "asymp.UCL")):
        assert own[ours].to_numpy() == pytest.approx(means[theirs].to_numpy(), abs=1e-6)
    own = result.margins("arm", by="visit", covariates="fixed").tidy()
    risks = pd.DataFrame(expected["probability"])
    assert own["estimate"].to_numpy() == pytest.approx(risks["prob"].to_numpy(), abs=1e-6)
    assert own["conf_high"].to_numpy() == pytest.approx(risks["asymp.UCL"].to_numpy(), abs=1e-6)
    on_natural = own["std_error"] * own["estimate"] * (1 - own["estimate"])
    assert on_natural.to_numpy() == pytest.approx(risks["SE"].to_numpy(), abs=1e-7)
    pairs = link.contrasts(pairwise=True).tidy()
    pairs = pairs.assign(contrast=pairs["arm"].astype(str) + " - " + pairs["reference"])
    pairs = pairs.set_index([pairs["contrast"], pairs["visit"].astype(str)])
    theirs = pd.DataFrame(expected["contrasts"]).set_index(["contrast", "visit"])
    pairs = pairs.loc[theirs.index]
    assert pairs["estimate"].to_numpy() == pytest.approx(theirs["estimate"].to_numpy(), abs=1.5e-6)
    assert pairs["std_error"].to_numpy() == pytest.approx(theirs["SE"].to_numpy(), abs=1e-6)
    assert pairs["p_value"].to_numpy() == pytest.approx(theirs["p.value"].to_numpy(), abs=2e-6)


@pytest.mark.parametrize(
    ("name", "family", "link"),
    [
        ("risk ratio (Poisson, robust)", "poisson", "log"),
        ("risk difference (Gaussian, robust)", "gaussian", "identity"),
    ],
)
def test_risk_ratios_and_differences(
    name: str, family: str, link: str, rated: pd.DataFrame, of_r: Any
) -> None:
    own = table_of(fit(rated, "met ~ arm * visit", family=family, link=link))
    coef = pd.DataFrame(of_r["gee_other_links"][name]).set_index("term")
    own = own.loc[coef.index]
    assert own["estimate"].to_numpy() == pytest.approx(coef["estimate"].to_numpy(), abs=1e-6)
    assert own["std_error"].to_numpy() == pytest.approx(coef["se"].to_numpy(), abs=1e-6)


def test_unstructured_with_missed_visits(rated: pd.DataFrame) -> None:
    """Geepack crashes here: the solution is checked by its equations, pair by pair."""
    result = fit(rated, corr="unstructured")
    d, beta = result.design, result.parameters.beta
    mu = 1 / (1 + np.exp(-(d.X @ beta)))
    r = (d.y - mu) / np.sqrt(mu * (1 - mu))
    phi = np.mean(r**2)
    wide = pd.DataFrame({"s": d.person, "v": d.occasion, "r": r}).pivot_table(
        index="s", columns="v", values="r"
    )
    assert wide.isna().to_numpy().any()
    R = np.array([[(wide[j] * wide[k]).mean() / phi for k in wide] for j in wide])
    np.fill_diagonal(R, 1.0)
    assert result.correlation.to_numpy() == pytest.approx(R, abs=1e-9)
