"""What augmented inverse probability weighting found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.aliases import Axes
from trdstats.arguments import checked_methods
from trdstats.comparison.adjusted.by_treatment import ResultByTreatment
from trdstats.comparison.adjusted.standardisation_result import adjusted_caveat
from trdstats.estimates import Estimates
from trdstats.outcomes.switching import SwitchCounts, caveat_of_figure
from trdstats.tables import Summary, Table, format_count, format_percent

if TYPE_CHECKING:
    from trdstats.comparison.adjusted.aipw import AIPW

# Below it one subject stands for a hundred others.
RARE = 0.01


def covariates_of(spec: AIPW) -> str:
    """Return what the two models adjust for, in words."""
    return f"{spec.outcome_formula} (outcome), {spec.treatment_formula} (treatment)"


@checked_methods
@dataclass(frozen=True, repr=False)
class AIPWResult(ResultByTreatment):
    """Doubly robust outcomes under each treatment and their comparisons.

    Attributes
    ----------
    spec : AIPW
    outcome : str
        The outcome in words.
    caveat : str
        What a crude comparison must say.
    counts : pandas.DataFrame
        Treatment, n, n_observed.
    propensity : pandas.DataFrame
        subject, treatment, then the probability of each treatment; NaN for those left out.
    header : tuple
    switching : SwitchCounts or None
        Who had started another treatment.
    """

    spec: AIPW
    outcome: str
    caveat: str
    counts: pd.DataFrame
    propensity: pd.DataFrame
    header: tuple[tuple[str, str], ...]
    _values: Estimates
    _reference: str
    switching: SwitchCounts | None = None

    def glance(self) -> pd.DataFrame:
        """Return one row: n, n_observed, estimand, variance, folds, least_probability.

        least_probability is the smallest probability of the treatment that a subject received.
        """
        return pd.DataFrame(
            {
                "n": [int(self.counts["n"].sum())],
                "n_observed": [int(self.counts["n_observed"].sum())],
                "estimand": [self.spec.estimand],
                "variance": [self.spec.variance],
                "folds": [self.spec.folds or 0],
                "least_probability": [float(self.overlap()["least_own"].min())],
                "reference": [self._reference],
            }
        )

    def overlap(self) -> pd.DataFrame:
        """Return how probable each treatment was.

        Returns
        -------
        pandas.DataFrame
            One row a treatment: n; least_own, median_own (probability of the treatment among
            those who had it); least_others, most_others (among those who had another).
        """
        by, frame = self.spec.by, self.propensity.dropna()
        rows = []
        for name in self.counts[by]:
            subset = frame.loc[frame[by] == name, str(name)]
            rest = frame.loc[frame[by] != name, str(name)]
            rows.append(
                {
                    by: name,
                    "n": len(subset),
                    "least_own": subset.min(),
                    "median_own": subset.median(),
                    "least_others": rest.min(),
                    "most_others": rest.max(),
                }
            )
        return pd.DataFrame(rows)

    def plot(self, ax: Axes | None = None, *, measure: str | None = None, **options: Any) -> Axes:
        """Draw the outcome under each treatment, or one of its comparisons; returns the Axes."""
        caveat = adjusted_caveat(self.caveat, self._covariates())
        settings = {"caveat": caveat_of_figure(caveat, self.switching), **options}
        return self._draw(ax, measure, self.outcome, settings)

    def _covariates(self) -> str:
        return covariates_of(self.spec)

    def summary(self) -> Summary:
        """Return outcomes, comparisons and overlap as tables."""
        spec, overlap = self.spec, self.overlap()
        whose = "all subjects" if spec.treated is None else f"subjects under {spec.treated}"
        lines = [
            ("Outcome", self.outcome),
            ("Outcome formula", spec.outcome_formula),
            ("Treatment formula", spec.treatment_formula),
            *self.header,
            ("Mean over", whose),
            ("Errors", f"{spec.variance} influence"),
        ]
        if spec.folds is not None:
            lines.append(("Cross-fitting", f"{spec.folds} folds, seed {spec.seed}"))
        rows = tuple(
            (str(r[spec.by]), format_count(r["n"]),
             *(format_percent(r[c]) for c in list(overlap.columns[2:])))
            for _, r in overlap.iterrows()
        )  # fmt: skip
        header = (
            spec.by.capitalize(), "Subjects", "Least % (own)", "Median % (own)",
            "Least % (others)", "Most % (others)",
        )  # fmt: skip
        notes = list(self._values.notes)
        if self.caveat:
            notes.append(
                "Right when the covariates are all that drives both treatment and outcome, and "
                "one of the two models is right."
            )
        left = int(np.sum(self.counts["n"] - self.counts["n_observed"]))
        if left:
            notes.append(
                f"{left:,} without an outcome are left out; CensoringWeights can stand for them."
            )
        if (overlap["least_own"] < RARE).any():
            notes.append(
                "Some had a treatment that models give a probability below 1 %: overlap is poor, "
                "and few subjects decide the estimate."
            )
        return Summary(
            "Augmented inverse probability weighting",
            tuple(lines),
            (*self._tables(), Table(header, rows, title="Probability of treatment")),
            (*notes, *self._notes()),
        )
