"""Cross-products of the ratings of some subjects, each subject's with the others' beside them.

A part of the subjects of a model with one level of random effects is summed up once, in columns
counted from its own points, and is put into the coordinates of the fit of all parts afterwards. No
row is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.random_effects.chain import Chain, sort_rows
from trdstats.kernels.random_effects.column_sums import ColumnSums, Placed, sum_columns
from trdstats.kernels.random_effects.effects import Effects
from trdstats.kernels.random_effects.likelihood import RandomModel
from trdstats.kernels.random_effects.residuals import Independent


@dataclass(frozen=True, slots=True)
class PartSums:
    """Ratings of some subjects, summed by subject.

    Attributes
    ----------
    columns : ColumnSums
        Of the designs of random effects and fixed effects and of the outcome, in this order.
    left : ndarray of int, shape (l,)
        A column of ones (0), and the columns of the random effects that vary (1 and more).
    products : ndarray, shape (l, 1 + w, g)
        By subject, of these with a column of ones and all columns less their points.
    starts : ndarray of int, shape (g,)
        First row of each subject, were rows sorted by subject.
    """

    columns: ColumnSums
    left: IntArray
    products: FloatArray
    starts: IntArray


@dataclass(frozen=True, slots=True)
class PlacedModel:
    """The coordinates in which a model is fitted.

    Attributes
    ----------
    effects, fixed : Placed
        Designs of the random and of the fixed effects.
    start : float
        Where the outcome is counted from.
    origin : ndarray, shape (q,)
        Coefficients of the new fixed effects whose values are subtracted from the outcome.
    factor : Effects
    reml : bool
    """

    effects: Placed
    fixed: Placed
    start: float
    origin: FloatArray
    factor: Effects
    reml: bool

    def outcome_on(self, part: ColumnSums) -> FloatArray:
        """Return the fixed effects and the rest of the outcome on a part, shape (1 + w, q + 1)."""
        fixed = self.fixed.on(part)
        rest = -fixed @ self.origin
        rest[0] += part.point[-1] - self.start
        rest[-1] += 1.0
        return np.column_stack((fixed, rest))

    def model(self, part: PartSums) -> RandomModel:
        """Return the model of the subjects of a part."""
        Z, z = self.effects.on(part.columns), self.outcome_on(part.columns)
        by_effect = np.tensordot(Z[part.left].T, part.products, 1)
        block = np.column_stack((Z, z)).T @ by_effect
        root = part.columns.root @ z
        g, n = len(part.starts), part.columns.n
        chain = Chain((Z.shape[1], z.shape[1]), (part.starts,), (np.arange(g),))
        residuals = Independent([block, (root.T @ root)[..., None]], n)
        return RandomModel(chain, (self.factor,), 0, (g,), residuals, n, self.reml)


def sum_part(group: IntArray, designs: Sequence[FloatArray], y: FloatArray) -> PartSums:
    """Sum up the ratings of some subjects.

    Parameters
    ----------
    group : ndarray of int, shape (n,)
        Subject of each rating, 0, 1, 2, ...
    designs : sequence of ndarray, shape (n, c)
        Designs of the random and of the fixed effects.
    y : ndarray, shape (n,)
    """
    order, starts, _ = sort_rows([group])
    columns, counted = sum_columns(np.column_stack((*designs, y))[order])
    r = designs[0].shape[1]
    varying = np.flatnonzero(columns.low[:r] < columns.high[:r])
    left = np.concatenate(([0], 1 + varying))
    by_column = counted.T.copy()
    products = np.empty((len(left), len(by_column), len(starts[0])))
    for column, of_column in zip(left, products, strict=True):
        np.add.reduceat(by_column[column] * by_column, starts[0], axis=1, out=of_column)
    return PartSums(columns, left, products, starts[0])
