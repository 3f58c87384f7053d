"""Adjusted p values, recomputed with statsmodels and SciPy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.second_opinion.recomputed import (
    CLOSED,
    UNABLE,
    Recomputed,
    Tolerance,
    compare,
    library_of,
    not_compared,
    unable,
)

DRAWN = Tolerance(
    2e-3, "probability of 1", "SciPy integrates by quasi-random points, trdstats by draws"
)
_METHODS = {
    "bonferroni": "bonferroni",
    "holm": "holm",
    "hochberg": "simes-hochberg",
    "hommel": "hommel",
    "benjamini-hochberg": "fdr_bh",
}
_MOST = 12  # statistics of a family, for the integral over their joint distribution


def recompute_adjusted_frame(frame: pd.DataFrame, data: object) -> Iterator[Recomputed]:
    """Yield the p_adjusted of a frame of `adjust_p_values`; the p values are in p_value."""
    p = frame["p_value"].to_numpy(float)
    known = ~np.isnan(p)
    ours = frame["p_adjusted"].to_numpy(float)
    for method in frame["adjust"].unique():
        names = [f"row {i + 1}" for i in np.flatnonzero(known)]
        yield from _stepwise(names, p[known], ours[known], str(method))


def recompute_estimates(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield the adjusted p values of estimates, family by family."""
    limits = result.limits
    method = getattr(limits, "method", None)
    families = getattr(limits, "families", None)
    if families is None or method is None:
        yield not_compared("estimates", "ask for the second opinion on the result they come from")
        return
    adjusted = result.p_value
    labels = [", ".join(map(str, row)) for row in result.keys.itertuples(index=False)]
    for rows in families:
        family = limits.estimates.select(rows)
        known = np.isfinite(family.p_value)
        names = [labels[k] for k, there in zip(rows, known, strict=True) if there]
        ours = adjusted[rows][known]
        if method in ("dunnett", "max-t"):
            yield from _joint(family, names, ours, known)
        else:
            yield from _stepwise(names, family.p_value[known], ours, method)


def _stepwise(
    names: list[str], p: FloatArray, ours: FloatArray, method: str
) -> Iterator[Recomputed]:
    from statsmodels.stats.multitest import multipletests

    if method not in _METHODS or not len(p):
        yield not_compared("adjusted p values", f"statsmodels has no procedure {method!r}")
        return
    theirs = multipletests(p, method=_METHODS[method])[1]
    library = library_of("statsmodels")
    for name, one, other in zip(names, ours, theirs, strict=True):
        yield compare(f"adjusted p value, {name}", one, other, library, CLOSED)


def _joint(group: Any, names: list[str], ours: FloatArray, known: Any) -> Iterator[Recomputed]:
    """Yield the probability that no statistic of the family is as large, 1 - p."""
    statistic = np.abs(group.statistic[known])
    if len(statistic) < 2 or len(statistic) > _MOST:
        yield not_compared("adjusted p values", f"compared for families of 2 to {_MOST}")
        return
    covariance = group.covariance[np.ix_(known, known)]
    sd = np.sqrt(np.diag(covariance))
    correlation, library = covariance / np.outer(sd, sd), library_of("scipy")
    degrees = group.degrees[known]
    df = float(degrees[np.isfinite(degrees)].mean()) if np.isfinite(degrees).any() else np.inf
    for name, t, p in zip(names, statistic, ours, strict=True):
        ends = np.full(len(statistic), t)
        try:
            theirs = _box(ends, correlation, df)
        except UNABLE as failure:
            yield not_compared(f"1 - adjusted p value, {name}", unable("scipy", failure))
            continue
        yield compare(f"1 - adjusted p value, {name}", 1 - p, theirs, library, DRAWN)


def _box(ends: FloatArray, correlation: FloatArray, df: float) -> float:
    """Return the probability that all statistics lie between minus and plus some ends."""
    from scipy.stats import multivariate_normal, multivariate_t

    rng = np.random.default_rng(1)
    if np.isinf(df):
        normal = multivariate_normal(cov=correlation, allow_singular=True, seed=rng)
        return float(normal.cdf(ends, lower_limit=-ends))
    student: Any = multivariate_t
    probability = student(shape=correlation, df=df, allow_singular=True).cdf(
        ends, lower_limit=-ends, random_state=rng
    )
    return float(probability)
