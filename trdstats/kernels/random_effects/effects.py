"""The covariance matrix of the random effects of one factor, by its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.gaussian.covariance import lower


@dataclass(frozen=True, slots=True)
class Effects:
    """Random effects of the groups of one factor.

    Attributes
    ----------
    n_effects : int
        Effects of a group.
    correlated : bool
        Whether the effects of a group may correlate.
    """

    n_effects: int
    correlated: bool

    @property
    def entries(self) -> tuple[IntArray, IntArray]:
        """Rows and columns of the parameters of G: the lower triangle, or the diagonal."""
        return _entries(self.n_effects, self.correlated)

    @property
    def size(self) -> int:
        """Number of parameters."""
        r = self.n_effects
        return r * (r + 1) // 2 if self.correlated else r

    def matrix(self, theta: FloatArray) -> FloatArray:
        """Return G from its parameters, shape (r, r)."""
        rows, columns = self.entries
        G = np.zeros((self.n_effects, self.n_effects))
        G[rows, columns] = G[columns, rows] = theta
        return G

    def directions(self) -> FloatArray:
        """Return the derivatives of G with respect to its parameters, shape (h, r, r)."""
        return _directions(self)

    def from_root(self, x: FloatArray) -> FloatArray:
        """Return the parameters of G = L L' from the entries of the lower triangular L."""
        rows, columns = self.entries
        root = self._root(x)
        return np.asarray((root @ root.T)[rows, columns])

    def to_root(self, theta: FloatArray) -> FloatArray:
        """Return the entries of L with L L' = G; what is not positive in G is left out."""
        if not self.correlated or self.n_effects < 2:
            return np.sqrt(np.maximum(theta, 0.0))
        values, vectors = np.linalg.eigh(self.matrix(theta))
        half = vectors * np.sqrt(np.maximum(values, 0.0))
        root = np.asarray(np.linalg.qr(half.T, mode="r"), dtype=float).T
        root = root * np.where(np.diag(root) < 0, -1.0, 1.0)
        return np.asarray(root[self.entries])

    def root_slopes(self, x: FloatArray) -> FloatArray:
        """Return the derivatives of the parameters with respect to the entries of L, (h, h)."""
        rows, columns = self.entries
        root, slopes = self._root(x), np.empty((self.size, self.size))
        for k, unit in enumerate(np.eye(self.size)):
            change = self._root(unit) @ root.T
            slopes[:, k] = (change + change.T)[rows, columns]
        return slopes

    def root_curves(self, gradient: FloatArray) -> FloatArray:
        """Return sum_h gradient_h times the second derivatives of parameter h, shape (h, h)."""
        rows, columns = self.entries
        G = self.matrix(gradient)
        # L_ab and L_cd meet in the entry (a, c) of L L' when b = d, twice on the diagonal.
        curves = G[np.ix_(rows, rows)] * (1.0 + (rows[:, None] == rows))
        return np.asarray(curves * (columns[:, None] == columns))

    def _root(self, x: FloatArray) -> FloatArray:
        root = np.zeros((self.n_effects, self.n_effects))
        root[self.entries] = x
        return root


@cache
def _entries(r: int, correlated: bool) -> tuple[IntArray, IntArray]:
    return lower(r) if correlated else (np.arange(r), np.arange(r))


@cache
def _directions(effects: Effects) -> FloatArray:
    each = [effects.matrix(unit) for unit in np.eye(effects.size)]
    return np.reshape(each, (effects.size, effects.n_effects, effects.n_effects))


def split(effects: Sequence[Effects], theta: FloatArray) -> list[FloatArray]:
    """Return the parameters of each factor; those of the residuals come after them."""
    parts, at = [], 0
    for e in effects:
        parts.append(theta[at : at + e.size])
        at += e.size
    return parts


def block_diagonal(blocks: Sequence[FloatArray]) -> FloatArray:
    """Return a matrix with square blocks along its diagonal and 0 elsewhere."""
    total = sum(len(b) for b in blocks)
    result, at = np.zeros((total, total)), 0
    for b in blocks:
        result[at : at + len(b), at : at + len(b)] = b
        at += len(b)
    return result
