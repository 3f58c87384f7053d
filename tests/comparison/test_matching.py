"""Matching: nobody nearer is free, invariance, variances, use by other estimators, refusals."""

from __future__ import annotations

import pickle
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from trdstats import RMST, CoxPH, KaplanMeier, Matching, Response, Study, rates, time_to
from trdstats.errors import DataError, NotEstimableError, SpecError, UnknownNameError
from trdstats.kernels.weighting.matching import match_again, match_once

FORMULA = "baseline + msm + age + sex"


def apart(trial: Study) -> Study:
    """Return the trial without subjects who share all covariates: nobody shares a control."""
    same = trial.subjects.duplicated(["treatment", *FORMULA.split(" + ")])
    return trial.keep(trial.subjects.loc[~same, "subject"])


def matched(trial: Study, **options: Any) -> Any:
    return Matching(FORMULA, treated="ketamine", control="ECT", **options).fit(trial)


def slow_match(
    treated: np.ndarray, control: np.ndarray, order: np.ndarray, ratio: int, caliper: float
) -> list[tuple[int, int]]:
    """Match by looking at every free control."""
    free, found, turn = dict(enumerate(control)), [], list(order)
    for _ in range(ratio):
        served = []
        for i in turn:
            if not free:
                break
            gap, j = min((abs(c - treated[i]), j) for j, c in free.items())
            if gap <= caliper:
                # Of equal scores below the last is nearest in place; compare scores only.
                found.append((int(i), j))
                del free[j]
                served.append(i)
        turn = served
    return sorted(found)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3), st.sampled_from([0.05, 0.3, np.inf]))
def test_greedy_matching_takes_the_nearest_free(seed: int, ratio: int, caliper: float) -> None:
    rng = np.random.default_rng(seed)
    treated, control = rng.normal(0.5, 1, 12), np.sort(rng.normal(0, 1, 15))
    order = np.argsort(-treated, kind="stable")
    pairs = match_once(treated, control, order, ratio, caliper).pairs()
    got = sorted(zip(pairs.treated.tolist(), pairs.control.tolist(), strict=True))
    assert got == slow_match(treated, control, order, ratio, caliper)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.sampled_from([0.05, np.inf]))
def test_with_replacement_everybody_gets_the_nearest(seed: int, ratio: int, caliper: float) -> None:
    rng = np.random.default_rng(seed)
    treated, control = rng.normal(0.5, 1, 10), np.sort(rng.normal(0, 1, 8))
    pairs = match_again(treated, control, ratio, caliper).pairs()
    for i in range(10):
        gap = np.abs(control - treated[i])
        near = [int(j) for j in np.argsort(gap, kind="stable")[:ratio] if gap[j] <= caliper]
        assert pairs.control[pairs.treated == i].tolist() == near


def test_equal_scores_are_shared_out() -> None:
    pairs = match_once(np.zeros(3), np.zeros(4), np.arange(3), 1, 0.1).pairs()
    assert pairs.control.tolist() == [0, 1, 2, 3] * 3
    assert pairs.proportion == pytest.approx(np.full(12, 1 / 4))
    few = match_once(np.zeros(3), np.zeros(2), np.arange(3), 1, 0.1).pairs()
    assert few.proportion == pytest.approx(np.full(6, 1 / 3))  # two sets for three


@pytest.mark.parametrize("options", [{}, {"ratio": 2}, {"replace": True}, {"order": "smallest"}])
def test_order_of_rows_changes_nothing(trial: Study, options: dict[str, Any]) -> None:
    frame = trial.subjects.assign(y=np.arange(240.0))
    spec = Matching(FORMULA, treated="ketamine", control="ECT", **options)
    one, other = spec.fit(frame), spec.fit(frame.sample(frac=1, random_state=3))
    key = ["treated", "control"]
    a, b = (m.pairs[[*key, "distance"]].sort_values(key) for m in (one, other))
    assert a[key].to_numpy().tolist() == b[key].to_numpy().tolist()
    assert a["distance"].to_numpy() == pytest.approx(b["distance"].to_numpy(), abs=1e-8)
    x, z = (m.estimate(frame, "y").tidy()["std_error"] for m in (one, other))
    assert x.to_numpy() == pytest.approx(z.to_numpy(), rel=1e-9)


def test_sets_weights_and_clusters(trial: Study) -> None:
    trial = apart(trial)
    found = matched(trial, ratio=2)
    pairs, weights = found.pairs, found.weights.set_index("subject")["weight"]
    assert not pairs["control"].duplicated().any()
    assert (pairs["distance"] <= found.width).all()
    assert len(weights) == len(trial.subjects)  # those under TMS have weight 0
    treated = pairs["treated"].unique()
    assert (weights[treated] == 1).all()
    assert weights[pairs["control"]].to_numpy() == pytest.approx(pairs["weight"].to_numpy())
    assert weights.sum() == pytest.approx(2 * len(treated))
    clusters = found.clusters
    assert (clusters[pairs["treated"]].to_numpy() == pairs["match"].to_numpy()).all()
    assert (clusters[pairs["control"]].to_numpy() == pairs["match"].to_numpy()).all()
    assert clusters.index.is_unique


def test_weights_give_the_same_rates(trial: Study) -> None:
    for options in ({}, {"ratio": 3}, {"replace": True, "ratio": 2}):
        found = matched(trial, **options)
        ours = found.estimate(trial, Response(), day=28).tidy()
        theirs = rates(
            trial.only(["ECT", "ketamine"]), Response(), day=28, weights=found.weights
        ).tidy()
        assert ours["estimate"].to_numpy() == pytest.approx(
            theirs["estimate"].to_numpy(), rel=1e-12
        )


def test_pairs_have_the_variance_of_their_differences(trial: Study) -> None:
    trial = apart(trial)
    found = matched(trial)
    y = trial.subjects.set_index("subject")["age"]
    gap = y[found.pairs["treated"]].to_numpy() - y[found.pairs["control"]].to_numpy()
    table = found.estimate(trial, "age").tidy().set_index("measure")
    assert table.loc["difference", "estimate"] == pytest.approx(gap.mean(), rel=1e-12)
    assert table.loc["difference", "std_error"] == pytest.approx(
        gap.std() / np.sqrt(len(gap)), rel=1e-12
    )


def test_matched_cox_regression_is_clustered_by_hand(trial: Study) -> None:
    onset = time_to(trial, Response())
    found = matched(trial)
    kept = found.keep(onset)
    assert set(kept.frame["subject"]) <= set(found.clusters.index)
    assert kept.treatments == ("ECT", "ketamine")
    fit = CoxPH("treatment", cluster="match", correction="none").fit(kept, weights="match_weight")
    moved = CoxPH("treatment", correction="none").fit(kept, weights="match_weight").influence()
    moved["match"] = found.clusters[moved["subject"]].to_numpy()
    by_set = moved.groupby("match")["treatment[T.ketamine]"].sum()
    assert fit.tidy()["std_error"][0] == pytest.approx(np.sqrt((by_set**2).sum()), rel=1e-10)
    # Curves take the weights as they are.
    curve = KaplanMeier().fit(onset, weights=found.weights).at([28])["estimate"].to_numpy()
    assert curve == pytest.approx(
        KaplanMeier().fit(kept, weights="match_weight").at([28])["estimate"].to_numpy()
    )
    assert len(RMST(tau=28).fit(kept, weights="match_weight").tidy()) == 5


def test_balance_is_that_of_the_weights(trial: Study) -> None:
    found = matched(trial, replace=True)
    covariates = trial.subjects.set_index("subject")
    row = found.balance().set_index("term").loc["age"]
    treated, w = covariates["treatment"] == "ketamine", found.weights.set_index("subject")["weight"]
    ect = covariates["treatment"] == "ECT"
    spread = np.sqrt((covariates["age"][treated].var() + covariates["age"][ect].var()) / 2)
    before = covariates["age"][treated].mean() - covariates["age"][ect].mean()
    after = np.average(covariates["age"][treated], weights=w[treated]) - np.average(
        covariates["age"][ect], weights=w[ect]
    )
    assert row["smd_before"] == pytest.approx(before / spread, rel=1e-12)
    assert row["smd_after"] == pytest.approx(after / spread, rel=1e-12)
    assert row["ratio_before"] == pytest.approx(
        covariates["age"][treated].var() / covariates["age"][ect].var(), rel=1e-12
    )
    lost = matched(trial).unmatched()
    assert lost["term"].tolist()[-1] == "logit of propensity"
    # Those without a match are the ones whom ketamine was likeliest for.
    assert lost["smd"].iloc[-1] > 0.5


def simulated(seed: int, n: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    arm = rng.random(n) < expit(x - 1)
    y = x + 0.5 * arm + rng.normal(size=n)
    names = np.where(arm, "b", "a")
    return pd.DataFrame({"subject": np.arange(n), "treatment": names, "x": x, "y": y})


def test_abadie_imbens_errors_are_the_spread_of_estimates() -> None:
    spec = Matching("x", replace=True, caliper=None)
    found = []
    for seed in range(200):
        frame = simulated(seed, 400)
        table = spec.fit(frame).estimate(frame, "y").tidy().set_index("measure")
        found.append(table.loc["difference", ["estimate", "std_error"]].to_numpy(dtype=float))
    estimate, error = np.array(found).T
    # 200 draws know their spread to 5 %; nearest neighbours leave a bias of order 1/n.
    assert np.sqrt(np.mean(error**2)) == pytest.approx(estimate.std(), rel=0.15)
    assert abs(estimate.mean() - 0.5) < 0.05
    crude = np.mean(
        [f.groupby("treatment")["y"].mean().diff().iloc[-1]
         for f in (simulated(s, 400) for s in range(20))]
    )  # fmt: skip
    assert crude > 1.2


def test_missing_outcomes_take_their_sets_along(trial: Study) -> None:
    found = matched(trial)
    fit = found.estimate(trial, "change", day=28)
    g = fit.glance().iloc[0]
    assert g["n_sets"] + g["n_lost"] == found.glance()["matched_treated"][0]
    assert f"{g['n_lost']} lost for want of an outcome" in repr(fit)


def test_influences_stand_with_the_treated(trial: Study) -> None:
    trial = apart(trial)
    fit = matched(trial, ratio=2).estimate(trial, Response(), day=28)
    moved = fit.estimates().only(reference="").influence()
    assert set(moved["subject"]) == set(matched(trial, ratio=2).pairs["treated"])
    values = moved.drop(columns="subject").to_numpy()
    table = fit.tidy().set_index("measure")
    assert table.loc["difference", "std_error"] == pytest.approx(
        np.sqrt(((values[:, 1] - values[:, 0]) ** 2).sum()), rel=1e-12
    )
    with pytest.raises(NotEstimableError, match="Matched comparison: the covariance is not a sum"):
        matched(trial, replace=True).estimate(trial, Response(), day=28).influence()


def test_refusals(trial: Study) -> None:
    with pytest.raises(SpecError, match="what subjects are matched across"):
        Matching("treatment + msm")
    with pytest.raises(SpecError, match="ratio must be"):
        Matching("msm", ratio=0)
    with pytest.raises(SpecError, match="caliper must be"):
        Matching("msm", caliper=0)
    with pytest.raises(SpecError, match="order must be one of"):
        Matching("msm", order="random")
    with pytest.raises(SpecError, match="both 'ECT'"):
        Matching("msm", treated="ECT", control="ECT")
    with pytest.raises(SpecError, match="name two with treated"):
        Matching("msm").fit(trial)
    with pytest.raises(UnknownNameError, match=r"Unknown treatment 'ECTT'.*ECT"):
        Matching("msm", treated="ECTT", control="TMS").fit(trial)
    frame = simulated(0, 50)
    with pytest.raises(DataError, match="1 subject has no 'x'"):
        Matching("x").fit(frame.assign(x=frame["x"].where(frame["subject"] != 3)))
    with pytest.raises(NotEstimableError, match="x separates treatments"):
        Matching("x").fit(frame.assign(treatment=np.where(frame["x"] > 0, "b", "a")))
    with pytest.raises(NotEstimableError, match="there are no clusters"):
        _ = matched(trial, replace=True).clusters
    far = pd.DataFrame(
        {"subject": range(8), "treatment": list("abababab"),
         "x": [0, 1, 0.1, 0.9, 0.05, 1.1, 3, -3]}
    )  # fmt: skip
    with pytest.raises(
        NotEstimableError, match=r"No subject under b finds a match .* 1e-06 standard"
    ):
        Matching("x", caliper=1e-6).fit(far)


def test_two_treatments_need_no_names() -> None:
    frame = simulated(1, 60)
    found = Matching("x").fit(frame)
    assert (found.treated, found.control) == ("b", "a")
    turned = Matching("x", treated="a").fit(frame)
    assert (turned.treated, turned.control) == ("a", "b")
    named = Matching("x", control="b").fit(frame)
    assert (named.treated, named.control) == ("a", "b")


def test_display_and_pickle(trial: Study) -> None:
    found = matched(trial)
    assert repr(pickle.loads(pickle.dumps(found))) == repr(found)
    text = repr(found)
    assert "ketamine           67 of 80 matched, 13 without a match" in text
    assert "ketamine: 13 without a match" in text
    found.plot()
    found.estimate(trial, Response(), day=28).plot(measure="ratio")
    plt.close("all")


def test_a_caliper_needs_two_subjects_of_each_treatment(trial: Study) -> None:
    """A warning of NumPy, and the populations were said not to overlap."""
    names = trial.subjects
    one = names.loc[names["treatment"] == "ketamine", "subject"].tolist()[:1]
    few = trial.keep([*one, *names.loc[names["treatment"] == "ECT", "subject"]])
    with pytest.raises(NotEstimableError, match=r"One subject alone has ketamine.*caliper=None"):
        Matching("age", treated="ketamine", control="ECT").fit(few)
    spec = Matching("age", treated="ketamine", control="ECT", caliper=None)
    fit = spec.fit(few)
    assert fit.pairs["treated"].unique().tolist() == one
    assert "KET" not in repr(fit)  # a warning of NumPy here, too
