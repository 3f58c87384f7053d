"""A site with one patient: left out by the jackknife, the site's column is lost, nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trdstats import Imputation
from trdstats.errors import NotEstimableError
from trdstats.imputation import ANCOVA, ApproximateBayes, ConditionalMean
from trdstats.imputation.methods import Method

FORMULA = "change ~ baseline + site + treatment * visit"


def trial(name: str = "S0", *, missing: bool = False) -> pd.DataFrame:
    """Sixty patients of three sites and one, number 7, of a site of their own."""
    rng = np.random.default_rng(2)
    rows = []
    for i in range(60):
        base, level = rng.normal(30, 4), rng.normal(0, 3)
        for visit in (1, 2, 3):
            y = -3 * visit - 2 * visit * (i % 2) + level + rng.normal(0, 2)
            gone = (i % 5 == 0 and visit >= 2) or (missing and i == 7 and visit == 3)
            site = name if i == 7 else f"S{1 + i % 3}"
            rows.append((i, "AB"[i % 2], site, base, visit, np.nan if gone else y))
    columns = ["subject", "treatment", "site", "baseline", "visit", "change"]
    return pd.DataFrame(rows, columns=columns)


def pooled(frame: pd.DataFrame, method: Method, covariates: str = "baseline") -> pd.DataFrame:
    draws = Imputation(FORMULA, method=method).draw(frame)
    return draws.impute("MAR").analyse(ANCOVA(covariates)).pool().tidy()


@pytest.mark.parametrize("covariates", ["baseline", "baseline + site"])
def test_the_jackknife_is_the_same_whether_the_site_comes_first_or_last(covariates: str) -> None:
    # First, it is the reference and the intercept is lost; last, its own column is.
    first, last = (pooled(trial(name), ConditionalMean(), covariates) for name in ("S0", "S9"))
    assert first["estimate"].notna().all()
    columns = ["estimate", "std_error", "p_value"]
    np.testing.assert_allclose(first[columns], last[columns], rtol=1e-7)


def test_each_set_is_the_analysis_without_the_patient() -> None:
    frame = trial()
    sets = Imputation(FORMULA, method=ConditionalMean()).draw(frame).impute("MAR")
    without = frame[frame["subject"] != 7]
    alone = Imputation(FORMULA, method=ConditionalMean()).draw(without).impute("MAR")
    own = sets.frame(1 + 7)
    assert 7 not in own["subject"].tolist()
    np.testing.assert_allclose(own["change"], alone.frame(0)["change"], rtol=1e-6)
    ours = sets.analyse(ANCOVA("baseline + site")).estimates.estimate[8]
    theirs = alone.analyse(ANCOVA("baseline + site")).estimates.estimate[0]
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_other_methods() -> None:
    boot = pooled(trial(), ConditionalMean("bootstrap", n=40, seed=1))
    assert boot["estimate"].notna().all()
    # Samples that impute a patient need the site: they are drawn again, and it is said.
    with pytest.warns(UserWarning, match="drawn again"):
        drawn = pooled(trial(missing=True), ApproximateBayes(n=10, seed=1))
    assert drawn["estimate"].notna().all()


def test_a_mean_that_only_the_patient_informs_is_refused() -> None:
    frame = trial()
    # Under B only patient 7 was rated at visit 3, where the others are to be imputed.
    others = (frame["treatment"] == "B") & (frame["visit"] == 3) & (frame["subject"] != 7)
    frame.loc[others, "change"] = np.nan
    with pytest.raises(
        NotEstimableError,
        match=r"Without subject '7' a mean for the imputation of others is not estimable",
    ):
        Imputation("change ~ baseline + treatment * visit", covariance="cs",
                   common_covariance=True, method=ConditionalMean()).draw(frame)  # fmt: skip
