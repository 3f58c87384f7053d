"""Weights for what was not observed: Kaplan-Meier, truth, influences, stacking, refusals."""

from __future__ import annotations

import pickle
import re
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perturbed import derivative_in_weight, levels
from scipy.special import expit

from trdstats import (
    IPCW,
    RMST,
    CensoringWeights,
    CoxPH,
    EventTimes,
    KaplanMeier,
    Response,
    Standardisation,
    Study,
    multiply_weights,
    rates,
    time_to,
)
from trdstats.errors import DataError, NotEstimableError, SpecError
from trdstats.kernels.weighting.generalised_linear import fit_linear_model


def times_of(seed: int, n: int, *, whole: bool = True, entry: bool = False) -> EventTimes:
    """Return times whose event and censoring both depend on x."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    arm = np.where(rng.random(n) < expit(x), "b", "a")
    event = rng.exponential(20 * np.exp(-0.8 * x))
    leave = rng.exponential(25 * np.exp(-0.8 * x))
    time = np.minimum(np.minimum(event, leave), 30.0)
    status = ((event <= leave) & (event < 30)).astype(int)
    if whole:
        time = np.ceil(time)
    frame = pd.DataFrame(
        {"subject": np.arange(n), "treatment": arm, "x": x, "time": time, "status": status}
    )
    if entry:
        late = rng.integers(0, 4, n)
        frame["entry"] = np.where(late < time, late, 0)
    return EventTimes(frame)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.booleans())
def test_without_covariates_it_is_kaplan_meier(seed: int, whole: bool, entry: bool) -> None:
    times = times_of(seed, 120, whole=whole, entry=entry)
    table = IPCW("1", days=[5, 12], tau=12).fit(times).tidy()
    curves = KaplanMeier().fit(times, weights=pd.Series(1.0, index=times.frame["subject"]))
    expected = curves.at([5, 12]).sort_values("time", kind="stable")
    shown = table[table["measure"] == "survival"]
    for column in ("estimate", "std_error", "conf_low"):
        assert shown[column].to_numpy() == pytest.approx(expected[column].to_numpy(), rel=1e-9)
    means = RMST(tau=12).fit(times, weights=pd.Series(1.0, index=times.frame["subject"])).tidy()
    for measure in ("restricted mean", "ratio"):
        ours = table[(table["measure"] == measure) & (table["quantity"] == "restricted mean")]
        theirs = means[means["measure"] == measure]
        for column in ("estimate", "std_error"):
            assert ours[column].to_numpy() == pytest.approx(theirs[column].to_numpy(), rel=1e-9)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("entry", [True, False])
def test_influence_is_the_derivative_in_the_weight(whole: bool, entry: bool) -> None:
    times = times_of(4, 80, whole=whole, entry=entry)
    spec = IPCW("x + x:treatment", days=[6, 15], tau=20)
    moved = spec.fit(times).estimates().only(reference="").influence().set_index("subject")
    for subject in moved.index[::9]:
        found = derivative_in_weight(
            lambda w: levels(spec.fit(times, weights=w)), moved.index, subject
        )
        # The Cox model ends within 1e-9 of its maximum; a step of 1e-4 divides that.
        assert moved.loc[subject].to_numpy() == pytest.approx(found, abs=1e-6)


def test_the_censoring_model_is_coxs(trial: Study) -> None:
    times = times_of(5, 300, whole=False)
    fit = IPCW("x", days=[25]).fit(times)
    frame = times.frame
    left = EventTimes(
        frame.assign(
            status=((frame["status"] == 0) & (frame["time"] < 25)).astype(int), right=np.inf
        ).assign(right=lambda f: f["time"].where(f["status"] == 1, np.inf))
    )
    expected = CoxPH("x", strata="treatment", robust=True, correction="none").fit(left).tidy()
    for column in ("estimate", "std_error"):
        assert fit.coefficients()[column].to_numpy() == pytest.approx(
            expected[column].to_numpy(), rel=1e-8
        )


def test_censoring_that_depends_on_covariates_is_undone() -> None:
    n, day = 20_000, 20.0
    times = times_of(6, n, whole=False)
    frame = times.frame
    truth = {
        arm: float(np.mean(np.exp(-day / 20 * np.exp(0.8 * own["x"]))))
        for arm, own in frame.groupby("treatment", observed=True)
    }
    curves = KaplanMeier().fit(times).at([day]).set_index("treatment")
    table = IPCW("x", days=[day]).fit(times).tidy()
    table = table[table["measure"] == "survival"].set_index("treatment")
    for arm, value in truth.items():
        # Three standard errors; Kaplan-Meier is off by more than five.
        assert abs(table.loc[arm, "estimate"] - value) < 3 * table.loc[arm, "std_error"]
        assert curves.loc[arm, "estimate"] - value > 5 * curves.loc[arm, "std_error"]


def test_whole_curves_agree_with_the_days(trial: Study) -> None:
    onset = time_to(trial, Response())
    fit = IPCW("baseline + msm", days=[14, 28]).fit(onset)
    shown = fit.tidy()
    shown = shown[shown["measure"] == "survival"].sort_values(["treatment", "time"])
    whole = fit.curves()
    whole = whole[whole["time"].isin([14, 28])].sort_values(["treatment", "time"])
    for column in ("estimate", "std_error", "conf_low", "conf_high"):
        assert shown[column].to_numpy() == pytest.approx(whole[column].to_numpy(), rel=1e-10)
    weights = fit.weights()
    assert (weights["largest"] >= 1).all()
    assert (weights["effective"] <= weights["at_risk"] + 1e-9).all()


def test_order_of_rows_and_units_change_nothing() -> None:
    times = times_of(7, 150)
    spec = IPCW("x", days=[10], tau=20)
    one = spec.fit(times).tidy()
    turned = EventTimes(
        times.frame.sample(frac=1, random_state=0).assign(x=lambda f: 100 - 3 * f.x)
    )
    pd.testing.assert_frame_equal(one, spec.fit(turned).tidy(), rtol=1e-7)
    weeks = times.frame.assign(time=times.frame["time"] / 7)[
        ["subject", "treatment", "x", "time", "status"]
    ]
    scaled = IPCW("x", days=[10 / 7], tau=20 / 7).fit(EventTimes(weeks)).tidy()
    for measure, factor in (("survival", 1), ("restricted mean", 7)):
        a, b = (t[t["measure"] == measure]["std_error"].to_numpy() for t in (one, scaled))
        assert a == pytest.approx(factor * b, rel=1e-7)


def test_nobody_left_before_the_day() -> None:
    frame = times_of(8, 60).frame.assign(status=1).drop(columns=["left", "right"])
    fit = IPCW("x", days=[10]).fit(EventTimes(frame))
    assert len(fit.coefficients()) == 0
    assert "these are Kaplan-Meier curves" in repr(fit)


def unseen(seed: int, n: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return outcomes that x decides, observed by x too, and the rates of all."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    arm = np.where(rng.random(n) < 0.5, "b", "a")
    p = expit(x + 0.5 * (arm == "b"))
    y = (rng.random(n) < p) * 1.0
    seen = rng.random(n) < expit(0.5 + np.where(arm == "b", 1.0, -0.5) * x)
    frame = pd.DataFrame({"subject": np.arange(n), "treatment": arm, "x": x})
    truth = np.array([p[arm == a].mean() for a in ("a", "b")])
    return frame.assign(y=np.where(seen, y, np.nan)), truth


def weighted_rates(frame: pd.DataFrame, fit: Any) -> pd.DataFrame:
    table = Standardisation("treatment", outcome="y").fit(frame, weights=fit).tidy()
    return table[table["measure"] == "rate"]


def test_outcomes_missing_by_covariates_are_stood_for() -> None:
    frame, truth = unseen(9, 20_000)
    fit = CensoringWeights("x", outcome="y").fit(frame)
    table = weighted_rates(frame, fit)
    # Three standard errors; the observed rates are off by more than five.
    assert (np.abs(table["estimate"] - truth) < 3 * table["std_error"]).all()
    crude = frame.groupby("treatment")["y"].mean().to_numpy()
    assert (np.abs(crude - truth) > 5 * table["std_error"]).all()


def test_errors_know_that_the_weights_were_estimated() -> None:
    """The whole chain, observation model and rate, against its derivative in a case weight."""
    frame, _ = unseen(10, 120)
    mine = (frame["treatment"] == "a").to_numpy()
    X = np.column_stack([np.ones(mine.sum()), frame["x"][mine]])
    y = frame["y"].to_numpy()[mine]
    seen = ~np.isnan(y)

    def chain(case: np.ndarray) -> float:
        fit = fit_linear_model(X, seen * 1.0, case, "logistic")
        w = case[seen] / fit.mean(X)[seen]
        return float(w @ y[seen] / w.sum())

    table = Standardisation("treatment", outcome="y")
    weights = CensoringWeights("x", outcome="y").fit(frame).subject_weights.first_order()
    found = table.fit(frame, weights=weights).influence()
    column = found.set_index("subject")["rate a rate"]
    for i in (0, 3, 11, 20):
        case = np.ones(len(y))
        ends = []
        for h in (1e-4, -1e-4):
            case[i] = np.exp(h)
            ends.append(chain(case))
        expected = (ends[0] - ends[1]) / 2e-4
        # Central differences with a step of 1e-4.
        assert column[frame["subject"][mine].iloc[i]] == pytest.approx(expected, abs=1e-9)
    # Those without an outcome matter through the model.
    assert (column[frame["subject"][mine][~seen]].abs() > 1e-6).all()


def test_stabilising_cancels(trial: Study) -> None:
    one, other = (
        rates(
            trial,
            Response(),
            day=28,
            missing="observed",
            weights=CensoringWeights(
                "baseline", outcome=Response(), day=28, stabilised=stabilised
            ).fit(trial),
        ).tidy()
        for stabilised in (True, False)
    )
    for column in ("estimate", "std_error"):
        assert one[column].to_numpy() == pytest.approx(other[column].to_numpy(), rel=1e-9)
    mean = (
        CensoringWeights("baseline", outcome=Response(), day=28).fit(trial).weight_summary()["mean"]
    )
    assert mean.to_numpy() == pytest.approx(np.ones(3), abs=0.01)


def test_saturated_weights_are_strata(trial: Study) -> None:
    frame, _ = unseen(11, 400)
    frame["stratum"] = pd.qcut(frame["x"], 3, labels=["l", "m", "h"]).astype(str)
    fit = CensoringWeights("stratum", outcome="y").fit(frame)
    table = weighted_rates(frame, fit).set_index("treatment")
    for arm, own in frame.groupby("treatment"):
        share = own["stratum"].value_counts(normalize=True)
        by_hand = sum(share[s] * own.loc[own["stratum"] == s, "y"].mean() for s in share.index)
        assert table.loc[arm, "estimate"] == pytest.approx(by_hand, abs=1e-9)


def test_all_observed_is_no_weighting(trial: Study) -> None:
    fit = CensoringWeights("baseline", outcome="age").fit(trial)
    assert (fit.weights["weight"] == 1).all()
    assert len(fit.tidy()) == 0
    assert fit.subject_weights.influence.shape == (240, 0)


def test_products_of_weights(trial: Study) -> None:
    fit = CensoringWeights("baseline", outcome="change", day=28).fit(trial)
    one = CensoringWeights("baseline", outcome="age").fit(trial)
    both = multiply_weights(fit, one)
    pd.testing.assert_frame_equal(both.frame, fit.weights[["subject", "weight"]])
    twice = multiply_weights(fit, fit)
    assert twice.frame["weight"].to_numpy() == pytest.approx(fit.weights["weight"] ** 2)
    # d log w^2 = 2 d log w, through two copies of one model.
    gain = (twice.log_derivative @ twice.influence.T).sum()
    assert gain == pytest.approx(2 * (fit.subject_weights.log_derivative
                                      @ fit.subject_weights.influence.T).sum())  # fmt: skip
    with pytest.raises(SpecError, match="Products need weights with their models"):
        multiply_weights(fit, fit.weights)


def test_refusals(trial: Study) -> None:
    with pytest.raises(SpecError, match="has a separate regression"):
        CensoringWeights("treatment + x", outcome="y")
    with pytest.raises(SpecError, match=r"Give days=\[...\] for survival"):
        IPCW("x")
    with pytest.raises(SpecError, match="days and tau must be positive"):
        IPCW("x", days=[0])
    times = times_of(12, 60)
    with pytest.raises(NotEstimableError, match="Day 99 lies beyond the follow-up of a"):
        IPCW("x", days=[99]).fit(times)
    hole = EventTimes(times.frame.assign(x=times.frame["x"].where(times.frame["subject"] != 5)))
    with pytest.raises(DataError, match=r"(?s)1 subject has no 'x'.*5"):
        IPCW("x", days=[10]).fit(hole)
    with pytest.raises(
        NotEstimableError, match=r"Collinear \(aliased\) with other columns of the model: treatment"
    ):
        IPCW("treatment", days=[10]).fit(times)
    frame, _ = unseen(13, 60)
    with pytest.raises(NotEstimableError, match="No subject under b was observed"):
        CensoringWeights("x", outcome="y").fit(
            frame.assign(y=frame["y"].where(frame["treatment"] == "a"))
        )
    apart = frame.assign(y=np.where(frame["x"] > 0, 1.0, np.nan))
    with pytest.raises(NotEstimableError, match="x separates the observed under a"):
        CensoringWeights("x", outcome="y").fit(apart)


def test_displays_and_pickles(trial: Study) -> None:
    onset = time_to(trial, Response())
    curves = IPCW("baseline", days=[28], tau=28).fit(onset)
    weights = CensoringWeights("baseline", outcome=Response(), day=28).fit(trial)
    for result in (curves, weights):
        assert repr(pickle.loads(pickle.dumps(result))) == repr(result)
    assert re.search(r"Censored +18 before day 28", repr(curves))
    assert "240, 197 observed" in repr(weights)
    curves.plot()
    plt.close("all")
