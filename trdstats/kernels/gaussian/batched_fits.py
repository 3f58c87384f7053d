"""Refits of one repeated-measures model to many resamples of its subjects, all at once.

Each refit starts where the fit to all subjects ended and takes Newton steps; leaving one subject
out costs one or two. Structures must be linear in their parameters, V = sum theta_h V_h, such as
the unstructured covariance; for others `refit_one_by_one` searches resample by resample.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.gaussian.bootstrap_batches import Resampled, cholesky_where
from trdstats.kernels.gaussian.newton import minimise
from trdstats.kernels.gaussian.patterns import CrossProducts
from trdstats.kernels.gaussian.reml import Model, State, information_slopes

# Other parameters to begin at; None where the data have none.
Restart = Callable[[Model], FloatArray | None]

_HALVINGS = 30
_FAMILIAR = 6  # steps with the curvature of the determinant as in the fit to all subjects
_ROUNDING = 1e-9  # in a deviance: a fall smaller than this cannot be told from none


@dataclass(frozen=True, slots=True)
class Refits:
    """Estimates of each resample.

    Attributes
    ----------
    theta : ndarray, shape (B, h)
    beta : ndarray, shape (B, q)
    sigma : ndarray, shape (B, G, T, T)
        Covariance of the visits by group.
    converged : ndarray of bool, shape (B,)
        Whether the search ended at a minimum; estimates are NaN where it could not begin.
    n_steps : ndarray of int, shape (B,)
    """

    theta: FloatArray
    beta: FloatArray
    sigma: FloatArray
    converged: BoolArray
    n_steps: IntArray


@dataclass(frozen=True, slots=True)
class _Point:
    """The deviance of each resample at its parameters; infinite outside the parameter space."""

    theta: FloatArray
    deviance: FloatArray
    beta: FloatArray
    vcov: FloatArray
    weight: FloatArray

    def put(self, which: IntArray, other: _Point, rows: BoolArray) -> None:
        """Overwrite some resamples by those of another."""
        for name in ("theta", "deviance", "beta", "vcov", "weight"):
            getattr(self, name)[which[rows]] = getattr(other, name)[rows]


@dataclass(frozen=True, slots=True)
class _Space:
    """Parameters as covariances: derivatives of each group's matrix.

    Attributes
    ----------
    first : list of ndarray, shape (h_g, T, T)
    reml : bool
    curvature : ndarray, shape (h, h)
        What the determinant of X'WX adds to the second derivatives, from the fit to all subjects.
        It is of the order q / n of the whole, and changes little from resample to resample.
    """

    first: list[FloatArray]
    reml: bool
    curvature: FloatArray

    def sigma(self, theta: FloatArray) -> FloatArray:
        """Return the covariances, shape (B, G, T, T)."""
        ends = np.cumsum([len(f) for f in self.first])[:-1]
        parts = np.split(theta, ends, axis=1)
        return np.stack([np.tensordot(t, f, 1) for t, f in zip(parts, self.first, strict=True)], 1)


def is_linear(state: State) -> bool:
    """Whether every covariance is linear in its parameters and shared by its whole block."""
    return all(shape.second is None and shape.first.shape[1] == 1 for shape in state.shapes)


def refit(
    model: Model, state: State, data: Resampled, *, tolerance: float = 1e-10, most: int = 50
) -> Refits:
    """Fit a model with linear covariances to every resample.

    Parameters
    ----------
    model : Model
        Fitted to all subjects.
    state : State
        Its optimum, where every search begins.
    data : Resampled
    tolerance : float
        Largest decrement g'H^-1 g at which a search ends.
    most : int
        Largest number of steps.

    References
    ----------
    Lindstrom and Bates 1988, doi:10.1080/01621459.1988.10478693, section 3 (Newton steps on the
    restricted likelihood).
    """
    space = _Space([s.first[:, 0] for s in state.shapes], model.reml, _curvature(model, state))
    B, T = len(data), data.rated.shape[1]
    point = _evaluate(space, data, np.tile(state.theta, (B, 1)))
    steps = np.zeros(B, dtype=np.intp)
    converged = np.zeros(B, dtype=bool)
    active = np.flatnonzero(np.isfinite(point.deviance))
    for step in range(most + 1):
        if not len(active):
            break
        resamples, at = data.take(active), _take(point, active)
        gradient, hessian = _slopes(space, resamples, at)
        far = space.reml and step >= _FAMILIAR
        hessian -= _determinant_curvature(space, resamples, at) if far else space.curvature
        direction, decrement, positive = _directions(gradient, hessian)
        done = (decrement < tolerance) & positive
        converged[active[done]] = True
        going = np.flatnonzero(~done)
        next_point = _descend(space, resamples, at, direction, gradient, going)
        point.put(active, next_point, next_point.deviance < np.inf)
        stuck = ~np.isfinite(next_point.deviance[going])
        # No step goes down any more: at a minimum up to rounding, or lost.
        converged[active[going[stuck]]] = (decrement[going] < 1e-6)[stuck] & positive[going][stuck]
        steps[active[going[~stuck]]] += 1
        active = active[going[~stuck]]
    outside = ~np.isfinite(point.deviance)
    beta = np.where(outside[:, None], np.nan, point.beta)
    sigma = space.sigma(point.theta)
    sigma[outside] = np.nan
    return Refits(point.theta, beta, sigma.reshape(B, -1, T, T), converged, steps)


def refit_one_by_one(
    model: Model, state: State, data: Resampled, restart: Restart | None = None
) -> Refits:
    """Fit a model with any covariances to every resample, one after the other.

    Parameters
    ----------
    model, state, data
        As in `refit`.
    restart : callable, optional
        From the model of a resample to other parameters to begin at, where the search from the
        fit to all subjects does not end at a minimum.
    """
    summary = model.products
    if not isinstance(summary, CrossProducts):
        raise TypeError("refits need a Summary")
    B, h, q = len(data), len(state.theta), summary.n_columns
    G, T = len(model.structures), summary.rated.shape[1]
    theta, beta = np.full((B, h), np.nan), np.full((B, q), np.nan)
    sigma, converged = np.full((B, G, T, T), np.nan), np.zeros(B, dtype=bool)
    steps = np.zeros(B, dtype=np.intp)
    for b in range(B):
        one = replace(
            model, products=replace(summary, n=data.n[b], cross_products=data.cross_products[b])
        )
        optimum = minimise(one, state.theta)
        if restart is not None and (optimum is None or not optimum.is_minimum):
            start = restart(one)
            refit = None if start is None else minimise(one, start)
            optimum = refit if refit is not None and refit.is_minimum else optimum
        if optimum is None:
            continue
        theta[b], beta[b] = optimum.state.theta, optimum.state.beta
        sigma[b] = np.stack([shape.value[0] for shape in optimum.state.shapes])
        converged[b], steps[b] = optimum.is_minimum, optimum.n_iterations
    return Refits(theta, beta, sigma, converged, steps)


def fitted_covariances(state: State) -> FloatArray:
    """Return the covariance of the visits of every group, shape (G, T, T)."""
    return np.stack([shape.value[0] for shape in state.shapes])


def _curvature(model: Model, state: State) -> FloatArray:
    h = len(state.theta)
    if not model.reml:
        return np.zeros((h, h))
    P = information_slopes(model, state) @ state.vcov
    return P.reshape(h, -1) @ np.swapaxes(P, 1, 2).reshape(h, -1).T


def _take(point: _Point, which: IntArray) -> _Point:
    return _Point(
        point.theta[which], point.deviance[which], point.beta[which], point.vcov[which],
        point.weight[which],
    )  # fmt: skip


def _evaluate(space: _Space, data: Resampled, theta: FloatArray) -> _Point:
    sigma = space.sigma(theta)
    B, q = len(theta), data.n_columns
    T = sigma.shape[-1]
    # A covariance of visits that is not positive definite cannot impute, whatever the patterns.
    _, inside = cholesky_where(sigma.reshape(-1, T, T))
    inside = np.asarray(inside.reshape(B, -1).all(axis=1))
    sigma = np.where(inside[:, None, None, None], sigma, np.eye(T))
    weight, log_det = data.weights(sigma)
    moments = data.moments(weight)
    factor, full_rank = cholesky_where(_scaled(moments[:, :q, :q])[0])
    size = _scaled(moments[:, :q, :q])[1]
    half = np.linalg.inv(factor) / size[:, None, :]
    vcov = np.swapaxes(half, 1, 2) @ half
    beta = (vcov @ moments[:, :q, q:])[:, :, 0]
    b = np.concatenate([-beta, np.ones((B, 1))], axis=1)
    rss = np.einsum("bi,bij,bj->b", b, moments, b)
    deviance = (data.n * log_det).sum(axis=1) + rss
    if space.reml:
        diagonal = np.diagonal(factor, axis1=1, axis2=2)
        deviance = deviance + 2 * (np.log(diagonal) + np.log(size)).sum(axis=1)
    usable = inside & full_rank & np.isfinite(deviance)
    # Resamples whose columns differ only by rounding are collinear and have no estimate.
    usable &= np.diagonal(factor, axis1=1, axis2=2).min(axis=1) > 1e-6
    return _Point(theta.copy(), np.where(usable, deviance, np.inf), beta, vcov, weight)


def _scaled(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    size = np.sqrt(np.maximum(np.diagonal(matrix, axis1=1, axis2=2), 0.0))
    size = np.where(size > 0, size, 1.0)
    return matrix / (size[:, :, None] * size[:, None, :]), size


def _slopes(space: _Space, data: Resampled, at: _Point) -> tuple[FloatArray, FloatArray]:
    """Return gradient (B, h) and second derivatives (B, h, h) of the deviance.

    The second derivatives lack what the determinant of X'WX adds.

    With V_h shared by the patterns of a group, tr(V_h W V_k C) summed over patterns needs only
    sum_p W_p x C_p, one product of matrices.
    """
    B, _, T, _ = at.weight.shape
    W, d = at.weight, data.cross_products.shape[2]
    row = data.residual_rows(at.beta)
    pulled = row[:, None] @ data.cross_products  # (B, P, T, d)
    residual = pulled @ np.swapaxes(row, 1, 2)[:, None]
    total = residual + data.fitted_products(at.vcov) if space.reml else residual
    core = W @ total @ W
    number = data.n[:, :, None, None]
    h = sum(len(f) for f in space.first)
    gradient, hessian = np.empty((B, h)), np.zeros((B, h, h))
    cross = np.empty((B, h, data.n_columns))
    bend = 2 * core - number * W
    fall = number * W - core
    pulled = W @ pulled
    start = 0
    for g, first in enumerate(space.first):
        in_group = data.group == g
        flat = first.reshape(len(first), T * T)
        mark = slice(start, start + len(first))
        gradient[:, mark] = fall[:, in_group].sum(axis=1).reshape(B, T * T) @ flat.T
        pairs = np.swapaxes(W[:, in_group].reshape(B, -1, T * T), 1, 2)
        # (bc), (da) -> (ab), (cd)
        pair = (pairs @ bend[:, in_group].reshape(B, -1, T * T)).reshape(B, T, T, T, T)
        pair = pair.transpose(0, 4, 1, 2, 3).reshape(B, T * T, T * T)
        hessian[:, mark, mark] = flat @ (pair @ flat.T)
        # (ac), (di) -> (cd), (ai)
        lever = (pairs @ pulled[:, in_group].reshape(B, -1, T * d)).reshape(B, T, T, T, d)
        lever = lever.transpose(0, 2, 3, 1, 4).reshape(B, T * T, T * d)
        cross[:, mark] = (flat @ lever) @ data.spread[:-1].T
        start += len(first)
    hessian -= 2 * cross @ at.vcov @ np.swapaxes(cross, 1, 2)
    return gradient, (hessian + np.swapaxes(hessian, 1, 2)) / 2


def _determinant_curvature(space: _Space, data: Resampled, at: _Point) -> FloatArray:
    """Return tr(Phi P_h Phi P_k), P_h = X'W V_h W X, for every resample, shape (B, h, h)."""
    B, _, T, _ = at.weight.shape
    d, of_x = data.cross_products.shape[2], data.spread[:-1]
    blocks = []
    for g, first in enumerate(space.first):
        in_group = data.group == g
        W = at.weight[:, None, in_group]
        inner = (W @ first[None, :, None] @ W).reshape(B, len(first), -1, T * T)
        cross_products = data.cross_products[:, None, in_group].reshape(B, 1, -1, d * d)
        square = (np.swapaxes(inner, 2, 3) @ cross_products).reshape(B, -1, T, T, d, d)
        square = square.transpose(0, 1, 2, 4, 3, 5).reshape(B, -1, T * d, T * d)
        blocks.append(of_x @ (square @ of_x.T))
    P = np.concatenate(blocks, axis=1) @ at.vcov[:, None]
    flat, turned = P.reshape(B, P.shape[1], -1), np.swapaxes(P, 2, 3).reshape(B, P.shape[1], -1)
    return flat @ np.swapaxes(turned, 1, 2)


def _directions(
    gradient: FloatArray, hessian: FloatArray
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Return directions downhill, decrements, and where the surface bends upwards everywhere."""
    size = np.sqrt(np.abs(np.diagonal(hessian, axis1=1, axis2=2)))
    size = np.where(size > 0, size, 1.0)
    values, vectors = np.linalg.eigh(hessian / (size[:, :, None] * size[:, None, :]))
    positive = values[:, 0] > 1e-12 * np.maximum(values[:, -1], 1e-300)
    largest = np.maximum(np.abs(values).max(axis=1), 1e-300)
    bent = np.maximum(np.abs(values), 1e-8 * largest[:, None])
    along = np.einsum("bij,bi->bj", vectors, gradient / size)
    direction = -np.einsum("bij,bj->bi", vectors, along / bent) / size
    return direction, (along**2 / bent).sum(axis=1), positive


def _descend(
    space: _Space,
    data: Resampled,
    at: _Point,
    direction: FloatArray,
    gradient: FloatArray,
    going: IntArray,
) -> _Point:
    """Return the first points along the directions that go down enough; infinite without one."""
    result = _take(at, np.arange(len(at.theta)))
    result.deviance[:] = np.inf
    length, left = 1.0, going
    for _ in range(_HALVINGS):
        if not len(left):
            break
        slope = np.einsum("bi,bi->b", gradient[left], direction[left])
        trial = _evaluate(space, data.take(left), at.theta[left] + length * direction[left])
        down = trial.deviance <= at.deviance[left] + 1e-4 * length * slope + _ROUNDING
        result.put(left, trial, down)
        left = left[~down]
        length /= 2
    return result
