"""Every figure of R on the reference trial.

R mmrm stops its search when the gradient is small but not zero: in every structure our
log-likelihood is as high or higher, by up to 3e-5, and estimates differ by what that is worth.
Where R's covariance matrix is put in, standard errors agree to 1e-7: the arithmetic is the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from r_models import FORMULA, by_term, in_r

from trdstats import MMRM
from trdstats.kernels.gaussian.reml import evaluate
from trdstats.longitudinal import MMRMResult

# What R's early stop is worth, relative to a standard error or a degree of freedom.
SE, DF = 2e-4, 6e-4


def fit(acute: pd.DataFrame, **options: Any) -> MMRMResult:
    settings = {"ddf": "satterthwaite"} | options
    return MMRM(FORMULA, **settings).fit(acute, subject="usubjid")  # type: ignore[arg-type]


def compare(
    found: MMRMResult,
    rows: list[dict[str, Any]],
    *,
    se: float = SE,
    df: float = DF,
    est: float = 1e-3,
) -> None:
    """Compare estimates in units of their standard errors, errors and df as ratios."""
    of_r = by_term(rows)
    table = found.tidy()
    assert len(table) == len(rows)
    for row in table.itertuples():
        own = of_r[in_r(row.term)]
        assert row.estimate == pytest.approx(own["estimate"], abs=est * own["se"])
        assert row.std_error == pytest.approx(own["se"], rel=se)
        assert row.df == pytest.approx(own["df"], rel=df)


STRUCTURES = ["us", "toep", "toeph", "ar1", "ar1h", "cs", "csh", "ad", "adh", "sp_exp"]


@pytest.mark.parametrize("structure", STRUCTURES)
def test_structures(acute: pd.DataFrame, r_values: Any, structure: str) -> None:
    own = r_values["reml"][structure]
    found = fit(acute, covariance=structure)
    # As high as R's or higher.
    assert -1e-6 < found.loglik - own["loglik"] < 3e-5
    compare(found, own["coef"])
    if "aic" in own:
        assert (found.aic, found.bic) == pytest.approx((own["aic"], own["bic"]), abs=1e-4)
        assert found.n_covariance == own["n_cov"]
        of_r = np.array(own["cov"])
        assert found.covariance.to_numpy() == pytest.approx(of_r, rel=2e-3)  # type: ignore[union-attr]


@pytest.mark.parametrize("structure", ["us", "toep", "cs"])
def test_at_rs_covariance_the_standard_errors_are_rs(
    acute: pd.DataFrame, r_values: Any, structure: str
) -> None:
    found = fit(acute, covariance=structure)
    of_r = np.array(r_values["reml"][structure]["cov"])
    theta = {
        "us": of_r[np.tril_indices(5)],
        "toep": of_r[0],
        "cs": np.array([of_r[0, 1], of_r[0, 0] - of_r[0, 1]]),
    }[structure]
    state = evaluate(found._model, theta)
    assert state is not None
    assert -state.deviance / 2 == pytest.approx(r_values["reml"][structure]["loglik"], abs=1e-6)
    rows = by_term(r_values["reml"][structure]["coef"])
    names = [in_r(t) for t in found.terms]
    assert np.sqrt(np.diag(state.vcov)) == pytest.approx([rows[n]["se"] for n in names], rel=1e-7)
    beta = state.beta + found._origin  # the likelihood counts outcomes from their mean
    assert beta == pytest.approx([rows[n]["estimate"] for n in names], rel=1e-5)


def test_maximum_likelihood(acute: pd.DataFrame, r_values: Any) -> None:
    own = r_values["ml_us"]
    found = fit(acute, reml=False)
    assert -1e-6 < found.loglik - own["loglik"] < 1e-5
    assert (found.aic, found.bic) == pytest.approx((own["aic"], own["bic"]), abs=3e-5)
    compare(found, own["coef"])


def test_a_covariance_for_each_arm(acute: pd.DataFrame, r_values: Any) -> None:
    own = r_values["grouped_us"]
    found = fit(acute, group="arm")
    assert -1e-6 < found.loglik - own["loglik"] < 5e-5
    # R stopped furthest from the optimum here: 2.7e-5 below it.
    compare(found, own["coef"], est=2e-3)
    for arm, matrix in own["cov"].items():
        assert found.covariance[arm].to_numpy() == pytest.approx(np.array(matrix), rel=5e-3)


def test_weights(acute: pd.DataFrame, r_values: Any) -> None:
    own = r_values["weighted_us"]
    found = fit(acute, rating_weights="w")
    assert -1e-6 < found.loglik - own["loglik"] < 3e-5
    compare(found, own["coef"])


@pytest.mark.parametrize(
    ("key", "ddf", "vcov"),
    [
        ("satterthwaite", "satterthwaite", "model"),
        ("kr_linear", "kenward-roger", "model"),
        ("between_within", "between-within", "model"),
        ("residual", "residual", "empirical"),  # R takes the empirical covariance there
        ("empirical", "satterthwaite", "empirical"),
        ("empirical_bias_reduced", "satterthwaite", "bias-reduced"),
        ("empirical_jackknife", "satterthwaite", "jackknife"),
    ],
)
def test_inference(acute: pd.DataFrame, r_values: Any, key: str, ddf: str, vcov: str) -> None:
    compare(fit(acute, ddf=ddf, vcov=vcov), r_values["us_inference"][key]["coef"])


@pytest.mark.parametrize(
    ("key", "ddf"), [("satterthwaite", "satterthwaite"), ("kr_linear", "kenward-roger")]
)
def test_marginal_means_and_contrasts(
    acute: pd.DataFrame, r_values: Any, key: str, ddf: str
) -> None:
    own = r_values["us_inference"][key]["lsmeans"]
    margins = fit(acute, ddf=ddf).margins("arm", by="visit")
    means, table = pd.DataFrame(own["means"]), margins.tidy()
    assert table["arm"].astype(str).tolist() == means["arm"].tolist()
    assert table["visit"].astype(str).tolist() == means["visit"].tolist()
    differences, found = pd.DataFrame(own["contrasts"]), margins.contrasts(pairwise=True).tidy()
    assert found["contrast"].tolist() == differences["contrast"].tolist()
    for ours, theirs, name in ((table, means, "emmean"), (found, differences, "estimate")):
        assert ours["estimate"].to_numpy() == pytest.approx(theirs[name].to_numpy(), abs=1e-4)
        assert ours["std_error"].to_numpy() == pytest.approx(theirs["SE"].to_numpy(), rel=SE)
        assert ours["df"].to_numpy() == pytest.approx(theirs["df"].to_numpy(), rel=DF)
        for limit, of_r in (("conf_low", "lower.CL"), ("conf_high", "upper.CL")):
            assert ours[limit].to_numpy() == pytest.approx(theirs[of_r].to_numpy(), abs=6e-4)


def test_joint_tests(acute: pd.DataFrame, r_values: Any) -> None:
    """R tests with its own Kenward-Roger; the degrees of freedom are those of the linear one."""
    own = r_values["us_inference"]["satterthwaite"]["arm_joint_test"]
    row = fit(acute).joint_test(["arm", "arm:visit"]).iloc[0]
    assert row["df_num"] == own["num_df"]
    assert row["statistic"] == pytest.approx(own["f"], rel=1e-4)
    assert row["df_den"] == pytest.approx(own["denom_df"], rel=DF)
    assert row["p_value"] == pytest.approx(own["p"], rel=0.01)
    adjusted = fit(acute, ddf="kenward-roger").joint_test(["arm", "visit:arm"]).iloc[0]
    kr = r_values["us_inference"]["kr"]["arm_joint_test"]
    assert adjusted["df_den"] == pytest.approx(kr["denom_df"], rel=DF)
