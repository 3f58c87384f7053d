"""Columns of rows that stand in parts: what is known of them from sums, with all their digits.

A column is counted from a point near its values. Instead of cross-products a root of them is kept,
the triangle of a QR decomposition: roots of parts are stacked and decomposed anew, so that nothing
is squared on the way, and least squares and ranks have the digits that the rows would give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.gaussian.coordinates import Coordinates, orthogonal
from trdstats.kernels.gaussian.estimability import Estimability, judge_rows


@dataclass(frozen=True, slots=True)
class ColumnSums:
    """Sums over the rows of some columns.

    Attributes
    ----------
    n : int
        Rows.
    point : ndarray, shape (w,)
        Where each column is counted from, near its mean; the value of one that is constant.
    low, high : ndarray, shape (w,)
    root : ndarray, shape (k, 1 + w)
        R with R'R the cross-products of a column of ones and of the columns less the point.
    """

    n: int
    point: FloatArray
    low: FloatArray
    high: FloatArray
    root: FloatArray

    @property
    def mean(self) -> FloatArray:
        """Means of the columns, shape (w,)."""
        return np.asarray(self.point + self.root[:, 0] @ self.root[:, 1:] / self.n)

    @property
    def ones(self) -> FloatArray:
        """What a column of ones is among `rows`, shape (k,)."""
        return self.root[:, 0]

    def rows(self, columns: IntArray, shift: FloatArray) -> FloatArray:
        """Return rows that have the cross-products of some columns less a shift, shape (k, c).

        Parameters
        ----------
        columns : ndarray of int, shape (c,)
        shift : ndarray, shape (c,)
        """
        return np.asarray(
            self.root[:, 1 + columns] + np.outer(self.root[:, 0], self.point[columns] - shift)
        )

    def judge(self, columns: IntArray) -> Estimability:
        """Return which of some columns are independent, as `judge_rows` of rows less their means.

        Parameters
        ----------
        columns : ndarray of int, shape (c,)
        """
        centred = self.rows(columns, self._shift(columns))
        return judge_rows(centred).of_design(self.rows(columns, np.zeros(len(columns))))

    def uncorrelated(self, columns: IntArray) -> Placed | None:
        """Return how some columns become orthogonal with mean square 1; None where dependent.

        Parameters
        ----------
        columns : ndarray of int, shape (c,)
        """
        shift = self._shift(columns)
        made = orthogonal(self.rows(columns, shift), self.n)
        return None if made is None else Placed(columns, shift, made[1])

    def scaled(self, columns: IntArray) -> Placed:
        """Return how some columns have mean square 1, or 0.

        Parameters
        ----------
        columns : ndarray of int, shape (c,)
        """
        size = np.sqrt(self.mean_squares(columns))
        none = np.zeros(len(columns))
        return Placed(columns, none, np.diag(1 / np.where(size > 0, size, 1.0)))

    def mean_squares(self, columns: IntArray) -> FloatArray:
        """Return the mean squares of some columns, shape (c,)."""
        return np.asarray((self.rows(columns, np.zeros(len(columns))) ** 2).sum(axis=0) / self.n)

    def coordinates(self, placed: Placed) -> Coordinates:
        """Return new columns as combinations of the old ones alone."""
        matrix = np.eye(len(placed.columns))
        one = self.constant(placed.columns)
        if one is not None:
            matrix[one] -= placed.shift / self.low[placed.columns[one]]
        return Coordinates(matrix @ placed.inner)

    def _shift(self, columns: IntArray) -> FloatArray:
        """Return the points of columns where one of them is constant, whose own is 0; else 0."""
        one = self.constant(columns)
        if one is None:
            return np.zeros(len(columns))
        shift = self.point[columns]
        shift[one] = 0.0
        return shift

    def constant(self, columns: IntArray) -> int | None:
        """Return the first of some columns that is constant and not 0, by its place; or None."""
        low, high = self.low[columns], self.high[columns]
        places = np.flatnonzero((low == high) & (low != 0))
        return int(places[0]) if len(places) else None


def sum_columns(columns: FloatArray) -> tuple[ColumnSums, FloatArray]:
    """Return the sums of some rows, and the rows less the point, with a column of ones before.

    Parameters
    ----------
    columns : ndarray, shape (n, w)
    """
    low, high = columns.min(axis=0), columns.max(axis=0)
    point = np.where(low == high, low, columns.mean(axis=0))
    counted = np.column_stack((np.ones(len(columns)), columns - point))
    root = np.linalg.qr(counted, mode="r")
    return ColumnSums(len(columns), point, low, high, np.asarray(root, dtype=float)), counted


def merge_columns(parts: Sequence[ColumnSums]) -> ColumnSums:
    """Return the sums of the rows of all parts."""
    n = sum(p.n for p in parts)
    low, high = (
        np.min([p.low for p in parts], axis=0),
        np.max([p.high for p in parts], axis=0),
    )
    first = parts[0].point
    point = first + sum(p.n * (p.mean - first) for p in parts) / n
    point = np.where(low == high, low, point)
    every = np.arange(len(point))
    stacked = np.concatenate([np.column_stack((p.ones, p.rows(every, point))) for p in parts])
    return ColumnSums(n, point, low, high, np.asarray(np.linalg.qr(stacked, mode="r"), dtype=float))


@dataclass(frozen=True, slots=True)
class Placed:
    """Columns counted from a shift and combined: new ones are (old - shift) @ inner.

    Attributes
    ----------
    columns : ndarray of int, shape (c,)
        Places of the old columns among all.
    shift : ndarray, shape (c,)
    inner : ndarray, shape (c, k)
    """

    columns: IntArray
    shift: FloatArray
    inner: FloatArray

    def of(self, values: FloatArray) -> FloatArray:
        """Return the new columns of rows of the old ones, shape (n, k)."""
        return np.asarray((values - self.shift) @ self.inner)

    def on(self, part: ColumnSums) -> FloatArray:
        """Return the new columns as combinations of ones and the columns of a part, (1 + w, k)."""
        matrix = np.zeros((1 + len(part.point), self.inner.shape[1]))
        matrix[0] = (part.point[self.columns] - self.shift) @ self.inner
        matrix[1 + self.columns] = self.inner
        return matrix
