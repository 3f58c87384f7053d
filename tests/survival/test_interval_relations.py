"""What must hold for any interval-censored times: relations, invariance, resampling, refusals."""

from __future__ import annotations

import pickle
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from trdstats import (
    EventTimes,
    IntervalLogRank,
    IntervalPH,
    KaplanMeier,
    LogRank,
    Response,
    Study,
    Turnbull,
    time_to,
)
from trdstats.errors import DataError, NotEstimableError, SpecError, UnknownNameError
from trdstats.kernels.interval.innermost import innermost_intervals
from trdstats.kernels.interval.interval_rank_test import log_rank_scores
from trdstats.kernels.interval.turnbull import turnbull

SEEDS = st.integers(0, 10**6)


def simulated(seed: int, n: int = 60, *, exact: float = 0.0, censored: float = 0.0) -> EventTimes:
    """Return times of two arms seen at six visits of which some are missed."""
    rng = np.random.default_rng(seed)
    arm = np.arange(n) % 2
    age = rng.normal(size=n)
    day = rng.exponential(20 * np.exp(-0.5 * arm - 0.3 * age))
    visits = np.array([5.0, 10, 15, 20, 30, 40]) + rng.integers(-1, 2, (n, 6))
    visits[rng.random((n, 6)) < 0.2] = np.nan
    left = np.nanmax(np.where(visits < day[:, None], visits, 0), axis=1)
    right = np.nanmin(np.where(visits >= day[:, None], visits, np.inf), axis=1)
    known = rng.random(n) < exact
    left, right = np.where(known, np.ceil(day), left), np.where(known, np.ceil(day), right)
    right = np.where(~known & (rng.random(n) < censored), np.inf, right)
    return times_of(left, right, np.where(arm, "a", "b"), age=age)


def times_of(left: Any, right: Any, arm: Any, **columns: Any) -> EventTimes:
    left, right = np.asarray(left, dtype=float), np.asarray(right, dtype=float)
    seen = np.isfinite(right)
    # A subject censored on day 0 was never seen; here everybody has follow-up.
    frame = pd.DataFrame(
        {"subject": range(len(left)), "treatment": arm, "left": left, "right": right,
         "time": np.where(seen, right, np.maximum(left, 0.5)), "status": seen.astype(int),
         **columns}
    )  # fmt: skip
    return EventTimes(frame)


def slow_em(left: Any, right: Any, steps: int = 5000) -> float:
    """Return the log-likelihood of the plain EM algorithm on the matrix of coverings."""
    cells = innermost_intervals(left, right)
    place = np.arange(len(cells.lower))
    covers = (place >= cells.first[:, None]) & (place <= cells.last[:, None])
    mass = np.full(len(place), 1 / len(place))
    for _ in range(steps):
        mass = mass * (1 / (covers @ mass) @ covers) / len(left)
    return float(np.log(covers @ mass).sum())


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.sampled_from([0.0, 0.3]), st.sampled_from([0.0, 0.4]))
def test_the_maximum(seed: int, exact: float, censored: float) -> None:
    frame = simulated(seed, 40, exact=exact, censored=censored).frame
    left, right = frame["left"].to_numpy(), frame["right"].to_numpy()
    fit = turnbull(left, right)
    assert fit.converged
    assert fit.gap <= 1e-9
    assert fit.mass.sum() == pytest.approx(1, abs=1e-12)
    slow = slow_em(left, right, 500)
    # The gap bounds what is missing; EM is still on its way and below.
    assert slow - 40 * 1e-9 <= fit.loglik <= slow + 0.5


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_right_censored_times_give_kaplan_meier(seed: int) -> None:
    rng = np.random.default_rng(seed)
    time, seen = rng.integers(1, 25, 50).astype(float), rng.random(50) < 0.6
    seen[np.argmin(time)] = True
    times = times_of(time, np.where(seen, time, np.inf), "a")
    curve = Turnbull().fit(times).tidy()
    curve = curve[np.isfinite(curve["upper"])]
    assert (curve["lower"] == curve["upper"]).all()
    expected = 1 - KaplanMeier().fit(times).at(curve["upper"])["estimate"].to_numpy()
    # Masses agree to the square root of what the gap leaves of the log-likelihood.
    assert curve["estimate"].to_numpy() == pytest.approx(expected, abs=1e-6)


@settings(max_examples=12, deadline=None)
@given(SEEDS)
def test_order_of_rows_and_unit_of_time(seed: int) -> None:
    frame = simulated(seed, exact=0.2).frame
    shuffled = frame.sample(frac=1, random_state=seed % 1000)
    scaled = frame.assign(**{c: 24 * frame[c] for c in ("left", "right", "time")})
    a, b, c = (Turnbull().fit(EventTimes(f)) for f in (frame, shuffled, scaled))
    assert a.tidy()["mass"].to_numpy() == pytest.approx(b.tidy()["mass"].to_numpy(), abs=1e-9)
    assert a.tidy()["mass"].to_numpy() == pytest.approx(c.tidy()["mass"].to_numpy(), abs=1e-9)
    mean, longer = a.restricted_mean(20), c.restricted_mean(480)
    assert 24 * mean["bound_high"].to_numpy() == pytest.approx(
        longer["bound_high"].to_numpy(), rel=1e-6, abs=1e-6
    )
    slopes = [IntervalPH("age").fit(EventTimes(f)).tidy()["estimate"].item()
              for f in (frame, shuffled, scaled)]  # fmt: skip
    assert slopes[1:] == pytest.approx([slopes[0]] * 2, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_bounds_are_in_order(seed: int) -> None:
    times = simulated(seed, exact=0.2)
    fit = Turnbull(n_boot=40, seed=seed).fit(times)
    for frame in (fit.at(np.linspace(0, 60, 25)), fit.restricted_mean(30), fit.quantiles()):
        assert (frame["bound_low"] <= frame["bound_high"]).all()
        # Where nobody or everybody had the event no replicate differs, and there are no limits.
        known = frame["conf_low"].notna()
        assert (frame["conf_low"] <= frame["conf_high"])[known].all()
        assert frame.loc[~known, "bound_low"].isin([0, 1]).all()
    at = fit.at(np.linspace(0, 60, 25))
    for _, own in at.groupby("treatment"):
        assert own["bound_low"].is_monotonic_increasing
        assert own["bound_high"].is_monotonic_increasing
    gap = fit.contrasts([10, 20], reference="b")
    a, b = (at for at in (fit.at([10, 20]).iloc[:2], fit.at([10, 20]).iloc[2:]))
    assert gap["bound_low"].to_numpy() == pytest.approx(
        a["bound_low"].to_numpy() - b["bound_high"].to_numpy(), abs=1e-12
    )


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_scores_of_exact_times_are_those_of_the_log_rank(seed: int) -> None:
    rng = np.random.default_rng(seed)
    time, seen = rng.integers(1, 15, 40).astype(float), rng.random(40) < 0.7
    seen[:2] = True
    times = times_of(time, np.where(seen, time, np.inf), np.where(np.arange(40) % 3, "a", "b"))
    ours, plain = IntervalLogRank().fit(times).tidy(), LogRank().fit(times).tidy()
    expected = (plain["observed"] - plain["expected"]).to_numpy()
    assert ours["score"].to_numpy() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_means_over_innermost_intervals(seed: int) -> None:
    """The definition by Fay and Shaw: a score of each innermost interval, averaged by mass."""
    frame = simulated(seed, exact=0.2).frame
    left, right = frame["left"].to_numpy(), frame["right"].to_numpy()
    cells, fit = innermost_intervals(left, right), turnbull(left, right, tolerance=1e-12)
    mass = np.zeros(len(cells.lower))
    mass[np.isin(cells.upper, fit.upper)] = fit.mass
    survival = 1 - np.concatenate(([0], np.cumsum(mass)))
    hazard = np.concatenate(([0], np.cumsum(mass / survival[:-1])))
    own = np.zeros(len(mass))
    held = mass > 0
    product = survival * hazard
    own[held] = (product[1:] - product[:-1])[held] / mass[held]
    place = np.arange(len(mass))
    share = ((place >= cells.first[:, None]) & (place <= cells.last[:, None])) * mass
    expected = share @ own / share.sum(axis=1)
    assert log_rank_scores(left, right) == pytest.approx(expected, abs=1e-8)


def test_permutation_variance_is_that_of_permutations() -> None:
    times = simulated(3, n=30)
    fit = IntervalLogRank().fit(times)
    score = np.concatenate([fit._test.score])
    rng = np.random.default_rng(0)
    group = (np.arange(30) < 15).astype(float)
    sums = [score @ rng.permutation(group) for _ in range(20_000)]
    # Twenty thousand permutations know a standard deviation to half a per cent.
    assert fit.tidy()["std_error"].iloc[0] == pytest.approx(np.std(sums), rel=0.02)


@pytest.mark.parametrize("seed", range(4))
def test_proportional_hazards_against_a_general_optimiser(seed: int) -> None:
    frame = simulated(seed, 30, exact=0.1 * seed).frame
    left, right = frame["left"].to_numpy(), frame["right"].to_numpy()
    age = frame["age"].to_numpy()
    cells = innermost_intervals(left, right)
    m = len(cells.lower)

    def loss(theta: Any) -> float:
        total = np.concatenate(([0], np.cumsum(theta[1:] ** 2), [np.inf]))
        e = np.exp(theta[0] * age)
        like = np.exp(-e * total[cells.first]) - np.exp(-e * total[cells.last + 1])
        return -float(np.log(np.maximum(like, 1e-300)).sum())

    best = minimize(loss, np.r_[0, np.full(m - 1, 0.3)], method="BFGS", options={"gtol": 1e-7})
    fit = IntervalPH("age").fit(EventTimes(frame))
    # The optimiser works with numeric gradients: it comes near, from below.
    assert -best.fun <= fit.glance()["loglik"].item() + 1e-8
    assert fit.glance()["loglik"].item() == pytest.approx(-best.fun, abs=1e-4)
    assert fit.tidy()["estimate"].item() == pytest.approx(best.x[0], abs=0.02)


@pytest.mark.parametrize("seed", range(2))
def test_weights_count_like_repeated_subjects(seed: int) -> None:
    frame = simulated(seed, exact=0.1).frame
    count = np.random.default_rng(seed).integers(1, 4, len(frame))
    twice = frame.loc[frame.index.repeat(count)].assign(subject=range(count.sum()))
    weighted = frame.assign(w=count)
    a = Turnbull().fit(EventTimes(twice)).tidy()["mass"].to_numpy()
    b = Turnbull().fit(EventTimes(weighted), weights="w").tidy()["mass"].to_numpy()
    assert a == pytest.approx(b, abs=1e-9)
    c = IntervalPH("treatment + age").fit(EventTimes(twice))
    d = IntervalPH("treatment + age").fit(EventTimes(weighted), weights="w")
    assert c.tidy()["estimate"].to_numpy() == pytest.approx(
        d.tidy()["estimate"].to_numpy(), abs=1e-7
    )
    assert np.isnan(d.glance()["statistic"].item())  # a weighted likelihood is none
    assert "robust" in repr(d)


def test_influence_is_the_effect_of_weight() -> None:
    times = simulated(5, n=400)
    fit = IntervalPH("treatment + age").fit(times)
    influence = fit.influence().drop(columns="subject").to_numpy()
    assert influence.sum(axis=0) == pytest.approx(np.zeros(2), abs=1e-10)
    base = fit.tidy()["estimate"].to_numpy()
    moved = []
    for i in range(0, 400, 20):
        w = np.ones(400)
        w[i] = 1.5
        heavier = EventTimes(times.frame.assign(w=w))
        other = IntervalPH("treatment + age").fit(heavier, weights="w").tidy()["estimate"]
        moved.append((other.to_numpy() - base) / 0.5)
    # Differences over one standard error are not quite derivatives, nor is half a subject small.
    picked = influence[::20]
    assert np.corrcoef(np.ravel(moved), np.ravel(picked))[0, 1] > 0.99
    spread = np.sqrt((influence**2).sum(axis=0))
    # The two agree up to the sampling of the squared scores, a few per cent at 400 subjects.
    assert spread == pytest.approx(fit.tidy()["std_error"].to_numpy(), rel=0.1)


def test_standard_errors_against_the_bootstrap_and_the_truth() -> None:
    """On many samples the estimates spread as the standard errors say, about the true values."""
    rows, errors = [], []
    for seed in range(60):
        frame = IntervalPH("treatment + age").fit(simulated(1000 + seed, n=200)).tidy()
        rows.append(frame["estimate"].to_numpy())
        errors.append(frame["std_error"].to_numpy())
    spread, mean = np.std(rows, axis=0), np.mean(rows, axis=0)
    # Sixty samples know a standard deviation to 9 per cent; 3 of them are allowed.
    assert np.mean(errors, axis=0) == pytest.approx(spread, rel=0.28)
    # Category "a" is the reference, and has the higher hazard.
    assert mean == pytest.approx([-0.5, 0.3], abs=3 * max(spread) / np.sqrt(60) + 0.02)
    drawn = IntervalPH("treatment + age", n_boot=60).fit(simulated(1000, n=200)).tidy()
    assert drawn["std_error"].to_numpy() == pytest.approx(errors[0], rel=0.35)


def test_tests_of_terms() -> None:
    times = simulated(2, n=120)
    fit = IntervalPH("treatment + age").fit(times)
    frame = fit.likelihood_ratio()
    assert frame["term"].tolist() == ["treatment", "age"]
    without = IntervalPH("age").fit(times).glance().iloc[0]
    gap = 2 * (fit.glance()["loglik"].item() - without["loglik"])
    assert frame["statistic"].iloc[0] == pytest.approx(gap, rel=1e-8)
    wald = fit.tidy()["statistic"].to_numpy() ** 2
    assert frame["statistic"].to_numpy() == pytest.approx(wald, rel=0.25)


def test_the_bootstrap_does_not_depend_on_workers() -> None:
    times = simulated(1, n=30)
    a = Turnbull(n_boot=12, seed=7).fit(times).tidy()
    b = Turnbull(n_boot=12, seed=7, n_jobs=2).fit(times).tidy()
    pd.testing.assert_frame_equal(a, b)
    assert not a.equals(Turnbull(n_boot=12, seed=8).fit(times).tidy())
    c = IntervalPH("age", n_boot=6).fit(times).tidy()
    pd.testing.assert_frame_equal(c, IntervalPH("age", n_boot=6, n_jobs=2).fit(times).tidy())


def test_an_infinite_coefficient_is_refused() -> None:
    seen = np.arange(40) < 20
    left = np.where(seen, 0, 10.0)
    times = times_of(left, np.where(seen, 10, np.inf), np.where(seen, "a", "b"))
    with pytest.raises(NotEstimableError, match=r"treatment\[T.b\] on the time .* no finite estim"):
        IntervalPH("treatment").fit(times)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_small_samples_end_in_an_estimate_a_note_or_a_refusal(seed: int) -> None:
    """Few subjects often have no maximum; the search must end in any case."""
    rng = np.random.default_rng(seed)
    left = rng.integers(0, 8, 12).astype(float)
    right = np.where(rng.random(12) < 0.3, np.inf, left + rng.integers(0, 8, 12))
    left[:2], right[:2] = (1, 5), (2, 6)  # one comes before the other
    times = times_of(left, right, np.where(np.arange(12) % 2, "a", "b"), age=rng.normal(size=12))
    try:
        fit = IntervalPH("treatment + age").fit(times)
    except NotEstimableError:
        return
    known = np.isfinite(fit.tidy()["std_error"]).all()
    assert known != ("no clear maximum" in repr(fit))
    assert np.isfinite(fit.tidy()["estimate"]).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda t: Turnbull(n_boot=1), SpecError, "n_boot must be 0, or a whole number of at"),
        (lambda t: Turnbull(seed=-1), SpecError, "seed must be a whole number"),
        (lambda t: Turnbull(conf_level=95), SpecError, "conf_level must lie between"),
        (lambda t: Turnbull(by="arm").fit(t), UnknownNameError, "Unknown column 'arm'"),
        (
            lambda t: (
                Turnbull(by=None)
                .fit(EventTimes(t.frame.assign(entry=np.minimum(t.frame["time"] / 2, 2.0))))
                .restricted_mean(9)
            ),
            NotEstimableError,
            "No subject is under observation",
        ),
        (lambda t: Turnbull().fit(t).restricted_mean(0), SpecError, "tau must be a positive"),
        (lambda t: Turnbull().fit(t).restricted_mean(9, "c"), UnknownNameError, "group 'c'"),
        (lambda t: Turnbull().fit(t).contrasts([9], "c"), UnknownNameError, "group 'c'"),
        (lambda t: Turnbull().fit(t).quantiles([50]), SpecError, "must lie between 0 and 1"),
        (lambda t: times_of([5], [3], "a"), DataError, "reversed"),
        (
            lambda t: Turnbull().fit(times_of([-1], [3], "a")),
            DataError,
            "1 interval begins before day 0",
        ),
        (lambda t: times_of([np.nan], [3], "a"), DataError, "missing"),
        (lambda t: IntervalLogRank().fit(t.only(["a"])), NotEstimableError, "needs two groups"),
        (lambda t: IntervalLogRank().fit(t).pairwise("tukey"), SpecError, "adjust must be one"),
        (lambda t: IntervalPH("time ~ age"), SpecError, "names an outcome"),
        (lambda t: IntervalPH("dose").fit(t), DataError, "dose"),
        (
            lambda t: IntervalPH("age + I(2 * age)").fit(t),
            NotEstimableError,
            r"Collinear \(aliased\) with .*: I\(2 \* age\)",
        ),
        (
            lambda t: IntervalPH("age").fit(times_of([1, 2], [np.inf] * 2, "a", age=[1.0, 2])),
            NotEstimableError,
            "No subject had the event",
        ),
        (
            lambda t: IntervalPH("age").fit(times_of([1, 2], [9, 8], "a", age=[1.0, 2])),
            NotEstimableError,
            "intervals .* overlap",
        ),
    ],
)
def test_refusals(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(simulated(1))


def test_an_arm_without_events() -> None:
    times = times_of([5, 7, 9], [np.inf] * 3, "a")
    fit = Turnbull().fit(times)
    assert fit.at([4, 9])["estimate"].tolist() == [0, 0]
    assert fit.at([10])[["bound_low", "bound_high"]].to_numpy().tolist() == [[0, 1]]
    assert fit.restricted_mean(8)["estimate"].tolist() == [8]
    assert "not reached" in repr(fit)


def test_competing_causes_count_as_censored() -> None:
    frame = pd.DataFrame(
        {"subject": [1, 2, 3], "treatment": "a", "left": [1.0, 2, 3], "right": [2.0, 4, np.inf],
         "time": [2, 4, 3], "status": [1, 2, 0]}
    )  # fmt: skip
    fit = Turnbull().fit(EventTimes(frame, causes={1: "relapse", 2: "left"}))
    assert fit.tidy()["mass"].tolist() == pytest.approx([1 / 3, 2 / 3], abs=1e-9)
    assert fit.glance()["events"].item() == 1


def test_missing_covariates_are_counted() -> None:
    times = simulated(1)
    age = times.frame["age"].where(times.frame["subject"] > 4)
    fit = IntervalPH("age").fit(EventTimes(times.frame.assign(age=age)))
    assert fit.glance()["n"].item() == 55
    assert "5: a covariate is missing" in repr(fit)
    assert (fit.influence()["age"].iloc[:5] == 0).all()


def test_results_pickle_introduce_and_draw_themselves(trial: Study) -> None:
    onset = time_to(trial, Response())
    curves = Turnbull(n_boot=4).fit(onset)
    for result in (curves, IntervalLogRank().fit(onset), IntervalPH("treatment").fit(onset)):
        assert repr(pickle.loads(pickle.dumps(result))) == repr(result)
        assert "224 with follow-up" in result._repr_html_()
        assert "Events lie between two visits" in repr(result)
        assert "0x" not in repr(result)
    figure, ax = plt.subplots()
    assert curves.plot(ax) is ax
    boxes = curves.tidy().query("upper < inf and lower < upper")
    corners = [(p.get_x(), p.get_x() + p.get_width()) for p in ax.patches]
    assert corners == list(zip(boxes["lower"], boxes["upper"], strict=True))
    tops = [p.get_y() + p.get_height() for p in ax.patches]
    assert tops == pytest.approx(boxes["estimate"].tolist())
    assert "Response" in ax.get_ylabel()
    plt.close(figure)


def test_text() -> None:
    times = times_of([0, 2, 1, 3], [4, 2, 3, np.inf], ["x", "x", "y", "y"])
    assert repr(Turnbull().fit(times)) == (
        "Turnbull\n"
        "  Outcome   event\n"
        "  Origin    day 0\n"
        "  Subjects  4 with follow-up, 3 events\n"
        "  Estimate  maximum likelihood, gap below 1e-9\n"
        "\n"
        "Group  At risk  Events  By day  Had the event (%)  Median (days)\n"
        "x            2       2       4              100.0              2\n"
        "y            2       1       3               50.0         1 to 3\n"
        "\n"
        "Note: Events lie between two visits, half of them in gaps of 2 days or more.\n"
        "Note: By day: the last with at least 10 subjects, or 10 % of the group, still at risk."
    )
    assert repr(IntervalLogRank().fit(times)) == (
        "Log-rank test for interval-censored times\n"
        "  Outcome   event\n"
        "  Origin    day 0\n"
        "  Subjects  4 with follow-up, 3 events\n"
        "  Scores    Sun, permutation variance\n"
        "  Result    chi-squared 0.50 on 1 df, p 0.480\n"
        "\n"
        "Group  At risk  Events less expected   SE\n"
        "x            2                   0.3  0.5\n"
        "y            2                  -0.3  0.5\n"
        "\n"
        "Note: Events lie between two visits, half of them in gaps of 2 days or more."
    )
