"""What standardisation found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.aliases import Axes
from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray
from trdstats.comparison.adjusted.by_treatment import ResultByTreatment
from trdstats.estimates import Estimates, estimates_of
from trdstats.kernels.weighting.generalised_linear import LinearFit
from trdstats.outcomes.switching import SwitchCounts, caveat_of_figure
from trdstats.study.caveats import Caveat
from trdstats.tables import Summary

if TYPE_CHECKING:
    from trdstats.comparison.adjusted.standardisation import Standardisation


ASSUMES = (
    "Right when the covariates of the formula are all that drives both treatment and outcome, and "
    "the regression is right."
)


@checked_methods
@dataclass(frozen=True, repr=False)
class StandardisationResult(ResultByTreatment):
    """Standardised outcomes under each treatment and their comparisons.

    Attributes
    ----------
    spec : Standardisation
    outcome : str
        The outcome in words.
    caveat : str
        What a crude comparison must say.
    counts : pandas.DataFrame
        Treatment, n, n_observed (outcome known; of event times: events).
    coefficients : pandas.DataFrame
        The regression: term, then the columns of estimates.
    header : tuple
        What the summary says of the regression.
    switching : SwitchCounts or None
        Who had started another treatment.
    """

    spec: Standardisation
    outcome: str
    caveat: str
    counts: pd.DataFrame
    coefficients: pd.DataFrame
    header: tuple[tuple[str, str], ...]
    _values: Estimates
    _reference: str
    _beyond: Callable[[], tuple[str, ...]]
    _of_times: tuple[str, ...] = ()
    switching: SwitchCounts | None = None

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What the summary says of the regression; extrapolation is looked for when asked."""
        return (*self._of_times, *self._beyond())

    def glance(self) -> pd.DataFrame:
        """Return one row: n, n_observed, estimand, variance, reference."""
        return pd.DataFrame(
            {
                "n": [int(self.counts["n"].sum())],
                "n_observed": [int(self.counts["n_observed"].sum())],
                "estimand": [self.spec.estimand],
                "variance": [self.spec.variance],
                "reference": [self._reference],
            }
        )

    def plot(self, ax: Axes | None = None, *, measure: str | None = None, **options: Any) -> Axes:
        """Draw the first standardised quantity, or one of its comparisons; returns the Axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        measure : str, optional
            "difference", "ratio", ...; default the quantity under each treatment.
        **options
            Passed on to `trdstats.plots.plot_estimates`.
        """
        caveat = adjusted_caveat(self.caveat, self.spec.formula)
        settings = {"caveat": caveat_of_figure(caveat, self.switching), **options}
        return self._draw(ax, measure, self.outcome, settings)

    def summary(self) -> Summary:
        """Return outcomes and comparisons as tables."""
        whose = (
            "all subjects" if self.spec.treated is None else f"subjects under {self.spec.treated}"
        )
        header = (
            ("Outcome", self.outcome),
            ("Formula", self.spec.formula),
            *self.header,
            ("Standardised to", whose),
            ("Errors", self.spec.variance),
        )
        notes = list(self._values.notes)
        if self.caveat:
            notes.append(ASSUMES)
        return Summary(
            "Standardisation",
            header,
            self._tables(),
            (*notes, *self.notes, *self._notes()),
        )


def adjusted_caveat(caveat: str, formula: str) -> str:
    """Return what an adjusted comparison must say in the place of the crude caveat."""
    return Caveat.read(caveat).adjusted_for(formula)


def coefficient_table(
    terms: list[str], fit: LinearFit, influence: FloatArray | None, conf_level: float
) -> pd.DataFrame:
    """Return the coefficients, with robust errors where influences are given."""
    covariance = fit.covariance() if influence is None else influence.T @ influence
    estimates = estimates_of(
        pd.DataFrame({"term": terms}), fit.beta, covariance=np.asarray(covariance), null=0.0
    )
    return estimates.tidy(conf_level=conf_level)
