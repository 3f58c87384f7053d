"""CPU seconds of generalised linear mixed models.

Run: python benchmarks/glmm.py
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import record
from scipy.special import expit
from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

import trdstats as trd

SIZES = [(216, 4), (1_000, 10), (10_000, 10)]


def trial_of(n: int, T: int, *, seed: int = 1) -> pd.DataFrame:
    """Return three arms, an event, an ordered category and a count at every visit."""
    rng = np.random.default_rng(seed)
    subject, visit = np.repeat(np.arange(n), T), np.tile(np.arange(T), n)
    arm, base = rng.integers(0, 3, n), rng.normal(0, 1, n)
    eta = (2 * visit / T - 1.2 + 0.6 * (arm == 1)[subject] + 0.4 * base[subject]
           + (1.5 * rng.normal(size=n))[subject])  # fmt: skip
    latent = eta + rng.logistic(size=n * T)
    return pd.DataFrame(
        {
            "subject": subject,
            "visit": visit,
            "week": visit.astype(float),
            "arm": np.array(["TMS", "ECT", "ketamine"])[arm][subject],
            "baseline": base[subject],
            "met": (rng.random(n * T) < expit(eta)).astype(int),
            "band": np.digitize(latent, [-1.5, 0.0, 1.5]),
            "count": rng.poisson(np.exp(0.4 * eta)),
        }
    )


def seconds(call: Callable[[], Any], repeats: int = 3) -> tuple[float, Any]:
    """Return the median CPU time of a call, and what it returned last."""
    taken = []
    for _ in range(repeats):
        begin = time.process_time()
        result = call()
        taken.append(time.process_time() - begin)
    return sorted(taken)[len(taken) // 2], result


LINEAR = "arm * week + baseline"
BY_VISIT = "arm * visit + baseline"
MODELS = {
    "binary, 25 points, time linear": trd.GLMM(f"met ~ {LINEAR}"),
    "binary, 25 points, time by visit": trd.GLMM(f"met ~ {BY_VISIT}"),
    "binary, 1 point (Laplace)": trd.GLMM(f"met ~ {LINEAR}", points=1),
    "binary, probit, 25 points": trd.GLMM(f"met ~ {LINEAR}", link="probit"),
    "ordinal, 4 categories, 15 points": trd.GLMM(f"band ~ {LINEAR}", family="ordinal", points=15),
    "counts, 25 points": trd.GLMM(f"count ~ {LINEAR}", family="poisson"),
    "binary, random slope, 1 point": trd.GLMM(f"met ~ {LINEAR}", random="1 + week", points=1),
    "binary, random slope, 7 x 7 points": trd.GLMM(f"met ~ {LINEAR}", random="1 + week", points=7),
}


def main() -> None:
    """Measure and record."""
    rows = []
    for n, T in SIZES:
        frame = trial_of(n, T)
        for name, spec in MODELS.items():
            slow = n > 1_000 and ("slope" in name or "visit" in name)
            if slow:
                continue
            taken, fit = seconds(
                lambda spec=spec, frame=frame: spec.fit(frame), 1 if n > 1_000 else 3
            )
            means = "by visit" in name
            more = (
                seconds(lambda fit=fit: fit.margins("arm", by="visit").contrasts(), 1)[0]
                if means
                else np.nan
            )
            rows.append(
                [f"{n:,} x {T}", name, str(len(fit.parameters.theta)), f"{taken:.2f}",
                 "" if np.isnan(more) else f"{more:.2f}"]
            )  # fmt: skip
            print(rows[-1], flush=True)
    frame = trial_of(216, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = BinomialBayesMixedGLM.from_formula(
            f"met ~ {LINEAR}", {"subject": "0 + C(subject)"}, frame
        )
        other, _ = seconds(model.fit_vb, 1)
    body = record.table(
        ["subjects x visits", "model", "parameters", "fit", "population means and contrasts"], rows
    )
    body += (
        "\n\nCPU seconds of one core: the fit from the table to the result, medians of three (one "
        "at 10,000 subjects); means of all arms and visits are integrated for every subject. "
        f"For information: statsmodels' BinomialBayesMixedGLM.fit_vb (variational Bayes, another "
        f"estimate) took {other:.1f} s for 216 x 4. R is not installed on this machine: "
        "no comparison with lme4."
    )
    record.write("glmm", "Generalised linear mixed models", body)


if __name__ == "__main__":
    main()
