"""Proportions and their comparisons, recomputed with statsmodels and SciPy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from trdstats.participants.event_counts import PROPORTION
from trdstats.second_opinion.recomputed import (
    CLOSED,
    ROOTS,
    UNABLE,
    Recomputed,
    compare,
    library_of,
    not_compared,
    unable,
)
from trdstats.tables import each_row

_SINGLE = {"wilson": "wilson", "agresti-coull": "agresti_coull", "clopper-pearson": "beta"}
_MEASURES = {"difference": "diff", "ratio": "ratio", "odds ratio": "odds-ratio"}
_SCORE = ("miettinen-nurminen", "gart")
_LIKELIHOOD = (
    "score limits of a difference: SciPy maximises the binomial likelihood under the limit, and "
    "the score test must be at its critical value; statsmodels has an error there"
)
Counts = tuple[int, int, int, int]


def recompute_rates(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield rates with limits, and comparisons with the reference.

    Events and denominators are counted again from the outcomes of the subjects.
    """
    if result.weighted is not None:
        yield not_compared("weighted rates", "the libraries take weights as numbers of subjects")
        return
    decided = result.outcomes.dropna(subset=["met"])
    met = decided["met"].astype(bool)
    counted = met.groupby(decided["treatment"].astype(str)).agg(["sum", "count"])
    counts = {str(k): (int(r["sum"]), int(r["count"])) for k, r in counted.iterrows()}
    for row in each_row(result.tidy()):
        if row.treatment not in counts or (row.reference and row.reference not in counts):
            continue
        if row.measure == "rate":
            yield from _single(row, counts[row.treatment])
        else:
            pair = (*counts[row.treatment], *counts[row.reference])
            yield from _pair(row, pair, f"{row.measure}, {row.treatment} v {row.reference}")


def recompute_counts(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield the comparisons of two proportions, and the usual tests of the table."""
    for row in each_row(result.tidy()):
        yield from _pair(row, result.counts, row.measure)
    yield from _tests(result)


def recompute_event_counts(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield proportions with an event and rates per 100 person-years, counted again by pandas."""
    from statsmodels.stats.rates import confint_poisson

    library = library_of("statsmodels")
    for row in each_row(result.tidy()):
        in_arm = (result.subjects["treatment"] == row.treatment).to_numpy()
        first = result.first[row.event].reset_index(drop=True)[in_arm]
        events, n = int(first.notna().sum()), int(in_arm.sum())
        name = f"{row.event}, {row.treatment}"
        if row.measure == PROPORTION:
            low, high = proportion_limits(events, n, "wilson", row.conf_level)
            yield from _of_one(f"proportion, {name}", row, events / max(n, 1), low, high)
            continue
        years = float(first.fillna(pd.Series(result.last)[in_arm]).sum()) / 365.25
        if not years:
            continue
        low, high = confint_poisson(events, years / 100, method="exact-c", alpha=1 - row.conf_level)
        low = 0.0 if not events else low
        yield compare(f"rate, {name}", row.estimate, 100 * events / years, library_of("pandas"),
                      CLOSED)  # fmt: skip
        yield compare(f"rate, {name}, lower limit", row.conf_low, low, library, ROOTS)
        yield compare(f"rate, {name}, upper limit", row.conf_high, high, library, ROOTS)


def _single(row: Any, counts: tuple[int, int]) -> Iterator[Recomputed]:
    events, n = counts
    if n:
        low, high = proportion_limits(events, n, _SINGLE[row.method], row.conf_level)
        yield from _of_one(f"rate, {row.treatment}", row, events / n, low, high, f" ({row.method})")


def proportion_limits(events: int, n: int, method: str, conf_level: float) -> tuple[float, float]:
    """Return limits of a proportion by statsmodels."""
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(events, n, alpha=1 - conf_level, method=method)
    # Agresti and Coull's limits may leave 0 to 1; the result cuts them there, and so do we here.
    return min(max(float(low), 0.0), 1.0), min(max(float(high), 0.0), 1.0)


def _of_one(
    name: str, row: Any, value: float, low: float, high: float, method: str = ""
) -> Iterator[Recomputed]:
    library = library_of("statsmodels")
    yield compare(name, row.estimate, value, library_of("pandas"), CLOSED)
    yield _ended(f"{name}, lower limit{method}", row.conf_low, low, library)
    yield _ended(f"{name}, upper limit{method}", row.conf_high, high, library)


def _ended(quantity: str, ours: float, theirs: float, library: str) -> Recomputed:
    # A limit of 0 may come out as 1e-17.
    theirs = 0.0 if ours == 0 and abs(theirs) < 1e-12 else theirs
    return compare(quantity, ours, theirs, library, CLOSED)


def _pair(row: Any, counts: Counts, name: str) -> Iterator[Recomputed]:
    """Yield estimate, limits and p value of one comparison."""
    method = _of_statsmodels(row.method, row.measure)
    x1, n1, x0, n0 = counts
    if min(n1, n0) == 0:
        return
    if method is None:
        yield not_compared(
            f"{name}, limits ({row.method})", "statsmodels does not have this method",
            ours=row.conf_low,
        )  # fmt: skip
        return
    library = library_of("statsmodels")
    inside = 0 < x1 < n1 and 0 < x0 < n0
    if inside:
        yield compare(name, row.estimate, _estimate(row.measure, counts), library, CLOSED)
    yield from _limits(row, counts, name, method, inside=inside)
    if math.isfinite(row.p_value):
        theirs, note = _p_value(counts, _MEASURES[row.measure], method)
        yield compare(f"{name}, p value", row.p_value, theirs, library, ROOTS, note=note)


def _of_statsmodels(method: str, measure: str) -> str | None:
    """Return the name of a method in statsmodels; None where it has none."""
    if method in _SCORE:
        return None if method == "gart" and measure == "odds ratio" else "score"
    if method == "newcombe":
        return "newcomb" if measure == "difference" else None
    return {"difference": "wald", "ratio": "log", "odds ratio": "logit"}[measure]


def _estimate(measure: str, counts: Counts) -> float:
    from statsmodels.stats.contingency_tables import Table2x2

    x1, n1, x0, n0 = counts
    table = Table2x2(np.array([[x1, n1 - x1], [x0, n0 - x0]], dtype=float), shift_zeros=False)
    if measure == "difference":
        return x1 / n1 - x0 / n0
    return float(table.riskratio if measure == "ratio" else table.oddsratio)


def _limits(
    row: Any, counts: Counts, name: str, method: str, *, inside: bool
) -> Iterator[Recomputed]:
    from statsmodels.stats.proportion import confint_proportions_2indep

    library = library_of("statsmodels")
    if math.isnan(row.conf_low):
        return
    if method == "score" and row.measure == "difference":
        # statsmodels has a wrong coefficient here (its issue 10269, open in November 2026).
        yield from _tests_at_limits(row, counts, name)
        return
    if not inside:
        yield not_compared(f"{name}, limits ({row.method})", "statsmodels finds no root where a "
                           "rate is 0 or 1", ours=row.conf_low)  # fmt: skip
        return
    try:
        ends = confint_proportions_2indep(
            *counts, compare=_MEASURES[row.measure], method=method, alpha=1 - row.conf_level
        )
        note = ""
    except UNABLE as error:
        ends, note = (math.nan, math.nan), unable("statsmodels", error)
    tolerance = ROOTS if method == "score" else CLOSED
    pairs = zip(("lower", "upper"), (row.conf_low, row.conf_high), ends, strict=True)
    for end, ours, theirs in pairs:
        quantity = f"{name}, {end} limit ({row.method})"
        yield compare(quantity, ours, theirs, library, tolerance, note=note)


def _tests_at_limits(row: Any, counts: Counts, name: str) -> Iterator[Recomputed]:
    """Yield the z of the score test at the limits, which must be the critical value."""
    from scipy.stats import norm

    critical = float(norm.isf((1 - row.conf_level) / 2))
    for end, value in (("lower", row.conf_low), ("upper", row.conf_high)):
        # At -1 and 1 one of the proportions is known.
        if -1 < value < 1:
            what = f"{name}, z of the score test at the {end} limit"
            z = abs(_score(counts, value))
            yield compare(what, critical, z, library_of("scipy"), ROOTS, note=_LIKELIHOOD)


def _score(counts: Counts, difference: float) -> float:
    """Return z of a difference, the proportions under it by the maximum of the likelihood."""
    from scipy.optimize import minimize_scalar
    from scipy.stats import binom

    x1, n1, x0, n0 = counts

    def deviance(p: float) -> float:
        return -float(binom.logpmf(x1, n1, p + difference) + binom.logpmf(x0, n0, p))

    ends = max(0.0, -difference), min(1.0, 1 - difference)
    inner = minimize_scalar(deviance, bounds=ends, method="bounded", options={"xatol": 1e-12})
    # The search stays a little inside; the maximum may lie at an end.
    p0 = min((float(inner.x), *ends), key=deviance)
    p1, n = p0 + difference, n1 + n0
    variance = (p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0) * n / (n - 1)
    return float((x1 / n1 - x0 / n0 - difference) / math.sqrt(variance))


def _p_value(counts: Counts, measure: str, method: str) -> tuple[float, str]:
    from statsmodels.stats.proportion import test_proportions_2indep

    try:
        test = test_proportions_2indep(*counts, compare=measure, method=method)
    except UNABLE as error:
        return math.nan, unable("statsmodels", error)
    return float(test.pvalue), ""


def _tests(result: Any) -> Iterator[Recomputed]:
    from scipy.stats import chi2_contingency, fisher_exact

    x1, n1, x0, n0 = result.counts
    table = np.array([[x1, n1 - x1], [x0, n0 - x0]])
    library, theirs = library_of("scipy"), {"Fisher exact": float(fisher_exact(table)[1])}
    if 0 < x1 + x0 < n1 + n0:
        for name, corrected in (("chi-squared", False), ("chi-squared, Yates", True)):
            theirs[name] = float(chi2_contingency(table, correction=corrected)[1])
    ours: Mapping[str, float] = result.tests().set_index("test")["p_value"].to_dict()
    for name, p in theirs.items():
        yield compare(f"{name}, p value", ours[name], p, library, CLOSED)
