"""Influence of subjects on an estimate whose weights were estimated too.

With weights w_i(gamma), an estimate depends on gamma through all weights: its derivative with
respect to gamma is the sum over subjects of their influence (the derivative with respect to log
w_i) times the derivative of log w_i. The influence of a subject on gamma carries it on.

That is right to first order, and in small samples too small: when a subject leaves, the weights
of the others move, but its own is gone. `leaving_out` gives the factor that its direct influence
lacks.

References
----------
Stefanski and Boos 2002, Am Stat 56:29-38, doi:10.1198/000313002753631330, section 3. Efron and
Stein 1981, Ann Stat 9:586-596, doi:10.1214/aos/1176345462 (leaving out one at a time).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trdstats.arrays import FloatArray, IntArray


def leaving_out(
    weight: FloatArray, log_derivative: FloatArray, influence: FloatArray, group: IntArray
) -> FloatArray:
    """Return the factors of direct influences that make them those of leaving a subject out.

    Parameters
    ----------
    weight : ndarray, shape (n,)
    log_derivative, influence : ndarray, shape (n, p)
        As in `stack`.
    group : ndarray of int, shape (n,)
        Treatment of each subject.

    Returns
    -------
    ndarray, shape (n,)
        (1 - (s_i - s) phi_i) / (1 - w_i), with s_i the derivative of log w_i, s its weighted mean
        in the group, phi_i the influence on gamma and w_i the proportion of the weight of the
        group. At least 1 for weights of a likelihood; 1 + O(1 / n).

    Notes
    -----
    For the weighted mean of a group without subject i, its weight is missing twice: in the sum of
    weights, hence 1 - w_i, and in the sum by which gamma carries on to the mean, from which its own
    term, the direct influence times s_i phi_i, has to go. A factor common to a group cancels in
    its mean; therefore s_i counts from s. For other estimates the factor is that of the mean.
    """
    factor = np.ones(len(weight))
    for k in np.unique(group):
        in_group = (group == k) & (weight > 0)
        if in_group.sum() < 2:
            continue
        proportion = weight[in_group] / weight[in_group].sum()
        apart = log_derivative[in_group] - proportion @ log_derivative[in_group]
        factor[in_group] = (1 - np.einsum("np,np->n", apart, influence[in_group])) / (
            1 - proportion
        )
    return factor


def stack(
    direct: FloatArray,
    log_derivative: FloatArray,
    influence: FloatArray,
    correction: FloatArray,
    others: FloatArray,
) -> FloatArray:
    """Add the influence of each subject on an estimate through the weights of all subjects.

    Parameters
    ----------
    direct : ndarray, shape (n, k)
        Influence on k estimates, the weights taken as known.
    log_derivative : ndarray, shape (n, p)
        Derivative of log w_i with respect to gamma.
    influence : ndarray, shape (n, p)
        Influence on gamma.
    correction : ndarray, shape (n,)
        Factor of direct influences in small samples, of `leaving_out`; 1 for those of first order.
    others : ndarray, shape (m, p)
        The same for subjects of the weights' model that the estimate does not use.

    Returns
    -------
    ndarray, shape (n + m, k)
        Its cross-product is the covariance of the estimates.
    """
    slope = log_derivative.T @ direct
    return np.vstack([correction[:, None] * direct + influence @ slope, others @ slope])


@dataclass(frozen=True)
class WeightModel:
    """The model of the weights of one group's subjects.

    Attributes
    ----------
    log_derivative, influence : ndarray, shape (n, p)
    correction : ndarray, shape (n,)
    cross_products : ndarray, shape (p, p)
        Covariance of gamma: the cross-product of the influences of all subjects of the model.
    """

    log_derivative: FloatArray
    influence: FloatArray
    correction: FloatArray
    cross_products: FloatArray

    @cached_property
    def columns(self) -> FloatArray:
        """What direct influences are summed with: derivatives, then influences, shape (n, 2 p)."""
        return np.hstack([self.log_derivative, self.correction[:, None] * self.influence])

    def variance(self, direct: FloatArray) -> FloatArray:
        """Return the variances of m estimates from direct influences, shape (n, m)."""
        corrected = np.einsum("nm,nm->m", direct, self.correction[:, None] ** 2 * direct)
        added = self.added_variance(direct.T @ self.columns)
        return np.asarray(np.maximum(corrected + added, 0.0))

    def covariance(self, direct: FloatArray) -> FloatArray:
        """Return the covariance of m estimates from direct influences, shape (n, m)."""
        corrected = direct.T @ (self.correction[:, None] ** 2 * direct)
        return corrected + self._added_covariance(direct.T @ self.columns)

    def added_variance(self, sums: FloatArray) -> FloatArray:
        """Return what the estimation of the weights adds to variances.

        Parameters
        ----------
        sums : ndarray, shape (m, 2 p)
            Direct influences on m estimates times `columns`, summed over subjects.

        Returns
        -------
        ndarray, shape (m,)
            To add to the sum of squared direct influences times `correction`. Mostly
            negative: estimated weights are more efficient than known ones.
        """
        slope, shared = np.split(sums, 2, axis=1)
        carried = np.einsum("mp,pq,mq->m", slope, self.cross_products, slope)
        return np.asarray(2 * np.einsum("mp,mp->m", slope, shared) + carried)

    def _added_covariance(self, sums: FloatArray) -> FloatArray:
        """Return the same for the covariance of all estimates, shape (m, m)."""
        slope, shared = np.split(sums, 2, axis=1)
        crossed = slope @ shared.T
        return crossed + crossed.T + slope @ self.cross_products @ slope.T
