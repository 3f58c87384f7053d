"""Sentences about results, built from their tidy rows: the same in report, paper and tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from trdstats.errors import count_of
from trdstats.survival.reported_days import LEAST_AT_RISK
from trdstats.tables import (
    add_unit,
    each_row,
    format_ci,
    format_count,
    format_estimate,
    format_level,
    format_number,
)

_LISTED = 3  # more differences than these are summed up: a sentence is no table


def list_differences(
    rows: pd.DataFrame, *, unit: str, level: float, digits: int = 1, scale: float = 1.0
) -> str:
    """Return differences of treatments from a reference as a sentence.

    Parameters
    ----------
    rows : DataFrame
        treatment, reference, estimate, conf_low, conf_high; NaN where not estimable.
    unit : str
        Written behind the estimates.
    level : float
        Confidence level of the limits.
    digits : int
        Decimals.
    scale : float
        What the estimates are multiplied by: 100 makes proportions percentage points.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"treatment": ["ECT"], "reference": ["TMS"], "estimate": [0.1],
    ...                      "conf_low": [-0.02], "conf_high": [0.22]})
    >>> list_differences(rows, unit="percentage points", level=0.95, scale=100)
    'ECT less TMS: 10.0 percentage points (95 % CI -2.0 to 22.0).'
    """
    known = rows[rows["estimate"].notna()]
    if known.empty:
        return "No difference between treatments could be estimated."
    if len(known) <= _LISTED:
        parts = [
            f"{r.treatment} less {r.reference}: {_quantity(r, unit, digits, scale)} "
            f"({_limits(r, level, digits, scale)})"
            for r in each_row(known)
        ]
        return "; ".join(parts) + "."
    ordered = known.loc[known["estimate"].sort_values(kind="stable").index]
    first, last = (next(each_row(ordered.iloc[[k]])) for k in (0, -1))
    ends = [
        f"{format_estimate(r.estimate, r.conf_low, r.conf_high, digits, scale=scale)} for "
        f"{r.treatment}"
        for r in (first, last)
    ]
    return (
        f"Differences from {first.reference} ({unit}, {format_level(level)} CI) run from {ends[0]} "
        f"to {ends[1]}; {say_excluding_zero(known)}."
    )


def list_groups(
    rows: pd.DataFrame, *, unit: str, level: float, digits: int = 1, scale: float = 1.0
) -> str:
    """Return the lowest and the highest of the groups, with limits; all of them when they are few.

    A small number at risk (`n_risk`) or of subjects (`n`) that an estimate rests on is named.

    Parameters are those of `list_differences`; rows hold treatment, estimate, conf_low, conf_high.
    """
    known = rows[rows["estimate"].notna()]
    if known.empty:
        return "No treatment has an estimate."
    ordered = known.loc[known["estimate"].sort_values(ascending=False, kind="stable").index]
    shown = ordered if len(known) <= _LISTED else ordered.iloc[[0, -1]]
    parts = [
        f"{_quantity(r, unit, digits, scale)} "
        f"({_limits(r, level, digits, scale)}{_few(r, '; ')}) "
        f"under {r.treatment}"
        for r in each_row(shown)
    ]
    if len(known) <= _LISTED:
        return ", ".join(parts) + "."
    return f"from {parts[0]} to {parts[1]}, of {len(known)} treatments."


def say_excluding_zero(rows: pd.DataFrame) -> str:
    """Return how many intervals exclude 0, of those that have two limits.

    Examples
    --------
    >>> import pandas as pd
    >>> say_excluding_zero(pd.DataFrame({"conf_low": [0.1, -0.2], "conf_high": [0.3, 0.2]}))
    'the intervals of 1 of 2 exclude 0'
    """
    limited = rows[rows["conf_low"].notna() & rows["conf_high"].notna()]
    if limited.empty:
        return "no confidence limits"
    apart = int(((limited["conf_low"] > 0) | (limited["conf_high"] < 0)).sum())
    return f"the intervals of {apart} of {len(limited)} exclude 0"


def headline(row: Any, digits: int = 0, *, scale: float = 100.0) -> str:
    """Return an estimate for the first page, with the number it rests on where that is small."""
    shown = format_estimate(row.estimate, row.conf_low, row.conf_high, digits, scale=scale)
    return f"{shown}{_few(row, ', ')}"


def _limits(row: Any, level: float, digits: int, scale: float) -> str:
    reason = str(getattr(row, "reason", "") or "")
    return format_ci(level, scale * row.conf_low, scale * row.conf_high, digits, reason=reason)


def _few(row: Any, before: str) -> str:
    """Return the number that an estimate rests on where it is below that of the rule."""
    at_risk, n = getattr(row, "n_risk", np.nan), getattr(row, "n", np.nan)
    if at_risk < LEAST_AT_RISK:
        return f"{before}{format_count(at_risk)} at risk"
    return f"{before}{count_of(int(n), 'subject', 'subjects')}" if n < LEAST_AT_RISK else ""


def _quantity(row: Any, unit: str, digits: int, scale: float) -> str:
    return add_unit(format_number(scale * row.estimate, digits), unit)
