"""Weighted log-rank tests of several groups, with strata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import connected_components

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.numerics.stacking import WeightModel
from trdstats.kernels.numerics.tails import chi2_sf
from trdstats.kernels.risk_sets.follow_up import Counts, FollowUp, count

# Eigenvalues of a correlation that are 0 up to the rounding of sums over thousands of subjects.
_RANK = 1e-10


@dataclass(frozen=True, slots=True)
class RankTest:
    """A log-rank test.

    Attributes
    ----------
    observed, expected : ndarray, shape (g,)
        Weighted numbers of events in each group.
    variance : ndarray, shape (g, g)
        Covariance of observed - expected.
    statistic : float
        Chi-squared.
    df : int
        Rank of the covariance: groups at risk at events, less one for each set of groups that
        are at risk together; 1 for a trend.
    p_value : float
    """

    observed: FloatArray
    expected: FloatArray
    variance: FloatArray
    statistic: float
    df: int
    p_value: float


@dataclass(frozen=True, slots=True)
class RankScores:
    """Weighted sums of observed less expected events, one or several weightings of time together.

    Attributes
    ----------
    observed, expected : ndarray, shape (v, g)
        One row a weighting of time.
    variance : ndarray, shape (v, v, g, g)
        Covariance of observed - expected between weightings.
    """

    observed: FloatArray
    expected: FloatArray
    variance: FloatArray


Weighting = tuple[float, float]  # rho and gamma of S(t-)^rho (1 - S(t-))^gamma


def rank_scores(
    follow_up: FollowUp,
    group: IntArray,
    n_groups: int,
    weightings: Sequence[Weighting],
    *,
    stratum: IntArray | None = None,
    robust: bool = False,
    model: WeightModel | None = None,
) -> RankScores:
    """Sum up observed and expected events of groups.

    Parameters
    ----------
    follow_up : FollowUp
        Status 1 is the event; any other is censored.
    group : ndarray of int, shape (n,)
        Codes 0 to ``n_groups - 1``.
    n_groups : int
    weightings : sequence of (rho, gamma)
        Fleming-Harrington weights ``S(t-)**rho (1 - S(t-))**gamma`` of the pooled curve of the
        stratum; (0, 0) is the log-rank, (1, 0) the Peto-Peto test.
    stratum : ndarray of int, shape (n,), optional
        Groups are compared within strata.
    robust : bool
        Covariance from the subjects' scores (Lin and Wei 1989), as weights that are no counts
        ask for; hypergeometric otherwise.
    model : WeightModel, optional
        The model the weights were estimated by; the robust covariance then knows of it.

    References
    ----------
    Harrington and Fleming 1982, Biometrika 69:553-566, doi:10.1093/biomet/69.3.553. Lin and Wei
    1989, J Am Stat Assoc 84:1074-1078, doi:10.1080/01621459.1989.10478874.
    """
    v = len(weightings)
    observed, expected = np.zeros((v, n_groups)), np.zeros((v, n_groups))
    variance = np.zeros((v, v, n_groups, n_groups))
    each = np.zeros((len(group), v, n_groups)) if robust else np.empty((0, v, n_groups))
    several = (
        [None] if stratum is None else [np.flatnonzero(stratum == s) for s in np.unique(stratum)]
    )
    for rows in several:
        part, codes = (follow_up, group) if rows is None else (follow_up.take(rows), group[rows])
        o, e, c, scores = _one_stratum(part, codes, n_groups, weightings, robust)
        observed, expected, variance = observed + o, expected + e, variance + c
        if robust:
            each[slice(None) if rows is None else rows] = scores
    if robust:
        flat = each.reshape(len(group), v * n_groups)
        covariance = flat.T @ flat if model is None else model.covariance(flat)
        shaped = covariance.reshape(v, n_groups, v, n_groups)
        variance = shaped.transpose(0, 2, 1, 3)
    return RankScores(observed, expected, variance)


def log_rank(
    scores: RankScores, *, weighting: int = 0, trend: FloatArray | None = None
) -> RankTest:
    """Return the test that all groups have one curve.

    Parameters
    ----------
    scores : RankScores
    weighting : int
        Which weighting of time.
    trend : ndarray, shape (g,), optional
        Scores of ordered groups: the test is then of a trend along them, with 1 df.
    """
    o, e = scores.observed[weighting], scores.expected[weighting]
    V = scores.variance[weighting, weighting]
    statistic, df = chi_squared(o - e, V)
    if df and trend is not None:
        df = 1
        spread = float(trend @ V @ trend)
        statistic = float(trend @ (o - e)) ** 2 / spread if spread > 0 else float("nan")
    p = float(chi2_sf(statistic, df)) if df else float("nan")
    return RankTest(o, e, V, statistic, df, p)


def chi_squared(gap: FloatArray, V: FloatArray) -> tuple[float, int]:
    """Return gap' V^- gap and the rank of V; NaN and 0 where nothing varies.

    A group that is never at risk at an event has nothing to compare. The gaps of groups that are
    at risk together sum to 0, and so do their rows of V: one each of them can go.
    """
    used = np.flatnonzero(np.diag(V) > 0)
    if not len(used):
        return float("nan"), 0
    size = np.sqrt(np.diag(V)[used])
    value, vector = np.linalg.eigh(V[np.ix_(used, used)] / np.outer(size, size))
    free = value > _RANK * value[-1]
    score = vector.T[free] @ (gap[used] / size)
    return float(np.sum(score**2 / value[free])), int(free.sum())


def sets_at_risk_together(V: FloatArray) -> list[IntArray]:
    """Return the groups that events compare with each other, one set beside the other.

    Parameters
    ----------
    V : ndarray, shape (g, g)
        Covariance of observed - expected.
    """
    used = np.flatnonzero(np.diag(V) > 0)
    n, code = connected_components(V[np.ix_(used, used)] != 0, directed=False)
    return [used[code == k] for k in range(n)]


def _one_stratum(
    follow_up: FollowUp,
    group: IntArray,
    n_groups: int,
    weightings: Sequence[Weighting],
    robust: bool,
) -> tuple[FloatArray, FloatArray, FloatArray | float, FloatArray | float]:
    """Return observed, expected, and the hypergeometric covariance or the subjects' scores."""
    # One cause a group: counting them together keeps the risk sets on one grid of times.
    event = follow_up.status == 1
    counts = count(
        FollowUp(follow_up.time, np.where(event, group + 1, 0), follow_up.entry, follow_up.weight),
        n_groups,
    )
    place, start, m = counts.place, counts.start, len(counts.time)
    leaving = np.bincount(
        place * n_groups + group, weights=follow_up.weight, minlength=m * n_groups
    )
    at_risk = np.cumsum(leaving.reshape(m, n_groups)[::-1], axis=0)[::-1]
    if start.any():
        late = start > 0
        cell = (start[late] - 1) * n_groups + group[late]
        entered = np.bincount(cell, weights=follow_up.weight[late], minlength=m * n_groups)
        at_risk = at_risk - np.cumsum(entered.reshape(m, n_groups)[::-1], axis=0)[::-1]
    events, y = counts.n_event, counts.n_risk
    d = events.sum(axis=1)
    happens = d > 0
    y = np.where(happens, y, 1.0)
    before = np.concatenate(([1.0], np.cumprod(np.maximum(1 - d / y, 0.0))[:-1]))
    # 0 ** 0 is 1: the plain log-rank weights every event equally.
    W = np.stack([np.where(happens, before**r * (1 - before) ** g, 0.0) for r, g in weightings])
    proportion = at_risk / y[:, None]
    observed = W @ events
    expected = (W * d) @ proportion
    if robust:
        return (
            observed,
            expected,
            0.0,
            _scores(follow_up, group, n_groups, counts, W, proportion, d / y),
        )
    spread = d * np.where(y > 1, (y - d) / np.where(y > 1, y - 1, 1), 0.0)
    v = len(W)
    variance = np.empty((v, v, n_groups, n_groups))
    for j in range(v):
        for k in range(v):
            s = W[j] * W[k] * spread
            variance[j, k] = np.diag(s @ proportion) - (proportion * s[:, None]).T @ proportion
    return observed, expected, variance, 0.0


def _scores(
    follow_up: FollowUp,
    group: IntArray,
    n_groups: int,
    counts: Counts,
    W: FloatArray,
    proportion: FloatArray,
    hazard: FloatArray,
) -> FloatArray:
    """Return the subjects' scores, shape (n, v, g).

    The score of a subject is the sum over its time at risk of w W (1[group] - proportion) (dN -
    hazard).
    """
    place, start = counts.place, counts.start
    event = follow_up.status == 1
    each = []
    for weight in W:
        hazard_part = np.append(0.0, np.cumsum(weight * hazard))
        shared = np.vstack(
            (np.zeros(n_groups), np.cumsum((weight * hazard)[:, None] * proportion, 0))
        )
        score = (
            shared[place + 1] - shared[start] - (event * weight[place])[:, None] * proportion[place]
        )
        subjects = np.arange(len(group))
        score[subjects, group] += event * weight[place] - (
            hazard_part[place + 1] - hazard_part[start]
        )
        each.append(score * follow_up.weight[:, None])
    return np.stack(each, axis=1)
