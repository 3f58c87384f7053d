"""Intervals for one proportion."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import scipy

from trdstats.arrays import FloatArray
from trdstats.errors import SpecError, check_choice, check_level
from trdstats.kernels.numerics.critical import critical_value

IntervalMethod = Literal["wilson", "agresti-coull", "clopper-pearson"]


def proportion_interval(
    events: npt.ArrayLike, n: npt.ArrayLike, *, method: str, conf_level: float
) -> tuple[FloatArray, FloatArray]:
    """Return two-sided confidence limits of proportions.

    Parameters
    ----------
    events, n : array_like, shape = (n_groups,) or scalar
        Events and denominators (subjects), 0 <= events <= n.
    method : {"wilson", "agresti-coull", "clopper-pearson"}
        Score, adjusted Wald, or exact interval.
    conf_level : float
        Between 0 and 1.

    Returns
    -------
    low, high : ndarray, shape = (n_groups,) or scalar
        Limits as proportions within [0, 1]; NaN where n is 0. Agresti-Coull limits that overshoot
        are set to 0 or 1. With no event the lower limit is 0, with nothing but events the upper
        limit is 1; Clopper-Pearson keeps half of 1 - conf_level in the other tail there too.

    Raises
    ------
    SpecError
        When the method is not known, the level is not between 0 and 1, or events lie outside
        0 to n.

    References
    ----------
    .. [1] Wilson 1927, J Am Stat Assoc 22:209-212, doi:10.1080/01621459.1927.10502953.
    .. [2] Agresti and Coull 1998, Am Stat 52:119-126, doi:10.1080/00031305.1998.10480550.
    .. [3] Clopper and Pearson 1934, Biometrika 26:404-413, doi:10.1093/biomet/26.4.404.

    Examples
    --------
    >>> low, high = proportion_interval(41, 80, method="wilson", conf_level=0.95)
    >>> round(float(low), 4), round(float(high), 4)
    (0.4049, 0.6189)
    """
    check_choice("method", method, list(_METHODS))
    check_level(conf_level)
    x, m = np.asarray(events, dtype=float), np.asarray(n, dtype=float)
    if np.any((x < 0) | (x > m)):
        raise SpecError("Events must lie between 0 and the number of subjects.")
    m = np.where(m > 0, m, np.nan)  # a rate of nobody is NaN, and so are its limits
    low, high = _METHODS[method](x, m, conf_level)
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


def _score(x: FloatArray, n: FloatArray, conf_level: float) -> tuple[Any, Any]:
    z2 = critical_value(conf_level) ** 2
    p = x / n
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    # At the ends the limit is 0 or 1 exactly; the formula leaves a rounding error there.
    return np.where(x == 0, 0.0 * n, centre - half), np.where(x == n, 1.0, centre + half)


def _agresti_coull(x: FloatArray, n: FloatArray, conf_level: float) -> tuple[Any, Any]:
    z = critical_value(conf_level)
    m = n + z**2
    p = (x + z**2 / 2) / m
    half = z * np.sqrt(p * (1 - p) / m)
    return p - half, p + half


def _clopper_pearson(x: FloatArray, n: FloatArray, conf_level: float) -> tuple[Any, Any]:
    tail = (1 - conf_level) / 2
    # A beta distribution needs positive parameters: the ends are set apart.
    low = np.where(
        x == 0, 0.0 * n, scipy.special.betaincinv(np.where(x == 0, 1, x), n - x + 1, tail)
    )
    high = np.where(x == n, 1.0, scipy.special.betainccinv(x + 1, np.where(x == n, 1, n - x), tail))
    return low, high


_METHODS = {
    "wilson": _score,
    "agresti-coull": _agresti_coull,
    "clopper-pearson": _clopper_pearson,
}
