"""Bias and coverage of imputation under two truths about those who leave.

Two arms of 80, four visits, dropout that depends on the last observed change: the worse under
the reference, the better under treatment (which biases those who stay). Truth "missing at random":
the estimand is the difference had nobody left. Truth "jump to reference": after dropout patients
go on as under the reference; the estimand is the difference in what then happens to everybody.

Run: python benchmarks/imputation_simulation.py [replicates]
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np
import pandas as pd
import record
from joblib import Parallel, delayed

from trdstats.errors import EstimateWarning
from trdstats.imputation import (
    ANCOVA,
    MAR,
    ApproximateBayes,
    Bayesian,
    ConditionalMean,
    Imputation,
    JumpToReference,
)

PER_ARM = 80
MEANS = {
    "reference": np.array([-3.0, -5.0, -7.0, -9.0]),
    "drug": np.array([-4.0, -7.0, -10.0, -12.0]),
}
SD = np.array([5.0, 6.0, 7.0, 8.0])
SIGMA = np.outer(SD, SD) * 0.7 ** np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
PULL = {"reference": 0.16, "drug": -0.12}  # log odds of leaving for each point of the last change
DAYS = [7.0, 14.0, 28.0, 42.0]
DRAWS = 100


def whole_trial(rng: np.random.Generator, n: int, arm: str) -> tuple[np.ndarray, ...]:
    """Return baseline, change had nobody left, change under jump to reference, visits rated."""
    base = rng.normal(30, 4, n)
    mean = MEANS[arm] - 0.3 * (base - 30)[:, None]
    residual = rng.standard_normal((n, 4)) @ np.linalg.cholesky(SIGMA).T
    change = mean + residual
    rated = np.full(n, 4)
    for t in range(1, 4):
        last = change[:, t - 1] - MEANS[arm][t - 1]
        odds = -2.0 + PULL[arm] * last
        leaves = (rng.random(n) < 1 / (1 + np.exp(-odds))) & (rated == 4)
        rated[leaves] = t
    # Under one covariance for all, a jump to reference moves the mean and keeps the residual.
    after = np.arange(4) >= rated[:, None]
    jumped = np.where(after, change - MEANS[arm] + MEANS["reference"], change)
    return base, change, jumped, rated


def truth_of_jump() -> float:
    """Return the difference at the last visit under jump to reference, from a million a side."""
    rng = np.random.default_rng(7)
    _, _, drug, _ = whole_trial(rng, 1_000_000, "drug")
    return float(drug[:, 3].mean() - MEANS["reference"][3])


def observed_trial(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng((20261123, seed))
    parts, events = [], []
    for k, arm in enumerate(("reference", "drug")):
        base, change, _, rated = whole_trial(rng, PER_ARM, arm)
        subject = 1000 * k + np.arange(PER_ARM)
        seen = np.where(np.arange(4) < rated[:, None], change, np.nan)
        parts.append(
            pd.DataFrame(
                {
                    "subject": np.repeat(subject, 4),
                    "treatment": arm,
                    "visit": np.tile(DAYS, PER_ARM),
                    "baseline": np.repeat(base, 4),
                    "change": seen.ravel(),
                }
            )
        )
        left = np.flatnonzero(rated < 4)
        events.append(
            pd.DataFrame({"subject": subject[left], "visit": np.array(DAYS)[rated[left]],
                          "reason": "dropout"})
        )  # fmt: skip
    frame = pd.concat(parts, ignore_index=True)
    levels = ["reference", "drug"]
    frame["treatment"] = pd.Categorical(frame["treatment"], categories=levels)
    return frame, pd.concat(events, ignore_index=True)


def replicate(seed: int) -> list[tuple[str, str, float, float, float, float]]:
    """Return truth, method, estimate, error and limits of one trial."""
    frame, events = observed_trial(seed)
    found = [("missing at random", "complete cases", *complete_cases(frame))]
    methods = {
        "conditional mean, jackknife": ConditionalMean("jackknife"),
        "approximate Bayes, Rubin": ApproximateBayes(DRAWS, seed=seed),
        "Bayes, Rubin": Bayesian(DRAWS, seed=seed, thin=4),
    }
    analysis = ANCOVA("baseline", visits=[DAYS[-1]])
    truths = {
        "missing at random": MAR(),
        "jump to reference": JumpToReference("reference"),
    }
    for label, method in methods.items():
        spec = Imputation("change ~ baseline * visit + treatment * visit", method=method)
        with warnings.catch_warnings():
            # Few kept draws make R-hat of one of many parameters pass 1.05 now and then.
            warnings.simplefilter("ignore", EstimateWarning)
            draws = spec.draw(frame, events)
        for truth, strategy in truths.items():
            row = draws.impute(strategy).analyse(analysis).pool().tidy().iloc[-1]
            found.append(
                (truth, label, row["estimate"], row["std_error"], row["conf_low"], row["conf_high"])
            )
    return found


def complete_cases(frame: pd.DataFrame) -> tuple[float, float, float, float]:
    last = frame[(frame["visit"] == DAYS[-1]) & frame["change"].notna()]
    fit = Imputation("change ~ baseline + treatment")
    row = fit.draw(last).impute().analyse(ANCOVA("baseline")).pool().tidy().iloc[-1]
    return row["estimate"], row["std_error"], row["conf_low"], row["conf_high"]


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    begin = time.perf_counter()
    parts = Parallel(n_jobs=-1)(delayed(replicate)(seed) for seed in range(n))
    columns = ["truth", "method", "estimate", "std_error", "low", "high"]
    table = pd.DataFrame([row for part in parts for row in part], columns=columns)
    truth = {
        "missing at random": float(MEANS["drug"][3] - MEANS["reference"][3]),
        "jump to reference": truth_of_jump(),
    }
    rows = []
    for (name, method), own in table.groupby(["truth", "method"], sort=False):
        value = truth[name]
        covered = ((own["low"] <= value) & (value <= own["high"])).mean()
        rows.append(
            [
                name, method, f"{value:.3f}", f"{own['estimate'].mean() - value:+.3f}",
                f"{own['estimate'].std() / np.sqrt(n):.3f}", f"{own['estimate'].std():.3f}",
                f"{np.sqrt((own['std_error'] ** 2).mean()):.3f}", f"{covered:.3f}",
            ]
        )  # fmt: skip
    header = ["truth", "method", "estimand", "bias", "its Monte Carlo error", "SD of estimates",
              "root mean squared SE", "coverage of 95 % intervals"]  # fmt: skip
    frame, _ = observed_trial(0)
    share = frame.loc[frame["visit"] == DAYS[-1], "change"].isna().mean()
    note = (
        f"{n:,} trials of {2 * PER_ARM} subjects and four visits, about {100 * share:.0f} % gone "
        f"by the last; difference in change at day {DAYS[-1]:g}. {DRAWS} draws for each of the "
        f"Bayesian methods. Monte Carlo error of a coverage {np.sqrt(0.95 * 0.05 / n):.3f}. "
        f"{time.perf_counter() - begin:.0f} s."
    )
    record.write(
        "imputation_simulation", "Imputation in simulated trials",
        record.table(header, rows) + "\n\n" + note,
    )  # fmt: skip


if __name__ == "__main__":
    main()
