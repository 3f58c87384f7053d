"""Models of the mean of a rating, as standardised residuals and their derivatives.

Divided by its working standard deviation a rating has variance 1, whatever its family; what is
left is a regression with correlated errors. A rating in one of K ordered categories is K - 1
indicators of "at most category k". They form a Markov chain, so that each less its regression on
the one before is uncorrelated with the others: a rating is K - 1 uncorrelated residuals.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from trdstats.arrays import FloatArray
from trdstats.kernels.gee.links import LINKS, VARIANCES, Link, Variance


@dataclass(frozen=True, slots=True)
class Standardised:
    """Ratings at some coefficients, divided by their working standard deviations.

    Attributes
    ----------
    residual : ndarray, shape (N, c)
    design : ndarray, shape (N, c, q)
        Derivatives of the means, divided likewise.
    quasi_loglik : float
        Quasi-log-likelihood under independence, weights counted.
    """

    residual: FloatArray
    design: FloatArray
    quasi_loglik: float


class MeanModel(ABC):
    """The mean of every rating and its working variance."""

    n_parts: int  # residuals of a rating

    @abstractmethod
    def start(self) -> FloatArray:
        """Return coefficients to start from, shape (q,), whose means lie inside the range."""

    @abstractmethod
    def at(self, beta: FloatArray) -> Standardised | None:
        """Return the standardised ratings; None where a mean leaves the range of the family."""


@dataclass(frozen=True)
class OneMean(MeanModel):
    """A mean with a link and a variance function.

    Attributes
    ----------
    X : ndarray, shape (N, q)
    y : ndarray, shape (N,)
    weight : ndarray, shape (N,)
    link_name : str
        Of `LINKS`.
    family : str
        Of `VARIANCES`.
    """

    X: FloatArray
    y: FloatArray
    weight: FloatArray
    link_name: str
    family: str
    n_parts = 1

    @property
    def link(self) -> Link:
        """The link."""
        return LINKS[self.link_name]

    @property
    def variance(self) -> Variance:
        """The variance function."""
        return VARIANCES[self.family]

    def start(self) -> FloatArray:
        """Return least squares on the link of means drawn towards the average."""
        average = float(np.average(self.y, weights=self.weight))
        mu = self.variance.start(self.y, average)
        wanted = self.link.of_mean(np.maximum(mu, 1e-8) if self.link.name != "identity" else mu)
        beta = np.asarray(np.linalg.lstsq(self.X, wanted, rcond=None)[0], dtype=float)
        # Towards one mean for all, which is inside the range.
        flat = np.linalg.lstsq(
            self.X, np.full(len(self.y), float(self.link.of_mean(np.array(average)))), rcond=None
        )[0]
        for _ in range(60):
            if self.at(beta) is not None:
                break
            beta = (beta + flat) / 2
        return beta

    def at(self, beta: FloatArray) -> Standardised | None:
        """Return residuals (y - mu) / sqrt(v / w) and their derivatives."""
        eta = self.X @ beta
        mu = self.link.mean(eta)
        if not self.variance.allows(mu).all():
            return None
        scale = np.sqrt(self.weight / self.variance.of_mean(mu))
        design = (self.link.slope(eta) * scale)[:, None] * self.X
        loglik = float(self.weight @ self.variance.quasi_loglik(self.y, mu))
        return Standardised((scale * (self.y - mu))[:, None], design[:, None, :], loglik)


@dataclass(frozen=True)
class CumulativeLogit(MeanModel):
    """Ordered categories: logit P(Y <= k) = threshold k - X beta.

    Attributes
    ----------
    X : ndarray, shape (N, p)
        Without an intercept, for which the thresholds stand.
    y : ndarray, shape (N,)
        Places of the categories from 0.
    weight : ndarray, shape (N,)
    n_parts : int
        Categories less one. Coefficients are the thresholds, then those of X.

    References
    ----------
    Lipsitz, Kim and Zhao 1994, doi:10.1002/sim.4780131106.
    """

    X: FloatArray
    y: FloatArray
    weight: FloatArray
    n_parts: int

    def start(self) -> FloatArray:
        """Return the logits of the cumulative proportions, and no effects."""
        n = np.bincount(self.y.astype(np.intp), self.weight, self.n_parts + 1)
        proportion = np.cumsum(n)[:-1] / n.sum()
        return np.concatenate([np.log(proportion / (1 - proportion)), np.zeros(self.X.shape[1])])

    def linear_predictors(self, beta: FloatArray) -> FloatArray:
        """Return the thresholds less X beta, shape (N, c)."""
        k = self.n_parts
        return np.asarray(beta[:k] - (self.X @ beta[k:])[:, None])

    def indicators(self) -> tuple[FloatArray, FloatArray]:
        """Return the design of all indicators, and 1 where one is met, -1 where not."""
        k, n = self.n_parts, len(self.y)
        design = np.hstack([np.tile(np.eye(k), (n, 1)), -np.repeat(self.X, k, axis=0)])
        met = self.y[:, None] <= np.arange(k)
        return design, np.where(met, 1.0, -1.0).ravel()

    def at(self, beta: FloatArray) -> Standardised | None:
        """Return the residuals of each indicator given the one below it."""
        k = self.n_parts
        if (np.diff(beta[:k]) <= 0).any():
            return None
        eta = self.linear_predictors(beta)
        mu, beyond = expit(eta), expit(-eta)
        between = np.diff(mu, axis=1, prepend=0.0)
        if (between <= 0).any() or (beyond <= 0).any():
            return None
        slope = mu * beyond
        gap = (self.y[:, None] <= np.arange(k)) - mu
        # P(Y > k | Y > k - 1): the regression of an indicator on the one below.
        carried = np.ones_like(mu)
        carried[:, 1:] = beyond[:, 1:] / beyond[:, :-1]
        below = np.zeros_like(mu)
        below[:, 1:] = gap[:, :-1]
        remaining = carried * between
        remaining[:, 0] = slope[:, 0]
        scale = np.sqrt(self.weight[:, None] / remaining)
        step = np.zeros_like(mu)
        step[:, 1:] = slope[:, :-1]
        D = np.zeros((*mu.shape, len(beta)))
        each = np.arange(k)
        D[:, each, each] = slope
        D[:, each[1:], each[:-1]] = -carried[:, 1:] * step[:, 1:]
        D[:, :, k:] = (
            -(slope - np.where(each > 0, carried, 0.0) * step)[:, :, None] * (self.X[:, None, :])
        )
        residual = scale * (gap - np.where(each > 0, carried, 0.0) * below)
        proportion = np.diff(mu, axis=1, prepend=0.0, append=1.0)
        proportion[:, -1] = beyond[:, -1]
        of_observed = proportion[np.arange(len(self.y)), self.y.astype(np.intp)]
        return Standardised(
            residual, scale[:, :, None] * D, float(self.weight @ np.log(of_observed))
        )
