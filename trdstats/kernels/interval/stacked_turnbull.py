"""Turnbull's estimate of one sample under many case weights at once.

The constrained Newton search of `active_set`, carried out for all resamples of a bootstrap as
arrays: no resample is a turn of a loop. Few positions hold mass, so the quadratics are small.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray
from trdstats.kernels.interval.stacked_cells import StackedCells, stacked_cells
from trdstats.kernels.interval.stacked_runs import StackedRuns
from trdstats.kernels.interval.turnbull import turnbull

_TOLERANCE = 1e-10  # of the gap, as in `turnbull`
_STEPS = 60
_EM_STEPS = 16  # cheap beside a Newton step, and they show where there will be no mass
_FALLING, _LITTLE = 0.05, 0.02  # such a relative slope of so little mass: it starts at zero
_HALVINGS = 30
_EXCHANGES = 40
_NOISE = 1e-14  # relative; what rounding adds to a sum over many subjects


@dataclass(frozen=True, slots=True)
class StackedNpmle:
    """The nonparametric maximum likelihood estimates of all resamples.

    Attributes
    ----------
    lower, upper : ndarray, shape (b, m)
        Ends of the innermost intervals (lower, upper] of each resample in order of time, filled
        up with 0.
    mass : ndarray, shape (b, m)
        Sums to 1 in each resample; 0 where an interval, or no interval, holds no mass.
    """

    lower: FloatArray
    upper: FloatArray
    mass: FloatArray

    def restricted_mean_bounds(self, tau: float) -> FloatArray:
        """Return the bounds of the mean of min(T, tau) in every resample, shape (b, 2)."""
        ends = (np.minimum(self.lower, tau), np.minimum(self.upper, tau))
        return np.column_stack([(self.mass * end).sum(axis=1) for end in ends])


def stacked_turnbull(left: FloatArray, right: FloatArray, weight: FloatArray) -> StackedNpmle:
    """Estimate the distribution of times known to lie in (left, right] in every resample.

    Parameters
    ----------
    left, right : ndarray, shape (n,)
        As in `turnbull`.
    weight : ndarray, shape (b, n)
        Case weights of each resample, not negative; 0 leaves a subject out.

    Returns
    -------
    StackedNpmle
        Each resample as `turnbull` estimates it, to rounding. One whose search did not end is
        handed to it.
    """
    cells = stacked_cells(left, right, weight)
    mass, settled = _search(cells)
    estimates = StackedNpmle(cells.lower, cells.upper, mass)
    for row in np.flatnonzero(~settled):
        estimates = _put(estimates, int(row), left, right, weight[row])
    return estimates


def _put(
    estimates: StackedNpmle, row: int, left: FloatArray, right: FloatArray, weight: FloatArray
) -> StackedNpmle:
    """Estimate one resample by itself."""
    drawn = weight > 0
    npmle = turnbull(left[drawn], right[drawn], weight[drawn])
    arrays = []
    for name in ("lower", "upper", "mass"):
        alone, changed = getattr(npmle, name), getattr(estimates, name).copy()
        changed[row] = 0.0
        changed[row, : len(alone)] = alone
        arrays.append(changed)
    return StackedNpmle(*arrays)


@dataclass(frozen=True, slots=True)
class _Problem:
    """Maximise sum count log(sums of x over runs) - total sum x over x >= 0, in each resample."""

    runs: StackedRuns
    count: FloatArray
    total: FloatArray
    valid: BoolArray

    def rows(self, which: BoolArray) -> _Problem:
        return _Problem(
            self.runs.rows(which), self.count[which], self.total[which], self.valid[which]
        )

    def at(self, x: FloatArray) -> _Point:
        sums = self.runs.sums(x)
        used = self.count > 0
        inside = ~(used & (sums <= 0)).any(axis=1)
        sums = np.where(used & (sums > 0), sums, 1.0)
        ratio = self.count / sums
        value = (self.count * np.log(sums)).sum(axis=1) - self.total * x.sum(axis=1)
        return _Point(x, np.where(inside, value, -np.inf), ratio, ratio / sums)


@dataclass(frozen=True, slots=True)
class _Point:
    x: FloatArray
    value: FloatArray
    slope: FloatArray
    bend: FloatArray

    def rows(self, which: BoolArray) -> _Point:
        return _Point(self.x[which], self.value[which], self.slope[which], self.bend[which])

    def merged(self, other: _Point, which: BoolArray) -> _Point:
        """Return the other point in some resamples."""
        wide = which[:, None]
        return _Point(
            np.where(wide, other.x, self.x),
            np.where(which, other.value, self.value),
            np.where(wide, other.slope, self.slope),
            np.where(wide, other.bend, self.bend),
        )


def _search(cells: StackedCells) -> tuple[FloatArray, BoolArray]:
    """Return the masses of every resample, and whether its search ended at the maximum."""
    b, m = cells.lower.shape
    whole = _Problem(
        StackedRuns(cells.first, cells.last, m), cells.count, cells.count.sum(axis=1), cells.valid
    )
    mass, settled = np.zeros((b, m)), np.zeros(b, dtype=bool)
    problem, rows = whole, np.arange(b)
    point = _start(problem)
    for _ in range(_STEPS):
        gradient = np.where(
            problem.valid, problem.runs.spread(point.slope) - problem.total[:, None], 0.0
        )
        gap = np.maximum(gradient.max(axis=1), 0.0) * point.x.sum(axis=1)
        gap = (gap + np.abs((gradient * point.x).sum(axis=1))) / problem.total
        done = gap <= _TOLERANCE
        mass[rows[done]] = point.x[done]
        settled[rows[done]] = True
        if done.all():
            break
        if done.any():
            going = ~done
            problem, point, rows = problem.rows(going), point.rows(going), rows[going]
            gradient = gradient[going]
        target = _newton(problem, point, gradient)
        next_point = _maximise_step(problem, point, gradient, target)
        if next_point is None:
            break
        point = next_point
    return mass / np.where(settled, mass.sum(axis=1), 1.0)[:, None], settled


def _start(problem: _Problem) -> _Point:
    """Return the point after a few steps of the EM algorithm, without masses on their way to 0."""
    runs = problem.runs
    length = np.maximum(runs.last - runs.first + 1, 1)
    x = np.where(problem.valid, runs.spread(problem.count / length), 0.0)
    x = x / problem.total[:, None]
    for _ in range(_EM_STEPS):
        point = problem.at(x)
        x = np.where(problem.valid, x * runs.spread(point.slope), 0.0) / problem.total[:, None]
    point = problem.at(np.maximum(x, 0.0))
    rise = runs.spread(point.slope) / problem.total[:, None] - 1
    fewer = problem.at(np.where((rise < -_FALLING) & (point.x < _LITTLE), 0.0, point.x))
    return point.merged(fewer, np.isfinite(fewer.value))


def _newton(problem: _Problem, point: _Point, gradient: FloatArray) -> FloatArray:
    """Return the highest point of each quadratic over candidate masses >= 0, shape (b, m)."""
    kept = _candidates(gradient, point.x, problem.valid)
    number = kept.sum(axis=1)
    p = int(number.max())
    order = np.argsort(~kept, axis=1, kind="stable")[:, :p]
    real = np.arange(p) < number[:, None]
    runs = problem.runs.onto(kept, p)
    x = np.where(real, np.take_along_axis(point.x, order, 1), 0.0)
    linear = np.take_along_axis(gradient, order, 1) + runs.spread(point.bend * runs.sums(x))
    q = _quadratic(runs.curvature(point.bend), linear, real, 1e-12 * problem.total)
    target = np.zeros_like(point.x)
    np.put_along_axis(target, order, q, 1)
    return target


def _candidates(gradient: FloatArray, x: FloatArray, valid: BoolArray) -> BoolArray:
    """Return the support, and between its neighbours the position of the largest gradient."""
    held = x > 0
    row, place = np.nonzero(valid & ~held & (gradient > 0))
    stretch = row * (x.shape[1] + 1) + np.cumsum(held, axis=1)[row, place]
    order = np.lexsort((-gradient[row, place], stretch))
    best = order[np.unique(stretch[order], return_index=True)[1]]
    held[row[best], place[best]] = True
    return held


def _quadratic(H: FloatArray, linear: FloatArray, real: BoolArray, tiny: FloatArray) -> FloatArray:
    """Maximise linear'q - q'Hq / 2 over q >= 0 by exchanging blocks of each active set.

    See `active_set._quadratic` for the rule of exchange.
    """
    b, p = linear.shape
    result = np.zeros((b, p))
    rows, free = np.arange(b), real.copy()
    fewest, patience = np.full(b, p + 1), np.full(b, 3)
    for _ in range(_EXCHANGES):
        q = _solve(H[rows], linear[rows], free)
        dual = linear[rows] - (H[rows] @ q[:, :, None])[:, :, 0]
        wrong = real[rows] & np.where(free, q < 0, dual > tiny[rows, None])
        number = wrong.sum(axis=1)
        result[rows] = q
        open_ = number > 0
        if not open_.any():
            break
        rows, free, wrong, number = rows[open_], free[open_], wrong[open_], number[open_]
        fewest, patience = fewest[open_], patience[open_]
        fewer = number < fewest
        last_only = ~fewer & (patience <= 0)
        patience = np.where(fewer, 3, np.maximum(patience - 1, 0))
        fewest = np.where(fewer, number, fewest)
        last = p - 1 - np.argmax(wrong[:, ::-1], axis=1)
        wrong = np.where(last_only[:, None], np.arange(p) == last[:, None], wrong)
        free = free ^ wrong
    return np.maximum(result, 0.0)


def _solve(H: FloatArray, linear: FloatArray, free: BoolArray) -> FloatArray:
    """Solve H q = linear in the free positions, the others 0."""
    system = np.where(free[:, :, None] & free[:, None, :], H, 0.0)
    diagonal = np.arange(linear.shape[1])
    system[:, diagonal, diagonal] += ~free
    right = np.where(free, linear, 0.0)[:, :, None]
    try:
        return np.linalg.solve(system, right)[:, :, 0]
    except np.linalg.LinAlgError:  # some are singular in floating point: a weak ridge for all
        system[:, diagonal, diagonal] *= 1 + 1e-10
        return np.linalg.solve(system, right)[:, :, 0]


def _maximise_step(
    problem: _Problem, point: _Point, gradient: FloatArray, target: FloatArray
) -> _Point | None:
    """Return the first point on each way to a target that climbs enough; None without any."""
    way = target - point.x
    promise = (gradient * way).sum(axis=1)
    noise = _NOISE * np.abs(point.value)
    length = np.ones(len(way))
    waiting = promise > -noise
    if not waiting.any():
        return None
    next_point, stuck = point, ~waiting
    for _ in range(_HALVINGS):
        tried = problem.at(np.where(length[:, None] == 1, target, point.x + length[:, None] * way))
        better = waiting & (tried.value >= point.value + 1e-4 * length * promise - noise)
        next_point = next_point.merged(tried, better)
        waiting = waiting & ~better
        if not waiting.any():
            break
        length = np.where(waiting, length / 2, length)
    return next_point if not (waiting | stuck).all() else None
