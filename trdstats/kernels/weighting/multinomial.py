"""The likelihood of a multinomial logistic model, over blocks of subjects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray

_ROWS = 4096  # subjects in a block: the design of twenty columns takes 650 kB
# Log odds from which on curvature is worked out anew; nearer to where it was, it serves again, and
# each step leaves this part of the last at most. It serves so many times.
_NEAR, _REUSED = 0.005, 3
_SAFE = 500.0  # the exponential of 709 is still a number


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The likelihood of a multinomial logistic model at one value of its coefficients."""

    loglik: float
    score: FloatArray
    information: FloatArray
    probability: FloatArray  # shape (k, n)
    distance: float  # log odds from here to where curvature was worked out last before


class LikelihoodSearch:
    """The likelihood at the points of a search, in blocks that stay in the processor's cache.

    Parameters
    ----------
    columns : ndarray, shape (q, n)
        The design, subjects in columns.
    treatment : ndarray of int, shape (n,)
    k : int
    counts : ndarray, shape (n,)
    """

    def __init__(self, columns: FloatArray, treatment: IntArray, k: int, counts: FloatArray):
        self.columns, self.counts, self.k = columns, counts, k
        self._received = (treatment == np.arange(1, k)[:, None]).astype(np.float64)
        self._reach = np.maximum(columns.max(axis=1), -columns.min(axis=1))
        # Curvature, where it was worked out, and how often it served again.
        self._information, self._at, self._reused = np.empty((0, 0)), np.empty(0), _REUSED

    def reached(self, by: FloatArray) -> FloatArray:
        """Return how far a change of coefficients moves log odds by each column, shape (q,)."""
        return np.asarray(np.abs(by).reshape(self.k - 1, -1).max(axis=0) * self._reach)

    def __call__(self, theta: FloatArray) -> Likelihood:
        """Evaluate the likelihood at coefficients, shape ((k - 1) q,)."""
        distance = float(self.reached(theta - self._at).max()) if self._at.size else np.inf
        is_near = distance < _NEAR and self._reused < _REUSED
        self._reused += 1
        loglik, score, p = self._likelihood(theta)
        if not is_near:
            here = information(self.columns, p, self.counts, same=not theta.any())
            self._information, self._at, self._reused = here, theta, 0
        return Likelihood(loglik, score, self._information, p, distance)

    def _likelihood(self, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Return the log-likelihood, its score, and the probabilities, shape (k, n)."""
        (q, n), k = self.columns.shape, self.k
        gamma, p = theta.reshape(k - 1, q), np.empty((k, n))
        loglik, score = 0.0, np.zeros((k - 1, q))
        is_safe = self.reached(theta).sum() < _SAFE
        for rows in _blocks(n):
            x, z, m, part = (a[..., rows] for a in (self.columns, self._received, self.counts, p))
            eta = gamma @ x
            of_received = (z * eta).sum(axis=0)
            if is_safe:
                total = 1 + np.exp(eta, out=eta).sum(axis=0)
                np.divide(1.0, total, out=part[0])
                loglik += float(m @ (of_received - np.log(total)))
            else:  # less the largest, no exponential is too large
                top = np.maximum(eta.max(axis=0), 0.0)
                total = np.exp(-top) + np.exp(np.subtract(eta, top, out=eta), out=eta).sum(axis=0)
                np.divide(np.exp(-top), total, out=part[0])
                loglik += float(m @ (of_received - top - np.log(total)))
            np.divide(eta, total, out=part[1:])
            score += ((z - part[1:]) * m) @ x.T
        return loglik, score.ravel(), p


def _blocks(n: int) -> Iterator[slice]:
    return (slice(begin, begin + _ROWS) for begin in range(0, n, _ROWS))


def information(
    columns: FloatArray, p: FloatArray, counts: FloatArray, *, same: bool = False
) -> FloatArray:
    """Return less the second derivatives of the log-likelihood, shape ((k - 1) q, (k - 1) q).

    Sums of p_a p_b x x' over pairs of different treatments, all positive, have no cancellation.

    Parameters
    ----------
    columns : ndarray, shape (q, n)
    p : ndarray, shape (k, n)
    counts : ndarray, shape (n,)
    same : bool
        Whether all subjects have the same probabilities, as without effects.
    """
    (q, n), k = columns.shape, len(p)
    pairs, alone = np.zeros((k * q, k * q)), np.zeros((q, q))
    for rows in _blocks(n):
        x, m, part = columns[:, rows], counts[rows], p[:, rows]
        if k == 2 or same:
            alone += (x * (m * part[0] * part[1])) @ x.T
        else:
            y = ((part * np.sqrt(m))[:, None] * x).reshape(k * q, -1)
            pairs += y @ y.T
    if k == 2:
        return alone
    of = np.tile(alone, (k, k)) if same else pairs
    blocks = of.reshape(k, q, k, q)
    H = -blocks[1:, :, 1:]
    for a in range(1, k):
        H[a - 1, :, a - 1] = sum(blocks[a, :, b] for b in range(k) if b != a)
    return np.asarray(H.reshape((k - 1) * q, -1))


def logistic_sums(
    X: FloatArray, treatment: IntArray, k: int, at: FloatArray
) -> tuple[float, FloatArray, FloatArray]:
    """Return the log-likelihood of the treatments, its score and its information.

    Parameters
    ----------
    X : ndarray, shape (n, q)
        With a column of ones.
    treatment : ndarray of int, shape (n,)
    k : int
    at : ndarray, shape ((k - 1) q,)
        Coefficients of the log odds against treatment 0.
    """
    model = LikelihoodSearch(np.ascontiguousarray(X.T), treatment, k, np.ones(len(X)))(at)
    return model.loglik, model.score, model.information
