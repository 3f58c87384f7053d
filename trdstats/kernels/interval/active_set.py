"""The highest value of a concave function of sums over runs, in nonnegative masses.

Both likelihoods of interval-censored times have this shape: that of a distribution, in its
masses on innermost intervals, and that of proportional hazards, in the increments of the
baseline's cumulative hazard. Few of the masses are positive at the optimum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.interval.interval_sums import Runs, solve_curvature

# Sums over runs -> the value of the function, its slope and its curvature (less the second
# derivative) with respect to each sum.
Slopes = Callable[[FloatArray], tuple[float, FloatArray, FloatArray]]

_SWEEPS = 8  # steps over all masses, enough to find where most of them are zero
_ROUGH = 1e-2  # gap from which on Newton steps lead, if that comes sooner
_HALVINGS = 30
_EXCHANGES = 40
_NOISE = 1e-14  # relative; what rounding adds to a sum over many subjects


@dataclass(frozen=True, slots=True)
class Ascent:
    """Where a concave function of sums over runs is highest.

    Attributes
    ----------
    x : ndarray, shape (m,)
        Nonnegative; exactly 0 outside the support.
    value : float
    gap : float
        No masses of that total or less reach a value more than this, times the total weight,
        above.
    iterations : int
    """

    x: FloatArray
    value: float
    gap: float
    iterations: int


def ascend(
    runs: Runs,
    slopes: Slopes,
    cost: FloatArray,
    start: FloatArray,
    weight: float,
    *,
    tolerance: float = 1e-10,
    most: int = 500,
) -> Ascent:
    """Maximise f(sums of x over runs) - cost'x over x >= 0, f concave.

    Steps of the iterative convex minorant (a Newton step with a diagonal matrix in the running
    totals, made monotone by isotonic regression) find where mass can lie. Newton steps on the
    positive masses and the best candidate between each two of them then finish; the quadratic
    of each is solved with x >= 0 by exchanging blocks of the active set. Every step is
    shortened until it climbs.

    Parameters
    ----------
    runs : Runs
        Shape (n,); every run covers a position.
    slopes : callable
    cost : ndarray, shape (m,)
    start : ndarray, shape (m,)
        Nonnegative, with a positive sum over every run.
    weight : float
        Total weight of the subjects: the scale of the gap.
    tolerance : float
        Largest gap at which the search ends.
    most : int
        Largest number of steps.

    References
    ----------
    Groeneboom and Wellner 1992, Information Bounds and Nonparametric Maximum Likelihood
    Estimation, doi:10.1007/978-3-0348-8621-5, part II, section 3.2; Wang 2007, J R Stat Soc B
    69:185-198, doi:10.1111/j.1467-9868.2007.00583.x (constrained Newton steps, candidates
    between support points).
    """
    x = start
    value, slope, bend = slopes(runs.sums(x))
    value -= float(cost @ x)
    newton, gain, last_gap = False, np.inf, np.inf
    for step in range(most + 1):
        gradient = runs.spread(slope) - cost
        gap = (max(float(gradient.max()), 0.0) * float(x.sum()) + abs(float(gradient @ x))) / weight
        stalled = newton and gain <= _NOISE * abs(value) and gap > last_gap / 2
        if gap <= tolerance or step == most or stalled:
            break
        newton = newton or step >= _SWEEPS or gap < _ROUGH
        propose = _newton if newton else _minorant
        target = propose(runs, gradient, bend, x, weight)
        next_x = _maximise_step(runs, slopes, cost, x, target, value, gradient)
        if next_x is None and newton:
            target = _minorant(runs, gradient, bend, x, weight)
            next_x = _maximise_step(runs, slopes, cost, x, target, value, gradient)
        if next_x is None:
            break  # no step climbs any more: the limit of floating point
        gain, last_gap = next_x[1] - value, gap
        x, value, slope, bend = next_x
    return Ascent(x, value, gap, step)


def _maximise_step(
    runs: Runs,
    slopes: Slopes,
    cost: FloatArray,
    x: FloatArray,
    target: FloatArray,
    value: float,
    gradient: FloatArray,
) -> tuple[FloatArray, float, FloatArray, FloatArray] | None:
    """Return the first point on the way to a target that climbs enough, None without one."""
    promise = float(gradient @ (target - x))
    noise = _NOISE * abs(value)
    if not promise > -noise:
        return None
    length = 1.0
    for _ in range(_HALVINGS):
        next_x = target if length == 1 else x + length * (target - x)
        sums = runs.sums(next_x)
        if sums.min(initial=np.inf) > 0:
            new, slope, bend = slopes(sums)
            new -= float(cost @ next_x)
            if new >= value + 1e-4 * length * promise - noise:
                return next_x, new, slope, bend
        length /= 2
    return None


def _minorant(
    runs: Runs, gradient: FloatArray, bend: FloatArray, x: FloatArray, weight: float
) -> FloatArray:
    """Return the target of a step of the iterative convex minorant."""
    in_total = gradient.copy()
    in_total[:-1] -= gradient[1:]
    scale = np.bincount(runs.last, weights=bend, minlength=runs.m)
    inner = runs.first > 0
    scale += np.bincount(runs.first[inner] - 1, weights=bend[inner], minlength=runs.m)
    scale = np.maximum(scale, 1e-12 * scale.max())
    total = scipy.optimize.isotonic_regression(np.cumsum(x) + in_total / scale, weights=scale).x
    return np.diff(np.maximum(total, 0), prepend=0)


def _newton(
    runs: Runs, gradient: FloatArray, bend: FloatArray, x: FloatArray, weight: float
) -> FloatArray:
    """Return the highest point of the quadratic at x, over candidate masses >= 0."""
    kept = _candidates(gradient, x)
    restricted = runs.onto(kept)
    target = np.zeros_like(x)
    linear = gradient[kept] + restricted.spread(bend * restricted.sums(x[kept]))
    target[kept] = _quadratic(restricted, bend, linear, 1e-12 * weight)
    return target


def _candidates(gradient: FloatArray, x: FloatArray) -> IntArray:
    """Return the support, and between its neighbours the position of the largest gradient."""
    between = np.flatnonzero((x <= 0) & (gradient > 0))
    stretch = np.cumsum(x > 0)[between]
    order = np.lexsort((-gradient[between], stretch))
    best = order[np.unique(stretch[order], return_index=True)[1]]
    return np.sort(np.concatenate((np.flatnonzero(x > 0), between[best])))


def _quadratic(runs: Runs, bend: FloatArray, linear: FloatArray, tiny: float) -> FloatArray:
    """Maximise linear'q - q'Hq / 2 over q >= 0 by exchanging blocks of the active set.

    All violations are exchanged while their number falls; otherwise only the last one, which
    ends in finitely many steps (Judice and Pires 1994, Comput Oper Res 21:587-596,
    doi:10.1016/0305-0548(94)90106-6).
    """
    m = runs.m
    free = np.ones(m, dtype=bool)
    q = np.zeros(m)
    fewest, patience = m + 1, 3
    for _ in range(_EXCHANGES):
        kept = np.flatnonzero(free)
        q = np.zeros(m)
        if len(kept):
            q[kept] = solve_curvature(runs.onto(kept), bend, linear[kept])
        dual = linear - runs.spread(bend * runs.sums(q))
        wrong = np.flatnonzero(np.where(free, q < 0, dual > tiny))
        if not len(wrong):
            break
        if len(wrong) < fewest:
            fewest, patience = len(wrong), 3
        elif patience > 0:
            patience -= 1
        else:
            wrong = wrong[-1:]
        free[wrong] = ~free[wrong]
    return np.maximum(q, 0)
