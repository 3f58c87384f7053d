"""Likelihood-ratio tests of two MMRMs, and AICc."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from trdstats import MMRM
from trdstats.errors import SpecError

FORMULA = "chg ~ madrs_bl * visit + arm * visit"


def fit(frame: pd.DataFrame, formula: str = FORMULA, **options: Any) -> Any:
    settings = {"ddf": "satterthwaite"} | options
    return MMRM(formula, **settings).fit(frame, subject="usubjid")


def test_structures_under_reml_by_the_deviances_of_r(acute: pd.DataFrame, r_values: Any) -> None:
    """R mmrm 0.3.18 on the reference trial: deviances of two structures and their parameters."""
    formula = "chg ~ madrs_bl * visit + arm * visit + site"
    larger, simpler = r_values["reml"]["us"], r_values["reml"]["toeph"]
    row = fit(acute, formula).likelihood_ratio(fit(acute, formula, covariance="toeph")).iloc[0]
    statistic = 2 * (larger["loglik"] - simpler["loglik"])
    assert row["statistic"] == pytest.approx(statistic, abs=1e-4)
    assert row["df"] == larger["n_cov"] - simpler["n_cov"] == 6
    assert row["p_value"] == pytest.approx(chi2.sf(statistic, 6), rel=1e-3)


def test_terms_under_ml(acute: pd.DataFrame) -> None:
    larger = fit(acute, reml=False)
    simpler = fit(acute, "chg ~ madrs_bl + arm + visit", reml=False)
    row = larger.likelihood_ratio(simpler).iloc[0]
    assert row["df"] == len(larger.terms) - len(simpler.terms) == 12
    assert row["statistic"] == pytest.approx(simpler.deviance - larger.deviance)
    # Another coding of the same columns is the same model.
    coded = fit(acute, "chg ~ 0 + visit + madrs_bl:visit + arm:visit", reml=False)
    assert coded.likelihood_ratio(simpler)["p_value"].item() == pytest.approx(row["p_value"])


def test_a_covariance_for_each_group(acute: pd.DataFrame) -> None:
    common = fit(acute, covariance="ar1h")
    apart = fit(acute, covariance="ar1h", group="arm")
    assert apart.likelihood_ratio(common)["df"].item() == 12


def test_wrong_comparisons_are_refused(acute: pd.DataFrame) -> None:
    us = fit(acute)
    with pytest.raises(SpecError, match="restricted likelihoods of different fixed effects"):
        us.likelihood_ratio(fit(acute, "chg ~ arm * visit"))
    with pytest.raises(SpecError, match="One fit is by REML and one by ML"):
        us.likelihood_ratio(fit(acute, reml=False))
    with pytest.raises(SpecError, match="are the same model"):
        us.likelihood_ratio(fit(acute))
    with pytest.raises(SpecError, match="differ in both"):
        us.likelihood_ratio(fit(acute, "chg ~ arm * visit", covariance="cs"))
    with pytest.raises(SpecError, match="no special case of"):
        fit(acute, covariance="toep").likelihood_ratio(fit(acute, covariance="csh"))
    with pytest.raises(SpecError, match="fits are of different rows"):
        us.likelihood_ratio(fit(acute.iloc[20:], covariance="cs"))
    with pytest.raises(SpecError, match="not among those of this one"):
        fit(acute, "chg ~ arm + visit", reml=False).likelihood_ratio(
            fit(acute, "chg ~ madrs_bl + visit", reml=False)
        )


def test_aicc_as_sas_counts(acute: pd.DataFrame) -> None:
    found = fit(acute)
    k, n = 15, found.n_obs - len(found.terms)
    assert found.aicc == pytest.approx(found.deviance + 2 * k * n / (n - k - 1))
    assert found.glance()["aicc"].item() == found.aicc
    assert found.aicc > found.aic
    ml = fit(acute, reml=False)
    assert ml.aicc == pytest.approx(ml.deviance + 2 * k * ml.n_obs / (ml.n_obs - k - 1))
    assert np.isfinite(found.aicc)


def test_rows_in_another_order_are_the_same_rows(acute: pd.DataFrame) -> None:
    shuffled = acute.sample(frac=1, random_state=3)
    us, row = fit(acute), fit(acute).likelihood_ratio(fit(acute, covariance="toeph"))
    other = us.likelihood_ratio(fit(shuffled, covariance="toeph"))
    pd.testing.assert_frame_equal(row, other, rtol=1e-6)
