"""Durations of response in cohorts seen weekly and quarterly, whose truth is the same.

Response comes after an exponential time and lasts a Weibull time; visits find it where it holds.
Two cohorts differ in their schedule only. A log-rank test and Cox regression of visit-dated
durations are compared with those that let start and end lie between visits.

Run: python benchmarks/durability_between_visits.py [replicates]
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np
import pandas as pd
import record
from joblib import Parallel, delayed

import trdstats as trd

PER_COHORT = 150
UNTIL = 546
ONSET, MEAN, SHAPE = 35.0, 180.0, 1.2
RESPOND = 0.75  # proportion that ever responds
AT = 182.0
BOOT = 60


def cohort(rng: np.random.Generator, name: str, gap: int, ratio: float = 1.0) -> pd.DataFrame:
    """Return response and loss of every subject as its visits see them."""
    n = PER_COHORT
    begins = np.where(rng.random(n) < RESPOND, rng.exponential(ONSET, n), np.inf)
    ends = begins + MEAN * ratio * rng.weibull(SHAPE, n)
    last = rng.choice([UNTIL // 2, UNTIL], n, p=[0.2, 0.8])
    visits = np.arange(0, UNTIL + 1, gap, dtype=float)
    rows = []
    for i in range(n):
        days = visits[visits <= last[i]]
        holds = (days >= begins[i]) & (days < ends[i])
        row = {"subject": f"{name}{i}", "treatment": name}
        if not holds.any():
            rows.append({**row, "left": days[-1], "right": np.inf, "time": days[-1], "status": 0})
            continue
        first = int(np.argmax(holds))
        row |= {"left": days[max(first - 1, 0)], "right": days[first], "time": days[first],
                "status": 1}  # fmt: skip
        after = holds[first:]
        stop = len(after) if after.all() else int(np.argmin(after))
        row["last_with"] = days[first + stop - 1]
        row["first_without"] = days[first + stop] if stop < len(after) else np.inf
        rows.append(row)
    return pd.DataFrame(rows)


def as_times(frame: pd.DataFrame) -> tuple[trd.EventTimes, trd.EventTimes]:
    """Return onset of all, and durations of those who responded."""
    onset = trd.EventTimes(
        frame[["subject", "treatment", "left", "right", "time", "status"]], outcome="response"
    )
    found = frame[(frame["status"] == 1) & (frame["right"] > 0)]
    lost = np.isfinite(found["first_without"])
    left = found["last_with"] - found["right"]
    right = found["first_without"] - found["right"]
    durations = pd.DataFrame(
        {"subject": found["subject"], "treatment": found["treatment"], "left": left,
         "right": right, "time": np.where(lost, right, left), "status": lost.astype(int),
         "origin_gap": found["right"] - found["left"]}
    )  # fmt: skip
    return onset, trd.EventTimes(durations, outcome="loss of response", origin="response")


def replicate(seed: int) -> list[tuple[str, float, float, float]]:
    """Return method, p value or estimate, and limits of one pair of cohorts."""
    rng = np.random.default_rng((20261128, seed))
    frame = pd.concat([cohort(rng, "A", 7), cohort(rng, "B", 91)], ignore_index=True)
    onset, dated = as_times(frame)
    found: list[tuple[str, float, float, float]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found.append(("log-rank, visit-dated", trd.LogRank().fit(dated).glance()["p_value"].item(),
                      np.nan, np.nan))  # fmt: skip
        both = trd.DoublyCensored(dated, onset=onset)
        test = trd.DurationTest().fit(both).glance()["p_value"].item()
        found.append(("score test, doubly censored", test, np.nan, np.nan))
        for name, row in (
            ("Cox, visit-dated", trd.CoxPH("treatment").fit(dated).tidy().iloc[0]),
            ("DurationPH", trd.DurationPH("treatment").fit(both).tidy().iloc[0]),
        ):
            found.append((name, row["estimate"], row["conf_low"], row["conf_high"]))
        model = trd.AFT("treatment", "weibull").fit(both)
        for row in model.marginal(days=[AT]).tidy().query("measure == 'survival'").itertuples():
            name = f"AFT, survival at {AT:g}, {row.treatment}"
            found.append((name, row.estimate, row.conf_low, row.conf_high))
        for row in trd.DurationCurve().fit(both).at([AT]).itertuples():
            name = f"DurationCurve at {AT:g}, {row.treatment}"
            found.append((name, row.estimate, row.conf_low, row.conf_high))
        for row in trd.KaplanMeier().fit(dated).at([AT]).itertuples():
            name = f"Kaplan-Meier, visit-dated, at {AT:g}, {row.treatment}"
            found.append((name, 1 - row.estimate, 1 - row.conf_high, 1 - row.conf_low))
        if seed % 40 == 0:
            weekly = trd.DoublyCensored(dated.only(["A"]), onset=onset.only(["A"]))
            row = trd.DurationNPMLE(n_boot=BOOT, seed=seed).fit(weekly).at([AT]).iloc[0]
            name = f"DurationNPMLE at {AT:g}, A"
            found.append((name, row["estimate"], row["conf_low"], row["conf_high"]))
    return found


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    begin = time.perf_counter()
    parts = Parallel(n_jobs=-1)(delayed(replicate)(seed) for seed in range(n))
    table = pd.DataFrame(
        [row for part in parts for row in part], columns=["method", "value", "low", "high"]
    )
    survival = float(np.exp(-((AT / MEAN) ** SHAPE)))
    tests, estimates = [], []
    for method, own in table.groupby("method", sort=False):
        name, k = str(method), len(own)
        if own["low"].isna().all():
            rejects = (own["value"] < 0.05).mean()
            error = np.sqrt(rejects * (1 - rejects) / k)
            tests.append([name, str(k), f"{rejects:.3f}", f"{error:.3f}"])
            continue
        truth = 0.0
        if "survival" in name:
            truth = survival
        elif "at" in name and "Cox" not in name and "PH" not in name:
            truth = 1 - survival
        covered = ((own["low"] <= truth) & (truth <= own["high"])).mean()
        estimates.append(
            [name, str(k), f"{truth:.3f}", f"{own['value'].mean() - truth:+.4f}",
             f"{own['value'].std() / np.sqrt(k):.4f}", f"{covered:.3f}"]
        )  # fmt: skip
    shown = record.table(["test", "replicates", "rejects at 5 %", "Monte Carlo error"], tests)
    shown += "\n\n" + record.table(
        ["estimate", "replicates", "truth", "bias", "its Monte Carlo error", "coverage"], estimates
    )
    note = (
        f"{PER_COHORT} subjects a cohort, A seen every 7 days and B every 91, over {UNTIL} days; "
        f"{100 * RESPOND:.0f} % respond, after {ONSET:g} days on average, for a Weibull time of "
        f"scale {MEAN:g} and shape {SHAPE:g}. Hazard ratios as logs; {BOOT} bootstrap replicates. "
        f"{time.perf_counter() - begin:.0f} s."
    )
    title = "Durations of response seen weekly and quarterly"
    record.write("durability_between_visits", title, shown + "\n\n" + note)


if __name__ == "__main__":
    main()
