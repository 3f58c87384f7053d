"""What a table of episodes must be: spans of follow-up of a subject that do not overlap."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trdstats.columns import bad_rows, check_numbers, numbers
from trdstats.errors import Problem, nearest

_NEEDED = ("subject", "treatment", "start", "stop", "status")
_NUMBERS = ("start", "stop", "status")
_HIGHEST = 1_000_000  # of causes; beyond lie codes for missing


def check_columns(table: pd.DataFrame, names: dict[str, str]) -> list[Problem]:
    """Check that the needed columns are there, and rows in them."""
    problems = []
    for role in _NEEDED:
        column = names[role]
        if column not in table.columns:
            close = nearest(column, table.columns)
            hint = f"Did you mean {close[0]!r}? " if close else ""
            problems.append(
                Problem(
                    "unknown_column", f"The episodes have no column {column!r} for {role}.", (),
                    f"{hint}Name it with {role}=...",
                )
            )  # fmt: skip
    if not len(table):
        problems.append(
            Problem("empty_table", "The episodes have no rows.", (), "Check how they were made.")
        )
    return problems


def read_numbers(table: pd.DataFrame) -> tuple[pd.DataFrame, list[Problem]]:
    """Return the table with days and statuses as floats, and what is not a number in them."""
    problems, columns = [], {}
    remedy = {
        "start": "Give days since the origin as numbers.",
        "stop": "Give days since the origin as numbers.",
        "status": "0 is no event at the end of the episode, 1 the event, 2 and above other causes.",
    }
    for column in _NUMBERS:
        values = table[column]
        if pd.api.types.is_bool_dtype(values.dtype):
            values = values.astype(int)
        columns[column], wrong = numbers(values)
        name = f"the episodes' column {column!r}"
        problem = check_numbers(values, wrong, name, remedy[column])
        problems += [] if problem is None else [problem]
    return table.assign(**columns), problems


def check_rows(table: pd.DataFrame) -> list[Problem]:
    """Check every row by itself."""
    start, stop, status = (table[c] for c in _NUMBERS)
    at_origin = (start == 0) & (stop == 0)
    bad_days = ~np.isfinite(start) | ~np.isfinite(stop) | (start < 0)
    return [
        *bad_rows(table, "missing_subject", table["subject"].isna(), "row has", "rows have",
                  "no subject", "Fill the subject in."),
        *bad_rows(table, "missing_treatment", table["treatment"].isna(), "row has", "rows have",
                  "no treatment", "Fill the treatment in."),
        *bad_rows(table, "bad_days", bad_days, "row has", "rows have",
                  "a start or stop that is missing, infinite or negative",
                  "Days count from the origin; leave out what came before it."),
        *bad_rows(table, "empty_episode", ~bad_days & (stop <= start) & ~at_origin, "row ends",
                  "rows end", "before or at its start",
                  "An episode (start, stop] has stop above start; only an event at the origin "
                  "has both at 0."),
        *bad_rows(table, "bad_status",
                  ~np.isfinite(status) | (status < 0) | (status != status.round())
                  | (status > _HIGHEST),
                  "status is", "statuses are", "no whole number of 0 or above",
                  "0 is no event at the end of the episode, 1 the event, 2 and above other "
                  "causes."),
    ]  # fmt: skip


def check_names(table: pd.DataFrame, number: pd.Series[int]) -> list[Problem]:
    """Check that covariates do not have the names that episodes give to days and numbers."""
    taken = [c for c in ("entry", "time", "left", "right") if c in table]
    if "number" in table and not table["number"].equals(number.rename("number")):
        taken.append("number")
    return [
        Problem(
            "name_taken", f"The covariate {name!r} has the name of a column of episodes.", (),
            f"Rename it, for example to '{name}_given'.",
        )
        for name in taken
    ]  # fmt: skip


def check_subjects(table: pd.DataFrame) -> list[Problem]:
    """Check the rows of each subject together; they are sorted by subject and start."""
    code = pd.factorize(table["subject"])[0]
    same = np.r_[False, code[1:] == code[:-1]]
    before = table["stop"].shift().to_numpy()
    overlap = same & (table["start"].to_numpy() < before)
    ended = same & (table["status"].shift().to_numpy() > 1)
    arm = table["treatment"].astype(object)
    other = same & (arm != arm.shift()).to_numpy()
    return [
        *bad_rows(table, "overlap", overlap, "row begins", "rows begin",
                  "before the subject's episode before it ended",
                  "Episodes of a subject follow each other; cut them where they overlap."),
        *bad_rows(table, "after_the_end", ended, "row follows", "rows follow",
                  "a status of 2 or above, which ends the follow-up",
                  "Only the last episode of a subject may end with another cause."),
        *bad_rows(table, "two_treatments", other, "row has", "rows have",
                  "another treatment than the subject's row before it",
                  "treatment is the arm of the subject; a treatment that changes is a covariate "
                  "under another name."),
    ]  # fmt: skip
