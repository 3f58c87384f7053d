"""Ten thousand patients: how far each fit is from reading its table once.

Run: python benchmarks/bandwidth.py
The limit is the time in which the machine sums as many bytes as the columns of the fit have: one
pass over the data at the bandwidth of memory. Nothing can be faster; what takes several passes,
Newton steps and small products of matrices is so many times slower.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import record
from growth import MMRM, onset, visits

import trdstats as trd

N, REPEATS = 10_000, 5


def bandwidth() -> float:
    """Return the bytes a second at which a large array is summed."""
    block = np.ones(50_000_000)
    best = np.inf
    for _ in range(REPEATS):
        begin = time.perf_counter()
        block.sum()
        best = min(best, time.perf_counter() - begin)
    return block.nbytes / best


def cases() -> dict[str, tuple[int, Callable[[], Any]]]:
    """Return each fit with the columns that it reads."""
    frame, times = visits(N), onset(N)
    rows, subjects = len(frame), len(times.frame)
    return {
        "MMRM, Kenward-Roger, 4 visits": (5 * rows, lambda: MMRM.fit(frame)),
        "LMM, random slope": (4 * rows, lambda: trd.LMM(
            "score ~ day * treatment", random="1 + day").fit(frame)),
        "imputation, 20 approximate draws": (5 * rows, lambda: trd.Imputation(
            "change ~ baseline + treatment * visit", method=trd.ApproximateBayes(20, seed=1)
        ).draw(frame, trd.dropout_events(frame)).impute("MAR")),
        "CoxPH, two covariates": (
            4 * subjects, lambda: trd.CoxPH("treatment + age").fit(times).tidy()),
        "Turnbull, two arms": (3 * subjects, lambda: trd.Turnbull().fit(times)),
    }  # fmt: skip


def main() -> None:
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    warnings.simplefilter("ignore")
    speed, rows = bandwidth(), []
    for name, (numbers, call) in cases().items():
        call()
        best = np.inf
        for _ in range(REPEATS):
            begin = time.perf_counter()
            call()
            best = min(best, time.perf_counter() - begin)
        least = 8 * numbers / speed
        rows.append([name, f"{8 * numbers / 1e6:.1f}", f"{1e3 * least:.2f}", f"{1e3 * best:.0f}",
                     f"{best / least:.0f}"])  # fmt: skip
    header = ["fit to 10,000 patients", "MB read", "one pass, ms", "fit, ms", "fit / pass"]
    body = f"Memory: {speed / 1e9:.1f} GB a second, one core.\n\n" + record.table(header, rows)
    record.write("bandwidth", "One pass over the data", body)


if __name__ == "__main__":
    main()
