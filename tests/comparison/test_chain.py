"""One call for the bootstrap of weights and estimate, whatever the estimate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import NotEstimableError, SpecError, UnknownNameError
from trdstats.estimates.weights import multiply_weights
from trdstats.simulate import simulate_referral

Frame = pd.DataFrame


@pytest.fixture(scope="module")
def study() -> trd.Study:
    sample = simulate_referral(5, n=300, referral=0.7)
    return trd.Study(sample.visits, sample.subjects, sample.events, scale="MADRS", score="madrs",
                     windows={t: {28: 3, 84: 7} for t in ("TMS", "IV ketamine")})  # fmt: skip


@pytest.fixture(scope="module")
def fit(study: trd.Study) -> Any:
    return trd.PropensityWeights("failed_trials + chronic + baseline", estimand="overlap").fit(
        study
    )


def rates(study: trd.Study) -> Callable[[Frame], Frame]:
    return lambda w: trd.rates(study, trd.Response(), day=28, weights=w).tidy().iloc[:3]


def restricted_means(study: trd.Study) -> Callable[[Frame], Frame]:
    times = trd.time_to(study, trd.Response())
    return lambda w: trd.RMST(tau=84).fit(times, weights=w).tidy().iloc[:3]


def survival(study: trd.Study) -> Callable[[Frame], Frame]:
    times = trd.time_to(study, trd.Response())
    return lambda w: trd.KaplanMeier().fit(times, weights=w).at([28, 56])


def incidence(study: trd.Study) -> Callable[[Frame], Frame]:
    times = trd.time_to(study, trd.Response(), competing=["left follow-up"])
    return lambda w: trd.AalenJohansen().fit(times, weights=w).at([28, 56])


def hazards(study: trd.Study) -> Callable[[Frame], Frame]:
    times = trd.time_to(study, trd.Response())
    return lambda w: trd.CoxPH("treatment").fit(times, weights=w).tidy()


def days_in_response(study: trd.Study) -> Callable[[Frame], Frame]:
    history = trd.response_history(study, trd.Response(), trd.LossOfResponse(below=0.4))
    return lambda w: trd.ResponseState(tau=84).fit(history, weights=w).mean_days().query(
        "measure != 'ratio'")  # fmt: skip


def mixed_model(study: trd.Study) -> Callable[[Frame], Frame]:
    rows = study.longitudinal([28, 84])
    spec = trd.MMRM("change ~ baseline + treatment * visit")
    return lambda w: spec.fit(rows, weights=w).margins("treatment", by="visit").tidy()


EVERY = (rates, restricted_means, survival, incidence, hazards, days_in_response, mixed_model)


@pytest.mark.parametrize("build", EVERY, ids=lambda f: f.__name__)
def test_stacked_errors_are_those_of_the_bootstrap(build: Any, study: trd.Study, fit: Any) -> None:
    # 120 resamples know each error to 6.5 %; those of an estimate differ by less than 20 %, and
    # on average over its rows by less than 12 %.
    estimate = build(study)
    drawn = fit.bootstrap(estimate, n_boot=120, seed=2).tidy()
    own = estimate(fit).reset_index(drop=True)
    np.testing.assert_allclose(drawn["estimate"], own["estimate"], rtol=1e-6)
    ratio = (own["std_error"] / drawn["std_error"])[own["std_error"] > 0]
    assert ratio.between(0.8, 1.25).all()
    assert ratio.mean() == pytest.approx(1.0, abs=0.12)
    inside = drawn["estimate"].between(drawn["conf_low"], drawn["conf_high"])
    assert inside.all()


@pytest.mark.parametrize("build", [rates, restricted_means], ids=lambda f: f.__name__)
def test_stacked_errors_are_those_of_a_jackknife(build: Any) -> None:
    # Each of 120 subjects leaves in turn, and weights and estimate are made anew: no chance in
    # it. The factor of small samples meets it within 1 %, first order misses it by more.
    sample = simulate_referral(8, n=120, referral=1.0)
    study = trd.Study(sample.visits, sample.subjects, sample.events, scale="MADRS", score="madrs",
                      windows={t: {28: 3} for t in ("TMS", "IV ketamine")})  # fmt: skip
    fit = trd.PropensityWeights("chronic + baseline").fit(study)
    estimate, reweigh = build(study), fit.reweigh()

    def run(counts: Any) -> Any:
        frame = pd.DataFrame(
            {"subject": fit.weights["subject"], "weight": counts * reweigh(counts)}
        )
        return estimate(frame)["estimate"].to_numpy()

    ones = np.ones(120)
    fall = np.array([run(ones) - run(np.where(np.arange(120) == i, 0.0, 1.0)) for i in range(120)])
    want = np.sqrt((fall**2).sum(axis=0))
    own = estimate(fit)["std_error"].to_numpy()
    first = estimate(fit.subject_weights.first_order())["std_error"].to_numpy()
    np.testing.assert_allclose(own, want, rtol=0.01)
    assert (first < 0.985 * want).all()


def test_workers_change_nothing_and_seeds_do(study: trd.Study, fit: Any) -> None:
    estimate = restricted_means(study)
    one = fit.bootstrap(estimate, n_boot=60, seed=3).tidy()
    two = fit.bootstrap(estimate, n_boot=60, seed=3, n_jobs=2).tidy()
    pd.testing.assert_frame_equal(one, two)
    other = fit.bootstrap(estimate, n_boot=60, seed=4).tidy()
    assert (one["std_error"] != other["std_error"]).all()


def test_the_face(study: trd.Study, fit: Any) -> None:
    found = fit.bootstrap(restricted_means(study), n_boot=20, seed=1)
    text = str(found)
    assert text.startswith("Bootstrap of weights and estimate")
    assert "overlap weights from failed_trials + chronic + baseline" in text
    assert "20 of subjects within treatments, seed 1" in text
    assert "Measure          Treatment    Reference" in text
    assert list(found.tidy()) == ["measure", "treatment", "reference", "estimate", "std_error",
                                  "conf_low", "conf_high", "conf_level", "n_resamples",
                                  "own_std_error"]  # fmt: skip


def some_rows(weights: Frame) -> Frame:
    """Return a row that is always there, and one that most resamples do not have."""
    rare = weights["weight"].iloc[:2].min() > 0
    names = ["all", "rare"] if rare else ["all"]
    return pd.DataFrame({"measure": names, "day": 7, "estimate": weights["weight"].sum()})


def test_rows_that_resamples_do_not_have(fit: Any) -> None:
    found = fit.bootstrap(some_rows, n_boot=200, seed=1)
    table = found.tidy().set_index("measure")
    # Both of two subjects are drawn with a probability of 0.4.
    assert 50 < table.loc["rare", "n_resamples"] < 100
    assert np.isnan(table.loc["rare", "std_error"])
    assert table.loc["all", "n_resamples"] == 200
    assert table.loc["all", "std_error"] > 0
    assert "resamples could not be analysed" in str(found)


def with_reasons(weights: Frame) -> Frame:
    """Return a row whose reason differs between resamples."""
    lacks = weights["weight"].iloc[0] == 0
    return pd.DataFrame(
        {"measure": ["all"], "estimate": weights["weight"].sum(), "scale": "identity",
         "reason": "no standard error" if lacks else ""}
    )  # fmt: skip


def test_reasons_do_not_name_rows(fit: Any) -> None:
    table = fit.bootstrap(with_reasons, n_boot=40, seed=1).tidy()
    assert table["n_resamples"].tolist() == [40]
    assert "reason" not in table


def fails(weights: Frame) -> Frame:
    """Return nothing but for the data as they are."""
    if (weights["weight"] == 0).any():
        raise NotEstimableError("No.")
    return pd.DataFrame({"estimate": [1.0]})


def test_what_cannot_be_resampled_is_refused(study: trd.Study, fit: Any) -> None:
    with pytest.raises(NotEstimableError, match="10 of 10 resamples could not be analysed"):
        fit.bootstrap(fails, n_boot=10)
    with pytest.raises(SpecError, match="must return a tidy frame, such as that of result"):
        fit.bootstrap(lambda w: 1.0, n_boot=10)
    with pytest.raises(UnknownNameError, match="estimate"):
        fit.bootstrap(lambda w: pd.DataFrame({"value": [1.0]}), n_boot=10)
    with pytest.raises(SpecError, match="Rows are named by nothing, and several have the same"):
        fit.bootstrap(lambda w: pd.DataFrame({"estimate": [1.0, 2.0]}), n_boot=10)
    with pytest.raises(SpecError, match="n_boot must be a whole number of at least 2; got 1"):
        fit.bootstrap(rates(study), n_boot=1)
    covariates = study.subjects.assign(p=0.5, q=0.5)
    given = trd.PropensityWeights("age", scores={"TMS": "p", "IV ketamine": "q"}).fit(covariates)
    with pytest.raises(NotEstimableError, match="Given scores have no model"):
        given.bootstrap(rates(study), n_boot=10)


def test_weights_that_adjust_change_what_comparisons_must_say(study: trd.Study, fit: Any) -> None:
    times = trd.time_to(study, trd.Response())
    history = trd.response_history(study, trd.Response(), trd.LossOfResponse(below=0.4))
    plain, adjusted = "Unadjusted: treatments were not", "Not randomised; weights balance only what"
    found = [
        lambda w: trd.rates(study, trd.Response(), day=28, weights=w),
        lambda w: trd.KaplanMeier().fit(times, weights=w),
        lambda w: trd.LogRank().fit(times, weights=w),
        lambda w: trd.RMST(tau=84).fit(times, weights=w),
        lambda w: trd.CoxPH("treatment").fit(times, weights=w),
        lambda w: trd.AalenJohansen().fit(times, weights=w),
        lambda w: trd.ResponseState(tau=84).fit(history, weights=w),
    ]
    for make in found:
        crude, weighted, known = str(make(None)), str(make(fit)), str(make(fit.weights))
        assert plain in crude
        assert adjusted in weighted
        assert plain not in weighted
        # Nothing is known of weights from a table.
        assert plain in known
    assert times.caveat.startswith(plain)
    # Weights of being observed adjust for no treatment; with those of treatment they do.
    seen = trd.CensoringWeights("baseline", outcome="y").fit(
        study.subjects.assign(y=np.where(np.arange(300) % 7, 1.0, np.nan))
    )
    assert plain in str(trd.KaplanMeier().fit(times, weights=seen))
    both = multiply_weights(fit, seen)
    assert adjusted in str(trd.KaplanMeier().fit(times, weights=both))
