"""How many standard errors confidence limits lie away, and limits at that distance."""

from __future__ import annotations

from typing import overload

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.numerics.tails import t_isf


@overload
def critical_value(conf_level: float) -> float: ...
@overload
def critical_value(conf_level: float, df: FloatArray) -> FloatArray: ...
@overload
def critical_value(conf_level: float, df: float) -> float: ...
def critical_value(conf_level: float, df: FloatArray | float = np.inf) -> FloatArray | float:
    """Return the upper point of a distribution beyond which half of 1 - conf_level lies.

    Parameters
    ----------
    conf_level : float
        Between 0 and 1.
    df : float or ndarray, default infinity
        Degrees of freedom of Student's distribution; where infinite, the normal one.

    Examples
    --------
    >>> round(critical_value(0.95), 4)
    1.96
    >>> critical_value(0.95, np.array([10.0, np.inf])).round(4).tolist()
    [2.2281, 1.96]
    """
    tail = (1 - conf_level) / 2
    if np.ndim(df):
        return t_isf(tail, df)
    return float(t_isf(tail, df))


def wald_limits(
    value: FloatArray, error: FloatArray, conf_level: float, df: FloatArray | float = np.inf
) -> tuple[FloatArray, FloatArray]:
    """Return values less and plus as many standard errors, each shape (k,)."""
    half = critical_value(conf_level, df) * error
    return value - half, value + half
