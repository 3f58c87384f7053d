"""Rules that estimates may bring: degrees of freedom, and limits that are not Wald's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from trdstats.arrays import FloatArray, IntArray


@runtime_checkable
class DegreesOfFreedom(Protocol):
    """How many degrees of freedom combinations of estimates have."""

    def degrees(self, L: FloatArray) -> FloatArray:
        """Return those of each row of coefficients of the estimates, shape (m,)."""
        ...

    def combine(self, L: FloatArray) -> DegreesOfFreedom:
        """Return the rule for the estimates L times these."""
        ...


@dataclass(frozen=True)
class Fixed:
    """Degrees of freedom known for each estimate; a combination has the fewest it uses.

    Attributes
    ----------
    df : ndarray, shape (k,)
        Infinite for normal statistics.
    """

    df: FloatArray

    def degrees(self, L: FloatArray) -> FloatArray:
        """Return the fewest degrees of freedom among the estimates each row uses."""
        return np.asarray(np.where(L != 0, self.df, np.inf).min(axis=1, initial=np.inf))

    def combine(self, L: FloatArray) -> Fixed:
        """Return those of combinations."""
        return Fixed(self.degrees(L))


@dataclass(frozen=True)
class Blocks:
    """Degrees of freedom of estimates of several analyses, one below the other.

    Attributes
    ----------
    parts : tuple of DegreesOfFreedom
    sizes : tuple of int
        Estimates of each part.
    """

    parts: tuple[DegreesOfFreedom, ...]
    sizes: tuple[int, ...]

    def degrees(self, L: FloatArray) -> FloatArray:
        """Return the fewest degrees of freedom among the parts that each row uses."""
        values = np.full(len(L), np.inf)
        at = 0
        for rule, k in zip(self.parts, self.sizes, strict=True):
            block = L[:, at : at + k]
            used = (block != 0).any(axis=1)
            if used.any():
                values[used] = np.minimum(values[used], rule.degrees(block[used]))
            at += k
        return values

    def combine(self, L: FloatArray) -> Fixed:
        """Return those of combinations."""
        return Fixed(self.degrees(L))


class Limits(Protocol):
    """Limits and p values that are not Wald's: score, exact or resampled ones."""

    def interval(self, conf_level: float) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper limits on the natural scale, each of shape (k,)."""
        ...

    def p_values(self) -> FloatArray:
        """Return the p values of the same tests, shape (k,); NaN where nothing is tested."""
        ...


@dataclass(frozen=True)
class SomeLimits:
    """Limits of some of the estimates.

    Attributes
    ----------
    limits : Limits
    rows : ndarray of int, shape (k,)
    """

    limits: Limits
    rows: IntArray

    def interval(self, conf_level: float) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper limits."""
        low, high = self.limits.interval(conf_level)
        return low[self.rows], high[self.rows]

    def p_values(self) -> FloatArray:
        """Return p values."""
        return self.limits.p_values()[self.rows]


@dataclass(frozen=True)
class StackedLimits:
    """Limits of several analyses, one below the other.

    Attributes
    ----------
    parts : tuple of Limits
    """

    parts: tuple[Limits, ...]

    def interval(self, conf_level: float) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper limits."""
        ends = [p.interval(conf_level) for p in self.parts]
        return np.concatenate([low for low, _ in ends]), np.concatenate([high for _, high in ends])

    def p_values(self) -> FloatArray:
        """Return p values."""
        return np.concatenate([p.p_values() for p in self.parts])
