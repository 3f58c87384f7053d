"""Probabilities of ordered categories standardised to all subjects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.estimates.stacked import below
from trdstats.outcomes.switching import notes_on
from trdstats.survival.parametric.parametric_data import design_at
from trdstats.tables import (
    Summary,
    Table,
    caveat_notes,
    each_row,
    format_estimate,
    format_level,
    format_p,
)

if TYPE_CHECKING:
    from trdstats.endpoint.proportional_odds_result import ProportionalOddsResult


@checked_methods
@dataclass(frozen=True, repr=False)
class CategoryMargins(EstimateResult):
    """Probability of each category under each treatment, and differences.

    Attributes
    ----------
    outcome : str
        The outcome in words.
    """

    outcome: str
    _values: Estimates
    _reference: str
    _conf_level: float

    def estimates(self) -> Estimates:
        """Return probabilities, then differences from the reference.

        Returns
        -------
        Estimates
            Keys measure ("probability", "difference"), the column of treatments, reference,
            category. Limits of probabilities are symmetric on the logit scale.
        """
        by = str(self._values.keys.columns[0])
        keys = self._values.keys.assign(measure="probability", reference="")
        first = replace(self._values, keys=keys[["measure", by, "reference", "category"]])
        gaps = self._values.compare(by, reference=self._reference)
        return below([first, gaps])

    def summary(self) -> Summary:
        """Return one table, a row a treatment and category."""
        by = str(self._values.keys.columns[0])
        frame = self.tidy()
        gaps = {
            (g[by], g["category"]): g
            for g in frame[frame["measure"] == "difference"].to_dict("records")
        }
        rows = []
        for r in each_row(frame[frame["measure"] == "probability"]):
            name = getattr(r, by)
            shown = format_estimate(r.estimate, r.conf_low, r.conf_high, 1, scale=100)
            gap = gaps.get((name, r.category))
            beside = ("", "") if gap is None else (
                format_estimate(gap["estimate"], gap["conf_low"], gap["conf_high"], 1, scale=100),
                format_p(gap["p_value"]),
            )  # fmt: skip
            rows.append((str(name), r.category, shown, *beside))
        level = f"{format_level(self.conf_level)} CI"
        head = (
            by.capitalize(),
            "Category",
            f"% ({level})",
            f"Difference from {self._reference}",
            "p",
        )
        return Summary(
            f"Marginal probabilities of {self.outcome}", (("Standardised to", "all subjects"),),
            (Table(head, tuple(rows), 2),), self._values.notes,
        )  # fmt: skip


def standardised_categories(of: ProportionalOddsResult) -> CategoryMargins:
    """Return the marginal probabilities of a proportional odds model."""
    data, fit, by = of._data, of._fit, of.spec.by
    assert by is not None
    sample = data.sample
    proportion = sample.weight / sample.weight.sum()
    on_theta = of._on_parameters()
    order = [data.reference, *(v for v in data.levels if v != data.reference)]
    value, direct, cells = [], [], []
    for level in order:
        given = design_at(data.design, by, level)[:, 1:]
        probability, slope = fit.probabilities(given)
        mean = proportion @ probability
        value.append(mean)
        gradient = np.einsum("i,ijk->kj", proportion, slope)
        direct.append(proportion[:, None] * (probability - mean) + on_theta @ gradient)
        cells += [(level, name) for name in of.categories]
    notes = (
        *of._notes_on, *data.beyond, *caveat_notes(of._caveat), *notes_on(of.switching),
    )  # fmt: skip
    values = estimates_of(
        pd.DataFrame(cells, columns=[by, "category"]), np.concatenate(value),
        influences=sample.stacked_influence(np.hstack(direct)), subjects=sample.who,
        limits_scale="logit", title="Marginal probabilities", notes=notes,
    )  # fmt: skip
    return CategoryMargins(of.outcome, values, data.reference, of.conf_level)
