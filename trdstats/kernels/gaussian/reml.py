"""The Gaussian likelihood of repeated measures from cross-products, with its derivatives.

With W_p the inverse covariance of a pattern, zero at missed visits, every quantity is a sum over
patterns of W_p against cross-products: X'WX = sum_ab A_a (sum_p W_p[a, b] G_p) A_b'. Nothing here
grows with the number of subjects.

References
----------
Lindstrom and Bates 1988, doi:10.1080/01621459.1988.10478693. Johnson and Thompson 1995 (average
information), doi:10.3168/jds.S0022-0302(95)76654-1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.gaussian.covariance import Shape
from trdstats.kernels.gaussian.entries import crosses, informations, pair_traces
from trdstats.kernels.gaussian.patterns import CrossProducts
from trdstats.kernels.gaussian.subject_blocks import SubjectBlocks

# Parameters of one block to its covariance matrices.
Structure = Callable[[FloatArray], Shape]


@dataclass(frozen=True, slots=True)
class Model:
    """Data and covariance structure of a fit.

    Attributes
    ----------
    products : CrossProducts or SubjectBlocks
        Its design has full rank.
    structures : sequence of Structure
        Blocks of parameters that share nothing: one, or one a group.
    sizes : sequence of int
        Number of parameters of each.
    block, member : ndarray of int, shape (P,)
        Block of each pattern, and which matrix of that block it has.
    reml : bool
    """

    products: CrossProducts | SubjectBlocks
    structures: Sequence[Structure]
    sizes: Sequence[int]
    block: IntArray
    member: IntArray
    reml: bool

    @property
    def n_obs(self) -> int:
        """Number of ratings."""
        return self.products.n_obs

    def slopes_of(self, g: int, shape: Shape) -> tuple[IntArray, FloatArray]:
        """Return the patterns of a block and the derivatives of their matrices, (h, k, T, T)."""
        patterns = np.flatnonzero(self.block == g)
        if shape.first.shape[1] == 1:
            return patterns, shape.first
        return patterns, shape.first[:, self.member[patterns]]

    def parts(self, theta: FloatArray) -> list[FloatArray]:
        """Return the parameters of each block."""
        return np.split(theta, np.cumsum(self.sizes)[:-1])


@dataclass(frozen=True, slots=True)
class State:
    """The likelihood at one value of the covariance parameters.

    Attributes
    ----------
    theta : ndarray, shape (h,)
    deviance : float
        Minus twice the (restricted) log-likelihood.
    beta : ndarray, shape (q,)
    vcov : ndarray, shape (q, q)
        Inverse of X'WX.
    shapes : list of Shape
    weight : ndarray, shape (P, T, T)
        Inverse covariance of each pattern, 0 at missed visits.
    """

    theta: FloatArray
    deviance: float
    beta: FloatArray
    vcov: FloatArray
    shapes: list[Shape]
    weight: FloatArray


def evaluate(model: Model, theta: FloatArray) -> State | None:
    """Return the likelihood at some parameters; None where a covariance is not positive definite.

    Parameters
    ----------
    model : Model
    theta : ndarray, shape (h,)
    """
    s = model.products
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        shapes = [f(t) for f, t in zip(model.structures, model.parts(theta), strict=True)]
    if not all(np.isfinite(shape.value).all() for shape in shapes):
        return None
    mask = s.rated[:, :, None] & s.rated[:, None, :]
    full = np.where(mask, covariances(model, shapes), np.eye(s.rated.shape[1]))
    try:
        root = np.linalg.cholesky(full)
    except np.linalg.LinAlgError:
        return None
    log_det = 2 * np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    half = np.linalg.inv(root)
    weight = np.where(mask, np.swapaxes(half, 1, 2) @ half, 0.0)
    moments = s.moments(weight)
    q = s.n_columns
    information = moments[:q, :q]
    try:
        factor = np.linalg.cholesky(information)
    except np.linalg.LinAlgError:
        return None
    half_information = np.linalg.inv(factor)
    vcov = half_information.T @ half_information
    beta = vcov @ moments[:q, q]
    b = np.append(-beta, 1.0)
    rss = float(b @ moments @ b)
    n_obs = s.n_obs
    deviance = float(s.n @ log_det) + rss - s.log_weight
    if model.reml:
        deviance += 2 * float(np.log(np.diag(factor)).sum()) + (n_obs - q) * np.log(2 * np.pi)
    else:
        deviance += n_obs * np.log(2 * np.pi)
    if not np.isfinite(deviance):
        return None
    return State(theta, float(deviance), beta, vcov, shapes, weight)


def _least_squares(s: CrossProducts | SubjectBlocks) -> FloatArray:
    """Return the sums of products of least-squares residuals by pattern, shape (P, T, T)."""
    T, q = s.rated.shape[1], s.n_columns
    mask = (s.rated[:, :, None] & s.rated[:, None, :]).astype(float)
    moments = s.moments(np.eye(T) * mask)
    beta: FloatArray = np.asarray(np.linalg.solve(moments[:q, :q], moments[:q, q]), dtype=float)
    return np.asarray(s.residual_products(beta) * mask)


def residual_variance(model: Model) -> float:
    """Return the mean square of least-squares residuals."""
    products = _least_squares(model.products)
    return float(np.trace(products, axis1=1, axis2=2).sum() / model.products.n_obs)


def residual_start(model: Model) -> list[FloatArray]:
    """Return, for each block, a positive definite covariance of least-squares residuals."""
    s = model.products
    mask = (s.rated[:, :, None] & s.rated[:, None, :]).astype(float)
    products = _least_squares(s)
    starts = []
    for g in range(len(model.structures)):
        in_block = model.block == g
        pairs = np.einsum("p,pab->ab", s.n[in_block], mask[in_block])
        S = products[in_block].sum(axis=0) / np.maximum(pairs, 1.0)
        variances = np.diag(S)
        usable = variances[variances > 0]
        level = float(usable.mean()) if len(usable) else 1.0
        S = S + np.diag(np.where(variances > 0, 0.0, level))
        sd = np.sqrt(np.diag(S))
        values, vectors = np.linalg.eigh(S / np.outer(sd, sd))
        lifted = (vectors * np.maximum(values, 0.05)) @ vectors.T
        starts.append(lifted * np.outer(sd, sd))
    return starts


def covariances(model: Model, shapes: Sequence[Shape]) -> FloatArray:
    """Return the covariance matrix of every pattern, all visits, shape (P, T, T)."""
    first = np.cumsum([0, *(len(shape.value) for shape in shapes)])
    stacked = np.concatenate([shape.value for shape in shapes])
    return stacked[first[model.block] + model.member]


@dataclass(frozen=True, slots=True)
class Slopes:
    """Derivatives of the deviance, and what inference needs of them.

    Attributes
    ----------
    gradient : ndarray, shape (h,)
    average : ndarray, shape (h, h)
        Average information: the mean of observed and expected second derivatives.
    """

    gradient: FloatArray
    average: FloatArray


def slopes(model: Model, state: State) -> Slopes:
    """Return gradient and average information of the deviance."""
    s, W = model.products, state.weight
    residual = s.residual_products(state.beta)
    total = residual + s.fitted_products(state.vcov) if model.reml else residual
    core = W @ residual @ W
    pull = s.n[:, None, None] * W - W @ total @ W
    gradient, blocks, towards = [], [], []
    for g, shape in enumerate(state.shapes):
        patterns, V = model.slopes_of(g, shape)
        gradient.append(_inner(V, pull[patterns]))
        blocks.append(pair_traces(V, W[patterns], core[patterns]))
        towards.append(crosses(s, patterns, V, W[patterns], state.beta))
    v = np.concatenate(towards)
    average = _diagonal(blocks) - v @ state.vcov @ v.T
    return Slopes(np.concatenate(gradient), (average + average.T) / 2)


def observed_hessian(model: Model, state: State) -> FloatArray:
    """Return the second derivatives of the deviance, beta profiled out, shape (h, h)."""
    s, W = model.products, state.weight
    residual = s.residual_products(state.beta)
    total = residual + s.fitted_products(state.vcov) if model.reml else residual
    core = W @ total @ W
    pull = s.n[:, None, None] * W - core
    blocks, towards, changes = [], [], []
    for g, shape in enumerate(state.shapes):
        patterns, V = model.slopes_of(g, shape)
        block = pair_traces(V, W[patterns], (2 * core - s.n[:, None, None] * W)[patterns])
        if shape.second is not None:
            block += _inner(curves_of(model, shape, patterns), pull[patterns])
        blocks.append(block)
        towards.append(crosses(s, patterns, V, W[patterns], state.beta))
        if model.reml:
            changes.append(informations(s, patterns, V, W[patterns]))
    v = np.concatenate(towards)
    hessian = _diagonal(blocks) - 2 * v @ state.vcov @ v.T
    if model.reml:
        P = np.concatenate(changes) @ state.vcov
        h = len(P)
        hessian -= P.reshape(h, -1) @ np.swapaxes(P, 1, 2).reshape(h, -1).T
    return (hessian + hessian.T) / 2


def expected_hessian(model: Model, state: State) -> FloatArray:
    """Return the expected second derivatives of the deviance, shape (h, h)."""
    s, W = model.products, state.weight
    fitted = W @ s.fitted_products(state.vcov) @ W
    blocks, changes = [], []
    for g, shape in enumerate(state.shapes):
        patterns, V = model.slopes_of(g, shape)
        right = s.n[:, None, None] * W - (2 * fitted if model.reml else 0.0)
        blocks.append(pair_traces(V, W[patterns], right[patterns]))
        if model.reml:
            changes.append(informations(s, patterns, V, W[patterns]))
    hessian = _diagonal(blocks)
    if model.reml:
        P = np.concatenate(changes) @ state.vcov
        hessian += P.reshape(len(P), -1) @ np.swapaxes(P, 1, 2).reshape(len(P), -1).T
    return (hessian + hessian.T) / 2


def information_slopes(model: Model, state: State) -> FloatArray:
    """Return X'W V_h W X for every parameter, shape (h, q, q)."""
    s, W = model.products, state.weight
    slopes_of_information = []
    for g, shape in enumerate(state.shapes):
        patterns, V = model.slopes_of(g, shape)
        slopes_of_information.append(informations(s, patterns, V, W[patterns]))
    return np.concatenate(slopes_of_information)


def curves_of(model: Model, shape: Shape, patterns: IntArray) -> FloatArray:
    """Return the second derivatives of the matrices of some patterns, (h, h, k, T, T)."""
    if shape.second is None:
        raise ValueError("the structure is linear")
    return (
        shape.second if shape.second.shape[2] == 1 else shape.second[:, :, model.member[patterns]]
    )


def _inner(V: FloatArray, pull: FloatArray) -> FloatArray:
    """Return sum_p <V_p, pull_p> over the last three axes of V, one matrix or one a pattern."""
    if V.shape[-3] == 1:
        pull = pull.sum(axis=0, keepdims=True)
    return np.tensordot(V, pull, 3)


def _diagonal(blocks: list[FloatArray]) -> FloatArray:
    """Return a block-diagonal matrix."""
    total = sum(len(b) for b in blocks)
    result = np.zeros((total, total))
    at = 0
    for b in blocks:
        result[at : at + len(b), at : at + len(b)] = b
        at += len(b)
    return result
