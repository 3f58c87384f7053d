"""Coordinates in which a linear mixed model is well conditioned, and the way back.

Days counted from 1900 or outcomes far from 0 leave a likelihood the same, and its arithmetic
without digits. Fitted to columns without correlation and to residuals, the model has neither.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.gaussian.mixed_tests import FTest, Inference
from trdstats.kernels.numerics.orthogonal import solve_upper


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Columns of a design and what they become.

    Attributes
    ----------
    matrix : ndarray, shape (q, q)
        New columns are the old ones times this matrix, so coefficients of the old are this matrix
        times those of the new.
    """

    matrix: FloatArray

    @property
    def log_det(self) -> float:
        """Logarithm of the absolute determinant."""
        return float(np.linalg.slogdet(self.matrix)[1])


def uncorrelated(columns: FloatArray) -> tuple[FloatArray, Coordinates] | None:
    """Return columns made orthogonal with mean square 1, and how; None where they are dependent.

    Parameters
    ----------
    columns : ndarray, shape (N, q)
    """
    centred, shift = centre(columns)
    made = orthogonal(centred, len(columns))
    return None if made is None else (made[0], Coordinates(shift @ made[1]))


def orthogonal(columns: FloatArray, n: int) -> tuple[FloatArray, FloatArray] | None:
    """Return columns made orthogonal with mean square 1 over n rows, and the matrix that does it.

    Parameters
    ----------
    columns : ndarray, shape (k, q)
        The n rows, or others with the same cross-products.
    n : int

    Returns
    -------
    ndarray, shape (k, q), and ndarray, shape (q, q)
        None where they are dependent.
    """
    size = np.sqrt((columns**2).sum(axis=0) / n)
    if not (size > 0).all():
        return None
    Q, R = np.linalg.qr(columns / size)
    if np.abs(np.diag(R)).min() < 1e-12 * np.sqrt(n):
        return None
    root = np.sqrt(n)
    inverse = solve_upper(R, np.eye(len(R))) * root
    return Q * root, inverse / size[:, None]


def centre(columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return columns less their means where one of them is constant, and the matrix that does it.

    Parameters
    ----------
    columns : ndarray, shape (N, q)

    Returns
    -------
    centred : ndarray, shape (N, q)
    matrix : ndarray, shape (q, q)
        The centred columns are the old ones times this matrix.
    """
    matrix = np.eye(columns.shape[1])
    constant = np.flatnonzero((np.ptp(columns, axis=0) == 0) & (columns[0] != 0))
    if not len(constant):
        return columns, matrix
    one = int(constant[0])
    means = columns.mean(axis=0)
    means[one] = 0.0
    matrix[one] -= means / columns[0, one]
    return columns - means, matrix


def scaled(columns: FloatArray) -> tuple[FloatArray, Coordinates]:
    """Return columns with mean square 1, or 0, and how."""
    size = np.sqrt((columns**2).mean(axis=0))
    size = np.where(size > 0, size, 1.0)
    return columns / size, Coordinates(np.diag(1 / size))


@dataclass(frozen=True)
class InCoordinates(Inference):
    """Inference on coefficients of the columns as they were given, made in better coordinates.

    Contrasts are taken to the coordinates, not covariances out of them: that keeps their digits.

    Attributes
    ----------
    inner : Inference
        On the coefficients of the new columns.
    coordinates : Coordinates
    """

    inner: Inference
    coordinates: Coordinates

    @property
    def beta(self) -> FloatArray:  # type: ignore[override]
        """Coefficients, shape (q,)."""
        return self.coordinates.matrix @ self.inner.beta

    @property
    def covariance(self) -> FloatArray:  # type: ignore[override]
        """Covariance of the coefficients, shape (q, q)."""
        A = self.coordinates.matrix
        return A @ self.inner.covariance @ A.T

    def degrees(self, L: FloatArray) -> FloatArray:
        """Return the degrees of freedom of each row of L."""
        return self.inner.degrees(L @ self.coordinates.matrix)

    def values(self, L: FloatArray) -> FloatArray:
        """Return L beta."""
        return self.inner.values(L @ self.coordinates.matrix)

    def covariances(self, L: FloatArray) -> FloatArray:
        """Return the covariance of L beta."""
        return self.inner.covariances(L @ self.coordinates.matrix)

    def errors(self, L: FloatArray) -> FloatArray:
        """Return the standard error of each row of L."""
        return self.inner.errors(L @ self.coordinates.matrix)

    def f_test(self, L: FloatArray) -> FTest:
        """Test all rows of L together."""
        return self.inner.f_test(L @ self.coordinates.matrix)
