"""The subjects a comparison is about, and regressions of their outcomes and treatments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import softmax

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.comparison.adjusted.subject_outcomes import (
    SubjectOutcomes,
    levels_by,
    with_covariates,
)
from trdstats.errors import NotEstimableError
from trdstats.estimates.weights import (
    WeightsAmong,
    check_observed,
    effective_size,
    read_weights,
    weight_model,
    weights_in_words,
)
from trdstats.formulas import check_full_rank
from trdstats.kernels.weighting.generalised_linear import Family, LinearFit, fit_linear_model
from trdstats.kernels.weighting.propensity import Scores, fit_scores
from trdstats.threads import one_thread

# Log odds a standard deviation of a covariate makes where it separates treatments.
SEPARATED = 12.0


@dataclass(frozen=True)
class AnalysisSet:
    """All subjects of a comparison with outcome, treatment, covariates and weight.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row a subject; texts as categories.
    y : ndarray, shape (n,)
        NaN where the outcome was not observed.
    label : str
        The outcome in words.
    levels : list of str
        Treatments in order.
    code : ndarray of int, shape (n,)
        Position of each subject's treatment.
    weight : ndarray, shape (n,)
    weighted : bool
    model : WeightsAmong or None
        The model by which the weights were estimated.
    """

    frame: pd.DataFrame
    y: FloatArray
    label: str
    levels: list[str]
    code: IntArray
    weight: FloatArray
    weighted: bool
    model: WeightsAmong | None

    @property
    def observed(self) -> BoolArray:
        """Who takes part in a regression of the outcome, shape (n,)."""
        return ~np.isnan(self.y) & (self.weight > 0)

    @property
    def who(self) -> npt.NDArray[np.object_]:
        """Subjects of the rows of `stacked_influence`."""
        subjects = self.frame["subject"].to_numpy(dtype=object)
        return (
            subjects
            if self.model is None
            else np.concatenate([subjects, self.model.other_subjects])
        )

    def stacked_influence(self, direct: FloatArray) -> FloatArray:
        """Return influences that know how the weights were estimated."""
        return direct if self.model is None else self.model.stacked_influence(direct)

    def counts(self, by: str) -> pd.DataFrame:
        """Return `by`, n (subjects), n_observed (those whose outcome is known)."""
        rows = [
            {by: level, "n": int(((self.code == k) & (self.weight > 0)).sum()),
             "n_observed": int(((self.code == k) & self.observed).sum())}
            for k, level in enumerate(self.levels)
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def header(self) -> tuple[tuple[str, str], ...]:
        """Return what a face says of the subjects."""
        n, seen = int((self.weight > 0).sum()), int(self.observed.sum())
        header = [("Subjects", f"{n:,}, outcome known of {seen:,}")]
        if self.weighted:
            weights = [self.weight[self.code == k] for k in range(len(self.levels))]
            header.append(("Weights", weights_in_words(effective_size(weights), self.model)))
        return tuple(header)


def read_analysis_set(
    known: SubjectOutcomes, formulas: tuple[str, ...], by: str, weights: Any
) -> AnalysisSet:
    """Return the subjects of a comparison.

    Raises
    ------
    DataError
        When a covariate is missing or a weight cannot be used.
    UnknownNameError
        When a column is not there.
    NotEstimableError
        When a treatment has no subject whose outcome is known.
    """
    frame = with_covariates(known.frame, formulas, by, "subjects", (known.column,))
    levels = levels_by(frame, by)
    weight = np.ones(len(frame)) if weights is None else read_weights(frame, weights)
    check_observed(weights, frame["subject"], known.observed, day=known.day)
    model = weight_model(weights)
    analysis_set = AnalysisSet(
        frame=frame,
        y=known.y,
        label=known.label,
        levels=levels,
        code=frame[by].cat.codes.to_numpy().astype(np.intp),
        weight=weight,
        weighted=weights is not None,
        model=None if model is None else model.among(frame["subject"]),
    )
    n = np.bincount(analysis_set.code[analysis_set.observed], minlength=len(levels))
    empty = [str(v) for v, k in zip(levels, n, strict=True) if k == 0]
    if empty:
        raise NotEstimableError(
            f"No subject under {', '.join(empty)} has a known {known.label}. Leave the treatment "
            "out with study.only([...])."
        )
    return analysis_set


def fit_outcome_model(
    X: FloatArray,
    terms: Sequence[str],
    sample: AnalysisSet,
    family: Family,
    among: BoolArray | None = None,
) -> tuple[LinearFit, FloatArray]:
    """Fit a regression to those whose outcome is known.

    Parameters
    ----------
    X : ndarray, shape (n, q)
        Of every subject, with intercept.
    among : ndarray of bool, shape (n,), optional
        Some of those whose outcome is known. Default: all of them.

    Returns
    -------
    LinearFit
    ndarray, shape (n, q)
        Influence of every subject on the coefficients; 0 for those without an outcome.

    Raises
    ------
    NotEstimableError
        When columns are collinear, or a coefficient has no finite estimate.
    """
    used = sample.observed if among is None else among
    check_full_rank(X[used], terms)
    fit = fit_linear_model(X[used], sample.y[used], sample.weight[used], family)
    if fit.separated.any():
        raise _separated([t for t, e in zip(terms, fit.separated, strict=True) if e], sample.label)
    influence = np.zeros(X.shape)
    influence[used] = fit.influence()
    return fit, influence


@dataclass(frozen=True)
class TreatmentModel:
    """A multinomial logistic model of which treatment each subject received.

    Attributes
    ----------
    Z : ndarray, shape (n, q)
        Design of every subject: ones, then covariates centred and scaled.
    scores : Scores
        Of those the model was fitted to.
    rows : ndarray of bool, shape (n,)
        Who they are.
    weight : ndarray
        Of them.
    """

    Z: FloatArray
    scores: Scores
    rows: BoolArray
    weight: FloatArray

    @property
    def gamma(self) -> FloatArray:
        """Coefficients, shape (K - 1, q)."""
        return self.scores.gamma

    @property
    @one_thread
    def influence(self) -> FloatArray:
        """Influence of every subject on gamma, shape (n, (K - 1) q); 0 for those beside `rows`."""
        influence = np.zeros((len(self.Z), self.scores.gamma.size))
        influence[self.rows] = self.weight[:, None] * self.scores.influence()
        return influence

    def probability(self) -> FloatArray:
        """Return the probability of each treatment, shape (n, K)."""
        eta = np.column_stack([np.zeros(len(self.Z)), self.Z @ self.gamma.T])
        return softmax(eta, axis=1)


@one_thread
def fit_treatment_model(
    X: FloatArray, terms: Sequence[str], sample: AnalysisSet, rows: BoolArray
) -> TreatmentModel:
    """Fit a model of the treatment to some of the subjects.

    Parameters
    ----------
    X : ndarray, shape (n, q)
        Covariates of every subject, without intercept.
    terms : sequence of str
        Their names.
    sample : AnalysisSet
    own : ndarray of bool, shape (n,)

    Raises
    ------
    NotEstimableError
        When columns are collinear, or covariates separate the treatments.
    """
    weight = sample.weight[rows]
    centre = np.average(X[rows], axis=0, weights=weight)
    spread = np.sqrt(np.average((X[rows] - centre) ** 2, axis=0, weights=weight))
    check_full_rank(np.column_stack([np.ones(int(rows.sum())), X[rows]]), ["Intercept", *terms])
    Z = np.column_stack([np.ones(len(X)), (X - centre) / spread])
    fit = fit_scores(Z[rows], sample.code[rows], len(sample.levels), weight)
    large = np.abs(fit.gamma[:, 1:]) > SEPARATED
    if not fit.converged or large.any():
        far = np.abs(fit.gamma[:, 1:]).max(axis=0)
        # Without a maximum the coefficients that run away are far above the others.
        named = [t for t, g in zip(terms, far, strict=True) if g > far.max() / 3]
        raise NotEstimableError(
            f"{_listed(named)} separates treatments: some subjects could only have had one of "
            "them, so that nothing compares them. Leave such subjects or treatments out, and say "
            "so."
        )
    return TreatmentModel(Z, fit, rows, weight)


def _separated(terms: list[str], outcome: str) -> NotEstimableError:
    return NotEstimableError(
        f"The effect of {_listed(terms)} on {outcome} has no finite estimate: it separates those "
        "who had the outcome from those who had not. Leave the term out, or join a category with "
        "another."
    )


def _listed(terms: list[str]) -> str:
    named = [t for t in terms if t != "Intercept"] or terms
    return ", ".join(named)
