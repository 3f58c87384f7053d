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

Family = Literal["logistic", "linear"]


@dataclass(frozen=True, slots=True)
class LinearFit:
    """A fitted regression.

    Attributes
    ----------
    family : {"logistic", "linear"}
    beta : ndarray, shape (q,)
    information : ndarray, shape (q, q)
        X' W X with W the variance function times the weights.
    scores : ndarray, shape (n, q)
        Weighted score of each subject; columns sum to 0.
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
    information: FloatArray
    scores: FloatArray
    dispersion: float
    loglik: float
    iterations: int
    separated: BoolArray

    def influence(self) -> FloatArray:
        """Return the first-order effect of each subject on the coefficients, shape (n, q)."""
        return np.asarray(np.linalg.solve(self.information, self.scores.T).T)

    def covariance(self) -> FloatArray:
        """Return the model's covariance: dispersion times the inverse information, (q, q)."""
        return np.asarray(self.dispersion * np.linalg.inv(self.information))

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
    root = np.sqrt(weight)[:, None]
    beta = np.asarray(np.linalg.lstsq(root * X, root[:, 0] * y, rcond=None)[0], dtype=float)
    rest = y - X @ beta
    squares = float(weight @ rest**2)
    free = len(y) - X.shape[1]
    return LinearFit(
        family="linear",
        beta=beta,
        information=(X * weight[:, None]).T @ X,
        scores=X * (weight * rest)[:, None],
        dispersion=squares / free if free > 0 else np.nan,
        loglik=-squares / 2,
        iterations=1,
        separated=np.zeros(X.shape[1], dtype=bool),
    )


def _logistic(X: FloatArray, y: FloatArray, weight: FloatArray, *, most: int = 100) -> LinearFit:
    # Scaled columns keep Newton steps of one size.
    scale = np.sqrt(np.average(X**2, axis=0, weights=weight))
    Z = X / scale
    unit = float(weight.mean())
    top = maximise(
        partial(_surface, Z, y, weight), np.zeros(X.shape[1]), unit=unit, most=most,
        direction=shortest, is_last=lambda m: m.gain < 1e-10 * unit,
    )  # fmt: skip
    if top is None:
        raise ValueError("outcomes, weights or covariates are not finite")
    beta = top.theta / scale
    mu = expit(X @ beta)
    return LinearFit(
        family="logistic",
        beta=beta,
        information=top.point.information * np.outer(scale, scale),
        scores=X * (weight * (y - mu))[:, None],
        dispersion=1.0,
        loglik=top.point.loglik,
        iterations=top.iterations,
        # At a maximum a step that gains so little is of 1e-5; without one it is still about 1.
        separated=np.abs(top.step) > 1e-3,
    )


def _surface(Z: FloatArray, y: FloatArray, weight: FloatArray, beta: FloatArray) -> Surface:
    eta = Z @ beta
    mu = expit(eta)
    loglik = float(weight @ (y * eta - np.logaddexp(0.0, eta)))
    information = (Z * (weight * mu * (1 - mu))[:, None]).T @ Z
    return Surface(loglik, Z.T @ (weight * (y - mu)), information)
