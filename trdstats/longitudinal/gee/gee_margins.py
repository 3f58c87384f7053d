"""Marginal means of estimating equations, and the differences and ratios between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arguments import checked_methods
from trdstats.errors import SpecError
from trdstats.longitudinal.designs.grid import margin_rows
from trdstats.longitudinal.designs.levels import cells_of
from trdstats.longitudinal.gee.means import means_at
from trdstats.longitudinal.rated.cell_means import at_rows, averaged_over, over_subjects
from trdstats.longitudinal.rated.margins import RatedMargins, estimates_of_means
from trdstats.study.visit_order import days_of

if TYPE_CHECKING:
    from trdstats.longitudinal.gee.gee_result import GEEResult

_FIXED = (
    "At fixed covariates: numbers at their mean over the analysed ratings, other categories "
    "averaged on the link's scale."
)


@checked_methods
@dataclass(frozen=True, repr=False)
class GEEMargins(RatedMargins):
    """Marginal means of estimating equations.

    Attributes
    ----------
    term : str
        Column whose levels are compared.
    by : str or None
        Column within whose levels they are estimated.
    fit : GEEResult
    on_link : bool
        Whether the means are on the scale of the link.
    """

    compared: ClassVar[str] = "marginal means"

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


def link_margins(
    fit: GEEResult, term: str, by: str | None, at: Mapping[str, Any], weights: str
) -> GEEMargins:
    """Return means on the scale of the link at fixed covariates."""
    L, size, labels = margin_rows(fit.design, term, by, at, weights)
    means = fit.estimable(L, labels, cells_of(labels), size)
    titled = replace(
        means, title="Marginal means on the scale of the link", notes=(*means.notes, _FIXED)
    )
    return GEEMargins(titled, term, by, fit, on_link=True)


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
        means, note = at_rows(fit, L, size, labels, lambda X, _: means_at(fit, X)), _FIXED
    else:
        means = over_subjects(fit, labels, at, lambda X, _: means_at(fit, X))
        note = f"Averaged {averaged_over(fit.design)}"
    gradient = np.where(means.lost[:, None], 0.0, means.gradient)
    estimates = estimates_of_means(
        fit, means, robust=fit.spec.vcov != "model", title="Marginal means",
        note=note, alone=~means.lost & fit.parameters.rests_on_one(gradient),
    )  # fmt: skip
    return GEEMargins(estimates, term, by, fit)
