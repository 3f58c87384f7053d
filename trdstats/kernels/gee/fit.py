"""Generalised estimating equations: coefficients and working correlation in turn.

With residuals standardised and whitened by the Cholesky factor of the working correlation, z_i and
Q_i (the derivatives), the equation is sum_i Q_i' z_i = 0 and a scoring step is least squares of z
on Q. The correlation follows from the standardised residuals by moments, after every step.

References
----------
Liang and Zeger 1986, doi:10.1093/biomet/73.1.13. McCullagh 1983, doi:10.1214/aos/1176346056.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.gee.ratings import Here, NormalEquations, Ratings, Whitened

_CLOSE = 1e-9  # of a standard error, and of a correlation
_STALLED = 1e-5  # of a standard error: smaller steps that no longer shrink are rounding
_MOST = 200


@dataclass(frozen=True, slots=True)
class GEEFit:
    """The solution of the estimating equations.

    Attributes
    ----------
    beta : ndarray, shape (q,)
    alpha : ndarray
        Parameters of the working correlation.
    dispersion : float
        Mean square of the standardised residuals, weights counted: ratings of weight 1.
    scale : float
        The same in the unit of the weights, so that `scale * bread` is the model's covariance.
    cross : ndarray, shape (q, q)
        Sum of Q_i' Q_i.
    bread : ndarray, shape (q, q)
        Its inverse.
    whitened : Whitened
        Q_i and z_i.
    iterations : int
    converged : bool
    singular : bool
        Whether the working correlation that the moments give is no correlation matrix.
    """

    beta: FloatArray
    alpha: FloatArray
    dispersion: float
    scale: float
    cross: FloatArray
    bread: FloatArray
    whitened: Whitened
    iterations: int
    converged: bool
    singular: bool


def solve(ratings: Ratings, start: FloatArray, *, most: int = _MOST) -> GEEFit:
    """Solve the estimating equations.

    Parameters
    ----------
    ratings : Ratings
    start : ndarray, shape (q,)
        Coefficients inside the range of the model, such as those under independence.
    most : int
        Steps that are tried.

    Raises
    ------
    ValueError
        When `start` is outside the range of the model.
    """
    beta = start
    here = ratings.at(beta)
    if here is None:
        raise ValueError("the start is outside the range of the model")
    alpha = None
    converged = False
    iterations, last = 0, np.inf
    while iterations < most:
        iterations += 1
        previous = alpha
        alpha = here.alpha
        step, size = _step(here.equations, ratings.n_values)
        change = 0.0 if previous is None else float(np.abs(alpha - previous).max(initial=0.0))
        if not np.isfinite(size):
            break
        settled = previous is not None or not len(alpha)
        stalled = size < _STALLED and change < _STALLED and size > last / 2
        if settled and ((size < _CLOSE and change < _CLOSE) or stalled):
            converged = True
            break
        last = size
        there, length = None, 1.0
        while there is None and length > 1e-6:
            there = ratings.at(beta + length * step)
            length /= 2
        if there is None:
            break
        beta, here = beta + 2 * length * step, there
    return _result(ratings, beta, here, iterations, converged)


def at_coefficients(ratings: Ratings, beta: FloatArray) -> GEEFit | None:
    """Return the equations at given coefficients; None where they are outside the range."""
    here = ratings.at(beta)
    return None if here is None else _result(ratings, beta, here, 0, False)


def independent(ratings: Ratings, *, most: int = 100) -> tuple[FloatArray, bool]:
    """Return the coefficients under independence by scoring, and whether they settled.

    The quasi-likelihood rises at every step; without a finite maximum they do not settle.

    Parameters
    ----------
    ratings : Ratings
        `Ratings.independent`.
    most : int
        Steps that are tried.
    """
    beta = ratings.start()
    here = ratings.at(beta)
    if here is None:
        return beta, False
    last = np.inf
    for _ in range(most):
        step, size = _step(here.equations, ratings.n_values)
        if not np.isfinite(size):
            return beta, False
        if size < _CLOSE or (size < _STALLED and size > last / 2):
            return beta, True
        last = size
        length, there = 1.0, None
        tolerance = 1e-10 * (1 + abs(here.quasi_loglik))
        while length > 1e-8:
            there = ratings.at(beta + length * step)
            if there is not None and there.quasi_loglik > here.quasi_loglik - tolerance:
                break
            length, there = length / 2, None
        if there is None:
            return beta, False
        beta, here = beta + length * step, there
    return beta, False


def _step(equations: NormalEquations, n: int) -> tuple[FloatArray, float]:
    """Return the least squares step, and its size in standard errors."""
    A, b, square = equations
    scale = np.sqrt(np.diag(A))
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        return np.zeros_like(b), np.inf
    try:
        step = np.linalg.solve(A / np.outer(scale, scale), b / scale)
    except np.linalg.LinAlgError:
        return np.zeros_like(b), np.inf
    gain = float(step @ (b / scale))
    mean_square = square / n
    size = np.sqrt(max(gain, 0.0) / mean_square) if mean_square > 0 else 0.0
    return np.asarray(step / scale), float(size)


def _result(
    ratings: Ratings, beta: FloatArray, here: Here, iterations: int, converged: bool
) -> GEEFit:
    A = here.equations.cross
    root = np.sqrt(np.diag(A))
    root = np.where(root > 0, root, 1.0)
    bread = np.linalg.pinv(A / np.outer(root, root), hermitian=True) / np.outer(root, root)
    return GEEFit(
        beta=beta, alpha=here.alpha, dispersion=here.square / ratings.weight_sum,
        scale=here.square / ratings.n_values, cross=A, bread=np.asarray(bread),
        whitened=here.whitened, iterations=iterations, converged=converged,
        singular=here.singular,
    )  # fmt: skip
