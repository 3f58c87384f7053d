"""Two proportions compared within strata: Cochran-Mantel-Haenszel, and score limits.

Group 1 is compared with group 0. Counts are arrays with one entry a stratum. A stratum that lacks
one of the groups tells nothing and weighs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, nan, sqrt

import numpy as np
import numpy.typing as npt

from trdstats.arrays import FloatArray
from trdstats.kernels.numerics.critical import critical_value
from trdstats.kernels.numerics.tails import chi2_sf, normal_sf
from trdstats.kernels.proportions.score_search import (
    difference_searches,
    ratio_searches,
    together,
    value_at,
)
from trdstats.kernels.proportions.strata_variances import DifferenceVariances, ratio_variances
from trdstats.kernels.proportions.two_by_two import standardise
from trdstats.kernels.proportions.two_proportions import Contrast

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CommonOdds:
    """Common odds ratio of several tables.

    Attributes
    ----------
    estimate : float
        Mantel and Haenszel's estimate.
    std_error : float
        Of its logarithm.
    low, high : float
        Limits symmetric on the log scale.
    statistic, p_value : float
        Cochran, Mantel and Haenszel's chi-squared with 1 degree of freedom, without correction.
    homogeneity, homogeneity_df, homogeneity_p : float
        Breslow and Day's test of one common odds ratio, with Tarone's correction.
    """

    estimate: float
    std_error: float
    low: float
    high: float
    statistic: float
    p_value: float
    homogeneity: float
    homogeneity_df: float
    homogeneity_p: float


def common_odds_ratio(
    x1: npt.ArrayLike, n1: npt.ArrayLike, x0: npt.ArrayLike, n0: npt.ArrayLike, *, conf_level: float
) -> CommonOdds:
    """Return the common odds ratio of Mantel and Haenszel with its test.

    Parameters
    ----------
    x1, n1, x0, n0 : array_like of int, shape (k,)
        Events and subjects of group 1 and group 0 in each stratum.
    conf_level : float

    Returns
    -------
    CommonOdds
        0 or infinite with NaN limits where one of the two sums is 0; the test of homogeneity is
        NaN then, and with fewer than two strata that hold both groups, events and non-events.

    References
    ----------
    Mantel and Haenszel 1959, J Natl Cancer Inst 22:719-748, doi:10.1093/jnci/22.4.719; Robins,
    Breslow and Greenland 1986, Biometrics 42:311-323, doi:10.2307/2531052 (variance); Breslow and
    Day 1980, Statistical Methods in Cancer Research 1, equation 4.30; Tarone 1985, Biometrika
    72:91-95, doi:10.1093/biomet/72.1.91.

    Examples
    --------
    >>> found = common_odds_ratio([6, 4], [10, 10], [3, 2], [10, 10], conf_level=0.95)
    >>> round(found.estimate, 4)  # (6*7/20 + 4*8/20) / (3*4/20 + 2*6/20)
    3.0833
    """
    a, b, c, d, total = _cells(x1, n1, x0, n0)
    R, S = a * d / total, b * c / total
    statistic = _cmh_statistic(a, b, c, d, total)
    p = float(chi2_sf(statistic, 1))
    if R.sum() == 0 or S.sum() == 0:
        estimate = nan if R.sum() == S.sum() else (0.0 if R.sum() == 0 else inf)
        return CommonOdds(estimate, nan, nan, nan, statistic, p, nan, nan, nan)
    P, Q = (a + d) / total, (b + c) / total
    squared = (
        (P @ R) / (2 * R.sum() ** 2)
        + (P @ S + Q @ R) / (2 * R.sum() * S.sum())
        + (Q @ S) / (2 * S.sum() ** 2)
    )
    estimate, error = float(R.sum() / S.sum()), sqrt(squared)
    spread = exp(critical_value(conf_level) * error)
    home = _homogeneity(estimate, a, b, c, d)
    return CommonOdds(estimate, error, estimate / spread, estimate * spread, statistic, p, *home)


def stratified_difference(
    x1: npt.ArrayLike, n1: npt.ArrayLike, x0: npt.ArrayLike, n0: npt.ArrayLike, *, conf_level: float
) -> Contrast:
    """Return the difference p1 - p0 over strata, weighted by Mantel and Haenszel.

    Weights n1 n0 / (n1 + n0); limits and test by the score with variance at the constrained
    estimates of each stratum, factor N / (N - 1) within it.

    Parameters
    ----------
    x1, n1, x0, n0 : array_like of int, shape (k,)
    conf_level : float

    Returns
    -------
    Contrast
        `std_error` is the unpooled one of the weighted difference.

    References
    ----------
    Miettinen and Nurminen 1985, Stat Med 4:213-226, doi:10.1002/sim.4780040211, section 4, with
    the weights of Mantel and Haenszel, as R's ratesci with ``weighting = "MH"``.

    Examples
    --------
    >>> one = stratified_difference([108], [195], [70], [170], conf_level=0.95)
    >>> round(one.low, 4), round(one.high, 4)
    (0.0392, 0.2418)
    """
    a, b, c, d, _ = _cells(x1, n1, x0, n0)
    m1, m0 = a + b, c + d
    w = _weights(m1, m0)
    p1, p0 = a / m1, c / m0
    estimate = float(w @ (p1 - p0))
    error = sqrt(w**2 @ (p1 * (1 - p1) / m1 + p0 * (1 - p0) / m0))
    tables = DifferenceVariances.of(a, m1, c, m0)

    def scores(differences: FloatArray) -> FloatArray:
        return _standardised(estimate - differences, tables.at(differences) @ w**2)

    ends = difference_searches(critical_value(conf_level), estimate, error)
    low, high, statistic = together([*ends, value_at(0.0)], scores)
    return Contrast(estimate, error, low, high, statistic, float(2 * normal_sf(abs(statistic))))


def stratified_ratio(
    x1: npt.ArrayLike, n1: npt.ArrayLike, x0: npt.ArrayLike, n0: npt.ArrayLike, *, conf_level: float
) -> Contrast:
    """Return the ratio p1 / p0 over strata, weighted by Mantel and Haenszel.

    Parameters and reference as `stratified_difference`. The estimate is the root of the score, the
    ratio of the weighted rates.

    Returns
    -------
    Contrast
        `std_error` is that of the logarithm by Greenland and Robins (1985, Biometrics 41:55-68,
        doi:10.2307/2530643); NaN where the ratio is 0 or infinite.
    """
    a, b, c, d, total = _cells(x1, n1, x0, n0)
    m1, m0 = a + b, c + d
    w = _weights(m1, m0)
    rate1, rate0 = float(w @ (a / m1)), float(w @ (c / m0))

    def scores(log_ratios: FloatArray) -> FloatArray:
        ratios = np.exp(log_ratios)
        return _standardised(rate1 - ratios * rate0, ratio_variances(ratios, a, m1, c, m0) @ w**2)

    if rate1 == 0 and rate0 == 0:
        return Contrast(nan, nan, 0.0, inf, 0.0, 1.0)
    estimate = rate1 / rate0 if rate0 else inf
    error = nan
    if 0 < estimate < inf:
        events = a + c
        squared = ((m1 * m0 * events - a * c * total) / total**2).sum()
        error = sqrt(squared / ((a * m0 / total).sum() * (c * m1 / total).sum()))
    ends = ratio_searches(critical_value(conf_level), estimate, error)
    low, high, statistic = together([*ends, value_at(0.0)], scores)
    p = float(2 * normal_sf(abs(statistic)))
    return Contrast(estimate, error, exp(low), exp(high), statistic, p)


def _standardised(gap: FloatArray, variance: FloatArray) -> FloatArray:
    return np.array(
        [standardise(g, v) for g, v in zip(gap.tolist(), variance.tolist(), strict=True)]
    )


def _cells(
    x1: npt.ArrayLike, n1: npt.ArrayLike, x0: npt.ArrayLike, n0: npt.ArrayLike
) -> tuple[Counts, Counts, Counts, Counts, Counts]:
    """Return the four cells and the total of the strata that hold both groups."""
    a, m1, c, m0 = (np.asarray(v, dtype=np.int64) for v in (x1, n1, x0, n0))
    both = (m1 > 0) & (m0 > 0)
    a, m1, c, m0 = a[both], m1[both], c[both], m0[both]
    return a, m1 - a, c, m0 - c, m1 + m0


def _weights(m1: Counts, m0: Counts) -> FloatArray:
    w = m1 * m0 / (m1 + m0)
    return np.asarray(w / w.sum())


def _cmh_statistic(a: Counts, b: Counts, c: Counts, d: Counts, total: Counts) -> float:
    m1, m0, events = a + b, c + d, a + c
    gap = (a - m1 * events / total).sum()
    # Products of four counts overflow integers before they overflow floats.
    variance = (m1 / total * m0 / total * events * (b + d) / np.maximum(total - 1, 1)).sum()
    return float(gap**2 / variance) if variance > 0 else nan


def _homogeneity(
    odds: float, a: Counts, b: Counts, c: Counts, d: Counts
) -> tuple[float, float, float]:
    """Return Breslow and Day's statistic with Tarone's correction, its df and p."""
    informative = (a + c > 0) & (b + d > 0)
    a, b, c, d = (v[informative].astype(float) for v in (a, b, c, d))
    if len(a) < 2:
        return nan, nan, nan
    m1, m0, events = a + b, c + d, a + c
    # The expected events of group 1 given all margins and the odds ratio: a root of a quadratic,
    # written so that it does not cancel.
    lead = m0 - events + odds * (m1 + events)
    root = np.sqrt(np.maximum(lead**2 + 4 * (1 - odds) * odds * m1 * events, 0.0))
    expected = 2 * odds * m1 * events / (lead + root)
    with np.errstate(divide="ignore"):
        v = 1 / (
            1 / expected + 1 / (m1 - expected) + 1 / (events - expected)
            + 1 / (m0 - events + expected)
        )  # fmt: skip
    gap = a - expected
    statistic = float((gap**2 / v).sum() - gap.sum() ** 2 / v.sum())
    df = len(a) - 1.0
    return statistic, df, float(chi2_sf(statistic, df))
