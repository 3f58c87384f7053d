"""Doubly robust estimates: either model may be wrong; strata, influences, folds, refusals."""

from __future__ import annotations

import pickle
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perturbed import derivative_in_weight, levels
from scipy.special import expit, softmax

from trdstats import AIPW, Response, Standardisation, Study
from trdstats.errors import NotEstimableError, SpecError

OUTCOME = "treatment * (baseline + msm)"
CHOICE = "baseline + msm + age"


def confounded(seed: int, n: int, *, binary: bool) -> tuple[pd.DataFrame, np.ndarray]:
    """Return three treatments that x and z decide, and the mean outcome of all under each."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, n))
    gamma = np.array([[0.0, 0.0], [0.8, 0.3], [-0.4, 0.8]])
    e = softmax(np.column_stack([x, z]) @ gamma.T, axis=1)
    code = (rng.random(n)[:, None] > np.cumsum(e, axis=1)).sum(axis=1)
    effect = np.array([0.0, 0.7, -0.5])
    eta = (x + z)[:, None] + effect
    mean = expit(eta) if binary else eta
    own = mean[np.arange(n), code]
    y = (rng.random(n) < own) * 1.0 if binary else own + rng.normal(size=n)
    frame = pd.DataFrame(
        {"subject": np.arange(n), "treatment": np.array(["a", "b", "c"])[code], "x": x, "z": z,
         "y": y}
    )  # fmt: skip
    return frame, mean.mean(axis=0)


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize(
    ("outcome", "choice"),
    [("treatment + x + z", "x + z"), ("treatment", "x + z"), ("treatment + x + z", "x")],
)
def test_one_model_may_be_wrong(outcome: str, choice: str, binary: bool) -> None:
    frame, truth = confounded(5, 20_000, binary=binary)
    table = AIPW(outcome, choice, outcome="y", variance="stacked").fit(frame).tidy()
    table = table[table["measure"] == table["quantity"]]
    # Three standard errors, for each of three treatments.
    assert (np.abs(table["estimate"] - truth) < 3 * table["std_error"]).all()


@pytest.mark.parametrize("binary", [True, False])
def test_both_wrong_is_wrong(binary: bool) -> None:
    frame, truth = confounded(5, 20_000, binary=binary)
    table = AIPW("treatment + x", "x", outcome="y", variance="stacked").fit(frame).tidy()
    table = table[table["measure"] == table["quantity"]]
    assert np.max(np.abs(table["estimate"] - truth) / table["std_error"]) > 10


def test_of_the_treated_one_model_may_be_wrong() -> None:
    frame, _ = confounded(6, 20_000, binary=False)
    own = frame["treatment"] == "b"
    truth = (frame["x"] + frame["z"])[own].mean() + np.array([0.0, 0.7, -0.5])
    for outcome, choice in (("treatment", "x + z"), ("treatment + x + z", "1")):
        spec = AIPW(outcome, choice, outcome="y", estimand="att", treated="b", variance="stacked")
        table = spec.fit(frame).tidy()
        table = table[table["measure"] == "difference"]
        gap = truth[1:] - truth[0]
        assert (np.abs(table["estimate"] - gap) < 3 * table["std_error"]).all()


@pytest.mark.parametrize("estimand", ["ate", "att"])
@pytest.mark.parametrize("outcome", [Response(), "change"])
def test_stacked_influence_is_the_derivative_in_the_weight(
    trial: Study, outcome: Any, estimand: Any
) -> None:
    spec = AIPW(
        OUTCOME, CHOICE, outcome=outcome, day=28, estimand=estimand, variance="stacked",
        treated="ECT" if estimand == "att" else None,
    )  # fmt: skip
    moved = spec.fit(trial).estimates().only(reference="").influence().set_index("subject")
    for subject in moved.index[::47]:
        found = derivative_in_weight(
            lambda w: levels(spec.fit(trial, weights=w)), moved.index, subject
        )
        # Central differences with a step of 1e-4; models end within 1e-10 of their maxima.
        assert moved.loc[subject].to_numpy() == pytest.approx(found, abs=1e-8)


def test_efficient_and_stacked_errors_agree_where_models_are_right() -> None:
    frame, _ = confounded(7, 20_000, binary=True)
    efficient, stacked = (
        AIPW("treatment + x + z", "x + z", outcome="y", variance=v).fit(frame).tidy()["std_error"]
        for v in ("efficient", "stacked")
    )
    # The derivatives in both models have mean 0; in a sample they are of order 1 / sqrt(n), here
    # 0.7 %, times weights of up to 20.
    assert efficient.to_numpy() == pytest.approx(stacked.to_numpy(), rel=0.03)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_saturated_standardisation_is_saturated_weighting(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 300
    stratum = rng.integers(0, 3, n)
    arm = np.array(["a", "b", "c"])[(rng.random(n) * 3 + 0.3 * stratum).astype(int) % 3]
    y = (rng.random(n) < 0.3 + 0.15 * stratum) * 1.0
    frame = pd.DataFrame(
        {"subject": np.arange(n), "treatment": arm, "stratum": stratum.astype(str), "y": y}
    )
    cell = frame.groupby(["treatment", "stratum"])["y"].agg(["mean", "count"])
    if ((cell["mean"] == 0) | (cell["mean"] == 1)).any():
        return  # a cell without variation has no finite logit
    standardised = Standardisation("treatment * stratum", outcome="y").fit(frame).tidy()
    both = AIPW("treatment * stratum", "stratum", outcome="y").fit(frame).tidy()
    weighted = AIPW("treatment", "stratum", outcome="y", variance="stacked").fit(frame).tidy()
    # Inverse probability weighting by hand: 1 / (share of the treatment in the stratum).
    size = frame.groupby("stratum")["y"].count()
    own = frame.set_index(["treatment", "stratum"]).index
    w = size[frame["stratum"]].to_numpy() / cell["count"][own].to_numpy()
    by_hand = [np.average(y[arm == a], weights=w[arm == a]) for a in ("a", "b", "c")]
    for table in (standardised, both, weighted):
        rates = table[table["measure"] == "rate"]
        assert rates["estimate"].to_numpy() == pytest.approx(by_hand, abs=1e-8)
        for column in ("std_error", "conf_low"):
            assert table[column].to_numpy() == pytest.approx(
                standardised[column].to_numpy(), rel=1e-7
            )


def test_relabelled_treatments_change_nothing() -> None:
    frame, _ = confounded(8, 500, binary=True)
    spec = AIPW("treatment + x", "x + z", outcome="y", variance="stacked")
    one = spec.fit(frame).tidy()
    turned = frame.assign(treatment=frame["treatment"].map({"a": "z", "b": "y", "c": "x"}))
    other = AIPW(
        "treatment + x", "x + z", outcome="y", variance="stacked", reference="z"
    ).fit(turned).tidy()  # fmt: skip
    for old, new in (("b", "y"), ("c", "x")):
        for column in ("estimate", "std_error"):
            # Another base of the multinomial model; both end within 1e-10 of the maximum.
            assert one.loc[one["treatment"] == old, column].to_numpy() == pytest.approx(
                other.loc[other["treatment"] == new, column].to_numpy(), rel=1e-7
            )


def test_folds_do_not_depend_on_the_order_of_rows(trial: Study) -> None:
    frame, _ = confounded(9, 400, binary=False)
    spec = AIPW("treatment + x", "x", outcome="y", folds=5, seed=3)
    one = spec.fit(frame).tidy()
    other = spec.fit(frame.sample(frac=1, random_state=1)).tidy()
    pd.testing.assert_frame_equal(one, other, rtol=1e-9)
    seeded = AIPW("treatment + x", "x", outcome="y", folds=5, seed=4).fit(frame).tidy()
    assert (seeded["estimate"] != one["estimate"]).all()


def test_cross_fitting_is_right_too() -> None:
    frame, truth = confounded(10, 5_000, binary=True)
    table = AIPW("treatment + x + z", "x + z", outcome="y", folds=4).fit(frame).tidy()
    table = table[table["measure"] == "rate"]
    assert (np.abs(table["estimate"] - truth) < 3 * table["std_error"]).all()


def test_refusals(trial: Study) -> None:
    with pytest.raises(SpecError, match="belongs into the formula of the outcome"):
        AIPW("msm", "msm", outcome="y")
    with pytest.raises(SpecError, match="belongs into the formula of the outcome"):
        AIPW("treatment", "treatment + msm", outcome="y")
    with pytest.raises(SpecError, match="folds must be a whole number of at least 2"):
        AIPW("treatment", "msm", outcome="y", folds=1)
    with pytest.raises(SpecError, match="not with folds"):
        AIPW("treatment", "msm", outcome="y", folds=2, variance="stacked")
    with pytest.raises(SpecError, match="seed must be"):
        AIPW("treatment", "msm", outcome="y", seed=-1)
    frame, _ = confounded(1, 200, binary=False)
    apart = frame.assign(arm=np.where(frame["x"] > 0, "b", "a"))
    with pytest.raises(NotEstimableError, match="x separates treatments"):
        AIPW("arm + x", "x", outcome="y", by="arm").fit(apart)
    few = pd.concat([frame[frame["treatment"] == "a"], frame[frame["treatment"] == "b"].head(2)])
    with pytest.raises(SpecError, match="folds=5 is more than the 2 subjects under b"):
        AIPW("treatment", "x", outcome="y", folds=5).fit(few)
    with pytest.raises(NotEstimableError, match="No subject under b has a known y"):
        AIPW("treatment", "x", outcome="y").fit(
            frame.assign(y=frame["y"].where(frame["treatment"] != "b"))
        )


def test_display_and_pickle(trial: Study) -> None:
    fit = AIPW(OUTCOME, CHOICE, outcome="change", day=28).fit(trial)
    assert repr(pickle.loads(pickle.dumps(fit))) == repr(fit)
    text = repr(fit)
    assert "43 without an outcome are left out; CensoringWeights can stand for them." in text
    assert "Probability of treatment" in text
    g = fit.glance().iloc[0]
    assert (g["n"], g["n_observed"], g["folds"]) == (240, 197, 0)
    assert 0 < g["least_probability"] < 0.3
    fit.plot()
    plt.close("all")
