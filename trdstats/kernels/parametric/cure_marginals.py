"""Ever responding, and the time of those who do, averaged over subjects of a mixture cure model.

Gradients are in (gamma, beta, log sigma) with covariates as they are.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from trdstats.arrays import FloatArray
from trdstats.kernels.parametric.aft import standard_distribution
from trdstats.kernels.parametric.mixture_cure import CureFit
from trdstats.kernels.parametric.standardised_survival import (
    Population,
    Quantity,
    log_quantile,
    mean_survival,
)


def _responders(
    fit: CureFit, W: FloatArray, X: FloatArray, weight: FloatArray
) -> tuple[FloatArray, Population, float]:
    """Return p of each subject, the population weighted by p, and the average p."""
    p = expit(W @ fit.gamma)
    weights = weight * p
    population = Population(
        distribution_at=lambda _: standard_distribution(fit.distribution),
        X=X,
        weight=weights / weights.sum(),
        beta=fit.beta,
        log_sigma=fit.log_sigma,
        Q=1.0,
        n_scale=1,
    )
    return p, population, float(weights.sum())


def ever_responding(fit: CureFit, W: FloatArray, X: FloatArray, weight: FloatArray) -> Quantity:
    """Return the average probability of ever responding.

    Parameters
    ----------
    fit : CureFit
    W, X : ndarray, shapes (n, g) and (n, q)
    weight : ndarray, shape (n,)
        Sums to 1.
    """
    p, _, average = _responders(fit, W, X, weight)
    return Quantity(average, np.concatenate([W.T @ (weight * p * (1 - p)), np.zeros(fit.q + 1)]))


def log_median_of_responders(
    fit: CureFit, W: FloatArray, X: FloatArray, weight: FloatArray
) -> Quantity:
    """Return the log time by which half of those who will respond have; arguments as above."""
    p, population, _ = _responders(fit, W, X, weight)
    quantile = log_quantile(population)
    distribution, sigma = standard_distribution(fit.distribution), np.exp(fit.log_sigma)
    z = (quantile.value - population.eta()) / sigma
    density = float(population.weight @ np.exp(distribution.log_pdf(z))) / sigma
    survival = population.survival_of_each(quantile.value)
    # A subject with a higher probability of response has more weight in the mixture.
    shift = W.T @ (population.weight * (1 - p) * (survival - 0.5))
    return Quantity(quantile.value, np.concatenate([shift / density, quantile.gradient]))


def late_proportion(
    fit: CureFit, W: FloatArray, X: FloatArray, weight: FloatArray, y: float
) -> float:
    """Return the proportion of responders who respond after a log time; arguments as above."""
    return mean_survival(_responders(fit, W, X, weight)[1], y).value


def responded_by(
    fit: CureFit, W: FloatArray, X: FloatArray, weight: FloatArray, y: float
) -> Quantity:
    """Return the average probability of having responded by a log time; arguments as above."""
    p, population, average = _responders(fit, W, X, weight)
    if np.isneginf(y):
        return Quantity(0.0, np.zeros(len(fit.theta)))
    survival = mean_survival(population, y)
    distribution = standard_distribution(fit.distribution)
    had = np.exp(distribution.log_cdf((y - population.eta()) / np.exp(fit.log_sigma)))
    return Quantity(
        average * float(population.weight @ had),
        np.concatenate([W.T @ (weight * p * (1 - p) * had), -average * survival.gradient]),
    )
