"""Three outcomes of one trial judged together: a score, days and a rate on the same subjects."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import trdstats as trd
from trdstats.estimates import Estimates

PAIR = ["TMS", "ECT"]


@cache
def both_arms() -> trd.Study:
    return trd.load_sample("trial").only(PAIR)


def three_outcomes(study: trd.Study) -> Estimates:
    """Return the differences in score and response at day 28, and in days without response."""
    fit = trd.MMRM("change ~ baseline + treatment * visit", covariance="us").fit(
        study.longitudinal(days=[7, 14, 21, 28])
    )
    gaps = fit.margins("treatment", by="visit").contrasts(reference="TMS").estimates()
    score = gaps.only(visit=gaps.keys["visit"].tolist()[-1])
    onset = trd.time_to(study, trd.Response())
    days = trd.RMST(tau=28, reference="TMS").fit(onset).estimates().only(measure="difference")
    rates = trd.rates(study, trd.Response(), day=28, reference="TMS").estimates()
    return trd.joint(
        score, days, rates.only(measure="difference"), labels=["score", "days", "rate"]
    )


@pytest.fixture(scope="module")
def whole() -> Estimates:
    return three_outcomes(both_arms())


def test_the_joint_covariance_is_that_of_the_grouped_jackknife(whole: Estimates) -> None:
    # 40 groups of four subjects, two from each treatment, each left out once. A variance from g
    # groups has a relative error near sqrt(2 / g): 22 % here, so 11 % of a standard error; its
    # correlations have one of at most 1 / sqrt(g), 16 %, smaller near 1. Limits are twice that.
    subjects = both_arms().subjects
    rng = np.random.default_rng(20)
    group = np.empty(len(subjects), dtype=int)
    for arm in PAIR:
        own = np.flatnonzero((subjects["treatment"] == arm).to_numpy())
        group[rng.permutation(own)] = np.arange(len(own)) % 40
    names = subjects["subject"].to_numpy(dtype=object)
    left = np.array(
        [three_outcomes(both_arms().keep(names[group != k].tolist())).value for k in range(40)]
    )
    gap = left - left.mean(axis=0)
    jackknife = 39 / 40 * gap.T @ gap
    error = np.sqrt(np.diag(jackknife))
    assert whole.std_error == pytest.approx(error, rel=0.22)
    correlation = jackknife / np.outer(error, error)
    own = whole.covariance / np.outer(whole.std_error, whole.std_error)
    assert own == pytest.approx(correlation, abs=0.3)
    # A lower score, fewer days without response and a higher rate go together.
    assert own[0, 1] > 0.2
    assert own[0, 2] < -0.2
    assert own[1, 2] < -0.2


def test_one_adjustment_for_three_outcomes(whole: Estimates) -> None:
    assert whole.keys["result"].tolist() == ["score", "days", "rate"]
    adjusted = whole.adjust("max-t")
    table, plain = adjusted.tidy(), whole.tidy()
    # The rate's own test is the score test; what is judged together has Wald statistics.
    alone = whole.only(result=["score", "days"]).p_value
    assert (table["p_value"][:2] >= alone - 1e-12).all()
    assert (table["p_value"][:2] <= 3 * alone + 1e-12).all()
    assert (table["conf_low"] < plain["conf_low"]).all()
    bonferroni = whole.adjust("bonferroni").tidy()
    assert (table["conf_low"] > bonferroni["conf_low"]).all()
    assert "the joint distribution of all statistics (max-T)" in adjusted.notes[-1]


@pytest.mark.parametrize("first", ["means", "effects"])
def test_means_and_effects_of_one_model(first: str) -> None:
    """The means are named by categories, which the effects do not have."""
    fit = trd.MMRM("change ~ baseline + treatment * visit").fit(
        both_arms().longitudinal(days=[14, 28])
    )
    means = fit.margins("treatment")
    parts = (means, fit) if first == "means" else (fit, means)
    both = trd.joint(*parts)
    tidy = both.tidy()
    of_means, of_effects = tidy["term"] == "", tidy["treatment"] == ""
    assert (of_means != of_effects).all()
    assert tidy.loc[of_means, "treatment"].tolist() == PAIR
    assert tidy.loc[of_means, "estimate"].tolist() == means.tidy()["estimate"].tolist()
    assert tidy.loc[of_effects, "term"].tolist() == fit.tidy()["term"].tolist()
    # Each keeps its covariance; between them it is that of the influences of the same subjects.
    between = both.covariance[np.ix_(of_means, of_effects)]
    crossed = both.influences.T @ both.influences
    assert between == pytest.approx(crossed[np.ix_(of_means, of_effects)], rel=1e-12)
