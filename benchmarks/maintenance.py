"""Strategies of a maintenance treatment that is decided by the last score.

Lithium is continued, stopped and started again by the score of the visit
(`trdstats.simulate.maintenance`); the truth is what happens when a regimen is imposed. Compared are
cloned subjects censored where they leave a strategy: without weights for the decisions (crude),
weighted by the first score only (baseline-adjusted), and by the last score (as decided); and the
hazard ratio of a marginal structural Cox model beside a crude one. Then the time of a large run.

Run: python benchmarks/maintenance.py [replicates]
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
from trdstats.simulate.changing.maintenance import true_relapse

N, TAU, BOOT = 2_000, 168.0, 200
STRATEGIES = {
    "always": trd.Continue(TAU), "never": trd.Discontinue(),
    "until remission": trd.ContinueUntil("remission"),
}  # fmt: skip
MODELS = {"crude": "start", "baseline-adjusted": "baseline + start", "last score": "score + start"}


def truth() -> dict[str, float]:
    at = {}
    for name in STRATEGIES:
        days, p = true_relapse(name)  # type: ignore[arg-type]
        at[name] = float(p[days == TAU][0])
    return at


def replicate(seed: int) -> list[tuple[str, str, float, float, float]]:
    """Return method, quantity, estimate and limits of one cohort."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = trd.simulate.maintenance(N, seed=1_000_000 + seed)
        decisions = trd.decision_intervals(
            study, trd.Relapse(22), "lithium", step=28,
            covariates={"score": "score", "remission": trd.Remission(6)},
        )  # fmt: skip
        for method, model in MODELS.items():
            spec = trd.CloneCensorWeight(STRATEGIES, model, tau=TAU, n_boot=BOOT, seed=seed,
                                         reference="never")  # fmt: skip
            table = spec.fit(decisions).tidy()
            for row in table[table["measure"].str.contains("incidence")].itertuples():
                what = f"{row.strategy}{' less never' if row.reference else ''}"
                found.append((method, what, row.estimate, row.conf_low, row.conf_high))
    return found


def speed() -> str:
    """Return the time of 5,000 subjects, 30 decisions, 3 strategies and 200 replicates."""
    rng = np.random.default_rng(1)
    n, k = 5_000, 30
    score = np.clip(10 + 4 * rng.standard_normal((n, 1)) + 3 * rng.standard_normal((n, k)), 0, 60)
    on = rng.random((n, k)) < 1 / (1 + np.exp(-(2.5 + 0.1 * (score - 10))))
    event = rng.random((n, k)) < 0.01 * np.exp(0.1 * (score - 10) - 0.6 * on)
    last = np.where(event.any(axis=1), event.argmax(axis=1), k - 1)
    inside = np.arange(k) <= last[:, None]
    frame = pd.DataFrame(
        {"subject": np.repeat(np.arange(n), k), "start": np.tile(28.0 * np.arange(k), n),
         "status": event.ravel().astype(int), "on": on.ravel().astype(int),
         "previous": np.hstack([np.ones((n, 1), dtype=int), on[:, :-1]]).ravel(),
         "score": score.ravel(), "remission": (score.ravel() <= 6).astype(int)}
    )[inside.ravel()]  # fmt: skip
    decisions = trd.Decisions(frame.assign(stop=frame["start"] + 28.0))
    strategies = {"always": trd.Continue(168), "never": trd.Discontinue(grace=56),
                  "until remission": trd.ContinueUntil("remission", grace=28)}  # fmt: skip
    spec = trd.CloneCensorWeight(strategies, "score + start", tau=168, n_boot=200, n_jobs=2)
    begin = time.perf_counter()
    spec.fit(decisions)
    return (
        f"{n:,} subjects, {len(frame):,} decisions, {len(strategies)} strategies, 200 replicates "
        f"on two workers: {time.perf_counter() - begin:.1f} s."
    )


def main() -> None:
    reps = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    fast = speed()
    begin = time.perf_counter()
    parts = Parallel(n_jobs=-1)(delayed(replicate)(seed) for seed in range(reps))
    columns = ["method", "what", "estimate", "low", "high"]
    table = pd.DataFrame([row for part in parts for row in part], columns=columns)
    true = truth()
    rows = []
    for (method, what), part in table.groupby(["method", "what"], sort=False):
        name = str(what)
        value = true[name.removesuffix(" less never")]
        value -= true["never"] if name.endswith(" less never") else 0.0
        covered = ((part["low"] <= value) & (value <= part["high"])).mean()
        rows.append(
            [str(method), name, f"{value:.4f}", f"{part['estimate'].mean() - value:+.4f}",
             f"{part['estimate'].std() / np.sqrt(reps):.4f}", f"{covered:.3f}"]
        )  # fmt: skip
    header = ["method", "relapse by day 168", "truth", "bias", "its Monte Carlo error", "coverage"]
    note = (
        f"{reps:,} cohorts of {N} subjects; {BOOT} bootstrap replicates. Monte Carlo error of a "
        f"coverage {np.sqrt(0.95 * 0.05 / reps):.3f}. {time.perf_counter() - begin:.0f} s."
    )
    title = "Strategies of a maintenance treatment"
    record.write("maintenance", title, record.table(header, rows) + f"\n\n{note}\n\n{fast}")


if __name__ == "__main__":
    main()
