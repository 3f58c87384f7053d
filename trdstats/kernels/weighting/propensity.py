"""Probabilities of several treatments given covariates, and the weights made of them.

A multinomial logistic model; its likelihood, or the balance of the weights themselves, decides.

References
----------
Imai and Ratkovic 2014, J R Stat Soc B 76:243-263, doi:10.1111/rssb.12027 (balancing). Li and Li
2019, Ann Appl Stat 13:2389-2415, doi:10.1214/19-AOAS1282 (tilting functions of several treatments);
Yoshida and others 2017, Epidemiology 28:387-395, doi:10.1097/EDE.0000000000000627 (matching).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal

import numpy as np
from scipy.special import log_softmax

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.numerics.newton_loglik import Move, maximise, shortest
from trdstats.kernels.weighting.multinomial import Likelihood, LikelihoodSearch, information

Target = Literal["ate", "att", "overlap", "matching"]
_STEPS = 100
_STILL_MOVING = 0.1  # log odds that a step adds while the likelihood stands still
_NOTICED = 0.1  # share of the longest step from which on a covariate is named


@dataclass(frozen=True)
class Scores:
    """A fitted model of treatment.

    Attributes
    ----------
    gamma : ndarray, shape (k - 1, q)
        Log odds of treatments 1 to k - 1 against 0.
    probability : ndarray, shape (n, k)
    design : ndarray, shape (n, q)
    equations : callable
        Returns `residual` and `information`: they are worked out when errors ask for them.
    converged : bool
    separated : ndarray of bool, shape (q,)
        Separated columns: coefficients diverge while the likelihood does not change.
    """

    gamma: FloatArray
    probability: FloatArray
    design: FloatArray
    equations: Callable[[], tuple[FloatArray, FloatArray]]
    converged: bool
    separated: BoolArray

    @classmethod
    def known(cls, probability: FloatArray) -> Scores:
        """Return probabilities that no model was fitted for, shape (n, k)."""
        n, k = probability.shape
        none = np.zeros(0, dtype=bool)
        equations = partial(_as_they_are, np.zeros((n, k - 1)), np.zeros((0, 0)))
        return cls(np.zeros((k - 1, 0)), probability, np.zeros((n, 0)), equations, True, none)

    @cached_property
    def _both(self) -> tuple[FloatArray, FloatArray]:
        return self.equations()

    @property
    def residual(self) -> FloatArray:
        """Each subject's part in the equations, unweighted, per unit of the design: (n, k - 1)."""
        return self._both[0]

    @property
    def information(self) -> FloatArray:
        """Minus the derivative of the equations, shape (p, p); p = (k - 1) q."""
        return self._both[1]

    @property
    def parts(self) -> FloatArray:
        """Each subject's part in the equations, shape (n, p), unweighted by `counts`."""
        parts = self.residual[:, :, None] * self.design[:, None, :]
        return parts.reshape(len(parts), self.gamma.size)

    def influence(self) -> FloatArray:
        """Return the influence of each subject on gamma, shape (n, p)."""
        return np.asarray(np.linalg.solve(self.information, self.parts.T).T)


def fit_scores(X: FloatArray, treatment: IntArray, k: int, counts: FloatArray) -> Scores:
    """Maximise the likelihood of a multinomial logistic model.

    Parameters
    ----------
    X : ndarray, shape (n, q)
        With a column of ones; best centred and scaled.
    treatment : ndarray of int, shape (n,)
    k : int
        Number of treatments.
    counts : ndarray, shape (n,)
        How often each subject counts.

    Returns
    -------
    Scores
        Not converged under complete separation of the treatments by the covariates.
    """
    q, unit = X.shape[1], float(counts.mean())
    search = LikelihoodSearch(np.ascontiguousarray(X.T), treatment, k, counts)

    def is_last(move: Move[Likelihood]) -> bool:
        if abs(move.gain) > 1e-6 * unit + 1e-13 * abs(move.point.loglik):
            return False
        # At a maximum the steps are tiny by now, and what is left of one is that times the
        # distance its curvature was taken from. Under separation, each still adds about 1 to the
        # log odds of the separated subjects.
        left = float(np.abs(move.by).max()) * move.point.distance
        return bool(search.reached(move.by).max() > _STILL_MOVING or left < 1e-13)

    top = maximise(
        search, np.zeros((k - 1) * q), unit=unit, most=_STEPS, direction=shortest, is_last=is_last
    )
    if top is None:
        raise ValueError("covariates or counts are not finite")
    far = search.reached(top.by)
    moving = top.settled and far.max() > _STILL_MOVING
    separated = (far > _NOTICED * far.max()) & moving
    p = np.ascontiguousarray(top.point.probability.T)
    gamma = top.theta.reshape(k - 1, q)
    converged = top.settled and not moving
    equations = partial(_likelihood_equations, search.columns, treatment, p, counts)
    return Scores(gamma, p, X, equations, converged, separated)


def balance_scores(
    X: FloatArray, treatment: IntArray, start: Scores, counts: FloatArray, target: Target, of: int
) -> Scores:
    """Solve for scores whose weights balance the columns of X: sum w (Z_m - Z_0) x = 0.

    Parameters
    ----------
    X : ndarray, shape (n, q)
    treatment : ndarray of int, shape (n,)
    start : Scores
        Of maximum likelihood.
    counts : ndarray, shape (n,)
    target : {"ate", "att", "overlap"}
    of : int
        Treatment whose subjects are the target of "att".
    """
    q = X.shape[1]
    k = start.probability.shape[1]
    Z = np.eye(k)[treatment]
    contrast = Z[:, 1:] - Z[:, :1]

    def equations(gamma: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        p = probabilities(X, gamma)
        w = weigh(p, treatment, target, of)
        slope = log_slopes(p, treatment, target, of)
        residual = w[:, None] * contrast
        J = np.empty((k - 1, q, k - 1, q))
        for a in range(k - 1):
            for b in range(k - 1):
                J[a, :, b, :] = (X * (counts * w * contrast[:, a] * slope[:, b])[:, None]).T @ X
        return p, residual, J.reshape((k - 1) * q, -1)

    def sums(residual: FloatArray) -> FloatArray:
        return np.asarray((residual.T * counts) @ X).ravel()

    gamma = start.gamma
    p, residual, J = equations(gamma)
    size = np.abs(sums(residual)).max()
    converged = False
    for _ in range(_STEPS):
        if size < 1e-9 * counts.sum():
            converged = True
            break
        step = -np.linalg.lstsq(J, sums(residual), rcond=1e-14)[0].reshape(k - 1, q)
        length = 1.0
        while length > 1e-6:
            tried = equations(gamma + length * step)
            left = np.abs(sums(tried[1])).max()
            if left < size:
                break
            length /= 2
        else:
            break
        gamma, size, (p, residual, J) = gamma + length * step, left, tried
    solved = partial(_as_they_are, residual, -J)
    return Scores(gamma, p, X, solved, converged, start.separated)


def weigh(p: FloatArray, treatment: IntArray, target: Target, of: int) -> FloatArray:
    """Return h(x) / p of the received treatment, h the tilt towards the target.

    Probabilities may be those of many resamples, shape (b, n, k); the weights are (n,) or (b, n).
    h is 1 for "ate", the probability of treatment `of` for "att", 1 / sum 1 / p for "overlap" and
    the smallest probability for "matching".
    """
    probability = p[..., np.arange(p.shape[-2]), treatment]
    if target == "ate":
        return np.asarray(1 / probability)
    if target == "att":
        return np.asarray(p[..., of] / probability)
    if target == "overlap":
        return np.asarray(1 / (probability * (1 / p).sum(axis=-1)))
    return np.asarray(p.min(axis=-1) / probability)


def log_slopes(p: FloatArray, treatment: IntArray, target: Target, of: int) -> FloatArray:
    """Return the derivative of log w with respect to the log odds, shape (n, k - 1).

    It is T - Z: Z the received treatment, T the probabilities for "ate", the target treatment for
    "att", h / p for "overlap", the least probable treatment for "matching".
    """
    n, k = p.shape
    if target == "ate":
        T = p
    elif target == "att":
        T = np.tile(np.eye(k)[of], (n, 1))
    elif target == "overlap":
        T = 1 / (p * (1 / p).sum(axis=1)[:, None])
    else:
        T = np.eye(k)[p.argmin(axis=1)]
    return (T - np.eye(k)[treatment])[:, 1:]


def _likelihood_equations(
    columns: FloatArray, treatment: IntArray, p: FloatArray, counts: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return residuals and information of maximum likelihood; p has shape (n, k)."""
    residual = np.eye(p.shape[1])[treatment, 1:] - p[:, 1:]
    return residual, information(columns, p.T, counts)


def _as_they_are(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    return a, b


def probabilities(X: FloatArray, gamma: FloatArray) -> FloatArray:
    """Return the probabilities of the treatments at coefficients (k - 1, q), shape (n, k)."""
    eta = np.column_stack([np.zeros(len(X)), X @ gamma.T])
    return np.exp(log_softmax(eta, axis=1))
