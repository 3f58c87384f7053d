"""How groups lie within groups, and which columns belong to whom.

Rows are sorted so that the rows of every group stand together at every level. The columns are
those of the innermost level, of the levels above it, of all crossed factors together, the fixed
effects and the outcome. A level needs of the data only its own rows of the cross-products: its
columns with themselves and with all columns after them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trdstats.arrays import FloatArray, IntArray

Blocks = list[FloatArray]


@dataclass(frozen=True)
class Chain:
    """Levels of grouping, the innermost first, and the columns of each.

    Attributes
    ----------
    widths : tuple of int
        Number of columns of each level, then of fixed effects and outcome.
    starts : tuple of ndarray of int
        First row of each group, by level; a last level of crossed factors is one group.
    codes : tuple of ndarray of int
        Number of each group as it was given, by level.
    """

    widths: tuple[int, ...]
    starts: tuple[IntArray, ...]
    codes: tuple[IntArray, ...]

    def within(self, level: int, outer: int) -> IntArray:
        """Return the first group of a level in each group of an outer one."""
        return np.searchsorted(self.starts[level], self.starts[outer])

    def above(self, level: int, outer: int) -> IntArray:
        """Return the group of an outer level that each group of a level lies in."""
        return np.searchsorted(self.starts[outer], self.starts[level], side="right") - 1

    @cached_property
    def _blocks(self) -> tuple[tuple[tuple[slice, slice, IntArray | None], ...], ...]:
        """By level, of each block after it: its rows, its columns, and the groups it sums.

        The groups are given by the first one in each outer group, None where all are summed.
        """
        last, levels = len(self.widths) - 1, []
        for level in range(len(self.starts)):
            at, total, blocks = 0, sum(self.widths[level + 1 :]), []
            for k, width in enumerate(self.widths[level + 1 :], level + 1):
                whole = k == last or len(self.starts[k]) == 1
                first = None if whole else self.within(level, k)
                blocks.append((slice(at, at + width), slice(at, total), first))
                at += width
            levels.append(tuple(blocks))
        return tuple(levels)

    def products(self, level: int, left: FloatArray, right: FloatArray) -> Blocks:
        """Return sums of left_a' right_b over the groups of a level, for every block after it.

        Parameters
        ----------
        level : int
        left, right : ndarray, shapes (r, a, u, g) and (r, b, u, g)

        Returns
        -------
        list of ndarray, shape (w, a, b, u, g)
            g are the groups of the level of the block, 1 where it is the last.
        """
        blocks: Blocks = []
        for rows, columns, first in self._blocks[level]:
            one, other = left[:, :, rows], right[:, :, columns]
            if first is None:
                blocks.append(_sum_of_all(one, other))
                continue
            each = one[0].swapaxes(0, 1)[:, :, None, None] * other[0]
            for k in range(1, len(one)):
                each += one[k].swapaxes(0, 1)[:, :, None, None] * other[k]
            blocks.append(np.add.reduceat(each, first, axis=-1))
        return blocks


def _sum_of_all(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return the sums of one_a' other_b over all groups, shape (w, a, b, u, 1)."""
    r, a, w, g = one.shape
    b, u = other.shape[1:3]
    left, right = one.reshape(r, a * w, g), other.reshape(r, b * u, g)
    if g == 1:  # many crossed groups in one
        total = left[:, :, 0].T @ right[:, :, 0]
    else:
        total = (left @ right.swapaxes(1, 2)).sum(axis=0)
    return total.reshape(a, w, b, u).transpose(1, 0, 2, 3)[..., None]


def sort_rows(groups: Sequence[IntArray]) -> tuple[IntArray, list[IntArray], list[IntArray]]:
    """Return an order of rows in which the rows of every group stand together.

    Parameters
    ----------
    groups : sequence of ndarray of int, shape (N,)
        Group of each row by level, the innermost first.

    Returns
    -------
    order : ndarray of int, shape (N,)
    starts : list of ndarray of int
        First row of each group in that order, by level.
    codes : list of ndarray of int
        The group that starts there.
    """
    N = len(groups[0])
    order = np.lexsort(tuple(groups))
    starts, codes = [], []
    changed = np.zeros(N, dtype=bool)
    changed[0] = True
    for group in reversed(groups):
        code = group[order]
        changed = changed.copy()
        changed[1:] |= code[1:] != code[:-1]
        first = np.flatnonzero(changed)
        starts.append(first)
        codes.append(code[first])
    return order, starts[::-1], codes[::-1]
