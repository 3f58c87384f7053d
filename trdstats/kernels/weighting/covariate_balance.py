"""Balance of the covariates of two weighted groups.

References
----------
Austin and Stuart 2015, Stat Med 34:3661-3679, doi:10.1002/sim.6607.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Balance:
    """Differences of each column between two groups; each of shape (q,).

    Attributes
    ----------
    standardised : ndarray
        Weighted means, first less second, over the root of the mean of the unweighted variances.
    variance_ratio : ndarray
        Weighted variances, first over second; NaN for columns of 0 and 1.
    distance : ndarray
        Kolmogorov-Smirnov: the largest gap between the weighted distribution functions.
    """

    standardised: FloatArray
    variance_ratio: FloatArray
    distance: FloatArray


def balance(a: FloatArray, b: FloatArray, wa: FloatArray, wb: FloatArray) -> Balance:
    """Compare the columns of two groups.

    Parameters
    ----------
    a, b : ndarray, shape (n, q) and (m, q)
    wa, wb : ndarray, shape (n,) and (m,)
    """
    binary = np.array([np.isin(np.concatenate([x, y]), (0.0, 1.0)).all()
                       for x, y in zip(a.T, b.T, strict=True)])  # fmt: skip
    # From one of the values, so that a column of equal values has a spread of exactly 0.
    a, b = a - a[:1], b - a[:1]
    spread = np.sqrt((a.var(axis=0, ddof=1) + b.var(axis=0, ddof=1)) / 2)
    ma, mb = np.average(a, axis=0, weights=wa), np.average(b, axis=0, weights=wb)
    gap = ma - mb
    with np.errstate(divide="ignore", invalid="ignore"):
        standardised = np.where(gap == 0, 0.0, gap / spread)
        ratio = _variance(a, ma, wa) / _variance(b, mb, wb)
    distance = [_distance(x, y, wa, wb) for x, y in zip(a.T, b.T, strict=True)]
    return Balance(standardised, np.where(binary, np.nan, ratio), np.array(distance))


def _variance(x: FloatArray, mean: FloatArray, w: FloatArray) -> FloatArray:
    weights = w / w.sum()
    return np.asarray(weights @ (x - mean) ** 2 / (1 - weights @ weights))


def _distance(x: FloatArray, y: FloatArray, wx: FloatArray, wy: FloatArray) -> float:
    values, place = np.unique(np.concatenate([x, y]), return_inverse=True)
    weights = np.concatenate([wx / wx.sum(), -wy / wy.sum()])
    return float(np.abs(np.cumsum(np.bincount(place, weights, len(values)))).max())


def overlapping_coefficient(a: FloatArray, b: FloatArray, bins: int = 20) -> float:
    """Return the common area of the histograms of two samples, 0 to 1."""
    edges = np.linspace(min(a.min(), b.min()), max(a.max(), b.max()), bins + 1)
    pa, pb = (np.histogram(v, edges)[0] / len(v) for v in (a, b))
    return float(np.minimum(pa, pb).sum())


def c_statistic(a: FloatArray, b: FloatArray) -> float:
    """Return the chance that a value of the first sample is above one of the second."""
    both = np.sort(b)
    below = np.searchsorted(both, a, side="left")
    ties = np.searchsorted(both, a, side="right") - below
    return float((below + ties / 2).sum() / (len(a) * len(b)))


def category_difference(a: FloatArray, b: FloatArray) -> float:
    """Return the standardised difference of a category between two groups, at least 0.

    The distance between the proportions of all levels but one in the metric of their mean
    covariance; of two levels the absolute difference over the root of the mean variance, p (1 - p).

    Parameters
    ----------
    a, b : ndarray, shape (n,) and (m,)
        Levels as numbers.

    Returns
    -------
    float
        Infinite where a group has one level and the other none of it.

    References
    ----------
    Yang and Dalton 2012, SAS Global Forum, paper 335, equation 2.
    """
    levels = np.union1d(a, b)
    if len(levels) < 2:
        return 0.0
    p, q = (np.array([(x == level).mean() for level in levels[1:]]) for x in (a, b))
    gap = p - q
    spread = (np.diag(p) - np.outer(p, p) + np.diag(q) - np.outer(q, q)) / 2
    if not gap.any():
        return 0.0
    inverse = np.linalg.pinv(spread, rcond=1e-12, hermitian=True)
    # Where the gap points out of the range of the spread, no distance is finite.
    if np.abs(spread @ (inverse @ gap) - gap).max() > 1e-8:
        return float(np.inf)
    return float(np.sqrt(gap @ inverse @ gap))
