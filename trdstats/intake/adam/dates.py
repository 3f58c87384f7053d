"""Dates of ADaM: TRTSDT and ADT of all datasets read together, as days since 1970."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.errors import Problem
from trdstats.intake.dates.columns import Order
from trdstats.intake.dates.days import describe_fit
from trdstats.intake.dates.read import read_dates
from trdstats.intake.values.entries import NO_NUMBER, drop_missing, read_column

_DATES = {"ADSL": "TRTSDT", "ADQS": "ADT", "ADTTE": "ADT"}
_SAS_EPOCH = -3653  # 1 January 1960 as days since 1970


def with_dates(
    datasets: Mapping[str, pd.DataFrame], order: Order | None
) -> tuple[dict[str, pd.DataFrame], list[Problem]]:
    """Return datasets with their dates as days since 1970, and what is wrong with the dates.

    Parameters
    ----------
    datasets : mapping of str to DataFrame
        ``"ADSL"``, ``"ADQS"`` and, where there is one, ``"ADTTE"``. Numbers are dates of SAS, days
        since 1960. Texts are read in one order in all datasets.
    order : str or None
        Order of the digits, None to find it.
    """
    result = dict(datasets)
    held = {n: v for n, v in _DATES.items() if n in datasets and v in datasets[n]}
    if "ADSL" not in held or len(held) == 1:
        return result, []
    problems: list[Problem] = []
    columns = {
        name: drop_missing(
            read_column(_by_row(_stamps(datasets[name][variable])), name), (), NO_NUMBER, problems
        )
        for name, variable in held.items()
    }

    def fit(days: Mapping[str, FloatArray]) -> str:
        if "ADQS" not in days:
            return "no record of ADQS has a date"
        subjects = _by_row(datasets["ADQS"]["USUBJID"])
        first = _by_row(datasets["ADSL"]["USUBJID"])
        start = subjects.map(dict(zip(first, days["ADSL"], strict=True))).to_numpy(dtype=float)
        return describe_fit(days["ADQS"], start, pd.factorize(subjects)[0])

    dates = read_dates(
        columns, order=order, date_system=1900, timezone=None, fit=fit, problems=problems
    )
    for name, variable in held.items():
        of_row = dates[name].day[result[name].index.to_numpy()]
        result[name] = result[name].assign(**{variable: of_row})
    needed = not all(_has_days(datasets[name]) for name in held if name != "ADSL")
    if needed or not any(p.level == "error" for p in problems):
        return result, problems
    unused = {n: result[n].assign(**{v: np.nan}) for n, v in held.items()}
    return result | unused, [_of_no_consequence(p) for p in problems]


def _by_row(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column with the rows that were left out empty: messages name rows as given."""
    return values.reindex(np.arange(values.index.max() + 1 if len(values) else 0))


def _has_days(records: pd.DataFrame) -> bool:
    return "ADY" in records and bool(records["ADY"].notna().all())


def _of_no_consequence(problem: Problem) -> Problem:
    """Return a problem of dates that no day depends on: ADY says them all."""
    if problem.level != "error":
        return problem
    return replace(
        problem,
        summary=problem.summary + " ADY is used, and dates are not compared with it.",
        level="warning",
    )


def _stamps(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return dates of SAS, which are numbers, as dates; others unchanged."""
    if values.dtype.kind not in "iuf":
        return values
    days = values.to_numpy(dtype=float)
    whole = np.where(np.isnan(days), 0, np.floor(days)) + _SAS_EPOCH
    possible = ~np.isnan(days) & (np.abs(whole) < 10**6)
    stamps = np.where(possible, whole, 0).astype("int64").astype("datetime64[D]").astype(object)
    entries = pd.Series(stamps, index=values.index, name=values.name, dtype=object)
    return entries.where(possible, values.astype(object).where(values.notna(), None))
