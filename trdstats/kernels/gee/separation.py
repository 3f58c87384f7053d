"""Ratings that covariates predict without error, so that some coefficients have no finite value.

Along a direction d of the coefficients every event becomes more likely and every other rating
less, without end: the ratings with x_i d other than 0 are fitted perfectly in the limit, and
what is left of the equations is that of the other ratings (Geyer's limiting conditional model).

References
----------
Albert and Anderson 1984, doi:10.1093/biomet/71.1.1. Geyer 2009, doi:10.1214/08-EJS349.
Konis 2007, Linear programming algorithms for detecting separated data in binary logistic
regression models (thesis, University of Oxford), chapter 4.
"""

from __future__ import annotations

import numpy as np
import scipy

from trdstats.arrays import BoolArray, FloatArray

_STRICT = 1e-6


def separated_rows(X: FloatArray, rises: FloatArray) -> BoolArray:
    """Return the rows that some direction of the coefficients fits perfectly.

    Parameters
    ----------
    X : ndarray, shape (N, q)
        Of full rank.
    rises : ndarray, shape (N,)
        1 where the fit gains as X d grows without end, -1 where it gains as it falls, 0 where it
        may not move: the events of a log link, whose mean has a finite best value.

    Returns
    -------
    ndarray of bool, shape (N,)
        All rows that any direction separates; none where every coefficient has a finite value.
    """
    scale = np.abs(X).max(axis=0)
    Z = X / np.where(scale > 0, scale, 1.0)
    keyed, inverse = np.unique(np.column_stack([Z, rises]), axis=0, return_inverse=True)
    rows, sign = keyed[:, :-1], keyed[:, -1]
    moving, fixed = rows[sign != 0] * sign[sign != 0, None], rows[sign == 0]
    n, q = moving.shape
    if not n:
        return np.zeros(len(X), dtype=bool)
    # The largest sum of s_i with 0 <= s_i <= 1 and s_i <= z_i d: as many rows as there are.
    answer = scipy.optimize.linprog(
        np.concatenate([np.zeros(q), -np.ones(n)]),
        A_ub=np.hstack([-moving, np.eye(n)]), b_ub=np.zeros(n),
        A_eq=np.hstack([fixed, np.zeros((len(fixed), n))]) if len(fixed) else None,
        b_eq=np.zeros(len(fixed)) if len(fixed) else None,
        bounds=[(None, None)] * q + [(0.0, 1.0)] * n, method="highs",
    )  # fmt: skip
    separated = np.zeros(len(rows), dtype=bool)
    if answer.x is not None:
        separated[sign != 0] = answer.x[q:] > _STRICT
    return np.asarray(separated[np.asarray(inverse).ravel()])
