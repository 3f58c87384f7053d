"""Probabilities of boxes under a multivariate normal distribution, with their derivatives.

One and two dimensions are in closed form, the second by Owen's T function. From three on, the box
is mapped to the unit cube (Genz 1992) and summed over a fixed set of quasi-random points (Sobol),
so that the same box always has the same probability. The first two moments within the box are
summed in the same pass, and they are the derivatives: with P the probability, V = L L' and
z = L^-1 (y - mean),

    dP/dmean = L^-T E[z; box],   d2P/dmean dmean' = L^-T (E[z z'; box] - P I) L^-1,

and dP/dV is half the second (the normal density solves the heat equation).

References
----------
Genz 1992, doi:10.1080/10618600.1992.10477010. Owen 1956, doi:10.1214/aoms/1177728074. Plackett
1954, doi:10.1093/biomet/41.3-4.351.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy
from scipy.special import ndtr, ndtri, owens_t

from trdstats.arrays import FloatArray

_LOG_POINTS = 13  # of base 2: the error is near 1e-5 in three to eight dimensions
_AT_ONCE = 1_000_000  # numbers in one array
MOST_DIMENSIONS = 20
_ROOT = 1 / np.sqrt(2 * np.pi)


@dataclass(frozen=True, slots=True)
class BoxProbabilities:
    """Probabilities of boxes, and what moves them.

    Attributes
    ----------
    value : ndarray, shape (m,)
    by_mean : ndarray, shape (m, k)
        Derivatives with respect to the mean.
    by_covariance : ndarray, shape (m, k, k)
        Symmetric: dP is the sum over all i and j of by_covariance[i, j] dV[i, j].
    """

    value: FloatArray
    by_mean: FloatArray
    by_covariance: FloatArray


def box_probabilities(
    lower: FloatArray, upper: FloatArray, mean: FloatArray, covariance: FloatArray
) -> BoxProbabilities:
    """Return P(lower < Y <= upper) for normal Y, box by box.

    Parameters
    ----------
    lower, upper : ndarray, shape (m, k)
        Infinite where open. A box without room has probability 0.
    mean : ndarray, shape (m, k)
    covariance : ndarray, shape (k, k)
        Positive definite; one for all boxes.
    """
    m, k = lower.shape
    value, by_mean, by_cov = np.zeros(m), np.zeros((m, k)), np.zeros((m, k, k))
    open_everywhere = np.isneginf(lower).all(axis=0) & np.isposinf(upper).all(axis=0)
    used = np.flatnonzero(~open_everywhere)
    there = np.flatnonzero((lower < upper).all(axis=1))
    if not len(used):
        value[there] = 1.0
        return BoxProbabilities(value, by_mean, by_cov)
    if not len(there):
        return BoxProbabilities(value, by_mean, by_cov)
    ends = np.hstack([lower[np.ix_(there, used)], upper[np.ix_(there, used)]])
    distinct, place = np.unique(
        ends - np.tile(mean[np.ix_(there, used)], 2), axis=0, return_inverse=True
    )
    a, b = np.split(distinct, 2, axis=1)
    of_k = {1: _one, 2: _two}.get(len(used), _many)
    p, g, h = of_k(a, b, covariance[np.ix_(used, used)])
    place = place.reshape(-1)
    value[there] = p[place]
    by_mean[np.ix_(there, used)] = g[place]
    by_cov[np.ix_(there, used, used)] = h[place] / 2
    return BoxProbabilities(value, by_mean, by_cov)


def bivariate_normal(h: FloatArray, k: FloatArray, r: float) -> FloatArray:
    """Return P(X <= h, Y <= k) for standard normal X and Y with correlation r, |r| < 1.

    Parameters
    ----------
    h, k : ndarray, shape (m,)
        May be infinite.
    r : float
    """
    finite = np.isfinite(h) & np.isfinite(k)
    with np.errstate(invalid="ignore"):
        result = np.where(np.isneginf(h) | np.isneginf(k), 0.0, np.minimum(ndtr(h), ndtr(k)))
    x, y = h[finite], k[finite]
    s = np.sqrt((1 - r) * (1 + r))
    with np.errstate(divide="ignore", invalid="ignore"):
        over_x, over_y = (y - r * x) / (x * s), (x - r * y) / (y * s)
        other_side = ((x * y < 0) | ((x * y == 0) & (x + y < 0))) / 2
        p = (ndtr(x) + ndtr(y)) / 2 - owens_t(x, over_x) - owens_t(y, over_y) - other_side
    # On the axes the ratio is 0 / 0 or has no sign; there one argument is 0 and T is an angle.
    both = (x == 0) & (y == 0)
    p = np.where(both, 0.25 + np.arcsin(r) / (2 * np.pi), p)
    result[finite] = np.clip(p, 0.0, 1.0)
    return result


def _density(z: FloatArray) -> FloatArray:
    return np.asarray(_ROOT * np.exp(-(z**2) / 2))


def _times_density(z: FloatArray) -> FloatArray:
    """Return z phi(z), 0 at the ends of the line."""
    return np.where(np.isfinite(z), z, 0.0) * _density(z)


def _between(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return Phi(b) - Phi(a), from the tail that is smaller."""
    right = a > 0
    low, high = np.where(right, -b, a), np.where(right, -a, b)
    return np.asarray(ndtr(high) - ndtr(low))


def _one(
    a: FloatArray, b: FloatArray, covariance: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    sd = float(np.sqrt(covariance[0, 0]))
    low, high = a / sd, b / sd
    p = _between(low, high)[:, 0]
    slope = (_density(low) - _density(high)) / sd
    curve = (_times_density(low) - _times_density(high)) / sd**2
    return p, slope, curve[:, :, None]


def _two(
    a: FloatArray, b: FloatArray, covariance: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    sd = np.sqrt(np.diag(covariance))
    r = float(covariance[0, 1] / (sd[0] * sd[1]))
    s = np.sqrt((1 - r) * (1 + r))
    m = len(a)
    p, g, h = np.zeros(m), np.zeros((m, 2)), np.zeros((m, 2, 2))
    for first, one in ((-1.0, a[:, 0]), (1.0, b[:, 0])):
        for second, other in ((-1.0, a[:, 1]), (1.0, b[:, 1])):
            sign = first * second
            x, y = one / sd[0], other / sd[1]
            p += sign * bivariate_normal(x, y, r)
            with np.errstate(invalid="ignore"):
                given_x = np.where(np.isfinite(x), (y - r * x) / s, 0.0)
                given_y = np.where(np.isfinite(y), (x - r * y) / s, 0.0)
            of_x, of_y = _density(x), _density(y)
            joint = of_x * _density(given_x) / s
            joint = np.where(np.isfinite(y), joint, 0.0)
            g[:, 0] -= sign * of_x * ndtr(given_x) / sd[0]
            g[:, 1] -= sign * of_y * ndtr(given_y) / sd[1]
            h[:, 0, 0] -= sign * (_times_density(x) * ndtr(given_x) + r * joint) / sd[0] ** 2
            h[:, 1, 1] -= sign * (_times_density(y) * ndtr(given_y) + r * joint) / sd[1] ** 2
            h[:, 0, 1] += sign * joint / (sd[0] * sd[1])
    h[:, 1, 0] = h[:, 0, 1]
    return np.clip(p, 0.0, 1.0), g, h


@cache
def _points(dimensions: int) -> FloatArray:
    """Return fixed points in the open unit cube, shape (n, dimensions)."""
    points = scipy.stats.qmc.Sobol(dimensions, scramble=False).random_base2(_LOG_POINTS)
    # Each in the middle of its cell, so that none lies on the edge of the cube.
    return np.asarray(points + 0.5 / len(points))


def _many(
    a: FloatArray, b: FloatArray, covariance: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    m, k = a.shape
    root = np.asarray(np.linalg.cholesky(covariance), dtype=float)
    points = _points(k - 1)
    mass, first, second = np.empty(m), np.empty((m, k)), np.empty((m, k, k))
    step = max(1, _AT_ONCE // (len(points) * k))
    for start in range(0, m, step):
        here = slice(start, min(start + step, m))
        mass[here], first[here], second[here] = _moments(a[here], b[here], root, points)
    inverse = np.linalg.inv(root)
    centred = second - mass[:, None, None] * np.eye(k)
    return np.clip(mass, 0.0, 1.0), first @ inverse, inverse.T @ centred @ inverse


def _moments(
    a: FloatArray, b: FloatArray, root: FloatArray, points: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return mass, first and second moments of z in every box; the last one's are exact."""
    m, k = a.shape
    n = len(points)
    z = np.zeros((m, n, k))
    weight = np.full((m, n), 1.0 / n)
    for i in range(k - 1):
        shift = z[:, :, :i] @ root[i, :i]
        low, high = (a[:, i, None] - shift) / root[i, i], (b[:, i, None] - shift) / root[i, i]
        # Quantiles are taken in the lower tail, where they keep their digits.
        flip = low > 0
        low, high = np.where(flip, -high, low), np.where(flip, -low, high)
        from_ = ndtr(low)
        width = ndtr(high) - from_
        weight *= width
        drawn = np.clip(ndtri(from_ + points[:, i] * width), -38.0, 38.0)
        z[:, :, i] = np.where(flip, -drawn, drawn)
    shift = z[:, :, : k - 1] @ root[k - 1, : k - 1]
    low = (a[:, -1, None] - shift) / root[-1, -1]
    high = (b[:, -1, None] - shift) / root[-1, -1]
    zeroth = _between(low, high)
    once = _density(low) - _density(high)
    twice = zeroth + _times_density(low) - _times_density(high)
    before = z[:, :, :-1]
    whole, part = weight * zeroth, weight * once
    first, second = np.empty((m, k)), np.empty((m, k, k))
    first[:, :-1] = np.einsum("mn,mni->mi", whole, before)
    first[:, -1] = part.sum(axis=1)
    second[:, :-1, :-1] = np.swapaxes(before * whole[:, :, None], 1, 2) @ before
    second[:, :-1, -1] = second[:, -1, :-1] = np.einsum("mn,mni->mi", part, before)
    second[:, -1, -1] = (weight * twice).sum(axis=1)
    return whole.sum(axis=1), first, second
