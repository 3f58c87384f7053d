"""A log-rank test for interval-censored times, by permutation of scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.interval.innermost import innermost_intervals
from trdstats.kernels.interval.turnbull import turnbull


@dataclass(frozen=True, slots=True)
class ScoreTest:
    """A permutation test of scores.

    Attributes
    ----------
    score : ndarray, shape (n,)
        Of the subjects; they sum to 0.
    total : ndarray, shape (g,)
        Sum of the scores of each group: events less those expected, positive where events
        come early.
    variance : ndarray, shape (g, g)
        Covariance of the totals over all permutations of the groups.
    statistic : float
        Chi-squared.
    df : int
    p_value : float
    """

    score: FloatArray
    total: FloatArray
    variance: FloatArray
    statistic: float
    df: int
    p_value: float


def log_rank_scores(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return the log-rank score of each subject, shape (n,).

    Parameters
    ----------
    left, right : ndarray, shape (n,)
        As for `turnbull`.

    Notes
    -----
    With S the estimate of all subjects together and H its cumulative hazard, the sum of
    p_j / S_(j-1), the score of (l, r] is (S(r) H(r) - S(l) H(l)) / (S(l) - S(r)); S H is 0 where
    S is 0. An exact time has 1 - H(t), one censored on the right -H(t): the scores of the
    log-rank test.

    References
    ----------
    Sun 1996, Stat Med 15:1387-1395; Fay and Shaw 2010, J Stat Softw 36(2):1-34,
    doi:10.18637/jss.v036.i02.
    """
    cells = innermost_intervals(left, right)
    pooled = turnbull(left, right, tolerance=1e-12)
    mass = np.zeros(len(cells.lower))
    mass[np.searchsorted(cells.upper, pooled.upper)] = pooled.mass
    survival = np.append(np.cumsum(mass[::-1])[::-1], 0.0)  # before each cell, and after the last
    before = survival[:-1]
    hazard = np.cumsum(np.divide(mass, before, out=np.zeros_like(mass), where=before > 0))
    product = survival * np.concatenate(([0.0], hazard))
    ends, starts = cells.last + 1, cells.first
    total = np.concatenate(([0.0], np.cumsum(mass)))
    score: FloatArray = (product[ends] - product[starts]) / (total[ends] - total[starts])
    return score


def permutation_test(score: FloatArray, group: IntArray, n_groups: int) -> ScoreTest:
    """Compare sums of scores between groups by their moments over all permutations.

    Parameters
    ----------
    score : ndarray, shape (n,)
    group : ndarray of int, shape (n,)
    n_groups : int

    Notes
    -----
    The covariance is s2 (diag(n_g) - n_g n_h / n), s2 the variance of the scores with n - 1.
    """
    n = len(score)
    size = np.bincount(group, minlength=n_groups).astype(float)
    centred = score - score.mean()
    total = np.bincount(group, weights=centred, minlength=n_groups).astype(float)
    spread = float(centred @ centred) / max(n - 1, 1)
    variance = spread * (np.diag(size) - np.outer(size, size) / n)
    df = int((size > 0).sum()) - 1
    if df < 1 or not spread > 0:
        return ScoreTest(score, total, variance, float("nan"), max(df, 0), float("nan"))
    # The inverse of the covariance without its redundant direction is diag(1 / n_g) / s2.
    used = size > 0
    statistic = float(np.sum(total[used] ** 2 / size[used])) / spread
    return ScoreTest(score, total, variance, statistic, df, float(chi2.sf(statistic, df)))
