"""The day of each record of ADaM, from its study day, its date, or the time since treatment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import Problem, count_of
from trdstats.intake.adam.datasets import is_blank, who
from trdstats.intake.adam.study_days import days_since_first

# Units of ARELTM in days, as ADaM and its controlled terms write them.
_UNITS = {
    "WEEKS": 7.0, "WEEK": 7.0, "DAYS": 1.0, "DAY": 1.0, "D": 1.0, "HOURS": 1 / 24, "HOUR": 1 / 24,
    "HR": 1 / 24, "H": 1 / 24, "MINUTES": 1 / 1440, "MINUTE": 1 / 1440, "MIN": 1 / 1440,
}  # fmt: skip


def days_of(
    records: pd.DataFrame, name: str, first: Mapping[Any, Any] | None
) -> tuple[FloatArray, list[Problem]]:
    """Return the day of each record since first treatment, and what is wrong with it.

    Parameters
    ----------
    records : pandas.DataFrame
        With ADY, ADT (days since 1970) or ARELTM.
    name : str
        The dataset, for messages.
    first : mapping of subject to day, or None
        First treatment (TRTSDT), days since 1970.

    Returns
    -------
    day : ndarray, shape (n,)
        NaN where nothing says it.
    problems : list of Problem
    """
    problems: list[Problem] = []
    day = np.full(len(records), np.nan)
    dated = np.full(len(records), np.nan)
    if first is not None and "ADT" in records:
        start = records["USUBJID"].map(first).to_numpy(dtype=float)
        dated = records["ADT"].to_numpy(dtype=float) - start
    if "ADY" in records:
        given = records["ADY"].to_numpy(dtype=float)
        day = days_since_first(given)
        wrong = ~np.isnan(given) & np.isnan(day)
        if wrong.any():
            problems.append(
                Problem(
                    "no_study_day_0",
                    count_of(int(wrong.sum()), f"record of {name} has", f"records of {name} have")
                    + " ADY 0: study days of CDISC go from -1 to 1.",
                    who(records, wrong),
                    "Day 1 is the day of first treatment. Where days were counted from 0, add 1 to "
                    "those from 0 on.",
                )
            )
        differ = ~np.isnan(day) & ~np.isnan(dated) & (day != dated)
        if differ.any():
            problems.append(
                Problem(
                    "days_disagree",
                    count_of(int(differ.sum()), f"record of {name} has", f"records of {name} have")
                    + " an ADY that is not the one of ADT and TRTSDT: ADY is used.",
                    who(records, differ),
                    "Correct the dates, or ADY.",
                    level="warning",
                )
            )
    day = np.where(np.isnan(day), dated, day)
    if "ARELTM" in records:
        day = _with_times(records, name, day, problems)
    return day, problems


def _with_times(
    records: pd.DataFrame, name: str, day: FloatArray, problems: list[Problem]
) -> FloatArray:
    """Return days with their parts from ARELTM, where it counts from first treatment.

    Time since first treatment and the calendar day of ADY are less than a day apart; in other
    records ARELTM counts from the latest dose, or another moment.
    """
    unit = records["ARELTMU"] if "ARELTMU" in records else pd.Series("", index=records.index)
    given = records["ARELTM"].to_numpy(dtype=float)
    size = unit.astype(str).str.strip().str.upper().map(_UNITS).to_numpy(dtype=float)
    unknown = ~np.isnan(given) & np.isnan(size)
    if unknown.any():
        named = unit[unknown].where(~is_blank(unit[unknown]), "").astype(str).str.strip().unique()
        problems.append(
            Problem(
                "unit_of_time",
                count_of(int(unknown.sum()), f"record of {name} has", f"records of {name} have")
                + " an ARELTM whose unit is not known: it is left out of account.",
                tuple(f"ARELTMU {u!r}" for u in named[:12]),
                "Write MINUTES, HOURS, DAYS or WEEKS in ARELTMU.",
                level="warning",
            )
        )
    exact = given * size
    apart = ~np.isnan(exact) & ~np.isnan(day) & (np.abs(exact - day) >= 1)
    if apart.any():
        problems.append(
            Problem(
                "times_disagree",
                count_of(int(apart.sum()), f"record of {name} has", f"records of {name} have")
                + " an ARELTM that is a day or more from the day of the record: it does not count "
                "from first treatment, and the day is used.",
                who(records, apart),
                "Nothing has to be done where ARELTM counts from the latest dose; correct its "
                "unit, or the day, where it does not.",
                level="warning",
            )
        )
    return np.where(np.isnan(exact) | apart, day, exact)


def without_placeholders(records: pd.DataFrame, day: FloatArray) -> tuple[BoolArray, list[Problem]]:
    """Return which records to keep: those without a day say nothing if they have no value."""
    dayless = np.isnan(day)
    empty = dayless & records["AVAL"].isna().to_numpy()
    problems = []
    if empty.any():
        problems.append(
            Problem(
                "placeholders",
                count_of(int(empty.sum()), "record has", "records have")
                + " neither a day nor a value (visits that did not take place): left out.",
                (),
                "Nothing has to be done.",
                level="note",
            )
        )
    lost = dayless & ~empty
    if lost.any():
        problems.append(
            Problem(
                "missing_day",
                count_of(int(lost.sum()), "record has", "records have")
                + " a value and no day: neither ADY nor ADT with TRTSDT.",
                who(records, lost),
                "Give ADY.",
            )
        )
    return ~dayless, problems
