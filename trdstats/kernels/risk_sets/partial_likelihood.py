"""Cox's partial likelihood with ties, strata, delayed entry and weights.

Tied events share a risk set that they leave one after the other: the k-th of d finds it less k/d
of the tied (Efron), or whole (Breslow). Every event is such a step j, with its S0 and its mean
covariates E. Sums over a subject's time at risk are differences of prefix sums, so that nothing
here loops over subjects or times.

References
----------
Efron 1977, doi:10.1080/01621459.1977.10480613. Therneau and Grambsch 2000, Modeling Survival Data,
doi:10.1007/978-1-4757-3294-8 (sections 3.1, 3.3, 7.1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.numerics import newton_loglik as newton
from trdstats.kernels.numerics.grouped import grouped_sums
from trdstats.kernels.risk_sets.risk_sums import RiskSets

Ties = Literal["efron", "breslow"]


@dataclass(frozen=True, slots=True)
class Episodes:
    """What the partial likelihood sees.

    Attributes
    ----------
    X : ndarray, shape (n, q)
    event : ndarray of bool, shape (n,)
    weight : ndarray, shape (n,)
    sets : RiskSets
    step : ndarray of int, shape (d,)
        Place of each event, in order.
    tie_fraction : ndarray, shape (d,)
        Share of the tied that has left before the event: k / d, or 0 for Breslow.
    size : ndarray, shape (d,)
        Mean weight of the events of the place.
    ties : ndarray, shape (m,)
        Number of events at each place.
    """

    X: FloatArray
    event: BoolArray
    weight: FloatArray
    sets: RiskSets
    step: IntArray
    tie_fraction: FloatArray
    size: FloatArray
    ties: IntArray

    @classmethod
    def of(
        cls, X: FloatArray, event: BoolArray, weight: FloatArray, sets: RiskSets, ties: Ties
    ) -> Episodes:
        """Find the steps."""
        m = len(sets.time)
        d = np.bincount(sets.place[event], minlength=m)
        total = np.bincount(sets.place[event], weights=weight[event], minlength=m)
        step = np.repeat(np.arange(m), d)
        rank = np.arange(len(step)) - np.repeat(np.cumsum(d) - d, d)
        tie_fraction = rank / d[step] if ties == "efron" else np.zeros(len(step))
        return cls(X, event, weight, sets, step, tie_fraction, total[step] / d[step], d)


@dataclass(frozen=True, slots=True)
class Fit:
    """A partial likelihood, or Fine and Gray's pseudo-likelihood, at one value of the coefficients.

    Attributes
    ----------
    beta : ndarray, shape (q,)
    loglik : float
    score : ndarray, shape (q,)
    information : ndarray, shape (q, q)
    risk : ndarray, shape (n,)
        exp(x'b), covariates centred.
    hazard : ndarray, shape (d,)
        size / S0 of each step: its jump of the baseline (subdistribution) hazard of a subject
        whose covariates are 0 in X.
    mean : ndarray, shape (d, q)
        Weighted mean covariates of the risk set of each step.
    """

    beta: FloatArray
    loglik: float
    score: FloatArray
    information: FloatArray
    risk: FloatArray
    hazard: FloatArray
    mean: FloatArray


def evaluate(data: Episodes, beta: FloatArray) -> Fit | None:
    """Return the likelihood and its derivatives, None where it overflows."""
    eta = data.X @ beta
    with np.errstate(over="ignore"):
        risk = np.exp(eta)
    if not (risk < 1e290 / len(risk)).all():
        return None
    risk_weight = data.weight * risk
    S0 = data.sets.over(risk_weight)[data.step]
    S1 = data.sets.over(risk_weight[:, None] * data.X)[data.step]
    if data.tie_fraction.any():
        tied = np.where(data.event, risk_weight, 0.0)
        S0 = S0 - data.tie_fraction * data.sets.at(tied)[data.step]
        S1 = S1 - data.tie_fraction[:, None] * data.sets.at(tied[:, None] * data.X)[data.step]
    hazard, mean = data.size / S0, S1 / S0[:, None]
    loglik = float(data.weight[data.event] @ eta[data.event] - data.size @ np.log(S0))
    score = (data.weight * data.event) @ data.X - data.size @ mean
    information = second_moments(data, risk, hazard) - (data.size[:, None] * mean).T @ mean
    return Fit(beta, loglik, score, information, risk, hazard, mean)


def second_moments(data: Episodes, risk: FloatArray, hazard: FloatArray) -> FloatArray:
    """Return sum_j hazard_j S2_j, from what each subject has collected of the hazard."""
    collected = data.weight * risk * collect(data, hazard)
    return (data.X * collected[:, None]).T @ data.X


def at_places(data: Episodes, values: FloatArray) -> FloatArray:
    """Return the sums of the values of steps, shape (d, ...), at each place, shape (m, ...)."""
    return grouped_sums(data.step, values, len(data.sets.time))


def collect(data: Episodes, values: FloatArray) -> FloatArray:
    """Return sums of the values of steps over the subjects' contributions, shape (n, ...).

    A subject contributes 1 to the steps at which it is at risk, and 1 - tie_fraction to the steps
    of its event.
    """
    sums = data.sets.until(at_places(data, values))
    if data.tie_fraction.any():
        shape = (-1, *(1,) * (values.ndim - 1))
        left = at_places(data, data.tie_fraction.reshape(shape) * values)[data.sets.place]
        sums = sums - np.where(data.event.reshape(shape), left, 0.0)
    return sums


def score_residuals(data: Episodes, fit: Fit, g: FloatArray | None = None) -> FloatArray:
    """Return the part of each subject in the score, unweighted, shape (n, q).

    Parameters
    ----------
    data : Episodes
    fit : Fit
    g : ndarray, shape (m,), optional
        Factor of the covariates at each place, for the score of effects along g.
    """
    factor = np.ones(len(data.sets.time)) if g is None else g
    d = np.maximum(data.ties[data.sets.place], 1)[:, None]
    averaged = at_places(data, fit.mean)[data.sets.place] / d
    happened = np.where(data.event, factor[data.sets.place], 0.0)[:, None]
    jump = factor[data.step] * fit.hazard
    hazard = collect(data, jump)[:, None]
    pulled = collect(data, jump[:, None] * fit.mean)
    gained = happened * (data.X - averaged)
    return gained - fit.risk[:, None] * (data.X * hazard - pulled)


@dataclass(frozen=True, slots=True)
class CoxFit:
    """A maximum of the partial likelihood.

    Attributes
    ----------
    data : Episodes
        Covariates centred at `centre`.
    fit : Fit
    null : Fit
        With all coefficients 0.
    centre : ndarray, shape (q,)
    iterations : int
    separated : ndarray of bool, shape (q,)
        Separated coefficients: they diverge while the likelihood does not change.
    """

    data: Episodes
    fit: Fit
    null: Fit
    centre: FloatArray
    iterations: int
    separated: BoolArray


_VARIES = 1e-9  # of the variance of a column, below which it does not vary in the risk sets


@dataclass(frozen=True, slots=True)
class Standardised:
    """Episodes with centred and scaled covariates: exponentials near 1, and steps of one size.

    Attributes
    ----------
    centred, scaled : Episodes
    centre, scale : ndarray, shape (q,)
    null : Fit
        Of the scaled covariates, with all coefficients 0.
    """

    centred: Episodes
    scaled: Episodes
    centre: FloatArray
    scale: FloatArray
    null: Fit

    @classmethod
    def of(cls, data: Episodes) -> Standardised:
        """Centre and scale the covariates.

        Raises
        ------
        ValueError
            When they are not finite.
        """
        centre = np.average(data.X, axis=0, weights=data.weight)
        scale = np.sqrt(np.average((data.X - centre) ** 2, axis=0, weights=data.weight))
        scale = np.where(scale > 0, scale, 1.0)
        centred = replace(data, X=data.X - centre)
        scaled = replace(data, X=centred.X / scale)
        null = evaluate(scaled, np.zeros(data.X.shape[1]))
        if null is None:
            raise ValueError("covariates are not finite")
        return cls(centred, scaled, centre, scale, null)

    @property
    def aliased(self) -> BoolArray:
        """Which columns are collinear with those before them in the risk sets, shape (q,).

        A covariate that is the same for all who are at risk together, within their stratum, has
        no part in the likelihood, however much it varies between risk sets.
        """
        information, least = self.null.information, _VARIES * float(self.scaled.size.sum())
        aliased = np.zeros(len(information), dtype=bool)
        for j in range(len(information)):
            kept = np.flatnonzero(~aliased[:j])
            rest = information[j, j]
            if len(kept):
                along = information[kept, j]
                rest -= along @ np.linalg.solve(information[np.ix_(kept, kept)], along)
            aliased[j] = not rest > least
        return aliased


def maximise(data: Standardised, *, most: int = 60) -> CoxFit:
    """Maximise the partial likelihood by Newton steps, halved where they do not lead upward.

    Parameters
    ----------
    data : Standardised
        Covariates of full rank.
    most : int
        Largest number of steps.
    """
    unit = float(data.scaled.weight.mean())
    top = newton.maximise(
        partial(evaluate, data.scaled), data.null.beta, unit=unit, most=most,
        direction=newton.shortest,
        is_last=lambda m: m.gain < 1e-13 * abs(m.point.loglik) + 1e-12 * unit,
    )  # fmt: skip
    if top is None:
        raise ValueError("covariates are not finite")
    # At a maximum the last step was tiny; without one it is still of the size of 1.
    separated = (np.abs(top.step) > 1e-3) & (np.abs(top.theta) > 5)
    return CoxFit(
        data.centred, _unscaled(top.point, data.scale), _unscaled(data.null, data.scale),
        data.centre, top.iterations, separated,
    )  # fmt: skip


def _unscaled(fit: Fit, scale: FloatArray) -> Fit:
    return Fit(
        fit.beta / scale,
        fit.loglik,
        fit.score * scale,
        fit.information * np.outer(scale, scale),
        fit.risk,
        fit.hazard,
        fit.mean * scale,
    )
