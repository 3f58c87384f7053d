"""Interval-censored times whose every number is worked by hand.

Four subjects: A in (0, 4], B exactly on day 2, C in (1, 3], D after day 3.

Ends in order, where an exact time begins before intervals close, and they close before others
open:  (0  (1  [2  2]  3]  (3  4]  inf].  A left end is followed by a right end twice: the
innermost intervals are the point {2} and (3, 4].

A covers both, B and C cover {2}, D covers (3, 4]. With mass p on {2} the likelihood is
1 p p (1 - p), highest at p = 2/3: log-likelihood log(4/27). Self-consistency, the mean over
subjects of 1[covers] / P(own interval): on {2} (1 + 3/2 + 3/2) / 4 = 1, on (3, 4] (1 + 3) / 4 = 1.

By day 3 the probability is 2/3; on day 3.5 it lies between 2/3 and 1. The median is day 2, the
upper quartile in (3, 4]. Mean of min(T, 4): between 2/3 2 + 1/3 3 = 7/3 and 2/3 2 + 1/3 4 = 8/3.

Log-rank scores. S is 1, 1/3, 0; H is 2/3 after {2}, 2/3 + 1 after (3, 4]; S H is 0, 2/9, 0.
    A: (0 - 0) / 1 = 0                     B, C: (2/9 - 0) / (2/3) = 1/3 = 1 - H(2)
    D: (0 - 2/9) / (1/3) = -2/3 = -H(3)
Groups {A, B} and {C, D}: sums 1/3 and -1/3; s2 = (1/9 + 1/9 + 4/9) / 3 = 2/9; variance of a sum
2/9 (2 - 4/4) = 2/9; chi-squared (1/9) / (2/9) = 1/2.

Proportional hazards. One visit on day 1; 1 of 4 without and 2 of 4 with the covariate had the
event: the model is saturated, so H = log(4/3), e^beta H = log 2. The variance of a group's
log(-log S) is F / (n S log(S)^2), and that of beta the sum of two.
"""

from __future__ import annotations

from math import log

import numpy as np
import pandas as pd
import pytest

from trdstats import EventTimes, IntervalLogRank, IntervalPH, Turnbull
from trdstats.kernels.interval.interval_hazard import profile, read_problem, starting_hazard

FOUR = pd.DataFrame(
    {
        "subject": list("ABCD"),
        "treatment": ["x", "x", "y", "y"],
        "left": [0, 2, 1, 3],
        "right": [4, 2, 3, np.inf],
        "time": [4, 2, 3, 3],
        "status": [1, 1, 1, 0],
    }
)


@pytest.fixture
def four() -> EventTimes:
    return EventTimes(FOUR)


def test_masses(four: EventTimes) -> None:
    fit = Turnbull(by=None).fit(four)
    frame = fit.tidy()
    assert frame[["lower", "upper"]].to_numpy().tolist() == [[2, 2], [3, 4]]
    assert frame["mass"].tolist() == pytest.approx([2 / 3, 1 / 3], abs=1e-9)
    assert fit.glance()["loglik"].item() == pytest.approx(log(4 / 27), rel=1e-12)
    assert fit.glance()["gap"].item() < 1e-9


def test_bounds(four: EventTimes) -> None:
    fit = Turnbull(by=None).fit(four)
    at = fit.at([1.9, 2, 3, 3.5, 4])
    assert at["bound_low"].tolist() == pytest.approx([0, 2 / 3, 2 / 3, 2 / 3, 1], abs=1e-9)
    assert at["bound_high"].tolist() == pytest.approx([0, 2 / 3, 2 / 3, 1, 1], abs=1e-9)
    assert np.isnan(at["estimate"]).tolist() == [False, False, False, True, False]
    quantiles = fit.quantiles((0.5, 0.75))
    assert quantiles[["bound_low", "bound_high"]].to_numpy().tolist() == [[2, 2], [3, 4]]
    assert quantiles["estimate"].iloc[0] == 2
    assert np.isnan(quantiles["estimate"].iloc[1])
    mean = fit.restricted_mean(4).iloc[0]
    assert mean["bound_low"] == pytest.approx(7 / 3, rel=1e-9)
    assert mean["bound_high"] == pytest.approx(8 / 3, rel=1e-9)
    assert mean["estimate"] == pytest.approx(5 / 2, rel=1e-9)


def test_log_rank(four: EventTimes) -> None:
    fit = IntervalLogRank().fit(four)
    assert fit.tidy()["score"].tolist() == pytest.approx([1 / 3, -1 / 3], abs=1e-9)
    assert (fit.tidy()["std_error"] ** 2).tolist() == pytest.approx([2 / 9] * 2, rel=1e-9)
    row = fit.glance().iloc[0]
    assert row["statistic"] == pytest.approx(1 / 2, rel=1e-9)
    assert row["df"] == 1


def eight() -> EventTimes:
    seen = np.array([1, 0, 0, 0, 1, 1, 0, 0], dtype=bool)
    return EventTimes(
        pd.DataFrame(
            {
                "subject": range(8),
                "treatment": ["x"] * 4 + ["y"] * 4,
                "left": np.where(seen, 0, 1),
                "right": np.where(seen, 1, np.inf),
                "time": 1,
                "status": seen.astype(int),
            }
        )
    )


def test_proportional_hazards() -> None:
    fit = IntervalPH("treatment").fit(eight())
    assert fit.tidy()["estimate"].item() == pytest.approx(log(log(2) / log(4 / 3)), rel=1e-8)
    assert fit.baseline()["hazard"].tolist() == pytest.approx([log(4 / 3)], rel=1e-8)
    loglik = log(1 / 4) + 3 * log(3 / 4) + 4 * log(1 / 2)
    assert fit.glance()["loglik"].item() == pytest.approx(loglik, rel=1e-10)
    null = 3 * log(3 / 8) + 5 * log(5 / 8)
    assert fit.glance()["statistic"].item() == pytest.approx(2 * (loglik - null), rel=1e-8)


def test_curvature_of_the_profile() -> None:
    frame = eight().frame
    left, right = frame["left"].to_numpy(), frame["right"].to_numpy()
    x = (frame["treatment"] == "y").to_numpy(dtype=float)[:, None]
    problem = read_problem(left, right, x, np.ones(8))
    beta = np.array([log(log(2) / log(4 / 3))])
    here = profile(problem, beta, starting_hazard(problem, left, right))
    variance = sum(f / (4 * (1 - f) * log(1 - f) ** 2) for f in (1 / 4, 1 / 2))
    assert here.information.item() == pytest.approx(1 / variance, rel=1e-6)
    assert here.score.item() == pytest.approx(0, abs=1e-6)
