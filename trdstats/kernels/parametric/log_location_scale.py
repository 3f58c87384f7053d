"""Standard distributions of log time: log T = eta + sigma Z, with every tail on the log scale.

A distribution is given by log S(z), log F(z), log f(z) and the first two derivatives of log f(z).
Both tails are computed directly, so that neither is ever one minus the other.

References
----------
Kalbfleisch and Prentice 2002, The Statistical Analysis of Failure Time Data, 2nd ed., section
2.2 (log-location-scale families); Machler 2012, "Accurately computing log(1 - exp(-|a|))", R
package Rmpfr (the change at log 2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log, pi

import numpy as np
from scipy.special import log_ndtr

from trdstats.arrays import FloatArray

Function = Callable[[FloatArray], FloatArray]

_LOG_2 = log(2.0)
_HALF_LOG_2_PI = 0.5 * log(2.0 * pi)
# exp of this is still finite after two multiplications; beyond it every density is 0 anyway.
_MOST = 200.0


@dataclass(frozen=True, slots=True)
class StandardDistribution:
    """A standard distribution on the real line.

    Attributes
    ----------
    log_sf, log_cdf, log_pdf : callable
        log S(z), log F(z), log f(z); arrays of any shape in, the same shape out.
    slope, bend : callable
        First and second derivative of log f(z).
    upper : callable or None
        log S(z), log f(z) and its slope at once, where log S(z) keeps its digits at both ends, so
        that no interval needs log F(z); None where it does not.
    """

    log_sf: Function
    log_cdf: Function
    log_pdf: Function
    slope: Function
    bend: Function
    upper: Callable[[FloatArray], tuple[FloatArray, FloatArray, FloatArray]] | None = None


def log1mexp(x: FloatArray) -> FloatArray:
    """Return log(1 - exp(x)) for x <= 0, without loss of digits at either end."""
    near = x > -_LOG_2
    with np.errstate(divide="ignore"):
        close = np.log(-np.expm1(np.where(near, x, -1.0)))
    return np.where(near, close, np.log1p(-np.exp(np.where(near, -1.0, x))))


def _exp(z: FloatArray) -> FloatArray:
    return np.exp(np.minimum(z, _MOST))


def _least_cdf(z: FloatArray) -> FloatArray:
    # Far to the left F(z) = exp(z) to the last digit, also where exp(z) itself underflows.
    return np.where(z < -40.0, z, log1mexp(-_exp(np.maximum(z, -40.0))))


def _least_upper(z: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    log_sf = -_exp(z)
    return log_sf, z + log_sf, 1.0 + log_sf


def _softplus(z: FloatArray) -> FloatArray:
    return np.logaddexp(0.0, z)


EXTREME = StandardDistribution(
    log_sf=lambda z: -_exp(z),
    log_cdf=_least_cdf,
    log_pdf=lambda z: z - _exp(z),
    slope=lambda z: 1.0 - _exp(z),
    bend=lambda z: -_exp(z),
    upper=_least_upper,
)
NORMAL = StandardDistribution(
    log_sf=lambda z: log_ndtr(-z),
    log_cdf=lambda z: log_ndtr(z),
    log_pdf=lambda z: -0.5 * z**2 - _HALF_LOG_2_PI,
    slope=lambda z: -z,
    bend=lambda z: np.full_like(z, -1.0),
)
LOGISTIC = StandardDistribution(
    log_sf=lambda z: -_softplus(z),
    log_cdf=lambda z: -_softplus(-z),
    log_pdf=lambda z: -_softplus(z) - _softplus(-z),
    slope=lambda z: -np.tanh(z / 2.0),
    bend=lambda z: -2.0 * np.exp(-_softplus(z) - _softplus(-z)),
)
