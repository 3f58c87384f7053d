"""Means of a model with random effects, and the differences and ratios between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import SpecError, unknown_name
from trdstats.longitudinal.designs.grid import margin_rows
from trdstats.longitudinal.designs.levels import cells_of
from trdstats.longitudinal.glmm.population_means import population_means
from trdstats.longitudinal.rated.cell_means import Cell, at_rows, averaged_over, over_subjects
from trdstats.longitudinal.rated.margins import SCALES, RatedMargins, estimates_of_means

if TYPE_CHECKING:
    from trdstats.longitudinal.glmm.glmm_effects import GLMMEffects

_FIXED = (
    "Averaged over the random effects, at fixed covariates: numbers at their mean over the "
    "analysed ratings, other categories averaged on the link's scale."
)
_LINK = (
    "Of a subject whose random effects are 0, at fixed covariates: numbers at their mean over "
    "the analysed ratings."
)


@checked_methods
@dataclass(frozen=True, repr=False)
class GLMMMargins(RatedMargins):
    """Means of a generalised linear mixed model.

    Attributes
    ----------
    term : str
        Column whose levels are compared.
    by : str or None
        Column within whose levels they are estimated.
    fit : GLMMEffects
    on_link : bool
        Whether the means are on the scale of the link.
    """


def link_margins(
    fit: GLMMEffects, term: str, by: str | None, at: Mapping[str, Any], weights: str
) -> GLMMMargins:
    """Return linear predictors at fixed covariates and random effects of 0."""
    if fit.design.categories:
        raise SpecError(
            "An ordinal model has a predictor at every threshold: use scale='response', or the "
            "coefficients, which are log odds ratios at all thresholds."
        )
    L, size, labels = margin_rows(fit.design, term, by, at, weights)
    means = fit.estimable(L, labels, cells_of(labels), size)
    titled = replace(means, title="Means on the scale of the link", notes=(*means.notes, _LINK))
    return GLMMMargins(titled, term, by, fit, on_link=True)


def response_margins(
    fit: GLMMEffects,
    term: str,
    by: str | None,
    at: Mapping[str, Any],
    weights: str,
    covariates: Literal["observed", "fixed"],
) -> GLMMMargins:
    """Return population means on the scale of the outcome."""
    of_model = {str(v) for v in fit.design.spec.required_variables}
    of_effects = {c: v for c, v in at.items() if c not in of_model}
    unknown = [c for c in of_effects if c not in fit.effects.columns]
    if unknown:
        raise unknown_name(
            "column of the model", unknown[0], sorted(of_model | set(fit.effects.columns))
        )
    in_model = {c: v for c, v in at.items() if c in of_model}

    def means_at(X: FloatArray, cells: Sequence[Cell]) -> tuple[FloatArray, FloatArray]:
        Z = np.stack([fit.effects.at_cell(fit.design, cell, dict(at)) for cell in cells])
        return population_means(fit, X, np.broadcast_to(Z, (len(X), Z.shape[1])))

    L, size, labels = margin_rows(fit.design, term, by, in_model, weights)
    if covariates == "fixed":
        means, note = at_rows(fit, L, size, labels, means_at), _FIXED
    else:
        means = over_subjects(fit, labels, in_model, means_at)
        note = f"Averaged over the random effects and {averaged_over(fit.design)}"
    is_count = SCALES[fit.spec.link_name] == "log"
    estimates = estimates_of_means(
        fit, means, robust=fit.spec.vcov == "robust" or fit.is_weighted, note=note,
        title="Population counts" if is_count else "Population probabilities",
    )  # fmt: skip
    return GLMMMargins(estimates, term, by, fit)
