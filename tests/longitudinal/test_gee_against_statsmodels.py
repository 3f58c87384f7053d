"""Estimating equations beside statsmodels, where it solves the same ones.

Its exchangeable correlation takes the coefficients from the number of pairs, so that its estimates
differ from geepack's and ours in the fifth digit; and it has no unstructured correlation that is
right with missed visits. What is compared: independence, the sandwich, the correction of Mancl and
DeRouen ("bias_reduced"), and an exchangeable correlation held at ours.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.genmod.generalized_estimating_equations import GEE, OrdinalGEE
from statsmodels.miscmodels.ordinal_model import OrderedModel

import trdstats as trd

FAMILIES = {
    "binomial": sm.families.Binomial(),
    "poisson": sm.families.Poisson(),
    "gaussian": sm.families.Gaussian(),
}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    n = 60
    table = pd.DataFrame({"subject": np.repeat(np.arange(n), 4), "visit": np.tile([1, 2, 3, 4], n)})
    table["x"] = np.repeat(rng.normal(size=n), 4)
    u = np.repeat(rng.normal(0, 1, n), 4)
    table["binomial"] = (rng.random(4 * n) < 1 / (1 + np.exp(-u - 0.4 * table["x"]))) * 1.0
    table["poisson"] = rng.poisson(np.exp(0.3 * table["x"] + 0.4 * u)) * 1.0
    table["gaussian"] = table["x"] + u + rng.normal(size=4 * n)
    table["ordinal"] = np.digitize(u + table["x"] + rng.logistic(size=4 * n), [-1, 0, 1.5])
    return table[rng.random(4 * n) > 0.15].reset_index(drop=True)


def theirs(frame: pd.DataFrame, family: str, structure: Any, cov_type: str, **options: Any) -> Any:
    X = sm.add_constant(frame[["x"]].assign(late=(frame["visit"] > 2) * 1.0))
    model = GEE(
        frame[family], X, groups=frame["subject"], family=FAMILIES[family], cov_struct=structure
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(cov_type=cov_type, maxiter=200, ctol=1e-12, **options)


@pytest.mark.parametrize("family", list(FAMILIES))
@pytest.mark.parametrize(
    ("vcov", "cov_type"), [("robust", "robust"), ("mancl-derouen", "bias_reduced")]
)
def test_independence(frame: pd.DataFrame, family: str, vcov: str, cov_type: str) -> None:
    late = frame.assign(late=(frame["visit"] > 2) * 1.0)
    own = trd.GEE(f"{family} ~ x + late", family=family, corr="independence", vcov=vcov)  # type: ignore[arg-type]
    table = own.fit(late).tidy()
    fit = theirs(frame, family, sm.cov_struct.Independence(), cov_type)
    assert table["estimate"].to_numpy() == pytest.approx(fit.params.to_numpy(), rel=1e-7)
    assert table["std_error"].to_numpy() == pytest.approx(fit.bse.to_numpy(), rel=1e-6)


@pytest.mark.parametrize("family", list(FAMILIES))
def test_exchangeable_at_one_correlation(frame: pd.DataFrame, family: str) -> None:
    late = frame.assign(late=(frame["visit"] > 2) * 1.0)
    fit = trd.GEE(f"{family} ~ x + late", family=family).fit(late)  # type: ignore[arg-type]
    structure = sm.cov_struct.Exchangeable()
    structure.dep_params = float(fit.correlation.iloc[0, 1])
    other = theirs(frame, family, structure, "robust", params_niter=1, first_dep_update=10_000)
    table = fit.tidy()
    assert table["estimate"].to_numpy() == pytest.approx(other.params.to_numpy(), rel=1e-5)
    assert table["std_error"].to_numpy() == pytest.approx(other.bse.to_numpy(), rel=1e-5)


def test_their_own_exchangeable_is_near(frame: pd.DataFrame) -> None:
    late = frame.assign(late=(frame["visit"] > 2) * 1.0)
    fit = trd.GEE("binomial ~ x + late").fit(late)
    structure = sm.cov_struct.Exchangeable()
    other = theirs(frame, "binomial", structure, "robust")
    assert structure.dep_params == pytest.approx(fit.correlation.iloc[0, 1], rel=0.05)
    assert fit.tidy()["estimate"].to_numpy() == pytest.approx(other.params.to_numpy(), abs=2e-3)


def test_ordered_categories(frame: pd.DataFrame) -> None:
    """Independence is the maximum likelihood of proportional odds; OrdinalGEE is near it.

    OrdinalGEE takes the indicators of one rating as independent, we their covariance: both are
    consistent, and differ by far less than a standard error.
    """
    spec = trd.GEE("ordinal ~ x", family="ordinal", corr="independence")
    fit = spec.fit(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = OrderedModel(frame["ordinal"], frame[["x"]], distr="logit").fit(
            method="bfgs", disp=False, gtol=1e-9
        )
    table = fit.tidy()
    assert table["estimate"].iloc[-1] == pytest.approx(other.params["x"], abs=1e-5)
    cuts = other.model.transform_threshold_params(other.params.to_numpy())[1:-1]
    assert table["estimate"].to_numpy()[:3] == pytest.approx(cuts, abs=1e-5)
    near = OrdinalGEE(
        frame["ordinal"], frame[["x"]], groups=frame["subject"],
        cov_struct=sm.cov_struct.Independence(),
    ).fit()  # fmt: skip
    error = table["std_error"].iloc[-1]
    assert table["estimate"].iloc[-1] == pytest.approx(near.params["x"], abs=0.2 * error)
    assert error == pytest.approx(near.bse["x"], rel=0.05)
    # The sandwich of the scores of its likelihood round the expected information,
    # sum over categories of p' p'^T / p, by numeric derivatives of its probabilities.
    at, x = other.params.to_numpy(), frame[["x"]].to_numpy()
    score = pd.DataFrame(other.model.score_obs(at)).groupby(frame["subject"]).sum().to_numpy()
    step = 1e-5 * np.eye(len(at))
    slope = [
        (other.model.predict(at + h, exog=x) - other.model.predict(at - h, exog=x)) / 2e-5
        for h in step
    ]
    slopes = np.stack(slope, axis=2)
    root = slopes / np.sqrt(other.model.predict(at, exog=x))[:, :, None]
    bread = np.linalg.inv(np.einsum("nkp,nkq->pq", root, root))
    sandwich = bread @ score.T @ score @ bread
    assert error == pytest.approx(np.sqrt(sandwich[0, 0]), rel=1e-4)


def test_two_categories_are_a_binary_outcome(frame: pd.DataFrame) -> None:
    two = frame.assign(ordinal=(frame["ordinal"] > 1) * 1)
    for corr in ("independence", "exchangeable", "unstructured"):
        one = trd.GEE("ordinal ~ x + visit", family="ordinal", corr=corr).fit(two).tidy()  # type: ignore[arg-type]
        other = trd.GEE("ordinal ~ x + visit", corr=corr).fit(two).tidy()  # type: ignore[arg-type]
        assert one["estimate"].iloc[0] == pytest.approx(-other["estimate"].iloc[0], rel=1e-6)
        for column in ("estimate", "std_error"):
            assert one[column].to_numpy()[1:] == pytest.approx(
                other[column].to_numpy()[1:], rel=1e-6
            )


def test_ordinal_probabilities_sum_to_one(frame: pd.DataFrame) -> None:
    fit = trd.GEE("ordinal ~ x + visit", family="ordinal").fit(frame)
    table = fit.margins("visit").tidy()
    assert table.groupby("visit", observed=True)["estimate"].sum().to_numpy() == pytest.approx(
        1, rel=1e-12
    )
    influence = fit.influence().drop(columns="subject").to_numpy()
    assert influence.T @ influence == pytest.approx(fit.estimates().covariance, rel=1e-9)


def test_generalised_score_test(frame: pd.DataFrame) -> None:
    """The same statistic under independence; with a correlation each estimates it in its way."""
    late = frame.assign(late=(frame["visit"] > 2) * 1.0)
    X = sm.add_constant(late[["x", "late"]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = GEE(late["binomial"], X, groups=late["subject"], family=FAMILIES["binomial"])
        restricted = GEE(
            late["binomial"], X[["const"]], groups=late["subject"], family=FAMILIES["binomial"]
        ).fit(ctol=1e-12)
        theirs = whole.compare_score_test(restricted)
    fit = trd.GEE("binomial ~ x + late", corr="independence").fit(late)
    row = fit.joint_test(["x", "late"], method="score").iloc[0]
    assert row["statistic"] * row["df_num"] == pytest.approx(theirs["statistic"], rel=1e-6)
    assert row["p_value"] == pytest.approx(theirs["p-value"], rel=1e-6)
    assert np.isinf(row["df_den"])
    for corr in ("exchangeable", "unstructured"):
        wald, score = (
            trd.GEE("binomial ~ x + late", corr=corr, ddf="normal")  # type: ignore[arg-type]
            .fit(late)
            .joint_test(["x", "late"], method=method)  # type: ignore[arg-type]
            .iloc[0]
            for method in ("wald", "score")
        )
        assert score["p_value"] == pytest.approx(wald["p_value"], abs=0.1)


def test_weights_of_ratings_are_those_of_a_regression(frame: pd.DataFrame) -> None:
    weighted = frame.assign(w=1 + (frame["visit"] % 3), late=(frame["visit"] > 2) * 1.0)
    X = sm.add_constant(weighted[["x", "late"]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # clustered errors with weights: what is asked for here
        theirs = sm.GLM(
            weighted["binomial"], X, family=FAMILIES["binomial"], var_weights=weighted["w"]
        ).fit(
            cov_type="cluster",
            cov_kwds={"groups": weighted["subject"], "use_correction": False},
            tol=1e-14,
        )
    spec = trd.GEE("binomial ~ x + late", corr="independence", rating_weights="w")
    table = spec.fit(weighted).tidy()
    assert table["estimate"].to_numpy() == pytest.approx(theirs.params.to_numpy(), rel=1e-7)
    assert table["std_error"].to_numpy() == pytest.approx(theirs.bse.to_numpy(), rel=1e-6)
    # With a working correlation a constant weight still changes nothing.
    one, other = (
        trd.GEE("binomial ~ x + late", corr="ar1", rating_weights="w")
        .fit(weighted.assign(w=c))
        .tidy()
        for c in (1.0, 7.0)
    )
    pd.testing.assert_frame_equal(one, other, rtol=1e-9)
