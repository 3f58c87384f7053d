"""Which combinations of coefficients a design identifies.

A combination L beta is estimable when L lies in the row space of the design, that is when L N = 0
for a basis N of its null space (Searle 1971, Linear Models, section 5.4). The null space is known
from cross-products alone: a column that is left out is a combination of those kept.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.gaussian.patterns import CrossProducts
from trdstats.kernels.gaussian.subject_blocks import SubjectBlocks
from trdstats.kernels.numerics.orthogonal import solve_upper

# L N is 0 when its summands cancel to this fraction of their size, or to what rounding leaves of
# the null space where columns are nearly collinear. What is not estimable is of order 1.
_CANCELS, _COARSEST = 1e-6, 1e-3
_RANK = 1e-7  # a column is left out when less than this share of its length is its own, as R's qr
_RANK_OF_ROWS = 1e-10  # the same where the rows themselves are at hand, which keep more digits
_ROUNDING = 1e-13  # of sums of squares


@dataclass(frozen=True, slots=True)
class Estimability:
    """The null space of a design, one vector a column that was left out.

    Attributes
    ----------
    kept : ndarray of int, shape (k,)
        Independent columns, in their order.
    left_out : ndarray of int, shape (d,)
        The others.
    null : ndarray, shape (q, d)
        Vector j has 1 at column `left_out[j]` and minus its coefficients on the kept columns.
    tolerance : float
        Share of the size of its summands below which an element of L N is 0.
    """

    kept: IntArray
    left_out: IntArray
    null: FloatArray
    tolerance: float = _CANCELS

    def violates(self, L: FloatArray, size: FloatArray | None = None) -> BoolArray:
        """Return which null vectors each row of L is not orthogonal to, shape (rows, d).

        Parameters
        ----------
        L : ndarray, shape (rows, q)
            Coefficients on all columns.
        size : ndarray, shape (rows, q), optional
            Sum of the absolute values that each coefficient was added up from: what rounding is
            judged by. Default: the coefficients themselves.
        """
        summands = np.abs(L) if size is None else size
        gap: FloatArray = np.abs(L @ self.null)
        return np.greater(gap, self.tolerance * (summands @ np.abs(self.null)))

    def is_estimable(self, L: FloatArray, size: FloatArray | None = None) -> BoolArray:
        """Return whether each row of L is estimable, shape (rows,)."""
        return np.asarray(~self.violates(L, size).any(axis=1))

    def estimable_part(self, L: FloatArray) -> tuple[FloatArray, int]:
        """Return rows that span the estimable combinations of the rows of L, and what is lost.

        Returns
        -------
        part : ndarray, shape (r, q)
            Independent rows; L itself where all of it is estimable.
        n_lost : int
            Number of independent rows of L beside those.
        """
        if not self.violates(L).any():
            return L, 0
        L = _independent(L)
        broken = self.violates(L)
        gap = np.where(broken, L @ self.null, 0.0)[:, broken.any(axis=0)]
        # SubjectRows and columns are brought to one size: units have no part in the rank.
        gap = gap / np.abs(gap).max(axis=0)
        length = np.abs(gap).max(axis=1)
        length = np.where(length > 0, length, 1.0)
        left, values, _ = np.linalg.svd(gap / length[:, None], full_matrices=True)
        rank = int((values > self.tolerance * values[0]).sum())
        scaled = L / length[:, None]
        part = left[:, rank:].T @ scaled
        # What cancels is 0, not a rounding error.
        return np.where(np.abs(part) > _RANK * np.abs(scaled).max(axis=0), part, 0.0), rank

    def of_design(self, X: FloatArray) -> Estimability:
        """Return the same choice of columns with the null space of another form of the design.

        Parameters
        ----------
        X : ndarray, shape (n, q)
            The columns as they were given, where those judged were counted from their means.
        """
        null = self.null.copy()
        if len(self.left_out):
            length = np.linalg.norm(X, axis=0)
            scale = np.where(length > 0, length, 1.0)
            unit = X / scale
            weight = np.linalg.lstsq(unit[:, self.kept], unit[:, self.left_out], rcond=None)[0]
            weight[np.abs(weight) < _RANK_OF_ROWS] = 0.0
            null[self.kept] = -weight * (scale[self.left_out] / scale[self.kept][:, None])
        return Estimability(self.kept, self.left_out, null)

    def without(self, columns: Collection[int]) -> Estimability:
        """Return the null space of the design that never had some of the columns left out."""
        is_kept = np.array([j not in columns for j in self.left_out.tolist()], dtype=bool)
        return Estimability(
            self.kept, self.left_out[is_kept], self.null[:, is_kept], self.tolerance
        )


def _independent(L: FloatArray) -> FloatArray:
    """Return the rows of L that others do not repeat."""
    size = np.abs(L).max(axis=0)
    scaled = L[:, size > 0] / size[size > 0]
    length = np.linalg.norm(scaled, axis=1)
    scaled = scaled[length > 0] / length[length > 0, None]
    _, R, order = qr(scaled.T, mode="economic", pivoting=True)
    rank = int((np.abs(np.diag(R)) > _RANK).sum())
    return np.asarray(L[length > 0][np.sort(order[:rank])])


def judge_rows(X: FloatArray) -> Estimability:
    """Return the same as `judge_columns` from the rows themselves, which keep all digits.

    Parameters
    ----------
    X : ndarray, shape (n, q)
    """
    length = np.linalg.norm(X, axis=0)
    basis = np.empty((len(X), 0))
    kept: list[int] = []
    for j, size in enumerate(length):
        if size == 0:
            continue
        rest = X[:, j] / size
        for _ in range(2):  # the second turn takes away what rounding left of the first
            rest = rest - basis @ (basis.T @ rest)
        residual_length = float(np.linalg.norm(rest))
        if residual_length > _RANK_OF_ROWS:
            basis = np.column_stack((basis, rest / residual_length))
            kept.append(j)
    left_out = np.array([j for j in range(X.shape[1]) if j not in set(kept)], dtype=np.intp)
    null = np.zeros((X.shape[1], len(left_out)))
    null[left_out, np.arange(len(left_out))] = 1.0
    return Estimability(np.array(kept, dtype=np.intp), left_out, null).of_design(X)


def judge_columns(
    design: CrossProducts | SubjectBlocks, last: Collection[int] = ()
) -> Estimability:
    """Return which columns of a design are independent, and its null space.

    Parameters
    ----------
    design : CrossProducts or SubjectBlocks
    last : collection of int
        Columns that are left out rather than others. All others are taken in their order; one is
        left out when it is collinear with those kept so far.
    """
    each = np.eye(design.rated.shape[1]) * design.rated[:, :, None]
    cross_products = design.moments(each)[:-1, :-1]
    q = len(cross_products)
    length = np.sqrt(np.diag(cross_products))
    scale = np.where(length > 0, length, 1.0)
    cross_products = cross_products / np.outer(scale, scale)
    order = [j for j in range(q) if j not in last] + [j for j in range(q) if j in last]
    kept: list[int] = []
    smallest = 1.0
    factor = np.zeros((0, q))
    for j in order:
        rest = cross_products[j, j] - factor[:, j] @ factor[:, j]
        if length[j] > 0 and rest > _RANK**2 + _rounding(factor, kept, j):
            smallest = min(smallest, float(rest))
            row = (cross_products[j] - factor[:, j] @ factor) / np.sqrt(rest)
            factor = np.vstack([factor, row])
            kept.append(j)
    left_out = np.array([j for j in range(q) if j not in set(kept)], dtype=np.intp)
    null = np.zeros((q, len(left_out)))
    if len(left_out):
        weight = np.linalg.solve(factor[:, kept], factor[:, left_out])
        weight[np.abs(weight) < _RANK] = 0.0
        null[kept] = -weight * (scale[left_out] / scale[kept][:, None])
        null[left_out, np.arange(len(left_out))] = 1.0
    rounding = 1e3 * float(np.finfo(float).eps) / smallest
    tolerance = min(max(_CANCELS, rounding), _COARSEST)
    return Estimability(np.sort(np.array(kept, dtype=np.intp)), left_out, null, tolerance)


def _rounding(factor: FloatArray, kept: list[int], j: int) -> float:
    """Return what rounding may leave of the squared length that only column j has.

    That length is a sum of cross-products times the coefficients of column j on those kept, which
    are large where columns kept before are nearly collinear.
    """
    weight = solve_upper(factor[:, kept], factor[:, j]) if kept else np.zeros(0)
    growth = float((1.0 + np.abs(weight).sum()) ** 2)
    return max(_ROUNDING, float(np.finfo(float).eps) * growth)
