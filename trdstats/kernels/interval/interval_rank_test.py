"""A log-rank test for interval-censored times, from the scores of the subjects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.interval.innermost import innermost_intervals
from trdstats.kernels.interval.late_entry import npmle
from trdstats.kernels.numerics.stacking import WeightModel
from trdstats.kernels.numerics.tails import chi2_sf
from trdstats.kernels.risk_sets.rank_tests import chi_squared


@dataclass(frozen=True, slots=True)
class ScoreTest:
    """A test of scores.

    Attributes
    ----------
    score : ndarray, shape (n,)
        Of the subjects; with their weights they sum to 0.
    total : ndarray, shape (g,)
        Sum of the scores of each group: events less those expected, positive where events
        come early.
    variance : ndarray, shape (g, g)
        Covariance of the totals.
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


def log_rank_scores(
    left: FloatArray,
    right: FloatArray,
    weight: FloatArray | None = None,
    entry: FloatArray | None = None,
) -> FloatArray:
    """Return the log-rank score of each subject, shape (n,).

    Parameters
    ----------
    left, right, weight, entry
        As for `npmle`; no subject comes after all under observation had had the event.

    Notes
    -----
    With S the estimate of all subjects together and H its cumulative hazard, the sum of
    p_j / S_(j-1), the score of (l, r] is (S(r) H(r) - S(l) H(l)) / (S(l) - S(r)); S H is 0 where
    S is 0. An exact time has 1 - H(t), one censored on the right -H(t): the scores of the
    log-rank test. H at the entry is added, as the subject was not at risk before.

    References
    ----------
    Sun 1996, Stat Med 15:1387-1395; Fay and Shaw 2010, J Stat Softw 36(2):1-34,
    doi:10.18637/jss.v036.i02.
    """
    cells = innermost_intervals(left, right, entry)
    pooled = npmle(left, right, weight, entry, tolerance=1e-12)
    mass = np.zeros(len(cells.lower))
    mass[np.searchsorted(cells.upper, pooled.upper)] = pooled.mass
    survival = np.append(np.cumsum(mass[::-1])[::-1], 0.0)  # before each cell, and after the last
    before = survival[:-1]
    hazard = np.cumsum(np.divide(mass, before, out=np.zeros_like(mass), where=before > 0))
    cumulative = np.concatenate(([0.0], hazard))
    product = survival * cumulative
    ends, starts = cells.last + 1, cells.first
    total = np.concatenate(([0.0], np.cumsum(mass)))
    score: FloatArray = (product[ends] - product[starts]) / (total[ends] - total[starts])
    if entry is None:
        return score
    came = np.where(entry > 0, np.searchsorted(cells.upper, entry, side="right"), 0)
    return score + cumulative[came]


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
    return ScoreTest(score, total, variance, statistic, df, float(chi2_sf(statistic, df)))


def influence_test(
    score: FloatArray,
    weight: FloatArray,
    group: IntArray,
    n_groups: int,
    model: WeightModel | None = None,
) -> ScoreTest:
    """Compare weighted sums of scores between groups by what each subject adds to them.

    Parameters
    ----------
    score, weight : ndarray, shape (n,)
        The weighted scores sum to 0. The weights are scaled to mean 1.
    group : ndarray of int, shape (n,)
    n_groups : int
    model : WeightModel, optional
        The model the weights were estimated by.

    Notes
    -----
    A subject adds w score (1[group] - proportion in the group): the curve of all, from which scores
    come, takes part of each away. The cross-product is the covariance where visits and entries are
    alike in all groups.
    """
    weight = weight / weight.mean()
    belongs = np.zeros((len(group), n_groups))
    belongs[np.arange(len(group)), group] = 1.0
    each = (weight * score)[:, None] * (belongs - weight @ belongs / weight.sum())
    total = (weight * score) @ belongs
    variance = each.T @ each if model is None else model.covariance(each)
    statistic, df = chi_squared(total, variance)
    p_value = float(chi2_sf(statistic, df)) if df else float("nan")
    return ScoreTest(score, total, variance, statistic, df, p_value)
