"""Random effects against lme4, lmerTest and pbkrtest, and what follows from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from r_models import by_term, in_r

from trdstats import LMM, MMRM
from trdstats.errors import EstimateWarning, SpecError
from trdstats.longitudinal import LMMResult

FORMULA = "madrs ~ week * arm + madrs_bl"


def fit(frame: pd.DataFrame, **options: Any) -> LMMResult:
    return LMM(FORMULA, **options).fit(frame, subject="usubjid")


@pytest.mark.parametrize(
    ("key", "random"), [("random_intercept", "1"), ("random_slope", "1 + week")]
)
@pytest.mark.parametrize(
    ("table", "ddf"), [("satterthwaite", "satterthwaite"), ("kenward_roger", "kenward-roger")]
)
def test_r(acute: pd.DataFrame, r_values: Any, key: str, random: str, table: str, ddf: str) -> None:
    """Errors and degrees of freedom to 1e-5; estimates to 2e-5 errors: lme4 stops at that."""
    own = r_values["lmm"][key]
    found = fit(acute, random=random, ddf=ddf)
    assert found.loglik == pytest.approx(own["loglik_reml"], abs=1e-6)
    rows = by_term(own[table])
    for row in found.tidy().itertuples():
        of_r = rows[in_r(row.term)]
        assert row.estimate == pytest.approx(of_r["estimate"], abs=2e-5 * of_r["se"])
        assert row.std_error == pytest.approx(of_r["se"], rel=1e-5)
        assert row.df == pytest.approx(of_r["df"], rel=1e-5)
    variances = [v["vcov"] for v in own["varcorr"] if v["var2"] is None and v["grp"] != "Residual"]
    assert np.diag(found.covariance) == pytest.approx(variances, rel=1e-4)
    residual = next(v["vcov"] for v in own["varcorr"] if v["grp"] == "Residual")
    assert found.residual_variance == pytest.approx(residual, rel=1e-4)


def test_compound_symmetry_is_the_random_intercept(acute: pd.DataFrame) -> None:
    mixed = fit(acute, reml=True)
    same = MMRM(FORMULA, covariance="cs", ddf="satterthwaite").fit(acute, subject="usubjid")
    assert same.loglik == pytest.approx(mixed.loglik, abs=1e-9)
    columns = ["estimate", "std_error", "df"]
    pd.testing.assert_frame_equal(same.tidy()[columns], mixed.tidy()[columns], rtol=1e-6)
    theta = same.covariance_parameters()["estimate"].tolist()
    assert theta == pytest.approx([mixed.covariance.iloc[0, 0], mixed.residual_variance])


def test_blups_by_hand() -> None:
    """One intercept a subject: the mean residual shrunk by n g / (n g + s2)."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"subject": np.repeat(np.arange(30), 4), "x": rng.normal(size=120)})
    frame["y"] = 2 + frame["x"] + np.repeat(rng.normal(0, 2, 30), 4) + rng.normal(size=120)
    found = LMM("y ~ x").fit(frame)
    beta = found.tidy()["estimate"].to_numpy()
    residual = frame["y"] - beta[0] - beta[1] * frame["x"]
    mean = residual.groupby(frame["subject"]).mean().to_numpy()
    g, s2 = found.covariance.iloc[0, 0], found.residual_variance
    blups = found.random_effects()
    assert blups["Intercept"].to_numpy() == pytest.approx(mean * 4 * g / (4 * g + s2))
    assert blups["std_error Intercept"].to_numpy() == pytest.approx(np.sqrt(g * s2 / (4 * g + s2)))


def test_likelihood_ratio_of_a_random_slope(acute: pd.DataFrame) -> None:
    slope, intercept = fit(acute, random="1 + week"), fit(acute)
    row = slope.likelihood_ratio(intercept).iloc[0]
    assert row["statistic"] == pytest.approx(slope.deviance * -1 + intercept.deviance)
    assert row["df"] == "1:2"
    uncorrelated = fit(acute, random="1 + week", correlated=False)
    assert slope.likelihood_ratio(uncorrelated)["df"].tolist() == ["1"]
    assert uncorrelated.likelihood_ratio(intercept)["df"].tolist() == ["0:1"]
    with pytest.raises(SpecError, match="one random effect"):
        intercept.likelihood_ratio(slope)


def test_days_of_ones_own() -> None:
    """Every subject on days of its own; the truth lies within four errors."""
    rng = np.random.default_rng(11)
    n, T = 300, 6
    day = np.sort(rng.uniform(0, 12, (n, T)), axis=1)
    drawn = rng.multivariate_normal([0, 0], [[9, -0.6], [-0.6, 0.25]], n)
    y = 20 - 0.5 * day + drawn[:, [0]] + drawn[:, [1]] * day + rng.normal(0, 2, (n, T))
    frame = pd.DataFrame(
        {"subject": np.repeat(np.arange(n), T), "day": day.ravel(), "y": y.ravel()}
    )
    found = LMM("y ~ day", random="1 + day").fit(frame)
    truth = pd.Series([9, -0.6, 0.25, 4.0])
    table = found.covariance_parameters()
    assert (np.abs(table["estimate"] - truth) < 4 * table["std_error"]).all()
    shuffled = LMM("y ~ day", random="1 + day").fit(frame.sample(frac=1, random_state=1))
    assert shuffled.loglik == pytest.approx(found.loglik, abs=1e-6)


def test_a_variance_at_its_boundary_is_named() -> None:
    """Where a variance is zero the fit is that of the model without the effect."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"subject": np.repeat(np.arange(40), 3), "week": list(range(3)) * 40})
    mean = np.repeat(rng.normal(0, 1, 40), 3)
    noise = rng.normal(size=120)
    within = noise - np.repeat(noise.reshape(40, 3).mean(axis=1), 3)
    bent = np.outer(rng.normal(size=40), [1, -2, 1]).ravel()  # no slope within any subject
    with pytest.warns(EstimateWarning, match="Intercept of subject is estimated at zero.*does not"):
        found = LMM("y ~ week").fit(frame.assign(y=within))
    X = np.c_[np.ones(120), frame["week"]]
    beta, rss, *_ = np.linalg.lstsq(X, within)
    assert found.tidy()["estimate"].to_numpy() == pytest.approx(beta, abs=1e-10)
    assert found.residual_variance == pytest.approx(rss.item() / 118, rel=1e-9)
    assert found.covariance.iloc[0, 0] == 0
    table = found.covariance_parameters()
    assert np.isnan(table["std_error"].iloc[0])
    # REML of a least-squares fit: 2 sigma^4 / (n - q) is the variance of its residual variance.
    assert table["std_error"].iloc[1] == pytest.approx(found.residual_variance / np.sqrt(59))
    assert found.tidy()["df"].to_numpy() == pytest.approx(118)
    row = found.variance_tests().iloc[0]
    assert (row["statistic"], row["df"], row["p_value"]) == (pytest.approx(0, abs=1e-8), "0:1", 1)
    assert (found.random_effects()["Intercept"] == 0).all()
    assert "estimated at zero" in repr(found)
    level = frame.assign(y=3 * mean + bent)
    with pytest.warns(EstimateWarning, match="random effect week of subject is estimated at zero"):
        singular = LMM("y ~ week", random="1 + week").fit(level)
    simpler = LMM("y ~ week").fit(level)
    assert singular.deviance == pytest.approx(simpler.deviance, abs=1e-7)
    row = singular.variance_tests().iloc[0]
    assert (row["term"], row["df"], row["p_value"]) == ("week", "1:2", 1)
    fan = frame.assign(y=3 * mean * (1 + 0.5 * frame["week"]) + bent)
    for ddf in ("satterthwaite", "kenward-roger", "residual"):
        with pytest.warns(EstimateWarning, match="A correlation .* is estimated at 1 or -1"):
            found = LMM("y ~ week", random="1 + week", ddf=ddf).fit(fan)
        assert np.linalg.eigvalsh(found.covariance)[0] == pytest.approx(0, abs=1e-9)
        assert found.deviance < LMM("y ~ week").fit(fan).deviance
        assert np.isfinite(found.tidy()["df"]).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LMM("y", random="1"), "needs one outcome on the left"),
        (lambda: LMM("y ~ x", random="1 | subject"), "The subject is named in fit"),
        (lambda: LMM("y ~ x", ddf="between-within"), "ddf must be one of"),  # type: ignore[arg-type]
    ],
)
def test_unusable(make: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        make()


def test_the_face(acute: pd.DataFrame) -> None:
    text = repr(fit(acute, random="1 + week"))
    assert text.startswith("Linear mixed model\n")
    assert "random Intercept and week of the subject" in text
    assert "var(week)" in text
    assert "residual variance" in text


def test_likelihood_ratios_are_of_the_same_rows_and_nested_models(acute: pd.DataFrame) -> None:
    days = acute.assign(day=acute["day"].astype(float), other=acute["chg"] * 2)
    formula, by = "chg ~ day + arm", {"subject": "usubjid"}
    slope = LMM(formula, random="1 + day").fit(days, **by)
    one = LMM(formula).fit(days, **by)
    row = slope.likelihood_ratio(one)
    shuffled = LMM(formula).fit(days.sample(frac=1, random_state=2), **by)
    pd.testing.assert_frame_equal(slope.likelihood_ratio(shuffled), row, rtol=1e-5)
    with pytest.raises(SpecError, match="different rows or outcomes"):
        slope.likelihood_ratio(LMM("other ~ day + arm").fit(days, **by))
    changed = days.assign(chg=days["chg"] + (np.arange(len(days)) == 5))
    with pytest.raises(SpecError, match="different rows or outcomes"):
        slope.likelihood_ratio(LMM(formula).fit(changed, **by))
    with pytest.raises(SpecError, match="different rows or outcomes"):
        slope.likelihood_ratio(LMM(formula).fit(days.iloc[5:], **by))
    with pytest.raises(SpecError, match="are not nested"):
        slope.likelihood_ratio(LMM(formula, random="0 + I(day**2)").fit(days, **by))
