"""A correlation by days whose range is estimated at zero or without end is named as such."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import EstimateWarning, NotEstimableError

DAYS = (7, 14, 28, 42, 56)
FORMULA = "score ~ treatment * visit"
ZERO = "at the boundary of the parameter space: visits have a correlation of zero"


def table(kind: Literal["falling", "intercepts"]) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = []
    for i in range(60):
        shared = rng.normal(0, 3) if kind == "intercepts" else 0.0
        noise = rng.normal(0, 2, 6 if kind == "falling" else 5)
        error = np.diff(noise) if kind == "falling" else noise
        rows += [
            (i, "AB"[i % 2], d, 20 - 0.1 * d + i % 2 + shared + e)
            for d, e in zip(DAYS, error, strict=True)
        ]
    return pd.DataFrame(rows, columns=["subject", "treatment", "visit", "score"])


@pytest.mark.parametrize("ddf", ["satterthwaite", "kenward-roger"])
def test_no_correlation_is_named_and_the_rest_is_that_of_independence(ddf: str) -> None:
    data = table("falling")
    with pytest.warns(EstimateWarning, match=ZERO):
        fit = trd.MMRM(FORMULA, covariance="sp_exp", ddf=ddf).fit(data)
    assert len(fit.boundary) == 1
    assert ZERO in str(fit)
    rows = fit.covariance_parameters().set_index("term")
    assert np.isnan(rows.loc["range", "std_error"])
    assert rows.loc["variance", "std_error"] > 0
    alone = trd.MMRM(FORMULA, covariance="ind", ddf=ddf).fit(data)
    pd.testing.assert_frame_equal(fit.tidy(), alone.tidy(), rtol=1e-6)


def test_inside_the_boundary_nothing_is_said() -> None:
    fit = trd.MMRM(FORMULA, covariance="sp_exp").fit(table("intercepts"))
    assert fit.boundary == ()
    assert fit.covariance_parameters()["std_error"].notna().all()


def test_beside_a_nugget_no_correlation_is_not_identified() -> None:
    words = r"did not converge\. The range .* have a correlation of zero\. .*'ind'"
    with pytest.raises(NotEstimableError, match=words):
        trd.MMRM(FORMULA, covariance="sp_exp+nugget").fit(table("falling"))


def test_a_range_without_end_beside_a_nugget_is_compound_symmetry() -> None:
    """The search ended in an OverflowError."""
    with pytest.raises(NotEstimableError, match=r"one, however far apart\. .*'cs' one that does"):
        trd.MMRM(FORMULA, covariance="sp_exp+nugget").fit(table("intercepts"))


def test_residuals_beside_random_effects() -> None:
    """All correlation is that of the intercepts."""
    with pytest.warns(EstimateWarning, match=ZERO):
        fit = trd.LMM(FORMULA, random="1", residual="sp_exp").fit(table("intercepts"))
    assert len(fit.boundary) == 1
    assert ZERO in str(fit)
    rows = fit.covariance_parameters().set_index("term")
    assert np.isnan(rows.loc["residual range", "std_error"])
    assert (rows.loc[["var(Intercept)", "residual variance"], "std_error"] > 0).all()
    alone = trd.LMM(FORMULA, random="1").fit(table("intercepts"))
    pd.testing.assert_frame_equal(fit.tidy(), alone.tidy(), rtol=1e-5)


def test_of_a_group_alone() -> None:
    data = pd.concat(
        [table("falling").query("treatment == 'A'"), table("intercepts").query("treatment == 'B'")]
    )
    with pytest.warns(EstimateWarning, match=ZERO):
        fit = trd.MMRM(FORMULA, covariance="sp_exp", group="treatment").fit(data)
    rows = fit.covariance_parameters()
    rows = rows[rows["term"] == "range"].set_index("group")["std_error"]
    assert np.isnan(rows["A"])
    assert rows["B"] > 0
