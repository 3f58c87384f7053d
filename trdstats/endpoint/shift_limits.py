"""Shifts between two groups with the limits of their rank sum test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from trdstats.arrays import BoolArray, FloatArray
from trdstats.kernels.endpoint.pairs import hodges_lehmann
from trdstats.kernels.endpoint.strata_ranks import RankTest


@dataclass(frozen=True, eq=False)
class ShiftLimits:
    """Limits of Hodges-Lehmann estimates, and the rank sum tests that belong to them.

    Attributes
    ----------
    groups : tuple of (ndarray, ndarray)
        Outcomes of each group and of the reference.
    """

    groups: tuple[tuple[FloatArray, FloatArray], ...]

    def values(self) -> FloatArray:
        """Return the estimates."""
        return np.array([hodges_lehmann(x, y, 0.95).estimate for x, y in self.groups])

    def all_same(self) -> BoolArray:
        """Return which comparisons are of one and the same outcome."""
        return np.array([len(np.unique(np.concatenate(g))) < 2 for g in self.groups])

    def interval(self, conf_level: float) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper limits."""
        shifts = [hodges_lehmann(x, y, conf_level) for x, y in self.groups]
        none = self.all_same()
        low, high = np.array([s.low for s in shifts]), np.array([s.high for s in shifts])
        return np.where(none, np.nan, low), np.where(none, np.nan, high)

    def p_values(self) -> FloatArray:
        """Return the p values of the rank sum tests."""
        return np.array([rank_sum_test(x, y).p_value for x, y in self.groups])


def rank_sum_test(x: FloatArray, y: FloatArray) -> RankTest:
    """Return the test of Wilcoxon, Mann and Whitney; the statistic counts pairs with x higher."""
    both = np.concatenate([x, y])
    distinct = len(np.unique(both))
    if distinct < 2:
        return RankTest(np.nan, np.nan, np.nan, np.nan)
    exact = distinct == len(both) and max(len(x), len(y)) < 50
    shifts = scipy.stats.mannwhitneyu(x, y, method="exact" if exact else "asymptotic")
    return RankTest(float(shifts.statistic), np.nan, np.nan, float(shifts.pvalue))
