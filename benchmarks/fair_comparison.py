"""Crude and adjusted comparisons where the truth is known.

Run: python benchmarks/fair_comparison.py
Patients are referred to ketamine by severity, and the severe respond less. The truth is what a
trial of a million patients of the same population finds, weighted to the population of the
estimand.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import record
from joblib import Parallel, delayed

import trdstats as trd
from trdstats.simulate import simulate_referral

STUDIES = 1_000
PARTS, PART = 50, 20_000  # of the trial that gives the truth
DAY, TAU = 28.0, 84.0
COVARIATES = "age + sex + failed_trials + chronic + baseline"
SCENARIOS = {"moderate referral": 0.7, "strong referral": 1.3}
OUTCOMES = ("rate at day 28 (points)", "days in response to 84", "mean days to response to 84")


def study_of(seed: int, n: int, referral: float, randomised: bool) -> trd.Study:
    sample = simulate_referral(seed, n=n, referral=referral, randomised=randomised)
    windows = {t: {28: 3} for t in ("TMS", "IV ketamine")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return trd.Study(sample.visits, sample.subjects, sample.events, scale="MADRS",
                         score="madrs", windows=windows, randomised=randomised)  # fmt: skip


def contrasts(study: trd.Study, weights: Any) -> list[tuple[float, float, float, float]]:
    """Return estimate, error and limits of TMS less ketamine for every outcome."""
    rates = trd.rates(study, trd.Response(), day=DAY, reference="IV ketamine", weights=weights)
    gap = rates.tidy().query("measure == 'difference'").iloc[0]
    rows = [tuple(100 * gap[c] for c in ("estimate", "std_error", "conf_low", "conf_high"))]
    history = trd.response_history(study, trd.Response(), trd.LossOfResponse(below=0.4))
    states = trd.ResponseState(tau=TAU, reference="IV ketamine").fit(history, weights=weights)
    days = states.mean_days().query("measure == 'difference' and state == 'in response'").iloc[0]
    onset = trd.time_to(study, trd.Response())
    means = trd.RMST(tau=TAU, reference="IV ketamine").fit(onset, weights=weights).tidy()
    mean = means.query("measure == 'difference'").iloc[0]
    for row in (days, mean):
        rows.append(tuple(row[c] for c in ("estimate", "std_error", "conf_low", "conf_high")))
    return rows  # type: ignore[return-value]


def part_of_truth(part: int, referral: float) -> dict[str, list[float]]:
    """Return the contrasts of a part of the trial, for all and for the overlap population."""
    big = study_of(90_000 + part, PART, referral, randomised=True)
    chance = big.subjects["chance"]
    tilt = {"ate": np.ones(len(chance)), "overlap": chance * (1 - chance)}
    found = {}
    for name, weight in tilt.items():
        frame = pd.DataFrame({"subject": big.subjects["subject"], "weight": weight})
        found[name] = [row[0] for row in contrasts(big, frame)]
    return found


def truth_of(referral: float) -> dict[str, list[float]]:
    parts = Parallel(n_jobs=-1)(delayed(part_of_truth)(p, referral) for p in range(PARTS))
    return {k: np.mean([p[k] for p in parts], axis=0).tolist() for k in ("ate", "overlap")}


def one(seed: int, referral: float) -> tuple[list[list[tuple[float, ...]]], bool]:
    """Return crude and adjusted contrasts, and whether anybody had to be left out."""
    study = study_of(seed, 400, referral, randomised=False)
    known = pd.DataFrame({"subject": study.subjects["subject"], "weight": 1.0})
    rows, left = [contrasts(study, known)], False
    for estimand in ("ate", "overlap"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # weights that explode are part of the question
            spec = trd.PropensityWeights(
                COVARIATES,
                estimand=estimand,  # type: ignore[arg-type]
                on_violation="overlap",
            )
            fit = spec.fit(study)
        left |= bool(fit.violations)
        rows.append(contrasts(study, fit))
        rows.append(contrasts(study, fit.weights))
    return rows, left  # type: ignore[return-value]


def main() -> None:
    table, cut = [], []
    for scenario, referral in SCENARIOS.items():
        truth = truth_of(referral)
        runs = Parallel(n_jobs=-1)(delayed(one)(s, referral) for s in range(STUDIES))
        cut.append(f"{sum(left for _, left in runs)} under {scenario}")
        values = np.array(
            [v for v, _ in runs]
        )  # study, analysis, outcome, (estimate, error, low, high)
        for j, outcome in enumerate(OUTCOMES):
            crude = values[:, 0, j, 0]
            for k, estimand in ((1, "ate"), (3, "overlap")):
                target = truth[estimand][j]
                own, known = values[:, k, j], values[:, k + 1, j]
                bias, crude_bias = own[:, 0].mean() - target, crude.mean() - target
                covers, naive = (
                    ((v[:, 2] <= target) & (target <= v[:, 3])).mean() for v in (own, known)
                )
                spread = own[:, 0].std(ddof=1)
                table.append(
                    [scenario, outcome, estimand, f"{target:.2f}", f"{crude_bias:+.2f}",
                     f"{bias:+.2f} ({spread / np.sqrt(STUDIES):.2f})",
                     f"{100 * abs(bias / crude_bias):.0f} %", f"{covers:.3f}", f"{naive:.3f}",
                     f"{spread:.2f}", f"{own[:, 1].mean():.2f}"]
                )  # fmt: skip
    header = ["scenario", "outcome", "estimand", "truth", "crude bias", "adjusted bias (MC error)",
              "of the crude", "coverage", "weights as known", "spread", "error"]  # fmt: skip
    body = (
        record.table(header, table)
        + f"\n\n{STUDIES:,} studies of 400 subjects a scenario, TMS less ketamine. Coverage of the "
        "nominal 95 % interval that knows how the weights were estimated; its Monte Carlo error is "
        f"{np.sqrt(0.95 * 0.05 / STUDIES):.3f}. Studies in which patients beyond the reach of a "
        f"treatment were left out: {', '.join(cut)}. The truth comes from a trial of "
        f"{PARTS * PART:,} patients."
    )
    record.write("fair_comparison", "Fair comparison", body)


if __name__ == "__main__":
    main()
