"""What tables say against themselves that no study has checked: codes, changes, baselines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.errors import DataWarning, count_of, warn
from trdstats.kinds import is_plain_number
from trdstats.study.plausibility.covariates import find_codes, may_be_names, words_on_codes
from trdstats.study.plausibility.timeline import FEWEST

_ROUNDING = 1e-6  # of a point: scores are whole, or means of a few whole numbers


def warn_of_codes(table: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    """Warn of columns of numbers that hold usual codes for missing, far from all other values.

    Parameters
    ----------
    table : pandas.DataFrame
    columns : sequence of str
        Columns to look at; those that are no numbers, or may name sites, are passed over.
    what : str
        What the table is called in messages.
    """
    for column in columns:
        values = table[column]
        plain = pd.api.types.is_numeric_dtype(values.dtype)
        if not plain or pd.api.types.is_bool_dtype(values.dtype) or values.dtype.kind == "c":
            continue
        marked = find_codes(_numbers(values))
        if marked is None or may_be_names(marked[2]):
            continue
        codes, counts, others = marked
        rows = count_of(int(counts.sum()), "row", "rows")
        warn(
            f"`{what}` column {column!r} holds {words_on_codes(codes, others)} ({rows}). Leave "
            "these cells empty: as numbers they are analysed like all others.",
            DataWarning,
        )


def warn_of_changes(table: pd.DataFrame, outcome: str, visits: Sequence[str]) -> None:
    """Warn where changes have the other sign than scores say, or a visit holds only zeros.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a rating.
    outcome : str
        Column that is analysed; looked at where it is called `change`.
    visits : sequence of str
        Columns that may say the visit of a row.
    """
    if outcome != "change" or outcome not in table:
        return
    change = _numbers(table[outcome])
    _warn_of_sign(table, change)
    zero = change == 0.0
    if zero.sum() < FEWEST or not (np.abs(change) > 0).any():
        return
    for column in dict.fromkeys(c for c in visits if c in table):
        code, names = pd.factorize(np.asarray(table[column], dtype=object))
        known = (code >= 0) & ~np.isnan(change)
        n, zeros = (np.bincount(code[rows], minlength=len(names)) for rows in (known, known & zero))
        for place in np.flatnonzero((n == zeros) & (n >= FEWEST)):
            warn(
                f"'change' is 0 in all {n[place]:,} rows of {column} {names[place]}: probably "
                "the baseline, from which changes are counted. It is no outcome: leave its rows "
                "out, or analyse the score.",
                DataWarning,
            )
            return


def _warn_of_sign(table: pd.DataFrame, change: FloatArray) -> None:
    if not {"score", "baseline"} <= set(table.columns):
        return
    difference = _numbers(table["score"]) - _numbers(table["baseline"])
    known = ~np.isnan(change) & ~np.isnan(difference) & (difference != 0)
    turned = known & (np.abs(change + difference) <= _ROUNDING)
    n, N = int(turned.sum()), int(known.sum())
    if 2 * n <= N:
        return
    warn(
        f"'change' is the baseline less the score in {n:,} of {N:,} rows: positive is improvement "
        "on a scale of symptoms. In trdstats change is the score less the baseline, and figures "
        "and tests read its direction so: turn the sign round, or give the column another name.",
        DataWarning,
    )


def _numbers(values: pd.Series[Any]) -> FloatArray:
    """Return a column as numbers, NaN where an entry is none."""
    if is_plain_number(values.dtype):
        return values.to_numpy(dtype=float)
    return np.asarray(pd.to_numeric(values, errors="coerce").to_numpy(float, na_value=np.nan))
