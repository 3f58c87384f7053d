"""Propensity weights: R's figures, derivatives of the whole, balance, overlap, refusals."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trdstats as trd
from trdstats.errors import DataError, EstimateWarning, NotEstimableError, SpecError
from trdstats.estimates.weights import EstimatedWeights

FloatArray = npt.NDArray[np.float64]
COVARIATES = "msm + age + female + baseline"
REFERENCE = Path(__file__).resolve().parents[1] / "reference"
PRINTED = 2e-9  # ten digits of R


@pytest.fixture(scope="module")
def r_weights() -> dict[str, Any]:
    path = REFERENCE / "comparison" / "values.json"
    result: dict[str, Any] = json.loads(path.read_text("utf-8"))["weights"]
    return result


@pytest.fixture(scope="module")
def two_arms() -> trd.Study:
    """Return the ECT and ketamine arms of the reference trial, taken as cohorts."""
    subjects, visits = (
        pd.read_csv(REFERENCE / "trial" / f"trial_{name}.csv") for name in ("subjects", "visits")
    )
    subjects = subjects[subjects["arm"].isin(["ketamine", "ECT"])]
    subjects = subjects.assign(
        female=(subjects["sex"] == "F").astype(int),
        arm=pd.Categorical(subjects["arm"], ["ECT", "ketamine"]),
    )
    visits = visits[visits["usubjid"].isin(subjects["usubjid"])]
    return trd.Study(visits, subjects, scale="MADRS", subject="usubjid", treatment="arm",
                     score="madrs", baseline="madrs_bl", randomised=True)  # fmt: skip


@pytest.mark.parametrize("estimand", ["ate", "att", "overlap"])
def test_weights_of_r(two_arms: trd.Study, r_weights: dict[str, Any], estimand: str) -> None:
    want = r_weights[estimand]
    treated = "ketamine" if estimand == "att" else None
    spec = trd.PropensityWeights(COVARIATES, estimand=estimand, treated=treated)  # type: ignore[arg-type]
    fit = spec.fit(two_arms)
    table = fit.balance().set_index("term")
    terms = COVARIATES.split(" + ")
    found = table.loc[terms, "smd_after"].tolist()
    # Differences near 0 are known to the digits of the sums they come from.
    assert found == pytest.approx(list(want["smd"].values()), rel=PRINTED, abs=1e-11)
    before = table.loc[terms, "smd_before"].tolist()
    assert before == pytest.approx(list(r_weights["smd_unweighted"].values()), rel=PRINTED)
    sizes = fit.effective_size().set_index("treatment")["effective"]
    assert sizes["ketamine"] == pytest.approx(want["ess_treated"], rel=PRINTED)
    assert sizes["ECT"] == pytest.approx(want["ess_control"], rel=PRINTED)
    assert fit.tidy()["estimate"].tolist() == pytest.approx(
        list(r_weights["ps_coef"].values()), rel=1e-8
    )
    # R takes the weights as known: their frame is that, the result is not.
    known = fit.weights
    rates = trd.rates(two_arms, trd.Response(), day=28, reference="ECT", weights=known).tidy()
    gap = rates[rates["measure"] == "difference"].iloc[0]
    assert gap["estimate"] == pytest.approx(want["risk_difference"], rel=PRINTED)
    # survey multiplies by n / (n - 1).
    n = len(two_arms.subjects)
    error = gap["std_error"] * np.sqrt(n / (n - 1))
    assert error == pytest.approx(want["rd_se_robust"], rel=PRINTED)
    onset = trd.time_to(two_arms, trd.Response())
    cox = trd.CoxPH("treatment", correction="none").fit(onset, weights=known).tidy().iloc[0]
    assert cox["estimate"] == pytest.approx(want["cox_log_hr"], rel=1e-8)
    assert cox["std_error"] == pytest.approx(want["cox_robust_se"], rel=1e-8)
    curves = trd.KaplanMeier().fit(onset, weights=known).at([28])["estimate"]
    assert curves.tolist() == pytest.approx(want["km_day28"], rel=PRINTED)


def test_mean_change_of_r(two_arms: trd.Study, r_weights: dict[str, Any]) -> None:
    # svyglm of the change at day 28 on treatment: weighted least squares at one visit.
    want = r_weights["overlap"]
    fit = trd.PropensityWeights(COVARIATES, estimand="overlap").fit(two_arms)
    rows = two_arms.longitudinal(days=[28]).dropna(subset=["score"])
    model = trd.MMRM("change ~ treatment").fit(rows, weights=fit.weights)
    row = model.tidy().iloc[1]
    assert row["estimate"] == pytest.approx(want["mean_difference_chg"], rel=1e-8)
    n = len(rows)
    error = row["std_error"] * np.sqrt(n / (n - 1))
    assert error == pytest.approx(want["md_se_robust"], rel=1e-8)


def test_entropy_of_r(two_arms: trd.Study, r_weights: dict[str, Any]) -> None:
    # R's optim stops where a numeric gradient of step 1e-3 vanishes: it misses the moments by 1e-5
    # and its weights differ from those that meet them by as much.
    want = r_weights["entropy_att"]
    fit = trd.PropensityWeights(COVARIATES, estimand="entropy", treated="ketamine").fit(two_arms)
    assert fit.balance()["smd_after"].abs().max() < 1e-12
    sizes = fit.effective_size().set_index("treatment")
    assert sizes.loc["ECT", "effective"] == pytest.approx(want["ess_control"], rel=1e-5)
    assert sizes.loc["ECT", "largest"] == pytest.approx(want["max_weight"], rel=2e-5)
    rates = trd.rates(two_arms, trd.Response(), day=28, weights=fit).tidy()["estimate"]
    assert rates.iloc[0] == pytest.approx(want["control_mean_resp"], rel=1e-6)
    assert rates.iloc[1] == pytest.approx(want["treated_mean_resp"], rel=PRINTED)


N = 120


def cohort(seed: int = 1, n: int = N) -> tuple[pd.DataFrame, FloatArray]:
    """Three treatments chosen by two covariates, and an outcome."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    odds = X @ np.array([[0.5, 0.0, -0.4], [0.0, 0.6, 0.2]])
    arm = (odds + rng.gumbel(size=(n, 3))).argmax(axis=1)
    frame = pd.DataFrame({"subject": [f"S{i}" for i in range(n)], "x1": X[:, 0], "x2": X[:, 1],
                          "treatment": np.array(list("ABC"))[arm]})  # fmt: skip
    return frame, X[:, 0] + arm + rng.normal(size=n)


KINDS: list[dict[str, Any]] = [
    {}, {"estimand": "att", "treated": "B"}, {"estimand": "overlap"}, {"estimand": "matching"},
    {"estimand": "entropy"}, {"estimand": "entropy", "treated": "C"}, {"method": "balancing"},
    {"method": "balancing", "estimand": "overlap"}, {"stabilised": True}, {"cap": 0.9},
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Weights explode")
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_model_of_the_weights_is_their_derivative(kind: dict[str, Any]) -> None:
    # The estimate is that of weights estimated anew when a subject counts a little more: central
    # differences of step 1e-4. The last estimate is not scale-free within treatments.
    frame, y = cohort()
    fit = trd.PropensityWeights("x1 + x2", **kind).fit(frame)
    reweigh = fit.reweigh()
    arm = frame["treatment"].to_numpy()

    def estimates(counts: FloatArray) -> FloatArray:
        w = counts * reweigh(counts)
        means = [w[arm == k] @ y[arm == k] / w[arm == k].sum() for k in "ABC"]
        return np.array([*means, w[arm == "A"] @ y[arm == "A"] / w.sum()])

    ones = np.ones(N)
    w, found = reweigh(ones), estimates(ones)
    direct = [np.where(arm == k, w * (y - m) / w[arm == k].sum(), 0)
              for k, m in zip("ABC", found[:3], strict=True)]  # fmt: skip
    direct.append(w * ((arm == "A") * y - found[3]) / w.sum())
    model = fit.subject_weights
    assert isinstance(model, EstimatedWeights)
    among = model.first_order().among(frame["subject"])
    moved = among.stacked_influence(np.column_stack(direct))
    if "cap" in kind:
        # The quantile at which weights are cut is taken as known.
        assert np.isfinite(moved).all()
        return
    for i in (0, 5, 77):
        up, down = ones.copy(), ones.copy()
        up[i], down[i] = 1 + 1e-4, 1 - 1e-4
        derivative = (estimates(up) - estimates(down)) / 2e-4
        np.testing.assert_allclose(moved[i], derivative, rtol=1e-5, atol=1e-8)


def test_the_formula_for_errors_of_a_weighted_mean() -> None:
    # Lunceford and Davidian 2004 (doi:10.1002/sim.1903): with weights of a saturated model the
    # weighted rates are those of direct standardisation over the strata, errors included.
    rng = np.random.default_rng(4)
    n = 400
    old = rng.random(n) < 0.5
    arm = np.where(rng.random(n) < np.where(old, 0.7, 0.3), "B", "A")
    met = rng.random(n) < 0.3 + 0.3 * old + 0.1 * (arm == "B")
    frame = pd.DataFrame({"subject": np.arange(n), "treatment": pd.Categorical(arm), "old": old * 1,
                          "met": pd.array(met, dtype="boolean")})  # fmt: skip
    fit = trd.PropensityWeights("old").fit(frame)
    model = fit.subject_weights
    assert isinstance(model, EstimatedWeights)
    weigh_rates = trd.outcomes.weighted_rates.weigh_rates
    got = weigh_rates(frame, model.first_order()).rates
    share = np.array([(~old).mean(), old.mean()])
    p = {k: np.array([met[(arm == k) & (old == s)].mean() for s in (0, 1)]) for k in "AB"}
    counts = {k: np.array([((arm == k) & (old == s)).sum() for s in (0, 1)]) for k in "AB"}
    rows = got.tidy().set_index("treatment")
    for k in "AB":
        assert rows.loc[k, "estimate"] == pytest.approx(share @ p[k], rel=1e-9)
    gap = p["B"] - p["A"]
    within = sum(share**2 @ (p[k] * (1 - p[k]) / counts[k]) for k in "AB")
    between = share @ (gap - share @ gap) ** 2 / n
    error = got.compare(reference="A").std_error[0]
    assert error == pytest.approx(np.sqrt(within + between), rel=1e-9)


def test_errors_agree_with_a_bootstrap_of_the_whole() -> None:
    frame, y = cohort(3, 300)
    fit = trd.PropensityWeights("x1 + x2").fit(frame)
    reweigh, arm = fit.reweigh(), frame["treatment"].to_numpy()

    def gap(counts: FloatArray) -> float:
        w = counts * reweigh(counts)
        b, a = (w[arm == k] @ y[arm == k] / w[arm == k].sum() for k in "BA")
        return float(b - a)

    rng = np.random.default_rng(1)
    draws = [gap(rng.multinomial(300, np.full(300, 1 / 300)).astype(float)) for _ in range(400)]
    w = reweigh(np.ones(300))
    direct = np.zeros((300, 1))
    for k, sign in (("B", 1), ("A", -1)):
        mine = arm == k
        mean = np.average(y[mine], weights=w[mine])
        direct[mine, 0] += sign * w[mine] * (y[mine] - mean) / w[mine].sum()
    model = fit.subject_weights
    assert isinstance(model, EstimatedWeights)
    stacked = model.among(frame["subject"]).stacked_influence(direct)
    # The error of a standard deviation of 400 draws is 3.5 %.
    assert np.sqrt((stacked**2).sum()) == pytest.approx(np.std(draws), rel=0.12)


@pytest.mark.filterwarnings("ignore:Weights explode")
@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000))
def test_relations(seed: int) -> None:
    frame, _ = cohort(seed)
    # A cohort may by chance lack a range of a covariate; who is left out must not change either.
    spec = trd.PropensityWeights("x1 + x2", on_violation="overlap")
    base = spec.fit(frame).weights.set_index("subject")["weight"]
    shuffled = spec.fit(frame.sample(frac=1, random_state=2))
    again = shuffled.weights.set_index("subject")["weight"]
    np.testing.assert_allclose(again[base.index], base, rtol=1e-7)
    # SubjectBlocks of a covariate and names of treatments do not matter.
    names = frame["treatment"].map({"A": "z", "B": "m", "C": "k"})
    other = frame.assign(x1=frame["x1"] * 37 - 5, treatment=names)
    again = spec.fit(other).weights.set_index("subject")["weight"]
    np.testing.assert_allclose(again[base.index], base, rtol=1e-6)


def test_two_treatments_overlap_weights_balance_exactly() -> None:
    frame, _ = cohort(1)
    two = frame[frame["treatment"] != "C"]
    fit = trd.PropensityWeights("x1 + x2", estimand="overlap").fit(two)
    assert fit.balance()["smd_after"].abs().max() < 1e-9
    assert (fit.weights["weight"] < 1).all()
    assert pickle.loads(pickle.dumps(fit)).glance().equals(fit.glance())


def test_overlap_and_distances_of_four_by_hand() -> None:
    # Scores are one-to-one with x here. A has x 0 and 2, B 1 and 3: of the four pairs B is above A
    # in three; 0 and 3 lie outside the range of the others; the distribution functions are half
    # apart between 0 and 1 and between 2 and 3.
    frame = pd.DataFrame({"subject": range(8), "treatment": list("AABBAABB"),
                          "x": [0.0, 2, 1, 3, 0, 2, 1, 3]})  # fmt: skip
    fit = trd.PropensityWeights("x").fit(frame)
    row = fit.overlap().iloc[0]
    assert row["c_statistic"] == pytest.approx(3 / 4)
    assert row["outside"] == pytest.approx(1 / 2)
    table = fit.balance().iloc[0]
    assert table["ks_before"] == pytest.approx(1 / 2)
    assert table["variance_ratio_before"] == pytest.approx(1)
    # Means 1 and 2, variance 4/3 in both.
    assert table["smd_before"] == pytest.approx(1 / np.sqrt(4 / 3))


def psychotic() -> pd.DataFrame:
    """Psychotic patients never get TMS."""
    rng = np.random.default_rng(2)
    n = 200
    arm = np.where(rng.random(n) < 0.5, "TMS", "ECT")
    mad = (rng.random(n) < 0.4) & (arm == "ECT")
    return pd.DataFrame({"subject": np.arange(n), "treatment": arm, "psychotic": mad * 1,
                         "age": rng.normal(50, 10, n)})  # fmt: skip


def test_a_kind_of_patient_that_never_gets_a_treatment() -> None:
    frame = psychotic()
    n = int(frame["psychotic"].sum())
    words = rf"No subject with psychotic = 1 got TMS \({n} such subjects under other treatments\)"
    with pytest.raises(NotEstimableError, match=words):
        trd.PropensityWeights("psychotic + age").fit(frame)
    # Without the covariate in the formula there is nothing to see; with it those subjects go.
    fit = trd.PropensityWeights("age", on_violation="overlap").fit(frame)
    assert fit.glance()["n_left_out"].item() == 0
    text = frame.assign(psychotic=np.where(frame["psychotic"] == 1, "yes", "no"),
                        site=np.where(np.arange(200) % 2 == 0, "a", "b"))  # fmt: skip
    with pytest.raises(NotEstimableError, match="psychotic = yes"):
        trd.PropensityWeights("psychotic + age").fit(text)


def test_who_is_left_out_is_described() -> None:
    rng = np.random.default_rng(9)
    frame = psychotic().assign(stage=lambda d: np.where(d["psychotic"] == 1, "late",
                               rng.choice(["early", "mid"], size=200)))  # fmt: skip
    fit = trd.PropensityWeights("stage + age", on_violation="overlap").fit(frame)
    gone = int(frame["psychotic"].sum())
    assert fit.glance()["n_left_out"].item() == gone
    assert (fit.weights["weight"] == 0).sum() == gone
    table = fit.population().set_index("term")
    assert table.loc["n", "ECT"] - table.loc["n", "ECT, kept"] == gone
    assert "are left out; the comparison holds for the others" in str(fit)


def test_trimming_leaves_out_extreme_scores_and_fits_again() -> None:
    frame, _ = cohort(5, 400)
    whole = trd.PropensityWeights("x1 + x2").fit(frame)
    fit = trd.PropensityWeights("x1 + x2", trim=0.15).fit(frame)
    extreme = (whole.weights.filter(like="score") < 0.15).any(axis=1)
    assert fit.trimmed == extreme.sum() > 0
    assert (fit.weights.loc[extreme, "weight"] == 0).all()
    assert "were left out for their scores" in str(fit)


def test_a_table_that_is_changed_afterwards_changes_no_result() -> None:
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({
        "subject": np.arange(60), "treatment": np.arange(60) % 2, "age": rng.normal(40, 9, 60),
        "sex": pd.Categorical(rng.choice(["f", "m"], 60)),
        "a": rng.uniform(0.3, 0.6, 60),
    }).assign(b=lambda t: 1 - t["a"])  # fmt: skip
    fits = [
        trd.PropensityWeights("age + sex", scores=scores).fit(frame)
        for scores in (None, {"0": "a", "1": "b"})
    ]
    before = [(f.weights, f.balance(), repr(f)) for f in fits]
    for column in ("subject", "age", "a"):
        frame[column].to_numpy()[:] = 7
    frame["sex"].array[:] = "f"
    for fit, (weights, balance, text) in zip(fits, before, strict=True):
        pd.testing.assert_frame_equal(fit.weights, weights)
        pd.testing.assert_frame_equal(fit.balance(), balance)
        assert repr(fit) == text


def test_missing_covariates_are_never_dropped() -> None:
    frame, _ = cohort()
    frame.loc[[3, 8], "x1"] = np.nan
    with pytest.raises(DataError, match=r"Covariates are missing: x1 \(2\)") as caught:
        trd.PropensityWeights("x1 + x2").fit(frame)
    assert "missing='indicator'" in str(caught.value)
    frame.loc[frame.index[::7], "x1"] = np.nan
    fit = trd.PropensityWeights("x1 + x2", missing="indicator").fit(frame)
    assert len(fit.covariates.frame) == len(frame)
    assert "x1_missing" in fit.balance()["term"].tolist()
    assert "missing values of x1 have an indicator" in str(fit)


def test_weights_that_explode_are_named() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    arm = np.where(rng.random(200) < 1 / (1 + np.exp(-2.5 * x)), "B", "A")
    arm[np.argsort(x)[-2]] = "A"  # one of those who all but certainly get B
    frame = pd.DataFrame({"subject": np.arange(200), "treatment": arm, "x": x})
    odd = int(np.argsort(x)[-2])
    with pytest.warns(EstimateWarning, match=f"Weights explode under A: subject {odd} carries"):
        trd.PropensityWeights("x").fit(frame)


def test_given_scores_are_known() -> None:
    frame, _ = cohort()
    p = frame.assign(a=0.2, b=0.3, c=0.5)
    fit = trd.PropensityWeights("x1", scores={"A": "a", "B": "b", "C": "c"}).fit(p)
    weight = fit.weights.set_index("subject")["weight"]
    want = p.set_index("subject")["treatment"].map({"A": 5, "B": 1 / 0.3, "C": 2})
    np.testing.assert_allclose(weight, want[weight.index].astype(float), rtol=1e-12)
    assert isinstance(fit.subject_weights, pd.DataFrame)
    with pytest.raises(DataError, match="120 subjects have scores that are no probabilities"):
        trd.PropensityWeights("x1", scores={"A": "a", "B": "b", "C": "c"}).fit(p.assign(c=0.6))


@pytest.mark.parametrize(
    ("options", "change", "error", "message"),
    [
        ({}, lambda f: f.assign(x1=(f["treatment"] == "A") * 10.0 + f["x1"] / 9),
         NotEstimableError, "x1"),
        ({}, lambda f: f.drop(f.index[f["treatment"] == "C"][2:]), NotEstimableError,
         r"Too few subjects to model who gets it: C \(2\)"),
        ({}, lambda f: f[f["treatment"] == "A"], NotEstimableError, "Weights need two treatments"),
        ({}, lambda f: pd.concat([f, f.head(2)]), DataError, "2 subjects have several rows"),
        ({}, lambda f: f.assign(x2=3 * f["x1"]), NotEstimableError,
         r"Collinear \(aliased\) with other columns of the model: x2"),
        ({}, lambda f: f.drop(columns="x2"), DataError, "no column 'x2'"),
        ({"estimand": "att", "treated": "Z"}, lambda f: f, trd.errors.UnknownNameError, "'Z'"),
        ({"scores": {"A": "x1"}}, lambda f: f, trd.errors.UnknownNameError, "'B'"),
    ],
)  # fmt: skip
def test_bad_input(options: dict[str, Any], change: Any, error: Any, message: str) -> None:
    frame, _ = cohort()
    with pytest.raises(error, match=message):
        trd.PropensityWeights("x1 + x2", **options).fit(change(frame))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimand": "atc"}, "estimand"),
        ({"estimand": "att"}, "needs treated"),
        ({"treated": "A"}, "treated=... has no part"),
        ({"estimand": "overlap", "stabilised": True}, "stabilised=True is for"),
        ({"estimand": "entropy", "method": "balancing"}, "has no part in"),
        ({"trim": 0.7}, "trim must lie between 0 and 0.5"),
        ({"cap": 1.0}, "cap must be a quantile"),
        ({"estimand": "entropy", "scores": {"A": "a"}}, "without scores"),
    ],
)
def test_bad_specs(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        trd.PropensityWeights("x1", **options)


def test_face_and_figures() -> None:
    frame, _ = cohort()
    fit = trd.PropensityWeights("arm ~ x1 + x2", estimand="overlap").fit(
        frame.rename(columns={"treatment": "arm"})
    )
    text = str(fit)
    for words in ("those who could have had any of the treatments", "SMD before", "Effective",
                  "Weights balance what was measured; nothing is known of the rest."):  # fmt: skip
        assert words in text
    ax = fit.plot()
    assert ax.get_xlabel() == "Absolute standardised mean difference, largest of all pairs"
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["before", "after"]
    assert "Probability of C" in fit.plot(kind="scores").get_xlabel()
    assert "Weight" in fit.plot(kind="weights").get_xlabel()
    entropy = trd.PropensityWeights("x1", estimand="entropy").fit(frame)
    with pytest.raises(NotEstimableError, match="no scores"):
        entropy.overlap()
    assert entropy.tidy()["term"].tolist() == ["x1"] * 3  # a row for every treatment
