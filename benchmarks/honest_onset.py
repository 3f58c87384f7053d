"""Two arms with one true onset and unlike schedules: what is biased, and what holds its level.

Run: python benchmarks/honest_onset.py
Onset has the same distribution in both arms: 20 % never, the others exponential with mean 40 days.
Arm 1 is rated on days 1, 3, 7 and then weekly, arm 2 every four weeks or every quarter.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import record
from joblib import Parallel, delayed

import trdstats as trd

FloatArray = npt.NDArray[np.float64]
TRIALS, COVERED, BOOTSTRAPPED = 600, 2_000, 600
N, END, TAU = 100, 182.0, 168.0
NEVER, MEAN = 0.2, 40.0
DENSE = np.array([1.0, 3.0, *np.arange(7.0, END + 1, 7.0)])
SPARSE = {"every 4 weeks": np.arange(28.0, END + 1, 28.0), "quarterly": np.array([91.0, 182.0])}


def onsets(n: int, rng: np.random.Generator) -> FloatArray:
    return np.where(rng.random(n) < NEVER, np.inf, rng.exponential(MEAN, n))


def rated(onset: FloatArray, days: FloatArray, jitter: float, rng: np.random.Generator,
          arm: str) -> pd.DataFrame:  # fmt: skip
    """Return what visits on about those days show of onsets."""
    n = len(onset)
    visits = np.sort(days + rng.uniform(-jitter, jitter, (n, len(days))) * (days > 3), axis=1)
    place = (visits < onset[:, None]).sum(axis=1)
    ends = np.column_stack([np.zeros(n), visits, np.full(n, np.inf)])
    left, right = ends[np.arange(n), place], ends[np.arange(n), place + 1]
    seen = np.isfinite(right)
    time = np.where(seen, right, left)
    return pd.DataFrame({"treatment": arm, "left": left, "right": right, "time": time,
                         "status": seen.astype(int)})  # fmt: skip


def two_arms(seed: Any, sparse: FloatArray, sizes: tuple[int, int]) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    parts = [rated(onsets(sizes[0], rng), DENSE, 1.0, rng, "dense"),
             rated(onsets(sizes[1], rng), sparse, 5.0, rng, "sparse")]  # fmt: skip
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(subject=np.arange(len(frame)))


def one_trial(seed: Any, sparse: FloatArray, sizes: tuple[int, int]) -> dict[str, float]:
    """Return p values and differences, sparse less dense."""
    times = trd.EventTimes(two_arms(seed, sparse, sizes))
    means = trd.RMST(tau=TAU).fit(times).tidy().query("measure == 'difference'").iloc[0]
    fit = trd.Turnbull().fit(times)
    between = fit.restricted_mean(TAU).query("measure == 'difference'").iloc[0]
    medians = trd.KaplanMeier().fit(times).quantiles((0.5,))["estimate"]
    return {
        "LogRank": trd.LogRank().fit(times).glance()["p_value"].item(),
        "CoxPH": trd.CoxPH("treatment").fit(times).tidy()["p_value"].item(),
        "RMST": means["p_value"],
        "IntervalLogRank": trd.IntervalLogRank().fit(times).glance()["p_value"].item(),
        "IntervalPH": trd.IntervalPH("treatment").fit(times).tidy()["p_value"].item(),
        "AFT, Weibull": trd.AFT("treatment").fit(times).tidy()["p_value"].iloc[1],
        "median": float(medians.iloc[1] - medians.iloc[0]),
        "mean at visits": means["estimate"],
        "mean between": between["estimate"],
        "low": between["bound_low"],
        "high": between["bound_high"],
    }


TESTS = ("LogRank", "CoxPH", "RMST", "IntervalLogRank", "IntervalPH", "AFT, Weibull")


def level_tables() -> str:
    levels, biases = [], []
    for name, sparse in SPARSE.items():
        for sizes in ((100, 100), (150, 50)):
            seeds = np.random.SeedSequence([1, len(sparse), sizes[0]]).spawn(TRIALS)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                runs = Parallel(n_jobs=-1)(delayed(one_trial)(s, sparse, sizes) for s in seeds)
            table = pd.DataFrame(runs)
            share, mean = (table[list(TESTS)] < 0.05).mean(), table.mean()
            label = f"weekly v {name}, {sizes[0]} v {sizes[1]}"
            levels.append([label, *(f"{share[t]:.3f}" for t in TESTS)])
            if sizes[0] == sizes[1]:
                biases.append(
                    [label, f"{mean['median']:+.1f}", f"{mean['mean at visits']:+.1f}",
                     f"{mean['mean between']:+.1f}", f"{mean['low']:+.1f} to {mean['high']:+.1f}",
                     f"{((table['low'] <= 0) & (table['high'] >= 0)).mean():.2f}"]
                )  # fmt: skip
    error = (0.05 * 0.95 / TRIALS) ** 0.5
    return (
        f"Share of {TRIALS:,} trials without a difference in which a test finds one at 5 %; Monte "
        f"Carlo error {error:.3f}.\n\n"
        + record.table(["schedules, sizes", *TESTS], levels)
        + "\n\nMean differences in days, sparse less dense; the truth is 0.\n\n"
        + record.table(["schedules", "KM median", "RMST at visits", "Turnbull mean, middle",
                        "Turnbull mean, bounds", "bounds hold 0"], biases)
    )  # fmt: skip


def incidence(day: float) -> float:
    return (1 - NEVER) * (1 - np.exp(-day / MEAN))


def restricted(tau: float) -> float:
    return tau - (1 - NEVER) * (tau - MEAN * (1 - np.exp(-tau / MEAN)))


def exact(seed: Any) -> dict[str, bool]:
    """Return whether intervals of exactly dated, censored times hold the truth."""
    rng = np.random.default_rng(seed)
    parts = []
    for arm in ("a", "b"):
        onset, end = onsets(N, rng), np.minimum(rng.exponential(300, N), END)
        parts.append(pd.DataFrame({"treatment": arm, "time": np.minimum(onset, end),
                                   "status": (onset <= end).astype(int)}))  # fmt: skip
    frame = pd.concat(parts, ignore_index=True)
    times = trd.EventTimes(frame.assign(subject=np.arange(len(frame))))
    means = trd.RMST(tau=84).fit(times).tidy().set_index("measure")
    curve = trd.KaplanMeier().fit(times).at([42.0]).iloc[0]
    one = means.loc["restricted mean"].iloc[0]
    gap, ratio = means.loc["difference"], means.loc["ratio"]
    return {
        "RMST to 84": holds(one, restricted(84.0)),
        "RMST difference": holds(gap, 0.0),
        "RMST ratio": holds(ratio, 1.0),
        "Kaplan-Meier at day 42, log-log": holds(curve, 1 - incidence(42.0)),
    }


def holds(row: Any, truth: float) -> bool:
    return bool(row["conf_low"] <= truth <= row["conf_high"])


def bootstrapped(seed: Any) -> dict[str, bool]:
    """Return whether Turnbull's bootstrap limits hold the incidence at a day all were rated."""
    rng = np.random.default_rng(seed)
    frame = rated(onsets(N, rng), np.arange(14.0, END + 1, 14.0), 0.0, rng, "a")
    times = trd.EventTimes(frame.assign(subject=np.arange(N)))
    fit = trd.Turnbull(n_boot=200, seed=int(rng.integers(2**31))).fit(times)
    at = fit.at([42.0]).iloc[0]
    mean = fit.restricted_mean(84.0).iloc[0]
    return {
        "Turnbull at day 42, rated every 14 days": holds(at, incidence(42.0)),
        "Turnbull mean to 84 (limits cover the bounds)": holds(mean, restricted(84.0)),
    }


def histories(seed: Any) -> dict[str, bool]:
    """Return whether intervals of in-response probabilities and days hold the truth."""
    rng = np.random.default_rng(seed)
    onset, kept = onsets(N, rng), rng.exponential(90.0, N)
    end = np.minimum(rng.exponential(300, N), END)
    rows = []
    for i in range(N):
        came, lost = onset[i], onset[i] + kept[i]
        if came >= end[i]:
            rows.append((i, 0.0, end[i], "not responding", "censored"))
            continue
        rows.append((i, 0.0, came, "not responding", "in response"))
        gone = lost < end[i]
        rows.append((i, came, min(lost, end[i]), "in response", "relapsed" if gone else "censored"))
    frame = pd.DataFrame(rows, columns=["subject", "start", "stop", "state", "to"])
    history = trd.ResponseHistory(frame.assign(treatment="a"))
    fit = trd.ResponseState(tau=84.0).fit(history)
    at = fit.at([60.0]).query("state == 'in response'").iloc[0]
    days = fit.mean_days().query("state == 'in response' and measure == 'mean days'").iloc[0]
    grid = np.linspace(0, 84, 8401)
    share = (1 - NEVER) * 90 / (90 - MEAN) * (np.exp(-grid / 90) - np.exp(-grid / MEAN))
    return {
        "ResponseState, in response on day 60": holds(at, float(share[6000])),
        "ResponseState, mean days in response to 84": holds(days, float(np.trapezoid(share, grid))),
    }


def coverage_table() -> str:
    rows = []
    for what, runs in ((exact, COVERED), (histories, COVERED), (bootstrapped, BOOTSTRAPPED)):
        seeds = np.random.SeedSequence([2, runs]).spawn(runs)
        found = pd.DataFrame(Parallel(n_jobs=-1)(delayed(what)(s) for s in seeds))
        for name, share in found.mean().items():
            error = (0.95 * 0.05 / runs) ** 0.5
            rows.append([str(name), f"{share:.3f}", f"{error:.3f}", f"{runs:,}"])
    header = ["interval, nominal 95 %", "coverage", "MC error", "samples"]
    return f"Coverage at n = {N} an arm.\n\n" + record.table(header, rows)


def main() -> None:
    record.write("honest_onset", "Onset and unlike schedules",
                 level_tables() + "\n\n" + coverage_table())  # fmt: skip


if __name__ == "__main__":
    main()
