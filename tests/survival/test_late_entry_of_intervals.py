"""Interval-censored times with delayed entry and weights: written out, and by their relations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.arrays import FloatArray
from trdstats.errors import DataError, NotEstimableError
from trdstats.kernels.interval.interval_rank_test import log_rank_scores
from trdstats.kernels.interval.late_entry import npmle
from trdstats.kernels.interval.turnbull import turnbull


def drawn(seed: int, n: int, *, exact: bool = False) -> dict[str, FloatArray]:
    """Return times since a common origin of subjects who come late, seen at visits of their own."""
    rng = np.random.default_rng(seed)
    rows = []
    while len(rows) < n:
        event, entry = rng.weibull(1.3) * 30, rng.integers(0, 25) * (rng.random() < 0.6)
        if event <= entry:
            continue
        visits = entry + np.cumsum(rng.integers(3, 12, size=6))
        if exact:
            seen = event <= visits[-1]
            rows.append((event, event, entry) if seen else (visits[-1], np.inf, entry))
            continue
        k = np.searchsorted(visits, event)
        ends = np.r_[entry, visits, np.inf]
        rows.append((ends[k], ends[k + 1], entry))
    left, right, entry = (np.array(c, dtype=float) for c in zip(*rows, strict=True))
    return {"left": left, "right": right, "entry": entry}


def frame_of(seed: int, n: int, **columns: object) -> pd.DataFrame:
    data = drawn(seed, n)
    seen = np.isfinite(data["right"])
    rng = np.random.default_rng(seed + 1000)
    last = np.where(seen, data["right"], np.maximum(data["left"], data["entry"] + 1))
    return pd.DataFrame({
        "subject": np.arange(n), "treatment": np.where(rng.random(n) < 0.5, "A", "B"),
        **data, "time": last, "status": seen.astype(int),
        "age": rng.normal(size=n), **columns,
    })  # fmt: skip


def conditional(left: FloatArray, right: FloatArray, entry: FloatArray, w: FloatArray) -> float:
    """Return the conditional log-likelihood after many steps of self-consistency.

    A subject stands for those who had the event before it could come (Turnbull 1976, section 3).
    """
    ends = np.unique(np.r_[0.0, left, right[np.isfinite(right)], entry])
    ends = np.r_[ends, np.inf]
    inside = (ends[:-1] >= left[:, None]) & (ends[1:] <= right[:, None])
    later = ends[:-1] >= entry[:, None]
    p = np.full(len(ends) - 1, 1.0 / (len(ends) - 1))
    for _ in range(30_000):
        seen, could = w / (inside @ p), w / (later @ p)
        p = p * (seen @ inside + could @ ~later)
        p /= p.sum()
    return float(w @ (np.log(inside @ p) - np.log(later @ p)))


# Seeds under which nobody comes after all under observation had the event.
@pytest.mark.parametrize("seed", [1, 3, 5, 6, 8, 9])
def test_the_estimate_is_the_highest_conditional_likelihood(seed: int) -> None:
    data = drawn(seed, 25)
    w = np.random.default_rng(seed).uniform(0.5, 2, 25)
    fit = npmle(data["left"], data["right"], w, data["entry"])
    assert fit.converged
    # Self-consistency nears the maximum from below.
    reached = conditional(data["left"], data["right"], data["entry"], w)
    assert reached - 1e-9 <= fit.loglik <= reached + 1e-4


def test_exact_times_give_kaplan_meier() -> None:
    data = drawn(3, 60, exact=True)
    fit = npmle(data["left"], data["right"], None, data["entry"])
    frame = pd.DataFrame({
        "subject": np.arange(60), "treatment": "A", "entry": data["entry"],
        "time": data["left"], "status": np.isfinite(data["right"]).astype(int),
    })  # fmt: skip
    curve = trd.KaplanMeier().fit(frame).tidy()
    days = fit.upper[np.isfinite(fit.upper)]
    at = np.searchsorted(curve["time"], days, side="right") - 1
    expected = 1 - curve["estimate"].to_numpy()[at]
    np.testing.assert_allclose(np.cumsum(fit.mass)[: len(days)], expected, atol=1e-9)


def test_entry_on_day_0_changes_nothing() -> None:
    data = drawn(5, 40)
    left = np.where(data["entry"] > 0, data["left"], data["left"])
    one, two = turnbull(left, data["right"]), npmle(left, data["right"], None, np.zeros(40))
    np.testing.assert_array_equal(one.mass, two.mass)


def of_rows(rows: list[tuple[float, ...]], treatment: str = "A") -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["entry", "left", "right", "time", "status"])
    return frame.assign(subject=range(len(rows)), treatment=treatment)


def test_what_lies_before_a_day_that_no_subject_is_known_to_survive_is_refused() -> None:
    # Any curve that reaches 1 by day 7 fits these: the event may have come before day 3 or not.
    frame = of_rows([(0, 0, 7, 7, 1)] * 10 + [(3, 3, 7, 7, 1)] * 10)
    message = "No subject in A is known to be without the event by day 3, though 10 come under"
    with pytest.raises(NotEstimableError, match=message):
        trd.Turnbull().fit(frame)
    with pytest.raises(NotEstimableError, match="No subject is known to be without the event"):
        trd.IntervalPH("age").fit(frame.assign(age=np.arange(20.0)))
    # One subject who is known to have survived day 7 makes it known.
    more = of_rows([(0, 0, 7, 7, 1)] * 10 + [(3, 3, 7, 7, 1)] * 10 + [(0, 7, np.inf, 14, 0)])
    assert trd.Turnbull().fit(more).at([7.0])["estimate"].item() == pytest.approx(20 / 21)


def test_entries_that_end_cells_without_a_run_of_their_own() -> None:
    # No event tells the parts of (0, 2] before and after the entry on day 1 from each other. The
    # likelihood is highest with the event before it, when two subjects are at risk.
    frame = of_rows([(0, 6, np.inf, 6, 0), (1, 1, 10, 10, 1), (0, 0, 2, 2, 1)])
    fit = trd.Turnbull().fit(frame)
    assert fit.glance()["converged"].item()
    assert fit.at([2.0])["estimate"].item() == pytest.approx(1 / 2, abs=1e-6)


def test_random_tables_never_fail_otherwise() -> None:
    fitted = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(5, 40))
        entry = rng.integers(0, 4, n) * (rng.random(n) < 0.4)
        left = entry + rng.integers(0, 5, n)
        seen = rng.random(n) < 0.6
        right = np.where(seen, left + rng.integers(1, 6, n), np.inf)
        time = np.where(seen, right, np.maximum(left, entry + 1))
        frame = pd.DataFrame({
            "entry": entry, "left": left, "right": right, "time": time,
            "status": seen.astype(int), "subject": range(n), "treatment": "A",
        })  # fmt: skip
        try:
            fit = trd.Turnbull().fit(frame)
        except NotEstimableError:
            continue
        assert fit.glance()["gap"].item() < 1e-8
        fitted += 1
    assert fitted > 75


def test_a_group_without_events_and_late_subjects() -> None:
    frame = of_rows([(0, 5, np.inf, 5, 0), (2, 7, np.inf, 7, 0), (0, 3, np.inf, 3, 0)])
    assert trd.Turnbull().fit(frame).at([3.0])["estimate"].item() == 0.0
    two = pd.concat([frame, frame.assign(subject=frame["subject"] + 9, treatment="B")])
    test = trd.IntervalLogRank().fit(two.reset_index(drop=True)).glance()
    assert np.isnan(test["statistic"].item())
    assert "same score" in test["reason"].item()


def test_an_event_on_day_0_of_a_subject_who_came_later_is_refused() -> None:
    frame = of_rows([(5, 0, 0, 0, 1), (0, 0, 4, 4, 1)])
    with pytest.raises(DataError, match="not before the time"):
        trd.EventTimes(frame)


def test_late_entry_left_out_biases_and_counted_does_not() -> None:
    # Half of the subjects are seen only if they lasted until they came.
    data = drawn(11, 3000)
    truth = 1 - np.exp(-((20 / 30) ** 1.3))
    counted = npmle(data["left"], data["right"], None, data["entry"])
    ignored = turnbull(data["left"], data["right"])

    def by_20(fit: object) -> float:
        mass, upper = fit.mass, fit.upper  # type: ignore[attr-defined]
        return float(mass[upper <= 20].sum())

    assert by_20(counted) == pytest.approx(truth, abs=0.03)
    assert by_20(ignored) < truth - 0.07


def test_scores_of_exact_times_are_those_of_the_log_rank_test() -> None:
    data = drawn(2, 80, exact=True)
    w = np.random.default_rng(2).uniform(0.5, 2, 80)
    arm = np.where(np.arange(80) % 2 == 0, "A", "B")
    score = log_rank_scores(data["left"], data["right"], w, data["entry"])
    assert float(w @ score) == pytest.approx(0, abs=1e-8)
    frame = pd.DataFrame({"subject": np.arange(80), "treatment": arm, "entry": data["entry"],
                          "time": data["left"], "status": np.isfinite(data["right"]).astype(int),
                          "w": w})  # fmt: skip
    test = trd.LogRank().fit(frame, weights="w").tidy()
    gap = (test["observed"] - test["expected"]).to_numpy()
    sums = [float((w * score)[arm == a].sum()) for a in ("A", "B")]
    np.testing.assert_allclose(sums, gap, rtol=1e-6, atol=1e-8)


def test_weights_of_2_are_two_subjects_in_the_score() -> None:
    frame = frame_of(7, 60, w=np.where(np.arange(60) % 3 == 0, 2.0, 1.0))
    twice = pd.concat([frame, frame[frame["w"] == 2].assign(subject=lambda f: f["subject"] + 100)])
    one = trd.IntervalLogRank().fit(frame, weights="w").tidy()["score"]
    two = trd.IntervalLogRank().fit(twice.reset_index(drop=True)).tidy()["score"]
    # Weights are scaled to mean 1: 60 subjects stand for 80.
    np.testing.assert_allclose(one * 80 / 60, two, atol=1e-7)


def test_weights_of_1_are_near_the_permutation_test() -> None:
    frame = frame_of(8, 200).drop(columns="entry").assign(w=1.0)
    plain = trd.IntervalLogRank().fit(frame).glance()["statistic"].item()
    weighted = trd.IntervalLogRank().fit(frame, weights="w")
    assert weighted.glance()["statistic"].item() == pytest.approx(plain, rel=0.05, abs=0.02)
    assert "robust variance" in str(weighted)


def test_proportional_hazards_with_entry_are_those_of_cox_for_fine_visits() -> None:
    rng = np.random.default_rng(4)
    n = 500
    x = rng.normal(size=n)
    event = rng.exponential(400 * np.exp(-0.7 * x))
    entry = rng.uniform(0, 200, n) * (rng.random(n) < 0.5)
    kept = (event > entry) & (entry < 590)
    event, entry, x = np.ceil(event[kept]), np.floor(entry[kept]), x[kept]
    seen = event <= 600
    frame = pd.DataFrame({
        "subject": np.arange(len(x)), "treatment": "A", "x": x, "entry": entry,
        "left": np.where(seen, event - 1, 600), "right": np.where(seen, event, np.inf),
        "time": np.where(seen, event, 600), "status": seen.astype(int),
    })  # fmt: skip
    interval = trd.IntervalPH("x").fit(frame).tidy()
    cox = trd.CoxPH("x").fit(frame).tidy()
    # Days are far finer than the events are dense: the two likelihoods nearly agree.
    assert interval["estimate"].item() == pytest.approx(cox["estimate"].item(), abs=0.02)
    assert interval["std_error"].item() == pytest.approx(cox["std_error"].item(), rel=0.08)


@pytest.mark.slow
def test_sizes_under_late_entry_and_weights() -> None:
    rejected = np.zeros(2)
    for k in range(600):
        frame = frame_of(5000 + k, 150)
        rng = np.random.default_rng(k)
        # Entry and weights have nothing to do with the arm.
        test = trd.IntervalLogRank().fit(frame).glance()["p_value"].item()
        frame["w"] = rng.uniform(0.3, 3, len(frame))
        weighted = trd.IntervalLogRank().fit(frame, weights="w").glance()["p_value"].item()
        rejected += np.array([test, weighted]) < 0.05
    low, high = 0.05 - 3 * 0.0089, 0.05 + 3 * 0.0089
    assert (rejected / 600 > low).all()
    assert (rejected / 600 < high).all()
