"""What a table of decisions must be, and which rows are not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trdstats.columns import bad_rows, numbers
from trdstats.errors import Problem

NUMBERS = ("start", "stop", "status", "on", "previous", "left")
EARLIER = 1e-6  # days: what held before a decision on the same day


def with_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with days and codes as floats, NaN for what is no number, and `row_`."""
    given = {c: table[c] for c in NUMBERS}
    as_codes = {
        c: v.astype(int) if pd.api.types.is_bool_dtype(v.dtype) else v for c, v in given.items()
    }
    return table.assign(
        **{c: numbers(v)[0] for c, v in as_codes.items()}, row_=np.arange(len(table))
    )


def not_coded(table: pd.DataFrame) -> list[Problem]:
    """Return which rows hold what they must not, in any order."""
    start, stop, status, on, previous, left = (table[c].to_numpy() for c in NUMBERS)
    missing = ~np.isfinite(table[list(NUMBERS)].to_numpy()).all(axis=1)
    coded = np.isin(on, (0, 1)) & np.isin(previous, (0, 1))
    whole = (status >= 0) & (status == np.floor(status))
    return [
        *bad_rows(table, "missing_subject", table["subject"].isna(), "row has", "rows have",
                  "no subject", "Fill the subject in."),
        *bad_rows(table, "not_a_number", missing, "row has", "rows have",
                  "an entry that is no number",
                  f"{', '.join(NUMBERS[:-1])} and {NUMBERS[-1]} are numbers; days count from the "
                  "origin, and are no dates."),
        *bad_rows(table, "not_0_or_1", ~coded & ~missing, "row is", "rows are",
                  "neither on (1) nor off (0) treatment", "Code on and previous as 0 and 1."),
        *bad_rows(table, "not_a_status", ~whole & ~missing, "row has", "rows have",
                  "a status that is no whole number from 0 on",
                  "Code 0 for no event, 1 for the event, 2 and above for what competes with it."),
        *bad_rows(table, "left_not_0_or_1", ~np.isin(left, (0, 1)) & ~missing, "row has",
                  "rows have", "neither left follow-up (1) nor not (0)",
                  "Code left as 0 and 1."),
        *bad_rows(table, "no_length", ~(stop > start) & ~missing, "row ends at its start",
                  "rows end at their start", "or before", "stop is later than start."),
    ]  # fmt: skip


def out_of_order(table: pd.DataFrame) -> list[Problem]:
    """Return what is wrong from row to row, sorted by subject and start."""
    who = table["subject"].to_numpy(dtype=object)
    start, stop, status, on, previous, _ = (table[c].to_numpy() for c in NUMBERS)
    same = who[1:] == who[:-1]
    gap = np.r_[False, same & (np.abs(start[1:] - stop[:-1]) > EARLIER)]
    late = np.r_[True, ~same] & (np.abs(start) > EARLIER)
    after = np.r_[same & (status[:-1] > 0), False]
    switched = np.r_[False, same & (previous[1:] != on[:-1])]
    return [
        *bad_rows(table, "gap", gap, "row does not begin", "rows do not begin",
                  "where the one before it ends",
                  "Give every interval once, from the origin on; carry the last values forward."),
        *bad_rows(table, "late", late, "first row of a subject does not begin",
                  "first rows of subjects do not begin", "at day 0",
                  "Days count from the origin, at which every subject is followed."),
        *bad_rows(table, "after_event", after, "row is", "rows are",
                  "followed by others after an event", "An event ends the follow-up."),
        *bad_rows(table, "previous", switched, "row has", "rows have",
                  "a previous treatment that is not the one of the row before",
                  "previous is the treatment of the interval before."),
    ]  # fmt: skip
