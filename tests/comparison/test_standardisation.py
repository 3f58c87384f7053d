"""Standardisation: R's figures, influences, strata, truth, refusals, display."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perturbed import derivative_in_weight, levels
from scipy.special import expit, logit

from trdstats import (
    AFT,
    IPCW,
    CoxPH,
    EventTimes,
    Response,
    Standardisation,
    Study,
    joint,
    time_to,
)
from trdstats.errors import DataError, NotEstimableError, SpecError, UnknownNameError
from trdstats.outcomes.verdicts.verdicts import verdicts

REFERENCE = Path(__file__).resolve().parents[1] / "reference" / "comparison" / "values.json"
R_RATES = json.loads(REFERENCE.read_text("utf-8"))["rates"]
FORMULA = "treatment + baseline + msm"


def pick(frame: pd.DataFrame, measure: str, treatment: str) -> Any:
    return frame[(frame["measure"] == measure) & (frame["treatment"] == treatment)].iloc[0]


def fixed(trial: Study) -> Any:
    spec = Standardisation(FORMULA, outcome=Response(), day=28, variance="fixed covariates")
    return spec.fit(trial)


def r_iterations(trial: Study) -> tuple[np.ndarray, np.ndarray]:
    """Return what glm of R returns: coefficients and the covariance of its last step.

    R stops when the deviance changes by less than 1e-8 of itself, and reads the covariance off
    the weights with which that last step was made: those of the coefficients before it.
    """
    covariates = trial.subjects
    met = verdicts(trial, Response(), day=28, missing="nonresponse", reference="TMS")["met"]
    y = met.to_numpy(dtype=float)
    arm = covariates["treatment"].astype(str)
    X = np.column_stack(
        [
            np.ones(len(y)),
            arm == "ECT",
            arm == "ketamine",
            covariates["baseline"],
            covariates["msm"],
        ]
    ).astype(float)
    mu = (y + 0.5) / 2
    eta, deviance = logit(mu), np.inf
    while True:
        w = mu * (1 - mu)
        information = (X * w[:, None]).T @ X
        beta = np.linalg.solve(information, X.T @ (w * eta + y - mu))
        eta = X @ beta
        mu = expit(eta)
        now = -2 * float(np.sum(y * np.log(mu) + (1 - y) * np.log(1 - mu)))
        if abs(now - deviance) / (abs(now) + 0.1) < 1e-8:
            return beta, np.linalg.inv(information)
        deviance = now


def test_logistic_regression_of_r(trial: Study) -> None:
    table = fixed(trial).coefficients
    expected = pd.DataFrame(R_RATES["logistic"])
    # Ten digits are printed.
    assert table["estimate"].to_numpy() == pytest.approx(expected["Estimate"], abs=1e-10)
    # R's errors are those of the step before: 2.5e-7 away from the ones at the estimate.
    assert table["std_error"].to_numpy() == pytest.approx(expected["Std. Error"], abs=3e-7)
    beta, V = r_iterations(trial)
    assert np.sqrt(np.diag(V)) == pytest.approx(expected["Std. Error"].to_numpy(), abs=1e-9)
    assert beta == pytest.approx(table["estimate"].to_numpy(), abs=1e-10)


def test_standardised_difference_of_r(trial: Study) -> None:
    gap = pick(fixed(trial).tidy(), "difference", "ketamine")
    expected = R_RATES["standardised_rd"]
    # R differentiates numerically with a step of 1e-5.
    assert gap["estimate"] == pytest.approx(expected["estimate"], abs=1e-10)
    # 1.7e-8 away, all of it from R's covariance of the step before; see the next lines.
    assert gap["std_error"] == pytest.approx(expected["se"], abs=2e-8)
    beta, V = r_iterations(trial)
    covariates = trial.subjects
    other = np.column_stack([covariates["baseline"], covariates["msm"]])

    def slope(ect: float, ketamine: float) -> np.ndarray:
        X = np.column_stack([np.tile([1.0, ect, ketamine], (len(other), 1)), other])
        mu = expit(X @ beta)
        return ((mu * (1 - mu))[:, None] * X).mean(axis=0)

    G = slope(0, 1) - slope(0, 0)
    assert np.sqrt(G @ V @ G) == pytest.approx(expected["se"], abs=1e-10)


@pytest.mark.parametrize("estimand", ["ate", "att"])
@pytest.mark.parametrize("outcome", [Response(), "change"])
def test_influence_is_the_derivative_in_the_weight(
    trial: Study, outcome: Any, estimand: Any
) -> None:
    spec = Standardisation(
        FORMULA, outcome=outcome, day=28, estimand=estimand,
        treated="ECT" if estimand == "att" else None,
    )  # fmt: skip
    moved = spec.fit(trial).estimates().only(reference="").influence().set_index("subject")
    for subject in moved.index[::37]:
        found = derivative_in_weight(
            lambda w: levels(spec.fit(trial, weights=w)), moved.index, subject
        )
        # Central differences with a step of 1e-4.
        assert moved.loc[subject].to_numpy() == pytest.approx(found, abs=1e-9)


@pytest.mark.parametrize("estimand", ["ate", "att"])
@pytest.mark.parametrize("model", ["cox", "weibull", "generalised gamma"])
def test_influence_on_times(trial: Study, model: str, estimand: Any) -> None:
    onset = time_to(trial, Response())
    spec = Standardisation(
        FORMULA, days=[14, 28], tau=28, model=model, estimand=estimand,
        treated="ECT" if estimand == "att" else None,
    )  # fmt: skip
    moved = spec.fit(onset).estimates().only(reference="").influence().set_index("subject")
    for subject in moved.index[[3, 150]]:
        found = derivative_in_weight(
            lambda w: levels(spec.fit(onset, weights=w)), moved.index, subject
        )
        # Iterative fits end within 1e-9 of their maxima; a step of 1e-4 divides that.
        assert moved.loc[subject].to_numpy() == pytest.approx(found, abs=2e-6)
        assert np.abs(found).max() > 1e-4


def test_errors_are_those_of_the_influences(trial: Study) -> None:
    fit = Standardisation(FORMULA, outcome=Response(), day=28).fit(trial)
    moved = fit.estimates().only(reference="").influence().drop(columns="subject").to_numpy()
    rates = fit.tidy()
    rates = rates[rates["measure"] == "rate"]
    assert rates["std_error"].to_numpy() == pytest.approx(
        np.sqrt((moved**2).sum(axis=0)), rel=1e-12
    )
    gap = pick(fit.tidy(), "difference", "ketamine")
    assert gap["std_error"] == pytest.approx(
        np.sqrt(((moved[:, 2] - moved[:, 0]) ** 2).sum()), rel=1e-12
    )


def test_curves_are_those_of_the_cox_model(trial: Study) -> None:
    onset = time_to(trial, Response())
    table = Standardisation(FORMULA, days=[14, 28]).fit(onset).tidy()
    curves = CoxPH(FORMULA, robust=True).fit(onset).marginal(days=[14, 28])
    expected = curves.tidy().sort_values(["time"], kind="stable")
    shown = table[table["measure"] == "survival"]
    for column in ("estimate", "std_error", "conf_low", "conf_high"):
        assert shown[column].to_numpy() == pytest.approx(expected[column].to_numpy(), rel=1e-12)


def test_the_restricted_mean_is_the_area_under_the_curve(trial: Study) -> None:
    onset = time_to(trial, Response())
    table = Standardisation(FORMULA, tau=28).fit(onset).tidy()
    curves = CoxPH(FORMULA).fit(onset).marginal().tidy()
    for name in onset.treatments:
        own = curves[(curves["treatment"] == name) & (curves["time"] < 28)]
        edges = np.concatenate([[0.0], own["time"], [28.0]])
        area = np.concatenate([[1.0], own["estimate"]]) @ np.diff(edges)
        assert pick(table, "restricted mean", name)["estimate"] == pytest.approx(area, rel=1e-12)


def test_fixed_covariates_are_those_of_the_accelerated_model(trial: Study) -> None:
    onset = time_to(trial, Response())
    spec = Standardisation(FORMULA, days=[14], tau=28, model="weibull", variance="fixed covariates")
    table = spec.fit(onset).tidy()
    expected = AFT(FORMULA).fit(onset).marginal(days=[14], tau=28).tidy()
    for measure in ("survival", "restricted mean"):
        theirs = expected[expected["measure"] == measure]
        ours = table[table["measure"] == measure]
        for column in ("estimate", "std_error", "conf_low"):
            assert ours[column].to_numpy() == pytest.approx(theirs[column].to_numpy(), rel=1e-9)


def strata_frame(seed: int, n: int = 240) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    stratum = rng.integers(0, 3, n)
    arm = np.where(rng.random(n) < 0.3 + 0.2 * stratum, "b", "a")
    y = (rng.random(n) < 0.2 + 0.2 * stratum + 0.1 * (arm == "b")).astype(float)
    names = [f"s{i:03d}" for i in range(n)]
    return pd.DataFrame(
        {"subject": names, "treatment": arm, "stratum": stratum.astype(str), "y": y}
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_saturated_is_stratified(seed: int) -> None:
    frame = strata_frame(seed)
    cells = frame.groupby(["treatment", "stratum"])["y"].agg(["mean", "count"])
    if ((cells["mean"] == 0) | (cells["mean"] == 1)).any():
        return  # a cell without variation has no finite logit
    share = frame["stratum"].value_counts(normalize=True)
    table = Standardisation("treatment * stratum", outcome="y").fit(frame).tidy()
    for arm in ("a", "b"):
        by_hand = sum(share[s] * cells.loc[(arm, s), "mean"] for s in share.index)
        assert pick(table, "rate", arm)["estimate"] == pytest.approx(by_hand, abs=1e-9)


def test_order_of_rows_and_names_of_arms_change_nothing(trial: Study) -> None:
    frame = strata_frame(1)
    spec = Standardisation("treatment + stratum", outcome="y")
    one = spec.fit(frame).tidy()
    shuffled = spec.fit(frame.sample(frac=1, random_state=0)).tidy()
    pd.testing.assert_frame_equal(one, shuffled, rtol=1e-9)
    renamed = frame.assign(treatment=frame["treatment"].map({"a": "z", "b": "y"}))
    other = Standardisation("treatment + stratum", outcome="y", reference="z").fit(renamed).tidy()
    for measure in ("difference", "ratio", "odds ratio"):
        ours, theirs = pick(one, measure, "b"), pick(other, measure, "y")
        assert ours["estimate"] == pytest.approx(theirs["estimate"], rel=1e-9)
        assert ours["std_error"] == pytest.approx(theirs["std_error"], rel=1e-9)


def test_rescaling_the_outcome_rescales_the_means(trial: Study) -> None:
    frame = strata_frame(2)
    frame["points"] = frame["y"] * 3.5 + np.arange(len(frame)) % 7
    spec = Standardisation("treatment * stratum", outcome="points")
    one, two = spec.fit(frame).tidy(), spec.fit(frame.assign(points=10 * frame["points"])).tidy()
    for column in ("estimate", "std_error", "conf_low"):
        assert two[column].to_numpy() == pytest.approx(10 * one[column].to_numpy(), rel=1e-9)


def test_counts_of_copies_are_weights() -> None:
    frame = strata_frame(3, 60)
    spec = Standardisation("treatment + stratum", outcome="y")
    copies = frame.loc[frame.index.repeat(2)].reset_index(drop=True)
    copies["subject"] = [f"c{i}" for i in range(len(copies))]
    double = spec.fit(copies).tidy()["estimate"]
    weighted = spec.fit(frame, weights=pd.Series(2.0, index=frame["subject"])).tidy()["estimate"]
    assert double.to_numpy() == pytest.approx(weighted.to_numpy(), rel=1e-9)


def test_confounding_is_removed_where_the_model_is_right() -> None:
    rng = np.random.default_rng(11)
    n = 20_000
    x = rng.normal(size=n)
    arm = np.where(rng.random(n) < expit(x), "b", "a")
    p = expit(-0.5 + x + 0.5 * (arm == "b"))
    frame = pd.DataFrame(
        {"subject": np.arange(n), "treatment": arm, "x": x, "y": (rng.random(n) < p) * 1.0}
    )
    truth = float(np.mean(expit(x) - expit(-0.5 + x)))
    spec = Standardisation("treatment + x", outcome="y")
    gap = pick(spec.fit(frame).tidy(), "difference", "b")
    crude = frame.groupby("treatment")["y"].mean().diff().iloc[-1]
    # Three standard errors; the crude difference is off by twenty.
    assert abs(gap["estimate"] - truth) < 3 * gap["std_error"]
    assert crude - truth > 20 * gap["std_error"]


def test_those_without_an_outcome_are_averaged_over(trial: Study) -> None:
    fit = Standardisation(FORMULA, outcome="change", day=28).fit(trial)
    assert fit.glance()[["n", "n_observed"]].iloc[0].tolist() == [240, 197]
    assert fit.counts["n_observed"].tolist() == [61, 71, 65]
    assert "240, outcome known of 197" in repr(fit)


def test_separation_is_named() -> None:
    frame = strata_frame(4)
    frame["y"] = np.where(frame["stratum"] == "2", 1.0, frame["y"])
    with pytest.raises(NotEstimableError, match=r"effect of stratum\[T.2\] on y has no finite"):
        Standardisation("treatment + stratum", outcome="y").fit(frame)


def test_missing_covariates_are_all_named(trial: Study) -> None:
    frame = strata_frame(5).assign(age=1.0)
    frame.loc[[1, 4], "age"] = np.nan
    frame.loc[7, "stratum"] = None
    with pytest.raises(DataError, match=r"(?s)2 subjects have no 'age'.*s001; s004.*Impute it"):
        Standardisation("treatment + age + stratum", outcome="y").fit(frame)
    with pytest.raises(DataError, match=r"1 subject has no 'stratum'"):
        Standardisation("treatment + age + stratum", outcome="y").fit(frame)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"formula": "msm", "outcome": "y"}, "must hold 'treatment'"),
        ({"outcome": Response()}, "needs a scheduled day"),
        ({"outcome": "y", "day": 28}, "is a column of the subjects and has no day"),
        ({"outcome": "y", "estimand": "att"}, "name it with treated"),
        ({"outcome": "y", "treated": "ECT"}, "and only there"),
        ({"outcome": "y", "model": "cox"}, "is for event times"),
        ({"tau": 28, "model": "logistic"}, "is for outcomes at a day"),
        ({}, "Give an outcome; or, for event times"),
        ({"outcome": 3}, "must be a definition"),
        ({"outcome": "y", "variance": "robust"}, "variance must be one of"),
        ({"tau": -1}, "must be positive"),
        ({"tau": 28, "variance": "fixed covariates"}, "not there for Cox"),
        ({"outcome": "y", "conf_level": 95}, "conf_level must lie between 0 and 1"),
    ],
)
def test_unusable_specs(options: dict[str, Any], message: str) -> None:
    options = {"formula": "treatment + msm", **options}
    with pytest.raises(SpecError, match=message):
        Standardisation(**options)


def test_refusals_of_data(trial: Study) -> None:
    onset = time_to(trial, Response())
    with pytest.raises(SpecError, match="they are the outcome"):
        Standardisation(FORMULA, outcome=Response(), day=28).fit(onset)
    with pytest.raises(SpecError, match="the data must be EventTimes"):
        Standardisation(FORMULA, tau=28).fit(trial)
    with pytest.raises(UnknownNameError, match=r"Unknown treatment 'Ketamin'.*ketamine"):
        Standardisation(FORMULA, outcome=Response(), day=28, reference="Ketamin").fit(trial)
    with pytest.raises(UnknownNameError, match=r"Unknown column of the subjects 'agee'.*age"):
        Standardisation("treatment + agee", outcome=Response(), day=28).fit(trial)
    with pytest.raises(NotEstimableError, match="No subject was followed to day 999"):
        Standardisation(FORMULA, tau=999).fit(onset)
    with pytest.raises(NotEstimableError, match="one value only, 'TMS'"):
        Standardisation(FORMULA, outcome=Response(), day=28).fit(trial.only(["TMS"]))
    with pytest.raises(SpecError, match="'change' of a study needs a scheduled day"):
        Standardisation(FORMULA, outcome="change").fit(trial)
    with pytest.raises(SpecError, match="needs a Study"):
        Standardisation(FORMULA, outcome=Response(), day=28).fit(strata_frame(0))
    twice = pd.concat([strata_frame(0)] * 2)
    with pytest.raises(DataError, match="240 rows repeat a subject"):
        Standardisation("treatment", outcome="y").fit(twice)
    with pytest.raises(SpecError, match="needs outcomes of 0 and 1"):
        Standardisation(FORMULA, outcome="age", model="logistic").fit(trial)


def test_without_events_before_tau_nobody_loses_time() -> None:
    frame = pd.DataFrame(
        {"subject": range(8), "treatment": ["a", "b"] * 4, "time": [20.0] * 8,
         "status": [1, 1, 0, 1, 1, 0, 1, 1]}
    )  # fmt: skip
    table = Standardisation("treatment", tau=10).fit(EventTimes(frame)).tidy()
    means = table[table["measure"] == "restricted mean"]
    assert means["estimate"].tolist() == [10.0, 10.0]
    # Eight subjects who are all alike do not make the mean known exactly.
    assert means["std_error"].isna().all()


def test_display_and_pickle(trial_tables: Any) -> None:
    subjects, visits, _ = trial_tables
    study = Study(
        visits, subjects, scale="MADRS", subject="usubjid", treatment="arm", score="madrs",
        baseline="madrs_bl",
    )  # fmt: skip
    fit = Standardisation(FORMULA, outcome=Response(), day=28, estimand="att", treated="ECT").fit(
        study
    )
    again = pickle.loads(pickle.dumps(fit))
    assert repr(again) == repr(fit)
    text = repr(fit)
    assert "Standardised to  subjects under ECT" in text
    assert "Note: Treatments were not randomised; adjusted for treatment + baseline + msm." in text
    assert "Unadjusted" not in text
    assert repr(fit.spec).startswith("Standardisation\n")
    ax = fit.plot(measure="difference")
    assert "percentage points" in ax.get_xlabel()
    with pytest.raises(SpecError, match="measure must be one of"):
        fit.plot(measure="hazard")
    plt.close("all")


def test_outcomes_of_one_study_are_judged_together(trial: Study) -> None:
    onset = time_to(trial, Response())
    results = (
        Standardisation(FORMULA, outcome=Response(), day=28).fit(trial),
        Standardisation(FORMULA, outcome="change", day=28).fit(trial),
        IPCW("age", tau=28).fit(onset),
    )
    found = joint(*results, labels=["response", "change", "onset"]).only(measure="difference")
    plain, adjusted = found.tidy()["p_value"], found.adjust("max-t").tidy()["p_value"]
    bonferroni = np.minimum(len(found) * plain, 1)
    assert ((plain < adjusted) & (adjusted <= bonferroni)).all()
    # The subjects are the same: who responds has changed more and responded earlier.
    sd = np.sqrt(np.diag(found.covariance))
    assert (found.covariance / np.outer(sd, sd))[0, len(found) // 3] < -0.3


def test_a_difference_of_rates_is_a_proportion_in_all(trial: Study) -> None:
    fit = Standardisation(FORMULA, outcome=Response(), day=28).fit(trial)
    table = fit.tidy()
    rates = table[table["measure"] == "rate"].set_index("treatment")["estimate"]
    gap = pick(table, "difference", "ketamine")
    assert gap["estimate"] == pytest.approx(rates["ketamine"] - rates[gap["reference"]], abs=1e-14)


@pytest.mark.parametrize("levels", [[1, 2, 3], [1, 2], ["low", "high"]])
def test_categories_have_no_mean(levels: list[Any]) -> None:
    """Codes of an ordered scale were averaged as if they were amounts."""
    n = 60
    codes = np.arange(n) % len(levels)
    frame = pd.DataFrame({
        "subject": range(n), "treatment": np.where(np.arange(n) % 7 < 3, "A", "B"),
        "age": 40.0 + np.arange(n) % 11,
        "grade": pd.Categorical.from_codes(codes, categories=levels, ordered=True),
    })  # fmt: skip
    with pytest.raises(DataError, match=r"'grade' is declared as categories .* have no mean"):
        Standardisation("treatment + age", outcome="grade").fit(frame)
    coded = frame.assign(grade=pd.Categorical((codes > 0).astype(int)))
    plain = frame.assign(grade=(codes > 0).astype(int))
    a, b = (
        Standardisation("treatment + age", outcome="grade").fit(f).tidy() for f in (coded, plain)
    )
    assert a["estimate"].tolist() == b["estimate"].tolist()  # 0 and 1 are a rate, declared or not
