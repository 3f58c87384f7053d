"""Whether the outcomes are separated: a coefficient then has no finite estimate.

A direction d is one of recession when the likelihood of no rating falls along it: x'd >= 0 where
the event happened, x'd <= 0 where it did not, and for counts x'd = 0 where one was counted. If it
rises for any, it does so without end, whatever the random effects are. A linear program looks for
such a direction.

References
----------
Albert and Anderson 1984, doi:10.1093/biomet/71.1.1. Konis 2007, Linear programming algorithms for
detecting separated data in binary logistic regression models (thesis, Oxford).
"""

from __future__ import annotations

import numpy as np
import scipy

from trdstats.arrays import BoolArray, FloatArray
from trdstats.kernels.glmm.rows import Rows

# A fit whose linear predictors stay below this has ended where the likelihood is highest.
_FAR = 12.0
_ZERO = 1e-7


def looks_separated(rows: Rows, fixed: FloatArray | None) -> bool:
    """Return whether a fit without random effects left the range of usual predictors.

    Parameters
    ----------
    rows : Rows
    fixed : ndarray, shape (p,), or None
        Its estimates; None where there is none.
    """
    if fixed is None:
        return True
    eta = rows.X @ fixed
    if rows.link == "log":  # many counts are no separation, expected counts of 0 are
        return bool(eta.min() < -_FAR)
    return bool(np.abs(eta).max() > _FAR)


def recession(rows: Rows) -> FloatArray:
    """Return a direction along which the coefficients grow without end, shape (p,).

    Zeros where there is none. Ratings with x'd = 0 are not separated by it; others may still be
    by a further direction.
    """
    size = np.abs(rows.X).max(axis=0)
    size = np.where(size > 0, size, 1.0)
    X = rows.X / size
    p = X.shape[1]
    if rows.link == "log":
        free = rows.y == 0
        C, E = -X[free], np.unique(X[~free], axis=0)
    else:
        C, E = (2 * rows.y - 1)[:, None] * X, np.zeros((0, p))
    C, times = np.unique(C, axis=0, return_counts=True)
    program = scipy.optimize.linprog(
        -(times / max(int(times.sum()), 1)) @ C,
        A_ub=-C if len(C) else None,
        b_ub=np.zeros(len(C)) if len(C) else None,
        A_eq=E if len(E) else None,
        b_eq=np.zeros(len(E)) if len(E) else None,
        bounds=[(-1.0, 1.0)] * p,
    )
    if program.x is None or program.fun is None or not -program.fun > _ZERO:
        return np.zeros(p)
    return np.asarray(np.where(np.abs(program.x) > _ZERO, program.x, 0.0) / size)


def separated_rows(rows: Rows, direction: FloatArray) -> BoolArray:
    """Return the rows whose likelihood rises along a direction of recession, shape (N,)."""
    size = np.abs(rows.X) @ np.abs(direction)
    return np.asarray(np.abs(rows.X @ direction) > _ZERO * np.maximum(size, 1e-300))
