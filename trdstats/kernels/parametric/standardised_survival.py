"""Curves of a distribution of log time averaged over subjects, with gradients for the delta method.

The average keeps the covariates of the subjects as they are (g-computation); its gradient takes
them as fixed.

References
----------
Rutherford, Lambert, Sweeting et al. 2020, NICE DSU Technical Support Document 21, section 4.4
(standardised survival); Royston and Parmar 2013, BMC Med Res Methodol 13:152,
doi:10.1186/1471-2288-13-152 (restricted mean of a parametric model).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy
from scipy.special import roots_legendre

from trdstats.arrays import FloatArray
from trdstats.kernels.parametric.log_location_scale import StandardDistribution

_NODES, _WEIGHTS = roots_legendre(10)
_NOTHING = -40.0  # log of what is lost in rounding when added to 1
_STEP = 1e-3  # of the shape: errors of order step^4 and 1e-15 / step


@dataclass(frozen=True, slots=True)
class Population:
    """Subjects over whom a curve is averaged, and the distribution of their times.

    Attributes
    ----------
    law_at : callable
        Returns the standard distribution at a shape Q.
    X : ndarray, shape (n, q)
    weight : ndarray, shape (n,)
        Sums to 1.
    beta : ndarray, shape (q,)
    log_sigma, Q : float
    n_scale : int
        How many of log sigma and Q are parameters: 0, 1 or 2.
    """

    distribution_at: Callable[[float], StandardDistribution]
    X: FloatArray
    weight: FloatArray
    beta: FloatArray
    log_sigma: float
    Q: float
    n_scale: int

    def eta(self) -> FloatArray:
        """Return the location of each subject's log time, shape (n,)."""
        return self.X @ self.beta

    def survival_of_each(self, y: float) -> FloatArray:
        """Return each subject's survival at a log time, shape (n,)."""
        z = (y - self.eta()) / np.exp(self.log_sigma)
        return np.exp(self.distribution_at(self.Q).log_sf(z))


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number and its gradient in (beta, log sigma, Q), as far as these are parameters."""

    value: float
    gradient: FloatArray


def mean_survival(population: Population, y: float) -> Quantity:
    """Return the average survival at a log time; 1 at -inf."""
    p = len(population.beta) + population.n_scale
    if np.isneginf(y):
        return Quantity(1.0, np.zeros(p))
    sigma = np.exp(population.log_sigma)
    distribution = population.distribution_at(population.Q)
    z = (y - population.eta()) / sigma
    survival, density = (
        np.exp(distribution.log_sf(z)),
        population.weight * np.exp(distribution.log_pdf(z)),
    )
    parts = [population.X.T @ density / sigma]
    if population.n_scale > 0:
        parts.append(np.array([density @ z]))
    if population.n_scale > 1:
        around = [
            np.exp(population.distribution_at(population.Q + j * _STEP).log_sf(z))
            for j in (-2, -1, 1, 2)
        ]
        slope = np.array([1.0, -8.0, 8.0, -1.0]) @ (around @ population.weight) / (12 * _STEP)
        parts.append(np.array([slope]))
    return Quantity(float(population.weight @ survival), np.concatenate(parts))


def log_quantile(population: Population, proportion: float = 0.5) -> Quantity:
    """Return the log time by which a proportion had the event, on average over subjects."""
    sigma, distribution = np.exp(population.log_sigma), population.distribution_at(population.Q)
    standard_quantile = float(
        scipy.optimize.brentq(
            lambda z: float(_at(distribution, z)) - (1 - proportion), -60.0, 60.0, xtol=1e-14
        )
    )
    centre = population.eta() + sigma * standard_quantile
    y = float(centre[0])
    if np.ptp(centre) > 0:
        y = float(
            scipy.optimize.brentq(
                lambda t: (
                    float(population.weight @ population.survival_of_each(t)) - (1 - proportion)
                ),
                centre.min() - 1e-9,
                centre.max() + 1e-9,
                xtol=1e-13,
            )
        )
    z = (y - population.eta()) / sigma
    density = float(population.weight @ np.exp(distribution.log_pdf(z))) / sigma
    return Quantity(y, mean_survival(population, y).gradient / density)


def _at(distribution: StandardDistribution, z: float) -> float:
    return float(np.exp(distribution.log_sf(np.array([z])))[0])


def restricted_mean_time(population: Population, tau: float) -> Quantity:
    """Return the average time without the event up to tau, in units of time.

    Notes
    -----
    The integral of S(t) from 0 to tau is that of S(exp(y)) exp(y) up to log tau, by
    Gauss-Legendre rules of 10 points over pieces no wider than the distribution. What lies before
    a point where all survival is still 1 is that point itself.
    """
    bottom, y, weight = _rule(population, tau)
    if not len(y):
        return Quantity(tau, np.zeros(len(population.beta) + population.n_scale))
    values = [mean_survival(population, float(v)) for v in y]
    return Quantity(
        float(np.exp(bottom) + weight @ np.array([f.value for f in values])),
        weight @ np.array([f.gradient for f in values]),
    )


def restricted_mean_of_each(population: Population, tau: float) -> FloatArray:
    """Return each subject's expected time without the event up to tau, shape (n,)."""
    bottom, y, weight = _rule(population, tau)
    result = np.full(len(population.X), np.exp(bottom))
    for at, w in zip(y, weight, strict=True):
        result += w * population.survival_of_each(float(at))
    return result


def _rule(population: Population, tau: float) -> tuple[float, FloatArray, FloatArray]:
    """Return where survival is still 1 (log time), then nodes and weights from there to tau."""
    sigma = float(np.exp(population.log_sigma))
    top = float(np.log(tau))
    distribution, before = population.distribution_at(population.Q), -1.0
    while float(distribution.log_cdf(np.array([before]))[0]) > _NOTHING:
        before *= 1.5
    bottom = max(top + _NOTHING, float(population.eta().min()) + sigma * before)
    if bottom >= top:
        return top, np.empty(0), np.empty(0)
    pieces = int(np.clip(np.ceil((top - bottom) / min(2.0, 2.0 * sigma)), 1, 2000))
    edges = np.linspace(bottom, top, pieces + 1)
    half = (edges[1] - edges[0]) / 2
    y = ((edges[:-1] + edges[1:]) / 2)[:, None] + half * _NODES
    weight = half * np.broadcast_to(_WEIGHTS, y.shape) * np.exp(y)
    return bottom, y.ravel(), weight.ravel()
