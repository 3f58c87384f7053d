"""Rates and means standardised by a logistic or linear regression."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from trdstats.comparison.adjusted.analysis_set import fit_outcome_model, read_analysis_set
from trdstats.comparison.adjusted.by_treatment import Quantity, values_by_treatment
from trdstats.comparison.adjusted.standardisation_result import (
    StandardisationResult,
    adjusted_caveat,
    coefficient_table,
)
from trdstats.comparison.adjusted.subject_outcomes import read_outcomes
from trdstats.errors import SpecError, pick_level
from trdstats.formulas import read_covariates
from trdstats.kernels.weighting.generalised_linear import Family
from trdstats.outcomes.switching import notes_on
from trdstats.participants.beyond_the_data import note_extrapolation
from trdstats.survival.parametric.parametric_data import design_at, with_intercept
from trdstats.tables import caveat_notes

if TYPE_CHECKING:
    from trdstats.comparison.adjusted.standardisation import Standardisation


def standardise_means(spec: Standardisation, data: Any, weights: Any) -> StandardisationResult:
    """Fit the regression to those with an outcome and average over every subject."""
    known = read_outcomes(
        data, spec.outcome, day=spec.day, missing=spec.missing, reference=spec.reference
    )
    sample = read_analysis_set(known, (spec.formula,), spec.by, weights)
    family: Family = "logistic" if known.binary else "linear"
    if spec.model is not None:
        if spec.model == "logistic" and not known.binary:
            raise SpecError(
                f"model='logistic' needs outcomes of 0 and 1; {known.label} has others."
            )
        family = "logistic" if spec.model == "logistic" else "linear"
    levels = sample.levels
    reference = pick_level("treatment", spec.reference, levels)
    design = read_covariates(sample.frame, spec.formula)
    X = with_intercept(design.X)
    fit, on_beta = fit_outcome_model(X, ["Intercept", *design.terms], sample, family)
    among = sample.weight
    if spec.estimand == "att":
        treated = pick_level("treatment", spec.treated, levels)
        among = np.where((sample.frame[spec.by] == treated).to_numpy(), among, 0.0)
    proportion = among / among.sum()
    estimate, gradient = np.empty(len(levels)), np.empty((len(levels), X.shape[1]))
    direct = np.empty((len(proportion), len(levels)))
    for k, level in enumerate(levels):
        given = design_at(design, spec.by, level)
        mean = fit.mean(given)
        estimate[k], gradient[k] = proportion @ mean, proportion @ fit.slope(given)
        direct[:, k] = proportion * (mean - estimate[k]) + on_beta @ gradient[k]
    influence = sample.stacked_influence(direct)
    covariance = None
    if spec.variance == "fixed covariates":
        covariance = gradient @ fit.covariance() @ gradient.T
    labels = tuple(str(v) for v in levels)
    quantity: Quantity = "rate" if known.binary else "mean"
    time = np.nan if spec.day is None else float(spec.day)
    return StandardisationResult(
        spec=spec,
        outcome=known.label,
        caveat=known.caveat,
        counts=sample.counts(spec.by),
        coefficients=coefficient_table(
            ["Intercept", *design.terms],
            fit,
            None if spec.variance == "fixed covariates" else sample.stacked_influence(on_beta),
            spec.conf_level,
        ),
        header=(("Model", family), *sample.header()),
        _beyond=partial(
            note_extrapolation, sample.frame, spec.formula, spec.by,
            spec.treated if spec.estimand == "att" else None,
        ),
        _values=values_by_treatment(
            [(quantity, time)], spec.by, labels, estimate, influence=influence,
            subjects=sample.who, covariance=covariance, title="Standardisation",
            notes=(
                *caveat_notes(adjusted_caveat(known.caveat, spec.formula)),
                *notes_on(known.switching),
            ),
        ),
        _reference=str(reference),
        switching=known.switching,
    )  # fmt: skip
