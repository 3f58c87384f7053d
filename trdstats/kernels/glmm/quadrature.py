"""The marginal log-likelihood by adaptive Gauss-Hermite quadrature, with exact derivatives.

For a subject with standardised random effects v, h(v) = log f(y | v) - v'v / 2, mode v0 and
curvature H = C C', nodes stand at v_k = v0 + sqrt(2) L t_k with L = C'^-1, and

    log I = log |L| + log sum_k w_k exp(t_k't_k + h(v_k)) - (r / 2) log pi.

One node is Laplace's approximation. The score differentiates this sum exactly: the parameters move
h at the nodes, and they move the nodes, by the implicit derivative of the mode and by that of L:
dL = -L Phi(L' dH L)', with Phi the lower triangle and half the diagonal.

References
----------
Pinheiro and Bates 1995, doi:10.1080/10618600.1995.10474663 (adaptive quadrature). Louis 1982,
doi:10.1111/j.2517-6161.1982.tb01203.x (information of a marginal likelihood). Smith 1995,
doi:10.1080/10618600.1995.10474671 (derivative of a Cholesky factor).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.glmm.conditional import (
    second_derivative,
    third_derivative,
    value_and_slope,
)
from trdstats.kernels.glmm.modes import Modes, find_modes
from trdstats.kernels.glmm.rows import Rows


@dataclass(frozen=True, slots=True)
class Grid:
    """Nodes and weights of Gauss-Hermite quadrature in r dimensions.

    Attributes
    ----------
    t : ndarray, shape (K, r)
    log_weight : ndarray, shape (K,)
        log w_k + t_k't_k.
    """

    t: FloatArray
    log_weight: FloatArray


@cache
def hermite_grid(points: int, r: int) -> Grid:
    """Return the product grid of a number of points in each of r dimensions."""
    t, w = np.polynomial.hermite.hermgauss(points)
    nodes = np.array(list(product(t, repeat=r)))
    weights = np.array(list(product(np.log(w), repeat=r))).sum(axis=1)
    return Grid(nodes, weights + (nodes**2).sum(axis=1))


@dataclass(frozen=True, slots=True)
class Marginal:
    """Marginal log-likelihoods of subjects at one value of the parameters.

    Attributes
    ----------
    each : ndarray, shape (n,)
        Unweighted.
    scores : ndarray, shape (n, q)
        Their exact derivatives; unweighted.
    curvature : ndarray, shape (q, q), or None
        Weighted sum of Louis' information at the nodes: exact in the limit of many points.
    v : ndarray, shape (n, r)
        Modes.
    """

    each: FloatArray
    scores: FloatArray
    curvature: FloatArray | None
    v: FloatArray


def marginal(
    rows: Rows, theta: FloatArray, grid: Grid, start: FloatArray, *, curved: bool
) -> Marginal | None:
    """Return the marginal log-likelihood of each subject with its derivatives.

    Parameters
    ----------
    rows : Rows
    theta : ndarray, shape (q,)
        Fixed effects, then the entries of the Cholesky factor.
    grid : Grid
    start : ndarray, shape (n, r)
        Where the modes are searched for.
    curved : bool
        Whether to add Louis' information.

    Returns
    -------
    Marginal or None
        None where it has no finite value, such as where thresholds are not in order.
    """
    q = len(theta)
    each, scores = np.empty(rows.n), np.empty((rows.n, q))
    curvature = np.zeros((q, q)) if curved else None
    v = np.empty_like(start)
    for at, block in rows.blocks(len(grid.t)):
        of_block = _block(block, theta, grid, start[at], curved)
        if of_block is None:
            return None
        each[at], scores[at], v[at] = of_block.each, of_block.scores, of_block.v
        if curvature is not None and of_block.curvature is not None:
            curvature += of_block.curvature
    if len(rows.pair):
        gap = rows.pair @ theta[: rows.n_fixed]
        if not (gap > 0).all():
            return None
        rate = 1 / np.expm1(gap)
        each += np.bincount(rows.pair_subject, np.log(-np.expm1(-gap)), rows.n)
        np.add.at(scores[:, : rows.n_fixed], rows.pair_subject, rate[:, None] * rows.pair)
        if curvature is not None:
            bend = rows.weight[rows.pair_subject] * rate * (1 + rate)
            curvature[: rows.n_fixed, : rows.n_fixed] += (rows.pair * bend[:, None]).T @ rows.pair
    if not np.isfinite(each).all() or not np.isfinite(scores).all():
        return None
    return Marginal(each, scores, curvature, v)


def _block(
    rows: Rows, theta: FloatArray, grid: Grid, start: FloatArray, curved: bool
) -> Marginal | None:
    factor = rows.factor(theta)
    fixed = rows.X @ theta[: rows.n_fixed]
    W = rows.Z @ factor
    modes = find_modes(rows, fixed, W, start)
    if modes is None:
        return None
    try:
        C = np.linalg.cholesky(modes.curvature)
    except np.linalg.LinAlgError:
        return None
    r = W.shape[1]
    L = np.linalg.inv(C).transpose(0, 2, 1)
    v = modes.v[:, None, :] + np.sqrt(2) * np.einsum("nab,kb->nka", L, grid.t)
    eta = np.repeat(fixed[:, None], len(grid.t), axis=1)
    for d in range(r):
        eta += W[:, d, None] * v[rows.subject, :, d]
    value, slope = value_and_slope(rows.link, rows.y[:, None], eta)
    h = rows.sums(value) - 0.5 * (v**2).sum(axis=2) + grid.log_weight
    top = h.max(axis=1, keepdims=True)
    posterior = np.exp(h - top)
    total = posterior.sum(axis=1, keepdims=True)
    posterior /= total
    log_size = -np.log(np.diagonal(C, axis1=1, axis2=2)).sum(axis=1)
    each = log_size + (top + np.log(total))[:, 0] - 0.5 * r * np.log(np.pi)
    by_effect = np.stack([rows.sums(slope * rows.Z[:, d, None]) for d in range(r)], axis=2)
    of_row = posterior[rows.subject]
    direct = np.einsum("nk,nk->n", of_row, slope)
    per_row, of_factor = _placement(rows, modes, L, W, posterior, by_effect @ factor - v, grid)
    a, b = rows.entries
    at_nodes = np.einsum("nk,nke,nke->ne", posterior, v[:, :, b], by_effect[:, :, a])
    scores = np.hstack(
        (rows.sums((direct + per_row)[:, None] * rows.X), at_nodes + of_factor[:, a, b])
    )
    curvature = None
    if curved:
        curvature = _louis(rows, eta, slope, v, posterior, of_row, by_effect)
    return Marginal(each, scores, curvature, modes.v)


def _placement(
    rows: Rows,
    modes: Modes,
    L: FloatArray,
    W: FloatArray,
    posterior: FloatArray,
    gradient: FloatArray,
    grid: Grid,
) -> tuple[FloatArray, FloatArray]:
    """Return what the movement of the nodes adds to the score.

    Returns
    -------
    per_row : ndarray, shape (N,)
        Multiplies the row's design of the fixed effects.
    of_factor : ndarray, shape (n, r, r)
        For each entry of the Cholesky factor.
    """
    subject, Z = rows.subject, rows.Z
    weighted = posterior[:, :, None] * gradient
    u = weighted.sum(axis=1)
    T = np.sqrt(2) * np.einsum("nka,kb->nab", weighted, grid.t)
    B = L.transpose(0, 2, 1) @ T
    upper = np.triu(B, 1)
    r = W.shape[1]
    Q = 0.5 * (upper + upper.transpose(0, 2, 1) + B * np.eye(r)) + 0.5 * np.eye(r)
    E = L @ Q @ L.transpose(0, 2, 1)
    third = third_derivative(rows.link, rows.y, modes.eta, modes.slope)
    EW = np.einsum("nab,nb->na", E[subject], W)
    turn = third * (W * EW).sum(axis=1)
    c = rows.sums(turn[:, None] * W)
    q = np.linalg.solve(modes.curvature, (u + c)[:, :, None])[:, :, 0]
    per_row = modes.bend * (W * q[subject]).sum(axis=1) + turn
    along = rows.sums(per_row[:, None] * Z)[:, :, None] * modes.v[:, None, :]
    tilt = rows.sums(modes.slope[:, None] * Z)[:, :, None] * q[:, None, :]
    spread = 2 * rows.sums(modes.bend[:, None, None] * Z[:, :, None] * EW[:, None, :])
    return per_row, along + tilt + spread


def _louis(
    rows: Rows,
    eta: FloatArray,
    slope: FloatArray,
    v: FloatArray,
    posterior: FloatArray,
    of_row: FloatArray,
    by_effect: FloatArray,
) -> FloatArray:
    """Return the weighted sum of expected complete less missing information, shape (q, q)."""
    a, b = rows.entries
    weight, p = rows.weight[rows.subject], rows.n_fixed
    bend = second_derivative(rows.link, rows.y[:, None], eta, slope)
    bend *= -of_row * weight[:, None]
    # Derivatives of a row's predictor: its design, then Z_a v_b for each entry of the factor.
    of_v = np.stack([v[rows.subject, :, j] for j in range(v.shape[2])], axis=0)
    first = [(bend * of_v[j]).sum(axis=1) for j in range(len(of_v))]
    q = p + len(a)
    complete = np.empty((q, q))
    complete[:p, :p] = (rows.X * bend.sum(axis=1)[:, None]).T @ rows.X
    for i, (ai, bi) in enumerate(zip(a, b, strict=True)):
        complete[:p, p + i] = complete[p + i, :p] = rows.X.T @ (rows.Z[:, ai] * first[bi])
        for j, (aj, bj) in enumerate(zip(a, b, strict=True)):
            second = (bend * of_v[bi] * of_v[bj]).sum(axis=1)
            complete[p + i, p + j] = (rows.Z[:, ai] * rows.Z[:, aj]) @ second
    node_scores = np.empty((*posterior.shape, q))
    for j in range(p):
        node_scores[:, :, j] = rows.sums(slope * rows.X[:, j, None])
    node_scores[:, :, p:] = by_effect[:, :, a] * v[:, :, b]
    mean = np.einsum("nk,nkq->nq", posterior, node_scores)
    node_scores -= mean[:, None, :]
    node_scores *= np.sqrt(posterior * rows.weight[:, None])[:, :, None]
    flat = node_scores.reshape(-1, q)
    return np.asarray(complete - flat.T @ flat)
