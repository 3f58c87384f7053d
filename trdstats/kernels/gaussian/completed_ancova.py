"""Least squares on many completed sets of one outcome.

References
----------
Standard results; means of treatments are those of all subjects under each treatment
(g-computation), as weights="counterfactual" of R rbmi.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Linear combinations of the coefficients of each set.

    Attributes
    ----------
    estimate, std_error : ndarray, shape (M, k)
    df : ndarray, shape (M,)
        Residual degrees of freedom.
    """

    estimate: FloatArray
    std_error: FloatArray
    df: FloatArray


def adjust_sets(
    X: FloatArray, outcome: FloatArray, counts: FloatArray | None, means: FloatArray, L: FloatArray
) -> Adjusted:
    """Fit every completed set and combine its coefficients.

    Parameters
    ----------
    X : ndarray, shape (n, p)
        Design, the same for all sets; full rank.
    outcome : ndarray, shape (M, n)
    counts : ndarray, shape (M, n), or None
        How often each subject is part of each set; None for once.
    means : ndarray, shape (a, n, p)
        Design of every subject under each of a treatments.
    L : ndarray, shape (k, a)
        Combinations of the a means.

    Returns
    -------
    Adjusted
        NaN where a set does not identify a combination: a column that a set lacks (the only
        subject of a site is not in it) matters only to what depends on it.
    """
    M, n = outcome.shape
    p = X.shape[1]
    if counts is None:
        information = (X.T @ X)[None]
        product = outcome @ X
        size = np.full(M, float(n))
        rows = np.tile((L @ means.mean(axis=1))[None], (1, 1, 1))
        squares = (outcome**2).sum(axis=1)
    else:
        outer = (X[:, :, None] * X[:, None, :]).reshape(n, p * p)
        information = (counts @ outer).reshape(M, p, p)
        product = (counts * outcome) @ X
        size = counts.sum(axis=1)
        rows = np.einsum("ka,anp,mn->mkp", L, means, counts / size[:, None], optimize=True)
        squares = (counts * outcome**2).sum(axis=1)
    inverse, null, rank = _inverse(information)
    beta = (inverse @ product[:, :, None])[:, :, 0]
    df = size - rank
    rest = squares - np.einsum("mp,mp->m", beta, product)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.where(df > 0, np.maximum(rest, 0.0) / df, np.nan)
    lever = np.einsum("mkp,mpr,mkr->mk", rows, inverse, rows, optimize=True)
    estimate = np.einsum("mkp,mp->mk", np.broadcast_to(rows, (M, *rows.shape[1:])), beta)
    length = np.abs(rows).max(axis=2) * np.abs(null).max(axis=(1, 2), initial=1e-300)[:, None]
    free = np.abs(rows @ null).max(axis=2) > 1e-7 * length
    estimate, lever = np.where(free, np.nan, estimate), np.where(free, np.nan, lever)
    return Adjusted(estimate, np.sqrt(variance[:, None] * lever), df)


def _inverse(information: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return generalised inverses, what spans their null spaces (0 elsewhere), and ranks."""
    size = np.sqrt(np.maximum(np.diagonal(information, axis1=1, axis2=2), 1e-300))
    size = np.where(size > 1e-100, size, 1.0)  # a column of zeros
    scale = size[:, :, None] * size[:, None, :]
    values, vectors = np.linalg.eigh(information / scale)
    known = values > 1e-10 * values[:, -1:]
    inner = np.where(known, 1 / np.where(known, values, 1.0), 0.0)
    inverse = (vectors * inner[:, None, :]) @ np.swapaxes(vectors, 1, 2) / scale
    null = np.where(known[:, None, :], 0.0, vectors) / size[:, :, None]
    return inverse, null, known.sum(axis=1).astype(float)
