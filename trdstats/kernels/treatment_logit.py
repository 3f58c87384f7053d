"""Multinomial logistic regression of which treatment a subject received.

Treatment 0 is the base: log(e_k / e_0) = x'gamma_k. With two treatments this is logistic
regression.

References
----------
McCullagh and Nelder 1989, Generalized Linear Models, 2nd ed., doi:10.1007/978-1-4899-3242-6
(section 5.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp, softmax

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TreatmentFit:
    """A fitted model of treatment.

    Attributes
    ----------
    gamma : ndarray, shape (K - 1, q)
        Row k - 1 tells treatment k from treatment 0.
    information : ndarray, shape ((K - 1) q, (K - 1) q)
    scores : ndarray, shape (n, (K - 1) q)
        Weighted score of each subject; columns sum to 0.
    loglik : float
    iterations : int
    endless : ndarray of bool, shape (K - 1, q)
        Coefficients that grow without end: covariates separate the treatments.
    """

    gamma: FloatArray
    information: FloatArray
    scores: FloatArray
    loglik: float
    iterations: int
    endless: BoolArray

    def influence(self) -> FloatArray:
        """Return the first-order effect of each subject on gamma, shape (n, (K - 1) q)."""
        return np.asarray(np.linalg.solve(self.information, self.scores.T).T)

    def covariance(self) -> FloatArray:
        """Return the inverse information."""
        return np.asarray(np.linalg.inv(self.information))

    def probability(self, X: FloatArray) -> FloatArray:
        """Return the probability of each treatment, shape (m, K)."""
        return probabilities(X, self.gamma)


def probabilities(X: FloatArray, gamma: FloatArray) -> FloatArray:
    """Return the probability of each treatment, shape (n, K)."""
    return np.asarray(softmax(_eta(X, gamma), axis=1))


def _eta(X: FloatArray, gamma: FloatArray) -> FloatArray:
    return np.column_stack([np.zeros(len(X)), X @ gamma.T])


def fit_treatment(
    X: FloatArray, treatment: IntArray, weight: FloatArray, *, most: int = 100
) -> TreatmentFit:
    """Fit by maximum likelihood: Newton steps, halved where they do not lead upward.

    Parameters
    ----------
    X : ndarray, shape (n, q)
        With a column of ones, of full rank.
    treatment : ndarray of int, shape (n,)
        0 to K - 1, each present.
    weight : ndarray, shape (n,)
        Positive.
    """
    K, q = int(treatment.max()) + 1, X.shape[1]
    scale = np.sqrt(np.average(X**2, axis=0, weights=weight))
    Z = X / scale
    given = np.eye(K)[treatment][:, 1:]
    gamma, step = np.zeros((K - 1, q)), np.zeros((K - 1, q))
    loglik = _loglik(Z, gamma, treatment, weight)
    iterations = 0
    for iterations in range(1, most + 1):  # noqa: B007
        e = probabilities(Z, gamma)[:, 1:]
        score = (weight[:, None] * (given - e)).T @ Z
        solved = np.linalg.lstsq(_information(Z, e, weight), score.ravel(), rcond=1e-14)[0]
        step = np.asarray(solved, dtype=float).reshape(K - 1, q)
        length, moved = 1.0, -np.inf
        for _ in range(30):
            moved = _loglik(Z, gamma + length * step, treatment, weight)
            if moved >= loglik - 1e-12 * abs(loglik):
                break
            length /= 2
        gain = moved - loglik
        if gain < -1e-12 * abs(loglik):
            break
        gamma, loglik = gamma + length * step, moved
        if gain < 1e-10 * weight.mean():
            break
    # At a maximum a step that gains so little is of 1e-5; without one it is still about 1.
    endless = np.abs(step) > 1e-3
    gamma = gamma / scale
    e = probabilities(X, gamma)[:, 1:]
    rest = weight[:, None] * (given - e)
    return TreatmentFit(
        gamma=gamma,
        information=_information(X, e, weight),
        scores=(rest[:, :, None] * X[:, None, :]).reshape(len(X), -1),
        loglik=loglik,
        iterations=iterations,
        endless=endless,
    )


def _loglik(X: FloatArray, gamma: FloatArray, treatment: IntArray, weight: FloatArray) -> float:
    eta = _eta(X, gamma)
    own = np.take_along_axis(eta, treatment[:, None], axis=1)[:, 0]
    return float(weight @ (own - logsumexp(eta, axis=1)))


def _information(X: FloatArray, e: FloatArray, weight: FloatArray) -> FloatArray:
    K1, q = e.shape[1], X.shape[1]
    result = np.empty((K1, q, K1, q))
    for k in range(K1):
        for j in range(k + 1):
            shared = weight * e[:, k] * ((k == j) - e[:, j])
            block = (X * shared[:, None]).T @ X
            result[k, :, j, :] = block
            result[j, :, k, :] = block.T
    return result.reshape(K1 * q, K1 * q)
