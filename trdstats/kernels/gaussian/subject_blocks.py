"""Subjects one by one as a Gaussian likelihood sees them, where patterns would hardly sum any up.

The same questions as a `CrossProducts` answers, by the same names, from the rows themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.gaussian.subject_rows import SubjectRows


@dataclass(frozen=True)
class SubjectBlocks:
    """Subjects, or groups of them, one by one.

    Attributes
    ----------
    z : ndarray, shape (P, T, q + 1)
        Design and outcome of every subject, 0 at missed visits.
    rated : ndarray of bool, shape (P, T)
    group : ndarray of int, shape (P,)
    n : ndarray, shape (P,)
        Subjects that each unit represents: one, or any positive number where rows of many were
        summed up.
    log_weight : float
    """

    z: FloatArray
    rated: BoolArray
    group: IntArray
    n: FloatArray
    log_weight: float = 0.0

    @property
    def n_obs(self) -> int:
        """Number of assessed visits."""
        return round(float(self.n @ self.rated.sum(axis=1)))

    @property
    def n_columns(self) -> int:
        """Number of columns of the design."""
        return int(self.z.shape[2]) - 1

    def keep(self, columns: IntArray) -> SubjectBlocks:
        """Return the units with some columns of the design; the outcome is kept."""
        chosen = np.concatenate((columns, [self.n_columns]))
        return SubjectBlocks(self.z[:, :, chosen], self.rated, self.group, self.n, self.log_weight)

    def moments(self, weight: FloatArray) -> FloatArray:
        """Return sum Z' W Z."""
        width = self.z.shape[2]
        return self.z.reshape(-1, width).T @ (weight @ self.z).reshape(-1, width)

    def residual_products(self, beta: FloatArray) -> FloatArray:
        """Return r r' of every subject."""
        r = self._residuals(beta)
        return r[:, :, None] * r[:, None, :]

    def designs(self, rows: SubjectRows, p: int) -> FloatArray:
        """Return [X, y] of a unit at its assessed visits, shape (1, m, q + 1)."""
        return self.z[p : p + 1, self.rated[p]]

    def residuals(self, rows: SubjectRows, beta: FloatArray) -> FloatArray:
        """Return y - X beta of every unit, shape (n, T); 0 at missed visits."""
        return self._residuals(beta)

    def _residuals(self, beta: FloatArray) -> FloatArray:
        return np.asarray(self.z @ np.append(-beta, 1.0))

    def fitted_products(self, middle: FloatArray) -> FloatArray:
        """Return X M X' of every subject."""
        X = self.z[:, :, :-1]
        return X @ middle @ np.swapaxes(X, 1, 2)

    def cross(self, patterns: IntArray, matrices: FloatArray, beta: FloatArray) -> FloatArray:
        """Return sum X' M r for matrices (h, k, T, T)."""
        pulled = np.einsum("hkab,kb->hka", matrices, self._residuals(beta)[patterns])
        return np.asarray(np.einsum("hka,kaq->hq", pulled, self.z[patterns][:, :, :-1]))

    def information(self, patterns: IntArray, matrices: FloatArray) -> FloatArray:
        """Return sum X' M X for matrices (h, k, T, T)."""
        X = self.z[patterns][:, :, :-1]
        q = X.shape[2]
        flat = X.reshape(-1, q).T
        return np.stack([flat @ (matrix @ X).reshape(-1, q) for matrix in matrices])
