"""Propensity weights and the errors that know of them, at the size of a registry.

Run: python benchmarks/comparison.py
Ten covariates, four treatments that depend on them, a binary outcome. Required: scores, entropy
balancing and the stacked variance of 100,000 subjects together under 5 s; `compare` on the sample
cohorts with 500 resamples on two cores under 60 s.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import record

import trdstats as trd

RESAMPLES = 500
SIZES = [1_000, 10_000, 100_000]
COVARIATES = [f"x{j}" for j in range(10)]
TREATMENTS = np.array(["ECT", "Esketamine", "TMS", "VNS"])


def cohorts(n: int) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(11)
    X = rng.normal(size=(n, len(COVARIATES)))
    X[:, 5:] = X[:, 5:] > 0.3
    pull = rng.normal(scale=0.25, size=(len(COVARIATES), len(TREATMENTS)))
    arm = (X @ pull + rng.gumbel(size=(n, len(TREATMENTS)))).argmax(axis=1)
    frame = pd.DataFrame(X, columns=COVARIATES).assign(
        subject=np.arange(n), treatment=pd.Categorical(TREATMENTS[arm])
    )
    return frame, (rng.random(n) < 0.3 + 0.05 * X[:, 0].clip(-2, 2)).astype(float)


def seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    begin = time.perf_counter()
    result = call()
    return time.perf_counter() - begin, result


def stacked_errors(fit: Any, frame: pd.DataFrame, y: np.ndarray) -> np.ndarray:
    """Return standard errors of the weighted rates of all treatments."""
    weights = fit.weights["weight"].to_numpy()
    direct = np.zeros((len(y), len(TREATMENTS)))
    for k, name in enumerate(TREATMENTS):
        mine = (frame["treatment"] == name).to_numpy()
        w = weights[mine]
        direct[mine, k] = w * (y[mine] - np.average(y[mine], weights=w)) / w.sum()
    influence = fit.subject_weights.among(frame["subject"]).stacked_influence(direct)
    return np.sqrt((influence**2).sum(axis=0))


def whole() -> tuple[int, float]:
    """Return the number of pairs of the sample cohorts and how long their comparison takes."""
    study = trd.load_sample("modalities")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        took, found = seconds(
            lambda: trd.compare(
                study,
                adjust="age + sex + failed_trials + chronic + baseline",
                n_boot=RESAMPLES,
                n_jobs=2,
            )
        )
    return len(found.comparability), took


def main() -> None:
    formula = " + ".join(COVARIATES)
    kinds = {
        "multinomial scores": trd.PropensityWeights(formula),
        "entropy balancing": trd.PropensityWeights(formula, estimand="entropy"),
        "balancing scores": trd.PropensityWeights(formula, method="balancing"),
    }
    small, _ = cohorts(200)
    for spec in kinds.values():
        spec.fit(small)  # imports are not what is measured here
    rows = []
    for n in SIZES:
        frame, y = cohorts(n)
        row = [f"{n:,}"]
        required = 0.0
        for name, spec in kinds.items():
            took, fit = seconds(lambda s=spec, f=frame: s.fit(f))
            stacked, _ = seconds(lambda r=fit, f=frame, v=y: stacked_errors(r, f, v))
            row += [f"{took:.2f}", f"{stacked:.2f}"]
            required += took + stacked if name != "balancing scores" else 0.0
            if name == "multinomial scores":
                balance, _ = seconds(fit.balance)
                overlap, _ = seconds(fit.overlap)
        rows.append([*row, f"{required:.2f}", f"{balance:.2f}", f"{overlap:.2f}"])
    header = ["subjects", "scores", "variance", "entropy", "variance", "balancing scores",
              "variance", "scores + entropy + variances", "balance()", "overlap()"]  # fmt: skip
    body = record.table(header, rows)
    pairs, took = whole()
    record.write(
        "comparison",
        "Comparison",
        f"Propensity weights:\n\n{body}\n\nSeconds, one run, 10 covariates.\n\n"
        f"`compare` on the eight sample cohorts, {pairs} pairs, four outcomes, {RESAMPLES} "
        f"resamples of the onset on two workers: {took:.0f} seconds.",
    )


if __name__ == "__main__":
    main()
