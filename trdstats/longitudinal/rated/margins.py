"""Means by cell as estimates, and the differences and ratios between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, get_args

import numpy as np

from trdstats.arguments import Level, checked_methods
from trdstats.arrays import BoolArray
from trdstats.errors import SpecError, check_choice
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.estimates.adjusted import Adjustment
from trdstats.estimates.comparisons import Measure
from trdstats.estimates.scales import ScaleName, slopes
from trdstats.estimates.stacked import below
from trdstats.longitudinal.designs.estimable import ALONE
from trdstats.longitudinal.rated.cell_means import CellMeans
from trdstats.longitudinal.rated.effects import RatedEffects
from trdstats.tables import Summary, caveat_notes

# The scale on which limits of a mean are near normal, by link.
SCALES: dict[str, ScaleName] = {
    "logit": "logit", "probit": "logit", "log": "log", "identity": "identity",
}  # fmt: skip


@checked_methods
@dataclass(frozen=True, repr=False)
class RatedMargins(EstimateResult):
    """Means of an outcome rated repeatedly.

    Attributes
    ----------
    term : str
        Column whose levels are compared.
    by : str or None
        Column within whose levels they are estimated.
    fit : RatedEffects
    on_link : bool
        Whether the means are on the scale of the link.
    """

    _means: Estimates
    term: str
    by: str | None
    fit: RatedEffects
    on_link: bool = False

    # What differences are of, in their title; empty: what the means are called.
    compared: ClassVar[str] = ""

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
        if self.on_link and measure != "difference":
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
        title = f"{titles[measure]} of {self.compared or means.title.lower()}"
        within = [str(c) for c in comparisons.keys if c in (self.by, "category")]
        return replace(comparisons, title=title).adjust(adjust, within=within)

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


def estimates_of_means(
    fit: RatedEffects,
    means: CellMeans,
    *,
    robust: bool,
    title: str,
    note: str,
    alone: BoolArray | None = None,
) -> Estimates:
    """Return means with their influences on the scale on which they are near normal.

    Parameters
    ----------
    fit : RatedEffects
    means : CellMeans
    robust : bool
        Whether the covariance is the cross-product of the influences, else that of the model with
        the sampling of subjects added.
    title, note : str
    alone : ndarray of bool, shape (k,), optional
        Means that rest on a single subject: their errors are not known.
    """
    scale, lost = SCALES[fit.spec.link_name], means.lost
    value = np.where(lost, np.nan, means.value)
    slope = np.where(lost, 0.0, np.nan_to_num(slopes(value, (scale,) * len(value))))
    gradient = np.where(lost[:, None], 0.0, means.gradient) * slope[:, None]
    influence = fit.influences @ gradient.T
    covariance = fit._spread(gradient)
    if means.sampling is not None:
        sampling = fit.through_weights(np.where(lost, 0.0, means.sampling) * slope)
        influence = influence + sampling
        covariance = covariance + sampling.T @ sampling
    if robust:
        covariance = influence.T @ influence
    reasons: Sequence[str] = means.reasons
    hidden = lost
    if alone is not None:
        hidden = lost | alone
        reasons = [ALONE if a else r for a, r in zip(alone, reasons, strict=True)]
    covariance[hidden], covariance[:, hidden] = np.nan, np.nan
    caveat = caveat_notes(fit.design.caveat)
    return estimates_of(
        means.keys, value, influences=influence, covariance=np.asarray(covariance),
        subjects=fit.subjects, scale=scale, df=fit._degrees(gradient), reasons=reasons,
        title=title, notes=(*caveat, note, *fit.design.category_notes),
    )  # fmt: skip
