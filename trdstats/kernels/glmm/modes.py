"""The most likely random effects of every subject, all searched for at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.glmm.conditional import second_derivative, value_and_slope
from trdstats.kernels.glmm.rows import Rows

_MOST = 60
_HALVINGS = 30
# A step whose promised gain is this small is the last: the next one would be its square.
_LAST = 1e-12


@dataclass(frozen=True, slots=True)
class Modes:
    """Modes of h(v) = sum of log-likelihoods - v'v / 2 over the standardised random effects.

    Attributes
    ----------
    v : ndarray, shape (n, r)
    curvature : ndarray, shape (n, r, r)
        Minus the second derivatives of h.
    eta : ndarray, shape (N,)
        Linear predictor of each row there.
    slope, bend : ndarray, shape (N,)
        First and second derivative of each row's log-likelihood.
    """

    v: FloatArray
    curvature: FloatArray
    eta: FloatArray
    slope: FloatArray
    bend: FloatArray


def find_modes(rows: Rows, fixed: FloatArray, W: FloatArray, start: FloatArray) -> Modes | None:
    """Find the modes by Newton steps, halved for each subject until h rises.

    Parameters
    ----------
    rows : Rows
    fixed : ndarray, shape (N,)
        Linear predictor of the fixed effects.
    W : ndarray, shape (N, r)
        Design of the standardised random effects: Z times the Cholesky factor.
    start : ndarray, shape (n, r)

    Returns
    -------
    Modes or None
        None where h has no finite value or no mode was reached.
    """
    v = start
    value, modes = _at(rows, fixed, W, v)
    if not np.isfinite(value).all():
        v = np.zeros_like(start)
        value, modes = _at(rows, fixed, W, v)
        if not np.isfinite(value).all():
            return None
    for _ in range(_MOST):
        gradient = rows.sums(modes.slope[:, None] * W) - v
        step = np.linalg.solve(modes.curvature, gradient[:, :, None])[:, :, 0]
        promised = (step * gradient).sum(axis=1)
        if not np.isfinite(promised).all():
            return None
        length = np.ones(len(v))
        for _ in range(_HALVINGS):
            tried = v + length[:, None] * step
            new_value, new_modes = _at(rows, fixed, W, tried)
            # Near the mode a comparison of values is only rounding.
            worse = ~(new_value >= value - 1e-10 * (1.0 + np.abs(value)))
            if not worse.any():
                break
            length = np.where(worse, length / 2, length)
        else:
            return None
        v, value, modes = tried, new_value, new_modes
        if float(promised.max(initial=0.0)) < _LAST:
            return modes
    return None


def _at(rows: Rows, fixed: FloatArray, W: FloatArray, v: FloatArray) -> tuple[FloatArray, Modes]:
    eta = fixed + (W * v[rows.subject]).sum(axis=1)
    each, slope = value_and_slope(rows.link, rows.y, eta)
    bend = second_derivative(rows.link, rows.y, eta, slope)
    r = W.shape[1]
    product = -bend[:, None, None] * W[:, :, None] * W[:, None, :]
    curvature = np.eye(r) + rows.sums(product)
    value = rows.sums(each) - 0.5 * (v**2).sum(axis=1)
    return value, Modes(v, curvature, eta, slope, bend)


def predict_effects(rows: Rows, theta: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the modes of the random effects and the inverse curvature there.

    Parameters
    ----------
    rows : Rows
    theta : ndarray, shape (q,)
    v : ndarray, shape (n, r)
        Modes of the standardised effects.

    Returns
    -------
    effects : ndarray, shape (n, r)
    covariance : ndarray, shape (n, r, r)
        Of the effects given the ratings and the parameters, by Laplace's approximation.
    """
    factor = rows.factor(theta)
    modes = _at(rows, rows.X @ theta[: rows.n_fixed], rows.Z @ factor, v)[1]
    inverse = np.linalg.inv(modes.curvature)
    return v @ factor.T, np.asarray(factor @ inverse @ factor.T)
