"""CPU time of random effects of sites, subjects and raters, and how it grows.

Run: python benchmarks/registry.py
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import record
import statsmodels.formula.api as smf
from mmrm import own_days

import trdstats as trd

NESTED = {"site": "1", "subject": "1"}
# Seconds of CPU of the version before (dense covariance of a site, rotated ratings), measured by
# this script's cases on the machine of the stored table.
BEFORE = {
    "random slope, individual days, 1,000 x 10": "0.049",
    "random slope, individual days, 10,000 x 10": "0.37",
    "nested, 100 sites x 10 x 5": "0.026",
    "nested, 20 sites x 50 x 5": "0.070",
    "nested, 50 sites x 20 x 8": "0.034",
    "nested, 100 sites x 50 x 10": "0.52",
    "nested, 6 sites x 417 x 3": "4.9",
}


def registry(sites: int, each: int, ratings: int, *, raters: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    n = sites * each
    site, subject = np.repeat(np.arange(sites), each * ratings), np.repeat(np.arange(n), ratings)
    week = np.tile(np.arange(ratings), n)
    y = 20 - week + 2 * rng.normal(size=sites)[site] + 2 * rng.normal(size=n)[subject]
    y = y + rng.normal(size=len(y))
    frame = pd.DataFrame({"site": site, "subject": subject, "week": week})
    if raters:
        frame["rater"] = rng.integers(0, raters, len(y))
        y = y + rng.normal(size=raters)[frame["rater"]]
    return frame.assign(y=y)


def seconds(call: Callable[[], Any], repeats: int = 5) -> float:
    taken = []
    for _ in range(repeats):
        begin = time.process_time()
        call()
        taken.append(time.process_time() - begin)
    return sorted(taken)[len(taken) // 2]


def of_statsmodels(formula: str, frame: pd.DataFrame, **options: Any) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return seconds(lambda: smf.mixedlm(formula, frame, **options).fit(), 1)


def models() -> str:
    rows = []
    slope = trd.LMM("y ~ day * arm", random="1 + day")
    for n in (1_000, 10_000):
        frame = own_days(n, 10)
        slope.fit(frame)
        theirs = "not timed"
        if n == 1_000:
            options = {"groups": "subject", "re_formula": "1 + day"}
            theirs = f"{of_statsmodels('y ~ day * arm', frame, **options):.2f}"
        name = f"random slope, individual days, {n:,} x 10"
        rows.append([name, seconds(lambda f=frame: slope.fit(f)), f"statsmodels MixedLM {theirs}"])
    quoted = {"100 x 10 x 5": "0.10", "20 x 50 x 5": "0.11", "50 x 20 x 8": "0.15",
              "6 x 417 x 3": "0.14"}  # fmt: skip
    nested = trd.LMM("y ~ week", random=NESTED)
    for sites, each, ratings in (
        (100, 10, 5),
        (20, 50, 5),
        (50, 20, 8),
        (100, 50, 10),
        (6, 417, 3),
    ):
        frame = registry(sites, each, ratings)
        lme4 = quoted.get(f"{sites} x {each} x {ratings}")
        rows.append([f"nested, {sites} sites x {each} x {ratings}",
                     seconds(lambda f=frame: nested.fit(f)),
                     f"lme4 {lme4} (quoted)" if lme4 else ""])  # fmt: skip
    crossed = trd.LMM("y ~ week", random=NESTED, crossed={"rater": "1"})
    frame = registry(20, 50, 5, raters=60)
    rows.append(["nested and crossed, 20 sites x 50 x 5, 60 raters",
                 seconds(lambda: crossed.fit(frame), 3), ""])  # fmt: skip
    serial = trd.LMM("y ~ week", residual="ar1")
    frame = registry(20, 50, 10)
    rows.append(["random intercept and AR(1), 1,000 x 10",
                 seconds(lambda: serial.fit(frame, visit="week"), 3), ""])  # fmt: skip
    header = ["model", "seconds", "version before", "peer"]
    cells = [[name, f"{own:.3f}", BEFORE.get(name, "refused"), peer] for name, own, peer in rows]
    return record.table(header, cells)


def growth() -> str:
    """Return seconds of 100 sites as their subjects double, and of more sites."""
    nested = trd.LMM("y ~ week", random=NESTED)
    rows = []
    for name, sizes in (
        ("subjects a site (100 sites, 10 visits)", [(100, k) for k in (25, 50, 100)]),
        ("sites (50 subjects, 10 visits)", [(k, 50) for k in (50, 100, 200)]),
        ("subjects of one of two sites (10 visits)", [(2, k) for k in (1_000, 2_000, 4_000)]),
    ):
        taken, n = [], []
        for sites, each in sizes:
            frame = registry(sites, each, 10)
            nested.fit(frame)
            taken.append(seconds(lambda f=frame: nested.fit(f), 3))
            n.append(len(frame))
        exponent = np.polyfit(np.log(n), np.log(taken), 1)[0]
        rows.append([name, ", ".join(f"{k:,}" for k in n), ", ".join(f"{t:.2f}" for t in taken),
                     f"{exponent:.2f}"])  # fmt: skip
    return record.table(["what grows", "ratings", "seconds", "exponent"], rows)


def main() -> None:
    note = (
        "Seconds of CPU of a whole fit from a frame with Satterthwaite's degrees of freedom, "
        "medians, one BLAS thread. statsmodels was timed in the same run and gives no degrees of "
        "freedom. Figures of lme4 are quoted from an earlier comparison on two cores, not "
        "measured here. statsmodels was not timed on nested "
        "effects: it forms the covariance of a site."
    )
    record.write(
        "registry", "Random effects of registries", "\n\n".join([models(), note, growth()])
    )


if __name__ == "__main__":
    main()
