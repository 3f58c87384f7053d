"""What a table of stays in states must be: known states, and one stay after the other."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trdstats.columns import bad_rows
from trdstats.errors import Problem, nearest

STATES = ("not responding", "in response", "relapsed")
CENSORED = "censored"
COLUMNS = ("subject", "treatment", "start", "stop", "state", "to")


def check_columns(table: pd.DataFrame) -> list[Problem]:
    """Check that the columns are there, and rows in them."""
    problems = []
    for column in COLUMNS:
        if column not in table.columns:
            close = nearest(column, table.columns)
            hint = f"Did you mean {close[0]!r}? " if close else ""
            problems.append(
                Problem(
                    "unknown_column",
                    f"The response history has no column {column!r}.",
                    (),
                    f"{hint}Rename it to {column!r}.",
                )
            )
    if not len(table):
        problems.append(
            Problem(
                "empty_table", "The response history has no rows.", (), "Check how it was made."
            )
        )
    return problems


def check_values(table: pd.DataFrame) -> list[Problem]:
    """Check every row by itself."""
    start, stop = (pd.to_numeric(table[c], errors="coerce") for c in ("start", "stop"))
    bad_day = ~np.isfinite(start) | ~np.isfinite(stop) | (start < 0)
    empty = (stop < start) | ((stop == start) & ((table["to"] == CENSORED) | (start == 0)))
    known = ", ".join(repr(s) for s in STATES)
    return [
        *bad_rows(table, "bad_day", bad_day, "row has", "rows have",
                  "a start or stop that is missing, infinite or negative",
                  "Days count from day 0."),
        *bad_rows(table, "empty_stay", ~bad_day & empty, "stay ends", "stays end",
                  "on or before the day it starts",
                  "Leave out stays without a length that lead nowhere, or begin on day 0."),
        *bad_rows(table, "unknown_state", ~table["state"].isin(STATES), "row has", "rows have",
                  "an unknown state", f"States are {known}."),
        *bad_rows(table, "unknown_to", ~table["to"].isin((*STATES, CENSORED)), "row leads",
                  "rows lead", "to an unknown state", f"`to` is one of {known} or 'censored'."),
        *bad_rows(table, "no_move", table["state"].astype(str) == table["to"].astype(str),
                  "stay leads", "stays lead", "to its own state",
                  "Join it with the stay that follows, or write 'censored'."),
        *bad_rows(table, "missing_treatment", table["treatment"].isna(), "row has", "rows have",
                  "no treatment", "Fill the treatment in."),
    ]  # fmt: skip


def check_course(table: pd.DataFrame) -> list[Problem]:
    """Check that the stays of a subject, sorted by start, follow each other."""
    later = table["subject"].eq(table["subject"].shift()).to_numpy()
    gap = (table["start"] - table["stop"].shift()).to_numpy()
    came_to = table["to"].astype(object).shift()
    wrong_state = (came_to != table["state"].astype(object)).to_numpy()
    arm = table["treatment"].astype(object)
    ended = (came_to == CENSORED).to_numpy()
    left, right, stop = (table[c].to_numpy(dtype=float) for c in ("left", "right", "stop"))
    seen = (table["to"] != CENSORED).to_numpy()
    interval = np.isnan(left) | np.isnan(right) | (left > right) | (seen & ~np.isfinite(right))
    interval |= left < table["start"].to_numpy()
    interval |= seen & (right > stop)
    with np.errstate(invalid="ignore"):
        return [
            *bad_rows(table, "overlap", later & (gap < 0), "stay begins", "stays begin",
                      "before the one before it ended", "A subject is in one state at a time."),
            *bad_rows(table, "gap", later & ~ended & (gap > 0), "stay begins", "stays begin",
                      "after a gap", "Let each stay begin on the day on which the last one ended."),
            *bad_rows(table, "after_end", later & ended & (gap >= 0), "stay follows",
                      "stays follow", "a stay that was censored",
                      "Follow-up ends where a stay is censored: drop what comes later."),
            *bad_rows(table, "wrong_state", later & ~ended & wrong_state & (gap == 0),
                      "stay is", "stays are", "in another state than the one before it led to",
                      "Let `state` repeat the `to` of the row before."),
            *bad_rows(table, "two_treatments", later & (arm != arm.shift()).to_numpy(),
                      "stay is", "stays are", "under another treatment than the one before it",
                      "Give a subject one treatment: the one it started with."),
            *bad_rows(table, "bad_interval", interval, "interval (left, right] is",
                      "intervals (left, right] are",
                      "missing, reversed, infinite where a change was seen, or outside the stay",
                      "left is the last day in the state, right the first day in the next one."),
        ]  # fmt: skip
