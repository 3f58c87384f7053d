"""The sums that a question asks for, over the rows of one site."""

from __future__ import annotations

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import NotEstimableError
from trdstats.kernels.risk_sets.partial_likelihood import Episodes, evaluate
from trdstats.kernels.risk_sets.risk_sums import RiskSets
from trdstats.kernels.weighting.multinomial import logistic_sums
from trdstats.kernels.weighting.propensity import (
    Target,
    log_slopes,
    probabilities,
    weigh,
)
from trdstats.sites.rounds.guard import is_concentrated
from trdstats.sites.rounds.messages import Question
from trdstats.sites.rounds.positivity import score_counts
from trdstats.sites.rounds.rows import SiteRows

Sums = dict[str, FloatArray]

_FEW = "at these coefficients the sums would rest on few subjects."
_SMALLER = "the question holds sums smaller than those of this site alone."


def sums_of(rows: SiteRows, question: Question, least: int) -> Sums:
    """Return the numbers of an answer.

    Raises
    ------
    NotEstimableError
        When they would tell of few subjects.
    """
    if question.stage == "moments":
        return _moments(rows)
    X = (rows.matrix - question.numbers["centre"]) / question.numbers["scale"]
    if question.stage == "likelihood":
        at = question.numbers["at"]
        make = _hazards if question.analysis == "hazards" else _scores
        return make(rows, X, at, least)
    weighted = _Weighted(rows, X, question, least)
    return weighted.sums() if question.stage == "weights" else weighted.spread(least)


def _moments(rows: SiteRows) -> Sums:
    """Return numbers, sums and sums of squares; of weights, numbers by treatment."""
    X = rows.matrix
    n = np.bincount(rows.treatment, minlength=len(rows.labels)) if rows.labels else [len(X)]
    return {
        "n": np.asarray(n, dtype=float),
        "events": np.array([float(rows.event.sum())]),
        "sum": X.sum(axis=0),
        "squares": (X**2).sum(axis=0),
    }


def _hazards(rows: SiteRows, X: FloatArray, at: FloatArray, least: int) -> Sums:
    """Return the partial likelihood of the site's subjects, Efron's for ties."""
    sets = RiskSets.of(rows.time, rows.entry, np.zeros(len(X), dtype=np.intp))
    fit = evaluate(Episodes.of(X, rows.event == 1, np.ones(len(X)), sets, "efron"), at)
    if fit is None or is_concentrated(fit.risk, least):
        raise NotEstimableError(_FEW)
    return {
        "loglik": np.array([fit.loglik]), "score": fit.score, "information": fit.information,
    }  # fmt: skip


def _scores(rows: SiteRows, X: FloatArray, at: FloatArray, least: int) -> Sums:
    """Return the likelihood of the multinomial logistic model of treatment."""
    design, k = np.column_stack([np.ones(len(X)), X]), len(rows.labels)
    p = probabilities(design, at.reshape(k - 1, -1))
    if is_concentrated(1 - (p**2).sum(axis=1), least):
        raise NotEstimableError(_FEW)
    loglik, score, information = logistic_sums(design, rows.treatment, k, at)
    return {"loglik": np.array([loglik]), "score": score, "information": information}


class _Weighted:
    """Weights of the site's subjects at the coefficients of all sites."""

    def __init__(self, rows: SiteRows, X: FloatArray, question: Question, least: int) -> None:
        self.rows, self.numbers, k = rows, question.numbers, len(rows.labels)
        design = np.column_stack([np.ones(len(X)), X])
        p = probabilities(design, self.numbers["at"].reshape(k - 1, -1))
        target: Target = question.estimand  # type: ignore[assignment]
        received = np.eye(k)[rows.treatment]
        self.X, self.probability = X, p
        self.weight = weigh(p, rows.treatment, target, -1)
        if not np.isfinite(self.weight).all() or any(
            is_concentrated(self.weight[rows.treatment == a], least)
            for a in np.unique(rows.treatment)
        ):
            raise NotEstimableError(_FEW)
        slope = log_slopes(p, rows.treatment, target, -1)
        self.log_derivative = (slope[:, :, None] * design[:, None, :]).reshape(len(X), -1)
        parts = ((received - p)[:, 1:, None] * design[:, None, :]).reshape(len(X), -1)
        here = logistic_sums(design, rows.treatment, k, self.numbers["at"])[2]
        self.influence = _influence(self.numbers["information"], here, parts)

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

    def spread(self, least: int) -> Sums:
        """Return the cross-products of the influences on the rates, shape (j k, j k)."""
        arms, k = self.rows.treatment, len(self.rows.labels)
        given, w, met = self.numbers, self.weight, self.rows.met
        here = self.sums()
        if any((given[n] < here[n] * (1 - 1e-9)).any() for n in ("weight", "weight_met")):
            raise NotEstimableError(_SMALLER)
        each = np.arange(len(w))
        apart = self.log_derivative - given["mean_derivative"][arms]
        # A treatment of one subject has a weight of its sum; it is so at minimum=1 only.
        proportion = np.minimum(w / given["weight"][arms], 1 - 1e-12)
        factor = (1 - np.einsum("np,np->n", apart, self.influence)) / (1 - proportion)
        if is_concentrated(factor**2, least):
            raise NotEstimableError(_FEW)
        counted = ~np.isnan(met)
        effects = []
        for j in range(met.shape[1]):
            gap = np.where(counted[:, j], met[:, j] - given["rate"][arms, j], 0.0)
            direct = np.zeros((len(w), k))
            whole = np.where(given["weight_met"][:, j] > 0, given["weight_met"][:, j], 1.0)
            direct[each, arms] = w / whole[arms] * gap
            slope = given["slope"][:, j]
            effects.append(factor[:, None] * direct + self.influence @ slope.T)
        effect = np.hstack(effects)
        return {"cross_products": effect.T @ effect, **self._checks(least)}

    def _checks(self, least: int) -> Sums:
        """Return what tells of overlap and balance: by treatment, with and without weights."""
        arms, k, of = self.rows.treatment, len(self.rows.labels), self.rows.covariates
        lowest, highest = score_counts(self.probability, arms, least)
        place = {name: i for i, name in enumerate(of.terms)}
        where = [place.get(name, -1) for name in of.columns]
        # Columns that are terms stand as in the model; a reference level has values of 0 and 1.
        x = np.where(np.array(where) >= 0, self.X[:, where], of.balanced)
        marks = np.isin(of.balanced, (0.0, 1.0)).all(axis=0)
        w = self.weight[:, None]
        return {
            "columns": _by_arm(arms, k, x),
            "column_squares": _by_arm(arms, k, x**2),
            "weighted_columns": _by_arm(arms, k, w * x),
            "weighted_column_squares": _by_arm(arms, k, w * x**2),
            "not_marks": (~marks).astype(float),
            "scores_lowest": lowest,
            "scores_highest": highest,
        }


def _influence(information: FloatArray, here: FloatArray, parts: FloatArray) -> FloatArray:
    """Return influences on the coefficients, after a look at the information of all sites."""
    size = np.sqrt(np.maximum(np.diag(here), 1e-300))
    if np.linalg.eigvalsh((information - here) / np.outer(size, size))[0] < -1e-6:
        raise NotEstimableError(_SMALLER)
    try:
        return np.asarray(np.linalg.solve(information, parts.T).T)
    except np.linalg.LinAlgError as error:
        raise NotEstimableError(_SMALLER) from error


def _by_arm(arms: IntArray, k: int, values: FloatArray) -> FloatArray:
    """Return sums over the subjects of each treatment, shape (k, ...)."""
    return np.stack([values[arms == a].sum(axis=0) for a in range(k)])
