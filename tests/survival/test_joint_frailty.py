"""Joint frailty: the likelihood by quadrature, derivatives, a simulation, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import norm

import trdstats as trd
from trdstats.errors import DataError, NotEstimableError, SpecError
from trdstats.kernels.parametric.joint_frailty import Cells, JointModel, fit_without_frailty
from trdstats.testing import check_result

THETA, ALPHA, BETA, ETA = 0.6, 1.0, 0.5, 0.4


def cohort(seed: int, n: int, *, theta: float = THETA) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return episodes and ends: whoever relapses often leaves early."""
    rng = np.random.default_rng(seed)
    w = np.sqrt(theta) * rng.standard_normal(n)
    x = rng.integers(0, 2, n)
    leaves = rng.exponential(1 / (0.006 * np.exp(ETA * x + ALPHA * w)))
    over = rng.uniform(100, 300, n)
    end = np.minimum(leaves, over)
    rows = []
    for i in range(n):
        day = 0.0
        while day < end[i]:
            following = day + rng.exponential(1 / (0.02 * np.exp(BETA * x[i] + w[i])))
            rows.append((i, day, min(following, end[i]), int(following < end[i])))
            day = following
    arm = np.where(x == 1, "B", "A")
    episodes = pd.DataFrame(rows, columns=["subject", "start", "stop", "status"])
    episodes["treatment"] = arm[episodes["subject"]]
    ends = pd.DataFrame({"subject": np.arange(n), "treatment": arm, "time": end,
                         "status": (leaves <= over).astype(int)})  # fmt: skip
    return episodes, ends


def fit(seed: int, n: int, **options: Any) -> Any:
    episodes, ends = cohort(seed, n)
    return trd.JointFrailty("treatment", **options).fit(
        trd.Episodes(episodes, outcome="relapse"),
        trd.EventTimes(ends, outcome="left", causes={1: "left"}),
    )


def small() -> tuple[JointModel, np.ndarray[Any, Any]]:
    episodes, ends = cohort(1, 12)
    x = (ends["treatment"] == "B").to_numpy(dtype=float)[:, None]
    who = episodes["subject"].to_numpy()
    model = JointModel(
        12,
        Cells.of(who, episodes["start"].to_numpy(), episodes["stop"].to_numpy(),
                 (episodes["status"] == 1).to_numpy(), x[who], np.array([40.0])),
        Cells.of(np.arange(12), np.zeros(12), ends["time"].to_numpy(),
                 (ends["status"] == 1).to_numpy(), x, np.array([60.0])),
    )  # fmt: skip
    return model, np.r_[np.log([0.02, 0.03]), 0.3, np.log([0.004, 0.006]), 0.2, 0.7, np.log(0.8)]


def test_the_likelihood_is_the_integral() -> None:
    model, theta = small()
    alpha, sigma = theta[-2], float(np.exp(theta[-1]))
    A = model.again.by_subject(12, model.again.expected(theta[:3]))
    B = model.last.by_subject(12, model.last.expected(theta[3:6]))
    N = model.again.by_subject(12, model.again.events)
    D = model.last.by_subject(12, model.last.events)
    total = model.again.events @ (model.again.Z @ theta[:3])
    total += model.last.events @ (model.last.Z @ theta[3:6])
    for n, d, a, b in zip(N, D, A, B, strict=True):

        def integrand(w: float, n: float = n, d: float = d, a: float = a, b: float = b) -> float:
            log = (n + alpha * d) * w - a * np.exp(w) - b * np.exp(alpha * w)
            return float(np.exp(log) * norm.pdf(w, 0, sigma))

        total += np.log(quad(integrand, -6, 6, epsabs=0, epsrel=1e-12, limit=200)[0])
    point = model.point(theta, np.zeros(12))
    assert point is not None
    # 25 nodes of the quadrature.
    assert point.loglik == pytest.approx(total, abs=1e-7)


def test_slope_and_curvature_are_those_of_differences() -> None:
    model, theta = small()
    at = model.point(theta, np.zeros(12))
    assert at is not None
    h = 1e-5
    for j in range(len(theta)):
        up, down = (model.point(theta + s * h * np.eye(len(theta))[j], np.zeros(12))
                    for s in (1, -1))  # fmt: skip
        assert up is not None
        assert down is not None
        assert at.score[j] == pytest.approx((up.loglik - down.loglik) / (2 * h), abs=1e-6)
        np.testing.assert_allclose(at.information[j], (down.score - up.score) / (2 * h), atol=1e-5)


def test_without_frailty_one_piece_is_events_by_days() -> None:
    model, _ = small()
    cells = model.again
    plain = Cells(cells.subject, np.ones((len(cells.days), 1)), cells.days, cells.events, 1)
    reached = fit_without_frailty(plain)
    assert reached is not None
    assert reached[0][0] == pytest.approx(np.log(cells.events.sum() / cells.days.sum()))


def test_a_large_cohort_finds_what_it_was_made_with() -> None:
    result = fit(2, 4000)
    g = result.glance().iloc[0]
    assert g["theta"] == pytest.approx(THETA, abs=0.08)
    assert g["alpha"] == pytest.approx(ALPHA, abs=0.15)
    assert result.tidy()["estimate"].to_numpy() == pytest.approx([BETA, ETA], abs=0.1)
    assert g["alpha_p"] < 1e-6
    check_result(result)


def test_statuses_of_the_episodes_may_end_follow_up() -> None:
    episodes, ends = cohort(3, 300)
    last = episodes.groupby("subject")["stop"].transform("max") == episodes["stop"]
    left = ends.set_index("subject")["status"].reindex(episodes["subject"]).to_numpy() == 1
    marked = episodes.assign(status=episodes["status"].mask(last & left, 2))
    names = {1: "relapse", 2: "left"}
    one = trd.JointFrailty("treatment").fit(trd.Episodes(marked, outcome="relapse", causes=names))
    two = trd.JointFrailty("treatment").fit(
        trd.Episodes(episodes, outcome="relapse"), trd.EventTimes(ends, outcome="left")
    )
    np.testing.assert_allclose(one.tidy()["estimate"], two.tidy()["estimate"], atol=1e-8)
    assert one.tidy()["event"].tolist() == ["relapse", "left"]


def test_frailties_are_high_in_those_who_relapse_often() -> None:
    table = fit(4, 300).frailties()
    often = table[table["events"] >= 6]["estimate"]
    never = table[(table["events"] == 0) & ~table["ended"]]["estimate"]
    assert often.min() > never.max()


def test_refusals() -> None:
    episodes, ends = cohort(5, 60)
    good = trd.Episodes(episodes)
    spec = trd.JointFrailty("treatment")
    with pytest.raises(NotEstimableError, match=r"No subject had end of follow-up.*Give end="):
        spec.fit(good)
    with pytest.raises(DataError, match="1 subject has episodes and no time of the end"):
        spec.fit(good, trd.EventTimes(ends.iloc[1:]))
    with pytest.raises(DataError, match="an episode after the end of follow-up"):
        spec.fit(good, trd.EventTimes(ends.assign(time=ends["time"] / 2)))
    with pytest.raises(DataError, match="60 ends have an entry after day 0"):
        spec.fit(good, trd.EventTimes(ends.assign(entry=ends["time"] / 2)))
    with pytest.raises(SpecError, match="before gap_time"):
        spec.fit(good.gap_time(), trd.EventTimes(ends))
    with pytest.raises(SpecError, match="pieces is a number of 1 or more"):
        trd.JointFrailty("treatment", pieces=0)
    once = episodes.drop_duplicates("subject")
    with pytest.raises(NotEstimableError, match="No subject has the event twice"):
        spec.fit(trd.Episodes(once), trd.EventTimes(ends))
    alike, their_ends = cohort(6, 200, theta=1e-12)
    with pytest.raises(NotEstimableError, match="highest without one"):
        spec.fit(trd.Episodes(alike), trd.EventTimes(their_ends))


def test_subjects_with_an_episode_that_lacks_a_covariate_are_left_out_whole() -> None:
    episodes, ends = cohort(3, 300)
    episodes["z"] = np.random.default_rng(0).normal(size=len(episodes))
    last = ~episodes["subject"].duplicated(keep="last")
    holes = episodes.assign(z=episodes["z"].mask(last & (episodes["subject"] % 2 == 0)))
    odd = episodes[episodes["subject"] % 2 == 1]
    spec = trd.JointFrailty("treatment + z")
    one = spec.fit(trd.Episodes(holes), trd.EventTimes(ends))
    two = spec.fit(trd.Episodes(odd.reset_index(drop=True)), trd.EventTimes(ends))
    np.testing.assert_allclose(one.tidy()["estimate"], two.tidy()["estimate"], atol=1e-8)
    assert one.glance()["n_left_out"].item() == len(episodes) - len(odd)


def test_who_comes_late_needs_times_of_the_end() -> None:
    episodes, ends = cohort(5, 60)
    late = episodes[episodes["stop"] > 5].assign(start=lambda f: f["start"].clip(lower=5))
    last = ~late["subject"].duplicated(keep="last")
    marked = late.assign(status=late["status"].mask(last, 2))
    with pytest.raises(NotEstimableError, match="come under observation after day 0: from when on"):
        trd.JointFrailty("treatment").fit(trd.Episodes(marked))
    trd.JointFrailty("treatment", pieces=1).fit(trd.Episodes(late), trd.EventTimes(ends))


def test_episodes_and_ends_of_other_origins_are_refused() -> None:
    study = trd.load_sample("trial")
    history = trd.response_history(study, trd.Response(), trd.LossOfResponse(), regain=True)
    since_start = trd.time_to(study, trd.Event(("left follow-up",)))
    with pytest.raises(SpecError, match=r"count days from 'first response.*the ends from 'day 0'"):
        trd.JointFrailty("treatment").fit(trd.loss_episodes(history), since_start)


def test_ends_without_episodes_are_counted() -> None:
    episodes, ends = cohort(3, 300)
    had = episodes.loc[episodes["status"] == 1, "subject"].unique()
    part = episodes[episodes["subject"].isin(had)].reset_index(drop=True)
    result = trd.JointFrailty("treatment").fit(trd.Episodes(part), trd.EventTimes(ends))
    note = f"{300 - len(had)} subjects have an end and no episode, and are left out"
    assert any(note in n for n in result.estimates().notes)


def test_the_unit_of_a_covariate_does_not_matter() -> None:
    episodes, ends = cohort(3, 300)
    dose = np.random.default_rng(0).uniform(0, 0.001, 300)
    fits = [
        trd.JointFrailty("dose").fit(
            trd.Episodes(episodes.assign(dose=unit * dose[episodes["subject"]])),
            trd.EventTimes(ends),
        )
        for unit in (1, 1000)
    ]
    one, two = (f.tidy()["statistic"] for f in fits)
    np.testing.assert_allclose(one, two, rtol=1e-5)


def test_a_covariate_that_starts_alike_in_all_is_named() -> None:
    episodes, ends = cohort(3, 300)
    before = (episodes.groupby("subject").cumcount() > 0).astype(int)
    with pytest.raises(NotEstimableError, match="before: the same in the first episode of every"):
        trd.JointFrailty("before").fit(
            trd.Episodes(episodes.assign(before=before)), trd.EventTimes(ends)
        )


def test_leaving_is_an_outcome_of_time_to_alone() -> None:
    study = trd.load_sample("trial")
    left = trd.Event(("left follow-up",))
    apart = trd.time_to(study, trd.Relapse(at_least=22), competing="left follow-up")
    waited = trd.time_to(study, left)
    gone = apart.frame.loc[apart.frame["status"] == 2, "subject"]
    assert set(gone) <= set(waited.frame.loc[waited.frame["status"] == 1, "subject"])
    assert waited.frame["right"][waited.frame["status"] == 1].notna().all()
    with pytest.raises(SpecError, match="no kind of the events table"):
        trd.response_history(study, trd.Response(), trd.LossOfResponse() | left)


@pytest.mark.slow
def test_coverage_where_leaving_depends_on_the_frailty() -> None:
    inside, values, plain = np.zeros(2), [], []
    for seed in range(300):
        result = fit(1000 + seed, 300)
        table = result.tidy()
        truth = np.array([BETA, ETA])
        inside += (table["conf_low"] < truth) & (truth < table["conf_high"])
        values.append(table["estimate"].to_numpy())
        plain.append(trd.CoxPH("treatment").fit(result.episodes).tidy()["estimate"].item())
    error = np.std(values, axis=0) / np.sqrt(300)
    assert (np.abs(np.mean(values, axis=0) - [BETA, ETA]) < 3 * error).all()
    assert ((inside / 300 > 0.92) & (inside / 300 < 0.98)).all()
    # Andersen-Gill of the same episodes: those who stay had fewer relapses.
    assert np.mean(plain) < 0.9 * BETA
