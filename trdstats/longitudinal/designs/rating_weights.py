"""Weights of single ratings: a column of the table, or one weight a subject and visit."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trdstats.errors import DataError, Problem, SpecError, count_of, unknown_name
from trdstats.kinds import places

VISIT_WEIGHT = "visit_weight"


def positive_weights(table: pd.DataFrame, column: str) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the rows with a weight above 0; weights that are none are refused."""
    if column not in table:
        raise unknown_name("column", column, table.columns)
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=float)
    wrong = ~(np.isfinite(values) & (values >= 0))
    if wrong.any():
        raise DataError(
            [
                Problem(
                    "bad_weight",
                    f"rating_weights={column!r} must be numbers of 0 or more.",
                    places(wrong, lambda i: f"row {i}"),
                    "Give every rating a weight; 0 leaves it out.",
                )
            ]
        )
    without = int((values == 0).sum())
    table = table.assign(**{column: values})[values > 0]
    return table, {"weight 0": without} if without else {}


def attach_visit_weights(
    table: pd.DataFrame, weights: pd.DataFrame, subject: str, visit: str, outcome: str
) -> pd.DataFrame:
    """Return the rows with the weight of their subject and visit.

    Parameters
    ----------
    table : pandas.DataFrame
    weights : pandas.DataFrame
        subject, visit, weight.
    subject, visit, outcome : str
        Columns of the table.

    Raises
    ------
    DataError
        When a row with an outcome has no weight.
    SpecError
        When the table has a column of that name already.
    """
    for column in (subject, visit):
        if column not in table:
            raise unknown_name("column", column, table.columns)
    if VISIT_WEIGHT in table:
        raise SpecError(f"The table has a column {VISIT_WEIGHT!r} already; rename it.")
    known = pd.MultiIndex.from_arrays([weights["subject"], weights["visit"]])
    wanted = pd.MultiIndex.from_arrays([table[subject].astype(object), table[visit].astype(object)])
    at = known.get_indexer(wanted)
    value = np.where(at >= 0, weights["weight"].to_numpy(dtype=float)[at], np.nan)
    without = np.isnan(value)
    if outcome in table:
        without &= table[outcome].notna().to_numpy()
    if without.any():
        rows = table.loc[without, [subject, visit]].iloc[:50].itertuples(index=False)
        raise DataError(
            [
                Problem(
                    "no_weight",
                    count_of(int(without.sum()), "rating has", "ratings have")
                    + " no weight: the weights were made from other rows.",
                    tuple(f"{who} at {visit} {when}" for who, when in rows),
                    "Fit the weights to the same data and visits.",
                )
            ]
        )
    return table.assign(**{VISIT_WEIGHT: value})
