"""Bias and coverage of imputed responses where those without a response leave.

Two arms, four visits, response at each from a logistic model with a normal intercept of each
subject. A subject leaves with a probability that depends on its last observed response: missing at
random, while those who stay respond more often. The estimands are the difference in proportions
and the odds ratio at the last visit had nobody left; compared are those observed then, counting
the missing as no responders, and imputation by the GLMM, pooled by Rubin's rules.

Run: python benchmarks/rating_imputation_simulation.py [replicates]
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd
import record
from joblib import Parallel, delayed

import trdstats as trd

PER_ARM = 100
DAYS = [7, 14, 21, 28]
LEVEL = np.array([-1.6, -1.0, -0.6, -0.3])
EFFECT = np.array([0.9, 0.9, 0.8, 0.8])  # log odds ratios of a subject
SPREAD = 2.0
LEAVES = {"P": (0.28, 0.06), "K": (0.14, 0.06)}  # without and with a response at the last visit
DRAWS = 30


def responses(rng: np.random.Generator, n: int, arm: str) -> np.ndarray:
    """Return the responses of everybody at every visit."""
    eta = LEVEL + EFFECT * (arm == "K") + SPREAD * rng.standard_normal((n, 1))
    return (rng.random((n, len(DAYS))) < 1 / (1 + np.exp(-eta))).astype(float)


def truth() -> dict[str, float]:
    """Return the estimands, from two million a side."""
    rng = np.random.default_rng(5)
    p = {arm: responses(rng, 2_000_000, arm)[:, -1].mean() for arm in ("P", "K")}
    odds = {arm: q / (1 - q) for arm, q in p.items()}
    return {"difference": p["K"] - p["P"], "odds ratio": np.log(odds["K"] / odds["P"])}


def trial(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng((20261128, seed))
    parts = []
    for k, arm in enumerate(("P", "K")):
        y = responses(rng, PER_ARM, arm)
        without, with_one = LEAVES[arm]
        chance = np.where(y[:, :-1] == 0, without, with_one)
        gone = np.cumsum(rng.random(chance.shape) < chance, axis=1) > 0
        y[:, 1:][gone] = np.nan
        who = np.repeat(k * PER_ARM + np.arange(PER_ARM), len(DAYS))
        parts.append(
            pd.DataFrame({"subject": who, "treatment": arm, "visit": np.tile(DAYS, PER_ARM),
                          "response": y.ravel()})
        )  # fmt: skip
    frame = pd.concat(parts, ignore_index=True)
    frame["treatment"] = pd.Categorical(frame["treatment"], categories=["P", "K"])
    return frame


def compare(met: pd.Series, arm: pd.Series) -> list[tuple[str, float, float]]:
    """Return difference and log odds ratio with their large-sample errors."""
    table = met.groupby(arm, observed=True).agg(["sum", "size"])
    x, n = table["sum"].to_numpy(), table["size"].to_numpy()
    p = x / n
    odds = np.log(x / (n - x))
    return [
        ("difference", p[1] - p[0], float(np.sqrt((p * (1 - p) / n).sum()))),
        ("odds ratio", odds[1] - odds[0], float(np.sqrt((1 / x + 1 / (n - x)).sum()))),
    ]


def replicate(seed: int) -> list[tuple[str, str, float, float, float, float]]:
    """Return measure, method, estimate, error and limits of one trial."""
    frame = trial(seed)
    last = frame[frame["visit"] == DAYS[-1]]
    seen = last.dropna()
    found = []
    for method, rows in (
        ("those observed", seen),
        ("missing as no response", last.fillna({"response": 0.0})),
    ):
        for measure, value, error in compare(rows["response"], rows["treatment"]):
            limits = value - 1.96 * error, value + 1.96 * error
            found.append((measure, method, value, error, *limits))
    spec = trd.GLMMImputation(trd.GLMM("response ~ treatment * visit"), n=DRAWS, seed=seed)
    pooled = spec.draw(frame).impute().analyse(trd.VisitRates(visits=[DAYS[-1]])).pool().tidy()
    for row in pooled.to_dict("records"):
        if row["measure"] in ("difference", "odds ratio"):
            numbers = np.array([row["estimate"], row["conf_low"], row["conf_high"]])
            value, low, high = numbers if row["measure"] == "difference" else np.log(numbers)
            found.append((row["measure"], "GLMM, Rubin", value, row["std_error"], low, high))
    return found


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    begin = time.perf_counter()
    parts = Parallel(n_jobs=-1)(delayed(replicate)(seed) for seed in range(n))
    columns = ["measure", "method", "estimate", "std_error", "low", "high"]
    table = pd.DataFrame([row for part in parts for row in part], columns=columns)
    true = truth()
    rows = []
    for (measure, method), own in table.groupby(["measure", "method"], sort=False):
        value = true[str(measure)]
        covered = ((own["low"] <= value) & (value <= own["high"])).mean()
        rows.append(
            [
                str(measure), str(method), f"{value:.4f}", f"{own['estimate'].mean() - value:+.4f}",
                f"{own['estimate'].std() / np.sqrt(n):.4f}", f"{own['estimate'].std():.4f}",
                f"{np.sqrt((own['std_error'] ** 2).mean()):.4f}", f"{covered:.3f}",
            ]
        )  # fmt: skip
    header = ["measure", "method", "estimand", "bias", "its Monte Carlo error", "SD of estimates",
              "root mean squared SE", "coverage of 95 % intervals"]  # fmt: skip
    gone = trial(0).query(f"visit == {DAYS[-1]}")["response"].isna().mean()
    note = (
        f"{n:,} trials of {2 * PER_ARM} subjects and {len(DAYS)} visits, about {100 * gone:.0f} % "
        f"gone by the last; odds ratios as logs. {DRAWS} draws. Monte Carlo error of a coverage "
        f"{np.sqrt(0.95 * 0.05 / n):.3f}. {time.perf_counter() - begin:.0f} s."
    )
    record.write(
        "rating_imputation_simulation", "Imputed responses in simulated trials",
        record.table(header, rows) + "\n\n" + note,
    )  # fmt: skip


if __name__ == "__main__":
    main()
