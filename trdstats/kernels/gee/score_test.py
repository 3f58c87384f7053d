"""The generalised score test: equations of the whole model at the solution of the restricted one.

References
----------
Rotnitzky and Jewell 1990, doi:10.1093/biomet/77.3.485. Boos 1992,
doi:10.1080/00031305.1992.10475921.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import null_space

from trdstats.arrays import FloatArray
from trdstats.kernels.gee.fit import at_coefficients, independent, solve
from trdstats.kernels.gee.ratings import Ratings


def score_statistic(ratings: Ratings, beta: FloatArray, L: FloatArray) -> float:
    """Return the generalised score statistic of L beta = 0, chi-squared with len(L) degrees.

    Parameters
    ----------
    ratings : Ratings
    beta : ndarray, shape (q,)
        Solution of the whole model, from which the search starts.
    L : ndarray, shape (k, q)
        Of full rank.

    Returns
    -------
    float
        NaN where the restricted equations have no solution, or the scores of so few subjects
        have too low a rank.
    """
    size = np.linalg.norm(L, axis=1)
    basis = np.asarray(null_space(L / size[:, None]))
    restricted = ratings.within(basis, basis.T @ beta)
    start, settled = independent(restricted.independent())
    if not settled:
        return np.nan
    fit = solve(restricted, start)
    if not fit.converged or fit.singular:
        return np.nan
    whole = at_coefficients(ratings, basis @ fit.beta)
    assert whole is not None  # the restricted solution lies inside the range
    effects = whole.whitened.scores() @ whole.bread @ L.T
    spread = effects.T @ effects
    scale = np.sqrt(np.diag(spread))
    if not (scale > 0).all():
        return np.nan
    correlation = spread / np.outer(scale, scale)
    if np.linalg.matrix_rank(correlation) < len(L):
        return np.nan
    total = effects.sum(axis=0) / scale
    return float(total @ np.linalg.solve(correlation, total))
