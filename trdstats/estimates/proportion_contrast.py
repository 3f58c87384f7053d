"""Proportions known by their counts, and comparisons of two of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import get_args

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.estimates.comparisons import Measure
from trdstats.estimates.estimates import Estimates
from trdstats.estimates.rules import Limits, SomeLimits
from trdstats.kernels.proportions.single_proportion import proportion_interval
from trdstats.kernels.proportions.two_proportions import (
    Contrast,
    odds_ratio,
    risk_difference,
    risk_ratio,
)

DIFFERENCES = ("miettinen-nurminen", "gart", "newcombe", "wald")
MEASURES: tuple[Measure, ...] = get_args(Measure)
_KERNELS = {"difference": risk_difference, "ratio": risk_ratio, "odds ratio": odds_ratio}


@dataclass(frozen=True)
class ProportionLimits:
    """Score or exact limits of proportions, which by themselves have no test.

    Attributes
    ----------
    counts : tuple of (int, int)
        Events and denominator of each.
    method : {"wilson", "agresti-coull", "clopper-pearson"}
    """

    counts: tuple[tuple[int, int], ...]
    method: str

    def interval(self, conf_level: float) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper limits."""
        events, n = np.array(self.counts).T
        return proportion_interval(events, n, method=self.method, conf_level=conf_level)

    def p_values(self) -> FloatArray:
        """Return NaN: nothing is tested."""
        return np.full(len(self.counts), np.nan)


@dataclass(frozen=True)
class ComparisonLimits:
    """Limits of comparisons of two proportions, and the tests that belong to them.

    Attributes
    ----------
    measures : tuple of str
    counts : tuple of (int, int, int, int)
        Events and denominator, then those of the reference.
    method : {"miettinen-nurminen", "gart", "newcombe", "wald"}
    """

    measures: tuple[str, ...]
    counts: tuple[tuple[int, int, int, int], ...]
    method: str

    def interval(self, conf_level: float) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper limits."""
        contrasts = self._contrasts(conf_level)
        return np.array([c.low for c in contrasts]), np.array([c.high for c in contrasts])

    def p_values(self) -> FloatArray:
        """Return p values."""
        return np.array([c.p_value for c in self._contrasts()])

    def statistics(self) -> FloatArray:
        """Return the z of each test, which for score tests is not that of the standard error."""
        return np.array([c.statistic for c in self._contrasts()])

    def values(self) -> FloatArray:
        """Return the estimates that the limits belong to."""
        return np.array([c.estimate for c in self._contrasts()])

    def _contrasts(self, conf_level: float = 0.95) -> list[Contrast]:
        return [
            _compare(m, counts, self.method, conf_level)
            for m, counts in zip(self.measures, self.counts, strict=True)
        ]


@lru_cache(maxsize=1024)
def _compare(
    measure: str, counts: tuple[int, int, int, int], method: str, conf_level: float
) -> Contrast:
    # A table asks for limits, p values, statistics and estimates, and each search costs.
    return _KERNELS[measure](*counts, method=method, conf_level=conf_level)


def compare_proportions(
    rates: Estimates, counts: Mapping[str, tuple[int, int]], *, reference: str, method: str
) -> Estimates:
    """Return differences, ratios and odds ratios of proportions with a reference.

    Parameters
    ----------
    rates : Estimates
        Of the treatments, with the key ``treatment``.
    counts : mapping of str to (int, int)
        Events and denominator of each treatment.
    reference : str
    method : {"miettinen-nurminen", "gart", "newcombe", "wald"}
    """
    estimates = rates.compare(reference=reference, measures=MEASURES)
    keys = estimates.keys[["treatment", "reference"]].astype(str).itertuples(index=False)
    pairs = tuple((*counts[a], *counts[b]) for a, b in keys)
    limits = ComparisonLimits(tuple(estimates.keys["measure"]), pairs, method)
    return replace(estimates, value=limits.values(), limits=limits)


def tests_of(estimates: Estimates) -> FloatArray:
    """Return the statistics of the tests that belong to the limits, shape (k,)."""
    score = _score_statistics(estimates.limits)
    return estimates.statistic if score is None else score


def _score_statistics(limits: Limits | None) -> FloatArray | None:
    if isinstance(limits, SomeLimits):
        whole = _score_statistics(limits.limits)
        return None if whole is None else whole[limits.rows]
    return limits.statistics() if isinstance(limits, ComparisonLimits) else None
