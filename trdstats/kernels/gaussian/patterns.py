"""Subjects by visits as a few cross-products: what a Gaussian likelihood needs of the data.

Subjects that were assessed at the same visits share their covariance matrix, so the likelihood sees
them only through the sums of u u', where u holds a subject's distinct numbers: its covariates once,
however many columns of the design they appear in, and its outcomes. The row z_a = [x_a, y_a] of
visit a is a selection of u, the same for all subjects: z_a = A_a u. Summaries of two sets of
subjects add.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.gaussian.subject_rows import SubjectRows
from trdstats.kernels.numerics.grouped import grouped_sums
from trdstats.kernels.numerics.marks import number_rows


@dataclass(frozen=True)
class CrossProducts:
    """Cross-products of the data by pattern of assessed visits.

    Attributes
    ----------
    select : ndarray of int, shape (T, q + 1)
        Number of the distinct column that is column j of [x, y] at visit a; -1 for zero.
    rated : ndarray of bool, shape (P, T)
        Visits of each pattern.
    group : ndarray of int, shape (P,)
        Group whose covariance the pattern has.
    n : ndarray, shape (P,)
        Number of subjects.
    cross_products : ndarray, shape (P, d, d)
        Sums of u u'.
    log_weight : float
        Sum of the logarithms of the weights.
    """

    select: IntArray
    rated: BoolArray
    group: IntArray
    n: FloatArray
    cross_products: FloatArray
    log_weight: float

    @property
    def n_obs(self) -> int:
        """Number of assessed visits."""
        return int(self.n @ self.rated.sum(axis=1))

    @property
    def n_columns(self) -> int:
        """Number of columns of the design."""
        return int(self.select.shape[1]) - 1

    @cached_property
    def spread(self) -> FloatArray:
        """The selections as one matrix, shape (q + 1, T d)."""
        T, width = self.select.shape
        d = self.cross_products.shape[1]
        matrix = np.zeros((width, T * d))
        a, j = np.nonzero(self.select >= 0)
        matrix[j, a * d + self.select[a, j]] = 1.0
        return matrix

    def keep(self, columns: IntArray) -> CrossProducts:
        """Return the summary of some columns of the design; the outcome is kept."""
        chosen = np.concatenate((columns, [self.n_columns]))
        return CrossProducts(
            self.select[:, chosen],
            self.rated,
            self.group,
            self.n,
            self.cross_products,
            self.log_weight,
        )

    def designs(self, rows: SubjectRows, p: int) -> FloatArray:
        """Return [X, y] of a pattern's subjects at its assessed visits, shape (n_p, m, q + 1)."""
        visits = np.flatnonzero(self.rated[p])
        distinct = rows.distinct[rows.pattern == p]
        z = np.zeros((len(distinct), len(visits), self.select.shape[1]))
        for k, a in enumerate(visits):
            there = np.flatnonzero(self.select[a] >= 0)
            z[:, k, there] = distinct[:, self.select[a, there]]
        return z

    def residuals(self, rows: SubjectRows, beta: FloatArray) -> FloatArray:
        """Return y - X beta of every subject, shape (n, T); 0 at missed visits."""
        return rows.distinct @ self.residual_rows(beta).T * self.rated[rows.pattern]

    def moments(self, weight: FloatArray) -> FloatArray:
        """Return sum Z' W Z for one matrix W a pattern, shape (q + 1, q + 1)."""
        return self.spread @ self._contract(weight) @ self.spread.T

    def residual_products(self, beta: FloatArray) -> FloatArray:
        """Return the sums of r r' by pattern, r = y - X beta, shape (P, T, T)."""
        row = self.residual_rows(beta)
        return np.asarray(np.einsum("ai,pij,bj->pab", row, self.cross_products, row, optimize=True))

    def fitted_products(self, middle: FloatArray) -> FloatArray:
        """Return the sums of X M X' by pattern, shape (P, T, T)."""
        P, T = self.rated.shape
        d = self.cross_products.shape[1]
        of_x = self.spread[:-1]
        block = (of_x.T @ middle @ of_x).reshape(T, d, T, d).transpose(0, 2, 1, 3)
        flat = block.reshape(T * T, d * d) @ self.cross_products.reshape(P, d * d).T
        return flat.T.reshape(P, T, T)

    def cross(self, patterns: IntArray, matrices: FloatArray, beta: FloatArray) -> FloatArray:
        """Return sum X' M r over some patterns, for matrices (h, k, T, T), shape (h, q)."""
        row = self.residual_rows(beta)
        T, d = row.shape
        pulled = np.einsum("pij,aj->pai", self.cross_products[patterns], row)
        h = len(matrices)
        flat = np.swapaxes(matrices, 1, 2).reshape(h * T, -1) @ pulled.reshape(-1, d)
        return np.asarray(flat.reshape(h, T * d) @ self.spread[:-1].T)

    def information(self, patterns: IntArray, matrices: FloatArray) -> FloatArray:
        """Return sum X' M X over some patterns, for matrices (h, k, T, T), shape (h, q, q)."""
        of_x = self.spread[:-1]
        result = np.empty((len(matrices), len(of_x), len(of_x)))
        for k, matrix in enumerate(matrices):
            result[k] = of_x @ self._contract(matrix, patterns) @ of_x.T
        return result

    def residual_rows(self, beta: FloatArray) -> FloatArray:
        """Return the T x d matrix that takes a subject's numbers to its residuals."""
        return (np.append(-beta, 1.0) @ self.spread).reshape(len(self.select), -1)

    def _contract(self, weight: FloatArray, patterns: IntArray | None = None) -> FloatArray:
        """Return sum_p W_p[a, b] G_p as one matrix, shape (T d, T d)."""
        cross_products = self.cross_products if patterns is None else self.cross_products[patterns]
        P, T, _ = weight.shape
        d = cross_products.shape[1]
        block = weight.reshape(P, T * T).T @ cross_products.reshape(P, d * d)
        return block.reshape(T, T, d, d).transpose(0, 2, 1, 3).reshape(T * d, T * d)


def distinct_columns(design: FloatArray, outcome: FloatArray) -> tuple[IntArray, FloatArray]:
    """Find the distinct columns of a design laid out by subject and visit.

    Parameters
    ----------
    design : ndarray, shape (T, q, n)
        Values at every visit, those at visits without a rating being of no consequence.
    outcome : ndarray, shape (T, n)
        Outcomes, 0 where not assessed.

    Returns
    -------
    select : ndarray of int, shape (T, q + 1)
    u : ndarray, shape (n, d)
    """
    T, q, n = design.shape
    select = np.full((T, q + 1), -1, dtype=np.intp)
    flat = design.reshape(T * q, n)
    nonzero = np.flatnonzero(flat.any(axis=1))
    # Columns with equal random checksums are compared number by number.
    key = flat[nonzero] @ np.random.default_rng(0).uniform(1, 2, n)
    kept: list[int] = []
    by_key: dict[float, list[int]] = {}
    for row, k in zip(nonzero.tolist(), np.round(key, 6).tolist(), strict=True):
        equal = (c for c in by_key.get(k, []) if np.array_equal(flat[kept[c]], flat[row]))
        match = next(equal, None)
        if match is None:
            match = len(kept)
            kept.append(row)
            by_key.setdefault(k, []).append(match)
        select[row // q, row % q] = match
    select[:, q] = len(kept) + np.arange(T)
    distinct = np.concatenate([flat[kept], outcome]).T
    return select, np.ascontiguousarray(distinct)


def summarise(
    select: IntArray,
    distinct: FloatArray,
    rated: BoolArray,
    group: IntArray,
    log_weight: float = 0.0,
) -> tuple[CrossProducts, SubjectRows]:
    """Sum up subjects by pattern.

    Parameters
    ----------
    select : ndarray of int, shape (T, q + 1)
    u : ndarray, shape (n, d)
    rated : ndarray of bool, shape (n, T)
    group : ndarray of int, shape (n,)
    log_weight : float
        Sum of the logarithms of the weights by whose roots the numbers were multiplied.

    Returns
    -------
    CrossProducts, SubjectRows
        Subjects without an assessed visit are in neither.
    """
    assessed = np.flatnonzero(rated.any(axis=1))
    pattern, _ = number_rows(rated[assessed], group[assessed])
    by_pattern = np.argsort(pattern, kind="stable")
    order = assessed[by_pattern]
    counts = np.bincount(pattern)
    ends = np.cumsum(counts)
    first = ends - counts
    distinct = distinct[order]
    cross_products = np.stack(
        [distinct[a:b].T @ distinct[a:b] for a, b in zip(first, ends, strict=True)]
    )
    summary = CrossProducts(
        select=select,
        rated=rated[order[first]],
        group=group[order[first]],
        n=counts.astype(float),
        cross_products=cross_products,
        log_weight=log_weight,
    )
    return summary, SubjectRows(distinct, np.repeat(np.arange(len(first)), counts), order)


def merge(a: CrossProducts, b: CrossProducts) -> CrossProducts:
    """Return the summary of the subjects of both; their designs must be the same.

    Raises
    ------
    ValueError
        When the designs differ.
    """
    if a.select.shape != b.select.shape or not np.array_equal(a.select, b.select):
        raise ValueError("the designs differ")
    rated = np.concatenate((a.rated, b.rated))
    group = np.concatenate((a.group, b.group))
    inverse, first = number_rows(rated, group)
    n = np.bincount(inverse, weights=np.concatenate((a.n, b.n)))
    cross_products = grouped_sums(
        inverse, np.concatenate((a.cross_products, b.cross_products)), len(first)
    )
    return CrossProducts(
        select=a.select,
        rated=rated[first],
        group=group[first],
        n=n.astype(float),
        cross_products=cross_products,
        log_weight=a.log_weight + b.log_weight,
    )
