"""Accelerated failure time models: maximum likelihood for log T = x'beta + sigma Z.

References
----------
Kalbfleisch and Prentice 2002, The Statistical Analysis of Failure Time Data, 2nd ed., chapter 3;
Odell, Anderson and D'Agostino 1992, doi:10.2307/2532360; Prentice 1974,
doi:10.1093/biomet/61.3.539 (generalised gamma).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.numerics.newton_loglik import Optimum, Surface, maximise
from trdstats.kernels.numerics.orthogonal import Orthogonal
from trdstats.kernels.parametric.censored_times import Terms, log_likelihood, with_shape
from trdstats.kernels.parametric.fitted import ParametricFit, best_of
from trdstats.kernels.parametric.generalised_gamma import generalised_gamma
from trdstats.kernels.parametric.kinds_of_subject import KnownTimes, Rows
from trdstats.kernels.parametric.log_location_scale import (
    EXTREME,
    LOGISTIC,
    NORMAL,
    StandardDistribution,
)
from trdstats.kernels.parametric.mixed_times import MixedTimes

Distribution = Literal["exponential", "weibull", "log-normal", "log-logistic", "generalised gamma"]

# Mean and standard deviation of each standard distribution: turn the mean and the spread of log
# times into a first eta and sigma.
_MEAN = {"exponential": -0.5772, "weibull": -0.5772, "log-normal": 0.0, "log-logistic": 0.0}
_SPREAD = {"exponential": 1.2825, "weibull": 1.2825, "log-normal": 1.0, "log-logistic": 1.8138}
_DISTRIBUTIONS = {
    "exponential": EXTREME,
    "weibull": EXTREME,
    "log-normal": NORMAL,
    "log-logistic": LOGISTIC,
}


@dataclass(frozen=True, slots=True)
class AFTFit(ParametricFit):
    """A fitted model; theta holds beta, then log sigma and Q where the distribution has them.

    Attributes
    ----------
    q : int
        Number of regression coefficients.
    """

    q: int


def standard_distribution(distribution: str, Q: float = 1.0) -> StandardDistribution:
    """Return the standard distribution of log time."""
    return (
        generalised_gamma(Q)
        if distribution == "generalised gamma"
        else _DISTRIBUTIONS[distribution]
    )


def unpack(theta: FloatArray, q: int) -> tuple[FloatArray, float, float]:
    """Return beta (q,), log sigma and Q; 0 and 1 where the distribution has no such parameter."""
    log_sigma = float(theta[q]) if len(theta) > q else 0.0
    return theta[:q], log_sigma, float(theta[q + 1]) if len(theta) > q + 1 else 1.0


def subject_terms(
    distribution: Distribution, times: KnownTimes, X: FloatArray, theta: FloatArray
) -> Terms:
    """Return each subject's log-likelihood with derivatives in (eta, log sigma[, Q])."""
    if isinstance(times, MixedTimes):
        Z = X[times.origin.owner]
        return times.terms(lambda rows: subject_terms(distribution, rows, Z, theta))
    beta, log_sigma, Q = unpack(theta, X.shape[1])
    eta = X @ beta
    if distribution == "generalised gamma":
        return with_shape(lambda q: log_likelihood(generalised_gamma(q), times, eta, log_sigma), Q)
    terms = log_likelihood(_DISTRIBUTIONS[distribution], times, eta, log_sigma)
    if distribution == "exponential":
        return Terms(terms.value, terms.gradient[:, :1], terms.hessian[:, :1, :1])
    return terms


def fit_aft(
    times: KnownTimes, X: FloatArray, weight: FloatArray, distribution: Distribution
) -> AFTFit:
    """Fit by maximum likelihood.

    Parameters
    ----------
    times : CensoredTimes or MixedTimes
    X : ndarray, shape (n, q)
        With a column of ones, of full rank.
    weight : ndarray, shape (n,)
    distribution : str

    Raises
    ------
    FloatingPointError
        When no start has a finite likelihood.
    """
    design, q = Orthogonal.of(X), X.shape[1]
    rows = Rows.of(times, [X], weight)
    Z = rows.design(design.columns)
    starts = _starts(rows, Z, distribution)
    best = best_of([_maximise(rows, Z, distribution, start) for start in starts])
    gradient = subject_terms(distribution, rows.times, Z, best.theta).gradient
    scores = rows.of_subjects(np.hstack([Z * gradient[:, :1], gradient[:, 1:]])) * weight[:, None]
    back = np.eye(len(best.theta))
    back[:q, :q] = design.back()
    return AFTFit(
        distribution, back @ best.theta, best.point.information, scores, back, best.point.loglik,
        best.converged, best.iterations, q=q,
    )  # fmt: skip


def _maximise(
    rows: Rows, X: FloatArray, distribution: Distribution, start: FloatArray
) -> Optimum[Surface] | None:
    def surface(theta: FloatArray) -> Surface:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return gather(subject_terms(distribution, rows.times, X, theta), X, rows.weight)

    return maximise(surface, start, unit=rows.unit)


def gather(terms: Terms, X: FloatArray, weight: FloatArray) -> Surface:
    """Return the weighted sum of terms in (eta, others) with derivatives in (beta, others)."""
    gradient, hessian = terms.gradient, terms.hessian
    q, p = X.shape[1], X.shape[1] + gradient.shape[1] - 1
    H = np.empty((p, p))
    H[:q, :q] = X.T @ ((weight * hessian[:, 0, 0])[:, None] * X)
    H[:q, q:] = X.T @ (weight[:, None] * hessian[:, 0, 1:])
    H[q:, :q] = H[:q, q:].T
    others = hessian[:, 1:, 1:].reshape(len(weight), -1)
    H[q:, q:] = (weight[None] @ others).reshape(p - q, p - q)
    score = np.concatenate([X.T @ (weight * gradient[:, 0]), weight @ gradient[:, 1:]])
    return Surface(float(weight @ terms.value), score, -H)


def _starts(rows: Rows, X: FloatArray, distribution: Distribution) -> list[FloatArray]:
    """Return where to begin: least squares on log times, or the fits that Q = 1 and Q = 0 are."""
    if distribution == "generalised gamma":
        nested: tuple[tuple[Distribution, float], ...] = (("weibull", 1.0), ("log-normal", 0.0))
        starts = []
        for name, Q in nested:
            inner = _maximise(rows, X, name, _starts(rows, X, name)[0])
            if inner is not None:
                starts.append(np.append(inner.theta, Q))
        return starts
    y, weight = middle_of(rows.times), rows.weight
    root = np.sqrt(weight)
    both = np.column_stack([y, np.ones(len(y))])
    mean, one = np.linalg.lstsq(X * root[:, None], both * root[:, None], rcond=None)[0].T
    if distribution == "exponential":
        return [mean - _MEAN[distribution] * one]
    variance = weight @ (y - X @ mean) ** 2 / weight.sum()
    sigma = max(np.sqrt(variance), 0.1) / _SPREAD[distribution]
    return [np.append(mean - sigma * _MEAN[distribution] * one, np.log(sigma))]


def middle_of(times: KnownTimes) -> FloatArray:
    """Return a plain guess of each log time: the middle of its interval, the end where censored."""
    left, right = np.exp(times.log_left), np.exp(times.log_right)
    with np.errstate(divide="ignore"):
        guess = np.log(np.where(np.isfinite(right), (left + right) / 2, left))
    known = np.isfinite(guess)
    return np.where(known, guess, guess[known].mean() if known.any() else 0.0)
