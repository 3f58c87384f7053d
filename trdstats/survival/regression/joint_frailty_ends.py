"""How and when the follow-up of subjects with episodes ended."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import DataError, NotEstimableError, Problem, SpecError, count_of
from trdstats.outcomes import Episodes, EventTimes, as_event_times
from trdstats.survival.regression.regression_data import Regressed


def read_ends(
    table: Episodes, regressed: Regressed, names: pd.Index, end: EventTimes | FrameLike | None
) -> tuple[str, FloatArray, BoolArray, tuple[str, ...]]:
    """Return what ends follow-up, and per subject the day and whether it ended for that reason.

    The last are notes on subjects that are not used.

    Raises
    ------
    DataError, SpecError, NotEstimableError
        When episodes and ends do not fit each other, or no subject had the end.
    """
    frame = regressed.frame.groupby("subject", observed=True, sort=False)
    last = frame["time"].max().reindex(names).to_numpy(dtype=float)
    if end is None:
        late = names[frame["entry"].min().reindex(names).to_numpy(dtype=float) > 0]
        if len(late):
            raise NotEstimableError(
                f"{count_of(len(late), 'subject comes', 'subjects come')} under observation after "
                "day 0: from when on they could leave is not known. Give end=, times from the "
                "origin of the episodes, or count the days of each from its first start."
            )
        ended = (frame["status"].max().reindex(names) > 1).to_numpy()
        label = " or ".join(v for k, v in table.causes.items() if k > 1)
        _check_ends(ended, label or "end of follow-up")
        return label, last, ended, ()
    times = as_event_times(end)
    if (times.origin == "day 0") != (table.origin == "day 0"):
        raise SpecError(
            f"The episodes count days from {table.origin!r}, the ends from {times.origin!r}: give "
            "both one origin, such as time_to(study, ..., since=Response()), or name it, "
            f"EventTimes(frame, origin={table.origin!r})."
        )
    given = times.frame.set_index(times.frame["subject"].astype(object))
    others = len(set(given.index) - set(table.frame["subject"].astype(object)))
    given = given.reindex(names)
    time, status = given["time"].to_numpy(dtype=float), given["status"].to_numpy(dtype=float)
    late_end = (given["entry"] > 0).to_numpy() if "entry" in given else np.zeros(len(names), bool)
    problems = [
        *_named(names[np.isnan(time)], "no_end", "subject has", "subjects have",
                "episodes and no time of the end",
                "Give the end of follow-up of every subject, censored ones included."),
        *_named(names[time < last - 1e-9], "end_before_last", "subject has", "subjects have",
                "an episode after the end of follow-up",
                "Episodes and ends count days from the same origin."),
        *_named(names[late_end], "late_entry", "end has", "ends have", "an entry after day 0",
                "Count the end from the origin on."),
    ]  # fmt: skip
    if problems:
        raise DataError(problems)
    ended = status == 1
    _check_ends(ended, times.causes[1])
    note = (
        f"{count_of(others, 'subject has', 'subjects have')} an end and no episode, and "
        f"{'is' if others == 1 else 'are'} left out: a subject without an event needs a row of "
        "status 0."
    )
    return times.causes[1], time, ended, (note,) if others else ()


def _named(
    names: pd.Index, kind: str, one: str, many: str, what: str, remedy: str
) -> list[Problem]:
    """Return the problem of some subjects, none without any."""
    if not len(names):
        return []
    return [Problem(kind, f"{count_of(len(names), one, many)} {what}.", tuple(map(str, names)),
                    remedy)]  # fmt: skip


def _check_ends(ended: BoolArray, label: str) -> None:
    if not ended.any():
        raise NotEstimableError(
            f"No subject had {label}: there is no second hazard. Give end=, times to it from the "
            "origin of the episodes; SharedFrailty models the events alone."
        )
