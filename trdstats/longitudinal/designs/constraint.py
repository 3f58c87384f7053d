"""The visits before treatment in a constrained analysis, and the rows at them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from trdstats.errors import NotEstimableError, SpecError
from trdstats.study.visit_order import VisitOrder


def visits_before_treatment(order: VisitOrder, visit: str) -> tuple[Any, ...]:
    """Return the visits at day 0 or earlier: the baseline, and any screening before it.

    Raises
    ------
    SpecError
        When there is none.
    """
    at_start = order.days <= 0
    if not at_start.any():
        names = ", ".join(str(v) for v in order.levels[:6])
        raise SpecError(
            f"constrained=True needs the baseline among the visits, and {visit!r} holds {names}"
            f"{', ...' if len(order.levels) > 6 else ''}: none is at day 0 or earlier. Give the "
            "baseline scores as rows of visit 0 (or 'baseline'), or leave out constrained=True."
        )
    baseline = int(np.flatnonzero(at_start).max())
    # A visit without a day, such as a screening, belongs to them when it precedes the baseline.
    unnamed = np.isnan(order.days) & (np.arange(len(order.days)) < baseline)
    return tuple(order.levels[at_start | unnamed])


def fill_treatment(
    table: pd.DataFrame, before: tuple[Any, ...], *, subject: str, visit: str, treatment: str
) -> pd.DataFrame:
    """Return a table whose rows before treatment have the treatment that the subject got later.

    Before randomisation the treatment is often left empty. Subjects who never got one keep the
    missing value, and are left out.
    """
    if not {subject, treatment} <= set(table.columns):
        return table  # the check of the table names what is missing
    values = table[treatment].astype(object)
    empty = values.isna() | (values.astype(str).str.strip() == "")
    at_start = table[visit].isin(before)
    if not (empty & at_start).any():
        return table
    later = table.loc[~empty].groupby(subject, observed=True)[treatment]
    treatments = later.nunique()
    assigned = later.first().astype(object)[treatments == 1]
    filled = values.mask(empty, None)
    filled = filled.mask(empty & at_start, table[subject].map(assigned.to_dict()))
    return table.assign(**{treatment: filled.astype(_filled_type(table[treatment]))})


def _filled_type(values: pd.Series[Any]) -> Any:
    if not isinstance(values.dtype, pd.CategoricalDtype):
        return values.dtype if pd.api.types.is_numeric_dtype(values.dtype) else object
    kept = [c for c in values.cat.categories if str(c).strip()]
    return pd.CategoricalDtype(kept, ordered=values.cat.ordered)


def check_baseline(frame: pd.DataFrame, before: tuple[Any, ...], visit: str, outcome: str) -> None:
    """Refuse analysed rows if none of them, or all of them, are before treatment.

    Raises
    ------
    NotEstimableError
    """
    at_start = frame[visit].isin(before)
    names = ", ".join(str(v) for v in before)
    if not at_start.any():
        raise NotEstimableError(
            f"No subject has a value of {outcome!r} at the baseline ({visit} {names}). A "
            "constrained analysis takes the baseline as an outcome like the others: use the score, "
            "not its change."
        )
    if at_start.all():
        raise NotEstimableError(f"All rows are at the baseline ({visit} {names}).")
