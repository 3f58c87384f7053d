"""Many resamples of the same subjects as batches of cross-products.

Leaving subjects out, or drawing them with replacement, keeps patterns and design and changes only
how often each subject counts: the sums u u' of a `CrossProducts` become sums of c_i u_i u_i'. Every
quantity below is that of `CrossProducts` and `reml`, for all resamples at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.gaussian.patterns import CrossProducts
from trdstats.kernels.gaussian.subject_rows import SubjectRows


@dataclass(frozen=True, slots=True)
class Resampled:
    """Cross-products of B resamples by pattern of assessed visits.

    Attributes
    ----------
    spread : ndarray, shape (q + 1, T d)
        Selections of the distinct numbers, as `CrossProducts.spread`.
    rated : ndarray of bool, shape (P, T)
    group : ndarray of int, shape (P,)
        Covariance of each pattern.
    n : ndarray, shape (B, P)
    cross_products : ndarray, shape (B, P, d, d)
    """

    spread: FloatArray
    rated: BoolArray
    group: IntArray
    n: FloatArray
    cross_products: FloatArray

    def __len__(self) -> int:
        """Return the number of resamples."""
        return len(self.n)

    @property
    def n_columns(self) -> int:
        """Number of columns of the design."""
        return len(self.spread) - 1

    @property
    def n_obs(self) -> FloatArray:
        """Rated visits of each resample, shape (B,)."""
        return np.asarray(self.n @ self.rated.sum(axis=1))

    def take(self, which: IntArray) -> Resampled:
        """Return some of the resamples."""
        return Resampled(
            self.spread, self.rated, self.group, self.n[which], self.cross_products[which]
        )

    def keep(self, columns: IntArray) -> Resampled:
        """Return the same resamples with some columns of the design; the outcome is kept."""
        chosen = np.concatenate((columns, [self.n_columns]))
        return Resampled(self.spread[chosen], self.rated, self.group, self.n, self.cross_products)

    def lacks_rank(self) -> BoolArray:
        """Return which resamples have collinear columns of the design, shape (B,)."""
        q = self.n_columns
        each = np.eye(self.rated.shape[1]) * self.rated[:, :, None]
        weight = np.broadcast_to(each, (len(self), *each.shape))
        information = self.moments(weight)[:, :q, :q]
        size = np.sqrt(np.maximum(np.diagonal(information, axis1=1, axis2=2), 0.0))
        size = np.where(size > 0, size, 1.0)
        values = np.linalg.eigvalsh(information / (size[:, :, None] * size[:, None, :]))
        return values[:, 0] < 1e-10 * values[:, -1]

    def weights(self, sigma: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Invert the covariance of every pattern at its assessed visits.

        Parameters
        ----------
        sigma : ndarray, shape (B, G, T, T)
            Positive definite.

        Returns
        -------
        weight : ndarray, shape (B, P, T, T)
            0 at missed visits.
        log_det : ndarray, shape (B, P)
        """
        mask = self.rated[:, :, None] & self.rated[:, None, :]
        full = np.where(mask, sigma[:, self.group], np.eye(self.rated.shape[1]))
        root = np.linalg.cholesky(full)
        log_det = 2 * np.log(np.diagonal(root, axis1=2, axis2=3)).sum(axis=2)
        half = np.linalg.inv(root)
        return np.where(mask, np.swapaxes(half, 2, 3) @ half, 0.0), log_det

    def moments(self, weight: FloatArray) -> FloatArray:
        """Return sum Z' W Z, Z = [X, y], shape (B, q + 1, q + 1)."""
        B, P, T, _ = weight.shape
        d = self.cross_products.shape[2]
        block = np.swapaxes(weight.reshape(B, P, T * T), 1, 2) @ self.cross_products.reshape(
            -1, P, d * d
        )
        square = block.reshape(B, T, T, d, d).transpose(0, 1, 3, 2, 4).reshape(B, T * d, T * d)
        return self.spread @ (square @ self.spread.T)

    def residual_rows(self, beta: FloatArray) -> FloatArray:
        """Return the matrices that take a subject's numbers to its residuals, shape (B, T, d)."""
        last = np.ones((len(beta), 1))
        flat = np.concatenate([-beta, last], axis=1) @ self.spread
        return flat.reshape(len(beta), self.rated.shape[1], -1)

    def fitted_products(self, middle: FloatArray) -> FloatArray:
        """Return the sums of X M X' by pattern for M of shape (B, q, q), shape (B, P, T, T)."""
        P, T = self.rated.shape
        B, d = len(middle), self.cross_products.shape[2]
        of_x = self.spread[:-1]
        square = of_x.T @ (middle @ of_x)
        block = square.reshape(B, T, d, T, d).transpose(0, 1, 3, 2, 4).reshape(B, T * T, d * d)
        flat = block @ np.swapaxes(self.cross_products.reshape(-1, P, d * d), 1, 2)
        return np.swapaxes(flat, 1, 2).reshape(B, P, T, T)


def resample(summary: CrossProducts, rows: SubjectRows, counts: FloatArray) -> Resampled:
    """Sum subjects up as often as each resample counts them.

    Parameters
    ----------
    products : CrossProducts
    rows : SubjectRows
        Its subjects.
    counts : ndarray, shape (B, n_subjects)
        How often each subject counts, in the order of `rows`.
    """
    P = len(summary.n)
    B, d = len(counts), rows.distinct.shape[1]
    n = np.zeros((B, P))
    cross_products = np.zeros((B, P, d, d))
    for p in range(P):
        in_pattern = rows.pattern == p
        distinct, counts_of_pattern = rows.distinct[in_pattern], counts[:, in_pattern]
        n[:, p] = counts_of_pattern.sum(axis=1)
        outer = (distinct[:, :, None] * distinct[:, None, :]).reshape(len(distinct), d * d)
        cross_products[:, p] = (counts_of_pattern @ outer).reshape(B, d, d)
    return Resampled(summary.spread, summary.rated, summary.group, n, cross_products)


def as_resampled(summary: CrossProducts) -> Resampled:
    """Return a summary as a batch of one."""
    return Resampled(
        summary.spread, summary.rated, summary.group, summary.n[None], summary.cross_products[None]
    )


def cholesky_where(matrices: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return Cholesky factors, and which matrices have one; identity where there is none."""
    try:
        return np.asarray(np.linalg.cholesky(matrices)), np.ones(len(matrices), dtype=np.bool_)
    except np.linalg.LinAlgError:
        is_definite = np.zeros(len(matrices), dtype=np.bool_)
        factor = np.broadcast_to(np.eye(matrices.shape[-1]), matrices.shape).copy()
        for k, matrix in enumerate(matrices):
            try:
                factor[k] = np.linalg.cholesky(matrix)
                is_definite[k] = True
            except np.linalg.LinAlgError:
                continue
        return factor, is_definite
