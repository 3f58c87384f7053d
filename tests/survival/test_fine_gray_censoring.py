"""Fine and Gray with strata of censoring: brute force, one stratum, leaving subjects out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar

import trdstats as trd
from trdstats.errors import NotEstimableError, UnknownNameError


def data(n: int = 60, *, seed: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, site = rng.integers(0, 2, n), rng.integers(0, 2, n)
    event = rng.exponential(10 / (1 + x))
    other = rng.exponential(15, n)
    gone = rng.exponential(np.where(site == 1, 6, 30))
    time = np.ceil(np.minimum(np.minimum(event, other), gone))
    status = np.where(gone <= np.minimum(event, other), 0, np.where(event <= other, 1, 2))
    return pd.DataFrame(
        {"subject": range(n), "treatment": np.array(["A", "B"])[x], "time": time,
         "status": status, "x": x, "site": np.array(["near", "far"])[site]}
    )  # fmt: skip


def times_of(frame: pd.DataFrame) -> trd.EventTimes:
    return trd.EventTimes(frame, causes={1: "relapse", 2: "left"})


def free_before(frame: pd.DataFrame, at: float) -> float:
    """G(t-) of the censoring among the rows of one stratum."""
    value = 1.0
    for t in sorted(frame["time"].unique()):
        if t >= at:
            break
        lost = ((frame["time"] == t) & (frame["status"] == 0)).sum()
        value *= 1 - lost / (frame["time"] >= t).sum()
    return value


def brute_force(frame: pd.DataFrame) -> float:
    """Maximise the pseudo-likelihood of Fine and Gray, each weight from its definition."""
    strata = dict(tuple(frame.groupby("site")))
    weights = {}
    for t in frame.loc[frame["status"] == 1, "time"].unique():
        w = np.zeros(len(frame))
        for i, r in enumerate(frame.itertuples()):
            if r.time >= t:
                w[i] = 1.0
            elif r.status == 2:
                own = strata[r.site]
                w[i] = free_before(own, t) / free_before(own, r.time)
        weights[t] = w
    x = frame["x"].to_numpy(dtype=float)

    def loss(b: float) -> float:
        total = 0.0
        for r in frame[frame["status"] == 1].itertuples():
            total += r.x * b - np.log(weights[r.time] @ np.exp(b * x))
        return -total

    return float(minimize_scalar(loss, bounds=(-3, 3), method="bounded",
                                 options={"xatol": 1e-10}).x)  # fmt: skip


def test_coefficient_by_brute_force() -> None:
    frame = data()
    fit = trd.FineGray("x", censoring="site").fit(times_of(frame))
    assert fit.tidy()["estimate"].item() == pytest.approx(brute_force(frame), abs=1e-6)
    plain = trd.FineGray("x").fit(times_of(frame)).tidy()["estimate"].item()
    one = trd.FineGray("x").fit(times_of(frame.assign(site="one")))
    assert plain == pytest.approx(one.tidy()["estimate"].item(), abs=1e-12)
    assert fit.tidy()["estimate"].item() != pytest.approx(plain, abs=1e-4)
    assert "a curve for each site" in str(fit)


def test_one_stratum_is_no_stratum() -> None:
    frame = data(120, seed=5)
    same = trd.FineGray("x", censoring="site").fit(times_of(frame.assign(site="one"))).tidy()
    pd.testing.assert_frame_equal(same, trd.FineGray("x").fit(times_of(frame)).tidy())


def test_influence_is_that_of_leaving_a_subject_out() -> None:
    """First order: the change of the coefficient without a subject, to within its own curvature."""
    frame = data(150, seed=8)
    fit = trd.FineGray("x", censoring="site").fit(times_of(frame))
    table = fit.influence().set_index("subject")["x"]
    whole = fit.tidy()["estimate"].item()
    left = {
        s: whole - trd.FineGray("x", censoring="site").fit(
            times_of(frame[frame["subject"] != s])
        ).tidy()["estimate"].item()
        for s in range(0, 150, 6)
    }  # fmt: skip
    change = pd.Series(left)
    assert np.corrcoef(table[change.index], change)[0, 1] > 0.99
    assert table[change.index].to_numpy() == pytest.approx(change.to_numpy(), abs=0.012)


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(UnknownNameError, match="clinic"):
        trd.FineGray("x", censoring="clinic").fit(times_of(data()))


def test_a_curve_of_the_censoring_needs_subjects() -> None:
    with pytest.raises(NotEstimableError, match=r"'subject' has a group of 1 subject: a curve"):
        trd.FineGray("x", censoring="subject").fit(times_of(data()))
