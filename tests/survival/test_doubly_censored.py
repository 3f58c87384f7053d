"""Durations whose start and end lie between visits: likelihoods by hand, limits, refusals."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.optimize import approx_fprime, minimize_scalar

import trdstats as trd
from trdstats.errors import DataError, NotEstimableError, SpecError, UnknownNameError
from trdstats.kernels.interval.duration_npmle import Windows, duration_npmle
from trdstats.kernels.interval.origin_days import OriginDays
from trdstats.kernels.parametric.aft import subject_terms as aft_terms
from trdstats.kernels.parametric.flexible import PiecewiseConstant
from trdstats.kernels.parametric.mixed_times import MixedTimes
from trdstats.kernels.parametric.piecewise_hazards import (
    fit_piecewise,
    score_at_null,
    subject_terms,
)
from trdstats.testing import check_result


def even(gaps: list[float], pieces: int = 4) -> OriginDays:
    """Days in the middles of equal stretches of each gap."""
    shift = [(k + 0.5) * g / pieces for g in gaps for k in range(pieces)]
    return OriginDays(
        np.repeat(np.arange(len(gaps)), pieces), np.array(shift),
        np.full(len(shift), 1 / pieces),
    )  # fmt: skip


@pytest.fixture(scope="module")
def known() -> MixedTimes:
    return MixedTimes.of(
        np.array([5.0, 20.0, 0.0, 40.0]), np.array([12.0, np.inf, 9.0, 55.0]),
        even([7.0, 14.0, 3.0, 28.0]),
    )  # fmt: skip


def test_likelihood_by_hand(known: MixedTimes) -> None:
    """One rate r: sum of exp(-r (l + x)) - exp(-r (u + x)) over sum of exp(-r x), term by term."""
    r = 0.02
    found = subject_terms(PiecewiseConstant(np.zeros(0)), known, np.zeros((4, 0)),
                          np.array([np.log(r)])).value  # fmt: skip
    for i, (low, high, gap) in enumerate([(5, 12, 7), (20, np.inf, 14), (0, 9, 3), (40, 55, 28)]):
        x = (np.arange(4) + 0.5) * gap / 4
        seen = (np.exp(-r * (low + x)) - np.exp(-r * (high + x))).mean()
        assert found[i] == pytest.approx(np.log(seen / np.exp(-r * x).mean()), abs=1e-12)


def test_an_exponential_duration_forgets_when_it_began(known: MixedTimes) -> None:
    """Without memory the days before the visit cancel: the rate is that of the dated intervals."""
    mixed = fit_piecewise(known, np.zeros((4, 0)), np.ones(4), np.zeros(0))
    dated = fit_piecewise(known.dated, np.zeros((4, 0)), np.ones(4), np.zeros(0))
    assert mixed is not None
    assert dated is not None
    assert mixed.theta[0] == pytest.approx(dated.theta[0], abs=1e-9)


@pytest.mark.parametrize("theta", [[-0.3, -4.0, -3.5, -4.2], [0.8, -3.0, -5.0, -3.0]])
def test_derivatives_of_the_piecewise_likelihood(known: MixedTimes, theta: list[float]) -> None:
    """Against differences of the value: relative 1e-5, the error of differences of size 1e-7."""
    pieces, X = PiecewiseConstant(np.array([15.0, 45.0])), np.array([[0.0], [1.0], [1.0], [0.5]])
    at = np.array(theta)

    def value(t: np.ndarray) -> float:
        return float(subject_terms(pieces, known, X, t).value.sum())

    def slope(t: np.ndarray) -> np.ndarray:
        terms = subject_terms(pieces, known, X, t)
        return np.r_[X[:, 0] @ terms.gradient[:, 0], terms.gradient[:, 1:].sum(axis=0)]

    assert slope(at) == pytest.approx(approx_fprime(at, value, 1e-7), rel=1e-4, abs=1e-5)
    terms = subject_terms(pieces, known, X, at)
    h = terms.hessian
    second = np.block(
        [[(X.T**2 @ h[:, 0, 0])[:, None], X.T @ h[:, 0, 1:]],
         [(X.T @ h[:, 0, 1:]).T, h[:, 1:, 1:].sum(axis=0)]]
    )  # fmt: skip
    by_difference = np.array([approx_fprime(at, lambda t, j=j: slope(t)[j], 1e-7)
                              for j in range(4)])  # fmt: skip
    assert second == pytest.approx(by_difference, rel=1e-4, abs=1e-5)


def test_an_aft_model_integrates_over_the_days_of_onset(known: MixedTimes) -> None:
    """Weibull against numerical sums of its survival function."""
    theta = np.array([3.6, -0.2])
    terms = aft_terms("weibull", known, np.ones((4, 1)), theta)
    k = np.exp(0.2)

    def survival(t: np.ndarray) -> np.ndarray:
        return np.exp(-((t / np.exp(3.6)) ** k))

    x = (np.arange(4) + 0.5) * 7 / 4
    expected = np.log((survival(5 + x) - survival(12 + x)).mean() / survival(x).mean())
    assert terms.value[0] == pytest.approx(expected, abs=1e-12)
    slope = approx_fprime(
        theta, lambda t: aft_terms("weibull", known, np.ones((4, 1)), t).value.sum(), 1e-7
    )
    assert terms.gradient.sum(axis=0) == pytest.approx(slope, rel=1e-5, abs=1e-5)


def test_the_score_test_is_the_slope_of_the_likelihood(known: MixedTimes) -> None:
    Z = np.array([[1.0], [0.0], [1.0], [0.0]])
    fit = fit_piecewise(known, np.zeros((4, 0)), np.ones(4), np.zeros(0))
    assert fit is not None
    score, variance = score_at_null(fit, known, Z, np.ones(4))

    def profile(beta: float) -> float:
        best = minimize_scalar(
            lambda a: -subject_terms(PiecewiseConstant(np.zeros(0)), known, Z,
                                     np.array([beta, a])).value.sum(),
            bounds=(-10, 0), method="bounded", options={"xatol": 1e-10},
        )  # fmt: skip
        return float(-best.fun)

    h = 1e-3
    assert score[0] == pytest.approx((profile(h) - profile(-h)) / (2 * h), abs=1e-5)
    bend = -(profile(h) - 2 * profile(0.0) + profile(-h)) / h**2
    assert variance[0, 0] == pytest.approx(bend, rel=1e-3)


def test_self_consistent_masses_by_hand() -> None:
    """Two cells, origins known. Ends: one in cell 1, one in 1 or 2, one after cell 1.

    L = a (a + b) b with a + b = 1: a = 1/2, as the one in between says nothing.
    """
    origin = OriginDays(np.arange(3), np.zeros(3), np.ones(3))
    windows = Windows.of(
        origin, np.array([0.0, 0.0, 1.0]), np.array([1.0, 2.0, 2.0]), np.array([1, 1, 1]), 1, 1.0
    )
    fit = duration_npmle(windows, np.ones(3))
    assert fit.mass[0] == pytest.approx([0.5, 0.5], abs=1e-4)
    assert fit.ended_by(np.array([0.0, 0.5, 1.0, 2.0]))[0] == pytest.approx([0, 0.25, 0.5, 1.0],
                                                                            abs=1e-4)  # fmt: skip
    assert fit.loglik == pytest.approx(np.log(0.25), abs=1e-6)


def test_with_dated_origins_the_masses_are_those_of_turnbull() -> None:
    """Origins known, ends between visits of whole days: the likelihood is Turnbull's."""
    rng = np.random.default_rng(4)
    T = rng.weibull(1.3, 80) * 30
    left = np.floor(T / 5) * 5
    right = np.where(T > 50, np.inf, left + 5)
    left = np.minimum(left, 50)
    origin = OriginDays(np.arange(80), np.zeros(80), np.ones(80))
    cause = np.isfinite(right).astype(np.intp)
    fit = duration_npmle(Windows.of(origin, left, right, cause, 1, 1.0), np.ones(80))
    frame = pd.DataFrame({"subject": range(80), "treatment": "A", "left": left, "right": right,
                          "time": np.where(cause, right, left), "status": cause})  # fmt: skip
    at = trd.Turnbull().fit(trd.EventTimes(frame)).at([10, 20, 35, 50])
    assert fit.ended_by(np.array([10.0, 20, 35, 50]))[0] == pytest.approx(
        at["estimate"].to_numpy(), abs=1e-3
    )


def test_causes_compete_in_the_masses() -> None:
    """Origins and days known: the Aalen-Johansen estimate."""
    rng = np.random.default_rng(7)
    n = 120
    time = np.ceil(rng.exponential(20, n))
    status = rng.choice([0, 1, 2], n, p=[0.2, 0.5, 0.3]).astype(np.intp)
    origin = OriginDays(np.arange(n), np.zeros(n), np.ones(n))
    windows = Windows.of(origin, np.where(status > 0, time - 1, time), time, status, 2, 1.0)
    fit = duration_npmle(windows, np.ones(n))
    frame = pd.DataFrame({"subject": range(n), "treatment": "A", "time": time, "status": status})
    times = trd.EventTimes(frame, causes={1: "relapse", 2: "left"})
    curve = trd.AalenJohansen().fit(times).at([5, 15, 30])
    for k, cause in enumerate(("relapse", "left")):
        own = curve.loc[curve["cause"] == cause, "estimate"].to_numpy()
        assert fit.ended_by(np.array([5.0, 15, 30]))[k] == pytest.approx(own, abs=2e-3)


def times_of(n: int, gap: float, seed: int, name: str = "A") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Onset and duration rows of a cohort seen every `gap` days."""
    rng = np.random.default_rng(seed)
    begins, lasts = rng.exponential(30, n), 150 * rng.weibull(1.2, n)
    visits = np.arange(0, 365 + gap, gap)
    onset, loss = [], []
    for i in range(n):
        holds = (visits >= begins[i]) & (visits < begins[i] + lasts[i])
        who = {"subject": f"{name}{i}", "treatment": name}
        if not holds.any():
            end = visits[-1]
            onset.append({**who, "left": end, "right": np.inf, "time": end, "status": 0})
            continue
        first = int(np.argmax(holds))
        onset.append({**who, "left": visits[first - 1], "right": visits[first],
                      "time": visits[first], "status": 1})  # fmt: skip
        after = visits[first:][~holds[first:]] - visits[first]
        right = after[0] if len(after) else np.inf
        left = (right if len(after) else visits[-1] - visits[first] + gap) - gap
        loss.append({**who, "left": left, "right": right, "status": int(len(after) > 0),
                     "time": right if len(after) else left, "origin_gap": gap})  # fmt: skip
    return pd.DataFrame(onset), pd.DataFrame(loss)


@pytest.fixture(scope="module")
def cohorts() -> trd.DoublyCensored:
    weekly, quarterly = times_of(150, 7, 1, "weekly"), times_of(150, 91, 2, "quarterly")
    onset = trd.EventTimes(pd.concat([weekly[0], quarterly[0]], ignore_index=True))
    loss = trd.EventTimes(pd.concat([weekly[1], quarterly[1]], ignore_index=True))
    return trd.DoublyCensored(loss, onset=onset)


def test_one_truth_seen_on_two_schedules(cohorts: trd.DoublyCensored) -> None:
    """Dated at visits the cohorts differ; with start and end between visits they do not."""
    dated = trd.LogRank().fit(cohorts.times).glance()["p_value"].item()
    honest = trd.DurationTest().fit(cohorts).glance()["p_value"].item()
    assert dated < 0.05 < honest
    truth = 1 - np.exp(-((150 / 150) ** 1.2))
    curve = trd.DurationCurve().fit(cohorts).at([150])
    assert ((curve["conf_low"] < truth) & (truth < curve["conf_high"])).all()
    model = trd.DurationPH("treatment").fit(cohorts)
    row = model.tidy().iloc[0]
    assert row["hazard_ratio_low"] < 1 < row["hazard_ratio_high"]
    check_result(model)


def test_the_days_of_onset_follow_the_onset(cohorts: trd.DoublyCensored) -> None:
    """Onsets are early in a quarter, so that responses began well before the visit found them."""
    frame = cohorts.times.at_risk()
    wide = (frame["origin_gap"] == 91).to_numpy()
    onset = cohorts.onset
    assert onset is not None
    first = onset.frame.set_index("subject").reindex(frame["subject"])["right"].to_numpy()
    origin = cohorts.origin
    mean = np.bincount(origin.owner, weights=origin.chance * origin.shift)
    even_mean = trd.DoublyCensored(cohorts.times).origin
    half = np.bincount(even_mean.owner, weights=even_mean.chance * even_mean.shift)
    assert half[wide] == pytest.approx(45.5)
    # Exponential with mean 30 within 91 days: 91 - 24.6 = 66; responses that were lost again
    # before the visit are not among them.
    assert 57 < mean[wide & (first == 91)].mean() < 70
    assert np.bincount(origin.owner, weights=origin.chance) == pytest.approx(1.0)


def test_chances_are_growths_of_the_curve_of_onset() -> None:
    """One group, three intervals: within (0, 10] Turnbull's hazard grows evenly."""
    onset = trd.EventTimes(
        pd.DataFrame({"subject": list("abcd"), "treatment": "A", "left": [0.0, 0, 10, 20],
                      "right": [10.0, 10, 20, np.inf], "status": [1, 1, 1, 0],
                      "time": [10.0, 10, 20, 20]})
    )  # fmt: skip
    loss = trd.EventTimes(
        pd.DataFrame({"subject": list("abc"), "treatment": "A", "left": [5.0, 0, 9],
                      "right": [15.0, 8, np.inf], "status": [1, 1, 0], "time": [15.0, 8, 9],
                      "origin_gap": [10.0, 10, 10]})
    )  # fmt: skip
    durations = trd.DoublyCensored(loss, onset=onset)
    h = np.log(3) / 10  # two of the three who responded did by day 10
    edges = 10 - np.arange(11)  # ten stretches of a day, the latest onset first
    chance = np.exp(-h * edges[1:]) - np.exp(-h * edges[:-1])
    assert durations.origin.chance[:10] == pytest.approx(chance / chance.sum(), abs=1e-12)
    assert durations.assumption == "by the curve of onset"


def test_the_curve_of_a_group_does_not_depend_on_the_others(cohorts: trd.DoublyCensored) -> None:
    fit = trd.DurationCurve().fit(cohorts)
    for name, curve in fit.tidy().groupby("treatment", observed=True):
        beside = fit.estimates(curve["time"].tolist()).only(treatment=name).tidy()
        for column in ("estimate", "std_error", "conf_low", "conf_high"):
            np.testing.assert_array_equal(curve[column], beside[column])


def test_mean_days_are_the_area_under_the_curve(cohorts: trd.DoublyCensored) -> None:
    fit = trd.DurationCurve().fit(cohorts)
    means = fit.means(200).tidy().set_index("treatment")["estimate"]
    for group in ("weekly", "quarterly"):
        own = fit.hazards().query("treatment == @group")

        def held(day: float, rows: pd.DataFrame = own) -> float:
            spent = np.clip(day - rows["lower"], 0, rows["upper"] - rows["lower"])
            return float(np.exp(-(spent * rows["rate"]).sum()))

        breaks = [b for b in own["lower"] if 0 < b < 200]
        area = quad(held, 0, 200, points=breaks)[0]
        one = fit.at([123]).set_index("treatment").loc[group, "estimate"]
        assert one == pytest.approx(1 - held(123), abs=1e-12)
        assert means[group] == pytest.approx(area, abs=1e-8)
    estimates = fit.estimates([90, 150])
    effects = estimates.influence().drop(columns="subject").to_numpy()
    # Different groups share no subjects; the information and the cross-product estimate one matrix.
    assert np.sqrt((effects**2).sum(axis=0)) == pytest.approx(
        np.sqrt(np.diag(estimates.covariance)), rel=0.3
    )
    gap = fit.contrasts([150], reference="weekly")
    assert gap["reference"].tolist() == ["weekly"]
    medians = fit.median().set_index("treatment")
    middle = fit.at([medians.loc["weekly", "estimate"]]).set_index("treatment")["estimate"]
    assert middle["weekly"] == pytest.approx(0.5, abs=1e-3)  # read between 200 points


def test_a_curve_ends_with_the_follow_up(cohorts: trd.DoublyCensored) -> None:
    late = trd.DurationCurve().fit(cohorts).at([2_000])
    assert late["estimate"].isna().all()
    assert late["reason"].str.contains("no subject was followed so long").all()
    _, rows = times_of(150, 91, 2, "quarterly")
    npmle = trd.DurationNPMLE().fit(trd.DoublyCensored(trd.EventTimes(rows)))
    assert npmle.at([2_000])["estimate"].isna().all()
    assert npmle.restricted_mean(2_000)["estimate"].isna().all()
    assert "The visits are wide against the durations" in str(npmle)


def test_the_bootstrap_does_not_depend_on_workers() -> None:
    loss = trd.EventTimes(times_of(40, 14, 3)[1])
    durations = trd.DoublyCensored(loss)
    one = trd.DurationNPMLE(n_boot=6, seed=2).fit(durations).at([100])
    two = trd.DurationNPMLE(n_boot=6, seed=2, n_jobs=2).fit(durations).at([100])
    pd.testing.assert_frame_equal(one, two)
    assert one["conf_low"].item() < one["estimate"].item() < one["conf_high"].item()
    middle = trd.DurationNPMLE(n_boot=6, seed=2).fit(durations).quantiles([0.5])
    assert middle["conf_low"].item() <= middle["conf_high"].item()


def test_a_study_is_read_through() -> None:
    study = trd.load_sample("trial")
    relapse = trd.time_to(study, trd.Relapse(22), since=trd.Response(),
                          competing="left follow-up")  # fmt: skip
    durations = trd.DoublyCensored(relapse, onset=trd.time_to(study, trd.Response()))
    assert "whose hazards are proportional" in durations.assumption
    assert len(durations.times.frame) == len(relapse.frame)
    for fit in (trd.DurationCurve().fit(durations), trd.DurationNPMLE().fit(durations)):
        text = str(fit)
        assert "responders were not randomised" in text.replace("\n", " ")
        assert "had to last until the visit that found it" in text
        ax = fit.plot()
        assert ax.get_xlabel() == "Days since the response began"
        plt.close("all")
    test = trd.DurationTest().fit(durations)
    assert test.tidy()["score"].sum() == pytest.approx(0, abs=1e-6)
    assert len(test.pairwise()) == 3
    log_normal = trd.AFT("treatment", "log-normal").fit(durations)
    assert "had to last until the visit that found it" in str(log_normal)
    trd.DurationPH("treatment + age").fit(durations).plot()
    plt.close("all")


def test_what_is_refused() -> None:
    onset, loss = times_of(30, 14, 5)
    study = trd.load_sample("trial")
    with pytest.raises(NotEstimableError, match="no column origin_gap"):
        trd.DoublyCensored(trd.time_to(study, trd.Response()))
    other = onset.assign(right=onset["right"] + 1, time=onset["time"] + 1)
    with pytest.raises(DataError, match="not begin where the onset of its subject ends"):
        trd.DoublyCensored(trd.EventTimes(loss), onset=trd.EventTimes(other))
    at_once = loss.assign(left=0.0, right=0.0, time=0.0, status=1)
    with pytest.raises(DataError, match="lost on the day of the visit that found it"):
        trd.DoublyCensored(trd.EventTimes(at_once))
    for gap in (-1.0, np.nan):
        with pytest.raises(DataError, match="an origin_gap that is missing or negative"):
            trd.DoublyCensored(trd.EventTimes(loss.assign(origin_gap=gap)))
    durations = trd.DoublyCensored(trd.EventTimes(loss))
    with pytest.raises(SpecError, match="A step of 60 days is wider than the gaps of the visits"):
        trd.DurationNPMLE(step=60).fit(durations)
    with pytest.raises(NotEstimableError, match="needs two groups"):
        trd.DurationTest().fit(durations)
    with pytest.raises(UnknownNameError, match="centre"):
        trd.DurationCurve(by="centre").fit(durations)
    with pytest.raises(SpecError, match="pieces must be between 1 and 20"):
        trd.DurationCurve(pieces=0)
    with pytest.raises(SpecError, match="step must be a positive number"):
        trd.DurationNPMLE(step=0)
    with pytest.raises(SpecError, match="tau must be a positive number"):
        trd.DurationCurve().fit(durations).means(0)
    never = loss.assign(right=np.inf, status=0, time=loss["left"] + 1, left=loss["left"] + 1)
    with pytest.raises(NotEstimableError, match="No subject under A lost the response"):
        trd.DurationCurve().fit(trd.DoublyCensored(trd.EventTimes(never)))
    both: Any = pd.concat(
        [loss, never.assign(subject=never["subject"] + "b", treatment="B")], ignore_index=True
    )
    with pytest.raises(NotEstimableError, match="no finite estimate"):
        trd.DurationPH("treatment").fit(trd.DoublyCensored(trd.EventTimes(both)))
