"""Models of the mean of a rating, as standardised residuals and their derivatives.

Divided by its working standard deviation a rating has variance 1, whatever its family; what is
left is a regression with correlated errors. A rating in one of K ordered categories is K - 1
indicators of "at most category k". They form a Markov chain, so that each less its regression on
the one before is uncorrelated with the others: a rating is K - 1 uncorrelated residuals.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace

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

    @abstractmethod
    def linear_predictors(self, beta: FloatArray) -> FloatArray:
        """Return the linear predictors of the ratings, one or several a rating."""


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
        wanted = self.wanted(float(np.average(self.y, weights=self.weight)))
        return drawn_inside(np.asarray(np.linalg.lstsq(self.X, wanted, rcond=None)[0]), self.at)

    def totals(self) -> FloatArray:
        """Return the weighted sum of the outcomes, and the sum of the weights."""
        return np.array([self.weight @ self.y, self.weight.sum()])

    def wanted(self, average: float) -> FloatArray:
        """Return what a start is least squares of, and what one mean for all is, shape (N, 2)."""
        mu = self.variance.start(self.y, average)
        wanted = self.link.of_mean(np.maximum(mu, 1e-8) if self.link.name != "identity" else mu)
        flat = np.full(len(self.y), float(self.link.of_mean(np.array(average))))
        return np.stack([wanted, flat], axis=1)

    def linear_predictors(self, beta: FloatArray) -> FloatArray:
        """Return X beta, shape (N,)."""
        return self.X @ beta

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
        return start_of_categories(self.totals(), self.X.shape[1])

    def totals(self) -> FloatArray:
        """Return the sum of the weights by category, shape (K,)."""
        return np.asarray(np.bincount(self.y.astype(np.intp), self.weight, self.n_parts + 1), float)

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


@dataclass(frozen=True)
class Restricted(MeanModel):
    """A model whose coefficients are combinations of fewer.

    Attributes
    ----------
    whole : MeanModel
    basis : ndarray, shape (q, r)
        Coefficients of the whole model are this times those of the restricted one.
    begin : ndarray, shape (r,)
    """

    whole: MeanModel
    basis: FloatArray
    begin: FloatArray

    @property
    def n_parts(self) -> int:  # type: ignore[override]
        """Residuals of a rating."""
        return self.whole.n_parts

    def start(self) -> FloatArray:
        """Return coefficients to start from."""
        return self.begin

    def at(self, beta: FloatArray) -> Standardised | None:
        """Return the standardised ratings; None where a mean leaves the range of the family."""
        here = self.whole.at(self.basis @ beta)
        return None if here is None else replace(here, design=here.design @ self.basis)

    def linear_predictors(self, beta: FloatArray) -> FloatArray:
        """Return the linear predictors of the whole model."""
        return self.whole.linear_predictors(self.basis @ beta)


def mean_model(
    family: str, X: FloatArray, y: FloatArray, weight: FloatArray, link: str, n_categories: int
) -> OneMean | CumulativeLogit:
    """Return the model of a family; of "ordinal" X has no intercept."""
    if family == "ordinal":
        return CumulativeLogit(X, y, weight, n_categories - 1)
    return OneMean(X, y, weight, link, family)


def drawn_inside(pair: FloatArray, at: Callable[[FloatArray], object | None]) -> FloatArray:
    """Return coefficients drawn towards those of one mean for all until they are in range.

    Parameters
    ----------
    pair : ndarray, shape (q, 2)
        The coefficients, and those of one mean.
    at : callable
        Returns None of coefficients that are not in range.
    """
    beta, flat = pair.T
    for _ in range(60):
        if at(beta) is not None:
            break
        beta = (beta + flat) / 2
    return np.asarray(beta, dtype=float)


def start_of_categories(totals: FloatArray, p: int) -> FloatArray:
    """Return logits of the cumulative proportions of categories, and p effects of 0."""
    proportion = np.cumsum(totals)[:-1] / totals.sum()
    return np.concatenate([np.log(proportion / (1 - proportion)), np.zeros(p)])
