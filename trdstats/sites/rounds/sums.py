"""The sums that a question asks for, over the rows of one site."""

from __future__ import annotations

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import SpecError
from trdstats.kernels.risk_sets.partial_likelihood import Episodes, evaluate
from trdstats.kernels.risk_sets.risk_sums import RiskSets
from trdstats.kernels.weighting.propensity import Target, log_slopes, logistic_sums, weigh
from trdstats.sites.rounds.messages import Question
from trdstats.sites.rounds.rows import SiteRows

Sums = dict[str, FloatArray]


def sums_of(rows: SiteRows, question: Question) -> Sums:
    """Return the numbers of an answer."""
    if question.stage == "moments":
        return _moments(rows)
    X = (rows.X - question.numbers["centre"]) / question.numbers["scale"]
    if question.stage == "likelihood":
        at = question.numbers["at"]
        return _hazards(rows, X, at) if question.analysis == "hazards" else _scores(rows, X, at)
    weighted = _Weighted(rows, X, question)
    return weighted.sums() if question.stage == "weights" else weighted.spread()


def _moments(rows: SiteRows) -> Sums:
    """Return numbers, sums and sums of squares; of weights, numbers by treatment."""
    X = rows.X
    k = max(len(rows.labels), 1)
    return {
        "n": np.bincount(rows.treatment, minlength=k).astype(float),
        "events": np.array([float(rows.event.sum())]),
        "sum": X.sum(axis=0),
        "squares": (X**2).sum(axis=0),
    }


def _hazards(rows: SiteRows, X: FloatArray, at: FloatArray) -> Sums:
    """Return the partial likelihood of the site's subjects, Efron's for ties."""
    sets = RiskSets.of(rows.time, rows.entry, np.zeros(len(X), dtype=np.intp))
    fit = evaluate(Episodes.of(X, rows.event == 1, np.ones(len(X)), sets, "efron"), at)
    if fit is None:
        raise SpecError("The coefficients of the question are too large to compute with.")
    return {
        "loglik": np.array([fit.loglik]), "score": fit.score, "information": fit.information,
    }  # fmt: skip


def _scores(rows: SiteRows, X: FloatArray, at: FloatArray) -> Sums:
    """Return the likelihood of the multinomial logistic model of treatment."""
    design = np.column_stack([np.ones(len(X)), X])
    loglik, score, information = logistic_sums(design, rows.treatment, len(rows.labels), at)
    return {"loglik": np.array([loglik]), "score": score, "information": information}


class _Weighted:
    """Weights of the site's subjects at the coefficients of all sites."""

    def __init__(self, rows: SiteRows, X: FloatArray, question: Question) -> None:
        from trdstats.kernels.weighting.propensity import probabilities

        self.rows, self.numbers, k = rows, question.numbers, len(rows.labels)
        design = np.column_stack([np.ones(len(X)), X])
        p = probabilities(design, self.numbers["at"].reshape(k - 1, -1))
        target: Target = question.estimand  # type: ignore[assignment]
        received = np.eye(k)[rows.treatment]
        self.weight = weigh(p, rows.treatment, target, -1)
        slope = log_slopes(p, rows.treatment, target, -1)
        self.log_derivative = (slope[:, :, None] * design[:, None, :]).reshape(len(X), -1)
        parts = ((received - p)[:, 1:, None] * design[:, None, :]).reshape(len(X), -1)
        self.influence = np.linalg.solve(self.numbers["information"], parts.T).T

    def sums(self) -> Sums:
        """Return sums of weights and derivatives by treatment, of all and for each outcome."""
        arms, k = self.rows.treatment, len(self.rows.labels)
        met = self.rows.met
        counted = ~np.isnan(met)
        y = np.where(counted, met, 0.0)
        w, D = self.weight, self.log_derivative
        return {
            "weight": _by_arm(arms, k, w),
            "derivative": _by_arm(arms, k, w[:, None] * D),
            "squares": _by_arm(arms, k, w**2),
            "n_met": _by_arm(arms, k, counted.astype(float)),
            "weight_met": _by_arm(arms, k, w[:, None] * counted),
            "met": _by_arm(arms, k, w[:, None] * y),
            "derivative_met": _by_arm(arms, k, (w[:, None] * counted)[:, :, None] * D[:, None]),
            "met_derivative": _by_arm(arms, k, (w[:, None] * y)[:, :, None] * D[:, None]),
        }

    def spread(self) -> Sums:
        """Return the cross-products of the influences on the rates, shape (j k, j k)."""
        arms, k = self.rows.treatment, len(self.rows.labels)
        given, w, met = self.numbers, self.weight, self.rows.met
        each = np.arange(len(w))
        apart = self.log_derivative - given["mean_derivative"][arms]
        factor = 1 - np.einsum("np,np->n", apart, self.influence)
        factor /= 1 - w / given["weight"][arms]
        counted = ~np.isnan(met)
        effects = []
        for j in range(met.shape[1]):
            gap = np.where(counted[:, j], met[:, j] - given["rate"][arms, j], 0.0)
            direct = np.zeros((len(w), k))
            direct[each, arms] = w / given["weight_met"][arms, j] * gap
            slope = given["slope"][:, j]
            effects.append(factor[:, None] * direct + self.influence @ slope.T)
        effect = np.hstack(effects)
        return {"cross_products": effect.T @ effect}


def _by_arm(arms: IntArray, k: int, values: FloatArray) -> FloatArray:
    """Return sums over the subjects of each treatment, shape (k, ...)."""
    return np.stack([values[arms == a].sum(axis=0) for a in range(k)])
