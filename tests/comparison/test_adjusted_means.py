"""Standardisation, augmented weighting, matching and censoring weights: R, truth, relations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataError, NotEstimableError, SpecError, UnknownNameError
from trdstats.kernels.nearest import match_nearest
from trdstats.weights import multiply_weights

FloatArray = npt.NDArray[np.float64]
REFERENCE = Path(__file__).resolve().parents[1] / "reference" / "comparison" / "values.json"


@pytest.fixture(scope="module")
def r_rates() -> dict[str, Any]:
    result: dict[str, Any] = json.loads(REFERENCE.read_text("utf-8"))["rates"]
    return result


def test_standardised_difference_of_r(trial: trd.Study, r_rates: dict[str, Any]) -> None:
    want = r_rates["standardised_rd"]
    spec = trd.Standardisation("baseline + msm", covariates="fixed")
    fit = spec.fit(trial, trd.Response(), day=28)
    row = fit.tidy().query("measure == 'difference' and treatment == 'ketamine'").iloc[0]
    assert row["estimate"] == pytest.approx(want["estimate"], rel=1e-9)
    # R's glm stops when the deviance moves by less than 1e-8 of itself, and the script takes the
    # slope by differences of 1e-5: its error is its own to 1e-6.
    assert row["std_error"] == pytest.approx(want["se"], rel=1e-6)
    assert fit.coefficients is not None
    for ours, theirs in (("estimate", "Estimate"), ("std_error", "Std. Error")):
        values = [row[theirs] for row in r_rates["logistic"]]
        assert fit.coefficients[ours].tolist() == pytest.approx(values, rel=1e-6)


def cohort(seed: int, n: int = 300) -> pd.DataFrame:
    """Two kinds of patients, two treatments, chances of both by kind."""
    rng = np.random.default_rng(seed)
    old = rng.random(n) < 0.5
    arm = np.where(rng.random(n) < np.where(old, 0.7, 0.3), "B", "A")
    met = rng.random(n) < 0.3 + 0.3 * old + 0.1 * (arm == "B")
    y = old * 2 + (arm == "B") + rng.normal(size=n)
    return pd.DataFrame({"subject": np.arange(n), "treatment": arm, "old": old * 1.0,
                         "met": met * 1.0, "y": y})  # fmt: skip


def test_saturated_models_are_direct_standardisation_whichever_way() -> None:
    # With one covariate of two values and its interaction all three are the mean over the values of
    # the means within them: standardisation by a saturated model, weighting and both together.
    frame = cohort(1)
    share = frame["old"].value_counts(normalize=True)
    want = {
        k: sum(share[s] * own.loc[own["old"] == s, "met"].mean() for s in (0.0, 1.0))
        for k, own in frame.groupby("treatment")
    }
    weights = trd.PropensityWeights("old").fit(frame)
    met = frame.assign(treatment=pd.Categorical(frame["treatment"]),
                       met=frame["met"].astype(bool).astype("boolean"))  # fmt: skip
    weighted = trd.outcomes.weighted_rates.weigh_rates(
        met, weights, reference="A", conf_level=0.95
    ).frame
    both = trd.AIPW("old").fit(frame, "met").tidy()
    for k in "AB":
        for table in (weighted, both):
            row = table[(table["measure"] == "rate") & (table["treatment"] == k)].iloc[0]
            assert row["estimate"] == pytest.approx(want[k], rel=1e-8)
    errors = [t.loc[t["measure"] == "difference", "std_error"].item() for t in (weighted, both)]
    assert errors[0] == pytest.approx(errors[1], rel=1e-8)


@pytest.mark.parametrize("outcome", ["met", "y"])
def test_influence_of_a_standardised_mean_is_its_derivative(outcome: str) -> None:
    # A subject counted twice moves the mean by its influence, to first order; the rest is 1/n of it.
    frame = cohort(2, 400)
    fit = trd.Standardisation("old").fit(frame, outcome)
    moved = fit.influence().set_index("subject")
    base = fit.mean
    for i in (0, 7, 99):
        twin = pd.concat([frame, frame.iloc[[i]].assign(subject=-1)])
        gap = trd.Standardisation("old").fit(twin, outcome).mean - base
        np.testing.assert_allclose(gap, moved.loc[i], rtol=0.05, atol=2e-6)
    table = fit.tidy()
    first = table["measure"].iloc[0]
    errors = table.loc[table["measure"] == first, "std_error"]
    np.testing.assert_allclose(errors, np.sqrt((moved**2).sum(axis=0)), rtol=1e-10)


def confounded(seed: int, n: int) -> pd.DataFrame:
    """Treatment by x, outcome by x squared and treatment: the true difference is 1."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    arm = np.where(rng.random(n) < 1 / (1 + np.exp(-x)), "B", "A")
    y = 2 * x + x**2 + (arm == "B") + rng.normal(size=n)
    return pd.DataFrame({"subject": np.arange(n), "treatment": arm, "x": x, "x2": x**2, "y": y})


def test_right_when_one_of_the_two_models_is() -> None:
    frame = confounded(3, 20_000)

    def gap(fit: Any) -> tuple[float, float]:
        row = fit.tidy().query("measure == 'difference'").iloc[0]
        return float(row["estimate"]), float(row["std_error"])

    crude = frame.groupby("treatment")["y"].mean()
    assert crude["B"] - crude["A"] > 2
    right = {"outcome": trd.AIPW("x + x2", "1 + x2"), "treatment": trd.AIPW("x2", "x"),
             "folds": trd.AIPW("x + x2", "x", folds=5, seed=1)}  # fmt: skip
    for name, spec in right.items():
        estimate, error = gap(spec.fit(frame, "y"))
        assert abs(estimate - 1) < 3 * error, name
    wrong, error = gap(trd.AIPW("x2", "x2").fit(frame, "y"))
    assert wrong - 1 > 10 * error
    # A linear model within all treatments misses the square too.
    estimate, error = gap(trd.Standardisation("x + x2").fit(frame, "y"))
    assert abs(estimate - 1) < 3 * error


def test_folds_are_the_same_for_a_seed() -> None:
    frame = confounded(4, 200)
    one, two = (trd.AIPW("x", folds=4, seed=7).fit(frame, "y").tidy() for _ in range(2))
    pd.testing.assert_frame_equal(one, two)


def test_nearest_by_hand() -> None:
    # Treated 5, 2 and 1; controls 0, 1.5, 4 and 9; caliper 2. The largest first: 5 takes 4, 2 takes
    # 1.5, 1 is left with 0. With replacement 1 takes 1.5 as well. 9 is nobody's.
    treated, control = np.array([5.0, 2.0, 1.0]), np.array([0.0, 1.5, 4.0, 9.0])
    found = match_nearest(treated, control, 1, 2.0, replace=False)
    assert found.ravel().tolist() == [2, 1, 0]
    found = match_nearest(treated, control, 1, 2.0, replace=True)
    assert found.ravel().tolist() == [2, 1, 1]
    found = match_nearest(treated, control, 2, 1.2, replace=True)
    assert found.tolist() == [[2, -1], [1, -1], [1, 0]]
    found = match_nearest(treated, control, 1, 0.4, replace=False)
    assert found.ravel().tolist() == [-1, -1, -1]


@pytest.mark.parametrize("seed", range(5))
def test_matching_agrees_with_a_search_of_all_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    treated, control = rng.normal(size=40), rng.normal(size=60)
    found = match_nearest(treated, control, 1, 0.3, replace=False).ravel()
    free = set(range(60))
    for i in np.argsort(-treated, kind="stable"):
        near = min(free, key=lambda j: (abs(control[j] - treated[i]), control[j]))
        want = near if abs(control[near] - treated[i]) <= 0.3 else -1
        assert found[i] == want
        free.discard(want)


def test_matched_difference_and_its_error() -> None:
    frame = confounded(6, 1500)
    fit = trd.Matching("x").fit(frame)
    table = fit.balance().iloc[0]
    assert abs(table["smd_after"]) < abs(table["smd_before"]) / 4
    y = frame.set_index("subject")["y"]
    row = fit.compare(y).iloc[0]
    assert abs(row["estimate"] - 1) < 3 * row["std_error"]
    # Without replacement the error is that of the mean of paired differences.
    wide = fit.pairs.assign(y=fit.pairs["subject"].map(y)).pivot_table("y", "set", "treatment")
    gap = wide["B"] - wide["A"]
    assert row["estimate"] == pytest.approx(gap.mean(), rel=1e-12)
    assert row["std_error"] == pytest.approx(gap.std(ddof=0) / np.sqrt(len(gap)), rel=1e-12)
    w = fit.weights.set_index("subject")["weight"]
    assert set(w.unique()) == {0.0, 1.0}
    assert fit.clusters.nunique() == row["n_sets"]
    many = trd.Matching("x", ratio=2, replace=True).fit(frame)
    again = many.compare(y).iloc[0]
    assert again["std_error"] > 0
    assert abs(again["estimate"] - 1) < 3 * again["std_error"]
    with pytest.raises(NotEstimableError, match="may belong to several sets"):
        _ = many.clusters
    assert len(fit.unmatched()) == 1
    assert "have no partner" in str(fit)


def test_errors_with_replacement_are_about_right() -> None:
    # Spread of 150 simulated estimates against the mean of their errors; the error of a standard
    # deviation of 150 is 6 %.
    found = []
    for seed in range(150):
        frame = confounded(1000 + seed, 200)
        fit = trd.Matching("x", replace=True).fit(frame)
        found.append(fit.compare(frame.set_index("subject")["y"]).iloc[0])
    errors = np.array([r["std_error"] for r in found])
    spread = np.std([r["estimate"] for r in found])
    assert errors.mean() == pytest.approx(spread, rel=0.25)


def leavers(n: int = 1500, seed: int = 5) -> trd.Study:
    """Who is severe responds less and is rated less: true rate under both treatments 1/2."""
    rng = np.random.default_rng(seed)
    severe = rng.normal(size=n)
    arm = np.where(np.arange(n) % 2, "A", "B")
    met = rng.random(n) < 1 / (1 + np.exp(1.5 * severe))
    seen = rng.random(n) < 1 / (1 + np.exp(1.0 * severe - 0.5))
    rows = [{"subject": i, "day": 0, "score": 30} for i in range(n)]
    rows += [{"subject": i, "day": 28, "score": 10 if met[i] else 25} for i in range(n) if seen[i]]
    people = pd.DataFrame({"subject": np.arange(n), "treatment": arm, "severe": severe})
    return trd.Study(pd.DataFrame(rows), people, scale="MADRS", randomised=True)


def test_missing_outcomes_that_covariates_explain() -> None:
    study = leavers()
    crude = trd.rates(study, trd.Response(), day=28, missing="observed").tidy()
    weights = trd.CensoringWeights("severe").fit(study, day=28)
    fixed = trd.rates(study, trd.Response(), day=28, missing="observed", weights=weights).tidy()
    for k in range(2):
        assert crude["conf_low"].iloc[k] > 0.5
        assert fixed["conf_low"].iloc[k] < 0.5 < fixed["conf_high"].iloc[k]
    assert "weights for being rated at day 28" in str(
        trd.rates(study, trd.Response(), day=28, missing="observed", weights=weights)
    )
    table = weights.tidy().set_index("term")
    assert table.loc["severe", "estimate"] == pytest.approx(-1.0, abs=0.25)
    assert weights.glance()["observed"].item() == (weights.weights["weight"] > 0).sum()
    # Weights of treatment and of being rated multiply, models and all.
    both = multiply_weights(trd.PropensityWeights("severe").fit(study), weights)
    again = trd.rates(study, trd.Response(), day=28, missing="observed", weights=both).tidy()
    assert again["estimate"].iloc[0] == pytest.approx(fixed["estimate"].iloc[0], abs=0.03)
    with pytest.raises(SpecError, match="Products need weights with their models"):
        multiply_weights(weights, weights.weights)


def test_censoring_that_covariates_explain() -> None:
    # Hazards of event and of leaving both rise with x: Kaplan-Meier is too high, the truth is the
    # mean over x of exp(-exp(x) t / 30).
    rng = np.random.default_rng(8)
    n = 4000
    x = rng.normal(size=n) * 0.9
    event, leave = rng.exponential(30 * np.exp(-x)), rng.exponential(25 * np.exp(-x))
    end = np.minimum(leave, 60.0)
    frame = pd.DataFrame({"subject": np.arange(n), "treatment": "A", "x": x,
                          "time": np.minimum(event, end), "status": (event <= end) * 1})  # fmt: skip
    truth = float(np.exp(-np.exp(rng.normal(size=400_000) * 0.9) * 20 / 30).mean())
    plain = trd.KaplanMeier().fit(frame).at([20.0])["estimate"].item()
    curves = trd.CensoringWeights("x").curves(frame, n_boot=60, seed=2)
    row = curves.at([20.0]).iloc[0]
    assert abs(plain - truth) > 0.02
    assert abs(row["estimate"] - truth) < 3 * row["std_error"]
    same = trd.CensoringWeights("x").curves(frame, n_boot=60, seed=2, n_jobs=2)
    pd.testing.assert_frame_equal(curves.at([20.0]), same.at([20.0]))
    mean = curves.restricted_mean(20.0)
    assert mean["estimate"].item() < 20
    assert "weighted for censoring" in str(curves)


def test_without_covariate_effects_the_curve_is_near_kaplan_meier() -> None:
    rng = np.random.default_rng(3)
    n = 3000
    event, end = rng.exponential(30, n), np.minimum(rng.exponential(40, n), 60)
    arm = np.where(np.arange(n) % 2, "A", "B")
    frame = pd.DataFrame({"subject": np.arange(n), "treatment": arm, "x": rng.normal(size=n),
                          "time": np.minimum(event, end), "status": (event <= end) * 1})  # fmt: skip
    ours = trd.CensoringWeights("x").curves(frame, n_boot=2).at([15.0, 40.0])["estimate"]
    theirs = trd.KaplanMeier().fit(frame).at([15.0, 40.0])["estimate"]
    np.testing.assert_allclose(ours, theirs, atol=0.01)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda f: trd.Standardisation("old").fit(f, "nothing"), UnknownNameError, "nothing"),
        (lambda f: trd.Standardisation("old").fit(f, "change"), SpecError, "give both"),
        (lambda f: trd.Standardisation("old", target="Z").fit(f, "met"), UnknownNameError, "'Z'"),
        (lambda f: trd.Standardisation("old").fit(f.assign(met=np.nan), "met"), NotEstimableError,
         "Nobody has the outcome met"),
        (lambda f: trd.Standardisation("old").fit(f.assign(met=f["old"]), "met"),
         NotEstimableError, "has no finite estimate"),
        (lambda f: trd.Standardisation("old").fit(f.assign(old=np.where(f.index < 3, np.nan, 1)),
                                                  "met"), DataError, "Covariates are missing"),
        (lambda f: trd.AIPW("old", folds=1), SpecError, "folds must be 0, or from 2"),
        (lambda f: trd.AIPW("old", folds=900).fit(f, "met"), SpecError, "folds must be 0"),
        (lambda f: trd.Matching("old", ratio=0), SpecError, "ratio must be 1 or more"),
        (lambda f: trd.Matching("old", caliper=0), SpecError, "caliper must be above 0"),
        (lambda f: trd.Matching("old").fit(f.assign(treatment=list("ABC") * 100)),
         NotEstimableError, "Matching pairs two treatments; there are A, B, C"),
        (lambda f: trd.Matching("old", treated="Z").fit(f), UnknownNameError, "'Z'"),
        (lambda f: trd.CensoringWeights("x").curves(f, n_boot=1), SpecError, "n_boot must be 2"),
        (lambda f: trd.CensoringWeights("age").fit(trd.load_sample("trial"), day=999.0),
         UnknownNameError, "No visit is scheduled at day 999"),
    ],
)  # fmt: skip
def test_bad_input(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call(cohort(0))
