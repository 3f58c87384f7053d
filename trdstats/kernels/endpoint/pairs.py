"""Two groups compared pair by pair: who is better, by how much, and with what error.

Subject i of the first group wins against j of the second where its outcome is higher. The
probability of superiority is that of a win, half of the ties added. Its variance is that of
Brunner and Munzel: from the placements of each subject in the other group, without a shift model.

References
----------
Brunner and Munzel 2000, Biom J 42:17-25. DeLong, DeLong and Clarke-Pearson 1988,
doi:10.2307/2531595. Gasparyan et al. 2021, Stat Methods Med Res 30:580-611,
doi:10.1177/0962280220942558 (strata).
Hodges and Lehmann 1963, doi:10.1214/aoms/1177704172.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.numerics.tails import normal_isf

_AT_ONCE = 4_000_000  # pairs whose differences are held in memory


@dataclass(frozen=True, slots=True)
class PairComparison:
    """Wins of the first group over the second.

    Attributes
    ----------
    wins, ties : float
        Proportions of all pairs.
    on_wins, on_losses : ndarray, shape (n1 + n0,)
        Influence of each subject of the first, then of the second group on the proportions of
        wins and losses; squares add up to the variance (n - 1 in the divisor of each group).
    df : float
        Degrees of freedom of the probability of superiority by Brunner and Munzel.
    """

    wins: float
    ties: float
    on_wins: FloatArray
    on_losses: FloatArray
    df: float

    @property
    def superiority(self) -> float:
        """Probability of a win, half of the ties added."""
        return self.wins + 0.5 * self.ties

    @property
    def on_superiority(self) -> FloatArray:
        """Influence of each subject on the probability of superiority, shape (n1 + n0,)."""
        return 0.5 * (self.on_wins - self.on_losses)


def compare_pairs(x: FloatArray, y: FloatArray) -> PairComparison:
    """Compare two groups pair by pair; higher is better.

    Parameters
    ----------
    x : ndarray, shape (n1,)
    y : ndarray, shape (n0,)
        Two or more subjects each for an error; with fewer the influences are NaN.
    """
    n1, n0 = len(x), len(y)
    below_x, upto_x = _counts(y, x)  # of the second group, below each of the first
    below_y, upto_y = _counts(x, y)
    wins_x, losses_x = below_x / n0, 1 - upto_x / n0
    wins_y, losses_y = 1 - upto_y / n1, below_y / n1  # pairs that the first group wins, loses
    on_wins = np.concatenate([_centred(wins_x), _centred(wins_y)])
    on_losses = np.concatenate([_centred(losses_x), _centred(losses_y)])
    squares = (0.5 * (on_wins - on_losses)) ** 2
    v1, v0 = float(squares[:n1].sum()), float(squares[n1:].sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        df = np.float64(v1 + v0) ** 2 / (v1**2 / np.float64(n1 - 1) + v0**2 / np.float64(n0 - 1))
    wins, losses = float(wins_x.mean()), float(losses_x.mean())
    return PairComparison(wins, max(1 - wins - losses, 0.0), on_wins, on_losses, float(df))


def _counts(among: FloatArray, at: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return how many lie below, and at or below, each value."""
    sorted_ = np.sort(among)
    left = np.searchsorted(sorted_, at, side="left").astype(np.float64)
    return left, np.searchsorted(sorted_, at, side="right").astype(np.float64)


def _centred(placement: FloatArray) -> FloatArray:
    """Return influences on the mean placement: their squares add up to its variance."""
    n = len(placement)
    if n < 2:
        return np.full(n, np.nan)
    return np.asarray((placement - placement.mean()) / np.sqrt(n * (n - 1)))


@dataclass(frozen=True, slots=True)
class Shift:
    """How far the first group lies above the second.

    Attributes
    ----------
    estimate, low, high : float
        Median of all pairwise differences, and the limits from the rank sum test; infinite where
        the groups are too small for a limit.
    exact : bool
        Whether the limits come from the exact distribution of the rank sum.
    """

    estimate: float
    low: float
    high: float
    exact: bool


def hodges_lehmann(x: FloatArray, y: FloatArray, conf_level: float) -> Shift:
    """Estimate the shift between two groups.

    Parameters
    ----------
    x : ndarray, shape (n1,)
    y : ndarray, shape (n0,)
    conf_level : float
        The limits are those pairwise differences that a two-sided rank sum test just does not
        refute: exact for groups of less than 50 without ties, else normal with correction for
        continuity and ties.
    """
    n1, n0 = len(x), len(y)
    m = n1 * n0
    both = np.concatenate([x, y])
    tied = len(np.unique(both)) < len(both)
    exact = max(n1, n0) < 50 and not tied
    tail = (1 - conf_level) / 2
    if exact:
        k = _exact_rank(n1, n0, tail)
    else:
        spread = np.sqrt(rank_sum_variance(both, n1))
        k = int(np.floor(m / 2 + 0.5 - normal_isf(tail) * spread)) if spread > 0 else 0
    ranks = [(m + 1) // 2, m // 2 + 1, max(k, 1), m - max(k, 1) + 1]
    low_mid, high_mid, low, high = _ordered_differences(x, y, ranks)
    if k < 1:
        low, high = -np.inf, np.inf
    return Shift((low_mid + high_mid) / 2, low, high, exact)


def rank_sum_variance(values: FloatArray, n1: int) -> float:
    """Return the variance of the rank sum of n1 of the values under no effect, ties counted."""
    n = len(values)
    if n < 2:
        return 0.0
    _, sizes = np.unique(values, return_counts=True)
    ties = float((sizes**3 - sizes).sum()) / (n * (n - 1))
    return n1 * (n - n1) / 12 * (n + 1 - ties)


def _exact_rank(n1: int, n0: int, tail: float) -> int:
    """Return the largest k for which P(U < k) is at most the tail; U counts won pairs."""
    cumulative = np.cumsum(rank_sum_distribution(n1, n0))
    return int(np.searchsorted(cumulative, tail, side="right"))


@lru_cache(maxsize=64)
def rank_sum_distribution(n1: int, n0: int) -> FloatArray:
    """Return the probabilities of 0, 1, ... n1 n0 won pairs under no effect, without ties."""
    counts = np.zeros(n1 * n0 + 1)
    counts[0] = 1.0
    # Gaussian binomial coefficient: multiply by 1 - q^(n0 + i), divide by 1 - q^i.
    for i in range(1, n1 + 1):
        up = counts.copy()
        if n0 + i < len(counts):
            up[n0 + i :] -= counts[: -(n0 + i)]
        for start in range(i):
            up[start::i] = np.cumsum(up[start::i])
        counts = up
    probabilities: FloatArray = counts / counts.sum()
    return probabilities


def _ordered_differences(x: FloatArray, y: FloatArray, ranks: list[int]) -> list[float]:
    """Return the pairwise differences x - y of given ranks, counted from 1."""
    m = len(x) * len(y)
    if m <= _AT_ONCE:
        every = np.subtract.outer(x, y).ravel()
        at = [k - 1 for k in ranks]
        return [float(v) for v in np.partition(every, sorted(set(at)))[at]]
    sorted_ = np.sort(y)
    return [_kth_difference(x, sorted_, k) for k in ranks]


def _kth_difference(x: FloatArray, y: FloatArray, k: int) -> float:
    """Return the k-th smallest of many pairwise differences; y is sorted."""
    low, high = float(x.min() - y[-1]), float(x.max() - y[0])
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        # x - y <= middle where y >= x - middle.
        within = int((len(y) - np.searchsorted(y, x - middle, side="left")).sum())
        low, high = (low, middle) if within >= k else (middle, high)
    return high
