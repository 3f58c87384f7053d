"""The largest gap between the weighted distribution functions of two groups.

A sort of many values takes longer than a model of the treatment. Many values are counted in cells
of equal width instead, and only cells that can hold the largest gap are looked into.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray

_CELLS = 4096  # so few numbers stay in the processor's cache
_LEVELS, _SOME = 256, 1024  # of so many values more distinct ones are no levels


@dataclass(frozen=True, slots=True)
class CutColumn:
    """A column whose values are cut into cells.

    Attributes
    ----------
    x : ndarray, shape (n,)
    cell : ndarray of int, shape (n,)
        Cell of each value; a larger value has no smaller cell.
    is_mixed : ndarray of bool, shape (k,)
        Whether a cell may hold several values.
    """

    x: FloatArray
    cell: IntArray
    is_mixed: BoolArray

    @classmethod
    def of(cls, x: FloatArray) -> CutColumn:
        """Cut a column of finite values, shape (n,)."""
        if len(x) <= _CELLS:  # a sort is cheap, and gives every value its cell
            values, place = np.unique(x, return_inverse=True)
            return cls(x, np.asarray(place, dtype=np.intp), np.zeros(len(values), dtype=bool))
        low, high = x.min(), x.max()
        with np.errstate(over="ignore", divide="ignore"):
            scale = (_CELLS - 1) / (high - low)
        if 0 < scale < np.inf:
            part = x - low
            part *= scale
        else:
            low, span = low / 2, high / 2 - low / 2  # halves: their difference is finite
            part = (x / 2 - low) / span if span > 0 else np.zeros(len(x))
            part *= _CELLS - 1
        cell = part.astype(np.intp)
        if len(np.unique(x[:: len(x) // _SOME])) > _LEVELS:
            return cls(x, cell, np.ones(_CELLS, dtype=bool))
        # Of few values each has its cell, in which then nothing is to be looked at.
        one_of_cell, is_mixed = np.empty(_CELLS), np.zeros(_CELLS, dtype=bool)
        one_of_cell[cell] = x
        is_mixed[cell[x != one_of_cell[cell]]] = True
        return cls(x, cell, is_mixed)

    def sums(self, rows: slice, step: FloatArray) -> FloatArray:
        """Return the weight in each cell of rows with the weights `step`, shape (k,)."""
        return np.asarray(np.bincount(self.cell[rows], step, len(self.is_mixed)), dtype=float)

    def largest_gap(
        self,
        rows: tuple[slice, slice],
        steps: tuple[FloatArray, FloatArray],
        sums: tuple[FloatArray, FloatArray],
    ) -> float:
        """Return the largest gap between the distribution functions of two groups.

        Parameters
        ----------
        rows : pair of slice
            Rows of the groups.
        steps : pair of ndarray
            Weights of these rows, which sum to 1 in each group.
        sums : pair of ndarray
            Weight of the groups in each cell, as from `sums`.
        """
        up, down = sums
        end = np.cumsum(up - down)
        at_edges = float(np.abs(end).max())
        if not self.is_mixed.any():
            return at_edges
        start = end - (up - down)
        # Within a cell the gap is widest if all values of one group come before the other's.
        widest = np.maximum(np.abs(start + up), np.abs(start - down))
        is_open = self.is_mixed & (widest > at_edges)
        if not is_open.any():
            return at_edges
        inside = [np.flatnonzero(is_open[self.cell[r]]) for r in rows]
        at = np.concatenate([r.start + i for r, i in zip(rows, inside, strict=True)])
        moves = np.concatenate([steps[0][inside[0]], -steps[1][inside[1]]])
        order = np.argsort(self.x[at])
        value, cell, moves = self.x[at][order], self.cell[at][order], moves[order]
        first = np.flatnonzero(np.append(True, cell[1:] != cell[:-1]))
        moves[first] += start[cell[first]] - np.append(0.0, end[cell[first]][:-1])
        last_of_ties = np.append(value[1:] != value[:-1], True)
        return max(at_edges, float(np.abs(np.cumsum(moves)[last_of_ties]).max()))
