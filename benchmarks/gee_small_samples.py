"""Coverage of intervals of estimating equations in small trials.

Run: python benchmarks/gee_small_samples.py
A response at four visits, from a normal variable with correlation 0.6 cut at each visit, so that
the log odds ratio of the treatments is known and the same at every visit. A tenth of the visits is
missed by chance. Trials without a finite estimate are left out and counted.
"""

from __future__ import annotations

import numpy as np
import record
from scipy.special import expit, logit
from scipy.stats import norm
from scipy.stats import t as t_distribution

from trdstats.kernels.gee.batches import lay_out
from trdstats.kernels.gee.fit import independent, solve
from trdstats.kernels.gee.means import OneMean
from trdstats.kernels.gee.sandwich import infer
from trdstats.kernels.gee.working import classify

STUDIES = 1_000
EFFECT = 0.9
CONTROL = np.array([0.25, 0.35, 0.42, 0.48])
SIZES = (10, 20, 40)
CHOICES = (
    ("robust", "normal"),
    ("robust", "residual"),
    ("robust", "pan-wall"),
    ("kauermann-carroll", "residual"),
    ("kauermann-carroll", "satterthwaite"),
    ("mancl-derouen", "residual"),
    ("mancl-derouen", "satterthwaite"),
    ("fay-graubard", "residual"),
    ("fay-graubard", "fay-graubard"),
)
MODELS = {
    "treatment + visit": ("odds ratio",),
    "treatment * visit": ("odds ratio, last visit", "risk difference, last visit"),
}


def one(seed: int, n: int, model: str) -> np.ndarray | None:
    """Return whether each interval covers, (estimands, choices); None without an estimate."""
    rng = np.random.default_rng([seed, n])
    arm = np.repeat([0.0, 1.0], n)
    latent = np.sqrt(0.6) * rng.normal(size=(2 * n, 1)) + np.sqrt(0.4) * rng.normal(size=(2 * n, 4))
    chance = np.where(arm[:, None] == 1, expit(logit(CONTROL) + EFFECT), CONTROL)
    y = latent < norm.ppf(chance)
    seen = rng.random((2 * n, 4)) > 0.1
    person, visit = np.nonzero(seen)
    X = [np.ones(len(person)), arm[person], *((visit == v) * 1.0 for v in (1, 2, 3))]
    if model == "treatment * visit":
        X += [arm[person] * (visit == v) for v in (1, 2, 3)]
    person = np.unique(person, return_inverse=True)[1]
    design, weight = np.column_stack(X), np.ones(len(person))
    means = OneMean(design, y[seen] * 1.0, weight, "logit", "binomial")
    start, settled = independent(means)
    if not settled or np.abs(design @ start).max() > 12:
        return None
    pairs = classify("exchangeable", lay_out(person, np.zeros(len(person))), weight, 4)
    fit = solve(means, weight, pairs, start)
    if not fit.converged or fit.singular:
        return None
    q = design.shape[1]
    truths, gaps, slopes = [EFFECT], [float(fit.beta[1])], [np.eye(q)[1]]
    if model == "treatment * visit":
        low, high = np.eye(q)[[0, 4]].sum(axis=0), np.eye(q)[[0, 1, 4, 7]].sum(axis=0)
        risks = expit([low @ fit.beta, high @ fit.beta])
        each = risks * (1 - risks)
        truths += [float(expit(logit(CONTROL[3]) + EFFECT) - CONTROL[3])]
        gaps = [float((high - low) @ fit.beta), float(risks[1] - risks[0])]
        slopes = [high - low, each[1] * high - each[0] * low]
    rows = np.array(slopes)
    covers = []
    for vcov, rule in CHOICES:
        found = infer(fit, vcov, rule)
        error = np.sqrt(np.einsum("kq,qr,kr->k", rows, found.covariance, rows))
        critical = t_distribution.isf(0.025, found.degrees(rows))
        covers.append(np.abs(np.array(gaps) - truths) < critical * error)
    return np.array(covers).T


def main() -> None:
    rows = []
    for model in MODELS:
        for n in SIZES:
            runs = [one(seed, n, model) for seed in range(STUDIES)]
            kept = np.array([r for r in runs if r is not None])
            lost = STUDIES - len(kept)
            rows += [
                [model, estimand, str(n), vcov, rule, f"{share:.3f}", str(lost)]
                for estimand, of_choice in zip(MODELS[model], kept.mean(axis=0), strict=True)
                for (vcov, rule), share in zip(CHOICES, of_choice, strict=True)
            ]
    header = ["model", "estimate", "subjects an arm", "vcov", "ddf", "covers", "without estimate"]
    body = (
        record.table(header, rows)
        + f"\n\n{STUDIES:,} trials a row, log odds ratio {EFFECT}, exchangeable working "
        "correlation, nominal 95 %; the Monte Carlo error of a coverage is "
        f"{np.sqrt(0.95 * 0.05 / STUDIES):.3f}. The first row of each size is R's geepack. "
        "At one visit a trial of 20 an arm is one table of 2 x 2, whose Wald limits of the odds "
        "ratio are too wide under any covariance; those of the risk difference are not."
    )
    record.write("gee_small_samples", "Estimating equations in small trials", body)


if __name__ == "__main__":
    main()
