"""Tests of a two-by-two table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2, fisher_exact


@dataclass(frozen=True, slots=True)
class Test:
    """A test.

    Attributes
    ----------
    statistic : float
        Chi-squared; NaN for an exact test.
    df : int
    p_value : float
        Two-sided.
    """

    statistic: float
    df: int
    p_value: float


def _chi_squared(x1: int, n1: int, x0: int, n0: int, shrink: float) -> Test:
    total, events = n1 + n0, x1 + x0
    if min(n1, n0) == 0 or events in (0, total):
        return Test(float("nan"), 1, float("nan"))
    gap = max(abs(x1 * (n0 - x0) - x0 * (n1 - x1)) - shrink * total, 0.0)
    statistic = total * gap**2 / (float(n1) * n0 * events * (total - events))
    return Test(statistic, 1, float(chi2.sf(statistic, 1)))


def pearson_test(x1: int, n1: int, x0: int, n0: int) -> Test:
    """Return Pearson's chi-squared test, uncorrected; NaN when a margin is empty.

    Parameters
    ----------
    x1, n1, x0, n0 : int
        Events and subjects of the two groups.

    Examples
    --------
    >>> round(pearson_test(10, 31, 2, 25).p_value, 3)
    0.028
    """
    return _chi_squared(x1, n1, x0, n0, 0.0)


def yates_test(x1: int, n1: int, x0: int, n0: int) -> Test:
    """Return the chi-squared test with Yates' correction for continuity."""
    return _chi_squared(x1, n1, x0, n0, 0.5)


def fisher_test(x1: int, n1: int, x0: int, n0: int) -> Test:
    """Return Fisher's exact test, two-sided: tables no more probable than the one seen."""
    if min(n1, n0) == 0:
        return Test(float("nan"), 1, float("nan"))
    p = fisher_exact(np.array([[x1, n1 - x1], [x0, n0 - x0]])).pvalue
    return Test(float("nan"), 1, float(p))
