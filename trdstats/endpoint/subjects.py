"""Outcome, treatment and covariates of every subject, as a regression at one time needs them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from trdstats.arguments import Level
from trdstats.arrays import FloatArray
from trdstats.comparison.adjusted.analysis_set import AnalysisSet, read_analysis_set
from trdstats.comparison.adjusted.subject_outcomes import SubjectOutcomes, with_covariates
from trdstats.errors import NotEstimableError, SpecError, count_of, pick_level
from trdstats.estimates.weights import WeightsLike, check_observed, read_weights, weight_model
from trdstats.formulas import (
    CovariateDesign,
    check_full_rank,
    read_covariates,
    read_right_side,
    split_sides,
)
from trdstats.outcomes import Definition
from trdstats.participants.beyond_the_data import note_extrapolation
from trdstats.survival.parametric.parametric_data import with_intercept

# Columns of results, beside the one that names what is compared.
TAKEN = frozenset({
    "measure", "reference", "quantity", "time", "category", "effect", "term", "test",
    "estimate", "std_error", "scale", "df", "df_error", "statistic", "p_value", "conf_low",
    "conf_high", "conf_level", "method", "reason", "subject", "n",
})  # fmt: skip
MOST_LOG_ODDS = 500.0  # the exponential of 710 is infinite


def read_sides(formula: str, outcome: Definition | str | None) -> tuple[str, Definition | str]:
    """Return the covariates of a formula and the outcome, which may stand on its left.

    Raises
    ------
    SpecError
        When the formula cannot be read, or the outcome is named twice or nowhere.
    """
    left, right = split_sides(formula)
    if left is None:
        if outcome is None:
            raise SpecError(
                f"The formula {formula!r} names no outcome: write 'met ~ treatment + baseline' "
                "for a column, or give outcome=Response() and day=28."
            )
        return right, outcome
    if outcome is not None:
        raise SpecError(
            f"The formula {formula!r} names an outcome and outcome= another one: give one of them."
        )
    name = str(left[0])
    if len(left) != 1 or left.columns().bare != {name}:
        raise SpecError(
            f"The outcome of {formula!r} must be one column, as it is: 'met ~ treatment'."
        )
    return right, name


def check_by(by: str | None, covariates: str) -> None:
    """Raise `SpecError` unless the formula holds the column whose levels are compared."""
    named = {str(v) for v in read_right_side(covariates).required_variables}
    if by is not None and by not in named:
        raise SpecError(
            f"The formula {covariates!r} must hold {by!r}, whose values are compared; where "
            "nothing is compared give by=None."
        )
    if by is not None:
        check_compared(by)


def check_compared(column: str) -> None:
    """Raise `SpecError` where a column that is compared is called as one of every result."""
    if column in TAKEN:
        raise SpecError(
            f"Results have a column {column!r} already: rename that of the subjects, for "
            f"example to {'group_' + column!r}, and compare that."
        )


def check_units(terms: list[str], beta: FloatArray) -> None:
    """Refuse coefficients whose odds ratio no number can hold: the covariate is in small units.

    Raises
    ------
    SpecError
    """
    far = [t for t, b in zip(terms, beta, strict=True) if abs(b) > MOST_LOG_ODDS]
    if far:
        raise SpecError(
            f"The odds ratio of one unit of {', '.join(far)} is beyond what a number can hold: "
            "give the covariate in larger units, such as years for seconds."
        )


@dataclass(frozen=True)
class EndpointData:
    """Subjects with an outcome, and the design of all.

    Attributes
    ----------
    sample : AnalysisSet
        All subjects; weights of mean 1 among those analysed.
    design : CovariateDesign
        Of every subject, without intercept.
    levels : tuple of str
        Of `by`, in the order of the data; empty where nothing is compared.
    reference : str
        Level the others are compared with; empty likewise.
    notes : tuple of str
        Whom the analysis is about.
    covariates : str
        The formula of the design.
    by : str or None
        What is compared.
    """

    sample: AnalysisSet
    design: CovariateDesign
    levels: tuple[str, ...]
    reference: str
    notes: tuple[str, ...]
    covariates: str
    by: str | None

    @cached_property
    def beyond(self) -> tuple[str, ...]:
        """What margins must say: levels and ranges of covariates that a level of `by` never gets.

        They are looked for when margins or a summary ask.
        """
        if self.by is None:
            return ()
        return note_extrapolation(self.sample.frame, self.covariates, self.by, None)

    @property
    def full(self) -> FloatArray:
        """Design with intercept, shape (n, q + 1)."""
        return with_intercept(self.design.X)

    @property
    def terms(self) -> list[str]:
        """Columns of the design without the intercept."""
        return self.design.terms


def read_endpoint(
    known: SubjectOutcomes,
    covariates: str,
    by: str | None,
    reference: Level | None,
    weights: WeightsLike | None,
) -> EndpointData:
    """Return the subjects of a regression.

    Raises
    ------
    DataError
        When a covariate is missing or a weight cannot be used.
    UnknownNameError
        When a column or the reference is not there.
    NotEstimableError
        When a treatment has no subject with an outcome, only one treatment is there, or columns
        are collinear.
    """
    sample = _analysis_set(known, covariates, by, weights)
    analysed = sample.observed
    if not analysed.any():
        raise NotEstimableError(f"No subject has the outcome {known.label}.")
    levels = tuple(str(v) for v in sample.levels)
    first = ""
    if by is not None:
        first = str(pick_level(by, reference, sample.levels))
        order = [first, *(v for v in levels if v != first)]
        relevelled = sample.frame[by].cat.reorder_categories(order)
        sample = replace(sample, frame=sample.frame.assign(**{by: relevelled}))
    weight = sample.weight / sample.weight[analysed].mean()  # constant weights change nothing
    sample = replace(sample, weight=np.asarray(weight, dtype=np.float64))
    design = read_covariates(sample.frame, covariates, what="subjects")
    check_full_rank(with_intercept(design.X)[analysed], ["Intercept", *design.terms])
    n = int(analysed.sum())
    if n <= design.X.shape[1] + 1:
        raise NotEstimableError(
            f"{count_of(n, 'subject has', 'subjects have')} an outcome, too few for "
            f"{design.X.shape[1] + 1} coefficients."
        )
    lost = int((~analysed).sum())
    sentence = f"{count_of(lost, 'subject', 'subjects')} without an outcome: left out."
    notes = (sentence,) if lost else ()
    return EndpointData(sample, design, levels, first, notes, covariates, by)


def _analysis_set(
    known: SubjectOutcomes, covariates: str, by: str | None, weights: Any
) -> AnalysisSet:
    if by is not None:
        return read_analysis_set(known, (covariates,), by, weights)
    frame = with_covariates(known.frame, (covariates,), None, "subjects", (known.column,))
    weight = np.ones(len(frame)) if weights is None else read_weights(frame, weights)
    check_observed(weights, frame["subject"], known.observed, day=known.day)
    model = weight_model(weights)
    return AnalysisSet(
        frame=frame, y=known.y, label=known.label, levels=[],
        code=np.zeros(len(frame), dtype=np.intp), weight=weight, weighted=weights is not None,
        model=None if model is None else model.among(frame["subject"]),
    )  # fmt: skip
