"""Curves and tests beside lifelines, on the same arrays in the same run.

Run: python benchmarks/survival.py
Tied times are visit days (weeks to half a year); continuous times are all different.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import record
from lifelines import AalenJohansenFitter, KaplanMeierFitter
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


def seconds(call: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


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
    record.write("survival", "Time to event", record.table(header, rows) + "\n\nSeconds, one run.")


if __name__ == "__main__":
    main()
