"""Changes known to lie between visits: simulation, limits, gradients, refusals."""

from __future__ import annotations

import pickle
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.linalg import expm

from trdstats import (
    IntervalResponseState,
    LossOfResponse,
    Relapse,
    Response,
    ResponseHistory,
    ResponseState,
    Study,
    response_history,
)
from trdstats.errors import NotEstimableError, SpecError
from trdstats.kernels.interval import illness_death as model
from trdstats.kernels.interval import panel_likelihood as kernel

N, R, L = STATES = ("not responding", "in response", "relapsed")
CUTS = np.array([14.0, 56.0])
A, B = np.array([0.05, 0.02, 0.006]), np.array([0.002, 0.006, 0.004])
TAU = 120.0


def draw(rate: Any, start: Any, rng: Any) -> Any:
    """Return days of the next move, by inversion of the cumulative intensity."""
    edges = np.concatenate(([0.0], CUTS, [1e6]))
    target, day, total = rng.exponential(size=len(start)), np.full(len(start), np.inf), 0.0
    for j, r in enumerate(rate):
        begin = np.maximum(edges[j], start)
        step = r * np.maximum(edges[j + 1] - begin, 0.0)
        here = np.isinf(day) & (target - total <= step) & (step > 0)
        day = np.where(here, begin + (target - total) / r, day)
        total = total + step
    return day


def seen_at(visits: Any, n: int, seed: int) -> ResponseHistory:
    """Return the histories that visits tell of a trial with known intensities."""
    rng = np.random.default_rng(seed)
    responds = draw(A, np.zeros(n), rng)
    relapses = draw(B, responds, rng)
    end = rng.uniform(130, 200, n)
    rows = []
    for i in range(n):
        day, state, since = 0.0, 0, 0.0
        for v in visits[visits <= end[i]]:
            now = 2 if relapses[i] <= v else 1 if responds[i] <= v else 0
            if state == 0 and now == 2:
                now = 0  # it came and went between two visits
            if now != state:
                rows.append((i, since, v, STATES[state], STATES[now], day, v))
                since, state = v, now
            day = v
            if state == 2:
                break
        if state < 2 and day > since:
            rows.append((i, since, day, STATES[state], "censored", day, np.inf))
    columns = ["subject", "start", "stop", "state", "to", "left", "right"]
    frame = pd.DataFrame(rows, columns=columns).assign(treatment="a")
    subject = np.repeat(np.arange(n), len(visits))
    seen = pd.DataFrame({"subject": subject, "day": np.tile(visits, n)})
    return ResponseHistory(frame, visits=seen[seen["day"] <= end[subject]])


def truth() -> Any:
    """Return the true mean days in each state, by matrix exponentials on a fine grid."""
    days = np.linspace(0, TAU, 1201)
    p, rows = np.array([1.0, 0, 0]), [np.array([1.0, 0, 0])]
    for a, b in pairwise(days):
        j = np.searchsorted(CUTS, (a + b) / 2)
        Q = np.array([[-A[j], A[j], 0], [0, -B[j], B[j]], [0, 0, 0]])
        p = p @ expm(Q * (b - a))
        rows.append(p)
    return np.trapezoid(np.array(rows), days, axis=0)


@pytest.fixture(scope="module")
def sparse() -> ResponseHistory:
    """Return 800 histories, seen weekly for eight weeks and four-weekly after that."""
    return seen_at(np.append(np.arange(7.0, 57, 7), np.arange(84.0, 201, 28)), 800, seed=11)


def test_known_intensities_come_back(sparse: ResponseHistory) -> None:
    fit = IntervalResponseState(TAU, CUTS).fit(sparse)
    rates = fit.intensities()
    # Nobody was seen to relapse in the first two weeks: that intensity is 0, without an error.
    found = rates["estimate"].to_numpy() > 0
    z = np.log(rates["estimate"][found] / np.append(A, B)[found]) / rates["std_error"][found]
    assert found.sum() == 5
    assert np.abs(z).max() < 3
    days = fit.mean_days()
    z = (days["estimate"] - truth()) / days["std_error"]
    assert np.abs(z).max() < 3
    assert fit.glance()["converged"].item()
    # Dating changes at the visit that found them delays response, by about half a gap.
    late = ResponseState(TAU).fit(sparse).mean_days()["estimate"] - truth()
    assert late[0] > 2.5
    assert np.abs(days["estimate"] - truth())[0] < late[0]


def test_errors_are_those_of_repeated_trials() -> None:
    true, z = truth(), []
    for seed in range(40):
        frame = seen_at(np.array([7.0, 14, 21, 28, 56, 84, 112, 140, 168, 196]), 120, seed)
        days = IntervalResponseState(TAU, CUTS).fit(frame).mean_days()
        z.append((days["estimate"] - true) / days["std_error"])
    z = np.array(z)
    # Of 40 trials z has mean 0 within 0.16 and spread 1 within 0.11. Without the moves that no
    # visit saw, its mean for days relapsed is -0.8.
    assert np.abs(z.mean(axis=0)).max() < 0.4
    assert np.abs(z.std(axis=0) - 1).max() < 0.3


def test_daily_visits_reach_aalen_johansen() -> None:
    frame = seen_at(np.arange(1.0, 201), 600, seed=4)
    smooth = IntervalResponseState(TAU, CUTS).fit(frame).mean_days()
    steps = ResponseState(TAU).fit(frame).mean_days()
    # A change is dated half a day late by the one; the other smooths within pieces.
    assert (smooth["estimate"] - steps["estimate"]).abs().max() < 0.8
    # Piecewise constant intensities know a little more than none.
    assert (smooth["std_error"] / steps["std_error"]).between(0.9, 1.02).all()


def test_days_known_exactly_give_moves_over_exposure() -> None:
    frame = seen_at(np.arange(1.0, 201), 200, seed=4).frame.drop(columns=["left", "right"])
    fit = IntervalResponseState(TAU, CUTS).fit(frame)
    edges = np.concatenate(([0.0], CUTS, [np.inf]))
    expected = []
    for state in (N, R):
        own = frame[frame["state"] == state]
        for low, high in pairwise(edges):
            time = (own["stop"].clip(upper=high) - own["start"].clip(lower=low)).clip(lower=0)
            moves = (own["stop"] > low) & (own["stop"] <= high) & (own["to"] != "censored")
            expected.append(moves.sum() / time.sum())
    assert fit.intensities()["estimate"].tolist() == pytest.approx(expected, rel=1e-7)
    # Model-based and robust errors agree up to sampling: weights of 1 ask for the latter.
    ones = pd.Series(1.0, frame["subject"].unique())
    robust = IntervalResponseState(TAU, CUTS).fit(frame, weights=ones).mean_days()
    assert (robust["std_error"] / fit.mean_days()["std_error"]).between(0.85, 1.15).all()


def test_transition_probabilities_are_matrix_exponentials() -> None:
    theta = np.log(np.append(A, [0.004, 0.02, 0.006]))
    p = np.eye(3)
    for a, b, h in zip(A, (0.004, 0.02, 0.006), (14, 42, 30), strict=True):
        p = p @ expm(np.array([[-a, a, 0], [0, -b, b], [0, 0, 0]]) * h)
    # On the second piece the two intensities are equal, on the third they are too.
    got, slopes = model.state_probabilities(theta, CUTS, np.array([86.0]))
    assert got[0] == pytest.approx(p[0], abs=1e-15)
    mean, _ = model.mean_times(theta, CUTS, 168.0)
    assert mean.sum() == pytest.approx(168, rel=1e-13)
    assert slopes.sum(axis=1) == pytest.approx(np.zeros((1, 6)), abs=1e-15)


def test_gradients_are_those_of_numbers(sparse: ResponseHistory) -> None:
    from trdstats.survival.states.interval_response_state import _panel

    rows = sparse.frame[sparse.frame["subject"] < 200].assign(place=lambda d: d["subject"])
    panel = _panel(rows, np.ones(200), sparse.visits)
    assert len(panel.gap_left) > 100
    theta = np.log(np.append(A, B)) + 0.3
    theta[4] = theta[1]  # equal intensities, where the closed form is 0 / 0
    _, scores = kernel.log_likelihood(theta, panel, CUTS)
    for j in range(6):
        e = 1e-5 * np.eye(6)[j]
        up, down = (kernel.log_likelihood(theta + s * e, panel, CUTS)[0] for s in (1, -1))
        # Central differences of step 1e-5 are good to about 1e-9 here.
        assert (up - down) / 2e-5 == pytest.approx(scores[:, j], abs=1e-7)


def test_weights_repeat_subjects_and_influence_sums_to_nothing(sparse: ResponseHistory) -> None:
    frame = sparse.frame[sparse.frame["subject"] < 150]
    weight = pd.Series({i: 2.0 if i % 3 == 0 else 1.0 for i in frame["subject"].unique()})
    twice = frame[frame["subject"] % 3 == 0].assign(subject=lambda d: d["subject"] + 10_000)
    spec = IntervalResponseState(TAU, CUTS)
    weighted, copied = spec.fit(frame, weights=weight), spec.fit(pd.concat([frame, twice]))
    assert weighted.mean_days()["estimate"].tolist() == pytest.approx(
        copied.mean_days()["estimate"].tolist(), rel=1e-7
    )
    effect = weighted.influence([28]).drop(columns="subject")
    # Scores sum to the gradient at the end of the search, not to zero exactly.
    assert np.abs(effect.sum()).max() < 1e-5
    spread = np.sqrt((effect.filter(like="mean days") ** 2).sum().to_numpy())
    assert spread == pytest.approx(weighted.mean_days()["std_error"].to_numpy(), rel=1e-9)


def test_order_of_rows_does_not_matter(sparse: ResponseHistory) -> None:
    frame = sparse.frame[sparse.frame["subject"] < 100]
    spec = IntervalResponseState(TAU, CUTS)
    a = spec.fit(frame).tidy()
    b = spec.fit(frame.sample(frac=1, random_state=1)).tidy()
    assert a["estimate"].to_numpy() == pytest.approx(b["estimate"].to_numpy(), rel=1e-7, abs=1e-9)


def test_trial(trial: Study) -> None:
    history = response_history(trial, Response(), Relapse(20, 2))
    fit = IntervalResponseState(168, (14, 56)).fit(history)
    text = repr(fit)
    assert "Converged       yes" in text
    assert "The intensity is 0, without an error: TMS, relapse from day 0" in text
    assert "Events are dated at the visit" not in text
    rates = fit.intensities()
    none = rates.query("transition == 'relapse' and start == 0")
    assert none["estimate"].tolist() == [0, 0, 0]
    assert none["std_error"].isna().all()
    assert repr(pickle.loads(pickle.dumps(fit))) == text
    total = fit.tidy().groupby(["treatment", "time"], observed=True)["estimate"].sum()
    assert total.to_numpy() == pytest.approx(np.ones(len(total)), abs=1e-12)
    figure = fit.plot()
    plt.close(figure)
    ax = fit.plot_in_response()
    plt.close(ax.figure)


@pytest.mark.parametrize("cuts", [(0, 14), (14, 14), (28, 14), (14, 200)])
def test_cuts_are_increasing_days(cuts: Any) -> None:
    with pytest.raises(SpecError, match="cuts must be increasing days above 0 and below tau = 168"):
        IntervalResponseState(168, cuts)


def test_cuts_are_numbers() -> None:
    with pytest.raises(SpecError, match=r"cuts\[0\] must be a finite number; got nan"):
        IntervalResponseState(168, (np.nan,))


def test_refusals(trial: Study, sparse: ResponseHistory) -> None:
    again = response_history(trial, Response(), LossOfResponse(), regain=True)
    with pytest.raises(SpecError, match="go on after relapse or a lost response; make the history"):
        IntervalResponseState(168).fit(again)
    frame = sparse.frame[sparse.frame["subject"] < 50]
    starts = frame.assign(state=frame["state"].where(frame["start"] > 0, R), to="censored")
    with pytest.raises(SpecError, match="are not seen as not responding from day 0"):
        IntervalResponseState(TAU).fit(starts.drop_duplicates("subject"))
    skips = frame.assign(to=frame["to"].where(frame["to"] != R, L)).query("start == 0")
    with pytest.raises(SpecError, match="relapse without a response"):
        IntervalResponseState(TAU).fit(skips)
    with pytest.raises(NotEstimableError, match="lies beyond the follow-up of a"):
        IntervalResponseState(1000).fit(frame)
    early = frame[frame["state"] == N].assign(to="censored", right=np.inf)
    with pytest.raises(
        NotEstimableError, match=r"No subject is under observation in a, in response, from day 0 on"
    ):
        IntervalResponseState(14).fit(early)


def test_intensities_at_the_edge() -> None:
    """All respond in the first gap, nobody relapses: the larger the intensity the better."""
    waits = pd.DataFrame(
        {"subject": range(6), "treatment": "a", "start": 0.0, "stop": 7.0, "state": N, "to": R,
         "left": 0.0, "right": 7.0}
    )  # fmt: skip
    stays = waits.assign(start=7.0, stop=28.0, state=R, to="censored", left=28.0, right=np.inf)
    fit = IntervalResponseState(28).fit(pd.concat([waits, stays]))
    text = repr(fit)
    assert "The intensity has no finite estimate, without an error: a, response from day 0" in text
    assert "The intensity is 0, without an error: a, relapse from day 0" in text
    assert fit.intensities()["std_error"].isna().all()
    assert fit.mean_days()["estimate"].tolist() == pytest.approx([0, 28, 0], abs=0.05)


def test_follow_up_after_a_relapse_adds_nothing() -> None:
    frame = seen_at(np.arange(7.0, 201, 7), 80, seed=2).frame
    lost = frame[frame["to"] == L]
    on = lost.assign(
        start=lost["stop"], stop=200.0, state=L, to="censored", left=200.0, right=np.inf
    )
    spec = IntervalResponseState(TAU)
    longer = spec.fit(pd.concat([frame, on[on["start"] < 200]])).mean_days()["estimate"]
    assert longer.tolist() == spec.fit(frame).mean_days()["estimate"].tolist()


def test_pieces_that_no_visit_tells_apart_are_refused() -> None:
    """The means had limits of millions of days: the likelihood bends along their sum alone."""
    rng = np.random.default_rng(4)
    rows = [(i, 0, 30) for i in range(60)]
    for i in range(60):
        better = False
        for day in (28, 56, 84, 112):
            better = bool(rng.random() < (0.7 if better else 0.5))
            rows.append((i, day, 10 if better else 28))
    visits = pd.DataFrame(rows, columns=["subject", "day", "score"])
    subjects = pd.DataFrame({"subject": range(60), "treatment": ["A", "B"] * 30})
    study = Study(visits, subjects, scale="MADRS", randomised=True)
    history = response_history(study, Response(), LossOfResponse())
    words = r"A: response from day 0, response from day 7; B: response from day 0, response from"
    with pytest.raises(NotEstimableError, match=words):
        IntervalResponseState(tau=84, cuts=(7, 14)).fit(history)
    told = IntervalResponseState(tau=84, cuts=(28, 56)).fit(history)
    assert told.glance()["converged"].item()
