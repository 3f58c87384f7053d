"""Time of models and imputations with one BLAS thread and with all of them.

Run: python benchmarks/blas_threads.py
Leave OPENBLAS_NUM_THREADS and its like unset.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import pandas as pd
import record

import trdstats as trd
from trdstats import threads


class _AllThreads:
    def limit(self, **_: Any) -> nullcontext[None]:
        return nullcontext()


@contextmanager
def all_threads() -> Iterator[None]:
    """Let every function have all BLAS threads, as without the limit."""
    limited = threads._controller
    threads._controller = _AllThreads  # type: ignore[assignment]
    try:
        yield
    finally:
        threads._controller = limited


def diary(n: int, T: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    day = np.tile(np.arange(T, dtype=float), (n, 1))
    drawn = rng.normal(0, [3, 0.1], (n, 2))
    y = 20 - 0.1 * day + drawn[:, [0]] + drawn[:, [1]] * day + rng.normal(0, 2, (n, T))
    return pd.DataFrame({"subject": np.repeat(np.arange(n), T), "day": day.ravel(), "y": y.ravel()})


def work() -> dict[str, Callable[[], object]]:
    study = trd.load_sample("trial")
    trial = study.longitudinal(days=[7, 14, 21, 28])
    pair = trd.load_sample("modalities").only(["TMS", "IV ketamine"])
    days = diary(40, 50)
    formula = "change ~ baseline * visit + treatment * visit"
    imputation = trd.Imputation(
        "change ~ baseline * visit + treatment * visit", method=trd.ApproximateBayes(20, seed=1)
    )
    return {
        "MMRM of the sample trial": lambda: trd.MMRM(formula).fit(trial),
        "LMM, 40 diaries of 50 days": lambda: trd.LMM("y ~ day", random="1 + day").fit(days),
        "imputation, 20 draws": lambda: imputation.draw(study, days=[7, 14, 21, 28]),
        "comparison, 20 resamples": lambda: trd.compare(
            pair, adjust="age + failed_trials + baseline", day=28, tau=84, n_boot=20
        ),
    }


def seconds(call: Callable[[], object], repeats: int = 5) -> float:
    call()
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return float(np.median(taken))


def main() -> None:

    warnings.simplefilter("ignore")
    rows = []
    for name, call in work().items():
        one = seconds(call)
        with all_threads():
            every = seconds(call)
        rows.append([name, f"{one:.2f}", f"{every:.2f}", f"{every / one:.1f}"])
    load = os.getloadavg()[1]
    body = record.table(["work", "one thread, s", "all threads, s", "times"], rows)
    record.write(
        "blas_threads",
        "One BLAS thread against all",
        f"{body}\n\nMedian of five. Load of the machine over five minutes: {load:.1f}, of which "
        "most is other work: threads that wait for each other wait for that too.",
    )


if __name__ == "__main__":
    main()
