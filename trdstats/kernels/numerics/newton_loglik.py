"""Newton's method on a log-likelihood, and what its curvature says at the top."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Generic, Protocol, TypeVar

import numpy as np
from scipy.linalg.lapack import dposv

from trdstats.arrays import FloatArray

_HALVINGS = 40
# Below this promised gain a full Newton step is safe and a comparison of values is only rounding.
_CERTAIN = 1e-6
_LONGEST = 20.0
_NOISE = 1e-12  # relative error of a value
_FLAT = (
    1e-4  # of the largest pivot of a Cholesky factor; below it a direction may have no curvature
)
# Pivots of a Cholesky factor of unit diagonal above which a surface bends down without question.
_PLAIN = 1e-2


class Point(Protocol):
    """A log-likelihood at one value of its parameters, with whatever else is known there."""

    @property
    def loglik(self) -> float:
        """Its value."""
        ...

    @property
    def score(self) -> FloatArray:
        """Its gradient, shape (p,)."""
        ...

    @property
    def information(self) -> FloatArray:
        """Less its second derivatives, shape (p, p)."""
        ...


P = TypeVar("P", bound=Point)


@dataclass(frozen=True, slots=True)
class Surface:
    """A log-likelihood at one value of its parameters.

    Attributes
    ----------
    loglik : float
    score : ndarray, shape (p,)
    information : ndarray, shape (p, p)
    """

    loglik: float
    score: FloatArray
    information: FloatArray


@dataclass(frozen=True, slots=True)
class Move(Generic[P]):
    """One step of a search.

    Attributes
    ----------
    by : ndarray, shape (p,)
    gain : float
        Rise of the log-likelihood.
    decrement : float
        Score' information^-1 score before it: twice the rise that was promised.
    point : Point
        Where it led.
    """

    by: FloatArray
    gain: float
    decrement: float
    point: P


@dataclass(frozen=True, slots=True)
class Optimum(Generic[P]):
    """Where a log-likelihood is highest.

    Attributes
    ----------
    theta : ndarray, shape (p,)
    point : Point
    iterations : int
    step : ndarray, shape (p,)
        The last Newton step, whether it was taken, shortened, or did not lead upward.
    by : ndarray, shape (p,)
        What was taken of it.
    decrement : float
        Score' information^-1 score at the end: twice the gain that another step would promise.
    settled : bool
        Whether the search ended by itself: neither by the number of steps nor without a way up.
    converged : bool
        Whether the decrement is below the tolerance and the information positive definite.
    """

    theta: FloatArray
    point: P
    iterations: int
    step: FloatArray
    by: FloatArray
    decrement: float
    settled: bool
    converged: bool


Direction = Callable[[FloatArray, FloatArray], tuple[FloatArray, float, bool]]


def uphill(score: FloatArray, information: FloatArray) -> tuple[FloatArray, float, bool]:
    """Return a direction uphill, its decrement, and whether the surface bends down everywhere."""
    size = _sizes(information)
    values, vectors = np.linalg.eigh(information / np.outer(size, size))
    peaked = bool(values[0] > 1e-12 * max(values[-1], 1e-300))
    # Where the surface bends upwards the step follows the slope, away from the saddle.
    bent = np.maximum(np.abs(values), 1e-8 * max(abs(values[-1]), abs(values[0]), 1e-300))
    along = vectors.T @ (score / size)
    with np.errstate(over="ignore", invalid="ignore"):  # no curvature at all: no step is found
        return vectors @ (along / bent) / size, float(along @ (along / bent)), peaked


def mostly_uphill(score: FloatArray, information: FloatArray) -> tuple[FloatArray, float, bool]:
    """Return what `uphill` does, sooner where the surface bends down without question."""
    size = _sizes(information)
    root, step, failed = dposv(information / np.outer(size, size), score / size)
    if failed or not min(root.diagonal().tolist(), default=1.0) > _PLAIN:
        return uphill(score, information)
    step = step / size
    return step, float(score @ step), True


def _sizes(information: FloatArray) -> FloatArray:
    """Return units of the parameters in which each has curvature 1."""
    curvature = np.abs(information.diagonal())
    return np.sqrt(np.where(curvature > 0, curvature, 1.0))


def shortest(score: FloatArray, information: FloatArray) -> tuple[FloatArray, float, bool]:
    """Return the shortest Newton step on a concave surface, its decrement, and True.

    Parameters may be collinear: in a direction without curvature there is no step.
    """
    root, step, failed = dposv(information, score)
    # Among so few numbers Python finds the largest sooner than NumPy.
    size = root.diagonal().tolist()
    if failed or not min(size, default=1.0) > _FLAT * max(size, default=1.0):
        step = np.linalg.lstsq(information, score, rcond=1e-14)[0]
    return np.asarray(step, dtype=float), max(float(score @ step), 0.0), True


def maximise(
    evaluate: Callable[[FloatArray], P | None],
    start: FloatArray,
    *,
    unit: float = 1.0,
    tolerance: float = 1e-24,
    is_last: Callable[[Move[P]], bool] | None = None,
    most: int = 100,
    longest: float = _LONGEST,
    direction: Direction = mostly_uphill,
) -> Optimum[P] | None:
    """Find a maximum from a start by Newton steps, halved until they lead upward.

    Parameters
    ----------
    evaluate : callable
        Returns the log-likelihood at theta; None where it has no value.
    start : ndarray, shape (p,)
    unit : float
        Mean weight of the subjects, in which values are judged: the search for a weighted sum ends
        where that of the same sum times a constant does.
    tolerance : float
        Decrement at which no further step is taken.
    is_last : callable, optional
        Whether a step that was taken was the last. Default: when it promised less than 1e-13:
        quadratic convergence has squared that, and a further step would only be rounding.
    most : int
        Largest number of steps.
    longest : float
        Largest change of a parameter in one step.
    direction : callable
        `mostly_uphill`, for surfaces that may bend upward; `shortest`, for concave ones.

    Returns
    -------
    Optimum or None
        None where there is no finite value at the start. A decrement below 1e-10 counts as a
        maximum.
    """
    theta = np.asarray(start, dtype=np.float64)
    point = evaluate(theta)
    if point is None or not _usable(point):
        return None
    tried, by = np.zeros_like(theta), np.zeros_like(theta)
    iterations, settled = 0, False
    while True:
        step, decrement, peaked = direction(point.score, point.information)
        settled = settled or (decrement < tolerance * unit and peaked)
        if settled or iterations == most:
            break
        move = _line_search(evaluate, theta, point, step, decrement, peaked, unit, longest)
        tried = step
        if move is None:
            by = np.zeros_like(theta)
            break
        theta, point, by = theta + move.by, move.point, move.by
        iterations += 1
        settled = peaked and decrement < 1e-13 * unit if is_last is None else is_last(move)
    converged = bool(peaked and decrement < 1e-10 * unit)
    return Optimum(theta, point, iterations, tried, by, decrement, settled, converged)


def _line_search(
    evaluate: Callable[[FloatArray], P | None],
    theta: FloatArray,
    point: P,
    step: FloatArray,
    decrement: float,
    peaked: bool,
    unit: float,
    longest: float,
) -> Move[P] | None:
    """Return the first step along a direction that climbs enough, None without one."""
    length = min(1.0, longest / max(1e-300, *map(abs, step.tolist())))
    for _ in range(_HALVINGS):
        evaluated = evaluate(theta + length * step)
        if evaluated is not None and _usable(evaluated):
            gain = evaluated.loglik - point.loglik
            sure = peaked and decrement < _CERTAIN * unit and gain > -1e-9 * unit
            if sure or gain >= 1e-4 * length * decrement - _NOISE * abs(point.loglik):
                return Move(length * step, gain, decrement, evaluated)
        length /= 2
    return None


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
    return scores @ inverse


def covariance_of(information: FloatArray, scores: FloatArray, *, robust: bool) -> FloatArray:
    """Return the inverse information, or the cross-product of influences; shape (p, p)."""
    if robust:
        effect = influence_of(information, scores)
        return effect.T @ effect
    return _inverse(information)


def _inverse(information: FloatArray) -> FloatArray:
    size = np.sqrt(np.abs(np.diag(information)))
    size = np.where(size > 0, size, 1.0)
    values, vectors = np.linalg.eigh(information / np.outer(size, size))
    if not values[0] > 0:
        return np.full_like(information, np.nan)
    return np.asarray((vectors / values) @ vectors.T / np.outer(size, size))


def _usable(point: Point) -> bool:
    return isfinite(point.loglik) and _all_finite(point.score) and _all_finite(point.information)


def _all_finite(values: FloatArray) -> bool:
    # Counted, because `all` takes several times as long for a few numbers.
    return int(np.count_nonzero(np.isfinite(values))) == values.size
