"""Columns of a design that lie far from 0, counted from a place among their values.

Cross-products of a covariate at a million hold its spread in a few of sixteen digits, and so does
the way from its coefficient to a marginal mean. The other coefficients, and what the model says of
any subject, do not depend on where it is counted from.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from trdstats.arrays import BoolArray, FloatArray
from trdstats.longitudinal.designs.design import Design

_FAR = 30.0  # ranges of a column between 0 and its values: a thousandth of the digits of a square


def counted_from_values(design: Design) -> Design:
    """Return the design with columns far from 0 counted from their lowest value.

    A column is counted from it where the design holds the constant of the same rows: the
    intercept, the indicators of all visits, or that of the cell that the column belongs to.
    """
    matrix = origins_of(np.swapaxes(design.X, 1, 2)[design.rated.T])
    return design if matrix is None else in_columns(design, matrix)


def without_origins(design: Design, columns: BoolArray) -> Design:
    """Return the design with some of its columns as they were given.

    Parameters
    ----------
    columns : ndarray of bool, shape (q,)
    """
    assert design.coordinates is not None
    back = np.where(columns, np.linalg.inv(design.coordinates), np.eye(len(columns)))
    given = in_columns(design, np.asarray(back, dtype=float))
    return replace(given, coordinates=np.where(columns, np.eye(len(columns)), design.coordinates))


def rest_on_left_out(design: Design, kept: BoolArray) -> BoolArray:
    """Return which kept columns are counted from an origin by a column that is left out."""
    if design.coordinates is None:
        return np.zeros(len(kept), dtype=bool)
    return np.asarray(kept & (design.coordinates[~kept] != 0).any(axis=0))


def in_columns(design: Design, matrix: FloatArray) -> Design:
    """Return the design in columns that are combinations of its columns, as `origins_of` has."""
    return replace(design, X=columns_through(design.X, matrix), coordinates=matrix)


def columns_through(columns: FloatArray, matrix: FloatArray) -> FloatArray:
    """Return combinations of columns by visit and subject, shape (T, q, n).

    Columns that are the same stay the same to the last digit.
    """
    X = columns.copy()
    for j in range(len(matrix)):
        for k in np.flatnonzero(matrix[:, j]):
            if k != j:
                X[:, j] += matrix[k, j] * columns[:, k]
    return X


def origins_of(rows: FloatArray, as_given: Collection[int] = ()) -> FloatArray | None:
    """Return the matrix from the columns as given to those counted from an origin, None without.

    Parameters
    ----------
    rows : ndarray, shape (n, q)
    as_given : collection of int
        Columns that are left as they are.
    """
    matrix = np.eye(rows.shape[1])
    places: list[float] = []
    constant: list[_Constant] = []
    for j, column in enumerate(rows.T):
        there = column != 0
        values = column[there]
        if not len(values) or j in as_given:
            continue
        low, high = float(values.min()), float(values.max())
        if low == high:
            constant.append(_Constant(j, low, there))
        elif max(abs(low), abs(high)) > _FAR * (high - low):
            ones = _covering(there, constant)
            if not ones:
                continue
            # Columns of one covariate keep one origin, so that they stay the same column.
            reach = high - low
            place = next((p for p in places if low - reach <= p <= high + reach), low)
            places.append(place)
            for one in ones:
                matrix[one.column, j] = -place / one.value
    return matrix if places else None


@dataclass(frozen=True)
class _Constant:
    """A column with one value in some rows, and 0 in the others."""

    column: int
    value: float
    there: BoolArray


def _covering(there: BoolArray, constant: list[_Constant]) -> list[_Constant]:
    """Return constants that make up one of exactly some rows; empty where there are none."""
    chosen, covered = [], np.zeros_like(there)
    for one in constant:
        if not (one.there & (covered | ~there)).any():
            chosen.append(one)
            covered = covered | one.there
    return chosen if np.array_equal(covered, there) else []
