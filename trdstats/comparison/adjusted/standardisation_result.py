"""What standardisation found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray
from trdstats.estimates.treatment_quantities import Marginals
from trdstats.estimates.wald import wald_table
from trdstats.kernels.weighting.generalised_linear import LinearFit
from trdstats.tables import Summary, SummaryMixin

if TYPE_CHECKING:
    from trdstats.comparison.adjusted.standardisation import Standardisation


ASSUMES = (
    "Right when the covariates of the formula are all that drives both treatment and outcome, and "
    "the regression is right."
)


@checked_methods
@dataclass(frozen=True, repr=False)
class StandardisationResult(SummaryMixin):
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
        The regression: term, estimate, std_error, statistic, p_value, conf_low, conf_high,
        conf_level.
    facts, notes : tuple
        What the face says of the regression.
    """

    spec: Standardisation
    outcome: str
    caveat: str
    counts: pd.DataFrame
    coefficients: pd.DataFrame
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    _marginals: Marginals

    def tidy(self) -> pd.DataFrame:
        """Return the standardised outcomes, then comparisons with the reference.

        Returns
        -------
        pandas.DataFrame
            measure (the quantity itself, "difference", "ratio", "odds ratio"), treatment,
            reference, quantity ("rate", "mean", "survival", "restricted mean"), time (day),
            estimate, std_error (log scale for ratios), statistic, p_value, conf_low, conf_high,
            conf_level. Limits of rates are symmetric on the logit scale, of survival on the
            log(-log) scale, of ratios on the log scale.
        """
        return self._marginals.tidy()

    def glance(self) -> pd.DataFrame:
        """Return one row: n, n_observed, estimand, variance, reference."""
        return pd.DataFrame(
            {
                "n": [int(self.counts["n"].sum())],
                "n_observed": [int(self.counts["n_observed"].sum())],
                "estimand": [self.spec.estimand],
                "variance": [self.spec.variance],
                "reference": [self._marginals.reference],
            }
        )

    def influence(self) -> pd.DataFrame:
        """Return the first-order effect of each subject on each standardised outcome.

        Returns
        -------
        pandas.DataFrame
            subject, then "<treatment> <quantity> day <d>"; through the regression, the covariates
            averaged over and, where weights were estimated, their model.
        """
        return self._marginals.influence()

    def plot(self, ax: Any = None, *, measure: str | None = None, **options: Any) -> Any:
        """Draw the first standardised quantity, or one of its comparisons; returns the Axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        measure : str, optional
            "difference", "ratio", ...; default the quantity under each treatment.
        **options
            Passed on to `trdstats.plots.plot_estimates`.
        """
        settings = {"caveat": adjusted_caveat(self.caveat, self.spec.formula), **options}
        return self._marginals.draw(ax, measure, self.outcome, settings)

    def summary(self) -> Summary:
        """Return outcomes and comparisons as tables."""
        whose = (
            "all subjects" if self.spec.treated is None else f"subjects under {self.spec.treated}"
        )
        facts = (
            ("Outcome", self.outcome),
            ("Formula", self.spec.formula),
            *self.facts,
            ("Standardised to", whose),
            ("Errors", self.spec.variance),
        )
        notes = [adjusted_caveat(self.caveat, self.spec.formula) + "."] if self.caveat else []
        if self.caveat:
            notes.append(ASSUMES)
        return Summary(
            "Standardisation",
            facts,
            self._marginals.tables(),
            (*notes, *self.notes, *self._marginals.notes()),
        )


def adjusted_caveat(caveat: str, formula: str) -> str:
    """Return what an adjusted comparison must say in the place of the crude caveat."""
    return f"Treatments were not randomised; adjusted for {formula}" if caveat else ""


def coefficient_table(
    terms: list[str], fit: LinearFit, influence: FloatArray | None, conf_level: float
) -> pd.DataFrame:
    """Return the coefficients, with robust errors where influences are given."""
    covariance = fit.covariance() if influence is None else influence.T @ influence
    return wald_table(terms, fit.beta, np.asarray(covariance), conf_level)
