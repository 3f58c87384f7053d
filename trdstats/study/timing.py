"""The time of a study looked at as a whole: days, units, origins, windows, events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import Problem
from trdstats.study.plausibility import origin, schedule, units
from trdstats.study.plausibility.days import check_counted_from_treatment
from trdstats.study.plausibility.timeline import Timeline
from trdstats.study.windows import VisitWindows

# What depends on the windows, and is looked at again when they change.
OF_WINDOWS = ("unit_of_days", "outside_windows")


def check_time(
    visits: pd.DataFrame,
    ids: pd.Index[Any],
    treatment: pd.Categorical,
    events: pd.DataFrame,
    windows: Mapping[str, VisitWindows] | None,
    has_baselines: bool,
) -> Iterator[Problem]:
    """Yield what is implausible about the days of a study.

    Parameters
    ----------
    visits : pandas.DataFrame
        Canonical visits of the primary scale.
    ids : pandas.Index
        Identifiers of the subjects.
    treatment : pandas.Categorical
        Treatment of each.
    events : pandas.DataFrame
        Canonical events.
    windows : mapping of str to VisitWindows, or None
    has_baselines : bool
        Baselines stand in a column: nothing before day 0 is needed.
    """
    line = Timeline.of_visits(visits, ids, treatment)
    if line is None or not len(line.day):
        return  # some rows name no known subject or treatment, which stops the study
    fatal = check_counted_from_treatment(line)
    if fatal is not None:
        yield fatal
        return
    problems = [origin.note_negative_days(line), origin.note_long_gaps(line)]
    if not has_baselines:
        problems += [
            units.of_all_or_some(line, units.note_day_one) or origin.note_first_after_start(line),
            origin.note_old_baselines(line),
            origin.note_late_starts(line),
        ]
    problems += [_of_windows(visits, line, windows), schedule.note_density(line)]
    # Rows that name no subject stop the study, and say nothing of the last one.
    events = events[events["subject"].notna().to_numpy()]
    if len(events):
        names = events["subject"].to_numpy(dtype=object)
        kind, day = events["event"].to_numpy(dtype=object), events["day"].to_numpy()
        of_event = events["subject"].cat.codes.to_numpy()
        problems += [
            origin.note_early_events(names, day, kind),
            origin.note_rated_after_death(line, of_event, day, kind),
        ]
    yield from (p for p in problems if p is not None)


def check_windows(
    visits: pd.DataFrame, subjects: pd.DataFrame, windows: Mapping[str, VisitWindows] | None
) -> Problem | None:
    """Return what is implausible about the days under other windows; see `check_time`."""
    ids, treatment = pd.Index(subjects["subject"]), pd.Categorical(subjects["treatment"])
    line = Timeline.of_visits(visits, ids, treatment)
    return _of_windows(visits, line, windows) if line is not None and len(line.day) else None


def _of_windows(
    visits: pd.DataFrame, line: Timeline, windows: Mapping[str, VisitWindows] | None
) -> Problem | None:
    if windows is None:
        return units.of_all_or_some(line, units.note_unit_by_spacing)
    rated = visits["score"].notna().to_numpy()
    stray = np.flatnonzero(np.isnan(visits["visit"].to_numpy()[rated]) & (line.day > 0))
    return _misfit(line, stray, windows)


def _misfit(line: Timeline, stray: IntArray, windows: Mapping[str, VisitWindows]) -> Problem | None:
    """Return why ratings lie outside the windows: their unit, or that they simply do."""

    def place(day: FloatArray, arm: IntArray) -> FloatArray:
        nominal = np.full(len(day), np.nan)
        for k, name in enumerate(line.arms):
            in_arm = arm == k
            nominal[in_arm] = windows[name].nominal(day[in_arm])
        return nominal

    if not len(stray):
        return None
    return (
        units.note_unit_by_windows(line, place)
        or units.note_unit_of_some(line, place)
        or schedule.note_outside_windows(
            line, stray, place, [np.asarray(windows[name].days) for name in line.arms]
        )
    )
