"""Sums of a vector over runs of neighbours: what each subject of a censored sample sees.

A subject whose time lies in an interval covers a run of neighbouring innermost intervals. Its
likelihood depends on the sum of their masses (or hazards), so gradients are differences of
prefix sums, and the matrix of second derivatives, written for the running totals, is the
Laplacian of a graph with one edge a subject.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu

from trdstats.arrays import FloatArray, IntArray

# Relative links of every total to the ground, tried in turn: see `solve_curvature`.
_GROUND = (0.0, 1e-12, 1e-8)
_DENSE = 400  # unknowns up to which a dense factor is faster than a sparse one


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs first, ..., last of the positions 0, ..., m - 1; shapes (n,)."""

    first: IntArray
    last: IntArray
    m: int

    def sums(self, x: FloatArray) -> FloatArray:
        """Return the sum of x over every run, shape (n,)."""
        total = np.concatenate(([0.0], np.cumsum(x)))
        return np.asarray(total[self.last + 1] - total[self.first], dtype=np.float64)

    def spread(self, value: FloatArray) -> FloatArray:
        """Return at every position the sum of the values of the runs that cover it, shape (m,)."""
        return np.cumsum(self.steps(value), dtype=float)

    def steps(self, value: FloatArray) -> FloatArray:
        """Return the differences of `spread` from position to position, shape (m,)."""
        size = self.m + 1
        starts = np.bincount(self.first, weights=value, minlength=size)
        stops = np.bincount(self.last + 1, weights=value, minlength=size)
        return np.asarray((starts - stops)[:-1], dtype=np.float64)

    def onto(self, kept: IntArray) -> Runs:
        """Return the runs among some of the positions (sorted)."""
        return Runs(
            np.searchsorted(kept, self.first, side="left"),
            np.searchsorted(kept, self.last, side="right") - 1,
            len(kept),
        )


def solve_curvature(runs: Runs, curvature: FloatArray, target: FloatArray) -> FloatArray:
    """Solve H x = target, where H is the sum over runs of curvature times 1 1' on the run.

    Parameters
    ----------
    runs : Runs
    curvature : ndarray, shape (n,)
        Positive. A run that covers no position adds nothing.
    target : ndarray, shape (m,) or (m, q)

    Returns
    -------
    ndarray
        As `target`.

    Notes
    -----
    With x the differences of its running totals y, x'Hx is the sum of curvature (y_b - y_a)^2:
    H becomes the Laplacian of a graph whose nodes are the totals and whose ground is y_0 = 0.
    It is never singular for innermost intervals: some subject's run ends at each of them, so
    every total is linked to an earlier one. Where some curvatures are nothing beside others it
    may still be singular in floating point: then a weak link to the ground is added.
    Exact times make it tridiagonal, so that a sparse factor stays cheap where mass is on
    thousands of days.
    """
    m = runs.m
    covers = runs.last >= runs.first
    node_a, node_b = runs.first[covers] - 1, runs.last[covers]  # -1 is the ground
    c = curvature[covers]
    diagonal = np.bincount(node_b, weights=c, minlength=m).astype(float)
    linked = node_a >= 0
    diagonal += np.bincount(node_a[linked], weights=c[linked], minlength=m)
    rows, columns, weight = node_a[linked], node_b[linked], -c[linked]
    right = target.copy()
    right[:-1] -= target[1:]
    for ground in _GROUND:
        # A total at which no run begins or ends is held by nothing else.
        held = diagonal * (1 + ground) + (diagonal == 0) * ground * diagonal.max()
        links = (rows, columns, weight, held)
        try:
            total = (_solve_dense if m <= _DENSE else _solve_sparse)(*links, right)
            break
        except (LinAlgError, RuntimeError):  # singular: SciPy's word for dense and for sparse
            if ground == _GROUND[-1]:
                raise
    return np.diff(total, axis=0, prepend=np.zeros((1, *total.shape[1:])))


def _solve_dense(
    rows: IntArray, columns: IntArray, weight: FloatArray, diagonal: FloatArray, right: FloatArray
) -> FloatArray:
    m = len(diagonal)
    above = np.bincount(rows * m + columns, weights=weight, minlength=m * m).reshape(m, m)
    dense = np.diag(diagonal) + above + above.T
    return np.asarray(cho_solve(cho_factor(dense, lower=True), right), dtype=np.float64)


def _solve_sparse(
    rows: IntArray, columns: IntArray, weight: FloatArray, diagonal: FloatArray, right: FloatArray
) -> FloatArray:
    node = np.arange(len(diagonal))
    entries: FloatArray = np.concatenate((weight, weight, diagonal))
    at = (np.concatenate((rows, columns, node)), np.concatenate((columns, rows, node)))
    factor = splu(
        csc_array((entries, at), shape=(len(node), len(node))),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    return np.asarray(factor.solve(right), dtype=np.float64)
