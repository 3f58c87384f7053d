"""What an estimate on innermost intervals says: bounds of its curve, quantiles and means.

Mass in an interval (lower, upper] may lie anywhere in it, so a statement is a pair of bounds:
everything at the upper ends, or everything at the lower ends.
"""

from __future__ import annotations

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.interval.turnbull import Npmle

# A cumulative sum that equals a proportion in exact arithmetic differs in the last bits.
_ON_PROPORTION = 1e-9


def incidence_bounds(npmle: Npmle, at: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the bounds of P(T <= t).

    Parameters
    ----------
    npmle : Npmle
    at : ndarray, shape (k,)

    Returns
    -------
    low, high : ndarray, shape (k,)
        Equal outside the innermost intervals and on their upper ends.
    """
    total = np.concatenate(([0.0], np.cumsum(npmle.mass)))
    total[-1] = 1.0
    ended = np.searchsorted(npmle.upper, at, side="right")
    # An open interval has begun after its lower end, an exact time on it.
    exact = npmle.lower == npmle.upper
    begun = np.searchsorted(npmle.lower, at, side="left")
    on_point = np.append(npmle.lower, np.nan)[begun] == at
    begun = begun + (on_point & np.append(exact, False)[begun])
    return total[ended], total[begun]


def quantile_bounds(npmle: Npmle, proportion: float) -> tuple[float, float]:
    """Return the ends of the innermost interval in which P(T <= t) reaches a share.

    The upper end is infinite where the proportion is not reached.
    """
    place = int(np.searchsorted(np.cumsum(npmle.mass), proportion - _ON_PROPORTION))
    place = min(place, len(npmle.mass) - 1)
    return float(npmle.lower[place]), float(npmle.upper[place])


def restricted_mean_bounds(npmle: Npmle, tau: float) -> tuple[float, float]:
    """Return the bounds of the mean of min(T, tau): mass at the lower, and at the upper ends."""
    low = float(npmle.mass @ np.minimum(npmle.lower, tau))
    return low, float(npmle.mass @ np.minimum(npmle.upper, tau))
