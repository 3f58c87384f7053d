"""Covariance structures: from a few parameters to a matrix with its first and second derivatives.

Parameters are those of SAS PROC MIXED: variances and correlations, or the entries themselves where
the matrix is linear in them. A likelihood needs of a structure only what `Shape` holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Shape:
    """Covariance matrices and how their parameters move them.

    All subjects on one schedule share one matrix (K = 1); on individual schedules each has one.

    Attributes
    ----------
    value : ndarray, shape (K, T, T)
    first : ndarray, shape (h, K, T, T)
        Derivatives with respect to each parameter.
    second : ndarray, shape (h, h, K, T, T), or None
        Second derivatives; None where the matrices are linear in the parameters.
    """

    value: FloatArray
    first: FloatArray
    second: FloatArray | None


def lower(T: int) -> tuple[IntArray, IntArray]:
    """Return rows and columns of the lower triangle, by row."""
    rows, columns = np.tril_indices(T)
    return rows, columns


def unstructured(theta: FloatArray, T: int) -> Shape:
    """Unstructured: every variance and covariance, by row of the lower triangle."""
    rows, columns = lower(T)
    first = np.zeros((len(theta), T, T))
    k = np.arange(len(theta))
    first[k, rows, columns] = first[k, columns, rows] = 1.0
    return linear(theta, first)


def linear(theta: FloatArray, first: FloatArray) -> Shape:
    """Return a matrix that is a sum of parameters times fixed matrices, shape (h, T, T)."""
    return Shape(np.tensordot(theta, first, 1)[None], first[:, None], None)


def lags(places: FloatArray) -> FloatArray:
    """Return the distances that occur between places, 0 first."""
    return np.unique(np.abs(np.subtract.outer(places, places)))


def bands(places: FloatArray) -> FloatArray:
    """Return which pairs of places lie at each distance that occurs, shape (h, T, T)."""
    apart = np.abs(np.subtract.outer(places, places))
    return np.asarray(apart[None] == lags(places)[:, None, None], dtype=float)


def banded(theta: FloatArray, places: FloatArray) -> Shape:
    """One variance and one covariance for each distance between visits (Toeplitz)."""
    return linear(theta, bands(places))


def exchangeable(theta: FloatArray, T: int) -> Shape:
    """One covariance, and one variance more on the diagonal (compound symmetry)."""
    return linear(theta, np.stack([np.ones((T, T)), np.eye(T)]))


# A correlation: its matrix, first derivatives (k, T, T), second derivatives (k, k, T, T).
Correlation = tuple[FloatArray, FloatArray, FloatArray]


def equal_correlation(rho: FloatArray, T: int) -> Correlation:
    """One correlation for all pairs."""
    off = 1.0 - np.eye(T)
    return np.eye(T) + rho[0] * off, off[None], np.zeros((1, 1, T, T))


def banded_correlation(rho: FloatArray, places: FloatArray) -> Correlation:
    """One correlation for each distance between visits."""
    T, first = len(places), bands(places)[1:]
    h = len(first)
    return np.eye(T) + np.tensordot(rho, first, 1), first, np.zeros((h, h, T, T))


def power_correlation(rho: FloatArray, distance: FloatArray) -> Correlation:
    """Rho to the power of the distance: AR(1) on visit numbers, spatial power on days."""
    d, r = distance, float(rho[0])
    value = np.where(d > 0, np.sign(r) ** d * np.abs(r) ** d, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.where(d > 0, d * value / r, 0.0)
        second = np.where(d > 0, d * (d - 1) * value / r**2, 0.0)
    if r == 0:
        first, second = (d == 1).astype(float), 2.0 * (d == 2)
    return value, first[None], second[None, None]


def exponential_correlation(range_: FloatArray, distance: FloatArray) -> Correlation:
    """exp(-distance / range)."""
    # In units of the range: its powers may be beyond all numbers.
    phi = float(range_[0])
    u = distance / phi
    value = np.exp(-u)
    first, second = value * u / phi, value * u * (u - 2) / phi / phi
    return value, first[None], second[None, None]


def gaussian_correlation(range_: FloatArray, distance: FloatArray) -> Correlation:
    """exp(-(distance / range)^2)."""
    phi = float(range_[0])
    square = (distance / phi) ** 2
    value = np.exp(-square)
    first, second = value * 2 * square / phi, value * square * (4 * square - 6) / phi / phi
    return value, first[None], second[None, None]


def ante_correlation(rho: FloatArray, T: int) -> Correlation:
    """Products of the correlations of neighbouring visits between the two (ante-dependence)."""
    i, j = np.indices((T, T))
    low, high = np.minimum(i, j), np.maximum(i, j)
    within = [(low <= k) & (k < high) for k in range(T - 1)]

    def product(without: tuple[int, ...]) -> FloatArray:
        result = np.ones((T, T))
        for k in range(T - 1):
            if k not in without:
                result = np.where(within[k], result * rho[k], result)
        return result

    first = np.stack([within[k] * product((k,)) for k in range(T - 1)])
    second = np.zeros((T - 1, T - 1, T, T))
    for k in range(T - 1):
        for m in range(k):
            second[k, m] = second[m, k] = (within[k] & within[m]) * product((k, m))
    return product(()), first, second


def scaled(variance: FloatArray, correlation: Correlation) -> Shape:
    """Put variances, one or one a visit, round a correlation: V_ij = sqrt(v_i v_j) C_ij."""
    C, dC, ddC = correlation
    T, n_v, n_c = len(C), len(variance), len(dC)
    v = np.broadcast_to(variance, T) if n_v == 1 else variance
    spread = np.sqrt(np.outer(v, v))
    value = spread * C
    # V_ij is a product of powers of variances: power[k, i, j] = (1 or 0 at i + 1 or 0 at j) / 2.
    if n_v == 1:
        power = np.ones((1, T, T))
    else:
        e = np.eye(T)
        power = (e[:, :, None] + e[:, None, :]) / 2
    grow = power / variance[:, None, None]
    first = np.concatenate([grow * value, spread * dC])
    second = np.empty((n_v + n_c, n_v + n_c, T, T))
    second[:n_v, :n_v] = grow[:, None] * grow[None] * value
    k = np.arange(n_v)
    second[k, k] -= grow / variance[:, None, None] * value
    second[:n_v, n_v:] = grow[:, None] * (spread * dC)[None]
    second[n_v:, :n_v] = np.swapaxes(second[:n_v, n_v:], 0, 1)
    second[n_v:, n_v:] = spread * ddC
    return Shape(value[None], first[:, None], second[:, :, None])


def numeric_shape(build: Callable[[FloatArray], FloatArray], theta: FloatArray) -> Shape:
    """Return the shape of a matrix of which only values are known, by central differences."""
    h = len(theta)
    step = 1e-4 * np.maximum(np.abs(theta), 1.0)
    unit = np.diag(step)
    value = build(theta)
    up = np.stack([build(theta + unit[k]) for k in range(h)])
    down = np.stack([build(theta - unit[k]) for k in range(h)])
    first = (up - down) / (2 * step[:, None, None])
    second = np.empty((h, h, *value.shape))
    for k in range(h):
        second[k, k] = (up[k] - 2 * value + down[k]) / step[k] ** 2
        for m in range(k):
            both, back = unit[k] + unit[m], unit[k] - unit[m]
            cross = build(theta + both) - build(theta + back) - build(theta - back)
            cross = (cross + build(theta - both)) / (4 * step[k] * step[m])
            second[k, m] = second[m, k] = cross
    return Shape(value[None], first[:, None], second[:, :, None])
