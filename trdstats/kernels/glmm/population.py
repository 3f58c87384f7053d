"""Expected outcomes in the population: averages over the distribution of the random effects.

For logistic outcomes the average over a normal variable is a sum over equally spaced points, whose
error falls exponentially: the nearest pole of the integrand lies pi / sd from the real line. For
probit outcomes and counts it is a closed form.

References
----------
Trefethen and Weideman 2014, doi:10.1137/130932132 (the trapezoidal rule). Zeger, Liang and Albert
1988, doi:10.2307/2531734 (population-averaged against conditional effects).
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from trdstats.arrays import FloatArray
from trdstats.kernels.glmm.conditional import Link, mean_and_slope

_WIDTH = 8.5  # of a standard normal variable: beyond it lies less than 1e-16
_WIDEST = 0.5
# Spacing in units of the distance of the pole at which the error is below 1e-15.
_OF_POLE = 2 * np.pi / 35
_CHUNK = 2_000_000
_ROOT_2PI = float(np.sqrt(2 * np.pi))


def population_mean(
    link: Link, eta: FloatArray, spread: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return expected outcomes and their derivatives in the predictor and the spread.

    Parameters
    ----------
    link : {"logit", "probit", "log"}
    eta : ndarray, shape (m,)
        Linear predictor of the fixed effects.
    spread : ndarray, shape (m,)
        Standard deviation of what the random effects add to it.

    Returns
    -------
    mean, of_eta, of_spread : ndarray, shape (m,)
    """
    if link == "log":
        mean = np.exp(eta + spread**2 / 2)
        return mean, mean, mean * spread
    if link == "probit":
        root = np.sqrt(1 + spread**2)
        z = eta / root
        density = np.exp(-0.5 * z**2) / _ROOT_2PI
        return np.asarray(ndtr(z)), density / root, -density * z * spread / root**2
    widest = float(spread.max(initial=0.0))
    gap = min(_WIDEST, _OF_POLE * np.pi / widest) if widest > 0 else _WIDEST
    half = int(np.ceil(_WIDTH / gap))
    v = gap * np.arange(-half, half + 1)
    weight = np.exp(-0.5 * v**2)
    weight /= weight.sum()
    mean, of_eta, of_spread = (np.empty(len(eta)) for _ in range(3))
    size = max(_CHUNK // len(v), 1)
    for first in range(0, len(eta), size):
        at = slice(first, first + size)
        value, slope = mean_and_slope("logit", eta[at, None] + spread[at, None] * v)
        mean[at], of_eta[at], of_spread[at] = value @ weight, slope @ weight, slope @ (weight * v)
    return mean, of_eta, of_spread


def spread_of(Z: FloatArray, factor: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the standard deviation of Z u, and its derivatives in the entries of the factor.

    Parameters
    ----------
    Z : ndarray, shape (m, r)
    factor : ndarray, shape (r, r)

    Returns
    -------
    spread : ndarray, shape (m,)
    slope : ndarray, shape (m, r, r)
        0 where the spread is 0: the mean then has no first derivative in it.
    """
    W = Z @ factor
    spread = np.sqrt((W**2).sum(axis=1))
    scale = np.where(spread > 0, spread, 1.0)
    return spread, Z[:, :, None] * (W / scale[:, None])[:, None, :]
