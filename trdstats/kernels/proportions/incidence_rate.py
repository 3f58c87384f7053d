"""Events per time, and exact limits of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv

from trdstats.arrays import FloatArray
from trdstats.errors import SpecError, check_level
from trdstats.kernels.numerics.tails import chi2_isf


def incidence_rate_interval(
    events: npt.ArrayLike, time: npt.ArrayLike, *, conf_level: float
) -> tuple[FloatArray, FloatArray]:
    """Return exact two-sided confidence limits of Poisson rates.

    Parameters
    ----------
    events : array_like, shape (n_groups,)
        Numbers of events.
    time : array_like, shape (n_groups,)
        Time at risk, in any unit.
    conf_level : float
        Between 0 and 1.

    Returns
    -------
    low, high : ndarray, shape (n_groups,)
        Events per unit of time; NaN where there is no time.

    Raises
    ------
    SpecError
        When the level is not between 0 and 1, or a number or a time is negative.

    References
    ----------
    Garwood 1936, Biometrika 28:437-442, doi:10.1093/biomet/28.3-4.437.

    Examples
    --------
    >>> low, high = incidence_rate_interval([10], [100.0], conf_level=0.95)
    >>> round(float(low[0]), 4), round(float(high[0]), 4)
    (0.048, 0.1839)
    """
    check_level(conf_level)
    x, t = np.asarray(events, dtype=float), np.asarray(time, dtype=float)
    if np.any(x < 0) or np.any(t < 0):
        raise SpecError("Numbers of events and times at risk must not be negative.")
    t = np.where(t > 0, t, np.nan)
    tail = (1 - conf_level) / 2
    low = np.where(x > 0, gammaincinv(np.maximum(x, 1), tail), 0.0)
    return low / t, chi2_isf(tail, 2 * (x + 1)) / 2 / t
