"""Seconds and bytes of every estimator against the number of subjects: how they grow.

Three doublings of a register: the exponent is the slope of log seconds on log subjects over the
last two of them, where fixed costs no longer count. 1 is linear. Times are days of visits, as in a
register, unless the work says otherwise.

Run: python benchmarks/growth.py [part of a name]
"""

from __future__ import annotations

import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import record

import trdstats as trd

SIZES = (5_000, 10_000, 20_000, 40_000)
FEWER = " (a tenth of the subjects)"  # work that is the square of the subjects by nature
DAYS = np.arange(0, 77, 7)
LINEAR = 1.15


@cache
def rows(n: int) -> pd.DataFrame:
    """Return scores of n subjects at eleven visits, a tenth of them missed."""
    rng = np.random.default_rng(n)
    start, fall = rng.integers(24, 45, n), rng.uniform(0, 1, n)
    score = start[:, None] * (1 - fall[:, None] * np.minimum(DAYS / 42, 1.0))
    score = np.clip(np.rint(score + rng.normal(0, 3, score.shape)), 0, 60)
    score[:, 0] = start
    frame = pd.DataFrame({
        "subject": np.repeat(np.arange(n), len(DAYS)), "day": np.tile(DAYS, n),
        "score": score.ravel(), "treatment": np.repeat(rng.choice(["A", "B"], n), len(DAYS)),
        "age": np.repeat(rng.normal(45, 12, n).round(1), len(DAYS)),
        "site": np.repeat(rng.integers(0, 20, n), len(DAYS)),
    })  # fmt: skip
    return frame[(rng.random(len(frame)) < 0.9) | (frame["day"] == 0)]


@cache
def study(n: int) -> trd.Study:
    return trd.Study(rows(n), scale="MADRS", windows={int(d): 3 for d in DAYS[1:]})


@cache
def onset(n: int) -> trd.EventTimes:
    return trd.time_to(study(n), trd.Response())


@cache
def relapse(n: int) -> trd.EventTimes:
    worse = trd.Relapse(at_least=22)
    return trd.time_to(study(n), worse, since=trd.Response(), competing="left follow-up")


@cache
def history(n: int) -> trd.ResponseHistory:
    return trd.response_history(study(n), trd.Response(), trd.Relapse(at_least=22))


@cache
def spells(n: int) -> trd.Episodes:
    again = trd.response_history(study(n), trd.Response(), trd.LossOfResponse(), regain=True)
    return trd.loss_episodes(again)


@cache
def visits(n: int) -> pd.DataFrame:
    return study(n).longitudinal(days=[7, 14, 28, 42])


@cache
def untied(n: int) -> trd.EventTimes:
    """Return times to the second: every one of its own."""
    frame = onset(n).frame
    shift = np.random.default_rng(n).uniform(0, 1, len(frame))
    seen = frame[frame["time"] > 0]
    shift = shift[: len(seen)]
    time_ = seen["time"].to_numpy() - shift
    return trd.EventTimes(seen[["subject", "treatment", "status", "age"]].assign(time=time_))


FORMULA = "change ~ baseline * visit + treatment * visit"
MMRM = trd.MMRM(FORMULA)
DEFINITIONS = {f"response {p} %": trd.Response(p / 100) for p in range(30, 70, 2)}


def imputed(method: Any, n: int) -> pd.DataFrame:
    draws = trd.Imputation(FORMULA, method=method).draw(visits(n))
    return draws.impute("MAR").analyse(trd.ANCOVA("baseline")).pool().tidy()


WORK: dict[str, Callable[[int], Any]] = {
    "Study": lambda n: trd.Study(rows(n), scale="MADRS"),
    "assess": lambda n: trd.assess(study(n), trd.Response()),
    "rates": lambda n: trd.rates(study(n), trd.Response(), day=42),
    "time_to": lambda n: trd.time_to(study(n), trd.Response()),
    "response_history": lambda n: trd.response_history(study(n), trd.Response(), trd.Relapse(22)),
    "mean_scores": lambda n: trd.mean_scores(study(n)),
    "KaplanMeier": lambda n: trd.KaplanMeier().fit(onset(n)),
    "KaplanMeier, untied": lambda n: trd.KaplanMeier().fit(untied(n)),
    "LogRank": lambda n: trd.LogRank().fit(onset(n)).glance(),
    "RMST": lambda n: trd.RMST(tau=56).fit(onset(n)).tidy(),
    "AalenJohansen": lambda n: trd.AalenJohansen().fit(relapse(n)),
    "GrayTest": lambda n: trd.GrayTest().fit(relapse(n)).tidy(),
    "CoxPH": lambda n: trd.CoxPH("treatment + age").fit(onset(n)).tidy(),
    "CoxPH, untied": lambda n: trd.CoxPH("treatment + age").fit(untied(n)).tidy(),
    "FineGray": lambda n: trd.FineGray("treatment + age").fit(relapse(n)).tidy(),
    "MeanCumulative": lambda n: trd.MeanCumulative().fit(spells(n)).glance(),
    "JointFrailty": lambda n: trd.JointFrailty("treatment", pieces=3).fit(
        spells(n), trd.time_to(study(n), trd.Event(("left follow-up",)), since=trd.Response())
    ),
    "Turnbull": lambda n: trd.Turnbull().fit(onset(n)),
    "IntervalLogRank": lambda n: trd.IntervalLogRank().fit(onset(n)).glance(),
    "IntervalPH": lambda n: trd.IntervalPH("treatment + age").fit(onset(n)).tidy(),
    "AFT": lambda n: trd.AFT("treatment + age").fit(onset(n)).tidy(),
    "MixtureCure": lambda n: trd.MixtureCure("treatment", "treatment").fit(onset(n)).tidy(),
    "ResponseState": lambda n: trd.ResponseState(tau=56).fit(history(n)).tidy(),
    "MMRM, Kenward-Roger": lambda n: MMRM.fit(visits(n)),
    "LMM, random slope": lambda n: trd.LMM("score ~ day * treatment", random="1 + day").fit(
        visits(n)
    ),
    "GEE": lambda n: trd.GEE("met ~ treatment * visit", family="binomial").fit(
        visits(n).assign(met=lambda f: (f["score"] < 15).astype(float).where(f["score"].notna()))
    ),
    "PropensityWeights": lambda n: trd.PropensityWeights("treatment ~ age").fit(study(n)).balance(),
    "Standardisation": lambda n: trd.Standardisation(
        "treatment + age + baseline", outcome=trd.Response(), day=42
    ).fit(study(n)),
    "IPCW": lambda n: trd.IPCW("age", tau=56).fit(onset(n)).tidy(),
    "IPCW, untied": lambda n: trd.IPCW("age", tau=56).fit(untied(n)).tidy(),
    "Matching": lambda n: trd.Matching("age", treated="B").fit(study(n)),
    "Imputation, 20 draws": lambda n: imputed(trd.ApproximateBayes(20, seed=1), n),
    "Imputation, jackknife" + FEWER: lambda n: imputed(trd.ConditionalMean(), n),
    "BinaryTippingPoint" + FEWER: lambda n: trd.BinaryTippingPoint(
        trd.Response(), 42, "B", reference="A"
    ).fit(study(n)),
    "multiverse, 20 definitions": lambda n: trd.multiverse(
        study(n), DEFINITIONS, primary="response 50 %", day=42
    ),
    "audit_schedule": lambda n: trd.audit_schedule(study(n), trd.Response()),
}


def seconds(call: Callable[[int], Any], n: int) -> float:
    call(n)  # tables are made, modules loaded
    times = []
    while len(times) < 3 and sum(times) < 6:
        begin = time.perf_counter()
        call(n)
        times.append(time.perf_counter() - begin)
    return min(times)


def megabytes(call: Callable[[int], Any], n: int) -> float:
    tracemalloc.start()
    call(n)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def main() -> None:
    warnings.simplefilter("ignore")
    wanted = sys.argv[1:]
    table = []
    for name, call in WORK.items():
        if wanted and not any(w.lower() in name.lower() for w in wanted):
            continue
        sizes = [n // 10 for n in SIZES] if name.endswith(FEWER) else list(SIZES)
        try:
            took = [seconds(call, n) for n in sizes]
            memory = [megabytes(call, n) for n in sizes[-2:]]
        except Exception as error:  # one that fails says so and the others go on
            table.append([name, repr(error)[:80], "", "", "", ""])
            print(table[-1], flush=True)
            continue
        grows = np.polyfit(np.log(sizes[1:]), np.log(took[1:]), 1)[0]
        bytes_grow = np.log2(memory[1] / memory[0])
        table.append([name, f"{took[0]:.3f}", f"{took[-1]:.3f}", f"{grows:.2f}",
                      f"{memory[1] / sizes[-1] * 1000:.0f}", f"{bytes_grow:.2f}"])  # fmt: skip
        print(" | ".join(table[-1]), flush=True)
    if wanted:
        return
    header = ["work", f"s at {SIZES[0]:,}", f"s at {SIZES[-1]:,}", "exponent of seconds",
              "GB a million subjects", "exponent of bytes"]  # fmt: skip
    body = record.table(header, table)
    body += (
        "\n\nSubjects with eleven visits each, a tenth of them missed. The exponent is that of the "
        'last two doublings; below 1 fixed costs still count. Work on distinct times ("untied") '
        "has as many of them as subjects. Two kinds of work are the square of the subjects by "
        "nature and are timed with a tenth of them: the jackknife of imputation fits and completes "
        "the data once for every subject, and a tipping point of rates has a row for every pair of "
        "numbers of responders among those not assessed."
    )
    record.write("growth", "How the work grows with the subjects", body)


if __name__ == "__main__":
    main()
