"""Groups in which no subject or every subject had the outcome: no Wald standard error.

The variance of a share of 0 or 1, estimated where it stands, is 0: the share is then taken as known
exactly, and a comparison with it as more precise than it is. Score and exact methods do without
that variance; where there is none, the error is not known.
"""

from __future__ import annotations

import numpy as np

from trdstats.arrays import BoolArray, FloatArray

_ROUNDING = 1e-12  # sums of weights reach 0 and 1 up to rounding
_NOTHING = 1e-24  # of the squared mean: a variance that is rounding


def at_boundary(proportion: float | FloatArray) -> BoolArray:
    """Return whether a proportion is 0 or 1."""
    p = np.asarray(proportion, dtype=float)
    return (p <= _ROUNDING) | (p >= 1 - _ROUNDING)


def error_inside(proportion: float | FloatArray, error: float | FloatArray) -> FloatArray:
    """Return standard errors of proportions; NaN where no or every subject had the outcome."""
    return np.where(at_boundary(proportion), np.nan, np.asarray(error, dtype=float))


def error_at(
    days: FloatArray, proportion: FloatArray, error: FloatArray, *, from_origin: bool = False
) -> FloatArray:
    """Return standard errors of proportions at days; NaN as in `error_inside`, not at the origin.

    At the origin no subject can have had the outcome: the proportion is known to be 0, or 1. Where
    somebody had an event at the origin (`from_origin`), it is estimated like any other.
    """
    inside = error_inside(proportion, error)
    return inside if from_origin else np.where(days == 0, error, inside)


def variance_of_mean(mean: float | FloatArray, variance: float | FloatArray) -> FloatArray:
    """Return the variances of means; NaN where all subjects have the same value."""
    v, size = np.asarray(variance, dtype=float), np.asarray(mean, dtype=float)
    return np.where(v > _NOTHING * size**2, v, np.nan)


def without(none: BoolArray, covariance: FloatArray) -> FloatArray:
    """Return a covariance, shape (k, k), with NaN in the rows and columns that have no error."""
    return np.where(none[:, None] | none, np.nan, covariance)
