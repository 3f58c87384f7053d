"""Newton's method on a log-likelihood, and what its curvature says at the top."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray

Surface = Callable[[FloatArray], tuple[float, FloatArray, FloatArray]]

_HALVINGS = 40
# Below this promised gain a full Newton step is safe and a comparison of values is only rounding.
_CERTAIN = 1e-6
_LONGEST = 20.0


@dataclass(frozen=True, slots=True)
class Optimum:
    """Where a log-likelihood is highest.

    Attributes
    ----------
    theta : ndarray, shape (p,)
    value : float
    gradient : ndarray, shape (p,)
    hessian : ndarray, shape (p, p)
    iterations : int
    decrement : float
        g' (-H)^-1 g at the end: twice the gain that another step would promise.
    converged : bool
        Whether the decrement is below the tolerance and -H is positive definite.
    """

    theta: FloatArray
    value: float
    gradient: FloatArray
    hessian: FloatArray
    iterations: int
    decrement: float
    converged: bool


def maximise(
    surface: Surface,
    start: FloatArray,
    *,
    unit: float = 1.0,
    tolerance: float = 1e-24,
    most: int = 100,
) -> Optimum | None:
    """Find a maximum from a start.

    Parameters
    ----------
    surface : callable
        Returns value, gradient (p,) and hessian (p, p) at theta.
    start : ndarray, shape (p,)
    unit : float
        Mean weight of the subjects, in which values are judged: the search for a weighted sum ends
        where that of the same sum times a constant does.
    tolerance : float
        Decrement at which the search ends. Rounding may keep it from being reached: below 1e-13
        one more step is the last, and below 1e-10 the point counts as the maximum.
    most : int
        Largest number of steps.

    Returns
    -------
    Optimum or None
        None where the surface has no finite value at the start.
    """
    theta = np.asarray(start, dtype=np.float64)
    value, gradient, hessian = surface(theta)
    if not _usable(value, gradient, hessian):
        return None
    iterations = 0
    while True:
        step, decrement, peaked = _newton_step(gradient, hessian)
        if (decrement < tolerance * unit and peaked) or iterations == most:
            break
        moved = None
        length = min(1.0, _LONGEST / max(float(np.abs(step).max()), 1e-300))
        for _ in range(_HALVINGS):
            trial = theta + length * step
            found = surface(trial)
            gain = found[0] - value
            sure = peaked and decrement < _CERTAIN * unit and gain > -1e-9 * unit
            if _usable(*found) and (sure or gain >= 1e-4 * length * decrement):
                moved = trial, found
                break
            length /= 2
        if moved is None:
            break
        theta, (value, gradient, hessian) = moved
        iterations += 1
        if peaked and decrement < 1e-13 * unit:
            # Quadratic convergence has squared this: a further step would only be rounding.
            step, decrement, peaked = _newton_step(gradient, hessian)
            break
    converged = bool(peaked and decrement < 1e-10 * unit)
    return Optimum(theta, value, gradient, hessian, iterations, decrement, converged)


def influence_of(information: FloatArray, scores: FloatArray) -> FloatArray:
    """Return the first-order effect of each subject on each parameter.

    Parameters
    ----------
    information : ndarray, shape (p, p)
    scores : ndarray, shape (n, p)

    Returns
    -------
    ndarray, shape (n, p)
        NaN where the information is not positive definite.
    """
    inverse = _inverse(information)
    return np.asarray(scores @ inverse)


def covariance_of(information: FloatArray, scores: FloatArray, *, robust: bool) -> FloatArray:
    """Return the inverse information, or the cross-product of influences; shape (p, p)."""
    if robust:
        effect = influence_of(information, scores)
        return np.asarray(effect.T @ effect)
    return _inverse(information)


def _inverse(information: FloatArray) -> FloatArray:
    size = np.sqrt(np.abs(np.diag(information)))
    size = np.where(size > 0, size, 1.0)
    values, vectors = np.linalg.eigh(information / np.outer(size, size))
    if not values[0] > 0:
        return np.full_like(information, np.nan)
    return np.asarray((vectors / values) @ vectors.T / np.outer(size, size))


def _usable(value: float, gradient: FloatArray, hessian: FloatArray) -> bool:
    return bool(np.isfinite(value) and np.isfinite(gradient).all() and np.isfinite(hessian).all())


def _newton_step(gradient: FloatArray, hessian: FloatArray) -> tuple[FloatArray, float, bool]:
    """Return a direction uphill, its decrement, and whether the surface bends down everywhere."""
    curvature = np.abs(np.diag(hessian))
    size = np.sqrt(np.where(curvature > 0, curvature, 1.0))
    values, vectors = np.linalg.eigh(-hessian / np.outer(size, size))
    peaked = bool(values[0] > 1e-12 * max(values[-1], 1e-300))
    # Where the surface bends upwards the step follows the slope, away from the saddle.
    bent = np.maximum(np.abs(values), 1e-8 * max(abs(values[-1]), abs(values[0]), 1e-300))
    along = vectors.T @ (gradient / size)
    return vectors @ (along / bent) / size, float(along @ (along / bent)), peaked
