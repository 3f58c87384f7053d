"""Weighted log-rank tests of several groups, with strata."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class RankTest:
    """A log-rank test.

    Attributes
    ----------
    observed, expected : ndarray, shape (g,)
        Weighted numbers of events in each group.
    variance : ndarray, shape (g, g)
        Hypergeometric covariance of observed - expected.
    statistic : float
        Chi-squared.
    df : int
        Groups with events at risk, less one.
    p_value : float
    """

    observed: FloatArray
    expected: FloatArray
    variance: FloatArray
    statistic: float
    df: int
    p_value: float


def log_rank(
    time: FloatArray,
    event: npt.NDArray[np.bool_],
    group: IntArray,
    n_groups: int,
    *,
    stratum: IntArray | None = None,
    rho: float = 0.0,
    gamma: float = 0.0,
) -> RankTest:
    """Compare groups by the weighted log-rank test.

    Parameters
    ----------
    time : ndarray, shape (n,)
    event : ndarray of bool, shape (n,)
    group : ndarray of int, shape (n,)
        Codes 0 to ``n_groups - 1``.
    n_groups : int
    stratum : ndarray of int, shape (n,), optional
        The test compares within strata.
    rho, gamma : float
        Fleming-Harrington weights ``S(t-)**rho (1 - S(t-))**gamma`` from the pooled curve of
        the stratum; 0, 0 is the log-rank, 1, 0 the Peto-Peto test.

    References
    ----------
    Harrington and Fleming 1982, Biometrika 69:553-566, doi:10.1093/biomet/69.3.553.
    """
    observed, expected = np.zeros(n_groups), np.zeros(n_groups)
    variance = np.zeros((n_groups, n_groups))
    strata = np.zeros(len(time), dtype=np.intp) if stratum is None else stratum
    for s in np.unique(strata):
        mine = strata == s
        o, e, v = _one_stratum(time[mine], event[mine], group[mine], n_groups, rho, gamma)
        observed, expected, variance = observed + o, expected + e, variance + v
    # A group that is never at risk at an event has nothing to compare.
    used = np.flatnonzero(np.diag(variance) > 0)
    df = max(len(used) - 1, 0)
    statistic = 0.0
    if df:
        keep = used[:-1]  # the rows sum to 0, so any one of them can go
        gap = (observed - expected)[keep]
        statistic = float(gap @ np.linalg.solve(variance[np.ix_(keep, keep)], gap))
    p = float(chi2.sf(statistic, df)) if df else float("nan")
    return RankTest(observed, expected, variance, statistic if df else float("nan"), df, p)


def _one_stratum(
    time: FloatArray,
    event: npt.NDArray[np.bool_],
    group: IntArray,
    n_groups: int,
    rho: float,
    gamma: float,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    moments, place = np.unique(time, return_inverse=True)
    m = len(moments)
    cell = place * n_groups + group
    leaving = np.bincount(cell, minlength=m * n_groups).reshape(m, n_groups)
    events = np.bincount(cell, weights=event, minlength=m * n_groups).reshape(m, n_groups)
    at_risk = np.cumsum(leaving[::-1], axis=0)[::-1].astype(float)
    d, y = events.sum(axis=1), at_risk.sum(axis=1)
    happens = d > 0
    events, at_risk, d, y = events[happens], at_risk[happens], d[happens], y[happens]
    before = np.concatenate(([1.0], np.cumprod(1 - d / y)[:-1])) if len(d) else np.empty(0)
    # 0 ** 0 is 1: the plain log-rank weighs every event alike.
    weight = before**rho * (1 - before) ** gamma
    share = at_risk / y[:, None]
    observed = weight @ events
    expected = (weight * d) @ share
    spread = weight**2 * d * np.where(y > 1, (y - d) / np.where(y > 1, y - 1, 1), 0.0)
    variance = np.diag(spread @ share) - (share * spread[:, None]).T @ share
    return observed, expected, variance
