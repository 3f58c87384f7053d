"""Not responding, in response, relapsed: a Markov model with piecewise constant intensities.

State 0 leads to 1 with intensity a(t), 1 to 2 with b(t), both constant between cuts; t counts
from day 0. On a piece of length h

    P00 = exp(-a h),  P11 = exp(-b h),  P01 = a (exp(-b h) - exp(-a h)) / (a - b),

and pieces are chained; the formula is evaluated without loss where a and b are close.

References
----------
Kalbfleisch and Lawless 1985, J Am Stat Assoc 80:863-871, doi:10.1080/01621459.1985.10478195,
whose transition matrices are these for constant intensities.
"""

from __future__ import annotations

import numpy as np

from trdstats.arrays import FloatArray

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)  # exact to rounding on one piece


def overlaps(left: FloatArray, right: FloatArray, cuts: FloatArray) -> FloatArray:
    """Return how long each interval lies in each piece, shape (n, k)."""
    edges = np.concatenate(([0.0], cuts, [np.inf]))
    inside = np.minimum(right[:, None], edges[1:]) - np.maximum(left[:, None], edges[:-1])
    return np.asarray(np.maximum(inside, 0.0))


def chain(
    a: FloatArray, b: FloatArray, length: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Follow a subject that starts in state 0 through stretches of the pieces.

    Parameters
    ----------
    a, b : ndarray, shape (k,)
        Intensities.
    length : ndarray, shape (n, k)
        Time spent in each piece, in their order.

    Returns
    -------
    p0, p1 : ndarray, shape (n,)
        Probabilities of states 0 and 1 at the end.
    slope : ndarray, shape (n, 2, 2 k)
        Their derivatives with respect to log a and log b.
    """
    n, k = length.shape
    p0, p1 = np.ones(n), np.zeros(n)
    slope = np.zeros((n, 2, 2 * k))
    for j in range(k):
        h = length[:, j]
        stay_0, stay_1 = np.exp(-a[j] * h), np.exp(-b[j] * h)
        # The smaller intensity is taken out, so that no exponential can overflow.
        shape, bend = _mean_decay(np.abs(a[j] - b[j]) * h)
        if a[j] >= b[j]:
            shape, bend = stay_1 * shape, stay_1 * bend
        else:
            shape, bend = stay_0 * shape, -stay_0 * (shape + bend)
        pass_ = a[j] * h * shape
        by_a = pass_ + (a[j] * h) ** 2 * bend
        by_b = -b[j] * h * (pass_ + a[j] * h * bend)
        slope[:, 1] = slope[:, 1] * stay_1[:, None] + slope[:, 0] * pass_[:, None]
        slope[:, 1, j] += p0 * by_a
        slope[:, 1, k + j] += p0 * by_b - p1 * b[j] * h * stay_1
        slope[:, 0] *= stay_0[:, None]
        slope[:, 0, j] -= p0 * a[j] * h * stay_0
        p1 = p1 * stay_1 + p0 * pass_
        p0 = p0 * stay_0
    return p0, p1, slope


def _mean_decay(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (1 - exp(-x)) / x and its derivative for x >= 0, by series where x is small."""
    small = x < 0.1
    safe = np.where(small, 1.0, x)
    value = -np.expm1(-safe) / safe
    slope = (np.exp(-safe) - value) / safe
    y = np.where(small, x, 0.0)
    # Sums over j of (-y)^j / (j + 1)! and of its derivative: ten terms reach rounding.
    series, bend = np.zeros_like(y), np.zeros_like(y)
    term, term_bend = np.ones_like(y), np.full_like(y, -0.5)
    for j in range(1, 11):
        series += term
        bend += term_bend
        term = -term * y / (j + 1)
        term_bend = -term_bend * y * (j + 1) / (j * (j + 2))
    return np.where(small, series, value), np.where(small, bend, slope)


def state_probabilities(
    theta: FloatArray, cuts: FloatArray, at: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the state probabilities at times and their slopes.

    Parameters
    ----------
    theta : ndarray, shape (2 k,)
        log a, then log b, on each of k pieces.
    cuts : ndarray, shape (k - 1,)
    at : ndarray, shape (t,)

    Returns
    -------
    probability : ndarray, shape (t, 3)
    slope : ndarray, shape (t, 3, 2 k)
        Derivatives with respect to `theta`.
    """
    k = len(cuts) + 1
    a, b = np.exp(theta[:k]), np.exp(theta[k:])
    p0, p1, slope = chain(a, b, overlaps(np.zeros(len(at)), at, cuts))
    p2 = np.maximum(1 - p0 - p1, 0.0)
    third = -slope.sum(axis=1, keepdims=True)
    return np.column_stack([p0, p1, p2]), np.concatenate([slope, third], axis=1)


def mean_times(theta: FloatArray, cuts: FloatArray, tau: float) -> tuple[FloatArray, FloatArray]:
    """Return the mean time in each state up to `tau`, shape (3,), and slopes, shape (3, 2 k).

    By Gauss-Legendre quadrature on each piece, which for these sums of exponentials is exact to
    rounding unless a piece holds dozens of mean sojourns.
    """
    edges = np.unique(np.concatenate(([0.0], cuts[cuts < tau], [tau])))
    half = np.diff(edges)[:, None] / 2
    at = (edges[:-1, None] + half + half * _NODES).ravel()
    weight = (half * _WEIGHTS).ravel()
    p, slope = state_probabilities(theta, cuts, at)
    return weight @ p, np.tensordot(weight, slope, axes=1)
