"""Weights of subjects in mixed models."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from age_weights import weights_from_age
from scipy.special import expit

import trdstats as trd
from trdstats.errors import SpecError

FloatArray = npt.NDArray[np.float64]
N = 40


def table(visits: int) -> pd.DataFrame:
    """Forty subjects, treated according to age, rated at each visit."""
    rng = np.random.default_rng(8)
    age = rng.normal(size=N)
    arm = np.where(rng.random(N) < expit(0.7 * age), "B", "A")
    rows = [
        {"subject": f"S{i:02}", "treatment": arm[i], "age": age[i], "visit": v,
         "change": -3.0 * v - 2 * (arm[i] == "B") + age[i] + rng.normal()}
        for i in range(N) for v in range(1, visits + 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_one_visit_is_weighted_least_squares_and_its_influence_the_derivative() -> None:
    # At one visit the covariance has no part in the effects: the influence is the derivative of
    # weights and effects together. The central difference errs by 1e-8.
    rows = table(1)
    fit = trd.MMRM("change ~ treatment").fit(rows, weights=weights_from_age(rows, np.ones(N)))
    w = weights_from_age(rows, np.ones(N)).frame["weight"].to_numpy()
    means = [np.average(rows["change"][m], weights=w[m])
             for m in ((rows["treatment"] == k).to_numpy() for k in "AB")]  # fmt: skip
    assert fit.tidy()["estimate"].tolist() == pytest.approx([means[0], means[1] - means[0]])
    moved = fit.influence().set_index("subject")
    for i in (0, 11, 39):
        ends = []
        for step in (1e-4, -1e-4):
            case = np.ones(N)
            case[i] += step
            again = trd.MMRM("change ~ treatment").fit(rows, weights=weights_from_age(rows, case))
            ends.append(again.tidy()["estimate"].to_numpy())
        derivative = (ends[0] - ends[1]) / 2e-4
        np.testing.assert_allclose(moved.loc[f"S{i:02}"], derivative, rtol=1e-5, atol=1e-9)
    expected = np.sqrt((moved.to_numpy() ** 2).sum(axis=0))
    np.testing.assert_allclose(fit.tidy()["std_error"], expected, rtol=1e-10)


def test_known_weights_are_those_of_ratings_with_an_empirical_covariance() -> None:
    rows = table(3)
    weights = weights_from_age(rows, np.ones(N)).frame
    formula = "change ~ treatment * visit"
    found = trd.MMRM(formula, covariance="cs").fit(rows, weights=weights)
    by_hand = trd.MMRM(
        formula, covariance="cs", rating_weights="w", vcov="empirical", ddf="satterthwaite"
    ).fit(rows.merge(weights.rename(columns={"weight": "w"})))
    pd.testing.assert_frame_equal(found.tidy(), by_hand.tidy())
    assert "taken as known" in str(found)


def test_margins_carry_the_errors_of_estimated_weights() -> None:
    rows = table(3)
    weights = weights_from_age(rows, np.ones(N))
    spec = trd.MMRM("change ~ treatment * visit", covariance="cs")
    known = spec.fit(rows, weights=weights.frame).margins("treatment", by="visit")
    estimated = spec.fit(rows, weights=weights).margins("treatment", by="visit")
    assert known.tidy()["estimate"].tolist() == pytest.approx(estimated.tidy()["estimate"].tolist())
    # Weights from a confounder remove its noise: errors that know it are smaller.
    assert (estimated.tidy()["std_error"] < known.tidy()["std_error"]).all()


def test_weight_zero_is_counted_and_leaves_out() -> None:
    rows = table(2)
    weights = pd.Series(1.0, index=rows["subject"].unique())
    weights.iloc[:3] = 0
    fit = trd.MMRM("change ~ treatment * visit").fit(rows, weights=weights)
    assert fit.glance()["n"].item() == N - 3
    assert fit.design.left_out == {"weight 0": 6}
    assert "6 weight 0 left out" in str(fit)


def test_two_kinds_of_weights_are_refused() -> None:
    rows = table(1).assign(w=1.0)
    with pytest.raises(
        SpecError, match="Weights of subjects need rows, and cannot be combined with weights"
    ):
        trd.MMRM("change ~ treatment", rating_weights="w").fit(rows, weights="w")


def test_weights_of_ratings_are_no_weights_of_subjects() -> None:
    rows = table(2)
    rows = rows.assign(w=1.0 + (np.arange(len(rows)) % 3))
    for model in (
        trd.MMRM("change ~ treatment * visit"),
        trd.GEE("change ~ treatment * visit", family="gaussian"),
    ):
        with pytest.raises(SpecError, match=r"changes within a subject .*rating_weights='w'"):
            model.fit(rows, weights="w")
