"""Comparison of two independent proportions: difference, ratio, odds ratio.

Group 1 is compared with group 0. Families of intervals, each with the test that belongs to it:
the score method of Miettinen and Nurminen; the same with Gart's term for the bias of the score of
an odds ratio, as R's ratesci has it by default; Newcombe's hybrid of Wilson limits (no test); Wald.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import acos, copysign, cos, exp, inf, isnan, log, nan, pi, sqrt

from scipy.optimize import brentq
from scipy.stats import norm

from trdstats.kernels.proportions import proportion_interval


@dataclass(frozen=True, slots=True)
class Contrast:
    """A comparison of two proportions.

    Attributes
    ----------
    estimate : float
        Difference of proportions, ratio, or odds ratio.
    std_error : float
        Unpooled; of the difference, or of the logarithm of a ratio. NaN where a ratio has an
        empty cell.
    low, high : float
        Confidence limits on the scale of the estimate.
    statistic, p_value : float
        z of the test that matches the interval, and its two-sided p; NaN for Newcombe.
    """

    estimate: float
    std_error: float
    low: float
    high: float
    statistic: float
    p_value: float


def risk_difference(
    x1: int, n1: int, x0: int, n0: int, *, method: str, conf_level: float
) -> Contrast:
    """Return the difference of two proportions, p1 - p0.

    Parameters
    ----------
    x1, n1, x0, n0 : int
        Events and subjects of group 1 and group 0.
    method : {"miettinen-nurminen", "gart", "newcombe", "wald"}
        "gart" differs from "miettinen-nurminen" in odds ratios only.
    conf_level : float

    References
    ----------
    Miettinen and Nurminen 1985, Stat Med 4:213-226, doi:10.1002/sim.4780040211; Newcombe 1998,
    Stat Med 17:873-890 (method 10).

    Examples
    --------
    >>> c = risk_difference(108, 195, 70, 170, method="miettinen-nurminen", conf_level=0.95)
    >>> round(c.low, 4), round(c.high, 4)
    (0.0392, 0.2418)
    """
    if n1 == 0 or n0 == 0:
        return _NOTHING
    p1, p0 = x1 / n1, x0 / n0
    estimate = p1 - p0
    error = sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)
    if method in SCORE_METHODS:

        def score(d: float) -> float:
            return _score_difference(d, x1, n1, x0, n0)

        low = _solve(score, _critical(conf_level), -1.0, estimate)
        high = _solve(score, -_critical(conf_level), estimate, 1.0)
        return _with_test(estimate, error, low, high, score(0.0))
    if method == "newcombe":
        l1, u1, l0, u0 = _wilson(x1, n1, x0, n0, conf_level)
        low = estimate - sqrt((p1 - l1) ** 2 + (u0 - p0) ** 2)
        high = estimate + sqrt((u1 - p1) ** 2 + (p0 - l0) ** 2)
        return Contrast(estimate, error, low, high, nan, nan)
    z = _critical(conf_level)
    statistic = estimate / error if error > 0 else nan
    return _with_test(estimate, error, estimate - z * error, estimate + z * error, statistic)


def risk_ratio(x1: int, n1: int, x0: int, n0: int, *, method: str, conf_level: float) -> Contrast:
    """Return the ratio of two proportions, p1 / p0.

    Parameters and methods as `risk_difference`; Wald is Katz's interval on the log scale,
    Newcombe the method of variance estimates recovery (Donner and Zou 2012, Stat Methods Med Res
    21:347-359, doi:10.1177/0962280210383082).
    """
    if n1 == 0 or n0 == 0:
        return _NOTHING
    p1, p0 = x1 / n1, x0 / n0
    estimate = _ratio(p1, p0)
    error = sqrt(1 / x1 - 1 / n1 + 1 / x0 - 1 / n0) if x1 and x0 else nan
    if method in SCORE_METHODS:
        return _by_score(estimate, error, _score_ratio, (x1, n1, x0, n0), conf_level)
    if method == "newcombe":
        limits = _wilson(x1, n1, x0, n0, conf_level)
        low, high = _recovered(p1, limits[0], limits[1], p0, limits[2], limits[3])
        return Contrast(estimate, error, low, high, nan, nan)
    return _log_wald(estimate, error, conf_level)


def odds_ratio(x1: int, n1: int, x0: int, n0: int, *, method: str, conf_level: float) -> Contrast:
    """Return the odds ratio of two proportions.

    Parameters and methods as `risk_ratio`; Wald is Woolf's interval. "gart" takes from the score
    its bias ``(p1 - p0) / (n1 p1 q1 + n0 p0 q0)`` at the constrained estimates (Gart 1985,
    Biometrika 72:673-677); its estimate is the root of that score and lies nearer to 1.
    """
    if n1 == 0 or n0 == 0:
        return _NOTHING
    y1, y0 = n1 - x1, n0 - x0
    estimate = _ratio(x1 * y0, x0 * y1)
    full = x1 and y1 and x0 and y0
    error = sqrt(1 / x1 + 1 / y1 + 1 / x0 + 1 / y0) if full else nan
    counts = (x1, n1, x0, n0)
    if method == "miettinen-nurminen":
        return _by_score(estimate, error, _score_odds, counts, conf_level)
    if method == "gart":
        found = _by_score(estimate, error, _score_odds_gart, counts, conf_level)
        if not 0 < estimate < inf:
            return found

        def unbiased(t: float) -> float:
            return _score_odds_gart(exp(t), *counts)

        centre = exp(_solve(unbiased, 0.0, log(estimate) - 1, log(estimate) + 1))
        return replace(found, estimate=centre)
    if method == "newcombe":
        l1, u1, l0, u0 = _wilson(x1, n1, x0, n0, conf_level)
        odds = [_ratio(p, 1 - p) for p in (x1 / n1, l1, u1, x0 / n0, l0, u0)]
        low, high = _recovered(*odds)
        return Contrast(estimate, error, low, high, nan, nan)
    return _log_wald(estimate, error, conf_level)


SCORE_METHODS = ("miettinen-nurminen", "gart")
_NOTHING = Contrast(nan, nan, nan, nan, nan, nan)


def _critical(conf_level: float) -> float:
    return float(norm.isf((1 - conf_level) / 2))


def _ratio(a: float, b: float) -> float:
    """Return a / b, infinite over 0, and NaN for 0 / 0, which tells nothing."""
    if b:
        return a / b
    return inf if a else nan


def _with_test(
    estimate: float, error: float, low: float, high: float, statistic: float
) -> Contrast:
    p = nan if isnan(statistic) else float(2 * norm.sf(abs(statistic)))
    return Contrast(estimate, error, low, high, statistic, p)


def _log_wald(estimate: float, error: float, conf_level: float) -> Contrast:
    if isnan(error):
        return Contrast(estimate, nan, nan, nan, nan, nan)
    spread = exp(_critical(conf_level) * error)
    statistic = log(estimate) / error if error > 0 else nan
    return _with_test(estimate, error, estimate / spread, estimate * spread, statistic)


def _wilson(x1: int, n1: int, x0: int, n0: int, conf_level: float) -> tuple[float, ...]:
    low, high = proportion_interval([x1, x0], [n1, n0], method="wilson", conf_level=conf_level)
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def _recovered(
    a: float, a_low: float, a_high: float, b: float, b_low: float, b_high: float
) -> tuple[float, float]:
    """Return limits of a / b from those of a and b (Donner and Zou 2012, equations 9 and 10).

    The equations are written so that no limit is a difference of nearly equal numbers. Infinite
    odds are turned into odds of 0 by comparing the non-events; with 0 against infinite odds
    nothing can be recovered.
    """
    if isnan(_ratio(a, b)) or (inf in (a, b) and 0 in (a, b)):
        return 0.0, inf
    if inf in (a, b):
        a, a_low, a_high, b, b_low, b_high = (
            1 / v if v else inf for v in (b, b_high, b_low, a, a_high, a_low)
        )

    def root(u: float, v: float) -> float:
        return a * b + sqrt(max((a * b) ** 2 - u * v * (2 * a - u) * (2 * b - v), 0.0))

    return (
        _ratio(a_low * (2 * a - a_low), root(a_low, b_high)) if a_low > 0 else 0.0,
        _ratio(root(a_high, b_low), b_low * (2 * b - b_low)) if b_low > 0 else inf,
    )


def _score_difference(d: float, x1: int, n1: int, x0: int, n0: int) -> float:
    """Return the score statistic of p1 - p0 = d; positive when the data lie above d."""
    total = n1 + n0
    gap = x1 / n1 - x0 / n0 - d
    # Constrained maximum likelihood: the root of a cubic in p0 (Miettinen and Nurminen, appendix).
    c2 = (n1 + 2 * n0) * d - total - x1 - x0
    c1 = (n0 * d - total - 2 * x0) * d + x1 + x0
    c0 = x0 * d * (1 - d)
    q = c2**3 / (27 * total**3) - c1 * c2 / (6 * total**2) + c0 / (2 * total)
    p = copysign(sqrt(max(c2**2 / (9 * total**2) - c1 / (3 * total), 0.0)), q)
    angle = (pi + acos(min(max(q / p**3 if p else 0.0, -1.0), 1.0))) / 3
    r0 = min(max(2 * p * cos(angle) - c2 / (3 * total), max(0.0, -d)), min(1.0, 1 - d))
    r1 = min(max(r0 + d, 0.0), 1.0)
    variance = (r1 * (1 - r1) / n1 + r0 * (1 - r0) / n0) * total / (total - 1)
    return _standardised(gap, variance)


def _score_ratio(ratio: float, x1: int, n1: int, x0: int, n0: int) -> float:
    """Return the score statistic of p1 / p0 = ratio."""
    total = n1 + n0
    a, b, c = total * ratio, -(n1 * ratio + x1 + n0 + x0 * ratio), x1 + x0
    r0 = 2 * c / (-b + sqrt(max(b * b - 4 * a * c, 0.0)))  # the smaller root, without cancelling
    r0 = min(max(r0, 0.0), 1.0)
    r1 = min(ratio * r0, 1.0)
    variance = (r1 * (1 - r1) / n1 + ratio**2 * r0 * (1 - r0) / n0) * total / (total - 1)
    return _standardised(x1 / n1 - ratio * x0 / n0, variance)


def _score_odds(odds: float, x1: int, n1: int, x0: int, n0: int) -> float:
    """Return the score statistic of the odds ratio."""
    gap, own, other, _ = _odds_parts(odds, x1, n1, x0, n0)
    return _odds_statistic(gap, own, other, n1 + n0)


def _score_odds_gart(odds: float, x1: int, n1: int, x0: int, n0: int) -> float:
    """Return the score statistic of the odds ratio, less its bias."""
    gap, own, other, apart = _odds_parts(odds, x1, n1, x0, n0)
    if own > 0 and other > 0:
        # The bias of gap * (1 / own + 1 / other), taken back to the scale of gap.
        gap -= apart * own * other / (own + other) ** 2
    return _odds_statistic(gap, own, other, n1 + n0)


def _odds_parts(
    odds: float, x1: int, n1: int, x0: int, n0: int
) -> tuple[float, float, float, float]:
    """Return the score, the two informations, and p1 - p0 at the constrained estimates."""
    events = x1 + x0
    a, b, c = n0 * (odds - 1), n1 * odds + n0 - events * (odds - 1), -events
    root = sqrt(max(b * b - 4 * a * c, 0.0))
    r0 = min(max(-2 * c / (b + root) if b + root > 0 else (-b + root) / (2 * a), 0.0), 1.0)
    r1 = min(max((events - n0 * r0) / n1, 0.0), 1.0)  # the margin of events is kept
    return x1 - n1 * r1, n1 * r1 * (1 - r1), n0 * r0 * (1 - r0), r1 - r0


def _odds_statistic(gap: float, own: float, other: float, total: int) -> float:
    variance = own * other / (own + other) * total / (total - 1) if own + other > 0 else 0.0
    return _standardised(gap, variance)


def _standardised(gap: float, variance: float) -> float:
    if variance > 0:
        return gap / sqrt(variance)
    return 0.0 if abs(gap) < 1e-15 else copysign(inf, gap)


def _by_score(
    estimate: float,
    error: float,
    score: Callable[..., float],
    counts: tuple[int, int, int, int],
    conf_level: float,
) -> Contrast:
    """Return the score interval of a ratio, searched on the log scale."""
    z = _critical(conf_level)
    if isnan(estimate):  # no event, or nothing but events: every ratio fits
        return Contrast(estimate, error, 0.0, inf, nan, nan)

    def on_log(t: float) -> float:
        return score(exp(t), *counts)

    centre = 0.0 if estimate in (0.0, inf) else log(estimate)
    low = 0.0 if estimate == 0 else exp(_outward(on_log, z, centre, -1.0))
    high = inf if estimate == inf else exp(_outward(on_log, -z, centre, 1.0))
    return _with_test(estimate, error, low, high, score(1.0, *counts))


def _outward(f: Callable[[float], float], target: float, start: float, step: float) -> float:
    """Return the root of f - target, from a start, doubling the stride until it is enclosed."""
    a, stride = start, step
    while (f(a) - target) * step < 0:  # an estimate of 0 or infinity starts on the wrong side
        a -= stride
        stride *= 2
    b, stride = a + step, step
    while (f(b) - target) * step > 0:
        b += stride
        stride *= 2
        if abs(b) > _FARTHEST:
            return copysign(inf, step)
    return _solve(f, target, min(a, b), max(a, b))


_FARTHEST = 600.0  # exp of it is still finite


def _solve(f: Callable[[float], float], target: float, a: float, b: float) -> float:
    """Return where a falling function takes a value between a and b; an end if it does not."""
    fa, fb = f(a) - target, f(b) - target
    if fa <= 0:
        return a
    if fb >= 0:
        return b

    def bounded(t: float) -> float:
        return min(max(f(t) - target, -1e6), 1e6)  # infinite scores would stall the search

    return float(brentq(bounded, a, b, xtol=1e-14, rtol=1e-14, maxiter=500))
