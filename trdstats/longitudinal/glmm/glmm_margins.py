"""Means of a model with random effects, and the differences and ratios between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from trdstats.arguments import Level, checked_methods
from trdstats.errors import SpecError, check_choice, unknown_name
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.estimates.adjusted import Adjustment
from trdstats.estimates.comparisons import Measure
from trdstats.estimates.scales import ScaleName, slopes
from trdstats.estimates.stacked import below
from trdstats.longitudinal.designs.grid import margin_rows
from trdstats.longitudinal.designs.levels import cells_of
from trdstats.longitudinal.glmm.population_rows import (
    PopulationRows,
    fixed_rows,
    observed_rows,
)
from trdstats.tables import Summary, as_label

if TYPE_CHECKING:
    from trdstats.longitudinal.glmm.glmm_effects import GLMMEffects

# The scale on which limits of a mean are near normal, by link.
_SCALES: dict[str, ScaleName] = {"logit": "logit", "probit": "logit", "log": "log"}
_OBSERVED = (
    "Averaged over the random effects and over the covariates of the subjects (g-computation); "
    "their sampling is counted."
)
_FIXED = (
    "Averaged over the random effects, at fixed covariates: numbers at their mean, other "
    "categories averaged on the link's scale."
)
_LINK = "Of a subject whose random effects are 0, at fixed covariates: numbers at their mean."
_LINK_TITLE = "Means on the scale of the link"


@checked_methods
@dataclass(frozen=True, repr=False)
class GLMMMargins(EstimateResult):
    """Means of a generalised linear mixed model.

    Attributes
    ----------
    term : str
        Column whose levels are compared.
    by : str or None
        Column within whose levels they are estimated.
    fit : GLMMEffects
    """

    _means: Estimates
    term: str
    by: str | None
    fit: GLMMEffects

    def estimates(self) -> Estimates:
        """Return the means; one that is not estimable is NaN, with the reason."""
        return self._means

    def contrasts(
        self,
        *,
        reference: Level | None = None,
        pairwise: bool = False,
        measure: Measure = "difference",
        adjust: Adjustment = "none",
    ) -> Estimates:
        """Compare the means within each level of `by`.

        Parameters
        ----------
        reference : object, optional
            Level all others are compared with, or its text. Default: the first level.
        pairwise : bool
            Compare all pairs instead, the later level with the earlier.
        measure : {"difference", "ratio", "odds ratio"}
            Of the means. Of means on the scale of a link only differences.
        adjust : str
            As in `Estimates.adjust`, within each level of `by`.

        Raises
        ------
        SpecError, UnknownNameError
            When the arguments do not fit.
        """
        check_choice("measure", measure, get_args(Measure))
        if pairwise and reference is not None:
            raise SpecError("Give one of reference and pairwise.")
        if self._means.title == _LINK_TITLE and measure != "difference":
            raise SpecError(
                f"Means on the scale of a link have no {measure}: use scale='response', or the "
                "exponential of the difference."
            )
        compared = (
            _pairs(self._means, self.term, measure)
            if pairwise
            else self._means.compare(self.term, reference=reference, measures=(measure,))
        )
        titles = {"difference": "Differences", "ratio": "Ratios", "odds ratio": "Odds ratios"}
        compared = replace(compared, title=f"{titles[measure]} of {self._means.title.lower()}")
        within = [str(c) for c in compared.keys if c in (self.by, "category")]
        return compared.adjust(adjust, within=within)

    def summary(self) -> Summary:
        """Return the means as a table."""
        shown = self._means.summary()
        return replace(shown, header=(("Model", self.fit.spec.formula), *shown.header))


def _pairs(means: Estimates, term: str, measure: Measure) -> Estimates:
    levels = list(dict.fromkeys(means.keys[term]))
    if len(levels) < 2:
        raise SpecError(f"Pairs need two levels of {term!r}; there is {len(levels)}.")
    parts = []
    for i, level in enumerate(levels[:-1]):
        later = means.select(means.keys[term].isin(levels[i:]).to_numpy())
        parts.append(later.compare(term, reference=level, measures=(measure,)))
    return below(parts)


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
    notes = (*means.notes, _LINK)
    return GLMMMargins(replace(means, title=_LINK_TITLE, notes=notes), term, by, fit)


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
    L, size, labels = margin_rows(fit.design, term, by, in_model, weights)
    if covariates == "fixed":
        rows = fixed_rows(fit, L, size, labels, dict(at))
    else:
        rows = observed_rows(fit, labels, in_model, of_effects)
    note = _OBSERVED if covariates == "observed" else _FIXED
    return GLMMMargins(_estimates(fit, rows, note), term, by, fit)


def _estimates(fit: GLMMEffects, rows: PopulationRows, note: str) -> Estimates:
    """Return means with their influences on the scale on which they are near normal."""
    parameters, scale = fit.parameters, _SCALES[fit.spec.link_name]
    scales = (scale,) * len(rows.value)
    lost = rows.lost
    value = np.where(lost, np.nan, rows.value)
    slope = np.where(lost, 0.0, np.nan_to_num(slopes(value, scales)))
    gradient = np.where(lost[:, None], 0.0, rows.gradient) * slope[:, None]
    influence = parameters.influence @ gradient.T
    covariance = gradient @ parameters.covariance @ gradient.T
    if rows.sampling is not None:
        sampling = np.where(lost, 0.0, rows.sampling) * slope
        weighting = fit.design.weighting
        sampling = sampling if weighting is None else weighting.through(sampling)
        influence = influence + sampling
        covariance = covariance + sampling.T @ sampling
    if fit.spec.vcov == "robust" or fit.is_weighted:
        covariance = influence.T @ influence
    covariance[lost], covariance[:, lost] = np.nan, np.nan
    caveat = (as_label(f"{fit.design.caveat}."),) if fit.design.caveat else ()
    title = "Population counts" if scale == "log" else "Population probabilities"
    return estimates_of(
        rows.keys, value, influences=influence, covariance=np.asarray(covariance),
        subjects=parameters.subjects, scale=scale, reasons=rows.reasons, title=title,
        notes=(*caveat, note),
    )  # fmt: skip
