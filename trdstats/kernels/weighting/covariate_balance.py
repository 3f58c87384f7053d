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

Moments = tuple[FloatArray, FloatArray]
Sums = list[FloatArray]


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

    Rows are put in order of their groups, and every column is cut once, however many pairs of
    groups and sets of weights there are.

    Parameters
    ----------
    X : ndarray, shape (n, q)
    group : ndarray of int, shape (n,)
    k : int
        Number of groups; none is empty.
    """

    def __init__(self, X: FloatArray, group: IntArray, k: int) -> None:
        rows = [np.flatnonzero(group == g) for g in range(k)]
        ends = np.cumsum([len(r) for r in rows]).tolist()
        self._order = np.concatenate(rows)
        self._rows = [slice(end - len(r), end) for r, end in zip(rows, ends, strict=True)]
        columns = np.ascontiguousarray(X.T)[:, self._order]
        self._of_group = [columns[:, rows] for rows in self._rows]
        # From one of the values, so that a column of equal values has a spread of exactly 0.
        self._first = [x[:, 0].copy() for x in self._of_group]
        self._is_marks = [np.array([_are_marks(c) for c in x]) for x in self._of_group]
        self._columns = [CutColumn.of(x) for x in columns]
        self._once = self._weighed(np.ones(len(group)))

    def weigh(self, weight: FloatArray) -> WeighedGroups:
        """Return the groups under weights of the rows, shape (n,)."""
        return WeighedGroups(self, *self._weighed(weight))

    @property
    def unweighted(self) -> WeighedGroups:
        """The groups with a weight of 1 for each row."""
        return WeighedGroups(self, *self._once)

    def _weighed(self, weight: FloatArray) -> tuple[list[FloatArray], list[Moments], list[Sums]]:
        """Return parts, moments and sums as in `WeighedGroups`."""
        given = weight[self._order]
        parts = [given[rows] / given[rows].sum() for rows in self._rows]
        moments = [self._moments(g, part) for g, part in enumerate(parts)]
        sums = [
            [column.sums(rows, part) for column in self._columns]
            for rows, part in zip(self._rows, parts, strict=True)
        ]
        return parts, moments, sums

    def compare(self, a: int, b: int, weight: FloatArray) -> Balance:
        """Compare two groups under weights of the rows, first less second."""
        return self.weigh(weight).compare(a, b)

    def _moments(self, g: int, part: FloatArray) -> Moments:
        """Return mean (from the first value) and variance of the columns of a group.

        Parameters
        ----------
        g : int
        part : ndarray, shape (n_g,)
            Weights that sum to 1.
        """
        x = self._of_group[g]
        mean, squares = np.empty(len(x)), np.empty(len(x))
        for j, (column, first) in enumerate(zip(x, self._first[g], strict=True)):
            gap = column - first
            mean[j] = gap @ part
            gap -= mean[j]
            squares[j] = np.einsum("i,i,i", gap, gap, part)
        left = 1 - part @ part
        # One row alone has no spread.
        alone = len(part) == 1 or not left > 0
        return mean, np.full_like(squares, np.nan) if alone else squares / left


@dataclass(frozen=True, slots=True)
class WeighedGroups:
    """Groups under one set of weights.

    Attributes
    ----------
    groups : CompareGroups
    parts : list of ndarray
        Weights of the rows of each group, which sum to 1.
    moments : list of pair of ndarray
        Mean, from the first value, and variance of the columns in each group.
    sums : list of list of ndarray
        Weight in the cells of each column, by group.
    """

    groups: CompareGroups
    parts: list[FloatArray]
    moments: list[Moments]
    sums: list[Sums]

    def compare(self, a: int, b: int) -> Balance:
        """Compare two groups, first less second."""
        of = self.groups
        (ma, va), (mb, vb) = self.moments[a], self.moments[b]
        gap = (ma - mb) + (of._first[a] - of._first[b])
        unweighted = of._once[1]
        spread = np.sqrt((unweighted[a][1] + unweighted[b][1]) / 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            standardised = np.where(gap == 0, 0.0, gap / spread)
            ratio = va / vb
        ratio = np.where(of._is_marks[a] & of._is_marks[b], np.nan, ratio)
        rows, steps = (of._rows[a], of._rows[b]), (self.parts[a], self.parts[b])
        columns = zip(of._columns, self.sums[a], self.sums[b], strict=True)
        distance = np.array([c.largest_gap(rows, steps, (up, down)) for c, up, down in columns])
        return Balance(standardised, ratio, distance)


def _are_marks(x: FloatArray) -> bool:
    """Return whether values are all 0 or 1; the first of them tell where they are not."""
    few = x[:64]
    return bool(((few == 0) | (few == 1)).all()) and bool(((x == 0) | (x == 1)).all())


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
