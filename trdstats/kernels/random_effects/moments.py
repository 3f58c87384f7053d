"""Cross-products weighted by an inverse covariance, with first and second derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.random_effects.chain import Blocks


@cache
def pairs_of(h: int) -> tuple[IntArray, IntArray]:
    """Return the places of the two parameters of every pair of some parameters."""
    return np.triu_indices(h)


@dataclass(frozen=True, slots=True)
class Derivatives:
    """Derivatives of cross-products and of log|W^-1| by covariance parameters.

    Attributes
    ----------
    ids : ndarray of int, shape (h,)
        The parameters, in the order in which levels were taken out.
    pairs : tuple of ndarray of int, shape (m,)
        Places in `ids` of the two parameters of each second derivative.
    first : list of ndarray, shape (w, h, u, g)
    log_first : ndarray, shape (h,)
    second : list of ndarray, shape (w, m, u, g)
    log_second : ndarray, shape (m,)
    curve : list of ndarray, shape (w, c, u, g)
        Of the first pairs, the part of U'W V_hk W U that a covariance not linear in its parameters
        gives to the second derivatives; c is 0 where it is linear.
    log_curve : ndarray, shape (c,)
        The same of tr(W V_hk).
    """

    ids: IntArray
    pairs: tuple[IntArray, IntArray]
    first: Blocks
    log_first: FloatArray
    second: Blocks
    log_second: FloatArray
    curve: Blocks
    log_curve: FloatArray

    @classmethod
    def by_none(cls, value: Blocks) -> Derivatives:
        """Return derivatives of some cross-products by no parameter."""
        none, empty = np.zeros(0, dtype=np.intp), np.zeros(0)
        blocks = [np.zeros((len(b), 0, *b.shape[1:])) for b in value]
        return cls(none, (none, none), blocks, empty, blocks, empty, [], empty)

    def outside(self) -> Derivatives:
        """Return the derivatives without those of the first block."""
        return replace(self, first=self.first[1:], second=self.second[1:], curve=self.curve[1:])

    def beside(self, other: Derivatives, cross: Blocks, log_cross: FloatArray) -> Derivatives:
        """Return the derivatives by these parameters and by others, in which V is linear.

        Parameters
        ----------
        other : Derivatives
        cross : list of ndarray, shape (w, h k, u, g)
            Second derivatives by one of these parameters and one of the k others.
        log_cross : ndarray, shape (h k,)
        """
        h, k = len(self.ids), len(other.ids)
        places = np.divmod(np.arange(h * k), k)
        one, two = (
            np.concatenate((first, at, h + second))
            for first, at, second in zip(
                self.pairs, (places[0], h + places[1]), other.pairs, strict=True
            )
        )
        return Derivatives(
            ids=np.concatenate((self.ids, other.ids)), pairs=(one, two),
            first=_joined(self.first, other.first),
            log_first=np.concatenate((self.log_first, other.log_first)),
            second=_joined(self.second, cross, other.second),
            log_second=np.concatenate((self.log_second, log_cross, other.log_second)),
            curve=self.curve, log_curve=self.log_curve,
        )  # fmt: skip

    def matrix(self, of_pairs: FloatArray) -> FloatArray:
        """Return what is known by pair as an array, shape (h, h, ...), in the order of `ids`."""
        h = len(self.ids)
        result = np.zeros((h, h, *of_pairs.shape[1:]))
        one, two = (place[: len(of_pairs)] for place in self.pairs)
        result[one, two] = result[two, one] = of_pairs
        return result


def _joined(*parts: Blocks) -> Blocks:
    return [np.concatenate(blocks, axis=1) for blocks in zip(*parts, strict=True)]


@dataclass(frozen=True, slots=True)
class Moments:
    """Cross-products weighted by an inverse covariance W, and log|W^-1|.

    Attributes
    ----------
    value : list of ndarray, shape (w, u, g)
        U'WU by block: its columns by themselves and the columns after them, of every group.
    log_det : float
    derivatives : Derivatives or None
    """

    value: Blocks
    log_det: float
    derivatives: Derivatives | None = None

    def times(self, scale: float, n: int) -> Moments:
        """Return the moments where all of a linear covariance is multiplied.

        Parameters
        ----------
        scale : float
        n : int
            Ratings.
        """
        d = self.derivatives
        if d is not None:
            d = replace(
                d, first=[b / scale**2 for b in d.first], log_first=d.log_first / scale,
                second=[b / scale**3 for b in d.second], log_second=d.log_second / scale**2,
            )  # fmt: skip
        value = [b / scale for b in self.value]
        return Moments(value, self.log_det + n * float(np.log(scale)), d)

    def at_variance(self, theta: FloatArray, order: int, n: int) -> Moments:
        """Return the moments at all parameters from those where independent residuals have 1.

        Parameters
        ----------
        theta : ndarray, shape (h,)
            The last is the variance of the residuals.
        order : {0, 2}
            Derivatives wanted.
        n : int
            Ratings.
        """
        variance = float(theta[-1])
        all_of_it = self.by_scale(theta / variance, len(theta) - 1, n) if order else self
        return all_of_it.times(variance, n)

    def by_scale(self, ratios: FloatArray, number: int, n: int) -> Moments:
        """Return the moments with derivatives by the variance of independent residuals, too.

        V(c G, c s2) = c V(G, s2), so U'V^-1 U is homogeneous of degree -1 in all parameters, and
        what derivatives by the others leave of it is that by s2 (Euler).

        Parameters
        ----------
        ratios : ndarray, shape (h,)
            All parameters where s2 is 1.
        number : int
            Of the parameter s2.
        n : int
            Ratings.
        """
        d = self.derivatives or Derivatives.by_none(self.value)
        ratios = ratios[d.ids]
        first, second, cross = [], [], []
        pairs = d.matrix(np.arange(len(d.log_second), dtype=float)).astype(np.intp)
        for value, by_one, by_two in zip(self.value, d.first, d.second, strict=True):
            along = np.einsum("k,wkug->wug", ratios, by_one)
            across = np.einsum("k,whkug->whug", ratios, by_two[:, pairs])
            twice = np.einsum("h,whug->wug", ratios, across)
            first.append(-(value + along)[:, None])
            cross.append(-2 * by_one - across)
            second.append((2 * value + 4 * along + twice)[:, None])
        log_across = d.log_second[pairs] @ ratios
        log_along = ratios @ d.log_first
        none = np.zeros(1, dtype=np.intp)
        of_scale = Derivatives(
            ids=np.array([number]), pairs=(none, none), first=first,
            log_first=np.array([n - log_along]), second=second,
            log_second=np.array([ratios @ log_across + 2 * log_along - n]),
            curve=[], log_curve=np.zeros(0),
        )  # fmt: skip
        both = d.beside(of_scale, cross, -d.log_first - log_across)
        return Moments(self.value, self.log_det, both)


Places = Sequence[Sequence[IntArray]]


def add_moments(
    parts: Sequence[Moments], places: Places | None = None, groups: Sequence[int] = ()
) -> Moments:
    """Return the sums of cross-products, and of log|V|.

    Parameters
    ----------
    parts : sequence of Moments
    places : sequence of sequence of ndarray of int, optional
        By part and block but the last, which of all groups its groups are. Default: they
        have the last block alone, or there is one part.
    groups : sequence of int
        Number of all groups, by block but the last.
    """
    if places is None and len(parts) == 1:
        return parts[0]
    at = [()] * len(parts) if places is None else places
    value, log_det = _sum([m.value for m in parts], at, groups), sum(m.log_det for m in parts)
    every = [m.derivatives for m in parts if m.derivatives is not None]
    if not every:
        return Moments(value, log_det)
    return Moments(
        value,
        log_det,
        replace(
            every[0],
            first=_sum([d.first for d in every], at, groups),
            log_first=np.sum([d.log_first for d in every], axis=0),
            second=_sum([d.second for d in every], at, groups),
            log_second=np.sum([d.log_second for d in every], axis=0),
            curve=_sum([d.curve for d in every], at, groups),
            log_curve=np.sum([d.log_curve for d in every], axis=0),
        ),
    )


def _sum(parts: Sequence[Blocks], places: Places, groups: Sequence[int]) -> Blocks:
    """Return the sums of blocks; a group has one place in a part, and may be in several parts."""
    if not parts[0]:
        return []
    totals = [
        np.zeros((*block.shape[:-1], n)) for block, n in zip(parts[0], (*groups, 1), strict=True)
    ]
    for blocks, at in zip(parts, places, strict=True):
        for total, block, place in zip(totals[:-1], blocks[:-1], at, strict=True):
            total[..., place] += block
        totals[-1] += blocks[-1]
    return totals
