"""Random effects of factors that cross: raters who see many subjects, at several sites."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import chi2
from statsmodels.regression.mixed_linear_model import MixedLMParams

from trdstats import LMM
from trdstats.errors import EstimateWarning, NotEstimableError, SpecError
from trdstats.longitudinal import LMMResult


def balanced(a: int, b: int, c: int, *, seed: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    subject, rater, _ = (i.ravel() for i in np.indices((a, b, c)))
    y = 20 + 3 * rng.normal(size=a)[subject] + 1.5 * rng.normal(size=b)[rater]
    y = y + rng.normal(size=len(y))
    return pd.DataFrame({"subject": subject, "rater": rater, "y": y})


def clinic(*, seed: int = 7) -> pd.DataFrame:
    """Return 12 subjects of 3 sites, seen up to 6 times by some of 5 raters."""
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(12), 6)
    keep = rng.random(72) < 0.85
    subject, week = subject[keep], np.tile(np.arange(6), 12)[keep]
    site, rater = subject // 4, rng.integers(0, 5, keep.sum())
    y = 20 - week + 2 * rng.normal(size=3)[site] + 3 * rng.normal(size=12)[subject]
    y = y + 2 * rng.normal(size=5)[rater] + rng.normal(size=len(y))
    return pd.DataFrame({"site": site, "subject": subject, "rater": rater, "week": week, "y": y})


def covariance_of(fit: LMMResult, frame: pd.DataFrame, columns: list[str]) -> Any:
    *variances, s2 = fit.covariance_parameters()["estimate"]
    V = s2 * np.eye(len(frame))
    for column, g in zip(columns, variances, strict=True):
        code = frame[column].to_numpy()
        V = V + g * (code[:, None] == code)
    return V


def test_a_balanced_layout_by_its_mean_squares() -> None:
    """Every one of b raters rates each of a subjects c times: REML in closed form.

    Without an interaction the variances are (MS(subject) - MSE) / (b c), (MS(rater) - MSE) / (a c)
    and MSE (Searle, Casella and McCulloch 1992, Variance Components, chapter 4), and the mean has
    the variance (MS(subject) + MS(rater) - MSE) / (a b c).
    """
    a, b, c = 9, 6, 2
    frame = balanced(a, b, c)
    y = frame["y"].to_numpy().reshape(a, b, c)
    whole, of_subject, of_rater = y.mean(), y.mean(axis=(1, 2)), y.mean(axis=(0, 2))
    ms_subject = b * c * ((of_subject - whole) ** 2).sum() / (a - 1)
    ms_rater = a * c * ((of_rater - whole) ** 2).sum() / (b - 1)
    rest = y - of_subject[:, None, None] - of_rater[None, :, None] + whole
    mse = (rest**2).sum() / (a * b * c - a - b + 1)
    found = LMM("y ~ 1", crossed={"rater": "1"}).fit(frame)
    assert found.covariance_parameters()["estimate"].tolist() == pytest.approx(
        [(ms_subject - mse) / (b * c), (ms_rater - mse) / (a * c), mse], rel=1e-7
    )
    variance = (ms_subject + ms_rater - mse) / (a * b * c)
    row = found.tidy().iloc[0]
    assert row["std_error"] == pytest.approx(np.sqrt(variance), rel=1e-8)
    # Satterthwaite 1946: 2 v^2 over the sum of the variances of the mean squares.
    spread = [(ms_subject, a - 1), (ms_rater, b - 1), (mse, a * b * c - a - b + 1)]
    of_variance = sum(2 * ms**2 / df for ms, df in spread) / (a * b * c) ** 2
    assert row["df"] == pytest.approx(2 * variance**2 / of_variance, rel=1e-5)


def test_raters_across_sites_by_the_dense_covariance() -> None:
    frame = clinic()
    columns = ["site", "subject", "rater"]
    found = LMM(
        "y ~ week", random={"site": "1", "subject": "1"}, crossed={"rater": "1"}
    ).fit(frame)  # fmt: skip
    V = covariance_of(found, frame, columns)
    X, y = np.c_[np.ones(len(frame)), frame["week"]], frame["y"].to_numpy()
    W = np.linalg.inv(V)
    information = X.T @ W @ X
    beta = np.linalg.solve(information, X.T @ W @ y)
    r = y - X @ beta
    value = np.linalg.slogdet(V)[1] + np.linalg.slogdet(information)[1] + r @ W @ r
    assert found.deviance == pytest.approx(value + (len(y) - 2) * np.log(2 * np.pi), abs=1e-8)
    assert found.tidy()["estimate"].to_numpy() == pytest.approx(beta, abs=1e-9)
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    assert found.tidy()["std_error"].to_numpy() == pytest.approx(errors, rel=1e-8)
    for column in columns:
        g = found.covariance.loc[f"{column}: Intercept", f"{column}: Intercept"]
        Z = pd.get_dummies(frame[column]).to_numpy(dtype=float)
        own = found.random_effects(column)
        assert own["Intercept"].to_numpy() == pytest.approx(g * Z.T @ W @ r, abs=1e-9)
        error = np.sqrt(np.diag(g * np.eye(len(Z[0])) - g**2 * Z.T @ W @ Z))
        assert own["std_error Intercept"].to_numpy() == pytest.approx(error, rel=1e-7)
    conditional = found.residuals("conditional")["residual"].to_numpy()
    s2 = found.residual_variance
    assert conditional == pytest.approx(s2 * W @ r, abs=1e-9)
    white = found.residuals("normalised")["residual"].to_numpy()
    assert (white**2).sum() == pytest.approx(r @ W @ r)
    assert np.var(found.simulate(400, seed=1).filter(like="draw").to_numpy()[0]) == pytest.approx(
        V[0, 0], rel=0.25
    )


@pytest.mark.parametrize("reml", [True, False])
def test_the_likelihood_is_that_of_statsmodels(reml: bool) -> None:
    """MixedLM of statsmodels 0.14 at our estimates: its likelihood, not its search."""
    frame = clinic()
    found = LMM("y ~ week", crossed={"rater": "1"}, reml=reml).fit(frame)
    theirs = sm.MixedLM.from_formula(
        "y ~ week", frame, groups=np.zeros(len(frame)),
        vc_formula={"subject": "0 + C(subject)", "rater": "0 + C(rater)"}, re_formula="0",
    )  # fmt: skip
    theirs.reml, theirs.cov_pen, theirs.fe_pen = reml, None, None
    theirs.use_sqrt = False
    of_subject, of_rater, s2 = found.covariance_parameters()["estimate"]
    order = {"subject": of_subject, "rater": of_rater}
    point = MixedLMParams.from_components(
        fe_params=found.tidy()["estimate"].to_numpy(), cov_re=np.zeros((0, 0)),
        vcomp=np.array([order[name] for name in theirs.exog_vc.names]) / s2,
    )  # fmt: skip
    assert found.loglik == pytest.approx(theirs.loglike(point), abs=1e-7)


def test_names_and_order_play_no_part() -> None:
    frame = clinic()
    model = LMM("y ~ week", random={"site": "1", "subject": "1 + week"}, crossed={"rater": "1"})
    with pytest.warns(EstimateWarning):
        found = model.fit(frame)
    renamed = frame.assign(
        rater=frame["rater"].map(lambda k: f"R{9 - k}"), subject=100 - frame["subject"],
        site=frame["site"].map({0: "c", 1: "a", 2: "b"}),
    )  # fmt: skip
    with pytest.warns(EstimateWarning):
        other = model.fit(renamed.sample(frac=1, random_state=0))
    assert other.loglik == pytest.approx(found.loglik, abs=1e-8)
    assert other.covariance.to_numpy() == pytest.approx(found.covariance.to_numpy(), abs=1e-5)
    raters = other.random_effects("rater").set_index("rater")["Intercept"]
    own = found.random_effects("rater").set_index("rater")["Intercept"]
    assert raters["R9"] == pytest.approx(own[0], abs=1e-5)


def test_each_variance_against_the_model_without_it() -> None:
    frame = clinic()
    found = LMM("y ~ week", crossed={"rater": "1"}).fit(frame)
    table = found.variance_tests().set_index("term")
    without = LMM("y ~ week").fit(frame)
    statistic = without.deviance - found.deviance
    assert table.loc["rater: Intercept", "statistic"] == pytest.approx(statistic, abs=1e-6)
    assert table.loc["rater: Intercept", "p_value"] == pytest.approx(chi2.sf(statistic, 1) / 2)
    assert (table["df"] == "0:1").all()
    assert found.likelihood_ratio(without)["statistic"].item() == pytest.approx(statistic)
    serial = LMM("y ~ week", residual="ar1").fit(frame, visit="week").variance_tests()
    assert serial["term"].tolist() == ["Intercept"]


def test_three_levels() -> None:
    """Countries, sites, subjects: balanced, by the mean squares of four strata."""
    rng = np.random.default_rng(4)
    a, b, c, d = 6, 4, 5, 3
    country, site, subject, _ = (i.ravel() for i in np.indices((a, b, c, d)))
    site = country * b + site
    subject = site * c + subject
    y = 2 * rng.normal(size=a)[country] + 2 * rng.normal(size=a * b)[site]
    y = y + 2 * rng.normal(size=a * b * c)[subject] + rng.normal(size=len(y))
    frame = pd.DataFrame({"country": country, "site": site, "subject": subject, "y": y})
    found = LMM("y ~ 1", random={"country": "1", "site": "1", "subject": "1"}).fit(frame)
    cube = y.reshape(a, b, c, d)
    m3, m2, m1, m0 = cube.mean(axis=3), cube.mean(axis=(2, 3)), cube.mean(axis=(1, 2, 3)), y.mean()
    mse = ((cube - m3[..., None]) ** 2).sum() / (a * b * c * (d - 1))
    ms_subject = d * ((m3 - m2[..., None]) ** 2).sum() / (a * b * (c - 1))
    ms_site = c * d * ((m2 - m1[:, None]) ** 2).sum() / (a * (b - 1))
    ms_country = b * c * d * ((m1 - m0) ** 2).sum() / (a - 1)
    expected = [
        (ms_country - ms_site) / (b * c * d), (ms_site - ms_subject) / (c * d),
        (ms_subject - mse) / d, mse,
    ]  # fmt: skip
    assert found.covariance_parameters()["estimate"].tolist() == pytest.approx(expected, rel=1e-6)
    row = found.tidy().iloc[0]
    assert row["std_error"] == pytest.approx(np.sqrt(ms_country / (a * b * c * d)))
    assert row["df"] == pytest.approx(a - 1, rel=1e-5)
    assert len(found.influence()) == a
    levels = ["country", "site", "subject"]
    without = [
        LMM("y ~ 1", random={c: "1" for c in levels if c != left_out}).fit(frame).deviance
        for left_out in levels
    ]
    tests = found.variance_tests()
    assert tests["statistic"].tolist() == pytest.approx(np.subtract(without, found.deviance))


def test_what_cannot_be_told_apart_is_refused() -> None:
    frame = clinic()
    with pytest.raises(NotEstimableError, match="'rater' has one group"):
        LMM("y ~ week", crossed={"rater": "1"}).fit(frame.assign(rater=4))
    with pytest.raises(NotEstimableError, match="'site' has one group"):
        LMM("y ~ week", random={"site": "1", "subject": "1"}).fit(frame.assign(site="A"))
    with pytest.raises(NotEstimableError, match="'site' and 'subject' divide"):
        LMM("y ~ week", crossed={"site": "1"}).fit(frame.assign(site=frame["subject"] * 2))
    with pytest.raises(NotEstimableError, match="Every 'site' holds one 'subject'"):
        LMM("y ~ week", random={"site": "1", "subject": "1"}).fit(
            frame.assign(site=frame["subject"] * 2)
        )
    with pytest.raises(NotEstimableError, match="Every 'subject' has one rating"):
        LMM("y ~ week").fit(frame.assign(subject=np.arange(len(frame))))
    with pytest.raises(SpecError, match=r"name the factor in crossed=\{'rater': '1'\}"):
        LMM("y ~ week", random={"rater": "1", "subject": "1"}).fit(frame)
    with pytest.raises(SpecError, match="named in random and in crossed"):
        LMM("y ~ week", random={"site": "1", "subject": "1"}, crossed={"site": "1"})
    with pytest.raises(SpecError, match="'subject' is the subject"):
        LMM("y ~ week", crossed={"subject": "1"}).fit(frame)
    found = LMM("y ~ week", crossed={"rater": "1"}).fit(frame)
    with pytest.raises(SpecError, match="crossed random effects connect all ratings"):
        found.influence()
    assert "(crossed)" in repr(found.spec)
