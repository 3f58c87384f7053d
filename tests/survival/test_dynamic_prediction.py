"""Dynamic prediction of response: weights and scores by hand, statsmodels, censoring, support."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.special import expit

import trdstats as trd
from trdstats.errors import NotEstimableError, SpecError, UnknownNameError
from trdstats.kernels.weighting.prediction_scores import (
    brier_score,
    concordance,
    outcome_weights,
)
from trdstats.testing import check_result


def test_weights_by_hand() -> None:
    """Ends at 5 and 20, censored at 8 and 30, horizon 15: G falls to 2/3 at day 8."""
    outcome, weight = outcome_weights(
        np.array([5.0, 8.0, 20.0, 30.0]), np.array([True, False, True, False]), 15.0
    )
    assert outcome.tolist() == [1, 0, 0, 0]
    assert weight == pytest.approx([1, 0, 1.5, 1.5])
    assert weight.sum() == pytest.approx(4)


def test_scores_by_hand() -> None:
    p, y, w = np.array([0.8, 0.6, 0.6, 0.1]), np.array([1.0, 0, 1, 0]), np.array([1.0, 2, 1, 1])
    assert brier_score(p, y, w) == pytest.approx((0.04 + 2 * 0.36 + 0.16 + 0.01) / 5)
    # Pairs of weight 2 and 1: 0.8 wins both, 0.6 ties with the first and wins the second.
    assert concordance(p, y, w) == pytest.approx((2 + 1 + 1 + 1) / 6)
    assert np.isnan(concordance(p, np.zeros(4), w))


def course(n: int, *, censor: float = np.inf, seed: int = 1) -> trd.Episodes:
    """Rows of 30 days; the score of each decides the hazard of the next 30."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        gone, score = rng.exponential(censor) if np.isfinite(censor) else np.inf, rng.normal(8, 2)
        for k in range(6):
            score = 0.7 * score + 0.3 * 8 + rng.normal(0, 2)
            lost = rng.random() < expit(-3 + 0.4 * (score - 8))
            stop = 30 * k + (rng.uniform(1, 30) if lost else 30)
            if gone < stop:
                rows.append((i, 30 * k, max(gone, 30 * k + 0.1), 0, score))
                break
            rows.append((i, 30 * k, stop, int(lost), score))
            if lost:
                break
    names = ["subject", "start", "stop", "status", "score"]
    return trd.Episodes(pd.DataFrame(rows, columns=names).assign(treatment="A"))


def test_without_censoring_it_is_a_logistic_regression() -> None:
    episodes = course(300)
    fit = trd.DynamicPrediction("score", horizon=30, landmarks=[30]).fit(episodes)
    rows = episodes.frame
    there = rows[(rows["start"] == 30)]
    lost = ((there["status"] == 1) & (there["stop"] <= 60)).astype(float)
    model = sm.Logit(lost.to_numpy(), sm.add_constant(there["score"].to_numpy())).fit(disp=0)
    table = fit.tidy()
    assert table["estimate"].to_numpy() == pytest.approx(model.params, abs=1e-6)
    robust = sm.Logit(lost.to_numpy(), sm.add_constant(there["score"].to_numpy())).fit(
        disp=0, cov_type="HC0"
    )
    assert table["std_error"].to_numpy() == pytest.approx(robust.bse, rel=1e-6)
    p = fit.predict([{"landmark": 30, "score": 9.0}])["estimate"].item()
    assert p == pytest.approx(1 - expit(model.params @ [1, 9.0]), abs=1e-6)
    check_result(fit)


def test_those_censored_are_stood_for() -> None:
    """The same truth with a third censored within the horizon: estimates agree within errors."""
    whole = trd.DynamicPrediction("score", horizon=60, landmarks=[0, 30]).fit(course(3_000))
    part = trd.DynamicPrediction("score", horizon=60, landmarks=[0, 30]).fit(
        course(3_000, censor=150, seed=2)
    )
    assert part.glance()["censored"].item() > 500
    rows = [{"landmark": 30, "score": s} for s in (5, 8, 11)]
    one, other = whole.predict(rows), part.predict(rows)
    width = (other["conf_high"] - other["conf_low"]).to_numpy()
    assert np.abs(one["estimate"] - other["estimate"]).to_numpy() == pytest.approx(
        0, abs=float(width.max())
    )
    naive = course(3_000, censor=150, seed=2).frame
    assert len(naive) > 0


def test_performance_and_calibration_are_of_subjects_not_in_the_fit() -> None:
    fit = trd.DynamicPrediction("score", horizon=60, landmarks=[0, 30, 60]).fit(course(800))
    table = fit.performance(folds=5, seed=3)
    assert (table["brier"] < table["brier_null"]).all()
    assert (table["auc"] > 0.6).all()
    pd.testing.assert_frame_equal(table, fit.performance(folds=5, seed=3))
    calibration = fit.calibration(groups=4)
    assert calibration["predicted"].is_monotonic_increasing
    near = np.abs(calibration["predicted"] - calibration["observed"])
    assert (near < 0.08).all()  # four groups of 400: an error of 0.025 each
    noise = course(1_500)
    frame = noise.frame.assign(coin=np.random.default_rng(1).normal(size=len(noise.frame)))
    blind = trd.DynamicPrediction("coin", horizon=60, landmarks=[0]).fit(trd.Episodes(frame))
    assert blind.performance()["auc"].item() == pytest.approx(0.5, abs=0.06)
    ax = fit.plot()
    assert "after 60 days" in ax.get_xlabel()
    plt.close("all")


def test_nothing_is_predicted_beyond_the_data() -> None:
    study = trd.load_sample("trial")
    rows = trd.start_stop(study, trd.Relapse(22), ["score"], since=trd.Response())
    spec = trd.DynamicPrediction("treatment + score", horizon=60, landmarks=[14, 28, 56])
    fit = spec.fit(rows)
    asked = [{"landmark": 28, "score": 8, "treatment": "ECT"},
             {"landmark": 90, "score": 8, "treatment": "ECT"},
             {"landmark": 28, "score": 50, "treatment": "ECT"},
             {"landmark": 28, "score": np.nan, "treatment": "ECT"}]  # fmt: skip
    table = fit.predict(asked)
    assert table["estimate"].notna().tolist() == [True, False, False, False]
    assert table["reason"].iloc[1] == "the landmarks are days 14 to 56"
    assert "score was between 0 and" in table["reason"].iloc[2]
    assert table["reason"].iloc[3] == "a covariate is missing"
    assert fit.sentence(asked[0]).startswith("On day 28 after the response, the probability")
    assert fit.sentence(asked[1]) == "No prediction: the landmarks are days 14 to 56."
    assert "not the effect of a treatment" in str(fit).replace("\n", " ")
    with pytest.raises(UnknownNameError):
        fit.predict([{"landmark": 28, "score": 8, "treatment": "VNS"}])
    with pytest.raises(UnknownNameError, match="landmark"):
        fit.predict([{"score": 8, "treatment": "ECT"}])
    with pytest.raises(SpecError, match="folds must be 2"):
        fit.performance(folds=1)


def test_what_is_refused() -> None:
    with pytest.raises(SpecError, match="horizon must be a positive number"):
        trd.DynamicPrediction("score", horizon=0, landmarks=[14])
    with pytest.raises(SpecError, match="name one day or more"):
        trd.DynamicPrediction("score", horizon=30, landmarks=[])
    with pytest.raises(SpecError, match="name a day twice"):
        trd.DynamicPrediction("score", horizon=30, landmarks=[14, 14])
    small = course(12)
    with pytest.raises(NotEstimableError, match="too few for"):
        trd.DynamicPrediction("score", horizon=30, landmarks=[0, 30]).fit(small)
    with pytest.raises(NotEstimableError, match="No subject is followed in response"):
        trd.DynamicPrediction("score", horizon=30, landmarks=[400]).fit(small)
    with pytest.raises(NotEstimableError, match="is followed for 400 days more"):
        trd.DynamicPrediction("score", horizon=400, landmarks=[30]).fit(small)


def test_a_response_regained_was_lost_first() -> None:
    """Lost on day 30 by 40, who regain it on day 60 and keep it; 8 others lose it on day 90.

    The end of the last stay counted, day 140, so that the 40 were held to keep it from day 14 on.
    """
    rng = np.random.default_rng(4)
    score = rng.normal(8, 3, 80).round()
    again, late = np.arange(80) % 2 == 0, np.arange(80) % 10 == 5
    first = pd.DataFrame({
        "subject": [f"P{i:02}" for i in range(80)], "treatment": "all", "start": 0.0,
        "stop": np.select([again, late], [30.0, 90.0], 140.0),
        "status": (again | late).astype(int), "score": score,
    })  # fmt: skip
    second = first[again].assign(start=60.0, stop=140.0, status=0)
    spec = trd.DynamicPrediction("score", horizon=40, landmarks=[14, 70])
    both = spec.fit(trd.Episodes(pd.concat([first, second])))
    found = both.performance(folds=5)
    assert found["n"].tolist() == [80, 80]
    assert found["events"].tolist() == [40, 8]
    with pytest.raises(SpecError, match="give the episodes before gap_time"):
        spec.fit(trd.Episodes(pd.concat([first, second])).gap_time())
