"""Nonparametric maximum likelihood for interval-censored times (Turnbull's estimate)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.interval.active_set import ascend
from trdstats.kernels.interval.innermost import innermost_intervals
from trdstats.kernels.interval.interval_sums import Runs


@dataclass(frozen=True, slots=True)
class Npmle:
    """The nonparametric maximum likelihood estimate of a distribution.

    Attributes
    ----------
    lower, upper : ndarray, shape (m,)
        Ends of the innermost intervals (lower, upper] that hold mass, in order; the point
        {lower} where both are the same; the last upper may be infinite.
    mass : ndarray, shape (m,)
        Positive; sums to 1. Where inside its interval a mass lies is not identified.
    loglik : float
        Sum of weight times log P(left, right].
    gap : float
        Largest mean gradient over all innermost intervals, less 1: 0 at the maximum, and the
        log-likelihood is within gap times the total weight of it.
    iterations : int
    converged : bool
        Whether the gap came below the tolerance.
    """

    lower: FloatArray
    upper: FloatArray
    mass: FloatArray
    loglik: float
    gap: float
    iterations: int
    converged: bool


def turnbull(
    left: FloatArray,
    right: FloatArray,
    weight: FloatArray | None = None,
    *,
    tolerance: float = 1e-10,
    most: int = 500,
) -> Npmle:
    """Estimate the distribution of times known to lie in (left, right].

    Parameters
    ----------
    left, right : ndarray, shape (n,)
        left < right: in (left, right], right may be infinite. left == right: known exactly.
    weight : ndarray, shape (n,), optional
        Positive case weights.
    tolerance : float
        Largest gap at which the search ends.
    most : int
        Largest number of steps.

    Notes
    -----
    Self-consistency: an estimate is the maximum exactly when the mean over subjects of
    1[subject covers j] / P(subject's interval) is 1 where there is mass and at most 1 elsewhere.
    With the sum of the masses as a cost in place of a constraint, the maximum has sum 1 by
    itself.

    References
    ----------
    Turnbull 1976, J R Stat Soc B 38:290-295, doi:10.1111/j.2517-6161.1976.tb01597.x; gap:
    Gentleman and Geyer 1994, Biometrika 81:618-623, doi:10.1093/biomet/81.3.618.
    """
    w = np.ones(len(left)) if weight is None else weight
    cells = innermost_intervals(left, right)
    m = len(cells.lower)
    pair, code = np.unique(cells.first * m + cells.last, return_inverse=True)
    runs = Runs(pair // m, pair % m, m)
    count = np.bincount(code, weights=w)
    total = float(count.sum())

    def slopes(sums: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        ratio = count / sums
        return float(count @ np.log(sums)), ratio, ratio / sums

    # Every subject's mass spread evenly over its run: the first step of the EM algorithm.
    start = runs.spread(count / (runs.last - runs.first + 1)) / total
    optimum = ascend(runs, slopes, np.full(m, total), start, total, tolerance=tolerance, most=most)
    mass = optimum.x / optimum.x.sum()
    sums = runs.sums(mass)
    gap = float(runs.spread(count / sums).max()) / total - 1
    held = mass > 0
    return Npmle(
        lower=cells.lower[held],
        upper=cells.upper[held],
        mass=mass[held],
        loglik=float(count @ np.log(sums)),
        gap=max(gap, 0.0),
        iterations=optimum.iterations,
        converged=gap <= 10 * tolerance,
    )
