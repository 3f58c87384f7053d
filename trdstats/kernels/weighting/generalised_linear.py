"""Logistic and linear regression with the influence of every subject on the coefficients.

Iteratively reweighted least squares for the logit link, least squares for the identity. The score
of subject i is w_i (y_i - mu_i) x_i under both, so one sandwich serves them.

References
----------
McCullagh and Nelder 1989, Generalized Linear Models, 2nd ed., doi:10.1007/978-1-4899-3242-6
(section 2.5). Albert and Anderson 1984, doi:10.1093/biomet/71.1.1 (separation).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from scipy.special import expit

from trdstats.arrays import BoolArray, FloatArray
from trdstats.kernels.numerics.newton_loglik import Surface, maximise, shortest
from trdstats.kernels.numerics.orthogonal import Orthogonal

Family = Literal["logistic", "linear"]


@dataclass(frozen=True, slots=True)
class LinearFit:
    """A fitted regression.

    Attributes
    ----------
    family : {"logistic", "linear"}
    beta : ndarray, shape (q,)
    inverse : ndarray, shape (q, q)
        Inverse of X' W X with W the variance function times the weights.
    effects : ndarray, shape (n, q)
        First-order effect of each subject on the coefficients; columns sum to 0.
    dispersion : float
        1 for logistic; residual variance on n - q degrees of freedom for linear.
    loglik : float
        Of the logistic model; minus half the residual sum of squares of the linear one.
    iterations : int
    separated : ndarray of bool, shape (q,)
        Coefficients that grow without end: the outcomes are separated.
    """

    family: Family
    beta: FloatArray
    inverse: FloatArray
    effects: FloatArray
    dispersion: float
    loglik: float
    iterations: int
    separated: BoolArray

    def influence(self) -> FloatArray:
        """Return the first-order effect of each subject on the coefficients, shape (n, q)."""
        return self.effects

    def covariance(self) -> FloatArray:
        """Return the model's covariance: dispersion times the inverse information, (q, q)."""
        return np.asarray(self.dispersion * self.inverse)

    def mean(self, X: FloatArray) -> FloatArray:
        """Return the expected outcome of other rows, shape (m,)."""
        eta = X @ self.beta
        return expit(eta) if self.family == "logistic" else np.asarray(eta)

    def slope(self, X: FloatArray) -> FloatArray:
        """Return the derivative of `mean` in the coefficients, shape (m, q)."""
        if self.family == "linear":
            return X
        mu = self.mean(X)
        return (mu * (1 - mu))[:, None] * X


def fit_linear_model(X: FloatArray, y: FloatArray, weight: FloatArray, family: Family) -> LinearFit:
    """Fit by maximum likelihood.

    Parameters
    ----------
    X : ndarray, shape (n, q)
        With a column of ones, of full rank.
    y : ndarray, shape (n,)
        Within [0, 1] for the logistic model.
    weight : ndarray, shape (n,)
        Positive.
    family : {"logistic", "linear"}
    """
    return _logistic(X, y, weight) if family == "logistic" else _linear(X, y, weight)


def _linear(X: FloatArray, y: FloatArray, weight: FloatArray) -> LinearFit:
    root = np.sqrt(weight)
    # From the design itself: its square loses half of the digits of columns far from 0.
    design = Orthogonal.of(root[:, None] * X)
    theta = design.columns.T @ (root * y) / len(y)
    back, beta = design.back(), design.coefficients(theta)
    rest = root * y - design.columns @ theta
    squares = float(rest @ rest)
    free = len(y) - X.shape[1]
    return LinearFit(
        family="linear",
        beta=beta,
        inverse=back @ back.T / len(y),
        effects=(design.columns * rest[:, None]) @ back.T / len(y),
        dispersion=squares / free if free > 0 else np.nan,
        loglik=-squares / 2,
        iterations=1,
        separated=np.zeros(X.shape[1], dtype=bool),
    )


def _logistic(X: FloatArray, y: FloatArray, weight: FloatArray, *, most: int = 100) -> LinearFit:
    design = Orthogonal.of(X)
    Z, unit = design.columns, float(weight.sum() / len(weight))
    top = maximise(
        partial(_surface, Z, y, weight), np.zeros(X.shape[1]), unit=unit, most=most,
        direction=shortest, is_last=lambda m: m.gain < 1e-10 * unit,
    )  # fmt: skip
    if top is None:
        raise ValueError("outcomes, weights or covariates are not finite")
    back, inverse = design.back(), np.linalg.inv(top.point.information)
    scores = Z * (weight * (y - expit(Z @ top.theta)))[:, None]
    return LinearFit(
        family="logistic",
        beta=design.coefficients(top.theta),
        inverse=back @ inverse @ back.T,
        effects=scores @ (inverse @ back.T),
        dispersion=1.0,
        loglik=top.point.loglik,
        iterations=top.iterations,
        # At a maximum a step that gains so little is of 1e-5; without one it is still about 1.
        separated=_moves(X, design.coefficients(top.step)) > 1e-3,
    )


def _moves(X: FloatArray, step: FloatArray) -> FloatArray:
    """Return by how much a step moves the log odds: of a constant column at the means, shape (q,).

    Others move it over their standard deviation, wherever they have their 0.
    """
    centre = X.sum(axis=0) / len(X)
    each = np.abs(step) * np.sqrt(((X - centre) ** 2).sum(axis=0) / len(X))
    return np.asarray(np.where((X[0] != X).any(axis=0), each, np.abs(centre @ step)))


def _surface(Z: FloatArray, y: FloatArray, weight: FloatArray, beta: FloatArray) -> Surface:
    eta = Z @ beta
    mu = expit(eta)
    loglik = float(weight @ (y * eta - np.logaddexp(0.0, eta)))
    information = (Z * (weight * mu * (1 - mu))[:, None]).T @ Z
    return Surface(loglik, Z.T @ (weight * (y - mu)), information)
