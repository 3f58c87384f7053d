"""Weights made of a model of treatment, and the model they bring along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import NotEstimableError
from trdstats.kernels.weighting.moment_weights import moment_weights
from trdstats.kernels.weighting.propensity import (
    Scores,
    Target,
    balance_scores,
    fit_scores,
    log_slopes,
    weigh,
)
from trdstats.kernels.weighting.stacked_propensity import stacked_scores

# A coefficient of this size on the scale of standard deviations leaves next to nothing to chance.
_STEEP = 12.0
_MISSED = 0.01  # of a mean, in standard deviations, from which on a covariate is named


@dataclass(frozen=True)
class TreatmentModel:
    """How treatments are explained, on arrays; frozen so that it travels to workers.

    Attributes
    ----------
    design : ndarray, shape (n, q + 1)
        Ones, then the covariates, centred and scaled; columns stand together in memory.
    treatment : ndarray of int, shape (n,)
    k : int
    estimand : str
        "ate", "att", "overlap", "matching" or "entropy".
    of : int
        Treatment whose subjects are the target; -1 for all.
    balancing, stabilised : bool
    cap : float or None
        Quantile, within treatments, above which weights are cut.
    terms : tuple of str
    given : ndarray, shape (n, k), optional
        Probabilities of the treatments from elsewhere; then nothing is fitted.
    """

    design: FloatArray
    treatment: IntArray
    k: int
    estimand: str
    of: int
    balancing: bool
    stabilised: bool
    cap: float | None
    terms: tuple[str, ...]
    given: FloatArray | None = None

    def fit(self, counts: FloatArray | None = None) -> FittedWeights:
        """Return the weights when every subject counts so many times.

        A resample in which a rare trait happens to stay with one treatment is weighted all the
        same: its scores there are close to 0 or 1.

        Raises
        ------
        NotEstimableError
            When covariates identify the treatment, or no weights balance them.
        """
        m = np.ones(len(self.columns)) if counts is None else counts
        fitted = self._entropy(m) if self.estimand == "entropy" else self._propensity(m)
        return fitted if self.cap is None else self._cut(fitted, self.cap)

    def weights(self, counts: FloatArray) -> FloatArray:
        """Return the weights of many resamples, shape (b, n), as `fit` makes them one by one.

        Scores of maximum likelihood are refitted for all resamples together.

        Parameters
        ----------
        counts : ndarray, shape (b, n)

        Raises
        ------
        NotEstimableError
            As `fit`.
        """
        weight = np.empty(counts.shape)
        left = np.ones(len(counts), dtype=bool)
        if self._refits_together:
            design = self.design
            start = fit_scores(design, self.treatment, self.k, np.ones(len(self.columns)))
            probability, settled = stacked_scores(design, self.treatment, start, counts)
            target: Target = self.estimand  # type: ignore[assignment]
            weight = weigh(probability, self.treatment, target, self.of)
            left = ~settled
        for row in np.flatnonzero(left):
            weight[row] = self.fit(counts[row]).weight
        return weight

    @property
    def _refits_together(self) -> bool:
        by_scores = self.estimand != "entropy" and self.given is None and not self.balancing
        return by_scores and not self.stabilised and self.cap is None

    @property
    def columns(self) -> FloatArray:
        """Covariates, centred and scaled, shape (n, q)."""
        return self.design[:, 1:]

    def _propensity(self, m: FloatArray) -> FittedWeights:
        design = self.design
        if self.given is None:
            scores = fit_scores(design, self.treatment, self.k, m)
        else:
            scores, design = Scores.known(self.given), np.empty((len(self.columns), 0))
        if self.given is None:
            self._check(scores, m)
        target: Target = self.estimand  # type: ignore[assignment]
        if self.balancing and self.given is None:
            scores = balance_scores(design, self.treatment, scores, m, target, self.of)
            if not scores.converged:
                raise NotEstimableError(
                    "No scores balance the covariates exactly: use method='likelihood', or "
                    "estimand='entropy', or fewer covariates."
                )
        weight = weigh(scores.probability, self.treatment, target, self.of)
        if self.stabilised:
            weight = weight * self._proportion(m)[self.treatment]
        return FittedWeights(weight, partial(self._derivatives, scores, design, m), scores)

    def _proportion(self, m: FloatArray) -> FloatArray:
        return np.asarray(np.bincount(self.treatment, m, self.k) / m.sum())

    def _derivatives(
        self, scores: Scores, design: FloatArray, m: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        target: Target = self.estimand  # type: ignore[assignment]
        slope = log_slopes(scores.probability, self.treatment, target, self.of)
        log_derivative = (slope[:, :, None] * design[:, None, :]).reshape(len(design), -1)
        influence = scores.influence()
        if self.stabilised:
            proportion = self._proportion(m)
            is_given = np.eye(self.k)[self.treatment]
            log_derivative = np.hstack([log_derivative, is_given])
            influence = np.hstack([influence, (is_given - proportion) / (m.sum() * proportion)])
        return log_derivative, influence * m[:, None]

    def _check(self, scores: Scores, m: FloatArray) -> None:
        """Refuse covariates that identify the treatment; a resample may lose a rare trait."""
        steep = (np.abs(scores.gamma) > _STEEP).any(axis=0)
        stated = (scores.separated | steep)[1:]
        resampled = bool((m == 0).any())
        if stated.any() and not resampled:
            raise NotEstimableError(_apart(self.terms, stated))
        if not (scores.converged or scores.separated.any()):
            raise NotEstimableError(
                "The model of treatment has no maximum that was found: use fewer covariates."
            )

    def _entropy(self, m: FloatArray) -> FittedWeights:
        """Return weights whose moments are those of the target, treatment by treatment."""
        n, q = self.columns.shape
        pool = m * (self.treatment == self.of) if self.of >= 0 else m
        target = pool @ self.columns / pool.sum()
        on_target = pool[:, None] * (self.columns - target) / pool.sum()
        weight = np.ones(n)
        # Coefficients of every treatment, then the factor that makes its weights sum to its size.
        columns = self.k * q + self.k
        log_derivative, influence = np.zeros((n, columns)), np.zeros((n, columns))
        gamma = np.zeros((self.k, q))
        for k in range(self.k):
            if k == self.of:
                continue
            in_arm = self.treatment == k
            fit = moment_weights(self.columns[in_arm], target, counts=m[in_arm])
            if not fit.converged:
                left = np.abs(fit.distance) > _MISSED
                raise NotEstimableError(
                    "No weights give the subjects of every treatment the means of the target, of "
                    f"{', '.join(np.array(self.terms)[left])} above all: they lie beyond what a "
                    "treatment has. Leave covariates out, or those subjects."
                )
            block = slice(k * q, (k + 1) * q)
            weight[in_arm], gamma[k] = fit.weight, fit.gamma
            log_derivative[in_arm, block] = fit.log_derivative
            centred = self.columns[in_arm] - target
            w = m[in_arm] * fit.weight
            slope = (centred * w[:, None]).T @ centred
            # The target is an estimate too: what moves it moves the coefficients.
            influence[:, block] = np.linalg.lstsq(slope, w.sum() * on_target.T, rcond=None)[0].T
            influence[in_arm, block] += fit.influence * m[in_arm][:, None]
            log_derivative[in_arm, self.k * q + k] = 1.0
            influence[in_arm, self.k * q + k] = m[in_arm] * (1 - fit.weight) / m[in_arm].sum()
        return FittedWeights(weight, partial(_as_they_are, log_derivative, influence), None, gamma)

    def _cut(self, fit: FittedWeights, cap: float) -> FittedWeights:
        """Cut the largest weights of each treatment; those cut no longer follow the model."""
        weight, beyond = fit.weight.copy(), np.zeros(len(fit.weight), dtype=bool)
        for k in range(self.k):
            in_arm = self.treatment == k
            limit = np.quantile(weight[in_arm], cap)
            over = in_arm & (weight > limit)
            weight[over] = limit
            beyond |= over
        return replace(fit, weight=weight, derivatives=partial(_without, fit, beyond))


@dataclass(frozen=True)
class FittedWeights:
    """Weights with their model.

    Attributes
    ----------
    weight : ndarray, shape (n,)
    derivatives : callable
        Returns `log_derivative` and `influence`: they are worked out when errors ask for them.
    scores : Scores or None
        None for weights that balance without scores.
    gamma : ndarray, shape (k, q) or None
        Coefficients of the logarithm of the weights of each treatment, of entropy weights.
    """

    weight: FloatArray
    derivatives: Callable[[], tuple[FloatArray, FloatArray]]
    scores: Scores | None
    gamma: FloatArray | None = None

    @cached_property
    def _both(self) -> tuple[FloatArray, FloatArray]:
        return self.derivatives()

    @property
    def log_derivative(self) -> FloatArray:
        """As in `EstimatedWeights`, shape (n, p)."""
        return self._both[0]

    @property
    def influence(self) -> FloatArray:
        """As in `EstimatedWeights`, shape (n, p)."""
        return self._both[1]


def _as_they_are(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    return a, b


def _without(fit: FittedWeights, beyond: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return the derivatives of weights of which some were cut and no longer follow the model."""
    return np.where(beyond[:, None], 0.0, fit.log_derivative), fit.influence


def _apart(terms: tuple[str, ...], stated: BoolArray) -> str:
    named = [t for t, e in zip(terms, stated, strict=True) if e]
    return (
        f"{' and '.join(named)} {'identifies' if len(named) == 1 else 'identify'} the treatment: "
        f"some "
        "subjects could only have had the treatment they had, so there is no subject to compare "
        "them with. Leave a covariate out only if it does not matter to the outcome; otherwise "
        "compare "
        "fewer subjects, or do not compare."
    )
