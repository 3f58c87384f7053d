"""Tests of a two-by-two table: of no association, and of one given difference or ratio.

The latter are the score statistics of Miettinen and Nurminen, from which intervals are made by
asking which differences or ratios are not rejected.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import acos, copysign, cos, exp, inf, nan, pi, sqrt

import numpy as np
import scipy

from trdstats.errors import SpecError
from trdstats.kernels.numerics.tails import chi2_sf


@dataclass(frozen=True, slots=True)
class Test:
    """A test.

    Attributes
    ----------
    statistic : float
        Chi-squared; NaN for an exact test, which has none.
    df : float
        Degrees of freedom; NaN for an exact test.
    p_value : float
        Two-sided.
    """

    statistic: float
    df: float
    p_value: float


def check_table(x1: float, n1: float, x0: float, n0: float) -> tuple[int, int, int, int]:
    """Return the counts as Python integers, which do not overflow as NumPy's do in a cubic.

    Raises
    ------
    SpecError
        When counts are not whole, or events lie outside 0 to the number of subjects.

    Examples
    --------
    >>> check_table(10.0, 31.0, 2.0, 25.0)
    (10, 31, 2, 25)
    """
    given = (x1, n1, x0, n0)
    if not all(float(v).is_integer() for v in given) or not (0 <= x1 <= n1 and 0 <= x0 <= n0):
        raise SpecError(
            "Events must be whole numbers between 0 and the number of subjects; "
            f"got {x1}/{n1} and {x0}/{n0}."
        )
    return int(x1), int(n1), int(x0), int(n0)


def pearson_test(x1: int, n1: int, x0: int, n0: int) -> Test:
    """Return Pearson's chi-squared test without correction.

    Parameters
    ----------
    x1, n1, x0, n0 : int
        Events and subjects of group 1 and group 0.

    Returns
    -------
    Test
        NaN when a margin is empty: no subjects in a group, no event, or nothing but events.

    Raises
    ------
    SpecError
        When the counts are not those of a table.

    References
    ----------
    .. [1] Pearson 1900, Philos Mag 50:157-175, doi:10.1080/14786440009463897.

    Examples
    --------
    >>> round(pearson_test(10, 31, 2, 25).p_value, 3)
    0.028
    """
    return _chi_squared(x1, n1, x0, n0, 0.0)


def yates_test(x1: int, n1: int, x0: int, n0: int) -> Test:
    """Return the chi-squared test with Yates' correction for continuity.

    Parameters, empty margins and errors as `pearson_test`. The correction stops at 0: a table
    nearer to its expectation than half a subject has statistic 0 and p 1.

    References
    ----------
    .. [1] Yates 1934, Suppl J R Stat Soc 1:217-235, doi:10.2307/2983604.

    Examples
    --------
    >>> round(yates_test(10, 31, 2, 25).p_value, 3)
    0.061
    """
    return _chi_squared(x1, n1, x0, n0, 0.5)


def fisher_test(x1: int, n1: int, x0: int, n0: int) -> Test:
    """Return Fisher's exact test.

    Parameters and errors as `pearson_test`. Two-sided: all tables with the same margins that are
    no more probable than the one observed. NaN without subjects in a group; with no event, or
    nothing but events, only one table is possible and p is 1.

    References
    ----------
    .. [1] Fisher 1935, J R Stat Soc 98:39-82, doi:10.2307/2342435.

    Examples
    --------
    >>> round(fisher_test(10, 31, 2, 25).p_value, 3)
    0.047
    """
    x1, n1, x0, n0 = check_table(x1, n1, x0, n0)
    if min(n1, n0) == 0:
        return Test(nan, nan, nan)
    p = scipy.stats.fisher_exact(np.array([[x1, n1 - x1], [x0, n0 - x0]])).pvalue
    return Test(nan, nan, float(p))


def _chi_squared(x1: int, n1: int, x0: int, n0: int, shrink: float) -> Test:
    x1, n1, x0, n0 = check_table(x1, n1, x0, n0)
    total, events = n1 + n0, x1 + x0
    if min(n1, n0) == 0 or events in (0, total):
        return Test(nan, 1.0, nan)
    gap = max(abs(x1 * (n0 - x0) - x0 * (n1 - x1)) - shrink * total, 0.0)
    statistic = total * gap**2 / (n1 * n0 * events * (total - events))
    return Test(statistic, 1.0, float(chi2_sf(statistic, 1)))


def score_difference(d: float, x1: int, n1: int, x0: int, n0: int) -> float:
    """Return the score statistic of p1 - p0 = d, a z value that falls with d.

    Parameters
    ----------
    d : float
        Difference of proportions, within [-1, 1].
    x1, n1, x0, n0 : int
        Events and subjects, neither group empty.

    Notes
    -----
    The closed form of the constrained estimate loses half of the digits where two roots of the
    cubic nearly meet, at rates near 0 and 1. So events and non-events change places when events
    are the majority, and Newton steps on the cubic restore the digits.

    References
    ----------
    .. [1] Miettinen and Nurminen 1985, Stat Med 4:213-226, doi:10.1002/sim.4780040211, with the
       closed form of the estimate in the appendix.

    Examples
    --------
    >>> round(score_difference(0.0, 6, 10, 3, 10) ** 2, 6)  # 19/20 of Pearson's 20/11
    1.727273
    """
    variance = difference_variance(d, x1, n1, x0, n0)
    return standardise(x1 / n1 - x0 / n0 - d, variance)


def difference_variance(d: float, x1: int, n1: int, x0: int, n0: int) -> float:
    """Return the variance of p1 - p0 at the estimates that differ by d, with factor N / (N - 1).

    Parameters, notes and reference as `score_difference`.

    Examples
    --------
    >>> round(difference_variance(0.0, 6, 10, 3, 10), 6)  # 0.45 * 0.55 * 0.2 * 20 / 19
    0.052105
    """
    if 2 * (x1 + x0) > n1 + n0:
        return difference_variance(-d, n1 - x1, n1, n0 - x0, n0)
    total = n1 + n0
    c2 = (n1 + 2 * n0) * d - total - x1 - x0
    c1 = (n0 * d - total - 2 * x0) * d + x1 + x0
    c0 = x0 * d * (1 - d)
    q = c2**3 / (27 * total**3) - c1 * c2 / (6 * total**2) + c0 / (2 * total)
    p = copysign(sqrt(max(c2**2 / (9 * total**2) - c1 / (3 * total), 0.0)), q)
    angle = (pi + acos(min(max(q / p**3 if p else 0.0, -1.0), 1.0))) / 3
    least, most = max(0.0, -d), min(1.0, 1 - d)
    r0 = min(max(2 * p * cos(angle) - c2 / (3 * total), least), most)
    for _ in range(5):
        slope = (3 * total * r0 + 2 * c2) * r0 + c1
        if slope >= 0:  # the root that is wanted lies where the cubic falls
            break
        step = (((total * r0 + c2) * r0 + c1) * r0 + c0) / slope
        before, r0 = r0, min(max(r0 - step, least), most)
        if r0 == before:
            break
    r1 = min(max(r0 + d, 0.0), 1.0)
    return (r1 * (1 - r1) / n1 + r0 * (1 - r0) / n0) * total / (total - 1)


def score_ratio(ratio: float, x1: int, n1: int, x0: int, n0: int) -> float:
    """Return the score statistic of p1 / p0 = ratio, a z value that falls with the ratio.

    Parameters and reference as `score_difference`; ratio from exp(-300) to exp(300).

    Examples
    --------
    >>> round(score_ratio(1.0, 6, 10, 3, 10) ** 2, 6)
    1.727273
    """
    variance = ratio_variance(ratio, x1, n1, x0, n0)
    return standardise(x1 / n1 - ratio * x0 / n0, variance)


def ratio_variance(ratio: float, x1: int, n1: int, x0: int, n0: int) -> float:
    """Return the variance of p1 - ratio p0 at the estimates with that ratio, factor N / (N - 1).

    Parameters and reference as `score_ratio`.
    """
    total = n1 + n0
    a, b, c = total * ratio, -(n1 * ratio + x1 + n0 + x0 * ratio), x1 + x0
    r0 = 2 * c / (-b + sqrt(max(b * b - 4 * a * c, 0.0)))  # the smaller root, without cancelling
    r0 = min(max(r0, 0.0), 1.0)
    r1 = min(ratio * r0, 1.0)
    return (r1 * (1 - r1) / n1 + ratio**2 * r0 * (1 - r0) / n0) * total / (total - 1)


def score_odds(log_odds: float, x1: int, n1: int, x0: int, n0: int, *, less_bias: bool) -> float:
    """Return the score statistic of a log odds ratio, a z value that falls with it.

    Parameters as `score_difference`; log_odds within -300 to 300. ``less_bias`` takes from the
    score its bias ``(p1 - p0) / (n1 p1 q1 + n0 p0 q0)`` at the constrained estimates [2]_, as R's
    ratesci does by default; without it the statistic is that of [1]_.

    References
    ----------
    .. [1] Miettinen and Nurminen 1985, Stat Med 4:213-226, doi:10.1002/sim.4780040211.
    .. [2] Gart 1985, Biometrika 72:673-677.

    Examples
    --------
    >>> round(score_odds(0.0, 6, 10, 3, 10, less_bias=False) ** 2, 6)
    1.727273
    """
    if n1 > n0:
        return -score_odds(-log_odds, x0, n0, x1, n1, less_bias=less_bias)
    events, total = x1 + x0, n1 + n0
    if 2 * events > total:
        return -score_odds(-log_odds, n1 - x1, n1, n0 - x0, n0, less_bias=less_bias)
    # Margins are fixed, so one expected cell gives the others. It is solved for the smallest cell:
    # a small cell had as a difference of large ones would have few digits left. The turns above
    # leave two candidates, events of group 1 and the smaller cell beside it.
    odds, least = exp(log_odds), min(n1, events)
    met = _expected(odds, n1, events, total)
    rest = least - met
    if rest < met:
        row, column = (n1, total - events) if n1 <= events else (n0, events)
        rest = _expected(1 / odds, row, column, total)
        met = least - rest
    unmet, other_met = n1 - least + rest, events - least + rest
    variance = met * unmet / n1
    other = other_met * (total - n1 - events + met) / n0
    gap = x1 - least + rest
    if variance + other == 0:
        return standardise(gap, 0.0)
    if less_bias:
        # The bias of gap * (1 / own + 1 / other), taken back to the scale of gap.
        gap -= (met / n1 - other_met / n0) * variance * other / (variance + other) ** 2
    return standardise(gap, variance * other / (variance + other) * total / (total - 1))


def _expected(odds: float, row: int, column: int, total: int) -> float:
    """Return a cell from its margins and the odds ratio; row + column <= total."""
    b, product = total - row - column + odds * (row + column), odds * row * column
    return 2 * product / (b + sqrt(max(b * b + 4 * (1 - odds) * product, 0.0)))


def standardise(gap: float, variance: float) -> float:
    """Return gap / sqrt(variance); 0 for 0 / 0, where the data are just what was supposed."""
    if variance > 0:
        return gap / sqrt(variance)
    return 0.0 if abs(gap) < 1e-15 else copysign(inf, gap)
