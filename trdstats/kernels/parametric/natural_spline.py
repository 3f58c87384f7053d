"""Natural cubic splines: cubic between knots, linear beyond the outer ones.

References
----------
Royston and Parmar 2002, doi:10.1002/sim.1203 (equation 2).
"""

from __future__ import annotations

import numpy as np

from trdstats.arrays import FloatArray


def natural_spline(x: FloatArray, knots: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the columns of a spline, the first of ones, and their derivatives in x.

    Parameters
    ----------
    x : ndarray, shape (n,)
    knots : ndarray, shape (k,)
        In increasing order; the columns take any values at them.

    Returns
    -------
    columns, slopes : ndarray, shape (n, k)
    """
    low, high = knots[0], knots[-1]
    columns, slopes = [np.ones_like(x), x], [np.zeros_like(x), np.ones_like(x)]
    for knot in knots[1:-1]:
        part = (high - knot) / (high - low)
        a, b, c = (np.maximum(x - k, 0.0) for k in (knot, low, high))
        columns.append(a**3 - part * b**3 - (1 - part) * c**3)
        slopes.append(3 * (a**2 - part * b**2 - (1 - part) * c**2))
    k = len(knots)
    return np.column_stack(columns[:k]), np.column_stack(slopes[:k])
