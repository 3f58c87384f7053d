"""Cross-products of the ratings of some subjects, each subject's with the others' beside them.

A part of the subjects is summed up once, in columns counted from points of the part, and is put
into the coordinates of the fit of all parts afterwards. No row is kept.
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
        Of the designs of random effects, the outermost first, and fixed effects and of the outcome.
    left : ndarray of int, shape (l,)
        A column of ones (0), and the columns of the random effects that vary (1 and more).
    products : ndarray, shape (l, 1 + w, g)
        By subject, of these with a column of ones and all columns less their points.
    starts, codes : tuple of ndarray of int
        First row of each group, were rows sorted, and which it is, by level, the innermost first.
    """

    columns: ColumnSums
    left: IntArray
    products: FloatArray
    starts: tuple[IntArray, ...]
    codes: tuple[IntArray, ...]


@dataclass(frozen=True, slots=True)
class PlacedModel:
    """The coordinates in which a model is fitted.

    Attributes
    ----------
    effects : tuple of Placed
        Designs of the random effects by factor, the outermost first.
    fixed : Placed
        Design of the fixed effects.
    start : float
        Where the outcome is counted from.
    origin : ndarray, shape (q,)
        Coefficients of the new fixed effects whose values are subtracted from the outcome.
    factors : tuple of Effects
    reml : bool
    """

    effects: tuple[Placed, ...]
    fixed: Placed
    start: float
    origin: FloatArray
    factors: tuple[Effects, ...]
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
        designs = [placed.on(part.columns) for placed in reversed(self.effects)]
        z, n = self.outcome_on(part.columns), part.columns.n
        widths = [Z.shape[1] for Z in designs]
        chain = Chain((*widths, z.shape[1]), part.starts, part.codes)
        blocks = []
        for level, Z in enumerate(designs):
            products = part.products
            if level:
                products = np.add.reduceat(products, chain.within(0, level), axis=-1)
            by_effect = np.tensordot(Z[part.left].T, products, 1)
            blocks.append(np.column_stack((*designs[level:], z)).T @ by_effect)
        root = part.columns.root @ z
        residuals = Independent([*blocks, (root.T @ root)[..., None]], n)
        groups = tuple(len(starts) for starts in reversed(part.starts))
        return RandomModel(chain, self.factors, 0, groups, residuals, n, self.reml)


def sum_part(groups: Sequence[IntArray], designs: Sequence[FloatArray], y: FloatArray) -> PartSums:
    """Sum up the ratings of some subjects.

    Parameters
    ----------
    groups : sequence of ndarray of int, shape (n,)
        Group of each rating by level, the subjects first.
    designs : sequence of ndarray, shape (n, c)
        Designs of the random effects, the outermost first, and of the fixed effects.
    y : ndarray, shape (n,)
    """
    order, starts, codes = sort_rows(groups)
    columns, counted = sum_columns(np.column_stack((*designs, y))[order])
    r = sum(Z.shape[1] for Z in designs[:-1])
    varying = np.flatnonzero(columns.low[:r] < columns.high[:r])
    left = np.concatenate(([0], 1 + varying))
    by_column = counted.T.copy()
    products = np.empty((len(left), len(by_column), len(starts[0])))
    for column, of_column in zip(left, products, strict=True):
        np.add.reduceat(by_column[column] * by_column, starts[0], axis=1, out=of_column)
    return PartSums(columns, left, products, tuple(starts), tuple(codes))
