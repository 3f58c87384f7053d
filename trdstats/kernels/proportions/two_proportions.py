"""Comparison of two independent proportions: difference, ratio, odds ratio.

Group 1 is compared with group 0. Families of intervals, each with the test that belongs to it:
the score method of Miettinen and Nurminen; the same with Gart's term for the bias of the score of
an odds ratio, as R's ratesci has it by default; Newcombe's hybrid of Wilson limits (no test); Wald.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from math import exp, inf, isnan, log, nan, sqrt

import scipy

from trdstats.errors import check_choice, check_level
from trdstats.kernels.numerics.critical import critical_value
from trdstats.kernels.proportions.score_search import (
    alone,
    difference_limits,
    falling_root,
    ratio_limits,
)
from trdstats.kernels.proportions.single_proportion import proportion_interval
from trdstats.kernels.proportions.two_by_two import (
    check_table,
    score_difference,
    score_odds,
    score_ratio,
)


@dataclass(frozen=True, slots=True)
class Contrast:
    """A comparison of two proportions.

    Attributes
    ----------
    estimate : float
        Difference of proportions (not points of per cent), ratio, or odds ratio. A ratio over 0
        is infinite; 0 over 0 is NaN.
    std_error : float
        Unpooled; of the difference, or of the logarithm of a ratio. NaN where that logarithm
        is not finite.
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


METHODS = ("miettinen-nurminen", "gart", "newcombe", "wald")
SCORE_METHODS = METHODS[:2]
_NOTHING = Contrast(nan, nan, nan, nan, nan, nan)


def risk_difference(
    x1: int, n1: int, x0: int, n0: int, *, method: str, conf_level: float
) -> Contrast:
    """Return the difference of two proportions, p1 - p0.

    Parameters
    ----------
    x1, n1, x0, n0 : int
        Events and subjects of group 1 and group 0.
    method : {"miettinen-nurminen", "gart", "newcombe", "wald"}
        "miettinen-nurminen": score limits with variance factor N/(N-1), and the same test of no
        difference [1]_. "gart" differs from it in odds ratios only. "newcombe": method 10 of
        [2]_, no test. "wald": unpooled, with the z test of the same standard error.
    conf_level : float
        Between 0 and 1.

    Returns
    -------
    Contrast
        All NaN when a group has no subjects. Wald limits may lie beyond -1 or 1. A rate of 0 or 1
        has no Wald error: std_error, and Wald limits and test, are then NaN. The score
        test of two equal rates of 0 or 1 has p 1 and finite limits.

    Raises
    ------
    SpecError
        When counts, method or level are not usable.

    References
    ----------
    .. [1] Miettinen and Nurminen 1985, Stat Med 4:213-226, doi:10.1002/sim.4780040211.
    .. [2] Newcombe 1998, Stat Med 17:873-890,
       doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.

    Examples
    --------
    >>> c = risk_difference(108, 195, 70, 170, method="miettinen-nurminen", conf_level=0.95)
    >>> round(c.low, 4), round(c.high, 4)
    (0.0392, 0.2418)
    """
    x1, n1, x0, n0 = counts = _checked(x1, n1, x0, n0, method, conf_level)
    if n1 == 0 or n0 == 0:
        return _NOTHING
    p1, p0, z = x1 / n1, x0 / n0, _critical(conf_level)
    estimate = p1 - p0
    error = sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)
    if not (0 < p1 < 1 and 0 < p0 < 1):
        error = nan  # a rate of 0 or 1 has no Wald error: it would count as known exactly
    if method in SCORE_METHODS:

        def score(d: float) -> float:
            return score_difference(d, *counts)

        low, high = difference_limits(score, z, estimate, error)
        return _with_test(estimate, error, low, high, score(0.0))
    if method == "newcombe":
        l1, u1, l0, u0 = _wilson(*counts, conf_level)
        low = max(estimate - sqrt((p1 - l1) ** 2 + (u0 - p0) ** 2), -1.0)
        high = min(estimate + sqrt((u1 - p1) ** 2 + (p0 - l0) ** 2), 1.0)
        return Contrast(estimate, error, low, high, nan, nan)
    statistic = estimate / error if error > 0 else nan
    return _with_test(estimate, error, estimate - z * error, estimate + z * error, statistic)


def risk_ratio(x1: int, n1: int, x0: int, n0: int, *, method: str, conf_level: float) -> Contrast:
    """Return the ratio of two proportions, p1 / p0.

    Parameters and errors as `risk_difference`. "newcombe" is the method of variance estimates
    recovery from Wilson limits [1]_, "wald" Katz's interval on the log scale [2]_.

    Returns
    -------
    Contrast
        No event in group 0: estimate and upper limit infinite, lower score limit finite. No event
        in group 1: 0 with a finite upper limit. No event in either: NaN with limits 0 and
        infinity, since every ratio fits, and a score test with p 1. Wald limits are NaN in all
        three, and where every subject of a group has the event.

    References
    ----------
    .. [1] Donner and Zou 2012, Stat Methods Med Res 21:347-359, doi:10.1177/0962280210383082.
    .. [2] Katz, Baptista, Azen and Pike 1978, Biometrics 34:469-474.

    Examples
    --------
    >>> c = risk_ratio(5, 10, 0, 12, method="miettinen-nurminen", conf_level=0.95)
    >>> c.estimate, round(c.low, 3), c.high
    (inf, 1.815, inf)
    """
    x1, n1, x0, n0 = counts = _checked(x1, n1, x0, n0, method, conf_level)
    if n1 == 0 or n0 == 0:
        return _NOTHING
    p1, p0 = x1 / n1, x0 / n0
    estimate = _ratio(p1, p0)
    error = (
        sqrt((n1 - x1) / (n1 * x1) + (n0 - x0) / (n0 * x0)) if 0 < x1 < n1 and 0 < x0 < n0 else nan
    )
    if method in SCORE_METHODS:
        return _by_score(estimate, error, lambda t: score_ratio(exp(t), *counts), conf_level)
    if method == "newcombe":
        l1, u1, l0, u0 = _wilson(*counts, conf_level)
        return Contrast(estimate, error, *_recovered(p1, l1, u1, p0, l0, u0), nan, nan)
    return _log_wald(estimate, error, conf_level)


def odds_ratio(x1: int, n1: int, x0: int, n0: int, *, method: str, conf_level: float) -> Contrast:
    """Return the odds ratio of two proportions.

    Parameters and errors as `risk_difference`. "newcombe" is variance estimates recovery from the
    odds of Wilson limits [1]_, "wald" Woolf's interval [2]_. "gart" takes from the score its
    bias [3]_; its estimate is the root of that score and lies nearer to 1.

    Returns
    -------
    Contrast
        One empty cell: estimate 0 or infinite, a finite score limit on the other side, Wald NaN.
        No event, or nothing but events: NaN with limits 0 and infinity, score test p 1. Of all
        against none "newcombe" recovers nothing and has limits 0 and infinity too.

    References
    ----------
    .. [1] Donner and Zou 2012, Stat Methods Med Res 21:347-359, doi:10.1177/0962280210383082.
    .. [2] Woolf 1955, Ann Hum Genet 19:251-253.
    .. [3] Gart 1985, Biometrika 72:673-677.

    Examples
    --------
    >>> c = odds_ratio(10, 31, 2, 25, method="wald", conf_level=0.95)
    >>> round(c.estimate, 3), round(c.low, 3), round(c.high, 3)
    (5.476, 1.074, 27.932)
    """
    x1, n1, x0, n0 = counts = _checked(x1, n1, x0, n0, method, conf_level)
    if n1 == 0 or n0 == 0:
        return _NOTHING
    y1, y0 = n1 - x1, n0 - x0
    estimate = _ratio(x1 * y0, x0 * y1)
    full = x1 and y1 and x0 and y0
    error = sqrt(1 / x1 + 1 / y1 + 1 / x0 + 1 / y0) if full else nan
    if method in SCORE_METHODS:

        def score(t: float) -> float:
            return score_odds(t, *counts, less_bias=method == "gart")

        interval = _by_score(estimate, error, score, conf_level)
        if method == "gart" and 0 < estimate < inf:
            centre = alone(falling_root(0.0, log(estimate) - 1, log(estimate) + 1), score)
            interval = replace(interval, estimate=exp(centre))
        return interval
    if method == "newcombe":
        l1, u1, l0, u0 = _wilson(*counts, conf_level)
        odds = [_ratio(p, 1 - p) for p in (x1 / n1, l1, u1, x0 / n0, l0, u0)]
        return Contrast(estimate, error, *_recovered(*odds), nan, nan)
    return _log_wald(estimate, error, conf_level)


def _checked(
    x1: int, n1: int, x0: int, n0: int, method: str, conf_level: float
) -> tuple[int, int, int, int]:
    check_choice("method", method, METHODS)
    check_level(conf_level)
    return check_table(x1, n1, x0, n0)


@cache
def _critical(conf_level: float) -> float:
    return critical_value(conf_level)


def _ratio(a: float, b: float) -> float:
    """Return a / b, infinite over 0, and NaN for 0 / 0, which carries no information."""
    if b:
        return a / b
    return inf if a else nan


def _with_test(
    estimate: float, error: float, low: float, high: float, statistic: float
) -> Contrast:
    # The upper tail, as norm.sf has it: its checks would cost more than the rest of a test.
    p = nan if isnan(statistic) else float(2 * scipy.special.ndtr(-abs(statistic)))
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
    """Return limits of a / b from those of a and b (Donner and Zou 2012).

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


def _by_score(
    estimate: float, error: float, score: Callable[[float], float], conf_level: float
) -> Contrast:
    """Return the score interval of a ratio from the score of its logarithm."""
    z = _critical(conf_level)
    if isnan(estimate):  # no event, or nothing but events: every ratio fits
        return _with_test(estimate, error, 0.0, inf, 0.0)
    low, high = ratio_limits(score, z, estimate, error)
    return _with_test(estimate, error, low, high, score(0.0))
