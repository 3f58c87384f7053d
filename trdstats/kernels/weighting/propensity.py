"""Probabilities of several treatments given covariates, and the weights made of them.

A multinomial logistic model; its likelihood, or the balance of the weights themselves, decides.

References
----------
Imai and Ratkovic 2014, J R Stat Soc B 76:243-263, doi:10.1111/rssb.12027 (balancing). Li and Li
2019, Ann Appl Stat 13:2389-2415, doi:10.1214/19-AOAS1282 (tilting functions of several treatments);
Yoshida and others 2017, Epidemiology 28:387-395, doi:10.1097/EDE.0000000000000627 (matching).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from scipy.special import log_softmax

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.numerics.newton_loglik import Move, maximise, shortest

Target = Literal["ate", "att", "overlap", "matching"]
_STEPS = 100
_ROWS = 4096  # subjects in a block: the design of twenty columns takes 650 kB
_STILL_MOVING = 0.1  # log odds that a step adds while the likelihood stands still
_NOTICED = 0.1  # share of the longest step from which on a covariate is named


@dataclass(frozen=True, slots=True)
class Scores:
    """A fitted model of treatment.

    Attributes
    ----------
    gamma : ndarray, shape (k - 1, q)
        Log odds of treatments 1 to k - 1 against 0.
    probability : ndarray, shape (n, k)
    information : ndarray, shape (p, p)
        Minus the derivative of the equations; p = (k - 1) q.
    design : ndarray, shape (n, q)
    residual : ndarray, shape (n, k - 1)
        Each subject's part in the equations, unweighted by `counts`, per unit of the design.
    converged : bool
    separated : ndarray of bool, shape (q,)
        Separated columns: coefficients diverge while the likelihood does not change.
    """

    gamma: FloatArray
    probability: FloatArray
    information: FloatArray
    design: FloatArray
    residual: FloatArray
    converged: bool
    separated: BoolArray

    @classmethod
    def known(cls, probability: FloatArray) -> Scores:
        """Return probabilities that no model was fitted for, shape (n, k)."""
        n, k = probability.shape
        none = np.zeros(0, dtype=bool)
        return cls(
            np.zeros((k - 1, 0)), probability, np.zeros((0, 0)), np.zeros((n, 0)),
            np.zeros((n, k - 1)), True, none,
        )  # fmt: skip

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
    q = X.shape[1]
    columns, received = np.ascontiguousarray(X.T), np.eye(k)[:, treatment]
    unit = float(counts.mean())
    reach = np.maximum(columns.max(axis=1), -columns.min(axis=1))

    def reached(by: FloatArray) -> FloatArray:
        return np.asarray(np.abs(by).reshape(k - 1, q).max(axis=0) * reach)

    def is_last(move: Move[_Model]) -> bool:
        if abs(move.gain) > 1e-6 * unit + 1e-13 * abs(move.point.loglik):
            return False
        # At a maximum the steps are tiny by now. Under separation, each
        # still adds about 1 to the log odds of the separated subjects.
        return bool(reached(move.by).max() > _STILL_MOVING or np.abs(move.by).max() < 1e-7)

    top = maximise(
        partial(_model, columns, received, counts), np.zeros((k - 1) * q), unit=unit, most=_STEPS,
        direction=shortest, is_last=is_last,
    )  # fmt: skip
    if top is None:
        raise ValueError("covariates or counts are not finite")
    far = reached(top.by)
    moving = top.settled and far.max() > _STILL_MOVING
    separated = (far > _NOTICED * far.max()) & moving
    p = np.ascontiguousarray(top.point.probability.T)
    gamma = top.theta.reshape(k - 1, q)
    converged = top.settled and not moving
    residual = np.eye(k)[treatment, 1:] - p[:, 1:]
    return Scores(gamma, p, top.point.information, X, residual, converged, separated)


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
    return Scores(gamma, p, -J, X, residual, converged, start.separated)


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


@dataclass(frozen=True, slots=True)
class _Model:
    """The likelihood of a multinomial logistic model at one value of its coefficients."""

    loglik: float
    score: FloatArray
    information: FloatArray
    probability: FloatArray  # shape (k, n)


def _model(X: FloatArray, Z: FloatArray, counts: FloatArray, theta: FloatArray) -> _Model:
    """Evaluate it in blocks of subjects that stay in the processor's cache.

    Parameters
    ----------
    X, Z : ndarray, shape (q, n) and (k, n)
        The design and the received treatment, subjects in columns.
    counts : ndarray, shape (n,)
    theta : ndarray, shape ((k - 1) q,)
    """
    (q, n), k = X.shape, len(Z)
    gamma, p = theta.reshape(k - 1, q), np.empty((k, n))
    loglik, score, H = 0.0, np.zeros((k - 1, q)), np.zeros((k - 1, q, k - 1, q))
    for begin in range(0, n, _ROWS):
        rows = slice(begin, begin + _ROWS)
        x, z, m, part = X[:, rows], Z[:, rows], counts[rows], p[:, rows]
        eta = np.zeros(z.shape)
        eta[1:] = gamma @ x
        eta -= eta.max(axis=0)
        odds = np.exp(eta)
        total = odds.sum(axis=0)
        np.divide(odds, total, out=part)
        loglik += float(m @ ((z * eta).sum(axis=0) - np.log(total)))
        score += ((z - part)[1:] * m) @ x.T
        for a in range(1, k):
            for b in range(a, k):
                w = m * part[a] * ((a == b) - part[b])
                H[a - 1, :, b - 1] += (x * w) @ x.T
    for a in range(k - 1):
        for b in range(a):
            H[a, :, b] = H[b, :, a].T
    return _Model(loglik, score.ravel(), H.reshape((k - 1) * q, -1), p)


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
    model = _model(X.T, np.eye(k)[treatment].T, np.ones(len(X)), at)
    return model.loglik, model.score, model.information


def probabilities(X: FloatArray, gamma: FloatArray) -> FloatArray:
    """Return the probabilities of the treatments at coefficients (k - 1, q), shape (n, k)."""
    eta = np.column_stack([np.zeros(len(X)), X @ gamma.T])
    return np.exp(log_softmax(eta, axis=1))
