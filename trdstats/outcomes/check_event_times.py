"""What a table of event times must be: days as numbers, statuses, and intervals that hold them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from trdstats.columns import bad_rows, check_numbers, numbers
from trdstats.errors import DataWarning, Problem, nearest, warn
from trdstats.study.plausibility.lookalikes import note_lookalikes

DAYS = ("time", "left", "right", "entry")


def check_columns(table: pd.DataFrame, names: dict[str, str]) -> list[Problem]:
    """Check that the needed columns are there, and rows in them.

    Parameters
    ----------
    table : pandas.DataFrame
    names : dict of str to str
        Column of each role. Time and status may be absent where left and right are there.
    """
    problems = []
    intervals = names["left"] in table.columns and names["right"] in table.columns
    needed = ["subject", "treatment"] + ([] if intervals else ["time", "status"])
    for role in needed:
        column = names[role]
        if column not in table.columns:
            close = nearest(column, table.columns)
            hint = f"Did you mean {close[0]!r}? " if close else ""
            either = "" if role in ("subject", "treatment") else (
                ", or give left and right, between which the event lies"
            )  # fmt: skip
            problems.append(
                Problem(
                    "unknown_column",
                    f"The event times have no column {column!r} for {role}.",
                    (),
                    f"{hint}Name it with {role}=...{either}.",
                )
            )
    if not len(table):
        problems.append(
            Problem("empty_table", "The event times have no rows.", (), "Check how they were made.")
        )
    return problems


def check_roles(table: pd.DataFrame, names: dict[str, str], what: str) -> list[Problem]:
    """Check that a column given for a role does not stand beside one with the role's name."""
    return [
        Problem(
            "two_columns",
            f"The {what} have the columns {column!r}, given for {role}, and {role!r}.",
            (),
            f"Rename or drop {role!r}.",
        )
        for role, column in names.items()
        if column != role and column in table.columns and role in table.columns
        and role not in names.values()
    ]  # fmt: skip


def read_numbers(table: pd.DataFrame) -> tuple[pd.DataFrame, list[Problem]]:
    """Return the table with days and statuses as floats, and what is not a number in them."""
    problems, columns = [], {}
    for column in (*DAYS, "status"):
        if column not in table:
            continue
        values = table[column]
        if column == "status" and pd.api.types.is_bool_dtype(values.dtype):
            values = values.astype(int)
        columns[column], wrong = numbers(values)
        problem = check_numbers(
            values, wrong, f"the event times' column {column!r}", _remedy(column, values)
        )
        problems += [] if problem is None else [problem]
    return table.assign(**columns), problems


def _remedy(column: str, values: pd.Series[Any]) -> str:
    if column == "status":
        return "0 is censored, 1 the event, 2 and above competing causes."
    if any(isinstance(v, timedelta | np.timedelta64) for v in values.dropna().head(1)):
        return f"Give days as numbers: frame[{column!r}] / pd.Timedelta(days=1)."
    return "Give days since the origin as numbers; of dates, (date - start).dt.days."


def complete(table: pd.DataFrame) -> pd.DataFrame:
    """Fill in what follows from the other columns: times from intervals, intervals from times."""
    if "status" not in table:
        table = table.assign(status=np.isfinite(table["right"]).astype(float))
    if "time" not in table:
        table = table.assign(time=table["right"].where(table["status"] == 1, table["left"]))
    if "left" not in table:
        table = table.assign(left=table["time"])
    if "right" not in table:
        table = table.assign(right=table["time"].where(table["status"] == 1, np.inf))
    return table


_HIGHEST = 1_000_000  # of causes; beyond lie codes for missing


def check_values(table: pd.DataFrame) -> list[Problem]:
    """Check every row by itself, and that no subject has two."""
    checked: list[Problem] = []
    if "time" in table:
        time = table["time"]
        checked += bad_rows(
            table, "bad_time", ~np.isfinite(time) | (time < 0), "time is", "times are",
            "missing, infinite or negative",
            "Times count in days from the origin; leave out those without follow-up.",
        )  # fmt: skip
    if "status" in table:
        status = table["status"]
        checked += bad_rows(
            table, "bad_status",
            ~np.isfinite(status) | (status < 0) | (status != status.round()) | (status > _HIGHEST),
            "status is", "statuses are", "no whole number of 0 or above",
            "0 is censored, 1 the event, 2 and above competing causes.",
        )  # fmt: skip
    return [
        *checked,
        *bad_rows(table, "missing_subject", table["subject"].isna(), "row has", "rows have",
                  "no subject", "Fill the subject in, or leave these rows out."),
        *bad_rows(table, "duplicate_subject",
                  table["subject"].duplicated() & table["subject"].notna(), "row repeats",
                  "rows repeat", "a subject", "Keep one row a subject."),
        *bad_rows(table, "missing_treatment", table["treatment"].isna(), "row has", "rows have",
                  "no treatment", "Fill the treatment in."),
    ]  # fmt: skip


def check_intervals(table: pd.DataFrame) -> list[Problem]:
    """Check that intervals, times and statuses say the same, and that entry comes before time."""
    left, right, time, status = (table[c] for c in ("left", "right", "time", "status"))
    event = status == 1
    wrong = left.isna() | right.isna() | (left > right) | (event & ~np.isfinite(right))
    wrong |= ~np.isfinite(left) | (time < 0)
    usable = ~wrong
    outside = event & ~(((left < time) | ((left == right) & (left == time))) & (time <= right))
    problems = [
        *bad_rows(table, "bad_interval", wrong, "interval (left, right] is",
                  "intervals (left, right] are",
                  "missing, reversed, before day 0, or infinite where the event was seen",
                  "left is the last day without the event, right the first day with it, and "
                  "infinite (inf) where it was not seen."),
        *bad_rows(table, "censored_with_right", usable & (status == 0) & np.isfinite(right),
                  "censored row has", "censored rows have", "a finite right end",
                  "An event in (left, right] has status 1; without one right is infinite (inf)."),
        *bad_rows(table, "time_outside", usable & outside, "event has its time",
                  "events have their times", "outside (left, right]",
                  "Date the event between its two visits; right, the visit at which it was "
                  "detected, is the usual choice."),
        *bad_rows(table, "left_after_time", usable & ~event & (left > time), "row has",
                  "rows have", "left after time",
                  "Without the event, time is the end of follow-up and left the last day known to "
                  "be without it."),
    ]  # fmt: skip
    if "entry" in table:
        late = ~(table["entry"] < time) & ~((time == 0) & (table["entry"] == 0))
        late |= ~(table["entry"] >= 0)
        problems += bad_rows(
            table, "bad_entry", late, "entry is", "entries are",
            "missing, negative, or not before the time",
            "entry is the day from which the subject is under observation.",
        )  # fmt: skip
    return problems


def hint_at_lookalikes(treatment: pd.Series[Any]) -> None:
    """Warn where names of treatments differ only in how they are written.

    Warns
    -----
    DataWarning
    """
    twins = note_lookalikes(treatment.cat.categories, "treatment")
    if twins is not None:
        warn(twins.describe(), DataWarning)


def hint_at_status_of_r(status: pd.Series[Any]) -> None:
    """Warn where statuses look like R's 1 for censored and 2 for the event.

    Warns
    -----
    DataWarning
    """
    if set(status) == {1, 2}:
        warn(
            "No status is 0: all subjects count as having had the event (1) or a competing cause "
            "(2), and none as censored. Where 1 is censored and 2 the event, as R's Surv takes "
            "it, subtract 1. Where no subject was censored, name the causes: "
            "causes={1: 'response', 2: 'death'}.",
            DataWarning,
        )
