"""Standard deviations and correlation of random effects, and the factor of their covariance."""

from __future__ import annotations

import numpy as np

from trdstats.arrays import FloatArray


def deviations_of(factor: FloatArray, *, correlated: bool) -> FloatArray:
    """Return standard deviations, and with two correlated effects their correlation.

    Parameters
    ----------
    factor : ndarray, shape (r, r)
        Cholesky factor, r at most 2.
    correlated : bool
    """
    spread = np.asarray(np.sqrt((factor**2).sum(axis=1)))
    if len(factor) < 2 or not correlated:
        return spread
    correlation = factor[1, 0] / spread[1] if spread[1] > 0 else np.nan
    return np.append(spread, correlation)


def entries_of(deviations: FloatArray, *, correlated: bool) -> tuple[FloatArray, FloatArray]:
    """Return the entries of the factor, and their derivatives in standard deviations.

    Returns
    -------
    entries : ndarray, shape (k,)
        Row by row of the lower triangle; NaN where the correlation is not inside (-1, 1).
    jacobian : ndarray, shape (k, k)
    """
    k = len(deviations)
    if k < 3 or not correlated:
        return deviations, np.eye(k)
    first, second, rho = deviations
    root = np.sqrt(1 - rho**2) if abs(rho) < 1 else np.nan
    entries = np.array([first, rho * second, root * second])
    jacobian = np.array([[1.0, 0.0, 0.0], [0.0, rho, second], [0.0, root, -rho * second / root]])
    return entries, jacobian
