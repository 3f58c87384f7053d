"""Restricted means adjusted for covariates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trdstats import RMST, EventTimes, Response, Study, time_to
from trdstats.errors import NotEstimableError, SpecError
from trdstats.kernels.risk_sets.follow_up import FollowUp
from trdstats.kernels.risk_sets.rmst_regression import restricted_regression
from trdstats.kernels.risk_sets.survival_curve import influence_on_restricted_mean, kaplan_meier

PRINTED = 2e-9  # ten digits of R


@pytest.fixture(scope="module")
def two_arms(trial: Study) -> EventTimes:
    return time_to(trial, Response()).only(["TMS", "ketamine"])


def test_regression_of_r(two_arms: EventTimes, r_times: dict[str, Any]) -> None:
    """survRM2 weighs an event by the censoring curve after its time, ties included.

    That is the order in which those censored at a visit leave before its events happen. Moved
    ahead by a moment, they give its numbers; as they are, see the next test.
    """
    expected = r_times["onset"]["rmst_adjusted"]
    frame = two_arms.frame
    censored = (frame["status"] == 0) & (frame["time"] > 0) & (frame["time"] < expected["tau"])
    early = EventTimes(frame.assign(time=frame["time"] - 1e-6 * censored, left=0.0))
    formula = " + ".join(expected["covariates"])
    fit = RMST(expected["tau"], reference="TMS", covariates=formula).fit(early)
    for measure in ("difference", "ratio"):
        got = fit.coefficients().query("measure == @measure")
        theirs = np.array(expected[measure], dtype=float)
        assert got["estimate"].tolist() == pytest.approx(theirs[:, 0].tolist(), rel=PRINTED)
        assert got["std_error"].tolist() == pytest.approx(theirs[:, 1].tolist(), rel=PRINTED)
    rows = fit.tidy().set_index("measure")
    # R prints exp(estimate) and its limits last.
    assert rows.loc["ratio", "estimate"] == pytest.approx(theirs[1, 4], rel=PRINTED)
    limits = rows.loc["ratio", ["conf_low", "conf_high"]].tolist()
    assert limits == pytest.approx(theirs[1, 5:].tolist(), rel=PRINTED)


def test_without_covariates_the_areas_under_the_curves(two_arms: EventTimes) -> None:
    """With events before censorings, as in Kaplan-Meier, the weighted means are its areas."""
    plain = RMST(28, reference="TMS").fit(two_arms)
    frame = two_arms.at_risk()
    groups = [
        FollowUp.plain(own["time"].to_numpy(), own["status"].to_numpy())
        for _, own in frame.groupby("treatment", observed=True)
    ]
    X = np.repeat(np.eye(2), [len(g.time) for g in groups], axis=0)
    fit = restricted_regression(groups, X, 28.0, link="identity")
    means = plain.tidy().query("measure == 'restricted mean'")["estimate"]
    assert fit.beta.tolist() == pytest.approx(means.tolist(), rel=1e-12)
    curves = [kaplan_meier(g) for g in groups]
    moved = np.concatenate([influence_on_restricted_mean(c, 28.0) for c in curves])
    # survRM2 takes 1 / n for the step of the censoring curve where the exact derivative has
    # 1 / (n - d): a tenth of a subject's effect where four of 37 are censored together.
    assert np.abs(fit.influence.sum(axis=1) - moved).max() < 0.1 * np.abs(moved).max()
    errors = [float(np.sqrt((m**2).sum())) for m in (fit.influence.sum(axis=1), moved)]
    assert errors[0] == pytest.approx(errors[1], rel=0.002)
    ratio = restricted_regression(groups, np.c_[np.ones(len(X)), X[:, 1]], 28.0, link="log")
    assert np.exp(ratio.beta[1]) == pytest.approx(means.iloc[1] / means.iloc[0], rel=1e-10)


def test_influence_sums_to_nothing_and_squares_to_the_errors(two_arms: EventTimes) -> None:
    fit = RMST(28, reference="TMS", covariates="msm + sex").fit(two_arms)
    moved = fit.estimates().only(measure="restricted mean").influence().drop(columns="subject")
    moved.columns = [c.removeprefix("restricted mean ") for c in moved]
    means = fit.tidy().query("measure == 'restricted mean'").set_index("treatment")
    assert list(moved.columns) == ["TMS", "ketamine"]
    assert (moved**2).sum().to_numpy() == pytest.approx(means["std_error"].to_numpy() ** 2)
    assert moved.sum().abs().max() < 1e-10
    gap = fit.tidy().query("measure == 'difference'").iloc[0]
    assert gap["estimate"] == pytest.approx(means.loc["ketamine", "estimate"]
                                            - means.loc["TMS", "estimate"])  # fmt: skip
    assert ((moved["ketamine"] - moved["TMS"]) ** 2).sum() ** 0.5 == pytest.approx(gap["std_error"])


def test_left_out_and_words(two_arms: EventTimes) -> None:
    frame = two_arms.frame
    gaps = EventTimes(frame.assign(msm=frame["msm"].where(np.arange(len(frame)) % 10 > 0)))
    fit = RMST(28, covariates="msm").fit(gaps)
    assert fit.left_out == {"a covariate is missing": fit.times.at_risk()["msm"].isna().sum()}
    text = repr(fit)
    assert "Adjusted for" in text
    assert "a covariate is missing" in text
    with pytest.raises(NotEstimableError, match=r"RMST\(covariates=\.\.\.\) names none"):
        RMST(28).fit(two_arms).coefficients()
    twice = EventTimes(frame.assign(double=2 * frame["msm"]))
    with pytest.raises(
        NotEstimableError, match=r"Collinear \(aliased\) with other columns of the model: double"
    ):
        RMST(28, covariates="msm + double").fit(twice)
    late = EventTimes(frame.assign(entry=np.where(frame["time"] > 1, 0.5, 0.0)))
    with pytest.raises(NotEstimableError, match="Delayed entry and covariates"):
        RMST(28, covariates="msm").fit(late)
    with pytest.raises(SpecError, match="covariates only"):
        RMST(28, covariates="y ~ msm")
