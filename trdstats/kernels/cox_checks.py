"""Proportional hazards and concordance of a Cox fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from trdstats.kernels.partial_likelihood import CoxFit, at_places, second_moments

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


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
    found: CoxFit, g: FloatArray, terms: Sequence[Sequence[int]]
) -> ProportionalHazards:
    """Test b(t) = b + c g(t) at c = 0.

    Parameters
    ----------
    found : CoxFit
    g : ndarray, shape (m,)
        Transform of time at each place.
    terms : sequence of sequence of int
        Columns that belong together.

    Notes
    -----
    With I, I_g and I_gg the information of the steps summed with weights 1, g and g^2 (g centred at
    its mean), the score of c has the variance I_gg - I_g I^-1 I_g, as cox.zph of survival 3.
    """
    data, fit = found.data, found.fit
    at = g[data.step]
    at = at - at.mean()
    own = data.event
    centred = g - g[data.step].mean()
    placed = (data.weight[own] * centred[data.sets.place[own]]) @ data.X[own]
    score = placed - (data.size * at) @ fit.mean

    def information(weight: FloatArray) -> FloatArray:
        inner = second_moments(data, fit.risk, weight * fit.hazard)
        return inner - ((weight * data.size)[:, None] * fit.mean).T @ fit.mean

    first, second = information(at), information(at**2)
    rest = second - first @ np.linalg.solve(fit.information, first)
    rows = [list(t) for t in terms]
    rows.append(list(range(data.X.shape[1])))
    statistic = np.array([score[r] @ np.linalg.solve(rest[np.ix_(r, r)], score[r]) for r in rows])
    df = np.array([len(r) for r in rows], dtype=np.intp)
    happened = np.flatnonzero(data.ties)
    events = np.where(own, data.weight, 0.0)[:, None]
    sums = data.sets.at(events * data.X) - at_places(data, data.size[:, None] * fit.mean)
    residual = sums[happened] / data.ties[happened, None]
    scaled = fit.beta + len(data.step) * residual @ np.linalg.inv(fit.information)
    return ProportionalHazards(
        statistic, df, np.asarray(chi2.sf(statistic, df)), data.sets.time[happened], scaled
    )


@dataclass(frozen=True, slots=True)
class Concordance:
    """Share of comparable pairs in which the one at higher risk has the event first."""

    estimate: float
    std_error: float


def concordance(
    time: FloatArray, event: npt.NDArray[np.bool_], risk: FloatArray, stratum: IntArray
) -> Concordance:
    """Return Harrell's concordance with its infinitesimal-jackknife error.

    A pair is comparable when the earlier time is an event; one censored at the time of an event
    outlives it. Ties of the risk count half.

    References
    ----------
    Harrell 1996, doi:10.1002/(SICI)1097-0258(19960229)15:4<361::AID-SIM168>3.0.CO;2-4.
    """
    n = len(time)
    favour, pairs = np.zeros(n), np.zeros(n)
    for s in np.unique(stratum):
        mine = np.flatnonzero(stratum == s)
        # Times apart from those of tied events, who cannot be compared.
        later = time[mine] + 0.0
        order = np.unique(np.stack((later, ~event[mine]), axis=1), axis=0, return_inverse=True)[1]
        rank = np.asarray(order).reshape(-1)
        high = np.unique(risk[mine], return_inverse=True)[1].reshape(-1)
        for sign, credit in ((1, 1.0), (0, 0.5)):
            won, given = _dominated(rank, high, event[mine], equal=sign == 0)
            favour[mine] += credit * (won + given)
        after = len(mine) - np.searchsorted(np.sort(rank), rank, side="right")
        before = np.searchsorted(np.sort(rank[event[mine]]), rank, side="left")
        pairs[mine] += np.where(event[mine], after, 0) + before
    total = pairs.sum() / 2
    if total == 0:
        return Concordance(float("nan"), float("nan"))
    c = favour.sum() / 2 / total
    return Concordance(float(c), float(np.sqrt(np.sum((favour - c * pairs) ** 2)) / total))


def _dominated(
    rank: IntArray, high: IntArray, event: npt.NDArray[np.bool_], *, equal: bool
) -> tuple[FloatArray, FloatArray]:
    """Count, for every subject, pairs with an earlier event of higher (or equal) risk.

    Returns
    -------
    won : ndarray, shape (n,)
        For an event: later subjects of lower (or equal) risk.
    given : ndarray, shape (n,)
        Earlier events of higher (or equal) risk.
    """
    n = len(rank)
    if equal:
        # Pairs of one risk: everything within it, sorted by time.
        key = high * (n + 1) + rank
        every, events = np.sort(key), np.sort(key[event])
        won = np.searchsorted(every, (high + 1) * (n + 1)) - np.searchsorted(every, key, "right")
        given = np.searchsorted(events, key) - np.searchsorted(events, high * (n + 1))
        return np.where(event, won, 0.0), np.asarray(given, dtype=float)
    total, taken = np.zeros(n), np.zeros(n)
    # Pairs are split by the highest bit in which their ranks differ: the one with bit 0 is earlier.
    for bit in range(int(rank.max()).bit_length()):
        block, late = rank >> (bit + 1), (rank >> bit) & 1
        order = np.lexsort((high, block))
        b, h, second, e = block[order], high[order], late[order] == 1, event[order]
        key = b * (n + 1) + h
        below = np.r_[0, np.cumsum(second)]
        first = np.searchsorted(b, b)
        lower = np.searchsorted(key, key)
        total[order] += np.where(~second & e, below[lower] - below[first], 0)
        heads = np.r_[0, np.cumsum(~second & e)]
        last, upper = np.searchsorted(b, b, "right"), np.searchsorted(key, key, "right")
        taken[order] += np.where(second, heads[last] - heads[upper], 0)
    return total, taken
