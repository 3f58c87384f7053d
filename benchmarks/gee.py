"""Speed of estimating equations beside statsmodels, on the same rows in one run.

Run: python benchmarks/gee.py
Seconds of processor time from a frame to a table of effects with robust errors. R's geepack is
not part of it: it runs where R is installed.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import record
import statsmodels.api as sm
import statsmodels.formula.api as smf

import trdstats as trd

SIZES = (100, 1_000, 10_000)
VISITS = 10
MOST_OF_STATSMODELS = 1_000


def made(n: int) -> pd.DataFrame:
    """Return n subjects with ten visits, a tenth of them missed."""
    rng = np.random.default_rng(1)
    subject = np.repeat(np.arange(n), VISITS)
    frame = pd.DataFrame({"subject": subject, "visit": np.tile(np.arange(VISITS), n)})
    frame["treatment"] = np.where(subject % 2 == 1, "ECT", "TMS")
    frame["baseline"] = np.repeat(rng.normal(34, 5, n), VISITS)
    u = np.repeat(rng.normal(0, 1.5, n), VISITS)
    eta = -2 + 0.15 * frame["visit"] + 0.5 * (subject % 2) + u
    frame["y"] = (rng.random(len(frame)) < 1 / (1 + np.exp(-eta))) * 1
    return frame[rng.random(len(frame)) > 0.1].reset_index(drop=True)


def seconds(work: Callable[[], object], repeats: int) -> float:
    best = np.inf
    for _ in range(repeats):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def theirs(frame: pd.DataFrame, structure: object) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = smf.gee(
            "y ~ treatment * C(visit) + baseline", "subject", frame,
            family=sm.families.Binomial(), cov_struct=structure, time=frame["visit"],
        )  # fmt: skip
        return model.fit().summary()


def main() -> None:
    structures = {
        "independence": sm.cov_struct.Independence,
        "exchangeable": sm.cov_struct.Exchangeable,
        "ar1": partial(sm.cov_struct.Autoregressive, grid=True),
        "unstructured": sm.cov_struct.Unstructured,
    }
    rows = []
    formula = "y ~ treatment * visit + baseline"
    for n in SIZES:
        frame = made(n)
        for corr, structure in structures.items():
            own = seconds(lambda c=corr, f=frame: trd.GEE(formula, corr=c).fit(f).tidy(), 3)
            other = "-"
            if n <= MOST_OF_STATSMODELS:
                other = f"{seconds(lambda s=structure, f=frame: theirs(f, s()), 2):.2f}"
            rows.append([f"{n:,} x {VISITS}", corr, f"{own:.3f}", other])
        margins = trd.GEE(formula).fit(frame)
        spent = seconds(lambda m=margins: m.margins("treatment", by="visit").contrasts(), 2)
        rows.append([f"{n:,} x {VISITS}", "margins over the subjects", f"{spent:.3f}", "-"])
    header = ["subjects x visits", "working correlation", "trdstats, s", "statsmodels, s"]
    body = (
        record.table(header, rows)
        + "\n\nProcessor time of one core, best of two or three, formula to table of effects. Both "
        "solve the same equations under independence; their moments of the other correlations "
        "differ. geepack is not part of it: there is no R on this machine."
    )
    record.write("gee", "Estimating equations: speed", body)


if __name__ == "__main__":
    main()
