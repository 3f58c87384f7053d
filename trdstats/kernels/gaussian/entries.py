"""Sums over patterns by entries of a covariance that all of them share.

The derivatives of a likelihood ask, for every pair of parameters, for a sum over patterns of
matrices that are derivatives of one shared covariance. The sums of everything else are taken once,
by the entries of that covariance; the parameters then come in by products that know no patterns.
Where parameters are few, or patterns have different covariances, direct sums are shorter.
"""

from __future__ import annotations

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.gaussian.patterns import CrossProducts
from trdstats.kernels.gaussian.subject_blocks import SubjectBlocks

_LARGEST = 3e7  # numbers that sums by entries may hold: 240 MB


def pair_traces(V: FloatArray, left: FloatArray, right: FloatArray) -> FloatArray:
    """Return sum_p tr(V_h L_p V_k R_p), shape (h, h).

    Parameters
    ----------
    V : ndarray, shape (h, 1 or P, T, T)
    left, right : ndarray, shape (P, T, T)
    """
    h, n_patterns, T, _ = V.shape
    P = len(left)
    by_entries = T**4 * (P + h) + h**2 * T**2
    plainly = 2 * h * P * T**3 + h**2 * P * T**2
    if n_patterns == 1 and T**4 < _LARGEST and by_entries < plainly:
        sums = left.reshape(P, T * T).T @ right.reshape(P, T * T)  # (b c), (d a)
        sums = sums.reshape(T, T, T, T).transpose(3, 0, 1, 2).reshape(T * T, T * T)
        flat = V.reshape(h, T * T)
        return flat @ sums @ flat.T
    one, other = V @ left, V @ right
    return one.reshape(h, -1) @ np.swapaxes(other, 2, 3).reshape(h, -1).T


def crosses(
    s: CrossProducts | SubjectBlocks,
    patterns: IntArray,
    V: FloatArray,
    W: FloatArray,
    beta: FloatArray,
) -> FloatArray:
    """Return sum_p X' W_p V_h W_p r over some patterns, shape (h, q)."""
    if V.shape[1] != 1 or isinstance(s, SubjectBlocks):
        return s.cross(patterns, W @ V @ W, beta)
    row = s.residual_rows(beta)
    P, T, _ = W.shape
    d = row.shape[1]
    pulled = s.cross_products[patterns] @ row.T @ W  # (P, d, T)
    both = W.reshape(P, T * T).T @ pulled.reshape(P, d * T)  # (a c), (i b)
    by_entry = s.spread[:-1] @ both.reshape(T, T * d, T)  # (a, q, b)
    return np.asarray(np.einsum("hab,aqb->hq", V[:, 0], by_entry, optimize=True))


def informations(
    s: CrossProducts | SubjectBlocks, patterns: IntArray, V: FloatArray, W: FloatArray
) -> FloatArray:
    """Return sum_p X' W_p V_h W_p X over some patterns, shape (h, q, q)."""
    if V.shape[1] != 1 or isinstance(s, SubjectBlocks):
        return s.information(patterns, W @ V @ W)
    h, _, T, _ = V.shape
    q, d, P = s.n_columns, s.cross_products.shape[1], len(patterns)
    plainly = h * (T**2 * d**2 * P + q * (T * d) ** 2)
    by_entries = float(np.minimum(s.n[patterns], d).sum()) * (T * q) ** 2 + h * T**2 * q**2
    if by_entries > plainly or (T * q) ** 2 > _LARGEST:
        return np.concatenate([s.information(patterns, (W @ one @ W)[None]) for one in V])
    sums = _outer(s, patterns, W)
    return (V.reshape(h, T * T) @ sums).reshape(h, q, q)


def _outer(s: CrossProducts, patterns: IntArray, W: FloatArray) -> FloatArray:
    """Return sum_p (X' W)[q, a] (W X)[b, r], shape (T T, q q)."""
    T, d, q = s.rated.shape[1], s.cross_products.shape[1], s.n_columns
    select = s.spread[:-1].reshape(q * T, d)
    # In units of each column: beside one of large numbers nothing of the others would be left.
    length = np.sqrt(np.diagonal(s.cross_products[patterns], axis1=1, axis2=2))
    length = np.where(length > 0, length, 1.0)
    scaled = s.cross_products[patterns] / (length[:, :, None] * length[:, None, :])
    size, axes = np.linalg.eigh(scaled)
    used = size > 1e-15 * np.maximum(size[:, -1:], 1e-300)
    total = np.zeros((q * T, q * T))
    for is_used, values, vectors, unit, weight in zip(used, size, axes, length, W, strict=True):
        # The subjects of a pattern, turned into as many as their numbers need.
        root = unit[:, None] * vectors[:, is_used] * np.sqrt(values[is_used])
        X = (select @ root).T.reshape(-1, q, T)
        flat = (X @ weight).reshape(-1, q * T)
        total += flat.T @ flat
    return total.reshape(q, T, q, T).transpose(1, 3, 0, 2).reshape(T * T, q * q)
