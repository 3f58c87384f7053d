"""Wins of one group over another, within strata, and the measures made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.estimates.scales import ScaleName
from trdstats.kernels.endpoint.pairs import compare_pairs

ALL_SAME = "all subjects compared have the same outcome"
ALL_WIN = "one group wins every pair, so that there is no standard error"
TOO_FEW = "a group has one subject only, in a stratum or at all: no standard error"
NO_PAIRS = "no stratum holds subjects of both groups"
NO_RATIO = "one group wins no pair: no win ratio"


@dataclass(frozen=True)
class Wins:
    """Wins of a group over the reference, combined over strata.

    Attributes
    ----------
    wins, losses : float
        Proportions of pairs; NaN where no stratum holds both groups.
    on_wins, on_losses : ndarray, shape (n,)
        Influence of every subject; NaN where there is none.
    df : float
        Satterthwaite's, of the probability of superiority.
    """

    wins: float
    losses: float
    on_wins: FloatArray
    on_losses: FloatArray
    df: float

    @property
    def superiority(self) -> float:
        """Probability of a win, half of the ties added."""
        return 0.5 * (1 + self.wins - self.losses)

    @property
    def on_superiority(self) -> FloatArray:
        """Influence of every subject on it."""
        return 0.5 * (self.on_wins - self.on_losses)

    @property
    def reason(self) -> str:
        """Why there is no standard error; empty where there is one."""
        if np.isnan(self.wins):
            return NO_PAIRS
        if np.isnan(self.on_wins).any():
            return TOO_FEW
        if self.on_superiority.any():
            return ""
        return ALL_SAME if self.wins == self.losses else ALL_WIN


def wins_over_reference(
    y: FloatArray, group: IntArray, stratum: IntArray, k: int, *, higher: bool
) -> Wins:
    """Compare group k with group 0 within strata.

    Strata are weighted by n1 n0 / (n + 1), as van Elteren's test does.
    """
    score = y if higher else -y
    on_wins, on_losses = np.zeros(len(y)), np.zeros(len(y))
    wins = losses = total = 0.0
    parts = []
    for s in np.unique(stratum):
        first = np.flatnonzero((stratum == s) & (group == k))
        second = np.flatnonzero((stratum == s) & (group == 0))
        if not len(first) or not len(second):
            continue
        weight = len(first) * len(second) / (len(first) + len(second) + 1)
        pair = compare_pairs(score[first], score[second])
        both = np.concatenate([first, second])
        on_wins[both], on_losses[both] = weight * pair.on_wins, weight * pair.on_losses
        lost = 1 - pair.wins - pair.ties
        wins, losses, total = wins + weight * pair.wins, losses + weight * lost, total + weight
        parts += [first, second]
    if total == 0:
        none = np.full(len(y), np.nan)
        return Wins(np.nan, np.nan, none, none, np.nan)
    on_wins, on_losses = on_wins / total, on_losses / total
    on = 0.5 * (on_wins - on_losses)
    variance = np.array([float((on[p] ** 2).sum()) for p in parts])
    sizes = np.array([len(p) for p in parts], dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        df = variance.sum() ** 2 / (variance**2 / (sizes - 1)).sum()
    return Wins(wins / total, max(losses / total, 0.0), on_wins, on_losses, float(df))


@dataclass(frozen=True)
class WinMeasure:
    """One measure of wins.

    Attributes
    ----------
    value : float
    scale : {"identity", "log", "logit"}
        Of the influences.
    influence : ndarray, shape (n,)
    reason : str
    """

    value: float
    scale: ScaleName
    influence: FloatArray
    reason: str


def _superiority(of: Wins) -> WinMeasure:
    p = of.superiority
    return WinMeasure(p, "logit", _over(of.on_superiority, p * (1 - p)), of.reason)


def _odds(of: Wins) -> WinMeasure:
    p = of.superiority
    value = p / (1 - p) if p < 1 else np.inf if p == 1 else np.nan
    reason = of.reason
    if not np.isfinite(value):
        value, reason = np.nan, reason or ALL_WIN
    return WinMeasure(value, "log", _over(of.on_superiority, p * (1 - p)), reason)


def _ratio(of: Wins) -> WinMeasure:
    if not (of.wins > 0 and of.losses > 0):
        none = np.full(len(of.on_wins), np.nan)
        return WinMeasure(np.nan, "log", none, of.reason or NO_RATIO)
    effect = of.on_wins / of.wins - of.on_losses / of.losses
    return WinMeasure(of.wins / of.losses, "log", effect, of.reason)


def _difference(of: Wins) -> WinMeasure:
    return WinMeasure(of.wins - of.losses, "identity", of.on_wins - of.on_losses, of.reason)


def _over(effect: FloatArray, by: float) -> FloatArray:
    return effect / by if by > 0 else np.full(len(effect), np.nan)


MEASURES: dict[str, Callable[[Wins], WinMeasure]] = {
    "probability of superiority": _superiority,
    "win odds": _odds,
    "win ratio": _ratio,
    "win difference": _difference,
}
# The value of each measure without an effect.
NULLS = {
    "probability of superiority": 0.5,
    "win odds": 1.0,
    "win ratio": 1.0,
    "win difference": 0.0,
}
