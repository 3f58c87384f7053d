"""Means averaged over the subjects of the study: estimates, errors, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from repeated_measures import simulated

from trdstats import LMM, MMRM
from trdstats.errors import SpecError, UnknownNameError


def one_visit(n: int = 40, seed: int = 4) -> pd.DataFrame:
    """Return one rating a subject, and an effect of treatment that rises with the baseline."""
    rng = np.random.default_rng(seed)
    base = rng.normal(30, 5, n)
    arm = np.where(np.arange(n) % 2, "B", "A")
    y = base - 5 - np.where(arm == "B", 0.5 * (base - 20), 0.0) + rng.normal(0, 6, n)
    return pd.DataFrame({"subject": np.arange(n), "visit": 7, "arm": arm, "base": base, "y": y})


def test_without_interactions_the_means_are_those_at_the_average_subject() -> None:
    frame = simulated(n=60, T=3, gone=0.0)
    fit = MMRM("y ~ base * visit + arm * visit").fit(frame)
    fixed = fit.margins("arm", by="visit")
    study = fit.margins("arm", by="visit", covariates="observed")
    assert study.tidy()["estimate"].to_numpy() == pytest.approx(
        fixed.tidy()["estimate"].to_numpy(), abs=1e-12
    )
    # All have the same slope of the baseline: it cancels in differences, sampling and all.
    one, other = study.contrasts().tidy(), fixed.contrasts().tidy()
    pd.testing.assert_frame_equal(one, other, rtol=1e-9)
    # What sampling adds is slope^2 times the variance of the mean baseline, visit by visit.
    effects = fit.tidy().set_index("term")["estimate"]
    slopes = effects["base"] + np.array([0.0, *(effects[f"base:visit[T.{v}]"] for v in (14, 21))])
    base = frame.groupby("subject")["base"].first()
    added = np.repeat(slopes**2 * base.var(ddof=0) / len(base), 2)
    assert study.tidy()["std_error"].to_numpy() ** 2 == pytest.approx(
        fixed.tidy()["std_error"].to_numpy() ** 2 + added
    )


def test_with_an_interaction_the_difference_counts_sampling_too() -> None:
    """Worked by hand: one visit, two lines, the study's mean baseline.

    The difference at baseline b is d(b) = d0 + d1 b, so the average over the study is d(mean b);
    its variance is that of d at a fixed mean, plus d1^2 var(b) / n.
    """
    frame = one_visit()
    fit = MMRM("y ~ arm * base", ddf="residual").fit(frame)
    fixed = fit.margins("arm").contrasts().tidy().iloc[0]
    study = fit.margins("arm", covariates="observed").contrasts().tidy().iloc[0]
    d1 = fit.tidy().set_index("term").loc["arm[T.B]:base", "estimate"]
    assert study["estimate"] == pytest.approx(fixed["estimate"])
    expected = fixed["std_error"] ** 2 + d1**2 * frame["base"].var(ddof=0) / len(frame)
    assert study["std_error"] ** 2 == pytest.approx(expected)


def test_the_error_is_that_of_resampled_subjects() -> None:
    frame = one_visit(n=120, seed=11)
    spec = MMRM("y ~ arm * base", ddf="residual")
    error = spec.fit(frame).margins("arm", covariates="observed").contrasts().tidy()["std_error"][0]
    rng = np.random.default_rng(2)
    drawn = []
    for _ in range(400):
        again = frame.iloc[rng.integers(0, len(frame), len(frame))]
        again = again.assign(subject=np.arange(len(again)))
        fit = spec.fit(again)
        drawn.append(fit.margins("arm", covariates="observed").contrasts().tidy()["estimate"][0])
    # 400 resamples give a standard deviation to 3.5 %; two of its errors.
    assert error == pytest.approx(np.std(drawn, ddof=1), rel=0.07)


def test_empirical_covariances_are_those_of_the_influences() -> None:
    frame = one_visit(n=200)
    fit = MMRM("y ~ arm * base", vcov="empirical", ddf="residual").fit(frame)
    study = fit.margins("arm", covariates="observed").estimates()
    assert study.covariance == pytest.approx(study.influences.T @ study.influences)
    differences = fit.margins("arm", covariates="observed").contrasts().estimates()
    assert differences.covariance == pytest.approx(
        differences.influences.T @ differences.influences
    )


def test_values_hold_for_every_subject_and_visits_are_averaged() -> None:
    frame = simulated(n=60, T=3)
    site = np.where(frame["subject"] < 20, "north", "south")
    fit = MMRM("y ~ base + arm * visit + site").fit(frame.assign(site=site))
    given = {"base": 0.5, "site": "north"}
    fixed = fit.margins("arm", by="visit", at=given).tidy()
    study = fit.margins("arm", by="visit", at=given, covariates="observed").tidy()
    pd.testing.assert_frame_equal(study, fixed, rtol=1e-9)  # nothing is left to be sampled
    by_visit = fit.margins("arm", by="visit", covariates="observed").average().tidy()
    pd.testing.assert_frame_equal(
        fit.margins("arm", covariates="observed").tidy(), by_visit, rtol=1e-9
    )
    # Sites in the proportions of the study's subjects, not of its ratings.
    ratings = fit.margins("arm", weights="proportional").tidy()["estimate"]
    assert not np.allclose(ratings, by_visit["estimate"], rtol=1e-6)


def test_the_tables_say_what_was_averaged() -> None:
    fit = MMRM("y ~ arm * base", ddf="residual").fit(one_visit())
    text = repr(fit.margins("arm", covariates="observed"))
    assert text.startswith("Marginal means, averaged over the subjects of the study")
    text = repr(fit.margins("arm", covariates="observed").contrasts())
    assert text.startswith("Differences of marginal means, averaged over the subjects of the study")
    assert repr(fit.margins("arm")).splitlines()[0] == "Marginal means"


def test_averages_that_are_refused() -> None:
    frame = simulated(n=60, T=3)
    fit = MMRM("y ~ base + arm * visit").fit(frame)
    with pytest.raises(UnknownNameError, match="sex"):
        fit.margins("arm", covariates="observed", at={"sex": 1})
    with pytest.raises(SpecError, match="'base' is a number: it has no levels"):
        fit.margins("base", covariates="observed")
    with pytest.raises(SpecError, match=r"at=\{'base': \.\.\.\} must be a number; got 'low'"):
        fit.margins("arm", covariates="observed", at={"base": "low"})
    with pytest.raises(SpecError, match="leave `by` out"):
        fit.margins("arm", by="arm", covariates="observed")
    with pytest.raises(SpecError, match="covariates"):
        fit.margins("arm", covariates="everyone")
    dose = frame.assign(dose=frame["visit"] * 1.5 + frame["subject"] % 7)
    changing = MMRM("y ~ dose + arm * visit").fit(dose)
    with pytest.raises(SpecError, match="'dose' change between the visits of a subject"):
        changing.margins("arm", covariates="observed")
    changing.margins("arm", covariates="observed", at={"dose": 20})
    weighted = MMRM("y ~ base + arm * visit").fit(frame.assign(w=1.0), weights="w")
    with pytest.raises(SpecError, match="was fitted with weights of subjects"):
        weighted.margins("arm", covariates="observed")
    spec = MMRM("y ~ base + arm * visit")
    whole = frame.astype({"arm": "category", "visit": "category"})
    with pytest.raises(SpecError, match="fitted to a summary, which has no rows"):
        spec.fit(spec.summarise(whole)).margins("arm", covariates="observed")
    site = frame.assign(site=frame["subject"] % 6)
    nested = LMM("y ~ base + arm", random={"site": "1", "subject": "1"})
    with pytest.raises(SpecError, match="only the levels of 'site' are independent"):
        nested.fit(site).margins("arm", covariates="observed")
