"""Weights that give subjects the covariate moments of another population.

Weights exp(x' gamma) with sum w (x - target) = 0: the minimum of a convex function, found by
Newton's method.

References
----------
Signorovitch and others 2010, Pharmacoeconomics 28:935-945, doi:10.2165/11538370-000000000-00000,
equations 4 and 5; Phillippo and others 2016, NICE DSU technical support document 18, appendix C.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from trdstats.arrays import FloatArray
from trdstats.kernels.numerics.newton_loglik import Surface, maximise, shortest

_STEPS = 200
_NEAR = 1e-6  # of a weighted mean, in standard deviations of the subjects


@dataclass(frozen=True, slots=True)
class MomentWeights:
    """Weights with given moments.

    Attributes
    ----------
    weight : ndarray, shape (n,)
        Sum to n.
    gamma : ndarray, shape (p,)
        Coefficients of the centred moments.
    log_derivative : ndarray, shape (n, p)
        Derivative of log w_i with respect to gamma, the sum of weights kept at n.
    influence : ndarray, shape (n, p)
        Influence of each subject on gamma, the target taken as known.
    distance : ndarray, shape (p,)
        Weighted moments less their targets, what is left of them.
    converged : bool
        False where no weights have these moments.
    """

    weight: FloatArray
    gamma: FloatArray
    log_derivative: FloatArray
    influence: FloatArray
    distance: FloatArray
    converged: bool

    @property
    def effective_size(self) -> float:
        """(sum w)^2 / sum w^2."""
        return float(self.weight.sum() ** 2 / (self.weight @ self.weight))


def moment_weights(
    X: FloatArray, target: npt.ArrayLike, *, counts: FloatArray | None = None
) -> MomentWeights:
    """Return weights under which the columns of X have the means `target`.

    Parameters
    ----------
    X : ndarray, shape (n, p)
        Moments of the subjects, such as age and age squared; no column constant.
    target : array_like, shape (p,)
    counts : ndarray, shape (n,), optional
        How often each subject counts, as in a bootstrap sample; 0 leaves it out. The weights are
        for one of its copies.

    Examples
    --------
    Of 0 and 1 a mean of 0.8: weights 0.4 and 1.6.

    >>> moment_weights(np.array([[0.0], [1.0]]), [0.8]).weight.round(12).tolist()
    [0.4, 1.6]
    """
    m = np.ones(len(X)) if counts is None else np.asarray(counts, dtype=float)
    n = m.sum()
    centred = X - np.asarray(target, dtype=float)
    mean = m @ X / n
    scale = np.sqrt(m @ (X - mean) ** 2 / n)
    Z = centred / np.where(scale > 0, scale, 1.0)
    lam, converged = _minimum(Z, m)
    w = _tilted(Z, m, lam)
    weight = w * n / (m @ w)
    gamma = lam / np.where(scale > 0, scale, 1.0)
    slope = (centred * (m * weight)[:, None]).T @ centred
    away = weight @ (m[:, None] * centred) / n
    return MomentWeights(
        weight=weight,
        gamma=gamma,
        log_derivative=centred - away,
        influence=-np.linalg.lstsq(slope, (weight[:, None] * centred).T, rcond=None)[0].T,
        distance=away,
        converged=converged,
    )


def _tilted(Z: FloatArray, m: FloatArray, lam: FloatArray) -> FloatArray:
    """Return exp(Z lam), divided by the largest one of those that count."""
    power = Z @ lam
    return np.asarray(np.exp(np.minimum(power - power[m > 0].max(), 0.0)))


def _minimum(Z: FloatArray, m: FloatArray) -> tuple[FloatArray, bool]:
    """Return the minimum of log sum m exp(Z lam), and whether it was reached."""
    # Where moments are collinear the shortest step is taken. A step from as near as this
    # doubles the digits.
    top = maximise(
        partial(_log_sum, Z, m), np.zeros(Z.shape[1]), most=_STEPS, longest=np.inf,
        direction=shortest, is_last=lambda move: move.decrement < _NEAR**3,
    )  # fmt: skip
    if top is None:
        raise ValueError("moments or counts are not finite")
    return top.theta, bool(np.abs(top.point.score).max(initial=0.0) < _NEAR)


def _log_sum(Z: FloatArray, m: FloatArray, lam: FloatArray) -> Surface:
    """Return -log sum m exp(Z lam) with its derivatives: a mean and a covariance."""
    power = Z @ lam
    top = power[m > 0].max()
    p = m * np.exp(np.minimum(power - top, 0.0))
    total = p.sum()
    p = p / total
    mean = p @ Z
    covariance = (Z * p[:, None]).T @ Z - np.outer(mean, mean)
    return Surface(-float(top + np.log(total)), -mean, covariance)
