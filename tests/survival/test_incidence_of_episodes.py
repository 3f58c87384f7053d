"""Incidences and subdistribution hazards of episodes cut where a covariate changes."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import NotEstimableError, SpecError
from trdstats.kernels.risk_sets.fine_gray import Subdistribution, evaluate, score_parts


@cache
def tables() -> tuple[trd.EventTimes, trd.Episodes]:
    study = trd.load_sample("trial")
    given: dict[str, Any] = {
        "since": trd.Response(), "competing": "left follow-up", "after_switch": "ignore",
    }  # fmt: skip
    relapse = trd.Relapse(at_least=22)
    return (
        trd.time_to(study, relapse, **given),
        trd.start_stop(study, relapse, {"well": trd.Remission()}, **given),
    )


def test_rows_cut_by_a_covariate_change_no_incidence() -> None:
    times, episodes = tables()
    one, two = (trd.AalenJohansen().fit(t) for t in (times, episodes))
    pd.testing.assert_frame_equal(one.at([28, 84, 140]), two.at([28, 84, 140]))
    a, b = (f.estimates([84]).influence().set_index("subject") for f in (one, two))
    pd.testing.assert_frame_equal(a.loc[b.index], b, check_names=False)


def test_a_group_that_changes_is_left_as_if_censored() -> None:
    # A is in group 0 up to day 5 and has the event in group 1 on day 8; B in group 0 on day 6.
    frame = pd.DataFrame({
        "subject": ["A", "A", "B", "C"], "treatment": "x", "start": [0, 5, 0, 0],
        "stop": [5, 8, 6, 9], "status": [0, 1, 1, 0], "g": ["0", "1", "0", "0"],
    })  # fmt: skip
    fit = trd.AalenJohansen(by="g").fit(trd.Episodes(frame, causes={1: "e", 2: "other"}))
    at = fit.at([7, 8]).query("cause == 'e'").set_index(["g", "time"])["estimate"]
    assert at[("0", 7.0)] == pytest.approx(1 / 2)  # B and C at risk on day 6
    assert at[("1", 8.0)] == 1.0


def test_rows_cut_by_a_covariate_change_no_subdistribution_hazard() -> None:
    times, episodes = tables()
    one, two = (trd.FineGray("treatment + age").fit(t) for t in (times, episodes))
    for column in ("estimate", "std_error"):
        np.testing.assert_allclose(one.tidy()[column], two.tidy()[column], rtol=1e-9)
    assert one.glance()["n"].item() == two.glance()["n"].item()
    grouped = trd.FineGray("treatment", censoring="site")
    a, b = (grouped.fit(t).tidy() for t in (times, episodes))
    np.testing.assert_allclose(a["std_error"], b["std_error"], rtol=1e-9)


def cohort(seed: int, n: int = 40) -> pd.DataFrame:
    """Return episodes of a number that changes on one day of each subject."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        end, status = rng.exponential(20), int(rng.choice([0, 1, 1, 2]))
        cut = rng.uniform(0, 20)
        x = rng.normal(size=2)
        if cut < end:
            rows.append((i, 0.0, cut, 0, x[0]))
            rows.append((i, cut, end, status, x[1]))
        else:
            rows.append((i, 0.0, end, status, x[0]))
    return pd.DataFrame(rows, columns=["subject", "start", "stop", "status", "x"])


def written_out(frame: pd.DataFrame, b: float) -> tuple[float, float]:
    """Return log-likelihood and score, event by event, with the weights of Fine and Gray."""
    last = frame.drop_duplicates("subject", keep="last")
    end, status = last["stop"].to_numpy(), last["status"].to_numpy()

    def free(day: float) -> float:  # of being censored before the day
        value = 1.0
        for c in np.unique(end[(status == 0) & (end < day)]):
            value *= 1 - ((end == c) & (status == 0)).sum() / (end >= c).sum()
        return value

    loglik, score = 0.0, 0.0
    for t, x in frame.loc[frame["status"] == 1, ["stop", "x"]].to_numpy():
        S0 = S1 = 0.0
        for r in frame.itertuples():
            if r.start < t <= r.stop:
                w = 1.0
            elif r.status == 2 and r.stop < t:
                w = free(t) / free(r.stop)
            else:
                continue
            S0 += w * np.exp(b * r.x)
            S1 += w * np.exp(b * r.x) * r.x
        loglik += b * x - np.log(S0)
        score += x - S1 / S0
    return loglik, score


@pytest.mark.parametrize("seed", range(4))
def test_the_likelihood_of_a_covariate_that_changes_written_out(seed: int) -> None:
    frame = cohort(seed)
    last = ~frame["subject"].duplicated(keep="last").to_numpy()
    data = Subdistribution.of(
        frame[["x"]].to_numpy(), frame["stop"].to_numpy(),
        frame["status"].to_numpy(dtype=np.intp), 1, np.ones(len(frame)), None,
        frame["start"].to_numpy(), last,
    )  # fmt: skip
    for b in (-0.4, 0.0, 0.7):
        fit = evaluate(data, np.array([b]))
        assert fit is not None
        loglik, score = written_out(frame, b)
        assert fit.loglik == pytest.approx(loglik, abs=1e-9)
        assert fit.score.item() == pytest.approx(score, abs=1e-9)
    spec = trd.FineGray("x").fit(trd.Episodes(frame.assign(treatment="A"), causes={2: "other"}))
    assert written_out(frame, spec.tidy()["estimate"].item())[1] == pytest.approx(0, abs=1e-6)


def test_influences_are_the_derivatives_by_the_weights() -> None:
    frame = cohort(9, 60)
    last = ~frame["subject"].duplicated(keep="last").to_numpy()

    def score_at(weight: np.ndarray[Any, Any]) -> tuple[float, Subdistribution]:
        data = Subdistribution.of(
            frame[["x"]].to_numpy(), frame["stop"].to_numpy(),
            frame["status"].to_numpy(dtype=np.intp), 1, weight, None,
            frame["start"].to_numpy(), last,
        )  # fmt: skip
        fit = evaluate(data, np.array([0.3]))
        assert fit is not None
        return fit.score.item(), data

    ones = np.ones(len(frame))
    _, data = score_at(ones)
    fit = evaluate(data, np.array([0.3]))
    assert fit is not None
    parts = score_parts(data, fit)[:, 0]
    who = frame["subject"].to_numpy()
    for i in range(0, 60, 7):
        step = 1e-6 * (who == i)
        slope = (score_at(ones + step)[0] - score_at(ones - step)[0]) / 2e-6
        assert parts[who == i].sum() == pytest.approx(slope, abs=0.05)


def test_refusals() -> None:
    _, episodes = tables()
    study = trd.load_sample("trial")
    again = trd.loss_episodes(
        trd.response_history(study, trd.Response(), trd.LossOfResponse(), regain=True)
    )
    for spec in (trd.AalenJohansen(), trd.FineGray("treatment")):
        with pytest.raises(SpecError, match="an incidence is of the first event"):
            spec.fit(again)
        with pytest.raises(SpecError, match="before gap_time"):
            spec.fit(episodes.gap_time())
    late = episodes.with_rows(episodes.frame.assign(start=episodes.frame["start"] + 0.5,
                                                    stop=episodes.frame["stop"] + 0.5))  # fmt: skip
    with pytest.raises(NotEstimableError, match="Delayed entry"):
        trd.FineGray("treatment").fit(late)
