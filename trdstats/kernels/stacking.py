"""Influence of subjects on an estimate whose weights were estimated too.

With weights w_i(gamma), an estimate depends on gamma through all weights: its derivative with
respect to gamma is the sum over subjects of their influence (the derivative with respect to log
w_i) times the derivative of log w_i. The influence of a subject on gamma carries it on.

References
----------
Stefanski and Boos 2002, Am Stat 56:29-38, doi:10.1198/000313002753631330, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def stack(
    direct: FloatArray, log_derivative: FloatArray, influence: FloatArray, others: FloatArray
) -> FloatArray:
    """Add what each subject does to an estimate through everybody's weights.

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
    """
    slope = log_derivative.T @ direct
    return np.vstack([direct + influence @ slope, others @ slope])


@dataclass(frozen=True, slots=True)
class WeightModel:
    """The model of the weights of one group's subjects.

    Attributes
    ----------
    log_derivative, influence : ndarray, shape (n, p)
    gram : ndarray, shape (p, p)
        Covariance of gamma: the cross-product of the influences of all subjects of the model.
    """

    log_derivative: FloatArray
    influence: FloatArray
    gram: FloatArray

    @property
    def columns(self) -> FloatArray:
        """What influences are summed with: derivatives, then influences, shape (n, 2 p)."""
        return np.hstack([self.log_derivative, self.influence])

    def added_variance(self, sums: FloatArray) -> FloatArray:
        """Return what the estimation of the weights adds to variances.

        Parameters
        ----------
        sums : ndarray, shape (m, 2 p)
            Direct influences on m estimates times `columns`, summed over subjects.

        Returns
        -------
        ndarray, shape (m,)
            Mostly negative: estimated weights tell more than known ones.
        """
        slope, shared = np.split(sums, 2, axis=1)
        carried = np.einsum("mp,pq,mq->m", slope, self.gram, slope)
        return np.asarray(2 * np.einsum("mp,mp->m", slope, shared) + carried)

    def added_covariance(self, sums: FloatArray) -> FloatArray:
        """Return the same for the covariance of all estimates, shape (m, m)."""
        slope, shared = np.split(sums, 2, axis=1)
        crossed = slope @ shared.T
        return np.asarray(crossed + crossed.T + slope @ self.gram @ slope.T)
