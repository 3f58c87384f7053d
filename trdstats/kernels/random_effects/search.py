"""The lowest deviance over covariance matrices of random effects, singular ones included.

The search goes over the entries of L with G = L L', so that it cannot leave the covariance
matrices. Where the lowest deviance belongs to a singular G it is an ordinary minimum in L: the
deviance rises with the square of the entry that ends at 0.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.numerics.newton_loglik import uphill
from trdstats.kernels.random_effects.effects import block_diagonal, split
from trdstats.kernels.random_effects.likelihood import (
    LikelihoodModel,
    Slopes,
    State,
    evaluate,
    lowest_on_ray,
    slopes,
)

_HALVINGS = 40
_LONG = 4  # evaluations after which a step was much too long
_ROUGH = 1e-3  # from this decrement on, exact second derivatives finish the work
_SMALL = 1e-4  # eigenvalues of G below this share of the largest variance may be 0
_SAME = 1e-7  # deviances that differ by less are the same
_STEPS = 5
_SETTLED = 1e-16  # decrement from which on steps are rounding
_LEAST = 0.05  # share of the residual variance that a scoring step leaves to every effect
_ROUNDING = 1e-12  # of a deviance
_FLAT = 1e-9  # curvature below this share of the largest is none


@dataclass(frozen=True)
class Optimum:
    """Where the deviance is lowest, and how it was reached.

    Attributes
    ----------
    state : State
    slopes : Slopes
        Exact derivatives there.
    start : ndarray, shape (h,)
        Where the search began.
    gradient : ndarray, shape (h,)
    hessian : ndarray, shape (h, h)
        Second derivatives of the deviance in the covariance parameters.
    tangent : ndarray, shape (h, f)
        Derivatives of the covariance parameters with respect to free ones; at the boundary fewer
        are free than there are parameters.
    curvature : ndarray, shape (f, f)
        Second derivatives of the deviance in the free parameters.
    singular : tuple of int
        Factors whose covariance matrix is singular.
    n_iterations, n_evaluations : int
    decrement : float
        g' H^-1 g at the end: twice the fall in deviance that another step would promise.
    is_minimum : bool
    """

    state: State
    slopes: Slopes
    start: FloatArray
    gradient: FloatArray
    hessian: FloatArray
    tangent: FloatArray
    curvature: FloatArray
    singular: tuple[int, ...]
    n_iterations: int
    n_evaluations: int
    decrement: float
    is_minimum: bool

    def holding(self, parameters: Collection[int]) -> Optimum:
        """Return the optimum with some covariance parameters taken as known.

        Parameters
        ----------
        parameters : collection of int
            Such as are at a boundary where the deviance does not change with them.
        """
        free = ~(self.tangent[list(parameters)] != 0).any(axis=0)
        return replace(
            self, tangent=self.tangent[:, free], curvature=self.curvature[np.ix_(free, free)]
        )

    def covariance(self, information: FloatArray) -> FloatArray:
        """Return the covariance of the parameters under some second derivatives, shape (h, h).

        Parameters
        ----------
        information : ndarray, shape (f, f)
            Of the deviance in the free parameters.
        """
        if not self.tangent.shape[1]:
            return np.zeros((len(self.tangent), len(self.tangent)))
        return np.asarray(2 * self.tangent @ np.linalg.inv(information) @ self.tangent.T)

    @property
    def observed(self) -> FloatArray:
        """Covariance of the parameters from the observed second derivatives, shape (h, h)."""
        return self.covariance(self.curvature)

    @property
    def expected(self) -> FloatArray:
        """Covariance of the parameters from the expected second derivatives, shape (h, h)."""
        return self.covariance(self.tangent.T @ self.slopes.expected @ self.tangent)


def minimise(
    model: LikelihoodModel, start: FloatArray, *, tolerance: float = 1e-10, most: int = 100
) -> Optimum | None:
    """Find the covariance parameters of lowest deviance.

    Parameters
    ----------
    model : LikelihoodModel
    start : ndarray, shape (h,)
        Its covariance matrices are positive definite.
    tolerance : float
        Largest decrement after which one step more is the last.
    most : int
        Largest number of steps.

    Returns
    -------
    Optimum or None
        None where the deviance cannot be had at the start.
    """
    point = _point(model, _to_roots(model, start), 2)
    if point is None:
        return None
    scored, evaluations = _scored(model, point), 1
    if scored is not None:
        point, evaluations = scored, 2
    exact, last, long = False, False, 0
    for step_number in range(most + 1):
        x, state = point.x, point.state
        derivatives = point.slopes or slopes(model, state)
        gradient, hessian = _in_roots(model, x, derivatives, exact=exact)
        direction, decrement, _ = uphill(-gradient, hessian)
        if not exact and decrement < _ROUGH:
            exact = True
            gradient, hessian = _in_roots(model, x, derivatives, exact=True)
            direction, decrement, _ = uphill(-gradient, hessian)
        if exact and (decrement < _SETTLED or last or step_number == most):
            break
        last = exact and decrement < tolerance  # one more step squares what is left
        reached, used = _descend(model, point, direction, float(gradient @ direction))
        evaluations += used
        if reached is None:
            if exact:
                break
            exact = True
            continue
        point = reached
        # Near a variance of 0 average information, which shrinks with the square of the root, asks
        # for steps that are far too long, one after the other; exact derivatives do not.
        long = long + 1 if used > _LONG else 0
        exact = exact or long == 2
    state, singular = _on_boundary(model, state)
    if singular:
        x, state, derivatives, hessian = _settle(model, state)
    observed = derivatives.observed
    tangent, curvature = np.eye(len(x)), observed
    if singular:
        free = _free(model, x)
        tangent, curvature = _tangents(model, x) @ free, free.T @ hessian @ free
    bends = not len(curvature) or bool(np.linalg.eigvalsh(_scaled(curvature))[0] > 1e-12)
    return Optimum(
        state=state, slopes=derivatives, start=start, gradient=derivatives.gradient,
        hessian=observed, tangent=tangent, curvature=curvature, singular=singular,
        n_iterations=step_number + (scored is not None), n_evaluations=evaluations,
        decrement=decrement,
        is_minimum=bool(bends and decrement < max(tolerance, 1e-6)),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Point:
    """A point of the search, with derivatives where they were computed with the deviance."""

    x: FloatArray
    state: State
    slopes: Slopes | None


def _point(model: LikelihoodModel, x: FloatArray, order: int) -> _Point | None:
    """Return the point of lowest deviance along multiples of the covariance of a point."""
    lowest = lowest_on_ray(model, _from_roots(model, x), order)
    if lowest is None:
        return None
    if model.scales:
        roots = np.full(len(x), np.sqrt(lowest.scale))
        roots[-model.sizes[-1] :] = lowest.scale
        x = x * roots
    return _Point(x, lowest.state, lowest.slopes)


def _scored(model: LikelihoodModel, point: _Point) -> _Point | None:
    """Return the point after a step of Fisher scoring, None where it is not lower.

    In covariances that are linear in their parameters, and in balanced ratings, where it ends at
    the maximum, this step reaches farther than one in the roots.
    """
    if not model.scales or point.slopes is None:
        return None
    step, _, _ = uphill(-point.slopes.gradient, point.slopes.expected)
    theta, least = point.state.theta + step, _LEAST * point.state.theta[-1]
    theta[-1] = max(theta[-1], least)
    inside = []
    for factor, part in zip(model.factors, split(model.factors, theta), strict=True):
        values, vectors = np.linalg.eigh(factor.matrix(part))
        G = (vectors * np.maximum(values, _LEAST * theta[-1])) @ vectors.T
        inside.append(G[factor.entries])
    other = _point(model, _to_roots(model, np.concatenate([*inside, theta[-1:]])), 2)
    if other is None or other.state.deviance > point.state.deviance:
        return None
    return other


def _descend(
    model: LikelihoodModel, point: _Point, direction: FloatArray, slope: float
) -> tuple[_Point | None, int]:
    """Return the first point along a direction that goes down enough, None without one.

    Most first steps are taken: their derivatives are computed at once. A step so short that
    rounding no longer shows the fall of the deviance is right.
    """
    length, rounding = 1.0, _ROUNDING * abs(point.state.deviance)
    for used in range(1, _HALVINGS + 1):
        other = _point(model, point.x + length * direction, 2 if used == 1 else 0)
        least = point.state.deviance + 1e-4 * length * slope + rounding
        if other is not None and other.state.deviance <= least:
            return other, used
        length /= 2
    return None, _HALVINGS


def _to_roots(model: LikelihoodModel, theta: FloatArray) -> FloatArray:
    """Return the entries of L of every factor, then the parameters of the residuals."""
    parts = split(model.factors, theta)
    roots = [f.to_root(part) for f, part in zip(model.factors, parts, strict=True)]
    return np.concatenate([*roots, theta[sum(f.size for f in model.factors) :]])


def _from_roots(model: LikelihoodModel, x: FloatArray) -> FloatArray:
    parts = split(model.factors, x)
    entries = [f.from_root(part) for f, part in zip(model.factors, parts, strict=True)]
    return np.concatenate([*entries, x[sum(f.size for f in model.factors) :]])


def _tangents(model: LikelihoodModel, x: FloatArray) -> FloatArray:
    """Return the derivatives of the covariance parameters with respect to x, shape (h, h)."""
    parts = split(model.factors, x)
    slopes = [f.root_slopes(part) for f, part in zip(model.factors, parts, strict=True)]
    return block_diagonal([*slopes, np.eye(model.sizes[-1])])


def _in_roots(
    model: LikelihoodModel, x: FloatArray, derivatives: Slopes, *, exact: bool
) -> tuple[FloatArray, FloatArray]:
    """Return gradient and second derivatives, or average information, of the deviance in x."""
    J = _tangents(model, x)
    if not exact:
        return J.T @ derivatives.gradient, J.T @ derivatives.average @ J
    parts = split(model.factors, derivatives.gradient)
    curves = [f.root_curves(part) for f, part in zip(model.factors, parts, strict=True)]
    none = np.zeros((model.sizes[-1], model.sizes[-1]))
    bent = J.T @ derivatives.observed @ J + block_diagonal([*curves, none])
    return J.T @ derivatives.gradient, (bent + bent.T) / 2


def _on_boundary(model: LikelihoodModel, state: State) -> tuple[State, tuple[int, ...]]:
    """Return the state with what ended near 0 put to 0, and the factors of which it is true."""
    singular = []
    for k in range(len(model.factors)):
        ids = model.ids(k)
        factor = model.factors[k]
        if not factor.size:
            continue
        values, vectors = np.linalg.eigh(factor.matrix(state.theta[ids]))
        scale = max(float(values[-1]), _variance_near(model, state))
        small = np.flatnonzero(values < _SMALL * scale)
        for n_zero in range(len(small), 0, -1):
            kept = np.where(np.arange(len(values)) < n_zero, 0.0, values)
            G = (vectors * kept) @ vectors.T
            theta = state.theta.copy()
            theta[ids] = G[factor.entries]
            other = evaluate(model, theta)
            if other is not None and other.deviance <= state.deviance + _SAME:
                state = other
                singular.append(k)
                break
    return state, tuple(singular)


def _settle(model: LikelihoodModel, state: State) -> tuple[FloatArray, State, Slopes, FloatArray]:
    """Return the lowest deviance near a point of the boundary, along the boundary."""
    x = _to_roots(model, state.theta)
    for step_number in range(_STEPS + 1):
        derivatives = slopes(model, state)
        gradient, hessian = _in_roots(model, x, derivatives, exact=True)
        free = _free(model, x)
        direction, decrement, _ = uphill(-free.T @ gradient, free.T @ hessian @ free)
        if decrement < _SETTLED or step_number == _STEPS:
            break
        point = x + free @ direction
        other = evaluate(model, _from_roots(model, point))
        # A step so short is right where rounding no longer shows that the deviance falls.
        rounding = _ROUNDING * abs(state.deviance)
        if other is None or other.deviance > state.deviance + rounding:
            break
        x, state = point, other
    return x, state, derivatives, hessian


def _variance_near(model: LikelihoodModel, state: State) -> float:
    """Return a variance of the residuals, the scale on which one of effects is small."""
    return float(np.abs(state.theta[model.ids(len(model.factors))[0]]))


def _free(model: LikelihoodModel, x: FloatArray) -> FloatArray:
    """Return the directions of x along which the covariance changes, shape (h, f).

    Along an entry of L that is 0 at the boundary it does not.
    """
    _, size, directions = np.linalg.svd(_tangents(model, x))
    return np.asarray(directions[size > _FLAT * size[0]].T)


def _scaled(matrix: FloatArray) -> FloatArray:
    size = np.sqrt(np.abs(np.diag(matrix)))
    size = np.where(size > 0, size, 1.0)
    return np.asarray(matrix / np.outer(size, size))


def renamed(optimum: Optimum, matrix: FloatArray, state: State) -> Optimum:
    """Return an optimum in other covariance parameters, matrix times the old ones."""
    inverse = np.linalg.inv(matrix)
    return replace(
        optimum, state=state, start=matrix @ optimum.start,
        gradient=inverse.T @ optimum.gradient, hessian=inverse.T @ optimum.hessian @ inverse,
        tangent=matrix @ optimum.tangent,
    )  # fmt: skip
