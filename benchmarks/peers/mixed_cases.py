"""Mixed models beside statsmodels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from cases import Case

import trdstats as trd


def courses(n: int, visits: int, *, seed: int = 2) -> pd.DataFrame:
    """Return scores on days of their own, with an intercept and a slope of each subject."""
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(n), visits)
    week = np.sort(rng.uniform(0, 8, (n, visits)), axis=1).ravel()
    b = rng.normal(size=(n, 2)) * [3.0, 0.6]
    arm = np.where(np.arange(n) % 2 == 0, "A", "B")[subject]
    score = 30 + b[subject, 0] + (b[subject, 1] - 1.5 - 0.4 * (arm == "B")) * week
    return pd.DataFrame({"subject": subject, "treatment": arm, "week": week,
                         "score": score + 3 * rng.normal(size=len(subject))})  # fmt: skip


def _slope(n: int) -> Case:
    frame = courses(n, 10)

    def statsmodels() -> Any:
        from statsmodels.regression.mixed_linear_model import MixedLM

        is_b = (frame["treatment"] == "B").to_numpy(dtype=float)
        X = np.column_stack([np.ones(len(frame)), frame["week"], is_b, frame["week"] * is_b])
        Z = np.column_stack([np.ones(len(frame)), frame["week"]])
        return MixedLM(frame["score"].to_numpy(), X, frame["subject"].to_numpy(), Z).fit()

    return Case(
        f"Mixed model, random slope, days of their own, {n:,} x 10",
        lambda: trd.LMM("score ~ week * treatment", random="1 + week").fit(frame).tidy(),
        {"statsmodels": statsmodels},
        {"statsmodels": "normal tests; trdstats adds degrees of freedom by Satterthwaite"},
    )


def nested(sites: int, each: int, visits: int, *, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = sites * each
    subject = np.repeat(np.arange(n), visits)
    site = subject // each
    week = np.tile(np.arange(visits), n)
    effect = rng.normal(size=sites)[site] * 1.5 + rng.normal(size=n)[subject] * 3
    score = 30 - week + effect + 3 * rng.normal(size=len(subject))
    return pd.DataFrame(
        {"subject": subject, "site": site, "week": week.astype(float), "score": score}
    )


def _nested(sites: int, each: int, visits: int) -> Case:
    frame = nested(sites, each, visits)

    def statsmodels() -> Any:
        import statsmodels.formula.api as smf

        return smf.mixedlm(
            "score ~ week", frame, groups="site", vc_formula={"s": "0 + C(subject)"}
        ).fit()

    return Case(
        f"Mixed model, subjects in sites, {sites} sites of {each} x {visits}",
        lambda: trd.LMM("score ~ week", random={"site": "1", "subject": "1"}).fit(frame).tidy(),
        {"statsmodels": statsmodels} if sites * each <= 200 else {},
    )


def cases() -> Iterator[Case]:
    yield _slope(1_000)
    yield _slope(10_000)
    yield _nested(20, 10, 5)
    yield _nested(100, 10, 5)
    yield _nested(20, 50, 5)
    yield _nested(50, 20, 8)
