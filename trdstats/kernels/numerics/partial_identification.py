"""Intervals for a quantity of which only bounds are identified."""

from __future__ import annotations

import numpy as np
import scipy
from scipy.special import ndtr

from trdstats.arrays import FloatArray


def bounds_interval(
    low: float, high: float, low_error: float, high_error: float, conf_level: float
) -> tuple[float, float]:
    """Return limits that cover the quantity itself, wherever between its bounds it lies.

    Parameters
    ----------
    low, high : float
        Estimated bounds.
    low_error, high_error : float
    conf_level : float

    References
    ----------
    Imbens and Manski 2004, doi:10.1111/j.1468-0262.2004.00555.x.
    """
    width, largest = max(high - low, 0.0), max(low_error, high_error)
    if largest == 0:
        return low, high

    def excess(c: float) -> float:
        return float(ndtr(c + width / largest) - ndtr(-c)) - conf_level

    c = float(scipy.optimize.brentq(excess, 0.0, 10.0))
    return low - c * low_error, high + c * high_error


def trimmed_means(
    days: FloatArray, survival: FloatArray, tau: float, proportion: float
) -> tuple[float, float]:
    """Return the least and the largest mean of min(T, tau) that a part of a group may have.

    Parameters
    ----------
    days : ndarray, shape (m,)
        Days on which the survival curve falls, in order.
    survival : ndarray, shape (m,)
        After each of them.
    tau : float
    proportion : float
        Of the group in the part, above 0.

    References
    ----------
    Zhang and Rubin 2003, doi:10.3102/10769986028004353; Lee 2009,
    doi:10.1111/j.1467-937X.2009.00536.x.
    """
    inside = days < tau
    width = np.diff(np.r_[0.0, days[inside], tau])
    S = np.r_[1.0, survival[inside]]
    least = np.maximum(S - (1 - proportion), 0.0) / proportion
    most = np.minimum(S / proportion, 1.0)
    return float(width @ least), float(width @ most)
