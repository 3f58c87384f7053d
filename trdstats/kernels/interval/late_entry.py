"""Turnbull's estimate where subjects came under observation after day 0.

Only those without the event by their entry were seen, so that each counts with the probability of
its interval given that. In the increments of the cumulative hazard the logarithm of it is concave:
a subject survives those between its entry and its interval, and has the event in its run.
"""

from __future__ import annotations

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.interval.active_set import ascend
from trdstats.kernels.interval.interval_hazard import Problem, read_problem, starting_hazard
from trdstats.kernels.interval.turnbull import Npmle, turnbull

_LARGEST = 500.0  # exp(-500) is 0 beside 1


def npmle(
    left: FloatArray,
    right: FloatArray,
    weight: FloatArray | None = None,
    entry: FloatArray | None = None,
    *,
    tolerance: float = 1e-10,
) -> Npmle:
    """Estimate the distribution of times known to lie in (left, right], with delayed entry.

    Where no subject is known to be without the event by a day while others came later, the curve
    ends there; who came later says nothing of it. That is one of many maxima (`check_survivors`).

    Parameters
    ----------
    left, right, entry
        As for `innermost_intervals`.
    weight : ndarray, shape (n,), optional
        Positive case weights.
    tolerance : float
        Largest gap at which the search ends.

    References
    ----------
    Turnbull 1976, J R Stat Soc B 38:290-295, doi:10.1111/j.2517-6161.1976.tb01597.x; Alioum and
    Commenges 1996, Biometrics 52:512-524, doi:10.2307/2532891.
    """
    if entry is None or not entry.any():
        return turnbull(left, right, weight, tolerance=tolerance)
    w = np.ones(len(left)) if weight is None else weight
    problem = read_problem(left, right, np.empty((len(left), 0)), w, entry)
    cells = problem.cells
    if len(cells.lower) == 1:
        return Npmle(cells.lower, cells.upper, np.ones(1), 0.0, 0.0, 0, True)
    ends = problem.without_survivors()
    if len(ends):
        day = cells.upper[ends[0]]
        early = entry < day
        within = np.minimum(right[early], day)
        return npmle(left[early], within, w[early], entry[early], tolerance=tolerance)
    return _estimate(problem, left, right, tolerance)


def _estimate(problem: Problem, left: FloatArray, right: FloatArray, tolerance: float) -> Npmle:
    w, cells, runs = problem.weight, problem.cells, problem.runs
    w_inner, total = w[problem.inner], float(w.sum())
    cost = problem.before(w)

    def slopes(sums: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        z = np.minimum(sums, _LARGEST)
        grown, died = np.expm1(z), -np.expm1(-z)
        slope = w_inner / grown
        return float(w_inner @ np.log(died)), slope, slope / died

    start = starting_hazard(problem, left, right)
    optimum = ascend(runs, slopes, cost, start, total, tolerance=tolerance / 100)
    at = np.concatenate(([0.0], np.cumsum(optimum.x)))
    survival = np.append(np.exp(-at), 0.0)
    mass = -np.diff(survival)
    held = mass > 0
    return Npmle(
        lower=cells.lower[held], upper=cells.upper[held], mass=mass[held], loglik=optimum.value,
        gap=max(optimum.gap, 0.0), iterations=optimum.iterations,
        converged=optimum.gap <= 10 * tolerance,
    )  # fmt: skip
