"""Weights of six subjects whose every number is worked by hand.

One covariate x of 0 and 1. A has x 0, 0, 1 and outcomes 0, 1, 1; B has x 0, 1, 1 and 0, 0, 1.

The model of treatment has a parameter for each x, so the scores of B are shares: 1/3 where x is 0,
2/3 where x is 1. For the subjects of A, then of B:

    score of the own treatment   2/3 2/3 1/3       1/3 2/3 2/3
    all (1 / own)                3/2 3/2 3         3   3/2 3/2
    those of B (B / own)         1/2 1/2 2         1   1   1
    overlap (the other's score)  1/3 1/3 2/3       2/3 1/3 1/3
    matching (smallest / own)    1/2 1/2 1         1   1/2 1/2

Overlap weights of A: sum 4/3, sum of squares 6/9, worth (16/9) / (6/9) = 8/3 subjects. The mean
of x is (2/3) / (4/3) = 1/2 under both: exact balance.

Before weighting: means 1/3 and 2/3, both variances 1/3 (divisor 2), so the standardised difference
is (1/3) / sqrt(1/3) = 1 / sqrt(3); the distribution functions are 1/3 apart at 0.

Scores of B: A has 1/3 1/3 2/3, B has 1/3 2/3 2/3. Of nine pairs B is above in 4, tied in 4: the
c statistic is 6/9. Two shares in common: 1/3 at the low score, 1/3 at the high one.

Entropy balancing to the mean 2/3 of B: in A, x = 1 has two thirds of the weight, so 1/2 1/2 2. To
the mean 1/2 of all: A 3/4 3/4 3/2, B 3/2 3/4 3/4.

Weighted mean of A for all subjects: (0 3/2 + 1 3/2 + 1 3) / 6 = 3/4. With a saturated model it is
the mean of 1/2 (x = 0) and 1 (x = 1), half each. The influence of a subject is
(mean at its x - 3/4) / 6, and in A also w (y - mean at its x) / 6:

    A: -1/24 - 1/8 = -1/6;  -1/24 + 1/8 = 1/12;  1/24 + 0;   B: -1/24; 1/24; 1/24

Their squares sum to (16 + 4 + 1 + 1 + 1 + 1) / 576 = 24/576 = 1/24.

With the weights taken as known it is w (y - 3/4) / 6: -3/16, 1/16, 1/8; squares 14/256 = 7/128,
more than 1/24: estimated weights are more efficient than known ones.

In small samples direct influences have the factor (1 - (s_i - s)phi_i) / (1 - w_i). In A the slopes
s_i in the odds of B (intercept, x, about the middle of x in its deviations) are (1/3, -1/3) twice
and (2/3, 2/3), their weighted mean (1/2, 1/6); phi_i is (-1/4, 1/4) twice and (-1/2, -1/2); w_i is
1/4, 1/4, 1/2. Factors: (1 + 1/12) / (3/4) = 13/9 twice, (1 + 1/3) / (1/2) = 8/3. With them:

    -3/16 13/9 + 1/48 = -1/4;  1/16 13/9 + 1/48 = 1/9;  1/8 8/3 - 1/12 = 1/4

Without the first subject the mean of A is 1: it falls by -1/4 indeed.

Three values: C has x 0, 1, 2 and is to have the mean 3/2 of D (x 1, 3/2, 2). Weights
are 1, r, r^2 up to a factor, (r + 2 r^2) / (1 + r + r^2) = 3/2, so r^2 - r - 3 = 0 and
r = (1 + sqrt(13)) / 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.estimates.weights import EstimatedWeights
from trdstats.kernels.weighting.moment_weights import moment_weights

SIX = pd.DataFrame(
    {"subject": list("abcdef"), "treatment": list("AAABBB"), "x": [0, 0, 1, 0, 1, 1]}
)
OUTCOME = np.array([0, 1, 1, 0, 0, 1.0])
T = 1 / 3


@pytest.mark.parametrize(
    ("options", "want"),
    [
        ({}, [1.5, 1.5, 3, 3, 1.5, 1.5]),
        ({"stabilised": True}, [0.75, 0.75, 1.5, 1.5, 0.75, 0.75]),
        ({"estimand": "att", "treated": "B"}, [0.5, 0.5, 2, 1, 1, 1]),
        ({"estimand": "overlap"}, [T, T, 2 * T, 2 * T, T, T]),
        ({"estimand": "matching"}, [0.5, 0.5, 1, 1, 0.5, 0.5]),
        ({"estimand": "entropy", "treated": "B"}, [0.5, 0.5, 2, 1, 1, 1]),
        ({"estimand": "entropy"}, [0.75, 0.75, 1.5, 1.5, 0.75, 0.75]),
        ({"method": "balancing"}, [1.5, 1.5, 3, 3, 1.5, 1.5]),
        # 0.5 of the weights of a treatment: the middle one.
        ({"cap": 0.5}, [1.5, 1.5, 1.5, 1.5, 1.5, 1.5]),
    ],
    ids=str,
)
def test_weights(options: dict[str, Any], want: list[float]) -> None:
    fit = trd.PropensityWeights("x", **options).fit(SIX)
    assert fit.weights["weight"].tolist() == pytest.approx(want, rel=1e-9)


def test_scores_and_their_overlap() -> None:
    fit = trd.PropensityWeights("x", estimand="overlap").fit(SIX)
    assert fit.weights["score B"].tolist() == pytest.approx([T, T, 2 * T, T, 2 * T, 2 * T])
    # Log odds log(1/2) where x is 0; log 2 - log(1/2) = log 4 more where it is 1.
    assert fit.tidy()["estimate"].tolist() == pytest.approx([-np.log(2), np.log(4)], rel=1e-8)
    row = fit.overlap().iloc[0]
    assert row["c_statistic"] == pytest.approx(6 / 9)
    assert row["coefficient"] == pytest.approx(2 / 3)
    assert row["outside"] == 0
    assert row[["lowest", "highest"]].tolist() == pytest.approx([T, 2 * T])
    assert row[["reference_lowest", "reference_highest"]].tolist() == pytest.approx([T, 2 * T])


def test_sizes_and_balance() -> None:
    fit = trd.PropensityWeights("x", estimand="overlap").fit(SIX)
    sizes = fit.effective_size().set_index("treatment")
    assert sizes["effective"].tolist() == pytest.approx([8 / 3, 8 / 3])
    assert sizes["share"].tolist() == pytest.approx([8 / 9, 8 / 9])
    assert sizes["largest"].tolist() == pytest.approx([0.5, 0.5])
    row = fit.balance().iloc[0]
    assert row["smd_before"] == pytest.approx(1 / np.sqrt(3))
    assert row["ks_before"] == pytest.approx(1 / 3)
    assert row["smd_after"] == pytest.approx(0, abs=1e-10)
    assert row["ks_after"] == pytest.approx(0, abs=1e-10)
    assert np.isnan(row["variance_ratio_before"])  # of 0 and 1 it tells nothing more
    table = fit.population().set_index("term")
    assert table.loc["x", "A"] == pytest.approx(1 / 3)
    assert table.loc["x", "A, weighted"] == pytest.approx(1 / 2)


def test_error_of_a_mean_with_estimated_and_with_known_weights() -> None:
    fit = trd.PropensityWeights("x").fit(SIX)
    w = fit.weights["weight"].to_numpy()
    mine = SIX["treatment"] == "A"
    mean = np.average(OUTCOME[mine], weights=w[mine])
    assert mean == pytest.approx(3 / 4, rel=1e-9)
    direct = np.where(mine, w * (OUTCOME - 3 / 4) / 6, 0)
    assert (direct**2).sum() == pytest.approx(7 / 128, rel=1e-9)
    model = fit.subject_weights
    assert isinstance(model, EstimatedWeights)
    first = model.first_order().among(SIX["subject"])
    stacked = first.stacked_influence(direct[:, None])[:, 0]
    assert stacked.tolist() == pytest.approx(
        [-1 / 6, 1 / 12, 1 / 24, -1 / 24, 1 / 24, 1 / 24], rel=1e-8
    )
    assert (stacked**2).sum() == pytest.approx(1 / 24, rel=1e-8)
    small = model.among(SIX["subject"])
    assert small.correction[:3].tolist() == pytest.approx([13 / 9, 13 / 9, 8 / 3], rel=1e-8)
    moved = small.stacked_influence(direct[:, None])[:, 0]
    assert moved.tolist() == pytest.approx(
        [-1 / 4, 1 / 9, 1 / 4, -1 / 24, 1 / 24, 1 / 24], rel=1e-8
    )


def test_entropy_of_three_values() -> None:
    r = (1 + np.sqrt(13)) / 2
    want = 3 * np.array([1, r, r**2]) / (1 + r + r**2)
    # D has the mean 3/2 and lies within the values of C.
    frame = pd.DataFrame({"subject": range(6), "treatment": list("CCCDDD"),
                          "x": [0.0, 1, 2, 1, 1.5, 2]})  # fmt: skip
    fit = trd.PropensityWeights("x", estimand="entropy", treated="D").fit(frame)
    assert fit.weights["weight"].tolist()[:3] == pytest.approx(list(want), rel=1e-10)
    kernel = moment_weights(np.array([[0.0], [1], [2]]), [1.5])
    assert kernel.weight.tolist() == pytest.approx(list(want), rel=1e-10)
