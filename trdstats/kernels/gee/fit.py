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

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.gee.batches import Batches
from trdstats.kernels.gee.means import MeanModel, Standardised
from trdstats.kernels.gee.working import Pairs

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
    bread : ndarray, shape (q, q)
        Inverse of the sum of Q_i' Q_i.
    designs : list of ndarray, shape (b, m c, q)
        Q_i, by batch.
    residuals : list of ndarray, shape (b, m c)
        z_i, by batch.
    subject : ndarray of int, shape (n,)
        Subject of each row of the batches.
    iterations : int
    converged : bool
    singular : bool
        Whether the working correlation that the moments give is no correlation matrix.
    """

    beta: FloatArray
    alpha: FloatArray
    dispersion: float
    scale: float
    bread: FloatArray
    designs: list[FloatArray]
    residuals: list[FloatArray]
    subject: IntArray
    iterations: int
    converged: bool
    singular: bool


def solve(
    model: MeanModel, weight: FloatArray, pairs: Pairs, start: FloatArray, *, most: int = _MOST
) -> GEEFit:
    """Solve the estimating equations.

    Parameters
    ----------
    model : MeanModel
    weight : ndarray, shape (N,)
        Weights of the ratings; those of `model`.
    pairs : Pairs
        The structure of the working correlation.
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
    here = model.at(beta)
    if here is None:
        raise ValueError("the start is outside the range of the model")
    alpha = None
    converged = False
    iterations, last = 0, np.inf
    while iterations < most:
        iterations += 1
        previous = alpha
        alpha, factors, _ = _correlation(here, weight, pairs)
        Q, z = _whiten(here, pairs.batches, factors)
        step, size = _step(Q, z)
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
            there = model.at(beta + length * step)
            length /= 2
        if there is None:
            break
        beta, here = beta + 2 * length * step, there
    return _result(model, beta, here, weight, pairs, iterations, converged)


def at_coefficients(
    model: MeanModel, beta: FloatArray, weight: FloatArray, pairs: Pairs
) -> GEEFit | None:
    """Return the equations at given coefficients; None where they are outside the range."""
    here = model.at(beta)
    return None if here is None else _result(model, beta, here, weight, pairs, 0, False)


def independent(model: MeanModel, *, most: int = 100) -> tuple[FloatArray, bool]:
    """Return the coefficients under independence by scoring, and whether they settled.

    The quasi-likelihood rises at every step; without a finite maximum they do not settle.
    """
    beta = model.start()
    here = model.at(beta)
    if here is None:
        return beta, False
    last = np.inf
    for _ in range(most):
        Q = here.design.reshape(-1, len(beta))
        step, size = _step(Q, here.residual.ravel())
        if not np.isfinite(size):
            return beta, False
        if size < _CLOSE or (size < _STALLED and size > last / 2):
            return beta, True
        last = size
        length, there = 1.0, None
        tolerance = 1e-10 * (1 + abs(here.quasi_loglik))
        while length > 1e-8:
            there = model.at(beta + length * step)
            if there is not None and there.quasi_loglik > here.quasi_loglik - tolerance:
                break
            length, there = length / 2, None
        if there is None:
            return beta, False
        beta, here = beta + length * step, there
    return beta, False


def _step(Q: FloatArray, z: FloatArray) -> tuple[FloatArray, float]:
    """Return the least squares step, and its size in standard errors."""
    A, b = Q.T @ Q, Q.T @ z
    scale = np.sqrt(np.diag(A))
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        return np.zeros_like(b), np.inf
    try:
        step = np.linalg.solve(A / np.outer(scale, scale), b / scale)
    except np.linalg.LinAlgError:
        return np.zeros_like(b), np.inf
    square = float(step @ (b / scale))
    mean_square = float(np.mean(z**2))
    size = np.sqrt(max(square, 0.0) / mean_square) if mean_square > 0 else 0.0
    return np.asarray(step / scale), float(size)


def _correlation(
    at: Standardised, weight: FloatArray, pairs: Pairs
) -> tuple[FloatArray, list[FloatArray] | None, bool]:
    """Return parameters, inverse Cholesky factors by pattern, and whether they had to be shrunk."""
    if pairs.structure == "independence":
        return np.empty(0), None, False
    parts = pairs.batches.parts
    dispersion = _dispersion(at, weight)
    residual = [at.residual[b.rows] for b in parts]
    alpha = pairs.estimate(residual, dispersion) if dispersion > 0 else np.empty(0)
    matrices = pairs.matrices(alpha)
    lowest = min((float(np.linalg.eigvalsh(R)[:, 0].min()) for R in matrices), default=1.0)
    singular = lowest < 1e-6
    if singular:
        # Towards independence until it is a correlation matrix; the caller is told.
        keep = (1 - 1e-3) / (1 - lowest)
        matrices = [keep * R + (1 - keep) * np.eye(R.shape[1]) for R in matrices]
    return alpha, [np.linalg.inv(np.linalg.cholesky(R)) for R in matrices], singular


def _dispersion(at: Standardised, weight: FloatArray) -> float:
    return float(np.sum(at.residual**2) / (at.residual.shape[1] * weight.sum()))


def _whiten(
    at: Standardised, batches: Batches, factors: list[FloatArray] | None
) -> tuple[FloatArray, FloatArray]:
    """Return all whitened rows in the order of the batches, shapes (N c, q) and (N c,)."""
    designs, residuals = _whitened_parts(at, batches, factors)
    q = at.design.shape[2]
    return (
        np.concatenate([d.reshape(-1, q) for d in designs]),
        np.concatenate([r.ravel() for r in residuals]),
    )


def _whitened_parts(
    at: Standardised, batches: Batches, factors: list[FloatArray] | None
) -> tuple[list[FloatArray], list[FloatArray]]:
    designs, residuals = [], []
    _, c, q = at.design.shape
    for i, b in enumerate(batches.parts):
        n, m = b.rows.shape
        D = at.design[b.rows].reshape(n, m, c * q)
        e = at.residual[b.rows]
        if factors is not None and m > 1:
            # One pattern for all is a plain product; others take their factor along.
            factor = factors[i][0] if len(factors[i]) == 1 else factors[i][b.pattern]
            D, e = factor @ D, factor @ e
        designs.append(np.asarray(D.reshape(n, m * c, q)))
        residuals.append(np.asarray(e.reshape(n, m * c)))
    return designs, residuals


def _result(
    model: MeanModel, beta: FloatArray, here: Standardised, weight: FloatArray, pairs: Pairs,
    iterations: int, converged: bool,
) -> GEEFit:  # fmt: skip
    alpha, factors, singular = _correlation(here, weight, pairs)
    designs, residuals = _whitened_parts(here, pairs.batches, factors)
    q = len(beta)
    A = sum((d.reshape(-1, q).T @ d.reshape(-1, q) for d in designs), np.zeros((q, q)))
    root = np.sqrt(np.diag(A))
    root = np.where(root > 0, root, 1.0)
    bread = np.linalg.pinv(A / np.outer(root, root), hermitian=True) / np.outer(root, root)
    return GEEFit(
        beta=beta, alpha=alpha, dispersion=_dispersion(here, weight),
        scale=float(np.mean(here.residual**2)), bread=np.asarray(bread), designs=designs,
        residuals=residuals, subject=pairs.batches.subject, iterations=iterations,
        converged=converged, singular=singular,
    )  # fmt: skip
