"""Times to events beside lifelines, comprisk and greenwood."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from cases import Case

import trdstats as trd


def competing(n: int, *, tied: bool, seed: int = 1) -> pd.DataFrame:
    """Return two arms with two causes; tied times are whole weeks of three years."""
    rng = np.random.default_rng(seed)
    time = rng.exponential(400, n)
    gone = rng.uniform(200, 1100, n)
    status = np.where(time < gone, rng.integers(1, 3, n), 0)
    time = np.minimum(time, gone)
    time = np.ceil(time / 7) * 7 if tied else time
    frame = pd.DataFrame({"subject": np.arange(n), "treatment": rng.choice(["A", "B"], n),
                          "time": time, "status": status})  # fmt: skip
    for j in range(4):
        frame[f"x{j}"] = rng.normal(size=n)
    return frame


def _curves(n: int) -> Case:
    frame = competing(n, tied=True)
    frame["status"] = (frame["status"] == 1).astype(int)
    time, event = frame["time"].to_numpy(), frame["status"].to_numpy()
    is_b = (frame["treatment"] == "B").to_numpy()
    times = trd.EventTimes(frame)

    def ours() -> Any:
        return trd.KaplanMeier().fit(times).tidy(), trd.LogRank().fit(times).glance()

    def lifelines() -> Any:
        from lifelines import KaplanMeierFitter
        from lifelines.statistics import logrank_test

        curves = [
            KaplanMeierFitter().fit(time[a], event[a]).survival_function_ for a in (is_b, ~is_b)
        ]
        return curves, logrank_test(time[is_b], time[~is_b], event[is_b], event[~is_b]).p_value

    return Case(
        f"Kaplan-Meier of two arms and log-rank, {n:,}, tied", ours, {"lifelines": lifelines}
    )


def _cox(n: int) -> Case:
    frame = competing(n, tied=True)
    frame["status"] = (frame["status"] == 1).astype(int)
    times = trd.EventTimes(frame)
    theirs = frame[["time", "status", "x0", "x1", "x2", "x3"]]

    def lifelines() -> Any:
        from lifelines import CoxPHFitter

        return CoxPHFitter().fit(theirs, "time", "status")

    def greenwood() -> Any:
        from greenwood import CoxPH, Surv

        return CoxPH().fit(Surv(frame["time"], frame["status"]), frame[["x0", "x1", "x2", "x3"]])

    return Case(
        f"Cox regression, 4 covariates, {n:,}, tied",
        lambda: trd.CoxPH("x0 + x1 + x2 + x3").fit(times).tidy(),
        {"lifelines": lifelines, "greenwood": greenwood},
    )


def _incidence(n: int) -> Case:
    frame = competing(n, tied=True)
    times = trd.EventTimes(frame)
    time, status = frame["time"].to_numpy(), frame["status"].to_numpy()

    def comprisk() -> Any:
        from comprisk import CumulativeIncidence

        return CumulativeIncidence().fit(time, status)

    return Case(
        f"Aalen-Johansen with errors, one group, {n:,}, tied",
        lambda: trd.AalenJohansen(by=None).fit(times),
        {"comprisk": comprisk},
    )


def _gray(n: int) -> Case:
    frame = competing(n, tied=False)
    times = trd.EventTimes(frame)
    time, status = frame["time"].to_numpy(), frame["status"].to_numpy()
    group = (frame["treatment"] == "B").to_numpy().astype(int)

    def comprisk() -> Any:
        from comprisk import gray_test

        return [gray_test(time, status, group, cause=k) for k in (1, 2)]

    return Case(
        f"Gray's test of two causes, {n:,}", lambda: trd.GrayTest().fit(times).tidy(),
        {"comprisk": comprisk},
    )  # fmt: skip


def _fine_gray(n: int) -> Case:
    frame = competing(n, tied=False)
    times = trd.EventTimes(frame)
    time, status = frame["time"].to_numpy(), frame["status"].to_numpy()
    X = frame[["x0", "x1", "x2", "x3"]].to_numpy()

    def comprisk() -> Any:
        from comprisk import FineGrayRegression

        return FineGrayRegression(robust_se=True).fit(X, time=time, event=status)

    return Case(
        f"Fine-Gray with robust errors, 4 covariates, {n:,}",
        lambda: trd.FineGray("x0 + x1 + x2 + x3").fit(times).tidy(), {"comprisk": comprisk},
    )  # fmt: skip


def _rmst(n: int) -> Case:
    frame = competing(n, tied=False)
    frame["status"] = (frame["status"] == 1).astype(int)
    times = trd.EventTimes(frame)

    def greenwood() -> Any:
        from greenwood import Surv, rmst_test

        return rmst_test(Surv(frame["time"], frame["status"]), 300.0, frame["treatment"])

    return Case(
        f"Restricted means of two arms and their difference, {n:,}",
        lambda: trd.RMST(tau=300.0).fit(times).tidy(), {"greenwood": greenwood},
    )  # fmt: skip


def _intervals(n: int) -> tuple[trd.EventTimes, pd.DataFrame]:
    rng = np.random.default_rng(4)
    time = 60 * rng.weibull(1.3, n)
    left = np.floor(time / 7) * 7
    seen = left < 84
    frame = pd.DataFrame({
        "subject": np.arange(n), "treatment": rng.choice(["A", "B"], n),
        "left": np.where(seen, left, 84), "right": np.where(seen, left + 7, np.inf),
    })  # fmt: skip
    frame["time"] = np.where(seen, frame["right"], 84)
    frame["status"] = seen.astype(int)
    return trd.EventTimes(frame), frame


def _turnbull(n: int) -> Case:
    rng = np.random.default_rng(4)
    time = 60 * rng.weibull(1.3, n)
    step = rng.uniform(3, 20, n)
    left = np.floor(time / step) * step
    frame = pd.DataFrame({"subject": np.arange(n), "treatment": "A", "left": left,
                          "right": left + step, "time": left + step, "status": 1})  # fmt: skip
    times = trd.EventTimes(frame)

    def greenwood() -> Any:
        from greenwood import Surv, Turnbull

        return Turnbull().fit(Surv(frame["left"], frame["right"], type="interval2"))

    return Case(
        f"Turnbull's estimate, visits of their own, {n:,}", lambda: trd.Turnbull().fit(times),
        {"greenwood": greenwood},
    )  # fmt: skip


def _aft(n: int) -> Case:
    times, frame = _intervals(n)
    theirs = frame[["left", "right"]].assign(b=(frame["treatment"] == "B").astype(float))
    theirs["left"] = np.maximum(theirs["left"], 1e-8)

    def lifelines() -> Any:
        from lifelines import WeibullAFTFitter

        return WeibullAFTFitter().fit_interval_censoring(theirs, "left", "right")

    return Case(
        f"Weibull AFT, interval-censored, {n:,}",
        lambda: trd.AFT("treatment").fit(times).tidy(), {"lifelines": lifelines},
    )  # fmt: skip


def cases() -> Iterator[Case]:
    yield _curves(1_000_000)
    yield _cox(100_000)
    for n in (10_000, 100_000):
        yield _incidence(n)
        yield _gray(n)
    for n in (4_000, 100_000):
        yield _fine_gray(n)
    yield _rmst(1_000)
    yield _turnbull(1_000)
    for n in (1_000, 10_000):
        yield _aft(n)
