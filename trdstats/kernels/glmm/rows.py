"""Rows of a model with random effects, sorted by subject, and sums over them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.glmm.conditional import Link

# Numbers of a block of subjects: what fits into the cache of a core is fast.
_BLOCK = 60_000


@dataclass(frozen=True)
class Rows:
    """Ratings of all subjects, those of one subject together.

    Attributes
    ----------
    link : {"logit", "probit", "log"}
    subject : ndarray of int, shape (N,)
        0, ..., n - 1, ascending; every subject has a row.
    X : ndarray, shape (N, p)
        Design of the fixed effects and thresholds.
    Z : ndarray, shape (N, r)
        Design of the random effects.
    y : ndarray, shape (N,)
    weight : ndarray, shape (n,)
        Of subjects, positive.
    pair_subject : ndarray of int, shape (M,)
        Subjects of ratings between two thresholds; see `conditional`.
    pair : ndarray, shape (M, p)
        Design of the distance a - b of their two rows.
    correlated : bool
        Whether random effects may correlate.
    """

    link: Link
    subject: IntArray
    X: FloatArray
    Z: FloatArray
    y: FloatArray
    weight: FloatArray
    pair_subject: IntArray
    pair: FloatArray
    correlated: bool = True

    @property
    def n(self) -> int:
        """Subjects."""
        return len(self.weight)

    @property
    def n_fixed(self) -> int:
        """Coefficients and thresholds."""
        return int(self.X.shape[1])

    @property
    def entries(self) -> tuple[IntArray, IntArray]:
        """Rows and columns of the estimated entries of the Cholesky factor of G."""
        r = self.Z.shape[1]
        if self.correlated:
            return np.tril_indices(r)
        return np.arange(r), np.arange(r)

    @property
    def n_parameters(self) -> int:
        """Coefficients, thresholds and entries of the Cholesky factor."""
        return self.n_fixed + len(self.entries[0])

    @cached_property
    def starts(self) -> IntArray:
        """First row of each subject, shape (n,)."""
        return np.searchsorted(self.subject, np.arange(self.n)).astype(np.intp)

    def factor(self, theta: FloatArray) -> FloatArray:
        """Return the Cholesky factor of the covariance of the random effects, shape (r, r)."""
        r = self.Z.shape[1]
        factor = np.zeros((r, r))
        factor[self.entries] = theta[self.n_fixed :]
        return factor

    def sums(self, values: FloatArray) -> FloatArray:
        """Return sums over the rows of each subject, shape (n, ...)."""
        return np.asarray(np.add.reduceat(values, self.starts, axis=0))

    def blocks(self, n_nodes: int) -> Iterator[tuple[slice, Rows]]:
        """Yield the subjects in blocks, each with its rows and without its pairs."""
        at = np.append(self.starts, len(self.y))
        size = max(_BLOCK // n_nodes, 1)
        first = 0
        while first < self.n:
            last = int(np.searchsorted(at, at[first] + size, side="right")) - 1
            last = min(max(last, first + 1), self.n)
            rows = slice(int(at[first]), int(at[last]))
            none = np.zeros(0, dtype=np.intp)
            yield slice(first, last), Rows(
                self.link, self.subject[rows] - first, self.X[rows], self.Z[rows], self.y[rows],
                self.weight[first:last], none, self.pair[:0], self.correlated,
            )  # fmt: skip
            first = last
