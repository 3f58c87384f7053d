"""Links between a linear predictor and a mean, and variances of families.

References
----------
McCullagh and Nelder 1989, Generalized Linear Models, 2nd ed., doi:10.1007/978-1-4899-3242-6,
chapters 2 and 9 (quasi-likelihood).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri, xlogy

from trdstats.arrays import BoolArray, FloatArray

_SMALL = 1e-300


@dataclass(frozen=True, slots=True)
class Link:
    """A monotone function of the mean.

    Attributes
    ----------
    name : str
    of_mean : callable
        Mean to linear predictor.
    mean : callable
        Linear predictor to mean.
    slope : callable
        Derivative of the mean with respect to the linear predictor, at the linear predictor.
    """

    name: str
    of_mean: Callable[[FloatArray], FloatArray]
    mean: Callable[[FloatArray], FloatArray]
    slope: Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class Variance:
    """The variance function of a family.

    Attributes
    ----------
    name : str
    of_mean : callable
        Variance at a mean, without the dispersion.
    allows : callable
        Whether a mean lies strictly inside the range of the family.
    quasi_loglik : callable
        Quasi-log-likelihood of outcomes at means, without the dispersion.
    start : callable
        Means to start from, of outcomes and their average.
    """

    name: str
    of_mean: Callable[[FloatArray], FloatArray]
    allows: Callable[[FloatArray], BoolArray]
    quasi_loglik: Callable[[FloatArray, FloatArray], FloatArray]
    start: Callable[[FloatArray, float], FloatArray]


def _logistic_slope(eta: FloatArray) -> FloatArray:
    p = expit(eta)
    return np.asarray(p * expit(-eta))


def _normal_density(eta: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-(eta**2) / 2) / np.sqrt(2 * np.pi))


def _exp(eta: FloatArray) -> FloatArray:
    return np.asarray(np.exp(np.minimum(eta, 700.0)))


def _same(x: FloatArray) -> FloatArray:
    return np.asarray(x, dtype=float)


LINKS: dict[str, Link] = {
    "logit": Link("logit", logit, expit, _logistic_slope),
    "probit": Link("probit", ndtri, ndtr, _normal_density),
    "log": Link("log", np.log, _exp, _exp),
    "identity": Link("identity", _same, _same, np.ones_like),
}


def _binomial_loglik(y: FloatArray, mu: FloatArray) -> FloatArray:
    return np.asarray(xlogy(y, mu) + xlogy(1 - y, np.maximum(1 - mu, _SMALL)))


def _poisson_loglik(y: FloatArray, mu: FloatArray) -> FloatArray:
    return np.asarray(xlogy(y, mu) - mu)


VARIANCES: dict[str, Variance] = {
    "binomial": Variance(
        "binomial",
        lambda mu: mu * (1 - mu),
        lambda mu: (mu > 0) & (mu < 1),
        _binomial_loglik,
        lambda y, average: (y + average) / 2,
    ),
    "poisson": Variance(
        "poisson",
        _same,
        lambda mu: mu > 0,
        _poisson_loglik,
        lambda y, average: (y + average) / 2,
    ),
    "gaussian": Variance(
        "gaussian",
        np.ones_like,
        np.isfinite,
        lambda y, mu: -((y - mu) ** 2) / 2,
        lambda y, average: y,
    ),
}
