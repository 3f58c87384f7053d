"""Rates and means of matched subjects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.aliases import Axes
from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray, IntArray
from trdstats.comparison.adjusted.by_treatment import (
    Quantity,
    ResultByTreatment,
    values_by_treatment,
)
from trdstats.comparison.adjusted.subject_outcomes import SubjectOutcomes
from trdstats.errors import NotEstimableError
from trdstats.estimates import Estimates
from trdstats.kernels.weighting.matched_groups import MatchedMeans
from trdstats.kernels.weighting.matching import local_variance, replaced_covariance
from trdstats.outcomes.switching import SwitchCounts, caveat_of_figure, notes_on
from trdstats.tables import Summary

if TYPE_CHECKING:
    from trdstats.comparison.adjusted.matching_result import MatchingResult


@checked_methods
@dataclass(frozen=True, repr=False)
class MatchedEstimates(ResultByTreatment):
    """Outcomes of the matched under both treatments and their comparison.

    There are no influences where controls are part of several sets (with replacement, or because
    scores are equal): the variance of Abadie and Imbens is no sum over subjects. Otherwise each
    matched set has one, in the row of its treated subject.

    Attributes
    ----------
    matching : MatchingResult
    outcome : str
        The outcome in words.
    n_sets, n_lost : int
        Matched sets that were compared, and those that went for want of an outcome.
    switching : SwitchCounts or None
        Who had started another treatment.
    """

    matching: MatchingResult
    outcome: str
    n_sets: int
    n_lost: int
    _values: Estimates
    _reference: str
    switching: SwitchCounts | None = None

    @property
    def conf_level(self) -> float:
        """Confidence level of tables and figures; that of the matching."""
        return self.matching.spec.conf_level

    def glance(self) -> pd.DataFrame:
        """Return one row: n_sets, n_lost, n_controls, variance."""
        return pd.DataFrame(
            {
                "n_sets": [self.n_sets],
                "n_lost": [self.n_lost],
                "replace": [self.matching.spec.replace],
                "variance": [self._variance()],
            }
        )

    def _variance(self) -> str:
        return "Abadie-Imbens" if self.matching._is_shared else "by matched set"

    def plot(self, ax: Axes | None = None, *, measure: str | None = None, **options: Any) -> Axes:
        """Draw the outcome under both treatments, or a comparison; returns the Axes."""
        caveat = caveat_of_figure(self.matching._words(), self.switching)
        return self._draw(ax, measure, self.outcome, {"caveat": caveat, **options})

    def summary(self) -> Summary:
        """Return outcomes and comparison as a table."""
        matching = self.matching
        sets = f"{self.n_sets:,} of {matching.treated} with their controls"
        header = (
            ("Outcome", self.outcome),
            ("Matched on", matching.spec.formula),
            (
                "Sets",
                sets + (f"; {self.n_lost:,} lost for want of an outcome" if self.n_lost else ""),
            ),
            ("Mean over", f"subjects under {matching.treated} who found a match"),
            ("Errors", self._variance()),
        )
        notes = (*self._values.notes, *self._notes())
        return Summary("Matched comparison", header, self._tables(), notes)


def estimate_matched(
    matching: MatchingResult, y: FloatArray, known: SubjectOutcomes, day: float | None
) -> MatchedEstimates:
    """Compare the outcomes of the matched.

    Parameters
    ----------
    matching : MatchingResult
    y : ndarray, shape (n,)
        Outcomes of the rows of its frame; NaN where not observed.
    known : SubjectOutcomes
    day : float or None
    """
    groups, rows = matching._groups, matching._treated
    means = groups.compare(y[rows], y[matching._controls])
    if not len(means.kept):
        raise NotEstimableError(f"No matched set has {known.label} on both sides.")
    kept, weight, matched = rows[means.kept], means.weight, means.control
    estimate = np.array([np.average(matched, weights=weight), np.average(y[kept], weights=weight)])
    influence, covariance = None, None
    if matching._is_shared:
        covariance = _of_shared(matching, y, kept, means)
    else:
        influence = (np.column_stack([matched, y[kept]]) - estimate) / len(kept)
    quantity: Quantity = "rate" if known.binary else "mean"
    time = np.nan if day is None else float(day)
    labels, words = (str(matching.control), str(matching.treated)), matching._words()
    return MatchedEstimates(
        matching=matching,
        outcome=known.label,
        n_sets=len(kept),
        n_lost=len(groups.treated) - len(kept),
        _values=values_by_treatment(
            [(quantity, time)], matching.spec.by, labels, estimate, influence=influence,
            subjects=matching.frame["subject"].to_numpy(dtype=object)[kept], covariance=covariance,
            title="Matched comparison",
            notes=(*((f"{words}.",) if words else ()), *notes_on(known.switching)),
        ),
        _reference=labels[0],
        switching=known.switching,
    )  # fmt: skip


def _of_shared(
    matching: MatchingResult, y: FloatArray, kept: IntArray, means: MatchedMeans
) -> FloatArray:
    """Return the covariance where controls are part of several sets."""
    controls = matching._controls  # by score
    seen = ~np.isnan(y[controls])
    if seen.sum() < 2:
        raise NotEstimableError("One control with an outcome tells nothing of its variance.")
    controls, used, squared = controls[seen], means.used[seen], means.used_squared[seen]
    variance = local_variance(matching.score[controls], y[controls])
    return replaced_covariance(y[kept], means.control, used, squared, variance, means.weight)
