"""Groups in which nobody or everybody had the outcome: their estimate has no Wald error.

The variance of a share of 0 or 1, estimated where it stands, is 0: the share is then taken as known
exactly, and a comparison with it as more precise than it is. Score and exact methods do without
that variance; where there is none, the error is not known.
"""

from __future__ import annotations

import numpy as np

from trdstats.arrays import BoolArray, FloatArray

_ROUNDING = 1e-12  # sums of weights reach 0 and 1 up to rounding
_NOTHING = 1e-24  # of the squared mean: a variance that is rounding


def at_boundary(share: float | FloatArray) -> BoolArray:
    """Return whether a share is 0 or 1."""
    p = np.asarray(share, dtype=float)
    return (p <= _ROUNDING) | (p >= 1 - _ROUNDING)


def error_inside(share: float | FloatArray, error: float | FloatArray) -> FloatArray:
    """Return the errors of shares; NaN where nobody or everybody had the outcome."""
    return np.where(at_boundary(share), np.nan, np.asarray(error, dtype=float))


def error_at(
    days: FloatArray, share: FloatArray, error: FloatArray, *, from_origin: bool = False
) -> FloatArray:
    """Return the errors of shares at days; NaN as in `error_inside`, but not at the origin.

    At the origin nobody can have had the outcome: the share is known to be 0, or 1, there. Where
    somebody had an event at the origin (`from_origin`), it is estimated like any other.
    """
    inside = error_inside(share, error)
    return inside if from_origin else np.where(days == 0, error, inside)


def variance_of_mean(mean: float | FloatArray, variance: float | FloatArray) -> FloatArray:
    """Return the variances of means; NaN where the subjects are all alike and leave none."""
    v, size = np.asarray(variance, dtype=float), np.asarray(mean, dtype=float)
    return np.where(v > _NOTHING * size**2, v, np.nan)


def without(none: BoolArray, covariance: FloatArray) -> FloatArray:
    """Return a covariance, shape (k, k), with NaN in the rows and columns that have no error."""
    return np.where(none[:, None] | none, np.nan, covariance)
