"""Gray's test that a cause has the same cumulative incidence in all groups.

References
----------
Gray 1988, Ann Stat 16:1141-1154, doi:10.1214/aos/1176350951.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.numerics.distinct import distinct
from trdstats.kernels.numerics.tails import chi2_sf
from trdstats.kernels.risk_sets.follow_up import FollowUp
from trdstats.kernels.risk_sets.rank_tests import chi_squared


@dataclass(frozen=True, slots=True)
class GrayScores:
    """Scores of a cause and what tells their covariance.

    Attributes
    ----------
    score : ndarray, shape (g,)
        Weighted events of each group less those expected of its subdistribution risk sets.
    covariance : ndarray, shape (g, g)
        Gray's.
    each : ndarray, shape (n, g)
        Influence of the subjects on the scores; their cross-product is the robust covariance.
        Empty where it was not asked for.
    """

    score: FloatArray
    covariance: FloatArray
    each: FloatArray


@dataclass(frozen=True, slots=True)
class _Grid:
    """Weighted counts of all groups at the distinct times of events; shapes (g, m).

    Attributes
    ----------
    time : ndarray, shape (m,)
    at_risk, of_cause, others : ndarray, shape (g, m)
        Under observation, events of the cause, and competing events.
    before, after : ndarray, shape (g, m)
        Probability of no event of any kind before, and up to, each time.
    """

    time: FloatArray
    at_risk: FloatArray
    of_cause: FloatArray
    others: FloatArray
    before: FloatArray
    after: FloatArray

    @classmethod
    def of(cls, data: FollowUp, kind: IntArray, group: IntArray, n_groups: int) -> _Grid:
        happened = np.flatnonzero(kind)
        time, place = distinct(data.time[happened])
        m = len(time)
        cell = ((kind[happened] - 1) * n_groups + group[happened]) * m + place
        counts = np.bincount(cell, weights=data.weight[happened], minlength=2 * n_groups * m)
        of_cause, others = np.asarray(counts, dtype=float).reshape(2, n_groups, m)
        at_risk = np.empty((n_groups, m))
        for k in range(n_groups):
            at_risk[k] = data.take(np.flatnonzero(group == k)).at_risk(time)
        hazard = np.divide(of_cause + others, at_risk, out=np.zeros_like(at_risk),
                           where=at_risk > 0)  # fmt: skip
        # All at risk had an event: what rounding leaves of the sum of weights is 0.
        kept = np.where(hazard > 1 - 1e-12, 0.0, 1 - hazard)
        after: FloatArray = np.cumprod(kept, axis=1, dtype=float)
        before = np.ones_like(after)
        before[:, 1:] = after[:, :-1]
        return cls(time, at_risk, of_cause, others, before, after)


def gray_scores(
    data: FollowUp,
    group: IntArray,
    n_groups: int,
    cause: int,
    rho: float,
    *,
    robust: bool = False,
) -> GrayScores:
    """Compare the incidence of a cause between groups.

    With R = Y (1 - F(t-)) / S(t-) the risk sets of the subdistribution, the score of a group sums
    L (dN - R dN. / R.) with L = (1 - F0(t-))^rho. Its covariance follows from the martingales of
    both kinds of events, each by the derivative of the incidence with respect to it (Gray 1988,
    section 3), ties by the hypergeometric factor, as cmprsk. The influences are those martingales
    subject by subject. Delayed entry and weights are in Y, dN and the curves.

    Parameters
    ----------
    data : FollowUp
        Status 0 is censored; any but 0 and `cause` competes.
    group : ndarray of int, shape (n,)
        0 to ``n_groups - 1``.
    n_groups : int
    cause : int
    rho : float
        Power of the weights.
    robust : bool
        Whether to return the influences.
    """
    kind = np.where(data.status == cause, 1, np.where(data.status > 0, 2, 0))
    grid = _Grid.of(data, kind, group, n_groups)
    Y, S, S_before, m = grid.at_risk, grid.after, grid.before, len(grid.time)
    if not m:  # no event at all
        nothing = np.zeros((len(group) if robust else 0, n_groups))
        return GrayScores(np.zeros(n_groups), np.zeros((n_groups, n_groups)), nothing)
    there = Y > 0
    safe = np.where(there, Y, 1.0)
    F = np.cumsum(S_before * grid.of_cause / safe, axis=1)
    F_before = np.zeros_like(F)
    F_before[:, 1:] = F[:, :-1]
    # Past the last of a group nothing of it is at risk, though its curve may be 0.
    counted = there & (S_before > 0)
    size = np.where(counted, Y / np.where(S_before > 0, S_before, 1.0), 0.0)
    R = size * (1 - F_before)
    d = grid.of_cause.sum(axis=0)
    size_all, R_all = (np.where(d > 0, v.sum(axis=0), 1.0) for v in (size, R))
    pooled_step = d / size_all
    pooled = np.cumsum(pooled_step)
    pooled_before = np.r_[0.0, pooled[:-1]]
    with np.errstate(invalid="ignore"):
        # Past 1 only a whole power is defined; NaN goes on to the statistic.
        L = np.where(d > 0, (1 - pooled_before) ** rho, 0.0)
    score = (L * (grid.of_cause - d * R / R_all)).sum(axis=1)

    # One group alone has nothing to compare, though the pooled incidence may be 1.
    several = (d > 0) & (np.count_nonzero(size, axis=0) > 1)
    hazard = np.zeros(m)
    with np.errstate(divide="ignore", invalid="ignore"):
        np.divide(pooled_step, 1 - pooled_before, out=hazard, where=several)
    proportion = size / size_all
    known = S > 0
    lost = np.where(known, (1 - pooled) / np.where(known, S, 1.0), 0.0)
    # Slope of the score of group k by the martingales of group r, of the cause and of the others;
    # those of the last group make the sum 0.
    g = n_groups
    one, two = np.zeros((g, g, m)), np.zeros((g, g, m))
    for k in range(g - 1):
        for r in range(g):
            a = -L * size[k] * proportion[r] if r != k else L * size[k] * (1 - proportion[k])
            with np.errstate(invalid="ignore"):
                sums = np.cumsum(a * hazard)
            later = sums[-1] - sums
            two[k, r] = lost[r] * later
            one[k, r] = a + np.where(known[r], later - two[k, r], later)
    one[g - 1], two[g - 1] = -one[:-1].sum(axis=0), -two[:-1].sum(axis=0)

    scale = np.where(counted, S_before / safe, 0.0)
    ties = np.maximum(d - 1, 0.0) / np.maximum(size_all * S_before - 1, 1e-300)
    spread = np.where(d > 0, (1 - ties) * scale * pooled_step, 0.0)
    ties = np.where(grid.others > 1, (grid.others - 1) / np.maximum(Y - 1, 1.0), 0.0)
    spread_others = np.where(known, (1 - ties) * scale**2 * grid.others, 0.0)
    covariance = np.zeros((g, g))
    for k in range(g):
        for j in range(k + 1):
            value = np.vdot(one[k] * one[j], spread) + np.vdot(two[k] * two[j], spread_others)
            covariance[k, j] = covariance[j, k] = value
    each = np.empty((0, g))
    if robust:
        drift = one * (scale * pooled_step / np.where(S_before > 0, S_before, 1.0))
        drift -= two * np.where(known, scale * grid.others / safe, 0.0)
        each = _influences(data, kind, group, grid, one * scale, two * scale, drift)
    return GrayScores(score, covariance, each)


def _influences(
    data: FollowUp, kind: IntArray, group: IntArray, grid: _Grid,
    one: FloatArray, two: FloatArray, drift: FloatArray,
) -> FloatArray:  # fmt: skip
    """Return what each subject adds: its event less what its time at risk let expect, (n, g).

    Parameters
    ----------
    data, kind, group, grid
    one, two : ndarray, shape (g, g, m)
        What an event of the cause, or less what another event, in the second group adds to the
        score of the first.
    drift : ndarray, shape (g, g, m)
        What each time expects of a subject at risk.
    """
    upto = np.searchsorted(grid.time, data.time, side="right")
    since = np.where(
        data.entry > 0, np.searchsorted(grid.time, data.entry, side="right"), 0
    )  # fmt: skip
    at = np.maximum(upto - 1, 0)
    each = np.empty((len(group), len(one)))
    for k in range(len(one)):
        total = np.concatenate((np.zeros((len(one), 1)), np.cumsum(drift[k], axis=1)), axis=1)
        event = np.where(kind == 1, one[k][group, at], np.where(kind == 2, -two[k][group, at], 0.0))
        each[:, k] = data.weight * (event - total[group, upto] + total[group, since])
    return each


@dataclass(frozen=True, slots=True)
class GrayTestValue:
    """Chi-squared of a cause."""

    statistic: float
    df: int
    p_value: float


def gray_test(score: FloatArray, covariance: FloatArray) -> GrayTestValue:
    """Return the test from the scores, of one stratum or summed over strata."""
    if not np.isfinite(covariance).all():
        return GrayTestValue(float("nan"), len(score) - 1, float("nan"))
    statistic, df = chi_squared(score, covariance)
    return GrayTestValue(statistic, df, float(chi2_sf(statistic, df)) if df else float("nan"))
