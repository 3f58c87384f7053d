"""Who was in a state at one day and had no event by another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.visits.endpoints import ASSESSED, NOT_RATED, States, states, states_at
from trdstats.outcomes.assess import evaluate
from trdstats.outcomes.rules.at_days import WithoutEvent
from trdstats.outcomes.time_to import days_of_event
from trdstats.study import Study, VisitWindows


@dataclass(frozen=True, slots=True)
class FreeOfEvent:
    """One verdict a subject.

    Attributes
    ----------
    verdict : States
        Of each subject.
    followed : ndarray of bool, shape (n_subjects,)
        Assessed in the window of the last day, or later.
    end : ndarray, shape (n_subjects,)
        Day on which the verdict falls: that of the event, else the end of the last window.
    """

    verdict: States
    followed: BoolArray
    end: FloatArray


def joined_states(study: Study, parts: Sequence[States]) -> States:
    """Return the states of the subjects of all parts, one a subject, in their order."""
    met = study.in_order([p.met for p in parts])
    return states(met, study.in_order([p.reason for p in parts]))


def joined_free(study: Study, parts: Sequence[FreeOfEvent]) -> FreeOfEvent:
    """Return the verdicts on the subjects of all parts, in their order."""
    return FreeOfEvent(
        joined_states(study, [p.verdict for p in parts]),
        study.in_order([p.followed for p in parts]),
        study.in_order([p.end for p in parts]),
    )


def judge_free_of_event(
    study: Study, definition: WithoutEvent, row: IntArray, last_row: IntArray
) -> FreeOfEvent:
    """Judge every subject.

    Parameters
    ----------
    study : Study
    definition : WithoutEvent
    row : ndarray of int, shape (n_subjects,)
        Rated visit that speaks for the day of the state, -1 without one.
    last_row : ndarray of int, shape (n_subjects,)
        The last rated visit up to that day: of several days an earlier one may refute the state.
    """
    rated, state = evaluate(study, definition.state)
    by_then = states_at(state, last_row)
    refuted = by_then.known & ~by_then.met
    n, at_visit = len(row), states_at(state, np.where(refuted, last_row, row))
    opens, closes = window_of(study, dict.fromkeys(study.treatments, definition.until))
    last = np.full(n, -np.inf)
    owner = np.repeat(np.arange(n), np.diff(rated.arrays.start))
    np.maximum.at(last, owner, rated.arrays.day)
    followed = last >= opens - 1e-9
    event = _event_days(study, definition, rated.arrays.day, row)
    with np.errstate(invalid="ignore"):
        had = event <= closes + 1e-9
    free = at_visit.met & ~had & followed
    lost = at_visit.met & ~had & ~followed  # in the state, and not seen to the last day
    reason = np.where(lost, NOT_RATED, np.where(had, ASSESSED, at_visit.reason)).astype(np.uint8)
    return FreeOfEvent(states(free, reason), followed, np.where(had, event, closes))


def _event_days(
    study: Study, definition: WithoutEvent, day: FloatArray, row: IntArray
) -> FloatArray:
    """Return the day of the first event that counts, NaN without one."""
    since = definition.state if definition.since else None
    # The entry past the last stands for those who were not assessed.
    start = 0.0 if since is None else np.append(day, np.nan)[row]
    return days_of_event(study, definition.event, since) + start


def window_of(study: Study, days: Mapping[str, float]) -> tuple[FloatArray, FloatArray]:
    """Return the first and the last day of the window of a scheduled day, one a subject.

    `days` has the scheduled day of each treatment.
    """
    ends = [_span(None if study.windows is None else study.windows[t], days[t])
            for t in study.treatments]  # fmt: skip
    opens, closes = np.array(ends, dtype=np.float64).T
    arm = study.subjects["treatment"].cat.codes.to_numpy()
    return opens[arm], closes[arm]


def _span(windows: VisitWindows | None, day: float) -> tuple[float, float]:
    if windows is None:
        return day, day
    spans = zip(windows.days, zip(windows.opens, windows.closes, strict=True), strict=True)
    return dict(spans).get(day, (day, day))
