"""Bias and coverage of a GLMM with dropout at random, beside the observed proportions.

Run: python benchmarks/glmm_coverage.py
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import record
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

import trdstats as trd

RUNS, SUBJECTS, VISITS = 300, 120, 4
SPREAD, SLOPE, EFFECT = 2.0, 0.6, 0.4  # of the intercept; per visit; more per visit under B
SPEC = trd.GLMM("met ~ treatment * visit", points=11)


def trial_of(seed: int) -> pd.DataFrame:
    """Return a trial in which patients without the event leave six times as often."""
    rng = np.random.default_rng(seed)
    arm = np.arange(SUBJECTS) % 2
    u = SPREAD * rng.normal(size=SUBJECTS)
    visit = np.arange(VISITS)
    eta = -1.5 + (SLOPE + EFFECT * arm)[:, None] * visit + u[:, None]
    met = rng.random((SUBJECTS, VISITS)) < expit(eta)
    leaves = rng.random((SUBJECTS, VISITS)) < np.where(met, 0.05, 0.3)
    seen = np.cumsum(leaves, axis=1) - leaves == 0  # the visit after which one leaves is seen
    person, at = np.nonzero(seen)
    return pd.DataFrame(
        {"subject": person, "visit": at, "treatment": np.array(["A", "B"])[arm[person]],
         "met": met[seen].astype(int)}
    )  # fmt: skip


def truth() -> tuple[float, float]:
    """Return the difference in proportions at the last visit, and the proportion under A."""
    last = VISITS - 1
    p = [
        quad(lambda v, s=s: expit(-1.5 + s * last + SPREAD * v) * norm.pdf(v), -9, 9)[0]
        for s in (SLOPE, SLOPE + EFFECT)
    ]
    return p[1] - p[0], p[0]


def main() -> None:
    """Simulate and record."""
    difference, under_a = truth()
    conditional = EFFECT * (VISITS - 1)
    begin, rows, failed = time.process_time(), [], 0
    for seed in range(RUNS):
        frame = trial_of(seed)
        try:
            fit = SPEC.fit(frame)
        except trd.errors.NotEstimableError:
            failed += 1
            continue
        last = VISITS - 1
        margins = fit.margins("treatment", by="visit")
        risk = margins.estimates().only(treatment="A", visit=last).tidy().iloc[0]
        gap = margins.contrasts(reference="A").only(visit=last).tidy().iloc[0]
        term = fit.tidy().set_index("term").loc[f"treatment[T.B]:visit[T.{last}]"]
        total = fit.contrast(
            np.isin(fit.design.terms, ["treatment[T.B]", term.name]).astype(float)
        ).tidy().iloc[0]  # fmt: skip
        observed = frame[frame["visit"] == last].groupby("treatment")["met"].mean()
        rows.append(
            {
                "risk": risk["estimate"], "risk in": risk["conf_low"] < under_a < risk["conf_high"],
                "gap": gap["estimate"], "gap error": gap["std_error"],
                "gap in": gap["conf_low"] < difference < gap["conf_high"],
                "log odds": total["estimate"], "log odds error": total["std_error"],
                "log odds in": total["conf_low"] < conditional < total["conf_high"],
                "observed risk": observed["A"], "observed gap": observed["B"] - observed["A"],
                "sd": fit.deviations.value[0],
            }
        )  # fmt: skip
    taken = time.process_time() - begin
    table = pd.DataFrame(rows)
    mean, spread = table.mean(), table.std()

    def line(words: str, true: float, name: str, errors: str = "") -> list[str]:
        return [
            words, f"{true:.3f}", f"{mean[name]:.3f}", f"{spread[name]:.3f}",
            f"{mean[errors]:.3f}" if errors else "",
            f"{mean[name + ' in']:.3f}" if name + " in" in table else "",
        ]  # fmt: skip

    body = record.table(
        ["at the last visit", "true", "mean", "standard deviation", "mean standard error",
         "coverage of 95 % limits"],
        [
            line("proportion under A, population (GLMM)", under_a, "risk"),
            line("proportion under A, observed", under_a, "observed risk"),
            line("difference, population (GLMM)", difference, "gap", "gap error"),
            line("difference, observed", difference, "observed gap"),
            line("log odds ratio of a subject (GLMM)", conditional, "log odds", "log odds error"),
            line("standard deviation of the intercept", SPREAD, "sd"),
        ],
    )  # fmt: skip
    body += (
        f"\n\n{RUNS} trials of {SUBJECTS} subjects and {VISITS} visits ({failed} without a fit); "
        "after a visit without the event 30 % leave, after one with it 5 %. Eleven points. "
        f"{taken:.0f} CPU seconds."
    )
    record.write("glmm_coverage", "GLMM under dropout at random", body)


if __name__ == "__main__":
    main()
