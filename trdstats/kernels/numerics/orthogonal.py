"""Columns of a design made orthogonal, and the way back to the columns as they were given.

Columns far from 0, or in other units than their neighbours, leave a likelihood the same and its
arithmetic without digits. A search in orthogonal columns of mean square 1 knows neither where 0 is
nor the units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.blas import dtrsm

from trdstats.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Orthogonal:
    """Orthogonal columns of mean square 1.

    Attributes
    ----------
    columns : ndarray, shape (n, q)
    triangle : ndarray, shape (q, q)
        Upper triangle; the given columns are the orthogonal ones times this matrix, so that
        coefficients of the orthogonal columns are this matrix times those of the given ones.
    """

    columns: FloatArray
    triangle: FloatArray

    @classmethod
    def of(cls, X: FloatArray) -> Orthogonal:
        """Return the orthogonal columns of a design of full rank, shape (n, q)."""
        if not X.shape[1]:
            return cls(X, np.eye(0))
        Q, R = np.linalg.qr(X)
        root = np.sqrt(len(X))
        return cls(np.asarray(Q * root), np.asarray(R / root))

    def back(self) -> FloatArray:
        """Return the matrix from coefficients of the orthogonal columns to the given ones'."""
        return self.coefficients(np.eye(len(self.triangle)))

    def coefficients(self, theta: FloatArray) -> FloatArray:
        """Return the coefficients of the given columns, shape (q,) or (q, m)."""
        if not len(self.triangle):
            return theta
        solution = solve_upper(self.triangle, theta)
        if not np.isfinite(solution).all():
            raise np.linalg.LinAlgError("the columns are collinear, or not finite")
        return solution


def solve_upper(triangle: FloatArray, right: FloatArray) -> FloatArray:
    """Return the solution of an upper triangle; not finite where it has none.

    LAPACK's trtrs starts threads for three numbers, and waits milliseconds for them where a machine
    has other work. The BLAS below it does not.

    Parameters
    ----------
    triangle : ndarray, shape (q, q)
    right : ndarray, shape (q,) or (q, m)

    Returns
    -------
    ndarray
        Of the shape of `right`.
    """
    columns = right.reshape(len(right), -1)
    return np.asarray(dtrsm(1.0, triangle, columns)).reshape(right.shape)
