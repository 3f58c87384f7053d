"""Linear and logistic regression with the influence of every subject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import expit

FloatArray = npt.NDArray[np.float64]
Family = Literal["linear", "logistic"]
_STEPS = 60


@dataclass(frozen=True, slots=True)
class Regression:
    """A fitted regression.

    Attributes
    ----------
    family : {"linear", "logistic"}
    beta : ndarray, shape (q,)
    covariance : ndarray, shape (q, q)
        Of the model: inverse information, times the residual variance where linear.
    influence : ndarray, shape (n, q)
        Weight times the derivative of beta to the weight.
    converged : bool
        False where a logistic likelihood rises without end.
    """

    family: Family
    beta: FloatArray
    covariance: FloatArray
    influence: FloatArray
    converged: bool

    def mean(self, X: FloatArray) -> FloatArray:
        """Return the expected outcome of rows, shape (m,)."""
        eta = X @ self.beta
        return np.asarray(expit(eta) if self.family == "logistic" else eta)

    def slope(self, X: FloatArray) -> FloatArray:
        """Return the derivative of the expected outcome to beta, shape (m, q)."""
        if self.family == "linear":
            return X
        p = expit(X @ self.beta)
        return np.asarray(X * (p * (1 - p))[:, None])


def regress(X: FloatArray, y: FloatArray, family: Family, weight: FloatArray) -> Regression:
    """Fit a regression.

    Parameters
    ----------
    X : ndarray, shape (n, q)
        Of full rank, with a column of ones.
    y : ndarray, shape (n,)
        0 and 1 where logistic.
    family : {"linear", "logistic"}
    weight : ndarray, shape (n,)
        0 leaves a row out.
    """
    q = X.shape[1]
    if family == "linear":
        H = (X * weight[:, None]).T @ X
        beta: FloatArray = np.asarray(np.linalg.solve(H, X.T @ (weight * y)), dtype=float)
        residual = y - X @ beta
        free = max((weight > 0).sum() - q, 1)
        inverse: FloatArray = np.asarray(np.linalg.inv(H), dtype=float)
        scale = float(weight @ residual**2 / free)
        influence = (X * (weight * residual)[:, None]) @ inverse
        return Regression(family, beta, inverse * scale, influence, True)
    beta = np.zeros(q)
    converged = False
    for _ in range(_STEPS):
        p = expit(X @ beta)
        H = (X * (weight * p * (1 - p))[:, None]).T @ X
        step = np.linalg.lstsq(H, X.T @ (weight * (y - p)), rcond=1e-14)[0]
        length = min(1.0, 5.0 / max(float(np.abs(X @ step).max()), 1e-300))
        beta = np.asarray(beta + length * step, dtype=float)
        if np.abs(X @ step).max() < 1e-10:
            converged = True
            break
    p = expit(X @ beta)
    H = (X * (weight * p * (1 - p))[:, None]).T @ X
    inverse = np.asarray(np.linalg.pinv(H), dtype=float)
    # Chances that all but reach 0 or 1 are those of a likelihood without a maximum.
    converged = converged and bool(np.abs(X @ beta).max() < 20)
    influence = (X * (weight * (y - p))[:, None]) @ inverse
    return Regression(family, beta, inverse, influence, converged)
