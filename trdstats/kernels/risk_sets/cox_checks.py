"""Proportional hazards and concordance of a Cox fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.numerics.tails import chi2_sf
from trdstats.kernels.risk_sets.partial_likelihood import (
    CoxFit,
    at_places,
    score_residuals,
    second_moments,
)

_SINGULAR = 1e-10  # share of a variance that rounding leaves


@dataclass(frozen=True, slots=True)
class ProportionalHazards:
    """Score tests that effects do not change with time.

    Attributes
    ----------
    statistic, df, p_value : ndarray, shape (k + 1,)
        Of each term, then of all together.
    time : ndarray, shape (e,)
        Distinct event times of all strata, in order of place.
    scaled : ndarray, shape (e, q)
        Effect of each column at each event time: scaled Schoenfeld residuals, averaged over the
        ties, plus the coefficient.
    """

    statistic: FloatArray
    df: IntArray
    p_value: FloatArray
    time: FloatArray
    scaled: FloatArray


def proportional_hazards(
    model: CoxFit,
    g: FloatArray,
    terms: Sequence[Sequence[int]],
    covariance: Callable[[FloatArray], FloatArray] | None = None,
) -> ProportionalHazards:
    """Test b(t) = b + c g(t) at c = 0.

    Parameters
    ----------
    model : CoxFit
    g : ndarray, shape (m,)
        Transform of time at each place.
    terms : sequence of sequence of int
        Columns that belong together.
    covariance : callable, optional
        Returns the covariance of sums from each subject's part in them, shape (n, q): for weights,
        which are no counts, and for subjects that are not independent.

    Notes
    -----
    With I, I_g and I_gg the information of the steps summed with weights 1, g and g^2 (g centred at
    its mean), the score of c has the variance I_gg - I_g I^-1 I_g, as cox.zph of survival 3. The
    robust form takes the variance of the score from the subjects' parts s_g - I_g I^-1 s (Lin and
    Wei 1989, doi:10.1080/01621459.1989.10478874).
    """
    data, fit = model.data, model.fit
    at = g[data.step]
    at = at - at.mean()
    is_event = data.event
    centred = g - g[data.step].mean()
    placed = (data.weight[is_event] * centred[data.sets.place[is_event]]) @ data.X[is_event]
    score = placed - (data.size * at) @ fit.mean

    def information(weight: FloatArray) -> FloatArray:
        inner = second_moments(data, fit.risk, weight * fit.hazard)
        return inner - ((weight * data.size)[:, None] * fit.mean).T @ fit.mean

    first = information(at)
    projected = np.linalg.solve(fit.information, first)
    if covariance is None:
        rest = information(at**2) - first @ projected
    else:
        parts = score_residuals(data, fit, centred) - score_residuals(data, fit) @ projected
        rest = covariance(parts * data.weight[:, None])
    rows = [list(t) for t in terms]
    rows.append(list(range(data.X.shape[1])))
    # Where g is the same at all events, what is left is rounding.
    most = np.sqrt(np.diag(information(at**2)) if covariance is None else np.diag(rest))
    if not np.ptp(g[data.step]) > _SINGULAR * np.abs(g[data.step]).max():
        most = np.zeros_like(most)
    statistic = np.array([_quadratic(score[r], rest[np.ix_(r, r)], most[r]) for r in rows])
    df = np.array([len(r) for r in rows], dtype=np.intp)
    happened = np.flatnonzero(data.ties)
    events = np.where(is_event, data.weight, 0.0)[:, None]
    sums = data.sets.at(events * data.X) - at_places(data, data.size[:, None] * fit.mean)
    residual = sums[happened] / data.ties[happened, None]
    scaled = fit.beta + len(data.step) * residual @ np.linalg.inv(fit.information)
    return ProportionalHazards(
        statistic, df, np.asarray(chi2_sf(statistic, df)), data.sets.time[happened], scaled
    )


def _quadratic(score: FloatArray, variance: FloatArray, size: FloatArray) -> float:
    """Return a score statistic; NaN where the variance, of at most `size`, is singular."""
    if not (size > 0).all():
        return np.nan
    scaled = variance / np.outer(size, size)
    if not np.linalg.eigvalsh(scaled)[0] > _SINGULAR:
        return np.nan
    return float(score / size @ np.linalg.solve(scaled, score / size))


@dataclass(frozen=True, slots=True)
class Concordance:
    """Share of comparable pairs in which the one at higher risk has the event first.

    Attributes
    ----------
    estimate : float
        NaN without a comparable pair.
    influence : ndarray, shape (n,)
        First-order effect of each subject; the sum of squares is the variance.
    """

    estimate: float
    influence: FloatArray

    @property
    def std_error(self) -> float:
        """Infinitesimal-jackknife error of independent subjects."""
        return float(np.sqrt(np.sum(self.influence**2)))


def concordance(
    time: FloatArray,
    event: BoolArray,
    risk: FloatArray,
    stratum: IntArray,
    entry: FloatArray | None = None,
    weight: FloatArray | None = None,
) -> Concordance:
    """Return Harrell's concordance with its infinitesimal jackknife.

    A pair is comparable when the earlier time is an event at which the other is under observation
    (entry before it); one censored at the time of an event outlives it. Ties of the risk count
    half; risks that differ by rounding are tied. A pair counts as much as the product of its
    weights.

    Parameters
    ----------
    time : ndarray, shape (n,)
    event : ndarray of bool, shape (n,)
    risk : ndarray, shape (n,)
        Linear predictor.
    stratum : ndarray of int, shape (n,)
        Pairs are formed within strata.
    entry : ndarray, shape (n,), optional
        Beginning of observation; 0 or below means the start.
    weight : ndarray, shape (n,), optional

    References
    ----------
    Harrell 1996, doi:10.1002/(SICI)1097-0258(19960229)15:4<361::AID-SIM168>3.0.CO;2-4.
    """
    n = len(time)
    w = np.ones(n) if weight is None else weight
    start = np.zeros(n) if entry is None else entry
    risk = _levels(risk)
    favour, pairs = np.zeros(n), np.zeros(n)
    for s in np.unique(stratum):
        in_stratum = np.flatnonzero(stratum == s)
        for kind, credit in (("lower", 1.0), ("equal", 0.5), ("any", None)):
            both = _of_pairs(
                time[in_stratum],
                event[in_stratum],
                risk[in_stratum],
                start[in_stratum],
                w[in_stratum],
                kind,
            )
            if credit is None:
                pairs[in_stratum] += both
            else:
                favour[in_stratum] += credit * both
    total = w @ pairs / 2
    if not total > 0:
        return Concordance(float("nan"), np.full(n, np.nan))
    c = float(w @ favour / 2 / total)
    return Concordance(c, w * (favour - c * pairs) / total)


def _levels(risk: FloatArray) -> FloatArray:
    """Return ranks of risks, those that differ by no more than rounding in one."""
    order = np.argsort(risk, kind="stable")
    apart = np.diff(risk[order]) > 1e-11 * np.abs(risk).max(initial=0.0)
    rank = np.empty(len(risk))
    rank[order] = np.concatenate([[0.0], np.cumsum(apart)])
    return rank


def _of_pairs(
    time: FloatArray,
    event: BoolArray,
    risk: FloatArray,
    entry: FloatArray,
    weight: FloatArray,
    kind: str,
) -> FloatArray:
    """Return the weight of the partners of each subject, the later one at lower (...) risk."""
    n = len(time)
    late = np.flatnonzero(entry > 0)
    # Times apart from those of tied events, who cannot be compared; who enters at the time of an
    # event, or after it, was not there: those pairs are taken away from those of all who live on.
    moment = np.concatenate([time, entry[late]]) + 0.0
    after = np.concatenate([~event, np.ones(len(late), dtype=bool)])
    rank = np.unique(np.stack((moment, after), axis=1), axis=0, return_inverse=True)[1].reshape(-1)
    level = np.unique(risk, return_inverse=True)[1].reshape(-1)
    if kind == "any":
        level = np.zeros(n, dtype=np.intp)
    high = np.concatenate([level, level[late]])
    head = np.concatenate([np.where(event, weight, 0.0), np.zeros(len(late))])
    tail = np.concatenate([weight, -weight[late]])
    won, given = _dominated(rank, high, head, tail, equal=kind != "lower")
    pairs = np.where(event, won[:n], 0.0) + given[:n]
    pairs[late] -= given[n:]
    return pairs


def _dominated(
    rank: IntArray, high: IntArray, head: FloatArray, tail: FloatArray, *, equal: bool
) -> tuple[FloatArray, FloatArray]:
    """Sum, for every point, over pairs of an earlier head of higher (or equal) risk and a tail.

    Parameters
    ----------
    rank, high : ndarray of int, shape (n,)
        Order of times and of risks.
    head, tail : ndarray, shape (n,)
        Weight of each point as the earlier, and as the later one of a pair.
    equal : bool

    Returns
    -------
    won : ndarray, shape (n,)
        Sum of later tails of lower (or equal) risk.
    given : ndarray, shape (n,)
        Sum of earlier heads of higher (or equal) risk.
    """
    n = len(rank)
    if equal:
        # Pairs of one risk: everything within it, sorted by time.
        key = high * (n + 1) + rank
        order = np.argsort(key, kind="stable")
        tails, heads = (np.r_[0.0, np.cumsum(v[order])] for v in (tail, head))
        k = key[order]
        won = tails[np.searchsorted(k, (high + 1) * (n + 1))]
        won = won - tails[np.searchsorted(k, key, "right")]
        given = heads[np.searchsorted(k, key)] - heads[np.searchsorted(k, high * (n + 1))]
        return won, given
    total, taken = np.zeros(n), np.zeros(n)
    # Pairs are split by the highest bit in which their ranks differ: the one with bit 0 is earlier.
    for bit in range(int(rank.max()).bit_length()):
        block, late = rank >> (bit + 1), (rank >> bit) & 1
        order = np.lexsort((high, block))
        b, h, second = block[order], high[order], late[order] == 1
        key = b * (n + 1) + h
        below = np.r_[0.0, np.cumsum(np.where(second, tail[order], 0.0))]
        first = np.searchsorted(b, b)
        lower = np.searchsorted(key, key)
        total[order] += np.where(second, 0.0, below[lower] - below[first])
        heads = np.r_[0.0, np.cumsum(np.where(second, 0.0, head[order]))]
        last, upper = np.searchsorted(b, b, "right"), np.searchsorted(key, key, "right")
        taken[order] += np.where(second, heads[last] - heads[upper], 0.0)
    return total, taken
