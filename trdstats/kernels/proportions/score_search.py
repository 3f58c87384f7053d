"""Limits by a score: the differences or ratios at which a falling statistic is z and -z.

A search asks for the score at a point and waits for it. So one search can be carried out alone, or
several side by side where the scores of several points cost hardly more than that of one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from math import exp, inf, log, sqrt

import numpy as np

from trdstats.arrays import FloatArray

Search = Generator[float, float, float]
_FARTHEST = 300.0  # of a log ratio: the square of its exponential is still finite
_MOST = 1e6  # infinite scores would stall the search
_NEAR = 1e-14  # of a score, or of a limit's size: a few units of the last digit
_SMALLEST = 1e-18  # a limit of rare events may be 1e-6 itself: its digits count, not its size


def difference_limits(
    score: Callable[[float], float], z: float, estimate: float, error: float
) -> tuple[float, float]:
    """Return the differences at which a falling score statistic is z and -z.

    Parameters
    ----------
    score : callable
    z : float
    estimate : float
        Where the score is 0.
    error : float
        Wald's, from whose limits the search begins; NaN where there is none.
    """
    low, high = difference_searches(z, estimate, error)
    return alone(low, score), alone(high, score)


def ratio_limits(
    score: Callable[[float], float], z: float, estimate: float, error: float
) -> tuple[float, float]:
    """Return the ratios at whose logarithms a falling score statistic is z and -z.

    Parameters
    ----------
    score : callable
        Of the logarithm.
    z : float
    estimate : float
        May be 0 or infinite: the limit on that side is the same.
    error : float
        Wald's of the logarithm, as in `difference_limits`.
    """
    low, high = ratio_searches(z, estimate, error)
    return exp(alone(low, score)), exp(alone(high, score))


def difference_searches(z: float, estimate: float, error: float) -> tuple[Search, Search]:
    """Return the searches of `difference_limits`."""
    low = falling_root(z, -1.0, estimate, near=estimate - z * error)
    return low, falling_root(-z, estimate, 1.0, near=estimate + z * error)


def ratio_searches(z: float, estimate: float, error: float) -> tuple[Search, Search]:
    """Return the searches of `ratio_limits`, for logarithms; exp(-inf) is 0."""
    if estimate == 0:
        return _known(-inf), falling_root(-z, -_FARTHEST, _FARTHEST)
    if estimate == inf:
        return falling_root(z, -_FARTHEST, _FARTHEST), _known(inf)
    at = log(estimate)
    low = falling_root(z, -_FARTHEST, at, near=at - z * error)
    return low, falling_root(-z, at, _FARTHEST, near=at + z * error)


def _known(limit: float) -> Search:
    """Ask for nothing."""
    yield from ()
    return limit


def value_at(point: float) -> Search:
    """Ask for the score at one point, beside searches."""
    return (yield point)


def alone(search: Search, score: Callable[[float], float]) -> float:
    """Carry out one search.

    Examples
    --------
    >>> round(alone(falling_root(-2.0, 0.0, 9.0), lambda t: 1 - t**2), 12)  # sqrt(3)
    1.732050807569
    """
    try:
        point = next(search)
        while True:
            point = search.send(score(point))
    except StopIteration as end:
        return float(end.value)


def together(
    searches: Sequence[Search], scores: Callable[[FloatArray], FloatArray]
) -> tuple[float, ...]:
    """Carry out searches side by side, with the scores of all points in one call.

    Parameters
    ----------
    searches : sequence of generators, length k
    scores : callable
        From points of shape (m,), m <= k, to their scores.

    Examples
    --------
    >>> root, value = together([falling_root(-2.0, 0.0, 9.0), value_at(0.5)], lambda t: 1 - t**2)
    >>> round(root, 12), value
    (1.732050807569, 0.75)
    """
    ends = [0.0] * len(searches)
    waiting: dict[int, float] = {}
    answers: dict[int, float | None] = dict.fromkeys(range(len(searches)))
    while True:
        for k, answer in answers.items():
            try:
                waiting[k] = searches[k].send(answer)  # type: ignore[arg-type]  # None starts it
            except StopIteration as end:
                waiting.pop(k, None)
                ends[k] = end.value
        if not waiting:
            return tuple(ends)
        values = scores(np.array(list(waiting.values()))).tolist()
        answers = dict(zip(list(waiting), values, strict=True))


def falling_root(target: float, a: float, b: float, near: float | None = None) -> Search:
    """Search where a falling function takes a value between a and b; an end if it does not.

    Parameters
    ----------
    target, a, b : float
    near : float, optional
        Where the search begins; NaN where nothing is known. One end may be near already, where the
        function is known to be on that side of the target.

    References
    ----------
    Chandrupatla 1997, Adv Eng Softw 28:145-149, doi:10.1016/S0965-9978(96)00051-8: inverse
    quadratic interpolation where it is safe, else halves. The first step is the secant.
    """
    if near is not None and a < near < b:
        ends = yield from _around(target, a, b, near)
    else:
        ends = (a, (yield from _gap(a, target)), b, (yield from _gap(b, target)))
    a, above, b, below = ends
    if above <= 0:
        return a
    if below >= 0:
        return b
    return (yield from _between(target, *ends))


def _gap(point: float, target: float) -> Search:
    return min(max((yield point) - target, -_MOST), _MOST)


def _around(
    target: float, a: float, b: float, near: float
) -> Generator[float, float, tuple[float, float, float, float]]:
    """Return ends between a and b around the root, each with its gap to the target.

    A score is nearly a line through 0 at the estimate: the second point lies a little beyond where
    that line reaches the target, the next ones further.
    """
    estimate = b if target > 0 else a
    at, gap = near, (yield from _gap(near, target))
    side = 1 if gap > 0 else -1
    wald = abs(near - estimate)
    step = min(1.1 * abs(gap / (gap + target)), 1.0) * wald if gap + target else wald
    while True:
        before, gap_before = at, gap
        at = min(max(at + side * step, a), b)
        gap = yield from _gap(at, target)
        if at in (a, b) or gap * side <= 0:
            ends = (before, gap_before, at, gap)
            return ends if side > 0 else (*ends[2:], *ends[:2])
        step *= 4


def _between(target: float, a: float, above: float, b: float, below: float) -> Search:
    """Search between ends on both sides of the target; the last point is x, `other` across it."""
    x, f, other, f_other = a, above, b, below
    part = f / (f - f_other)
    while True:
        least = (_NEAR * abs(x) + _SMALLEST) / abs(other - x)
        if least > 0.5 or abs(f) <= _NEAR:
            return x if abs(f) <= abs(f_other) else other
        asked = x + min(max(part, least), 1 - least) * (other - x)
        f_asked = yield from _gap(asked, target)
        if (f_asked > 0) == (f > 0):
            third, f_third = x, f
        else:
            third, f_third, other, f_other = other, f_other, x, f
        x, f = asked, f_asked
        part = _inverse_quadratic(x, f, other, f_other, third, f_third)


def _inverse_quadratic(
    x: float, f: float, other: float, f_other: float, third: float, f_third: float
) -> float:
    """Return which part of the way from x to the other end is next; half where that is unsafe."""
    along = (x - other) / (third - other)
    up = (f - f_other) / (f_third - f_other)
    if not (1 - sqrt(1 - along) < up < sqrt(along)):
        return 0.5
    return f / (f_other - f) * f_third / (f_other - f_third) + (third - x) / (other - x) * f / (
        f_third - f
    ) * f_other / (f_third - f_other)
