"""Intervals for one proportion."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import beta, norm

FloatArray = npt.NDArray[np.float64]
IntervalMethod = Literal["wilson", "agresti-coull", "clopper-pearson"]


def proportion_interval(
    events: npt.ArrayLike, n: npt.ArrayLike, *, method: str, conf_level: float
) -> tuple[FloatArray, FloatArray]:
    """Return confidence limits of proportions.

    Parameters
    ----------
    events, n : array_like
        Events and denominators, of one shape.
    method : {"wilson", "agresti-coull", "clopper-pearson"}
    conf_level : float

    Returns
    -------
    low, high : ndarray
        Limits within [0, 1]; NaN where n is 0.

    Raises
    ------
    KeyError
        When the method is not known.

    References
    ----------
    Wilson 1927, J Am Stat Assoc 22:209-212, doi:10.1080/01621459.1927.10502953; Agresti and
    Coull 1998, Am Stat 52:119-126, doi:10.1080/00031305.1998.10480550; Clopper and Pearson 1934,
    Biometrika 26:404-413, doi:10.1093/biomet/26.4.404.

    Examples
    --------
    >>> low, high = proportion_interval(41, 80, method="wilson", conf_level=0.95)
    >>> round(float(low), 4), round(float(high), 4)
    (0.4049, 0.6189)
    """
    x, m = np.asarray(events, dtype=float), np.asarray(n, dtype=float)
    m = np.where(m > 0, m, np.nan)
    low, high = _METHODS[method](x, m, conf_level)
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


def _score(x: FloatArray, n: FloatArray, conf_level: float) -> tuple[Any, Any]:
    z2 = norm.isf((1 - conf_level) / 2) ** 2
    p = x / n
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    # At the ends the limit is 0 or 1 exactly; the formula leaves a rounding error there.
    return np.where(x == 0, 0.0 * n, centre - half), np.where(x == n, 1.0, centre + half)


def _agresti_coull(x: FloatArray, n: FloatArray, conf_level: float) -> tuple[Any, Any]:
    z = norm.isf((1 - conf_level) / 2)
    m = n + z**2
    p = (x + z**2 / 2) / m
    half = z * np.sqrt(p * (1 - p) / m)
    return p - half, p + half


def _clopper_pearson(x: FloatArray, n: FloatArray, conf_level: float) -> tuple[Any, Any]:
    tail = (1 - conf_level) / 2
    # A beta distribution needs positive parameters: the ends are set apart.
    low = np.where(x == 0, 0.0 * n, beta.isf(1 - tail, np.where(x == 0, 1, x), n - x + 1))
    high = np.where(x == n, 1.0, beta.isf(tail, x + 1, np.where(x == n, 1, n - x)))
    return low, high


_METHODS = {
    "wilson": _score,
    "agresti-coull": _agresti_coull,
    "clopper-pearson": _clopper_pearson,
}
