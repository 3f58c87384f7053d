"""Random effects of one level taken out of cross-products, with first and second derivatives.

With V = W^-1 + Z G Z' and F = G (I + Z'WZ G)^-1, U'V^-1 U = U'WU - U'WZ F Z'WU and log|V| =
-log|W| + log|I + Z'WZ G| (Woodbury). Level by level, from the innermost to the outermost, this
turns the cross-products of ratings into those of fixed effects and outcome; every sum goes over
groups and none over pairs of ratings, so the cost is linear in the groups of every level.

G may be singular: its inverse is not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.random_effects.chain import Blocks, Chain

Pair = tuple[int, int]
K = TypeVar("K")


@dataclass
class Moments:
    """Cross-products weighted by an inverse covariance W, and log|W^-1|, with derivatives.

    Attributes
    ----------
    value : list of ndarray
        U'WU by block.
    log_det : float
    first, log_first : dict
        Derivatives by parameter.
    second, log_second : dict
        Second derivatives by pair of parameters, the smaller number first.
    curve, log_curve : dict
        The part of U'W V_hk W U and tr(W V_hk) that a covariance not linear in its parameters
        gives to the second derivatives.
    """

    value: Blocks
    log_det: float
    first: dict[int, Blocks] = field(default_factory=dict)
    log_first: dict[int, float] = field(default_factory=dict)
    second: dict[Pair, Blocks] = field(default_factory=dict)
    log_second: dict[Pair, float] = field(default_factory=dict)
    curve: dict[Pair, Blocks] = field(default_factory=dict)
    log_curve: dict[Pair, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pivot:
    """What one level takes out.

    Attributes
    ----------
    F : ndarray, shape (g, r, r)
        (G^-1 + Z'WZ)^-1: the variance of the effects given the ratings and all outer effects.
    Z_U : ndarray, shape (g, r, u)
        Z'WU with the columns after the level.
    """

    F: FloatArray
    Z_U: FloatArray


def add_moments(parts: Sequence[Moments]) -> Moments:
    """Return the sums of cross-products of fixed effects and outcome, and of log|V|."""
    if len(parts) == 1:
        return parts[0]
    return Moments(
        value=_blocks([m.value for m in parts]),
        log_det=sum(m.log_det for m in parts),
        first=_by_key([m.first for m in parts]),
        log_first=_numbers([m.log_first for m in parts]),
        second=_by_key([m.second for m in parts]),
        log_second=_numbers([m.log_second for m in parts]),
        curve=_by_key([m.curve for m in parts]),
        log_curve=_numbers([m.log_curve for m in parts]),
    )


def _blocks(parts: Sequence[Blocks]) -> Blocks:
    return [np.sum(blocks, axis=0) for blocks in zip(*parts, strict=True)]


def _by_key(parts: Sequence[dict[K, Blocks]]) -> dict[K, Blocks]:
    return {key: _blocks([part[key] for part in parts]) for key in parts[0]}


def _numbers(parts: Sequence[dict[K, float]]) -> dict[K, float]:
    return {key: float(sum(part[key] for part in parts)) for key in parts[0]}


def absorb(
    chain: Chain,
    level: int,
    moments: Moments,
    G: FloatArray,
    directions: dict[int, FloatArray],
    order: int,
) -> tuple[Moments, Pivot] | None:
    """Take the random effects of a level out of the cross-products.

    Parameters
    ----------
    chain : Chain
    level : int
    moments : Moments
        Their first block is the one of this level.
    G : ndarray, shape (r, r)
        Covariance of the effects of a group; it may be singular.
    directions : dict of int to ndarray, shape (r, r)
        Derivatives of G by parameter.
    order : {0, 2}
        Derivatives wanted.

    Returns
    -------
    Moments and Pivot, or None where V is not positive definite.
    """
    block = moments.value[0]
    r = block.shape[1]
    M, C0 = block[:, :, :r], np.ascontiguousarray(block[:, :, r:])
    inner = M @ G
    inner[:, np.arange(r), np.arange(r)] += 1.0
    inverted = _inverse(inner)
    if inverted is None:
        return None
    Rt, log_det = inverted  # (I + MG)^-1
    F = G @ Rt
    Y = F @ C0
    value = _less(moments.value, chain.products(level, C0, Y))
    result = Moments(value, moments.log_det + log_det)
    pivot = Pivot(F, C0)
    if order == 0:
        return result, pivot
    C, D = Rt @ C0, Rt @ M
    pulled = {}
    for h, blocks in moments.first.items():
        M_h = blocks[0][:, :, :r]
        result.first[h] = _through(chain, level, blocks, Y)
        result.log_first[h] = moments.log_first[h] + _trace(F, M_h)
        pulled[h] = blocks[0][:, :, r:] - M_h @ Y
    lifted = {h: E @ C for h, E in directions.items()}
    sum_of_D = D.sum(axis=0, keepdims=True)
    for h, E in directions.items():
        result.first[h] = [-b for b in chain.products(level, C, lifted[h])]
        result.log_first[h] = _trace(E[None], sum_of_D)
    F_M = {h: F @ blocks[0][:, :, :r] for h, blocks in moments.first.items()}
    for (h, k), blocks in moments.second.items():
        gained = _twice(chain, level, pulled[h], F @ pulled[k])
        result.second[h, k] = _less(_through(chain, level, blocks, Y), gained, skip=0)
        log = moments.log_second[h, k] + _trace(F, blocks[0][:, :, :r])
        result.log_second[h, k] = log - _trace(F_M[h], F_M[k])
    for (h, k), blocks in moments.curve.items():
        result.curve[h, k] = _through(chain, level, blocks, Y)
        result.log_curve[h, k] = moments.log_curve[h, k] - _trace(F, blocks[0][:, :, :r])
    for h, Q in pulled.items():
        back = Rt @ Q
        of_effects = Rt @ moments.first[h][0][:, :, :r] @ np.swapaxes(Rt, 1, 2)
        of_effects = of_effects.sum(axis=0, keepdims=True)
        for k, E in directions.items():
            # Q' R E C with R the transpose of Rt.
            result.second[_pair(h, k)] = [-b for b in _twice(chain, level, back, lifted[k])]
            result.log_second[_pair(h, k)] = _trace(E[None], of_effects)
    lifted_D = {h: E @ D for h, E in directions.items()}
    for k in directions:
        D_lifted = D @ lifted[k]
        for h in directions:
            if h <= k:
                result.second[h, k] = _twice(chain, level, lifted[h], D_lifted)
                result.log_second[h, k] = -_trace(lifted_D[h], lifted_D[k])
    return result, pivot


def _pair(h: int, k: int) -> Pair:
    return (h, k) if h < k else (k, h)


def _inverse(inner: FloatArray) -> tuple[FloatArray, float] | None:
    """Return the inverse of I + MG by group and the sum of log|I + MG|.

    All eigenvalues are 1 or more where G is a covariance; None where rounding made one negative.
    """
    r = inner.shape[1]
    if r == 1:
        if not (inner > 0).all():
            return None
        return np.reciprocal(inner), float(np.log(inner).sum())
    if r == 2:
        a, b, c, d = inner[:, 0, 0], inner[:, 0, 1], inner[:, 1, 0], inner[:, 1, 1]
        det = a * d - b * c
        if not ((det > 0) & (a + d > 0)).all():
            return None
        inverse = np.empty_like(inner)
        inverse[:, 0, 0], inverse[:, 0, 1], inverse[:, 1, 0], inverse[:, 1, 1] = d, -b, -c, a
        inverse /= det[:, None, None]
        return inverse, float(np.log(det).sum())
    if not np.isfinite(inner).all():
        return None
    sign, log_det = np.linalg.slogdet(inner)
    if not (sign > 0).all():
        return None
    return np.asarray(np.linalg.inv(inner), dtype=float), float(log_det.sum())


def _trace(left: FloatArray, right: FloatArray) -> float:
    """Return the sum over groups of tr(left right)."""
    return float(np.einsum("gij,gji->", left, right))


def _less(blocks: Blocks, products: Blocks, skip: int = 1) -> Blocks:
    return [b - p for b, p in zip(blocks[skip:], products, strict=True)]


def _twice(chain: Chain, level: int, left: FloatArray, right: FloatArray) -> Blocks:
    """Return the sums of left' right and of its transpose."""
    one = chain.products(level, left, right)
    if len(one) == 1:  # fixed effects and outcome: the other sum is its transpose
        return [one[0] + np.swapaxes(one[0], 1, 2)]
    other = chain.products(level, right, left)
    return [a + b for a, b in zip(one, other, strict=True)]


def _through(chain: Chain, level: int, blocks: Blocks, Y: FloatArray) -> Blocks:
    """Return T' B T for T = [-F Z'WU; I]: what a derivative becomes outside the level."""
    r = blocks[0].shape[1]
    half = blocks[0][:, :, r:] - blocks[0][:, :, :r] @ Y / 2
    return _less(blocks, _twice(chain, level, Y, half))
