"""The standard log generalised gamma distribution with shape Q, smooth through Q = 0.

With k = 1 / Q^2 and G a gamma variable of shape k, Z = log(Q^2 G) / Q. Q = 1 is the extreme-value
distribution (Weibull times), Q = 0 the normal (log-normal times), Q = sigma gives gamma times.

References
----------
Prentice 1974, Biometrika 61:539-544, doi:10.1093/biomet/61.3.539, equation 2; Cox, Chu, Schneider
and Munoz 2007, Stat Med 26:4352-4374, doi:10.1002/sim.2836; Temme 1979, SIAM J Math Anal
10:757-766, doi:10.1137/0510071 (the incomplete gamma functions at large shape).
"""

from __future__ import annotations

from math import lgamma, log, pi

import numpy as np
from scipy.special import gammainc, gammaincc

from trdstats.arrays import FloatArray
from trdstats.kernels.parametric.log_location_scale import NORMAL, Function, StandardDistribution

_HALF_LOG_2_PI = 0.5 * log(2.0 * pi)
_NEAR_NORMAL = 1e-4
_NORMAL = 1e-15  # the laws then differ by less than rounding
_MOST = 200.0


def generalised_gamma(Q: float) -> StandardDistribution:
    """Return the distribution with shape Q.

    Parameters
    ----------
    Q : float
        Any real number. Below 0 the right tail is the heavy one.

    Notes
    -----
    log f(z) = -log(2 pi) / 2 - r(1 / Q^2) - (exp(u) - 1 - u) / Q^2 with u = Q z and r Stirling's
    remainder of the log gamma function: the textbook form loses all digits as Q goes to 0, this
    one none. Log tails end where the tail itself underflows, 700 units of log out.
    """
    if abs(Q) < _NORMAL:
        return NORMAL
    remainder = _stirling_remainder(Q)
    upper, lower = (_tail(Q, right) for right in (True, False))
    return StandardDistribution(
        log_sf=upper,
        log_cdf=lower,
        log_pdf=lambda z: -_HALF_LOG_2_PI - remainder - _drop(Q, z),
        slope=lambda z: -_expm1(Q * z) / Q,
        bend=lambda z: -np.exp(np.minimum(Q * z, _MOST)),
    )


def _expm1(u: FloatArray) -> FloatArray:
    return np.expm1(np.minimum(u, _MOST))


def _drop(Q: float, z: FloatArray) -> FloatArray:
    """Return (exp(Q z) - 1 - Q z) / Q^2, by its series where Q z is small."""
    u = Q * z
    small = np.abs(u) < 0.1
    v = np.where(small, u, 0.0)
    series = np.full_like(v, 1 / 3628800)
    for factor in (362880, 40320, 5040, 720, 120, 24, 6, 2):
        series = series * v + 1 / factor
    return np.where(small, z**2 * series, (_expm1(u) - u) / np.where(small, 1.0, Q**2))


def _stirling_remainder(Q: float) -> float:
    """Return log gamma(k) - (k - 1/2) log k + k - log(2 pi) / 2 at k = 1 / Q^2."""
    q = Q * Q
    if q < 0.05:  # the series is exact to 1e-17 there, the difference of large numbers is not
        return q * (1 / 12 - q**2 * (1 / 360 - q**2 * (1 / 1260 - q**2 * (1 / 1680 - q**2 / 1188))))
    k = 1 / q
    return lgamma(k) - (k - 0.5) * log(k) + k - _HALF_LOG_2_PI


def _tail(Q: float, right: bool) -> Function:
    """Return the log of the right or the left tail as a function of z."""
    if abs(Q) < _NEAR_NORMAL:
        return lambda z: _uniform_tail(Q, z, right)
    k = 1 / Q**2
    integral = gammaincc if right == (Q > 0) else gammainc

    def log_tail(z: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            return np.log(integral(k, k * np.exp(np.minimum(Q * z, _MOST))))

    return log_tail


def _uniform_tail(Q: float, z: FloatArray, right: bool) -> FloatArray:
    """Return a log tail by Temme's expansion to its first term; the rest is of order |Q|^3."""
    w = np.sign(z) * np.sqrt(2.0 * _drop(Q, z))
    side = 1.0 if right else -1.0
    log_tail = NORMAL.log_cdf(-side * w)
    # (1 / (exp(u) - 1) - 1 / eta) / sqrt(k) at u = Q z, which tends to -Q / 3.
    shift = -Q / 3 + Q * Q * w / 12
    return log_tail + np.log1p(side * shift * np.exp(NORMAL.log_pdf(w) - log_tail))
