"""Inference of GLMMs: errors, influence, weights, likelihood ratios and profiles."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

import trdstats as trd
from trdstats import GLMM
from trdstats.errors import (
    SpecError,
    UnknownNameError,
)
from trdstats.longitudinal import GLMMResult


def test_robust_errors_come_from_influences(small: pd.DataFrame) -> None:
    spec = GLMM("met ~ treatment + visit", points=9)
    model, robust = spec.fit(small), GLMM(spec.formula, points=9, vcov="robust").fit(small)
    assert robust.tidy()["estimate"].equals(model.tidy()["estimate"])
    influence = robust.estimates().influences
    assert influence is not None
    assert robust.estimates().covariance == pytest.approx(influence.T @ influence)
    ratio = robust.tidy()["std_error"] / model.tidy()["std_error"]
    assert ((ratio > 0.8) & (ratio < 1.25)).all()


def test_influence_is_what_leaving_a_subject_out_does(small: pd.DataFrame) -> None:
    spec = GLMM("met ~ treatment + visit", points=9)
    whole = spec.fit(small)
    influence = whole.estimates().influences
    assert influence is not None
    for i in (0, 41):
        name = whole.design.subjects[i]
        without = spec.fit(small[small["subject"] != name])
        moved = whole.estimates().value - without.estimates().value
        assert moved == pytest.approx(influence[i], abs=0.1 * np.abs(influence).max())


def test_weights_of_subjects(small: pd.DataFrame) -> None:
    spec = GLMM("met ~ treatment + visit", points=9)
    robust = GLMM(spec.formula, points=9, vcov="robust").fit(small)
    same = spec.fit(small.assign(w=17.0), weights="w")
    columns = ["estimate", "std_error", "conf_low"]
    risks = [f.margins("treatment", by="visit") for f in (same, robust)]
    for one, other in ((same, robust), risks):
        for c in columns:
            assert one.tidy()[c].to_numpy() == pytest.approx(other.tidy()[c].to_numpy(), rel=1e-6)
    weighted = spec.fit(small, weights="w")
    assert np.isnan([weighted.aic, weighted.bic]).all()
    assert "effective sample size" in repr(weighted)
    assert "AIC" not in repr(weighted)
    with pytest.raises(SpecError, match="pseudo-likelihood, which has no likelihood ratio"):
        weighted.test_random_effects()
    with pytest.raises(SpecError, match="pseudo-likelihood"):
        weighted.likelihood_ratio(weighted)
    table = weighted.profile("treatment[T.B]")
    assert np.isnan(table["conf_low"]).all()
    assert "no profile" in table["reason"].iloc[0]
    # Whole weights are copies of subjects.
    twice = small.assign(w=np.where(small["treatment"] == "B", 2.0, 1.0))
    copies = small[small["treatment"] == "B"].assign(subject=lambda f: f["subject"] + "'")
    copied = spec.fit(pd.concat([small, copies]))
    assert spec.fit(twice, weights="w").tidy()["estimate"].to_numpy() == pytest.approx(
        copied.tidy()["estimate"].to_numpy(), abs=1e-7
    )


def test_likelihood_ratio_of_terms(small: pd.DataFrame) -> None:
    larger = GLMM("met ~ treatment * visit", points=9).fit(small)
    simpler = GLMM("met ~ treatment + visit", points=9).fit(small)
    row = larger.likelihood_ratio(simpler).iloc[0]
    assert row["statistic"] == pytest.approx(2 * (larger.loglik - simpler.loglik))
    assert row["df"] == "3"
    assert row["p_value"] == pytest.approx(chi2.sf(row["statistic"], 3))
    wald = larger.joint_test("treatment:visit").iloc[0]
    assert row["statistic"] == pytest.approx(3 * wald["statistic"], rel=0.2)
    with pytest.raises(SpecError, match="fewer terms"):
        simpler.likelihood_ratio(larger)
    other = GLMM("met ~ treatment + visit", points=5).fit(small)
    with pytest.raises(SpecError, match="the same points; got 9 and 5"):
        larger.likelihood_ratio(other)
    fewer = GLMM("met ~ treatment + visit", points=9).fit(small[:-4])
    with pytest.raises(SpecError, match="two fits to the same ratings"):
        larger.likelihood_ratio(fewer)
    slope = GLMM("met ~ treatment * visit", random="1 + day", points=9).fit(small)
    with pytest.raises(SpecError, match="differ in both"):
        slope.likelihood_ratio(simpler)


def test_likelihood_ratio_of_random_effects(small: pd.DataFrame) -> None:
    slope = GLMM("met ~ treatment + visit", random="1 + day", points=7).fit(small)
    one = GLMM("met ~ treatment + visit", points=7).fit(small)
    row, own = slope.likelihood_ratio(one).iloc[0], slope.test_random_effects().iloc[0]
    assert own["statistic"] == pytest.approx(row["statistic"], abs=1e-6)
    assert row["df"] == own["df"] == "1:2"
    expected = (chi2.sf(row["statistic"], 1) + chi2.sf(row["statistic"], 2)) / 2
    assert row["p_value"] == pytest.approx(expected)
    single = one.test_random_effects().iloc[0]
    assert single["df"] == "0:1"
    assert single["p_value"] == pytest.approx(chi2.sf(single["statistic"], 1) / 2)


def test_profile_and_wald_agree_for_a_regular_coefficient(small: pd.DataFrame) -> None:
    result = GLMM("met ~ treatment + visit", points=9).fit(small)
    table = result.profile("treatment[T.B]").iloc[0]
    wald = result.tidy().set_index("term").loc["treatment[T.B]"]
    assert table["conf_low"] == pytest.approx(wald["conf_low"], abs=0.2 * wald["std_error"])
    assert table["conf_high"] == pytest.approx(wald["conf_high"], abs=0.2 * wald["std_error"])
    without = GLMM("met ~ visit", points=9).fit(small)
    ratio = result.likelihood_ratio(without)["statistic"].iloc[0]
    assert table["statistic"] == pytest.approx(ratio, abs=1e-5)
    assert (table["p_value"] < 0.05) == (table["conf_low"] > 0 or table["conf_high"] < 0)
    with pytest.raises(UnknownNameError, match="treatment"):
        result.profile("treatmnt[T.B]")


def test_variance_components(small: pd.DataFrame) -> None:
    table = GLMM("met ~ treatment + visit", points=9).fit(small).variance_components()
    row = table.iloc[0]
    assert row["term"] == "sd(Intercept)"
    assert 0 < row["conf_low"] < row["estimate"] < row["conf_high"]
    assert row["std_error"] > 0


def test_proportional_odds(bands: GLMMResult, fit: GLMMResult) -> None:
    table = bands.test_proportional_odds(["arm", "madrs_bl"]).set_index("term")
    assert table.loc["arm", "df"] == "4"
    assert table.loc["madrs_bl", "df"] == "2"
    assert (table["statistic"] >= 0).all()
    with pytest.raises(SpecError, match="three categories or more; 'met' has 2"):
        fit.test_proportional_odds()
    with pytest.raises(UnknownNameError, match="sex"):
        bands.test_proportional_odds("sex")


def test_ordinal_with_two_categories_is_binary(small: pd.DataFrame) -> None:
    binary = GLMM("met ~ treatment + visit", points=9).fit(small)
    two = GLMM("met ~ treatment + visit", family="ordinal", points=9).fit(small)
    assert two.loglik == pytest.approx(binary.loglik, abs=1e-8)
    table = two.tidy()
    assert table["term"].iloc[0] == "0 | 1"
    assert table["estimate"].iloc[0] == pytest.approx(-binary.tidy()["estimate"].iloc[0], abs=1e-6)
    assert table["estimate"].iloc[1:].to_numpy() == pytest.approx(
        binary.tidy()["estimate"].iloc[1:].to_numpy(), abs=1e-6
    )


def test_probit_and_counts(small: pd.DataFrame) -> None:
    probit = GLMM("met ~ treatment + visit", link="probit", points=9).fit(small)
    logit = GLMM("met ~ treatment + visit", points=9).fit(small)
    a = probit.margins("treatment", by="visit").tidy()["estimate"]
    b = logit.margins("treatment", by="visit").tidy()["estimate"]
    assert a.to_numpy() == pytest.approx(b.to_numpy(), abs=0.01)
    with pytest.raises(SpecError, match="this model has 'probit'"):
        probit.ratios()
    counts = GLMM("count ~ treatment + visit", family="poisson", points=9).fit(small)
    assert "Rate ratios of a subject" in repr(counts.ratios())
    means = counts.margins("treatment", by="visit")
    assert means.estimates().title == "Population counts"
    observed = small.groupby(["visit", "treatment"])["count"].mean().to_numpy()
    assert means.tidy()["estimate"].to_numpy() == pytest.approx(observed, abs=0.35)


def test_random_effects_are_shrunken(fit: GLMMResult) -> None:
    table = fit.random_effects()
    assert list(table.columns) == ["subject", "Intercept", "std_error Intercept"]
    assert table["Intercept"].std() < fit.deviations.value[0]
    assert (table["std_error Intercept"] < fit.deviations.value[0] * 1.0001).all()


def test_order_names_and_units_do_not_matter(small: pd.DataFrame) -> None:
    spec = GLMM("met ~ treatment * day", random="1 + day", points=3)
    one = spec.fit(small)
    mixed = small.sample(frac=1, random_state=1).assign(
        subject=lambda f: f["subject"].map({s: f"{s[:0:-1]}{s}" for s in f["subject"]})
    )
    other = spec.fit(mixed)
    columns = ["estimate", "std_error"]
    assert other.tidy()[columns].to_numpy() == pytest.approx(one.tidy()[columns], rel=1e-5)
    flipped = spec.fit(small.assign(met=1 - small["met"]))
    assert flipped.tidy()["estimate"].to_numpy() == pytest.approx(-one.tidy()["estimate"], rel=1e-4)
    assert flipped.loglik == pytest.approx(one.loglik, abs=1e-8)


def test_a_study_and_a_definition() -> None:
    study = trd.load_sample("trial")
    spec = GLMM("response ~ treatment + visit", points=7)
    fit = spec.fit(study, outcome=trd.Response(), days=[14, 28])
    assert "fall of at least 50 %" in repr(fit)
    again = pickle.loads(pickle.dumps(fit))
    assert repr(again) == repr(fit)
    assert fit.glance()["points"].iloc[0] == 7
