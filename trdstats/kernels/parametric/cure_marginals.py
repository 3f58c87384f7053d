"""Ever responding, and the time of those who do, averaged over subjects of a mixture cure model.

Gradients are in (gamma, beta, log sigma) with covariates as they are.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from trdstats.arrays import FloatArray
from trdstats.kernels.parametric.aft import law_of
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
    share = weight * p
    people = Population(
        law_at=lambda _: law_of(fit.distribution),
        X=X,
        weight=share / share.sum(),
        beta=fit.beta,
        log_sigma=fit.log_sigma,
        Q=1.0,
        n_scale=1,
    )
    return p, people, float(share.sum())


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
    p, people, _ = _responders(fit, W, X, weight)
    found = log_quantile(people)
    law, sigma = law_of(fit.distribution), np.exp(fit.log_sigma)
    z = (found.value - people.eta()) / sigma
    density = float(people.weight @ np.exp(law.log_pdf(z))) / sigma
    survival = people.survival_of_each(found.value)
    # A subject likelier to respond moves the mixture of responders towards its own curve.
    shift = W.T @ (people.weight * (1 - p) * (survival - 0.5))
    return Quantity(found.value, np.concatenate([shift / density, found.gradient]))


def late_share(fit: CureFit, W: FloatArray, X: FloatArray, weight: FloatArray, y: float) -> float:
    """Return the share of those who will respond who do so after a log time; arguments as above."""
    return mean_survival(_responders(fit, W, X, weight)[1], y).value


def responded_by(
    fit: CureFit, W: FloatArray, X: FloatArray, weight: FloatArray, y: float
) -> Quantity:
    """Return the average probability of having responded by a log time; arguments as above."""
    p, people, average = _responders(fit, W, X, weight)
    if np.isneginf(y):
        return Quantity(0.0, np.zeros(len(fit.theta)))
    found = mean_survival(people, y)
    law = law_of(fit.distribution)
    had = np.exp(law.log_cdf((y - people.eta()) / np.exp(fit.log_sigma)))
    return Quantity(
        average * float(people.weight @ had),
        np.concatenate([W.T @ (weight * p * (1 - p) * had), -average * found.gradient]),
    )
