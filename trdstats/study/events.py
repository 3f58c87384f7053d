"""What happened to a subject besides being rated: rescue, switch, hospitalisation, ..."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.columns import check_numbers, numbers
from trdstats.errors import Problem, add_problems, count_of, nearest
from trdstats.kinds import places
from trdstats.study.checks.values import check_days, show_day
from trdstats.study.plausibility.days import check_day_range
from trdstats.study.roles import EVENT_KINDS, Roles
from trdstats.study.subjects import SubjectTable, code_rows


def build_events(
    frame: pd.DataFrame | None, roles: Roles, subject_table: SubjectTable, collected: list[Problem]
) -> pd.DataFrame:
    """Return events as subject, day, event, sorted; problems are appended to `found`.

    Parameters
    ----------
    frame : pandas.DataFrame or None
        The user's events: subject, day and a column ``event``.
    """
    if frame is None:
        frame = pd.DataFrame(
            {
                roles.subject: subject_table.ids[:0],
                roles.day: np.empty(0),
                "event": np.empty(0, object),
            }
        )
    code = code_rows(frame[roles.subject], subject_table, "events", collected)
    day, wrong = numbers(frame[roles.day])
    names = frame[roles.subject].to_numpy(dtype=object)
    kind = (
        frame["event"].astype(object).map(lambda v: None if pd.isna(v) else str(v).strip().lower())
    )
    unnamed = (kind.isna() | (kind == "")).to_numpy(dtype=bool)
    add_problems(
        collected,
        check_numbers(
            frame[roles.day], wrong, f"`events` column {roles.day!r}", "Give days as numbers."
        ),
        check_days(names, day, wrong, "events"),
        check_day_range(names, day, "events"),
        _check_named(unnamed),
        _note_kinds(sorted(set(kind[~unnamed]) - set(EVENT_KINDS))),
        _note_repeated(names, code, day, kind),
    )
    order = np.lexsort((kind.fillna("").to_numpy(dtype=str), day, code))
    # Codes below zero are only met when `found` already stops the study.
    subject = pd.Categorical.from_codes(np.maximum(code, -1)[order], categories=subject_table.ids)
    return pd.DataFrame(
        {"subject": subject, "day": day[order], "event": kind.to_numpy(dtype=object)[order]}
    )


def _check_named(unnamed: BoolArray) -> Problem | None:
    if not unnamed.any():
        return None
    return Problem(
        "unnamed_event",
        count_of(int(unnamed.sum()), "row of `events` does", "rows of `events` do")
        + " not say what happened.",
        places(unnamed, lambda i: f"row {i}"),
        f"Name the event: {', '.join(EVENT_KINDS)}.",
    )


def _note_kinds(other: list[str]) -> Problem | None:
    if not other:
        return None
    close = {k: nearest(k, EVENT_KINDS, n=1) for k in other}
    where = tuple(f"{k!r} (did you mean {c[0]!r}?)" if c else repr(k) for k, c in close.items())
    return Problem(
        "other_event",
        "`events` holds kinds besides " + ", ".join(EVENT_KINDS) + ".",
        where,
        "They are used only where an analysis names them.",
        level="warning",
    )


def _note_repeated(
    names: npt.NDArray[np.object_], code: IntArray, day: FloatArray, kind: pd.Series[Any]
) -> Problem | None:
    """Note rows that name an event of a subject and day again."""
    again = pd.DataFrame({"code": code, "day": day, "kind": kind.to_numpy()}).duplicated()
    rows = again.to_numpy(dtype=bool) & (code >= 0) & kind.notna().to_numpy()
    if not rows.any():
        return None
    return Problem(
        "repeated_event",
        count_of(int(rows.sum()), "row of `events` repeats", "rows of `events` repeat")
        + " a subject, day and kind: each counts as another event.",
        places(rows, lambda i: f"{names[i]}: {kind.iloc[i]} on {show_day(day[i])} (row {i})"),
        "Remove them, unless it happened twice that day.",
        level="warning",
    )
