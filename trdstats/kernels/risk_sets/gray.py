"""Gray's test that a cause has the same cumulative incidence in all groups.

References
----------
Gray 1988, Ann Stat 16:1141-1154, doi:10.1214/aos/1176350951.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.risk_sets.follow_up import FollowUp, count
from trdstats.kernels.risk_sets.rank_tests import chi_squared


@dataclass(frozen=True, slots=True)
class GrayScores:
    """Scores of a cause and their covariance.

    Attributes
    ----------
    score : ndarray, shape (g,)
        Weighted events of each group less those expected of its subdistribution risk sets.
    covariance : ndarray, shape (g, g)
    """

    score: FloatArray
    covariance: FloatArray


def gray_scores(
    time: FloatArray, status: IntArray, group: IntArray, n_groups: int, cause: int, rho: float
) -> GrayScores:
    """Compare the incidence of a cause between groups.

    With R = Y (1 - F(t-)) / S(t-) the risk sets of the subdistribution, the score of a group sums
    L (dN - R dN. / R.) with L = (1 - F0(t-))^rho. Its covariance follows from the martingales of
    both kinds of events, each by the derivative of the incidence with respect to it (Gray 1988,
    section 3), ties by the hypergeometric factor, as cmprsk.

    Parameters
    ----------
    time : ndarray, shape (n,)
    status : ndarray of int, shape (n,)
        0 censored; any status but 0 and `cause` competes.
    group : ndarray of int, shape (n,)
        0 to ``n_groups - 1``.
    cause : int
    rho : float
        Power of the weights.
    """
    kind = np.where(status == cause, 1, np.where(status > 0, 2, 0))
    # All groups on one grid of times: a cause a group and kind.
    code = np.where(kind > 0, (kind - 1) * n_groups + group + 1, 0)
    n = len(time)
    counts = count(FollowUp(time, code, np.zeros(n), np.ones(n)), 2 * n_groups)
    m = len(counts.time)
    leaving = np.bincount(counts.place * n_groups + group, minlength=m * n_groups)
    Y = np.cumsum(leaving.reshape(m, n_groups)[::-1], axis=0)[::-1].astype(float)
    n_cause, n_competing = counts.n_event[:, :n_groups], counts.n_event[:, n_groups:]
    there = Y > 0
    safe = np.where(there, Y, 1.0)
    S = np.cumprod(np.where(there, 1 - (n_cause + n_competing) / safe, 1.0), axis=0)
    S_before = np.vstack((np.ones(n_groups), S[:-1]))
    F = np.cumsum(S_before * n_cause / safe, axis=0)
    F_before = np.vstack((np.zeros(n_groups), F[:-1]))
    # Past the last of a group nothing of it is at risk, though its curve may be 0.
    size = np.where(there & (S_before > 0), Y / np.where(S_before > 0, S_before, 1.0), 0.0)
    R = size * (1 - F_before)
    d = n_cause.sum(axis=1)
    size_all, R_all = (np.where(d > 0, v.sum(axis=1), 1.0) for v in (size, R))
    pooled = np.cumsum(d / size_all)
    pooled_before = np.r_[0.0, pooled[:-1]]
    with np.errstate(invalid="ignore"):
        # Past 1 only a whole power is defined; NaN goes on to the statistic.
        L = np.where(d > 0, (1 - pooled_before) ** rho, 0.0)
    score = (L[:, None] * (n_cause - d[:, None] * R / R_all[:, None])).sum(axis=0)

    proportion = size / size_all[:, None]
    a = L[:, None, None] * (
        np.einsum("mk,kr->mkr", size, np.eye(n_groups)) - size[:, :, None] * proportion[:, None, :]
    )
    # One group alone has nothing to compare, a is 0 there, though the pooled incidence may be 1.
    several = (d > 0) & (np.count_nonzero(size, axis=1) > 1)
    hazard = np.zeros(m)
    with np.errstate(divide="ignore", invalid="ignore"):
        np.divide(d / size_all, 1 - pooled_before, out=hazard, where=several)
    with np.errstate(invalid="ignore"):
        later = np.cumsum(a * hazard[:, None, None], axis=0)
    later = later[-1] - later
    known = S > 0
    lost = np.where(known, (1 - pooled)[:, None] / np.where(known, S, 1.0), 0.0)
    covariance = np.zeros((n_groups, n_groups))
    # Events of the cause, their hazard from all groups together.
    one = a + np.where(known, 1 - lost, 1.0)[:, None, :] * later
    ties = np.where(d > 1, d - 1, 0.0)[:, None] / np.maximum(
        size_all[:, None] * S_before - 1, 1e-300
    )
    variance = (1 - ties) * S_before * (d / size_all)[:, None] / safe * there
    covariance += np.einsum("mir,mjr,mr->ij", one, one, np.where(d[:, None] > 0, variance, 0.0))
    # Events of the others, each in its own group.
    two = lost[:, None, :] * later
    ties = np.where(n_competing > 1, (n_competing - 1) / np.maximum(Y - 1, 1.0), 0.0)
    variance = np.where(known, (1 - ties) * (S_before / safe) ** 2 * n_competing, 0.0)
    covariance += np.einsum("mir,mjr,mr->ij", two, two, variance)
    return GrayScores(score, covariance)


@dataclass(frozen=True, slots=True)
class GrayTestValue:
    """Chi-squared of a cause."""

    statistic: float
    df: int
    p_value: float


def gray_test(scores: GrayScores) -> GrayTestValue:
    """Return the test from the scores, of one stratum or summed over strata."""
    if not np.isfinite(scores.covariance).all():
        return GrayTestValue(float("nan"), len(scores.score) - 1, float("nan"))
    statistic, df = chi_squared(scores.score, scores.covariance)
    return GrayTestValue(statistic, df, float(chi2.sf(statistic, df)) if df else float("nan"))
