"""Curves, tests and regressions beside lifelines, on the same arrays in the same run.

Run: python benchmarks/survival.py
Tied times are visit days (weeks to half a year); continuous times are all different. Of three runs
the fastest is kept.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import record
from lifelines import AalenJohansenFitter, CoxPHFitter, KaplanMeierFitter
from lifelines.statistics import multivariate_logrank_test

import trdstats as trd

SIZES = [10_000, 100_000, 1_000_000]
PEER_LIMIT = 10_000  # lifelines' Aalen-Johansen estimator takes minutes beyond


def frame_of(n: int, tied: bool) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    time_ = rng.exponential(60, n)
    time_ = np.ceil(np.minimum(time_, 180) / 7) * 7 if tied else time_ + 1e-6
    return pd.DataFrame(
        {
            "subject": np.arange(n),
            "treatment": np.array(["TMS", "ECT", "ketamine"])[np.arange(n) % 3],
            "time": time_,
            "status": rng.integers(0, 3, n),
        }
    )


def seconds(call: Callable[[], Any], runs: int = 3) -> float:
    found = []
    for _ in range(runs):
        begin = time.perf_counter()
        call()
        found.append(time.perf_counter() - begin)
    return min(found)


def intervals_of(n: int) -> pd.DataFrame:
    """Return onsets between visits, every subject on days of its own."""
    rng = np.random.default_rng(3)
    visits = np.cumsum(rng.uniform(3, 14, (n, 12)), axis=1)
    onset = rng.exponential(40, n)
    place = (visits < onset[:, None]).sum(axis=1)
    ends = np.column_stack([np.zeros(n), visits, np.full(n, np.inf)])
    left, right = ends[np.arange(n), place], ends[np.arange(n), place + 1]
    seen = np.isfinite(right)
    return pd.DataFrame(
        {"subject": np.arange(n), "treatment": "TMS", "left": left, "right": right,
         "time": np.where(seen, right, left), "status": seen.astype(int)}
    )  # fmt: skip


def covariates_of(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    frame = frame_of(n, tied=False)
    return frame.assign(**{f"x{j}": rng.normal(size=n) for j in range(4)})


def peer_interval_curve(frame: pd.DataFrame) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        KaplanMeierFitter().fit_interval_censoring(frame["left"], frame["right"])


def peer_cox(frame: pd.DataFrame) -> None:
    own = frame[["time", "x0", "x1", "x2", "x3"]].assign(event=frame["status"] == 1)
    CoxPHFitter().fit(own, "time", "event")


def methods() -> list[list[str]]:
    """Return the rows of the second table: what, seconds, the peer's, ratio."""
    rows = []

    def add(name: str, own: float, peer: float | None, limit: str) -> None:
        other = ["no peer", ""] if peer is None else [f"{peer:.3f}", f"{peer / own:.0f}"]
        rows.append([name, f"{own:.3f}", limit, *other])

    for n, limit, with_peer in ((1_000, "0.05", True), (10_000, "0.5", False)):
        frame = intervals_of(n)
        times = trd.EventTimes(frame)
        own = seconds(lambda t=times: trd.Turnbull().fit(t))
        peer = seconds(lambda f=frame: peer_interval_curve(f), 1) if with_peer else None
        add(f"Turnbull, {n:,} subjects on days of their own", own, peer, limit)
    for n, limit in ((4_000, "0.2"), (100_000, "5")):
        times = trd.EventTimes(covariates_of(n))
        own = seconds(lambda t=times: trd.FineGray("x0 + x1 + x2 + x3").fit(t).tidy())
        add(f"FineGray, {n:,} subjects, 4 covariates", own, None, limit)
    frame = covariates_of(100_000)
    times = trd.EventTimes(frame)
    own = seconds(lambda: trd.CoxPH("x0 + x1 + x2 + x3").fit(times).tidy())
    add("CoxPH, 100,000 subjects, 4 covariates", own, seconds(lambda: peer_cox(frame), 1), "")
    study = trd.load_sample("modalities").only(["TMS"])
    names = study.subjects["subject"].iloc[:300]
    history = trd.response_history(study.keep(names), trd.Response(), trd.LossOfResponse(below=0.4))
    states = trd.ResponseState(tau=180).fit(history)
    own = seconds(lambda: states.bootstrap(1_000, seed=1, n_jobs=2), 1)
    add(f"ResponseState, 1,000 resamples of {len(names)}", own, None, "20")
    return rows


def peer_curves(frame: pd.DataFrame) -> None:
    for _, own in frame.groupby("treatment"):
        KaplanMeierFitter().fit(own["time"], own["status"] == 1)
    multivariate_logrank_test(frame["time"], frame["treatment"], frame["status"] == 1)


def peer_incidence(frame: pd.DataFrame) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it moves tied times
        for _, own in frame.groupby("treatment"):
            AalenJohansenFitter().fit(own["time"], own["status"], event_of_interest=1)


def main() -> None:
    small = trd.EventTimes(frame_of(100, tied=True))
    for spec in (trd.KaplanMeier(), trd.LogRank(), trd.RMST(tau=90), trd.AalenJohansen()):
        spec.fit(small)  # imports are not what is measured here
    rows = []
    for tied in (True, False):
        for n in SIZES:
            frame = frame_of(n, tied)
            times = trd.EventTimes(frame)
            curves = seconds(
                lambda t=times: (trd.KaplanMeier().fit(t).tidy(), trd.LogRank().fit(t))
            )
            peer = seconds(lambda f=frame: peer_curves(f))
            means = seconds(lambda t=times: trd.RMST(tau=90).fit(t).tidy())
            incidence = seconds(lambda t=times: trd.AalenJohansen().fit(t).tidy())
            row = [f"{n:,}", "visit days" if tied else "all different"]
            row += [f"{curves:.3f}", f"{peer:.3f}", f"{peer / curves:.1f}", f"{means:.3f}"]
            row.append(f"{incidence:.3f}")
            if n <= PEER_LIMIT:
                other = seconds(lambda f=frame: peer_incidence(f))
                row += [f"{other:.3f}", f"{other / incidence:.0f}"]
            else:
                row += ["not run", ""]
            rows.append(row)
    header = ["subjects", "times", "KaplanMeier + LogRank", "lifelines", "ratio", "RMST",
              "AalenJohansen", "lifelines", "ratio"]  # fmt: skip
    more = ["method", "seconds", "required", "lifelines", "ratio"]
    body = (
        record.table(header, rows)
        + "\n\nRequired at 1,000,000: curves and test together 1.5 s, restricted means 1 s.\n\n"
        + record.table(more, methods())
        + "\n\nSeconds, the fastest of three runs (bootstrap and some peers: one run)."
    )
    record.write("survival", "Time to event", body)


if __name__ == "__main__":
    main()
