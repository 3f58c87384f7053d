"""Whether two linear mixed models are of the same ratings, one within the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.arrays import IntArray
from trdstats.errors import SpecError
from trdstats.longitudinal.designs.by_rating import Grouping
from trdstats.longitudinal.gaussian.nested_models import is_special_case, spans

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.lmm_result import LMMResult


def check_nested(larger: LMMResult, simpler: LMMResult) -> None:
    """Refuse fits of different ratings, and models of which one is no special case of the other.

    Rows may be in any order.

    Raises
    ------
    SpecError
        When likelihoods of the two have no ratio test.
    """
    a, b = larger.design, simpler.design
    one, order = _sorted_rows(larger, simpler)
    other, order_of_simpler = _sorted_rows(simpler, larger)
    if a.outcome != b.outcome or not one.equals(other):
        raise SpecError(
            f"The fits are of different rows or outcomes ({a.outcome}, {larger.n_obs:,} ratings, "
            f"and {b.outcome}, {simpler.n_obs:,}): fit both to the same outcome and the rows that "
            "have all covariates."
        )
    known = {g.column: g for g in larger._groupings}
    correlated = larger.spec.correlated, simpler.spec.correlated
    for g in simpler._groupings:
        within = known.get(g.column)
        if (
            within is None
            or within.crossed != g.crossed
            or not _lies_within(g, within, correlated, order_of_simpler, order)
        ):
            raise SpecError(
                f"The models are not nested: the {simpler.structure} are no special case of the "
                f"{larger.structure}. Compare AIC or BIC."
            )
    same_time = simpler.spec.time in (None, larger.spec.time)
    if not (is_special_case(simpler.spec.residual, larger.spec.residual) and same_time):
        raise SpecError(
            "The models are not nested: the residuals of the simpler fit are no special case of "
            "those of this one. Compare AIC or BIC."
        )


def _sorted_rows(fit: LMMResult, other: LMMResult) -> tuple[pd.DataFrame, IntArray]:
    """Return what both fits have of every rating, in an order that the table does not decide."""
    design = fit.design
    shared = {g.column: g for g in other._groupings}
    columns: dict[str, Any] = {"subject": np.asarray(design.row_subjects).astype(str)}
    for g in fit._groupings:
        if g.column not in shared:
            continue
        columns[f"group {g.column}"] = np.asarray(g.labels)[g.group].astype(str)
        for k, effect in enumerate(g.effects):
            if effect in shared[g.column].effects:
                columns[f"effect {g.column} {effect}"] = g.Z[:, k]
    for k, term in enumerate(design.terms):
        if term in other.design.terms:
            columns[f"term {term}"] = design.X[0, k]
    columns |= {"outcome": design.y[0]}
    frame = pd.DataFrame(columns)[sorted(columns)]
    ordered = frame.sort_values(list(frame.columns), kind="stable")
    return ordered.reset_index(drop=True), ordered.index.to_numpy()


def _lies_within(
    low: Grouping,
    high: Grouping,
    correlated: tuple[bool, bool],
    order_of_low: IntArray,
    order_of_high: IntArray,
) -> bool:
    """Whether the effects of a factor are among those of another model."""
    if correlated[0]:
        return spans(high.Z[order_of_high], low.Z[order_of_low])
    # Effects without correlations hold these very effects, and no combinations of them.
    return set(low.effects) <= set(high.effects) and (len(low.effects) == 1 or not correlated[1])
