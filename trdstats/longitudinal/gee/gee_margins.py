"""Marginal means of estimating equations, and the differences and ratios between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arguments import Level, checked_methods
from trdstats.errors import SpecError, check_choice
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.estimates.adjusted import Adjustment
from trdstats.estimates.comparisons import Measure
from trdstats.estimates.scales import ScaleName, slopes
from trdstats.estimates.stacked import below
from trdstats.longitudinal.designs.degrees import ModelDegrees
from trdstats.longitudinal.designs.estimable import ALONE
from trdstats.longitudinal.designs.grid import margin_rows
from trdstats.longitudinal.designs.levels import cells_of
from trdstats.longitudinal.gee.mean_rows import MeanRows, mean_rows, observed_rows
from trdstats.study.visit_order import days_of
from trdstats.tables import Summary, as_label

if TYPE_CHECKING:
    from trdstats.longitudinal.gee.gee_result import GEEResult

# The scale on which limits of a mean are near normal, by link.
_SCALES: dict[str, ScaleName] = {
    "logit": "logit", "probit": "logit", "log": "log", "identity": "identity",
}  # fmt: skip
_OBSERVED = (
    "Averaged over the covariates of the subjects (g-computation); their sampling is counted"
)
_FIXED = "At fixed covariates: numbers at their mean, other categories averaged on the link's scale"


@checked_methods
@dataclass(frozen=True, repr=False)
class GEEMargins(EstimateResult):
    """Marginal means of estimating equations.

    Attributes
    ----------
    term : str
        Column whose levels are compared.
    by : str or None
        Column within whose levels they are estimated.
    fit : GEEResult
    """

    _means: Estimates
    term: str
    by: str | None
    fit: GEEResult

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
        means = self._means
        if means.title == _LINK_TITLE and measure != "difference":
            raise SpecError(
                f"Means on the scale of a link have no {measure}: use scale='response', or the "
                "exponential of the difference."
            )
        comparisons = (
            _pairs(means, self.term, measure)
            if pairwise
            else means.compare(self.term, reference=reference, measures=(measure,))
        )
        titles = {"difference": "Differences", "ratio": "Ratios", "odds ratio": "Odds ratios"}
        comparisons = replace(comparisons, title=f"{titles[measure]} of marginal means")
        within = [str(c) for c in comparisons.keys if c in (self.by, "category")]
        return comparisons.adjust(adjust, within=within)

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the means by visit with their intervals; returns the Axes.

        Raises
        ------
        SpecError
            When the outcome is ordinal: its categories are drawn one at a time.
        """
        if "category" in self._means.keys:
            raise SpecError(
                "plot() draws one mean a treatment and visit, and an ordinal outcome has one a "
                "category: draw tidy() of one category."
            )
        design, frame = self.fit.design, self.tidy()
        options = {"caveat": design.caveat, **options}
        labels = self._means.labels()
        days = np.full(len(frame), np.nan) if self.by is None else days_of(frame[self.by])
        if np.isnan(days).any():
            return plots.plot_estimates(frame.assign(label=labels), ax=ax, **options)
        cells = [{str(self.by): b, self.term: t} for b, t in zip(frame[self.by], frame[self.term],
                                                                  strict=True)]  # fmt: skip
        drawn = frame[["estimate", "conf_low", "conf_high"]].assign(
            treatment=frame[self.term], day=days, n=[design.totals.count(c) for c in cells]
        )
        what = {"binomial": "Probability of", "poisson": "Mean number of"}
        ylabel = f"{what.get(design.family, 'Mean')} {design.outcome}"
        settings = {"ylabel": ylabel, "better": design.better, **options}
        return plots.plot_trajectories(drawn, ax=ax, **settings)

    def summary(self) -> Summary:
        """Return the means as a table."""
        shown = self._means.summary()
        header = (("Model", self.fit.spec.formula), *shown.header)
        return replace(shown, header=header)


_LINK_TITLE = "Marginal means on the scale of the link"


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
    fit: GEEResult, term: str, by: str | None, at: Mapping[str, Any], weights: str
) -> GEEMargins:
    """Return means on the scale of the link at fixed covariates."""
    L, size, labels = margin_rows(fit.design, term, by, at, weights)
    means = fit.estimable(L, labels, cells_of(labels), size)
    notes = (*means.notes, f"{_FIXED}.")
    return GEEMargins(replace(means, title=_LINK_TITLE, notes=notes), term, by, fit)


def response_margins(
    fit: GEEResult,
    term: str,
    by: str | None,
    at: Mapping[str, Any],
    weights: str,
    covariates: Literal["observed", "fixed"],
) -> GEEMargins:
    """Return means on the scale of the outcome."""
    L, size, labels = margin_rows(fit.design, term, by, at, weights)
    if covariates == "fixed":
        rows = mean_rows(fit, L, size, labels)
    else:
        rows = observed_rows(fit, labels, at)
    note = _OBSERVED if covariates == "observed" else _FIXED
    means = _estimates(fit, rows, f"{note}.")
    return GEEMargins(means, term, by, fit)


def _estimates(fit: GEEResult, rows: MeanRows, note: str) -> Estimates:
    """Return means with their influences on the scale on which they are near normal."""
    parameters, scale = fit.parameters, _SCALES[fit.spec.link_name]
    scales = (scale,) * len(rows.value)
    lost = rows.lost
    alone = ~lost & parameters.rests_on_one(np.where(lost[:, None], 0.0, rows.gradient))
    value = np.where(lost, np.nan, rows.value)
    slope = np.where(lost, 0.0, np.nan_to_num(slopes(value, scales)))
    gradient = np.where(lost[:, None], 0.0, rows.gradient) * slope[:, None]
    influence = fit.influences @ gradient.T
    sampling = None
    if rows.sampling is not None:
        sampling = np.where(lost, 0.0, rows.sampling) * slope
        sampling = fit.through_weights(sampling)
        influence = influence + sampling
    if fit.spec.vcov == "model":
        covariance = gradient @ parameters.covariance @ gradient.T
        covariance = covariance if sampling is None else covariance + sampling.T @ sampling
    else:
        covariance = influence.T @ influence
    hidden = lost | alone
    covariance[hidden], covariance[:, hidden] = np.nan, np.nan
    reasons = [ALONE if a else r for a, r in zip(alone, rows.reasons, strict=True)]
    caveat = (as_label(f"{fit.design.caveat}."),) if fit.design.caveat else ()
    return estimates_of(
        rows.keys, value, influences=influence, covariance=np.asarray(covariance),
        subjects=fit.subjects, scale=scale, df=ModelDegrees(parameters, gradient),
        reasons=reasons, title="Marginal means", notes=(*caveat, note),
    )  # fmt: skip
