"""Indirect comparisons: relations between the methods, intervals, refusals, words."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from trdstats import (
    MAIC,
    STC,
    Bucher,
    CoxPH,
    Effect,
    EventTimes,
    PublishedArm,
    PublishedTrial,
    load_sample,
    published_figures,
    read_effect,
)
from trdstats.comparison.indirect.stc import draw_population
from trdstats.errors import DataError, NotEstimableError, SpecError, UnknownNameError
from trdstats.kernels.weighting.moment_weights import moment_weights


@pytest.fixture(scope="module")
def own() -> pd.DataFrame:
    """Return 400 subjects of a trial of A against C; age changes outcome and effect."""
    rng = np.random.default_rng(11)
    age, female = rng.normal(45, 10, 400), rng.integers(0, 2, 400).astype(float)
    arm = np.tile(["A", "C"], 200)
    lift = np.where(arm == "A", 0.8 - 0.04 * (age - 45), 0.0)
    response = rng.random(400) < expit(-0.5 + 0.03 * (age - 45) + 0.3 * female + lift)
    return pd.DataFrame(
        {
            "subject": [f"P{i:03d}" for i in range(400)], "treatment": arm, "age": age,
            "female": female, "response": response.astype(int),
            "score": 20 - 5 * response + rng.normal(0, 3, 400),
        }
    )  # fmt: skip


OTHER = PublishedTrial(
    "trial of B",
    {"age": 50.0, "female": 0.6},
    {"age": 9.0},
    (PublishedArm("B", 150, events=80), PublishedArm("C", 140, events=52)),
)
BOTH = {"treatment": "A", "comparator": "B", "anchor": "C"}


def test_moments_are_met(own: pd.DataFrame) -> None:
    fit = MAIC(OTHER).fit(own)
    table = fit.tidy()
    assert table["term"].tolist() == ["age", "female", "age (SD)"]
    assert table["after"].tolist() == pytest.approx(table["target"].tolist(), rel=1e-12)
    weight = fit.frame["weight"]
    assert weight.sum() == pytest.approx(400, rel=1e-12)
    spread = np.sqrt(np.average((own["age"] - 50) ** 2, weights=weight))
    assert spread == pytest.approx(9.0, rel=1e-12)


def test_own_means_as_targets_leave_everybody_as_they_are(own: pd.DataFrame) -> None:
    means = own[["age", "female"]].mean().to_dict()
    fit = MAIC(means).fit(own)
    assert fit.frame["weight"].to_numpy() == pytest.approx(1.0, abs=1e-9)
    crude = own.groupby("treatment")["response"].mean()
    trial = replace(OTHER, means={}, sds={})  # of its population nothing is known
    found = fit.compare(trial, outcome="response", measure="risk difference", **BOTH).tidy()
    assert found["estimate"].iloc[0] == pytest.approx(crude["A"] - crude["C"], abs=1e-9)


def test_units_order_and_names_of_covariates_change_nothing(own: pd.DataFrame) -> None:
    plain = MAIC({"age": 50.0, "female": 0.6}).fit(own).frame["weight"].to_numpy()
    months = own.assign(age=12 * own["age"] + 7)
    scaled = MAIC({"female": 0.6, "age": 607.0}).fit(months).frame["weight"].to_numpy()
    assert scaled == pytest.approx(plain, rel=1e-9)
    order = np.random.default_rng(3).permutation(len(own))
    shuffled = MAIC({"age": 50.0, "female": 0.6}).fit(own.iloc[order]).frame
    again = shuffled.set_index("subject")["weight"].loc[own["subject"]].to_numpy()
    assert again == pytest.approx(plain, rel=1e-9)


def test_influence_is_the_derivative_with_respect_to_a_subjects_count(own: pd.DataFrame) -> None:
    X = own[["age", "female"]].to_numpy()
    found = moment_weights(X, [50, 0.6])
    step = 1e-4
    for i in (0, 17, 201):
        ends = []
        for sign in (1, -1):
            counts = np.ones(len(X))
            counts[i] += sign * step
            ends.append(moment_weights(X, [50, 0.6], counts=counts).gamma)
        # Central differences of step 1e-4 have about eight digits.
        assert found.influence[i] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5)


@pytest.mark.parametrize("anchor", ["C", None])
def test_robust_and_bootstrap_errors_agree(own: pd.DataFrame, anchor: str | None) -> None:
    fit = MAIC(OTHER).fit(own)
    sides = {**BOTH, "anchor": anchor}
    robust = fit.compare(OTHER, outcome="response", **sides)
    drawn = fit.compare(OTHER, outcome="response", n_boot=600, seed=4, **sides)
    a, b = (r.glance()["std_error"].item() for r in (robust, drawn))
    # 600 resamples know a standard error to 3 %; 10 % is three of them.
    assert b == pytest.approx(a, rel=0.10)
    assert set(drawn.glance()["interval"]) == {"bootstrap"}
    one_worker = fit.compare(OTHER, outcome="response", n_boot=120, seed=4, **sides)
    two = fit.compare(OTHER, outcome="response", n_boot=120, seed=4, n_jobs=2, **sides)
    pd.testing.assert_frame_equal(one_worker.tidy(), two.tidy())


def test_influence_makes_the_variance_of_the_own_trial(own: pd.DataFrame) -> None:
    fit = MAIC(OTHER).fit(own)
    for found in (
        fit.compare(OTHER, outcome="response", **BOTH),
        STC("response").fit(own, OTHER, **BOTH),
    ):
        moved = found.influence()["influence"].to_numpy()
        assert np.sqrt(moved @ moved) == pytest.approx(found.tidy()["std_error"].iloc[0], rel=1e-12)


def test_weights_stand_in_any_estimator(own: pd.DataFrame) -> None:
    """Anchored comparison of hazards: weighted Cox regression into Bucher."""
    rng = np.random.default_rng(5)
    times = EventTimes(
        own.assign(time=rng.integers(7, 57, len(own)).astype(float), status=own["response"])
    )
    cox = CoxPH("treatment", robust=True).fit(times, weights=MAIC(OTHER).fit(own))
    first = replace(read_effect(cox.tidy().iloc[0]), treatment="C", reference="A").reversed()
    second = Effect("hazard ratio", "B", "C", 1.4, 1.0, 1.96)
    found = Bucher().fit(first, second).effect()
    assert found.value == pytest.approx(first.value - np.log(1.4), rel=1e-12)


def test_all_methods_find_the_effect_in_the_other_population() -> None:
    """A large trial whose truth is known: the linear effect of age changes it from 2 to 4."""
    rng = np.random.default_rng(2)
    n = 20_000
    age, arm = rng.normal(45, 8, n), np.tile(["A", "C"], n // 2)
    score = age / 10 + np.where(arm == "A", 2 + 0.4 * (age - 45), 0) + rng.normal(0, 2, n)
    own = pd.DataFrame({"subject": range(n), "treatment": arm, "age": age, "score": score})
    effect = Effect("mean difference", "B", "C", 1.0, std_error=0.1)
    trial = PublishedTrial("B", {"age": 50.0}, {"age": 8.0}, effect=effect)
    found = [
        MAIC({"age": 50.0})
        .fit(own)
        .compare(trial, outcome="score", measure="mean difference", **BOTH),
        STC("score", measure="mean difference").fit(own, trial, **BOTH),
    ]
    for result in found:
        first, last = result.tidy()["estimate"].iloc[[0, 2]]
        # Four standard errors of a mean difference of 2 x 10 000 subjects, weighted: 0.2.
        assert first == pytest.approx(4.0, abs=0.2)
        assert last == pytest.approx(first - 1.0, rel=1e-9)


def test_odds_ratios_at_the_means_are_not_those_of_a_population() -> None:
    """Strong prognosis, one conditional odds ratio of e: the population's lies nearer to 1."""
    rng = np.random.default_rng(8)
    n = 20_000
    x, arm = rng.normal(0, 3, n), np.tile(["A", "C"], n // 2)
    response = (rng.random(n) < expit(x + (arm == "A"))).astype(int)
    own = pd.DataFrame({"subject": range(n), "treatment": arm, "x": x, "response": response})
    trial = PublishedTrial(
        "B", {"x": 0.0}, {"x": 3.0},
        (PublishedArm("B", 500, events=300), PublishedArm("C", 500, events=250)),
    )  # fmt: skip
    at_means = STC("response", at="means").fit(own, trial, **BOTH)
    drawn = STC("response", n_simulated=50_000).fit(own, trial, **BOTH)
    conditional, marginal = (np.log(r.tidy()["estimate"].iloc[0]) for r in (at_means, drawn))
    assert conditional == pytest.approx(1.0, abs=0.12)  # standard error 0.04
    z = np.random.default_rng(1).normal(0, 3, 400_000)
    risks = [expit(z + 1).mean(), expit(z).mean()]
    truth = np.log(risks[0] / (1 - risks[0]) * (1 - risks[1]) / risks[1])
    assert truth < 0.6
    assert marginal == pytest.approx(truth, abs=0.1)
    assert "not comparable" in repr(at_means)
    assert "not comparable" not in repr(drawn)


def test_linear_models_read_alike_at_means_and_over_populations(own: pd.DataFrame) -> None:
    trial = replace(OTHER, arms=(PublishedArm("B", 80, mean=14.0, sd=5.0),
                                 PublishedArm("C", 80, mean=17.0, sd=5.0)))  # fmt: skip
    one, other = (
        STC("score", measure="mean difference", at=at).fit(own, trial, **BOTH).tidy()
        for at in ("means", "simulated population")
    )
    pd.testing.assert_frame_equal(one, other)


def test_simulated_patients_have_the_published_moments() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=500)
    X = np.column_stack([a, 0.6 * a + 0.8 * rng.normal(size=500), a > 0.2]).astype(float)
    drawn = draw_population(
        X, np.array([50.0, 10.0, 0.3]), np.array([8.0, 2.0, 1.0]),
        np.array([False, False, True]), 40_000, seed=1,
    )  # fmt: skip
    # Three standard errors of means and standard deviations of 40 000 draws.
    assert drawn.mean(axis=0) == pytest.approx([50, 10, 0.3], abs=0.12)
    assert drawn[:, :2].std(axis=0) == pytest.approx([8, 2], rel=0.011)
    assert set(np.unique(drawn[:, 2])) == {0.0, 1.0}
    correlation = np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1]
    assert correlation == pytest.approx(np.corrcoef(X[:, 0], X[:, 1])[0, 1], abs=0.015)


def test_published_rows_feed_a_bucher_comparison() -> None:
    rows = published_figures(trial="TRANSFORM-2", outcome="remission", measure="count").frame
    trial = PublishedTrial.from_rows(rows)
    second = trial.contrast("antidepressant + placebo", "esketamine", "odds ratio")
    first = read_effect(
        published_figures(trial="ESCAPE-TRD", outcome="remission", measure="odds ratio").frame
    ).reversed()
    found = Bucher().fit(first, second)
    by_hand = (1 / 1.733) / (31 / 69 * 48 / 53)
    assert found.effect().estimate == pytest.approx(by_hand, rel=1e-12)
    assert found.tidy()["treatment"].tolist()[-1] == "quetiapine XR"
    assert "definition (MADRS at most 10; MADRS at most 12), time (week 8; day 28)" in repr(found)
    with pytest.raises(NotEstimableError, match="No patients were analysed"):
        found.influence()
    with pytest.raises(SpecError, match="rows are of 2 trials"):
        PublishedTrial.from_rows(pd.concat([rows, rows.assign(trial="TRANSFORM-9")]))
    ax = found.plot()
    assert ax.get_xscale() == "log"
    assert len(ax.get_yticklabels()) == 3
    plt.close("all")


def test_what_publications_say_differently_is_noted() -> None:
    one = Effect("odds ratio", "A", "C", 2.0, 1.2, 3.4, context={"time": "week 8", "scale": "x"})
    other = Effect("odds ratio", "B", "C", 1.5, 1.0, 2.3, context={"time": "day 28", "scale": "x"})
    text = repr(Bucher().fit(one, other))
    assert "The trials differ in time (week 8; day 28)" in text
    assert "scale (" not in text


def test_direct_and_indirect_evidence() -> None:
    one = Effect("odds ratio", "A", "C", 2.0, std_error=0.1)
    other = Effect("odds ratio", "B", "C", 1.0, std_error=0.1)
    same = Effect("odds ratio", "A", "B", 2.0, std_error=0.1)
    assert "do not disagree beyond chance (z 0.00" in repr(Bucher().fit(one, other, direct=same))
    assert " disagree (z " in repr(Bucher().fit(one, other, direct=replace(same, estimate=0.5,
                                                conf_low=0.4, conf_high=0.7)))  # fmt: skip
    assert "z 0.00" in repr(Bucher().fit(one, other, direct=same.reversed()))


def test_bucher_refuses() -> None:
    one = Effect("odds ratio", "A", "C", 2.0, std_error=0.1)
    with pytest.raises(SpecError, match="different measures: odds ratio and risk ratio"):
        Bucher().fit(one, Effect("risk ratio", "B", "C", 2.0, std_error=0.1))
    with pytest.raises(SpecError, match=r"turn that effect with \.reversed"):
        Bucher().fit(one, Effect("odds ratio", "C", "B", 2.0, std_error=0.1))
    with pytest.raises(SpecError, match="Where the two names mean one treatment"):
        Bucher().fit(one, Effect("odds ratio", "B", "D", 2.0, std_error=0.1))
    with pytest.raises(SpecError, match="pool them"):
        Bucher().fit(one, one)


def test_targets_out_of_reach_are_named(own: pd.DataFrame) -> None:
    with pytest.raises(NotEstimableError, match=r"age 90 \(individual patients"):
        MAIC({"age": 90.0, "female": 0.6}).fit(own)
    line = own.assign(twice=2 * own["age"] + np.linspace(0, 0.01, len(own)))
    with pytest.raises(NotEstimableError, match="each mean lies within their range"):
        MAIC({"age": 60.0, "twice": 80.0}).fit(line)


def test_all_problems_of_the_covariates_at_once(own: pd.DataFrame) -> None:
    bad = own.assign(
        age=own["age"].where(own.index != 3), female=np.where(own["female"] == 1, "F", "M")
    )
    with pytest.raises(
        DataError, match=r"(?s)'female' holds no numbers.*lacks 'age'|lacks 'age'.*'fem"
    ):
        MAIC({"age": 50.0, "female": 0.5}).fit(bad)
    twice = pd.concat([own, own.head(2)])
    with pytest.raises(DataError, match="2 subjects have more than one row"):
        MAIC({"age": 50.0}).fit(twice)
    with pytest.raises(UnknownNameError, match="'weight'"):
        MAIC({"weight": 70.0}).fit(own)
    with pytest.raises(SpecError, match="at least one target"):
        MAIC({})


def test_comparisons_refuse(own: pd.DataFrame) -> None:
    fit = MAIC({"age": 50.0}).fit(own)
    with pytest.raises(SpecError, match="needs an outcome of 0 and 1"):
        fit.compare(OTHER, outcome="score", **BOTH)
    some = own.set_index("subject")["response"].astype(float)
    with pytest.raises(DataError, match="1 subject has no outcome"):
        fit.compare(OTHER, outcome=some.drop("P000"), **BOTH)
    with pytest.raises(UnknownNameError, match="Unknown treatment 'D'"):
        fit.compare(OTHER, outcome="response", treatment="D", comparator="B", anchor="C")
    with pytest.raises(UnknownNameError, match="Unknown arm of trial of B 'E'"):
        fit.compare(OTHER, outcome="response", treatment="A", comparator="E", anchor="C")
    with pytest.raises(
        NotEstimableError, match=r"every subject had the outcome\. A rate of 1 has no stand"
    ):
        fit.compare(OTHER, outcome=own.set_index("subject")["age"] * 0 + 1, **BOTH)
    with pytest.raises(SpecError, match="n_boot must be 0"):
        fit.compare(OTHER, outcome="response", n_boot=1, **BOTH)
    wrong = Effect("risk ratio", "B", "C", 1.2, 1.0, 1.5)
    with pytest.raises(SpecError, match="was asked for"):
        fit.compare(replace(OTHER, effect=wrong), outcome="response", **BOTH)


def test_simulated_comparisons_refuse(own: pd.DataFrame) -> None:
    with pytest.raises(SpecError, match="needs the standard deviations of age"):
        STC("response").fit(own, replace(OTHER, sds={}), **BOTH)
    with pytest.raises(SpecError, match="shares must lie between 0 and 1: female"):
        STC("response").fit(own, replace(OTHER, means={"age": 50, "female": 60}), **BOTH)
    with pytest.raises(SpecError, match="average covariates is no risk ratio"):
        STC("response", measure="risk ratio", at="means")
    told = own.assign(response=(own["age"] > 45).astype(int))
    with pytest.raises(NotEstimableError, match="no finite estimate"):
        STC("response").fit(told, OTHER, **BOTH)
    copy = replace(OTHER, means={"age": 50, "again": 50}, sds={"age": 9, "again": 9})
    with pytest.raises(NotEstimableError, match="are collinear"):
        STC("response").fit(own.assign(again=own["age"]), copy, **BOTH)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: PublishedArm("B", 10), "either events, or a mean"),
        (lambda: PublishedArm("B", 10, events=11), "from 0 to 10"),
        (lambda: PublishedArm("B", 10, mean=3.0), "positive sd"),
        (lambda: PublishedArm("B", 0, events=0), "n must be a whole number"),
        (lambda: PublishedTrial("X", {"age": np.nan}), "not usable as published moments: age"),
        (lambda: PublishedTrial("X", {}, {"age": 2.0}), "sds without means: age"),
        (
            lambda: PublishedTrial(
                "X", arms=(PublishedArm("B", 9, events=1), PublishedArm("B", 9, events=2))
            ),
            "two arms share a treatment",
        ),
        (lambda: PublishedArm.from_row({"arm": "B"}), "its treatment"),
    ],
)
def test_published_records_check_themselves(make: Any, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        make()


def test_results_travel_and_say_what_they_rest_on(own: pd.DataFrame) -> None:
    fit = MAIC(OTHER).fit(own)
    found = fit.compare(OTHER, outcome="response", **{**BOTH, "anchor": None})
    assert repr(pickle.loads(pickle.dumps(found))) == repr(found)
    assert repr(pickle.loads(pickle.dumps(fit))) == repr(fit)
    assert "nothing was randomised between the treatments" in found._repr_html_()
    ax = fit.plot()
    assert sum(bar.get_height() for bar in ax.patches) == 400
    plt.close("all")


def test_a_study_that_was_not_randomised_says_so() -> None:
    study = load_sample("modalities")
    fit = MAIC({"age": 50.0}).fit(study)
    assert study.caveat
    assert study.caveat in repr(fit)


@pytest.mark.parametrize("anchor", ["C", None])
def test_rows_share_what_comes_from_one_trial(own: pd.DataFrame, anchor: str | None) -> None:
    sides = {**BOTH, "anchor": anchor}
    for found in (
        MAIC(OTHER).fit(own).compare(OTHER, outcome="response", **sides),
        STC("response").fit(own, OTHER, **sides),
    ):
        estimates = found.estimates()
        first, second, both = estimates.std_error
        covariance = estimates.covariance
        assert covariance[0, 1] == 0
        if anchor is not None:
            assert both**2 == pytest.approx(first**2 + second**2, rel=1e-12)
            assert covariance[0, 2] == pytest.approx(first**2, rel=1e-12)
            assert covariance[1, 2] == pytest.approx(-(second**2), rel=1e-12)
            # Own less published is the indirect comparison once more.
            again = estimates.contrast([1, -1, 0]).tidy().iloc[0]
            last = estimates.tidy().iloc[2]
            for column in ("estimate", "std_error", "conf_low", "p_value"):
                assert again[column] == pytest.approx(last[column], rel=1e-9)
