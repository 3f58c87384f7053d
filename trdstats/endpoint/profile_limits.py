"""Limits and tests of ratios from the profile of a likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.numerics.tails import chi2_sf


class Profiled(Protocol):
    """A fitted likelihood that can be profiled."""

    def deviance_drop(self, j: int, value: float) -> float:
        """Return twice the loss of log-likelihood when coefficient j is held at a value."""

    def limit(self, j: int, conf_level: float, *, upper: bool) -> float:
        """Return a limit of coefficient j."""


@dataclass(frozen=True, eq=False)
class ProfileLimits:
    """Profile limits of ratios, and likelihood ratio tests of a ratio of 1.

    Attributes
    ----------
    fit : Profiled
    columns : sequence of int
        Coefficient of each estimate.
    """

    fit: Profiled
    columns: Sequence[int]

    def interval(self, conf_level: float) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper limits on the natural scale."""
        low, high = _limits(self, conf_level)
        with np.errstate(over="ignore"):  # a limit may be infinite
            return np.exp(low), np.exp(high)

    def p_values(self) -> FloatArray:
        """Return the p values of the likelihood ratio tests."""
        return np.asarray(chi2_sf(_drops(self), 1))

    def roots(self, estimate: FloatArray) -> FloatArray:
        """Return signed roots of the likelihood ratio statistics, which are near normal."""
        return np.asarray(np.sign(np.log(estimate)) * np.sqrt(_drops(self)))


@lru_cache(maxsize=128)  # a table, its figure and its summary ask for the same limits
def _limits(of: ProfileLimits, conf_level: float) -> tuple[FloatArray, FloatArray]:
    ends = [[of.fit.limit(j, conf_level, upper=u) for j in of.columns] for u in (False, True)]
    return np.array(ends[0]), np.array(ends[1])


@lru_cache(maxsize=128)
def _drops(of: ProfileLimits) -> FloatArray:
    return np.array([of.fit.deviance_drop(j, 0.0) for j in of.columns])
