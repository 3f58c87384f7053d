"""Influence of subjects on an estimate whose weights were estimated too."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def stack(
    direct: FloatArray, log_derivative: FloatArray, influence: FloatArray, others: FloatArray
) -> FloatArray:
    """Add what each subject does to an estimate through everybody's weights.

    With weights w_i(gamma), the derivative of an estimate with respect to gamma is the sum over
    subjects of its influence (the derivative with respect to log w_i) times the derivative of
    log w_i; the influence of a subject on gamma carries it on.

    Parameters
    ----------
    direct : ndarray, shape (n, k)
        Influence on k estimates, the weights taken as known.
    log_derivative : ndarray, shape (n, p)
        Derivative of log w_i with respect to gamma.
    influence : ndarray, shape (n, p)
        Influence on gamma.
    others : ndarray, shape (m, p)
        The same for subjects of the weights' model that the estimate does not use.

    Returns
    -------
    ndarray, shape (n + m, k)
        Its cross-product is the covariance of the estimates.

    References
    ----------
    Stefanski and Boos 2002, Am Stat 56:29-38, doi:10.1198/000313002753631330, section 3.
    """
    slope = log_derivative.T @ direct
    return np.vstack([direct + influence @ slope, others @ slope])
