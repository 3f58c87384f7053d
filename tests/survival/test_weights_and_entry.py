"""Weights and delayed entry: against loops that say what is meant, and against derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from trdstats import RMST, AalenJohansen, EventTimes, KaplanMeier, LogRank, MaxCombo
from trdstats.errors import DataError, NotEstimableError, SpecError, UnknownNameError
from trdstats.kernels.numerics.max_t import largest_tail
from trdstats.kernels.risk_sets.cumulative_incidence import aalen_johansen, influence_on_incidence
from trdstats.kernels.risk_sets.follow_up import FollowUp, count
from trdstats.kernels.risk_sets.rank_tests import rank_scores
from trdstats.kernels.risk_sets.survival_curve import (
    influence_on_restricted_mean,
    influence_on_survival,
    kaplan_meier,
    restricted_mean,
)


def drawn(seed: int, n: int = 40, *, causes: int = 1, late: bool = True) -> FollowUp:
    rng = np.random.default_rng(seed)
    entry = rng.integers(0, 4, n).astype(float) * (rng.random(n) < 0.5) * late
    # The first few are there from the start, so that risk sets do not run empty early on.
    entry[: n // 2] = 0
    time = entry + rng.integers(1, 12, n)
    return FollowUp(time, rng.integers(0, causes + 1, n), entry, rng.uniform(0.2, 3, n))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_risk_sets_are_what_a_loop_finds(seed: int) -> None:
    own = drawn(seed, causes=2)
    got = count(own, 2)
    for i, t in enumerate(got.time):
        there = (own.entry < t) & (t <= own.time) if t > 0 else own.entry == 0
        assert got.n_risk[i] == pytest.approx(own.weight[there].sum(), abs=1e-9)
        for cause in (1, 2):
            now = (own.time == t) & (own.status == cause)
            assert got.n_event[i, cause - 1] == pytest.approx(own.weight[now].sum())


def shifted(own: FollowUp, i: int, by: float) -> FollowUp:
    weight = own.weight.copy()
    weight[i] += by
    return FollowUp(own.time, own.status, own.entry, weight)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_influence_is_the_derivative_with_respect_to_a_weight(seed: int) -> None:
    own, at, h = drawn(seed, causes=2), np.array([2.0, 5.0, 8.0]), 1e-5
    on_curve = influence_on_survival(kaplan_meier(own), at)
    on_mean = influence_on_restricted_mean(kaplan_meier(own), 7.0)
    on_cause = influence_on_incidence(aalen_johansen(own, 2), 2, at)
    for i in range(0, len(own.time), 5):
        ends = []
        for step in (h, -h):
            curve = kaplan_meier(shifted(own, i, step))
            both = aalen_johansen(shifted(own, i, step), 2)
            here = curve.index_at(at)
            mean = restricted_mean(curve, 7.0).estimate
            ends.append((curve.survival[here], mean, both.estimate[here, 1]))
        slopes = [(a - b) / (2 * h) * own.weight[i] for a, b in zip(*ends, strict=True)]
        # Central differences of step 1e-5 are good to 1e-9.
        assert on_curve[i] == pytest.approx(slopes[0], abs=1e-8)
        assert on_mean[i] == pytest.approx(slopes[1], abs=1e-7)
        assert on_cause[i] == pytest.approx(slopes[2], abs=1e-8)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_robust_variances_are_sums_of_squared_influences(seed: int, late: bool) -> None:
    own = drawn(seed, causes=2, late=late)
    curve = kaplan_meier(own, robust=True)
    every = influence_on_survival(curve, curve.time)
    some = (curve.survival > 0) & ((curve.survival < 1) | (curve.time == 0))
    assert curve.std_error()[some] ** 2 == pytest.approx((every**2).sum(axis=0)[some], abs=1e-12)
    incidence = aalen_johansen(own, 2, robust=True)
    for cause in (1, 2):
        every = influence_on_incidence(incidence, cause, curve.time)
        expected = np.sqrt((every**2).sum(axis=0))
        # An incidence of 0 has no error, except at the origin.
        expected[(incidence.estimate[:, cause - 1] == 0) & (curve.time > 0)] = np.nan
        found = incidence.std_error[:, cause - 1]
        assert found == pytest.approx(expected, abs=1e-7, nan_ok=True)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_scores_of_the_rank_test_are_what_a_loop_finds(seed: int) -> None:
    own = drawn(seed)
    group = np.arange(len(own.time)) % 3
    got = rank_scores(own, group, 3, [(0, 0), (1, 0)], robust=True)
    score = np.zeros((2, len(own.time), 3))
    before = 1.0
    for t in np.unique(own.time[own.status == 1]):
        there = (own.entry < t) & (t <= own.time)
        now = (own.time == t) & (own.status == 1)
        y, d = own.weight[there].sum(), own.weight[now].sum()
        share = np.array([own.weight[there & (group == g)].sum() for g in range(3)]) / y
        for k, size in enumerate((1.0, before)):
            own_group = np.eye(3)[group]
            moved = now.astype(float) - there * d / y
            score[k] += (size * own.weight * moved)[:, None] * (own_group - share)
        before *= 1 - d / y
    assert got.observed - got.expected == pytest.approx(score.sum(axis=1), abs=1e-9)
    assert got.variance[0, 1] == pytest.approx(score[0].T @ score[1], abs=1e-9)


def times_of(own: FollowUp, **columns: Any) -> EventTimes:
    n = len(own.time)
    arm = np.where(np.arange(n) % 2, "a", "b")
    frame = {"subject": range(n), "treatment": arm, "time": own.time, "status": own.status}
    return EventTimes(pd.DataFrame({**frame, "entry": own.entry, "w": own.weight, **columns}))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_a_weight_of_two_is_a_subject_twice(seed: int) -> None:
    own = drawn(seed)
    double = np.random.default_rng(seed).integers(1, 3, len(own.time))
    times = times_of(own, double=double)
    rows = times.frame.loc[np.repeat(times.frame.index, double)]
    twice = EventTimes(rows.assign(subject=range(len(rows))))
    for spec in (KaplanMeier(), AalenJohansen()):
        weighted = spec.fit(times, weights="double").tidy()["estimate"]
        assert weighted.to_numpy() == pytest.approx(spec.fit(twice).tidy()["estimate"].to_numpy())
    a = RMST(tau=3).fit(times, weights="double").tidy()["estimate"].to_numpy()
    assert a == pytest.approx(RMST(tau=3).fit(twice).tidy()["estimate"].to_numpy(), nan_ok=True)
    observed = LogRank().fit(times, weights="double").tidy()["observed"].to_numpy()
    assert observed == pytest.approx(LogRank().fit(twice).tidy()["observed"].to_numpy())


def test_weights_in_their_three_forms_and_their_words() -> None:
    times = times_of(drawn(4))
    series = times.frame.set_index("subject")["w"]
    frame = times.frame.rename(columns={"w": "weight"})[["subject", "weight"]]
    expected = KaplanMeier().fit(times, weights="w").tidy()
    for given_ in (series, frame, frame.iloc[::-1]):
        pd.testing.assert_frame_equal(KaplanMeier().fit(times, weights=given_).tidy(), expected)
    assert "effective sample size" in repr(KaplanMeier().fit(times, weights="w"))
    with pytest.raises(UnknownNameError, match="Unknown column 'x'"):
        KaplanMeier().fit(times, weights="x")
    with pytest.raises(SpecError, match="a column name, a series indexed by subject, or a frame"):
        KaplanMeier().fit(times, weights=[1, 2])
    with pytest.raises(DataError, match=r"2 subjects have a weight that is missing, negative"):
        KaplanMeier().fit(times, weights=series.drop([3]).replace({series[5]: -1.0}))
    with pytest.raises(DataError, match="1 subject has two weights"):
        KaplanMeier().fit(times, weights=pd.concat([series, series.iloc[:1]]))
    with pytest.raises(NotEstimableError, match="All weights are 0"):
        KaplanMeier().fit(times, weights=series * 0)
    with pytest.raises(DataError, match=r"1 entry is missing, negative, or not before the time"):
        EventTimes(times.frame.assign(entry=times.frame["time"].where(times.frame.index == 2, 0)))


def test_a_subject_of_weight_zero_takes_no_part() -> None:
    times = times_of(drawn(5))
    zero = times.frame.set_index("subject")["w"].where(lambda w: w.index != 7, 0.0)
    without = EventTimes(times.frame[times.frame["subject"] != 7])
    got = KaplanMeier().fit(times, weights=zero)
    assert got.glance()["n"].item() == len(without.frame)
    pd.testing.assert_frame_equal(got.tidy(), KaplanMeier().fit(without, weights="w").tidy())
    assert got.influence([4]).set_index("subject").loc[7].eq(0).all()


def test_measures_at_a_day_and_their_contrasts() -> None:
    fit = KaplanMeier().fit(times_of(drawn(6, 80)))
    survival, incidence, hazard = (
        fit.at([4, 6], measure=m) for m in ("survival", "incidence", "hazard")
    )
    assert (survival["estimate"] + incidence["estimate"]).tolist() == pytest.approx([1] * 4)
    assert (survival["conf_low"] + incidence["conf_high"]).tolist() == pytest.approx([1] * 4)
    assert np.exp(-hazard["conf_high"]).tolist() == pytest.approx(survival["conf_low"].tolist())
    gap = fit.contrasts([6], reference="b").iloc[0]
    at = survival[survival["time"] == 6].set_index("treatment")
    assert gap["estimate"] == pytest.approx(at["estimate"]["a"] - at["estimate"]["b"])
    error = np.hypot(*at["std_error"])
    assert gap["p_value"] == pytest.approx(2 * norm.sf(abs(gap["estimate"]) / error))
    with pytest.raises(UnknownNameError, match="Unknown treatment 'c'"):
        fit.contrasts([6], reference="c")
    incidences = AalenJohansen().fit(times_of(drawn(6, 80, causes=2))).contrasts([6])
    assert incidences["cause"].tolist() == ["event", "cause 2"]


def test_arcsine_interval_by_its_formula() -> None:
    fit = KaplanMeier(conf_type="arcsine").fit(times_of(drawn(7, 80)))
    row = fit.at([5]).iloc[0]
    # The arcsine of the root has standard error se / (2 sqrt(S (1 - S))).
    s, z = row["estimate"], norm.isf(0.025)
    half = z * row["std_error"] / (2 * np.sqrt(s * (1 - s)))
    assert row["conf_low"] == pytest.approx(np.sin(np.arcsin(np.sqrt(s)) - half) ** 2)
    assert row["conf_high"] == pytest.approx(np.sin(np.arcsin(np.sqrt(s)) + half) ** 2)


def test_trend_of_two_groups_is_the_log_rank() -> None:
    times = times_of(drawn(8, 60))
    plain, trend = (LogRank(trend=t).fit(times).glance() for t in (None, (3.0, 10.0)))
    pd.testing.assert_frame_equal(plain, trend)
    with pytest.raises(SpecError, match="trend must have one score a group; got 3 for a, b"):
        LogRank(trend=(1, 2, 3)).fit(times)


def test_largest_of_several_statistics() -> None:
    rng = np.random.default_rng(0)
    # Independent statistics: 1 - (1 - p)^k exactly. Two correlated ones: the bivariate law.
    for level in (0.5, 2.0, 6.0):
        p = 2 * norm.sf(level)
        got = largest_tail(np.eye(3), level, draws=200_000, rng=rng)
        assert got == pytest.approx(-np.expm1(3 * np.log1p(-p)), rel=0.01)
    r = np.array([[1, 0.7], [0.7, 1]])
    inside = multivariate_normal(cov=r).cdf([2, 2], lower_limit=[-2, -2])
    assert largest_tail(r, 2.0, draws=200_000, rng=rng) == pytest.approx(1 - inside, rel=0.01)
    # A weighting that is asked for twice changes nothing.
    times = times_of(drawn(9, 80))
    one = LogRank().fit(times).glance()["p_value"].item()
    same = MaxCombo(weightings=((0, 0), (0, 0))).fit(times).tidy()["p_value"].item()
    assert same == pytest.approx(one, rel=1e-9)
    four = MaxCombo().fit(times).tidy().iloc[0]
    assert abs(four["statistic"]) >= norm.isf(one / 2)
    assert list(four.index[:2]) == ["treatment", "reference"]
    with pytest.raises(SpecError, match="two or more pairs"):
        MaxCombo(weightings=((0, 0),))
