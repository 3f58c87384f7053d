"""Log-likelihoods of single ratings given the linear predictor, and their derivatives.

Every rating is one row, or two: a rating in category k of an ordinal outcome is above threshold
k - 1 and not above threshold k, and the logistic model of both is

    P(k) = F(a) - F(b) = F(a) F(-b) (1 - exp(b - a)),    F(x) = 1 / (1 + exp(-x)),

two binary rows and a factor that no random effect enters, since it shifts a and b alike.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.special import gammaln, log_ndtr

from trdstats.arrays import FloatArray

Link = Literal["logit", "probit", "log"]

_HALF_LOG_2PI = 0.5 * float(np.log(2 * np.pi))
# Beyond this a logistic probability is 0 or 1 to the last digit, and exp would overflow.
_FAR = 500.0
# exp of more is no count that anybody has seen; the search turns back from there.
_MANY = 100.0


def value_and_slope(link: Link, y: FloatArray, eta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return log-likelihoods and their first derivatives in the linear predictor.

    Parameters
    ----------
    link : {"logit", "probit", "log"}
        Of binary outcomes (0, 1), or of counts (Poisson).
    y : ndarray, shape (N, 1) or (N,)
    eta : ndarray, shape (N, K) or (N,)
    """
    if link == "log":
        mean = np.exp(np.minimum(eta, _MANY))
        return y * eta - mean - gammaln(y + 1.0), y - mean
    sign = 1.0 - 2.0 * y
    if link == "logit":
        odds = np.exp(np.minimum(sign * eta, _FAR))
        total = 1.0 + odds
        return -np.log(total), -sign * (odds / total)
    value, ratio = _mills(-sign * eta)
    return value, -sign * ratio


def second_derivative(link: Link, y: FloatArray, eta: FloatArray, slope: FloatArray) -> FloatArray:
    """Return second derivatives, from the first."""
    if link == "log":
        return slope - y
    if link == "logit":
        size = np.abs(slope)
        return -size * (1.0 - size)
    sign = 2.0 * y - 1.0
    ratio = sign * slope
    return -ratio * (sign * eta + ratio)


def third_derivative(link: Link, y: FloatArray, eta: FloatArray, slope: FloatArray) -> FloatArray:
    """Return third derivatives, from the first."""
    if link == "log":
        return slope - y
    sign = 2.0 * y - 1.0
    size = sign * slope
    if link == "logit":
        return sign * size * (1.0 - size) * (1.0 - 2.0 * size)
    x = sign * eta
    bend = size * (x + size)  # minus the derivative of the ratio
    return sign * (bend * (x + size) - size * (1.0 - bend))


def mean_and_slope(link: Link, eta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the expected outcome at a linear predictor, and its derivative."""
    if link == "log":
        mean = np.exp(np.minimum(eta, _MANY))
        return mean, mean
    if link == "logit":
        small = np.exp(-np.minimum(np.abs(eta), _FAR))
        inner = small / (1.0 + small)
        return np.where(eta >= 0, 1.0 - inner, inner), inner * (1.0 - inner)
    return np.exp(log_ndtr(eta)), np.exp(-0.5 * eta**2 - _HALF_LOG_2PI)


def _mills(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return log Phi(x) and phi(x) / Phi(x)."""
    value = np.asarray(log_ndtr(x))
    return value, np.exp(-0.5 * x**2 - _HALF_LOG_2PI - value)
