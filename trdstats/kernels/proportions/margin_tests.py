"""Tests of a rate or mean against a margin: how far the data lie from a difference that matters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, inf, log, nan, sqrt

from trdstats.kernels.numerics.critical import critical_value
from trdstats.kernels.numerics.tails import normal_sf, t_sf
from trdstats.kernels.proportions.score_search import difference_limits, ratio_limits
from trdstats.kernels.proportions.two_by_two import score_difference, score_odds, score_ratio

MEASURES = ("difference", "ratio", "odds ratio")
RATE_METHODS = ("miettinen-nurminen", "farrington-manning")


@dataclass(frozen=True, slots=True)
class Located:
    """An estimate, its limits, and its distance from bounds.

    Attributes
    ----------
    estimate, std_error, low, high : float
    df : float
        Degrees of freedom; infinite for rates.
    below, above : float
        Statistics of the hypotheses "not above the lower bound" and "not below the upper bound":
        large positive values speak against the first, large negative ones against the second.
    below_p, above_p : float
        Their one-sided p values; NaN for a bound that is not given.
    """

    estimate: float
    std_error: float
    df: float
    low: float
    high: float
    below: float
    above: float
    below_p: float
    above_p: float


def locate_rates(
    x1: int,
    n1: int,
    x0: int,
    n0: int,
    *,
    measure: str,
    method: str,
    lower: float | None,
    upper: float | None,
    conf_level: float,
) -> Located:
    """Return score tests of two rates against bounds of their difference or ratio.

    Parameters
    ----------
    x1, n1, x0, n0 : int
        Events and subjects of group 1 and group 0; neither group empty.
    measure : {"difference", "ratio", "odds ratio"}
    method : {"miettinen-nurminen", "farrington-manning"}
        The same score with and without the factor N / (N - 1) of the variance.
    lower, upper : float, optional
        Bounds on the scale of the measure.
    conf_level : float
        Of the two-sided limits, which belong to the tests.

    References
    ----------
    Miettinen and Nurminen 1985, Stat Med 4:213-226, doi:10.1002/sim.4780040211; Farrington and
    Manning 1990, Stat Med 9:1447-1454, doi:10.1002/sim.4780091208.

    Examples
    --------
    >>> found = locate_rates(90, 100, 90, 100, measure="difference", method="farrington-manning",
    ...                      lower=-0.1, upper=None, conf_level=0.95)
    >>> round(found.below, 3)
    2.213
    """
    counts = (x1, n1, x0, n0)
    factor = sqrt((n1 + n0) / (n1 + n0 - 1)) if method == "farrington-manning" else 1.0
    p1, p0, z = x1 / n1, x0 / n0, critical_value(conf_level)
    if measure == "difference":

        def score(bound: float) -> float:
            return factor * score_difference(bound, *counts)

        estimate = p1 - p0
        error = sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)
        if not (0 < p1 < 1 and 0 < p0 < 1):
            error = nan  # as `risk_difference`: the score needs none
        low, high = difference_limits(score, z, estimate, error)
        return _located(estimate, error, low, high, score, lower, upper)

    def log_score(power: float) -> float:
        if measure == "ratio":
            return factor * score_ratio(exp(power), *counts)
        return factor * score_odds(power, *counts, less_bias=False)

    estimate, error = _ratio(measure, *counts)
    if estimate != estimate:  # no event at all: every ratio fits
        return Located(nan, nan, inf, 0.0, inf, nan, nan, nan, nan)
    low, high = ratio_limits(log_score, z, estimate, error)
    return _located(estimate, error, low, high, lambda b: log_score(log(b)), lower, upper)


def locate_estimate(
    estimate: float,
    std_error: float,
    *,
    df: float = inf,
    lower: float | None,
    upper: float | None,
    conf_level: float,
) -> Located:
    """Return t tests of an estimate against bounds.

    Parameters
    ----------
    estimate, std_error : float
    df : float
        Degrees of freedom; infinite for the normal distribution.
    lower, upper : float, optional
    conf_level : float
    """
    half = critical_value(conf_level, df) * std_error
    limits = estimate - half, estimate + half
    below, above = (nan if b is None else (estimate - b) / std_error for b in (lower, upper))
    return Located(
        estimate, std_error, df, *limits, below, above,
        float(t_sf(below, df)), float(t_sf(-above, df)),
    )  # fmt: skip


def welch(
    mean1: float, sd1: float, n1: int, mean0: float, sd0: float, n0: int
) -> tuple[float, float, float]:
    """Return difference of two means, its standard error and Welch's degrees of freedom.

    References
    ----------
    Welch 1947, Biometrika 34:28-35, doi:10.1093/biomet/34.1-2.28.

    Examples
    --------
    >>> welch(12.0, 2.0, 4, 10.0, 2.0, 4)
    (2.0, 1.4142135623730951, 6.0)
    """
    v1, v0 = sd1**2 / n1, sd0**2 / n0
    df = (v1 + v0) ** 2 / (v1**2 / (n1 - 1) + v0**2 / (n0 - 1))
    return mean1 - mean0, sqrt(v1 + v0), df


def pooled(
    mean1: float, sd1: float, n1: int, mean0: float, sd0: float, n0: int
) -> tuple[float, float, float]:
    """Return difference of two means, its standard error and df under one common variance."""
    df = n1 + n0 - 2
    variance = ((n1 - 1) * sd1**2 + (n0 - 1) * sd0**2) / df
    return mean1 - mean0, sqrt(variance * (1 / n1 + 1 / n0)), float(df)


def _located(
    estimate: float,
    error: float,
    low: float,
    high: float,
    score: Callable[[float], float],
    lower: float | None,
    upper: float | None,
) -> Located:
    below, above = (nan if b is None else score(b) for b in (lower, upper))
    return Located(
        estimate, error, inf, low, high, below, above,
        float(normal_sf(below)), float(normal_sf(-above)),
    )  # fmt: skip


def _ratio(measure: str, x1: int, n1: int, x0: int, n0: int) -> tuple[float, float]:
    """Return a ratio and the standard error of its logarithm."""
    y1, y0 = n1 - x1, n0 - x0
    top, bottom = (x1 * n0, x0 * n1) if measure == "ratio" else (x1 * y0, x0 * y1)
    if bottom == 0 or top == 0:
        return (nan if top == bottom else (inf if top else 0.0)), nan
    if measure == "ratio":
        return top / bottom, sqrt(1 / x1 - 1 / n1 + 1 / x0 - 1 / n0)
    return top / bottom, sqrt(1 / x1 + 1 / y1 + 1 / x0 + 1 / y0)
