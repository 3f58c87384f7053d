"""Gray's test with weights and delayed entry."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import NotEstimableError
from trdstats.kernels.risk_sets.follow_up import FollowUp
from trdstats.kernels.risk_sets.gray import gray_scores


def cohort(seed: int, n: int = 200, *, late: bool = True) -> pd.DataFrame:
    """Return two arms alike, with two causes; half come late."""
    rng = np.random.default_rng(seed)
    arm = rng.choice(["A", "B"], size=n)
    entry = rng.uniform(0, 8, n) * (rng.random(n) < 0.5) * late
    end = rng.exponential(15, n) + entry  # without memory: who comes late is as the others
    censored = entry + rng.exponential(20, n)
    status = np.where(end < censored, rng.integers(1, 3, n), 0)
    return pd.DataFrame({"subject": np.arange(n), "treatment": arm, "entry": entry,
                         "time": np.minimum(end, censored), "status": status,
                         "w": rng.uniform(0.3, 3, n)})  # fmt: skip


def follow_up(frame: pd.DataFrame, weight: np.ndarray) -> tuple[FollowUp, np.ndarray]:  # type: ignore[type-arg]
    data = FollowUp(frame["time"].to_numpy(), frame["status"].to_numpy(dtype=np.intp),
                    frame["entry"].to_numpy(), weight)  # fmt: skip
    return data, (frame["treatment"] == "B").to_numpy().astype(np.intp)


def test_influences_are_the_derivatives_by_the_weights() -> None:
    # Where the groups are alike, as the influences take them to be, up to their chance differences.
    frame = cohort(1, n=4000)
    weight = frame["w"].to_numpy()
    data, code = follow_up(frame, weight)
    scores = gray_scores(data, code, 2, 1, 0.0, robust=True)
    some = np.arange(0, 4000, 100)
    slopes = []
    for i in some:
        step = 1e-4 * (np.arange(4000) == i)
        ends = [gray_scores(replace(data, weight=weight + s * step), code, 2, 1, 0.0).score
                for s in (1, -1)]  # fmt: skip
        slopes.append(weight[i] * (ends[0] - ends[1])[1] / 2e-4)
    gap = np.array(slopes) - scores.each[some, 1]
    assert np.sqrt((gap**2).mean()) < 0.06 * np.sqrt((scores.each[some, 1] ** 2).mean())


@pytest.mark.parametrize("rho", [0.0, 1.0])
def test_weights_of_2_are_two_subjects_in_the_score(rho: float) -> None:
    frame = cohort(2)
    weight = np.where(np.arange(len(frame)) % 3 == 0, 2.0, 1.0)
    twice = pd.concat([frame, frame[weight == 2]])
    data, code = follow_up(frame, weight)
    one = gray_scores(data, code, 2, 1, rho).score
    data, code = follow_up(twice, np.ones(len(twice)))
    np.testing.assert_allclose(one, gray_scores(data, code, 2, 1, rho).score, atol=1e-10)


def test_weights_of_1_come_near_the_variance_of_gray() -> None:
    frame = cohort(3, n=4000, late=False).drop(columns="entry").assign(w=1.0)
    plain = trd.GrayTest().fit(frame).tidy()["statistic"]
    weighted = trd.GrayTest().fit(frame, weights="w").tidy()["statistic"]
    np.testing.assert_allclose(weighted, plain, rtol=0.02, atol=1e-3)


def test_strata_and_estimated_weights() -> None:
    frame = cohort(4).assign(site=lambda f: f["subject"] % 3, age=lambda f: f["w"] * 10)
    fit = trd.GrayTest(strata="site").fit(frame, weights="w")
    parts = [trd.GrayTest().fit(part, weights="w") for _, part in frame.groupby("site")]
    assert fit.tidy()["p_value"].between(0, 1).all()
    assert len(parts) == 3
    assert "Weights" in str(fit)


def ended_early() -> pd.DataFrame:
    """Return two arms alike from day 2 on; in A the one subject before has the event on day 1."""
    late = pd.DataFrame(
        {"time": np.arange(5.0, 45), "status": np.tile([1, 2, 0, 1], 10), "entry": 2}
    )
    early = pd.DataFrame({"time": [1.0, 9], "status": [1, 0], "entry": 0, "treatment": ["A", "B"]})
    frame = pd.concat([late.assign(treatment="A"), late.assign(treatment="B"), early])
    return frame.assign(subject=range(len(frame)))


def test_a_group_that_ended_before_others_came_is_refused() -> None:
    # Its score would count 30 events and expect none: chi-squared 1,681 of arms that are alike.
    with pytest.raises(
        NotEstimableError,
        match=r"On day 1 the one subject at risk has the event in A, though 40 come .*: the "
        r"incidence of A is not known from there on\. Count from a later day with landmark",
    ):
        trd.GrayTest().fit(ended_early())
    later = trd.landmark(trd.EventTimes(ended_early()), 4)
    assert trd.GrayTest().fit(later).tidy()["p_value"].min() > 0.9


def test_a_stratum_in_which_a_group_ended_is_named() -> None:
    x = cohort(6).drop(columns="w").assign(site="x", entry=0.0)
    y = ended_early().assign(site="y", subject=lambda f: f["subject"] + 1000)
    frame = pd.concat([x, y])
    with pytest.raises(NotEstimableError, match="in stratum 2 of site"):
        trd.GrayTest(strata="site").fit(frame.reset_index(drop=True))


@pytest.mark.slow
def test_sizes() -> None:
    rejected = np.zeros(2)
    for k in range(1000):
        frame = cohort(9000 + k)  # half of the subjects are there from day 0 on
        late = trd.GrayTest().fit(frame).tidy()["p_value"].iloc[0]
        weighted = trd.GrayTest().fit(frame, weights="w").tidy()["p_value"].iloc[0]
        rejected += np.array([late, weighted]) < 0.05
    error = np.sqrt(0.05 * 0.95 / 1000)
    assert (np.abs(rejected / 1000 - 0.05) < 3 * error).all()
