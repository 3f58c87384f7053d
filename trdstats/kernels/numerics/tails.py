"""Tail probabilities and quantiles of the distributions that tests refer to.

`scipy.stats` has them too, and takes half a second to import: longer than most analyses. These are
the functions of `scipy.special` that it calls, with its answers outside the range of a parameter.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import scipy

from trdstats.arrays import FloatArray

_KNOTS = 4096  # of the spline of quantiles
_SMALLEST = 1e-290  # below it probabilities have fewer digits
_ROUNDING = 1e-9  # relative difference of two deviances that are the same


def normal_sf(z: npt.ArrayLike) -> FloatArray:
    """Return the probability above z under the standard normal distribution."""
    return np.asarray(scipy.special.ndtr(-np.asarray(z, dtype=float)))


def normal_isf(p: npt.ArrayLike) -> FloatArray:
    """Return the point that the standard normal distribution exceeds with probability p."""
    return np.asarray(-scipy.special.ndtri(np.asarray(p, dtype=float)))


def normal_logsf(z: npt.ArrayLike) -> FloatArray:
    """Return the logarithm of the probability above z under the standard normal distribution."""
    return np.asarray(scipy.special.log_ndtr(-np.asarray(z, dtype=float)))


def t_sf(t: npt.ArrayLike, df: npt.ArrayLike) -> FloatArray:
    """Return the probability above t under Student's distribution, normal where df is infinite.

    NaN where df is not above 0.
    """
    return _by_degrees(t, df, lambda x, d: scipy.special.stdtr(d, -x), normal_sf)


def t_isf(p: npt.ArrayLike, df: npt.ArrayLike) -> FloatArray:
    """Return the point that Student's distribution exceeds with probability p; see `t_sf`."""

    def finite(q: FloatArray, d: FloatArray) -> FloatArray:
        point = -scipy.special.stdtrit(d, q)
        return np.where((q == 0) & (d > 0), np.inf, point)

    return _by_degrees(p, df, finite, normal_isf)


def many_t_isf(p: FloatArray, df: float) -> FloatArray:
    """Return the points that Student's distribution exceeds with many probabilities; see `t_isf`.

    As a function of the normal quantile they are smooth: a spline has them to some 1e-12 and takes
    a third of the time.

    Parameters
    ----------
    p : ndarray, shape (n,)
        Above 0 and below 1.
    df : float
    """
    if not np.isfinite(df) or len(p) <= _KNOTS or p.min() < _SMALLEST:
        return t_isf(p, df)
    z = normal_isf(p)
    grid = np.linspace(z.min(), z.max(), _KNOTS)
    return np.asarray(scipy.interpolate.CubicSpline(grid, t_isf(normal_sf(grid), df))(z))


def _by_degrees(
    x: npt.ArrayLike,
    df: npt.ArrayLike,
    finite: Callable[[FloatArray, FloatArray], FloatArray],
    normal: Callable[[FloatArray], FloatArray],
) -> FloatArray:
    """Return a function of Student's distribution, the normal one where df is infinite."""
    x, df = np.asarray(x, dtype=float), np.asarray(df, dtype=float)
    infinite = np.isposinf(df)
    if infinite.all():
        return normal(x)
    with np.errstate(invalid="ignore"):
        below = np.asarray(finite(x, np.where((df > 0) & ~infinite, df, np.nan)))
    return np.where(infinite, normal(x), below) if infinite.any() else below


def chi2_sf(x: npt.ArrayLike, df: npt.ArrayLike) -> FloatArray:
    """Return the probability above x under the chi-squared distribution, NaN for df not above 0."""
    x, df = np.asarray(x, dtype=float), np.asarray(df, dtype=float)
    with np.errstate(invalid="ignore"):
        above = scipy.special.chdtrc(df, np.maximum(x, 0.0))
        return np.asarray(np.where(df > 0, above, np.nan))


def chi2_isf(p: npt.ArrayLike, df: npt.ArrayLike) -> FloatArray:
    """Return the point that the chi-squared distribution exceeds with probability p."""
    return np.asarray(scipy.special.chdtri(np.asarray(df, dtype=float), np.asarray(p, dtype=float)))


def f_sf(x: npt.ArrayLike, df_num: npt.ArrayLike, df_den: npt.ArrayLike) -> FloatArray:
    """Return the probability above x under Fisher's distribution.

    That of chi-squared over its degrees of freedom where `df_den` is infinite; NaN where degrees
    of freedom are not above 0.
    """
    x, df_num, df_den = (np.asarray(v, dtype=float) for v in (x, df_num, df_den))
    with np.errstate(invalid="ignore"):
        finite = np.where((df_den > 0) & np.isfinite(df_den), df_den, np.nan)
        above = scipy.special.fdtrc(
            np.where(df_num > 0, df_num, np.nan), finite, np.maximum(x, 0.0)
        )
        return np.asarray(np.where(np.isposinf(df_den), chi2_sf(x * df_num, df_num), above))


def deviance_drop(simpler: float, larger: float) -> float:
    """Return the likelihood ratio of two nested models by their deviances, -2 log-likelihood.

    What is only rounding is 0: at a boundary the p value of 0 is 1, and that of anything above near
    a half.
    """
    difference = simpler - larger
    return difference if difference > _ROUNDING * max(abs(larger), 1.0) else 0.0


def mixture_sf(statistic: float, k: int) -> float:
    """Return the probability from a statistic on under half chi-squared k - 1 and half k.

    It is the distribution of a likelihood ratio whose last parameter lies on its boundary.
    """
    below = float(chi2_sf(statistic, k - 1)) if k > 1 else float(statistic <= 0)
    return np.nan if np.isnan(statistic) else (below + float(chi2_sf(statistic, k))) / 2
