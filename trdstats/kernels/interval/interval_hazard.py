"""The baseline of proportional hazards for interval-censored times, at given coefficients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.interval.active_set import Ascent, ascend
from trdstats.kernels.interval.innermost import Innermost, innermost_intervals
from trdstats.kernels.interval.interval_sums import Runs, solve_curvature
from trdstats.kernels.interval.turnbull import turnbull

_LARGEST = 500.0  # exp(-500) is 0 beside 1
_SMALL = 1e-5  # below it the slope of z / (exp(z) - 1) is taken from its series


@dataclass(frozen=True, slots=True)
class Problem:
    """Interval-censored times with covariates.

    Attributes
    ----------
    X : ndarray, shape (n, q)
    weight : ndarray, shape (n,)
    cells : Innermost
        Of all subjects together, m of them.
    entered : ndarray of int, shape (n,)
        Number of cells before each subject came under observation.
    inner : ndarray of bool, shape (n,)
        Subjects whose interval ends before the last innermost one: their event was observed, and
        some survive it.
    runs : Runs
        Of the inner subjects among the first m - 1 cells, which carry the increments. The
        cumulative hazard is infinite after the last cell.
    """

    X: FloatArray
    weight: FloatArray
    cells: Innermost
    entered: IntArray
    inner: BoolArray
    runs: Runs

    def before(self, value: FloatArray) -> FloatArray:
        """Return at each increment the sum of the values of subjects who are known to survive it.

        They came under observation before it, and their run starts later.

        Parameters
        ----------
        value : ndarray, shape (n,)

        Returns
        -------
        ndarray, shape (m - 1,)
        """
        size = self.runs.m + 1
        starts = np.bincount(self.cells.first, weights=value, minlength=size)
        starts = starts - np.bincount(self.entered, weights=value, minlength=size)
        return np.cumsum(starts[::-1], dtype=float)[::-1][1:]

    def without_survivors(self) -> IntArray:
        """Return the increments that no subject is known to survive: their hazard has no bound."""
        return np.flatnonzero(self.before(np.ones(len(self.X))) < 0.5)


@dataclass(frozen=True, slots=True)
class Profile:
    """The log-likelihood at given coefficients, highest over all baselines.

    Attributes
    ----------
    hazard : ndarray, shape (m - 1,)
        Increments of the baseline's cumulative hazard.
    loglik : float
    each : ndarray, shape (n,)
        Log-likelihood of each subject, not weighted.
    score : ndarray, shape (q,)
        Slope of the profile: the baseline's own change adds nothing, being at its maximum.
    information : ndarray, shape (q, q)
        Less the second derivative of the profile while the support of the baseline is fixed.
    gap : float
        Bound of how far, per unit of weight, the baseline is from its maximum.
    iterations : int
    """

    hazard: FloatArray
    loglik: float
    each: FloatArray
    score: FloatArray
    information: FloatArray
    gap: float
    iterations: int


def read_problem(
    left: FloatArray,
    right: FloatArray,
    X: FloatArray,
    weight: FloatArray,
    entry: FloatArray | None = None,
) -> Problem:
    """Return the problem of times in (left, right] with covariates.

    Parameters
    ----------
    left, right, entry
        As for `innermost_intervals`.
    X : ndarray, shape (n, q)
    weight : ndarray, shape (n,)
    """
    cells = innermost_intervals(left, right, entry)
    m = len(cells.lower)
    inner = cells.last < m - 1
    runs = Runs(cells.first[inner], cells.last[inner], m - 1)
    entered = np.zeros(len(left), dtype=np.intp)
    if entry is not None:
        late = entry > 0
        entered[late] = np.searchsorted(cells.upper, entry[late], side="right")
    return Problem(X, weight, cells, entered, inner, runs)


def starting_hazard(problem: Problem, left: FloatArray, right: FloatArray) -> FloatArray:
    """Return increments to start from, shape (m - 1,).

    Those of the estimate without covariates; where subjects entered late, each event is spread
    evenly over its run.
    """
    if problem.entered.any():
        runs, w = problem.runs, problem.weight
        events = runs.spread(w[problem.inner] / (runs.last - runs.first + 1))
        return np.asarray(events / np.maximum(problem.before(w) + events, 1e-300))
    pooled = turnbull(left, right, problem.weight)
    mass = np.zeros(len(problem.cells.lower))
    mass[np.searchsorted(problem.cells.upper, pooled.upper)] = pooled.mass
    # What survives is summed from the end, so that nothing is lost where it is small.
    survival = np.cumsum(mass[::-1])[::-1]
    return np.log(survival[:-1] / survival[1:])


def profile(problem: Problem, beta: FloatArray, start: FloatArray) -> Profile:
    """Maximise the log-likelihood over the baseline.

    A subject whose run is a + 1, ..., b has the likelihood exp(-e H_a) - exp(-e H_b) with
    e = exp(x'beta): its logarithm is -e H_a + log(1 - exp(-e (H_b - H_a))), concave in the
    increments of H and again a function of sums over runs.

    Parameters
    ----------
    problem : Problem
    beta : ndarray, shape (q,)
    start : ndarray, shape (m - 1,)
        Increments of a cumulative hazard, with a positive sum over every inner run.
    """
    w, inner, runs = problem.weight, problem.inner, problem.runs
    e = np.exp(problem.X @ beta)
    e_inner, w_inner = e[inner], w[inner]
    cost = problem.before(w * e)

    def slopes(sums: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        z = np.minimum(e_inner * sums, _LARGEST)
        grown, died = np.expm1(z), -np.expm1(-z)
        slope = w_inner * e_inner / grown
        return float(w_inner @ np.log(died)), slope, slope * e_inner / died

    optimum = ascend(runs, slopes, cost, start, float(w.sum()), tolerance=1e-13)
    return _describe(problem, e, optimum)


def _describe(problem: Problem, e: FloatArray, optimum: Ascent) -> Profile:
    X, w, inner, runs = problem.X, problem.weight, problem.inner, problem.runs
    hazard = optimum.x
    sums = runs.sums(hazard)
    total = np.concatenate(([0.0], np.cumsum(hazard)))
    survived = e * (total[problem.cells.first] - total[problem.entered])
    z = np.minimum(e[inner] * sums, _LARGEST)
    grown, died = np.expm1(z), -np.expm1(-z)
    # Derivatives of each log-likelihood with respect to log e.
    bent = np.where(z < _SMALL, -0.5 + z / 6, (1 - z / died) / grown)  # slope of z / (e^z - 1)
    first, second, each = -survived, -survived, -survived
    first[inner] += z / grown
    second[inner] += z * bent
    each[inner] += np.log(died)
    # Mixed derivatives of the increments that are positive with log e, then their elimination.
    held = np.flatnonzero(hazard > 0)
    restricted = runs.onto(held)
    bend = w[inner] * e[inner] ** 2 / (grown * died)
    mixed = np.empty((len(held), X.shape[1]))
    for j, x in enumerate(X.T):
        mixed[:, j] = restricted.spread((w * e * x)[inner] * bent) - problem.before(w * e * x)[held]
    within = -(X.T * (w * second)) @ X
    solved = solve_curvature(restricted, bend, mixed)
    return Profile(
        hazard=hazard,
        loglik=float(w @ each),
        each=each,
        score=X.T @ (w * first),
        information=within - mixed.T @ solved,
        gap=optimum.gap,
        iterations=optimum.iterations,
    )
