"""Random effects of one level taken out of cross-products, with first and second derivatives.

With V = W^-1 + Z G Z' and F = G (I + Z'WZ G)^-1, U'V^-1 U = U'WU - U'WZ F Z'WU and log|V| =
-log|W| + log|I + Z'WZ G| (Woodbury). Level by level, from the innermost to the outermost, this
turns the cross-products of ratings into those of fixed effects and outcome; every sum goes over
groups and none over pairs of ratings, so the cost is linear in the groups of every level.

The groups stand along the last axis of every array, for they are many and what is done to one of
them is little. G may be singular: its inverse is not used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.random_effects.chain import Blocks, Chain
from trdstats.kernels.random_effects.moments import Derivatives, Moments, pairs_of

Directions = tuple[IntArray, FloatArray]


@dataclass(frozen=True, slots=True)
class Pivot:
    """What one level takes out.

    Attributes
    ----------
    F : ndarray, shape (r, r, g)
        (G^-1 + Z'WZ)^-1: the variance of the effects given the ratings and all outer effects.
    Z_U : ndarray, shape (r, u, g)
        Z'WU with the columns after the level.
    """

    F: FloatArray
    Z_U: FloatArray


@dataclass(frozen=True, slots=True)
class _Step:
    """The products of a level that derivatives are made of.

    Attributes
    ----------
    chain : Chain
    level : int
    M : ndarray, shape (r, r, g)
        Z'WZ.
    Rt : ndarray, shape (r, r, g)
        (I + MG)^-1.
    F : ndarray, shape (r, r, g)
    C, Y : ndarray, shape (r, u, g)
        (I + MG)^-1 Z'WU and F Z'WU.
    """

    chain: Chain
    level: int
    M: FloatArray
    Rt: FloatArray
    F: FloatArray
    C: FloatArray
    Y: FloatArray


def absorb(
    chain: Chain, level: int, moments: Moments, G: FloatArray, directions: Directions | None
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
    directions : tuple of ndarray, shapes (h,) and (h, r, r), or None
        Numbers of the parameters of G and its derivatives by them; None where no derivatives are
        wanted.

    Returns
    -------
    Moments and Pivot, or None where V is not positive definite.
    """
    block = moments.value[0]
    r = len(block)
    M, C0 = block[:, :r], block[:, r:]
    if not r:  # a level whose effects were left out
        known = moments.derivatives
        outside = None if known is None else known.outside()
        return Moments(moments.value[1:], moments.log_det, outside), Pivot(M, C0)
    inverted = _inverse(M, G)
    if inverted is None:
        return None
    Rt, log_det = inverted
    F, C = _lift(G[None], Rt)[:, 0], _each(Rt, C0)
    Y = _lift(G[None], C)[:, 0]
    products = chain.products(level, C0[:, None], Y[:, None])
    value = [b - p[:, 0, 0] for b, p in zip(moments.value[1:], products, strict=True)]
    derivatives = None
    if directions is not None:
        step = _Step(chain, level, M, Rt, F, C, Y)
        derivatives = _derivatives(step, moments.derivatives, *directions)
    return Moments(value, moments.log_det + log_det, derivatives), Pivot(F, C0)


def _derivatives(
    step: _Step, before: Derivatives | None, ids: IntArray, E: FloatArray
) -> Derivatives:
    """Return derivatives by the parameters of the levels within and by those of the level."""
    lifted = _lift(E, step.C)
    here = _of_level(step, ids, E, lifted)
    if before is None:
        return here
    r, (one, two) = len(step.M), before.pairs
    M_h, C_h = before.first[0][:, :, :r], before.first[0][:, :, r:]
    pulled, F_M = C_h - _on_each(M_h, step.Y), _each(step.F, M_h)
    gained = step.chain.products(step.level, pulled, _each(step.F, pulled))
    through = _through(step, before.second)
    F, log_curve = step.F[:, None], before.log_curve
    log_second = _traces(F, before.second[0][:, :, :r])[0] - _traces(F_M, F_M)[one, two]
    if len(log_curve):
        log_curve = log_curve - _traces(F, before.curve[0][:, :, :r])[0]
    passed = Derivatives(
        ids=before.ids, pairs=before.pairs, first=_through(step, before.first),
        log_first=before.log_first + _traces(F, M_h)[0],
        second=[b - _of_pairs(g, one, two) for b, g in zip(through, gained, strict=True)],
        log_second=before.log_second + log_second,
        curve=_through(step, before.curve), log_curve=log_curve,
    )  # fmt: skip
    # Q' R E C with R the transpose of Rt.
    cross = _twice(step, _each(step.Rt, pulled), lifted)
    half = np.swapaxes(_each(step.Rt, M_h), 0, 2)
    of_effects = _each(step.Rt, half).sum(axis=-1)
    return passed.beside(
        here,
        [-b.reshape(len(b), b.shape[1] * b.shape[2], *b.shape[3:]) for b in cross],
        np.einsum("kij,jhi->hk", E, of_effects).ravel(),
    )


def _of_level(step: _Step, ids: IntArray, E: FloatArray, lifted: FloatArray) -> Derivatives:
    """Return derivatives by the parameters of the level; V is linear in them."""
    D = _each(step.Rt, step.M)
    first = step.chain.products(step.level, step.C[:, None], lifted)
    second = step.chain.products(step.level, lifted, _each(D, lifted))
    lifted_D = _lift(E, D)
    one, two = pairs_of(len(ids))
    return Derivatives(
        ids=ids, pairs=(one, two), first=[-b[:, 0] for b in first],
        log_first=np.einsum("hij,ji->h", E, D.sum(axis=-1)),
        second=[_of_pairs(b, one, two) for b in second],
        log_second=-_traces(lifted_D, lifted_D)[one, two], curve=[], log_curve=np.zeros(0),
    )  # fmt: skip


def _inverse(M: FloatArray, G: FloatArray) -> tuple[FloatArray, float] | None:
    """Return the inverse of I + MG by group and the sum of log|I + MG|.

    All eigenvalues are 1 or more where G is a covariance; None where rounding made one negative.
    """
    r = len(M)
    transposed = _lift(G[None], M)[:, 0]  # GM: both matrices are symmetric
    transposed[np.arange(r), np.arange(r)] += 1.0
    if r == 1:
        if not (transposed > 0).all():
            return None
        return np.reciprocal(transposed), float(np.log(transposed).sum())
    if r == 2:
        (a, c), (b, d) = transposed
        det = a * d - b * c
        if not ((det > 0) & (a + d > 0)).all():
            return None
        return np.stack([d, -b, -c, a]).reshape(transposed.shape) / det, float(np.log(det).sum())
    if not np.isfinite(transposed).all():
        return None
    inner = np.moveaxis(transposed, -1, 0).swapaxes(1, 2)
    sign, log_det = np.linalg.slogdet(inner)
    if not (sign > 0).all():
        return None
    inverse = np.moveaxis(np.linalg.inv(inner), 0, -1)
    return np.ascontiguousarray(inverse, dtype=float), float(log_det.sum())


def _lift(E: FloatArray, C: FloatArray) -> FloatArray:
    """Return the products of matrices with what stands in every group, shape (r, h, u, g).

    Parameters
    ----------
    E : ndarray, shape (h, r, r)
    C : ndarray, shape (r, u, g)
    """
    r = len(C)
    rows = np.swapaxes(E, 0, 1).reshape(-1, r)
    return np.asarray((rows @ C.reshape(r, -1)).reshape(r, len(E), *C.shape[1:]))


def _each(A: FloatArray, B: FloatArray) -> FloatArray:
    """Return the product of two matrices in every group, shape (r, ..., g).

    Parameters
    ----------
    A : ndarray, shape (r, s, g)
    B : ndarray, shape (s, ..., g)
    """
    r, s, g = A.shape
    flat = B.reshape(s, -1, g)
    if g == 1:  # many crossed groups in one
        product = (A[:, :, 0] @ flat[:, :, 0])[..., None]
    else:
        product = A[:, 0, None] * flat[0]
        for k in range(1, s):
            product += A[:, k, None] * flat[k]
    return product.reshape(r, *B.shape[1:])


def _on_each(A: FloatArray, B: FloatArray) -> FloatArray:
    """Return the products of some matrices with one in every group, shape (r, h, u, g).

    Parameters
    ----------
    A : ndarray, shape (r, h, s, g)
    B : ndarray, shape (s, u, g)
    """
    r, h, s, g = A.shape
    return _each(A.reshape(r * h, s, g), B).reshape(r, h, *B.shape[1:])


def _traces(A: FloatArray, B: FloatArray) -> FloatArray:
    """Return the sums over groups of tr(A_h B_k), shape (h, k).

    Parameters
    ----------
    A, B : ndarray, shapes (r, h, s, g) and (s, k, r, g)
    """
    left = A.transpose(1, 0, 2, 3).reshape(A.shape[1], -1)
    right = B.transpose(1, 2, 0, 3).reshape(B.shape[1], -1)
    return np.asarray(left @ right.T)


def _of_pairs(products: FloatArray, one: IntArray, two: IntArray) -> FloatArray:
    """Return L_h' A L_k + L_k' A L_h by pair from all L_h' A L_k; A is symmetric."""
    return np.asarray(products[:, one, two] + products[:, two, one])


def _twice(step: _Step, left: FloatArray, right: FloatArray) -> Blocks:
    """Return the sums of left' right and of its transpose."""
    one = step.chain.products(step.level, left, right)
    if len(one) == 1:  # fixed effects and outcome: the other sum is its transpose
        return [one[0] + np.swapaxes(one[0], 0, 3)]
    other = step.chain.products(step.level, right, left)
    return [a + np.swapaxes(b, 1, 2) for a, b in zip(one, other, strict=True)]


def _through(step: _Step, blocks: Blocks) -> Blocks:
    """Return T' B T for T = [-F Z'WU; I]: what a derivative becomes outside the level."""
    if not blocks:
        return []
    r = len(step.M)
    half = blocks[0][:, :, r:] - _on_each(blocks[0][:, :, :r], step.Y) / 2
    products = _twice(step, step.Y[:, None], half)
    return [b - p[:, 0] for b, p in zip(blocks[1:], products, strict=True)]
