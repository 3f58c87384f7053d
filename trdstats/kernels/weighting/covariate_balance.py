"""Balance of the covariates of two weighted groups.

References
----------
Austin and Stuart 2015, Stat Med 34:3661-3679, doi:10.1002/sim.6607.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.weighting.distribution_gap import CutColumn

_ROWS = 4096  # rows in a block that stays in the processor's cache


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
    group = np.repeat([0, 1], [len(a), len(b)])
    groups = CompareGroups(np.concatenate([a, b]), group, 2)
    return groups.compare(0, 1, np.concatenate([wa, wb]))


class CompareGroups:
    """Compares the columns of several groups by one set of weights or another.

    Every column is cut once, however many pairs of groups and sets of weights there are.

    Parameters
    ----------
    X : ndarray, shape (n, q)
    group : ndarray of int, shape (n,)
    k : int
        Number of groups; none is empty.
    """

    def __init__(self, X: FloatArray, group: IntArray, k: int) -> None:
        self._rows = [np.flatnonzero(group == g) for g in range(k)]
        # From one of the values, so that a column of equal values has a spread of exactly 0.
        self._first = np.array([X[rows[0]] for rows in self._rows])
        self._from_first = [X[rows] - X[rows[0]] for rows in self._rows]
        # One row alone has no spread.
        self._spread = [
            x.var(axis=0, ddof=1) if len(x) > 1 else np.full(X.shape[1], np.nan)
            for x in self._from_first
        ]
        self._is_marks = np.array(
            [((x == 0) | (x == 1)).all(axis=0) for x in (X[rows] for rows in self._rows)]
        )
        self._columns = [CutColumn.of(x) for x in X.T]

    def compare(self, a: int, b: int, weight: FloatArray) -> Balance:
        """Compare two groups, first less second.

        Parameters
        ----------
        a, b : int
        weight : ndarray, shape (n,)
            Of the rows.
        """
        (ma, va), (mb, vb) = self._weighted(a, weight), self._weighted(b, weight)
        gap = (ma - mb) + (self._first[a] - self._first[b])
        spread = np.sqrt((self._spread[a] + self._spread[b]) / 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            standardised = np.where(gap == 0, 0.0, gap / spread)
            ratio = va / vb
        ratio = np.where(self._is_marks[a] & self._is_marks[b], np.nan, ratio)
        rows = self._rows[a], self._rows[b]
        of_a, of_b = weight[rows[0]], weight[rows[1]]
        steps = of_a / of_a.sum(), of_b / of_b.sum()
        distance = np.array([column.largest_gap(rows, steps) for column in self._columns])
        return Balance(standardised, ratio, distance)

    def _weighted(self, g: int, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean (from the first value) and variance of the columns of a group."""
        x, w = self._from_first[g], weight[self._rows[g]]
        part = w / w.sum()
        mean = part @ x
        squares = np.zeros(x.shape[1])
        for begin in range(0, len(x), _ROWS):
            rows = slice(begin, begin + _ROWS)
            squares += part[rows] @ (x[rows] - mean) ** 2
        left = 1 - part @ part
        return mean, squares / left if left > 0 else np.full_like(squares, np.nan)


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
