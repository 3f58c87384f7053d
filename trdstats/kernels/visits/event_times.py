"""Times to an event observed only at visits: (left, right], time and status, on arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.visits import runs
from trdstats.kernels.visits.endpoints import (
    BASELINE_AT_FLOOR,
    NO_BASELINE,
    RatedVisits,
    Since,
    States,
)


@dataclass(frozen=True, slots=True)
class Origins:
    """From where time is counted, one a subject.

    Attributes
    ----------
    day : ndarray, shape (n,)
        Day of the origin; NaN for a subject that has none (it never responded).
    row : ndarray of int, shape (n,)
        First row of the visits after the origin.
    gap : ndarray, shape (n,)
        Days between the visit before the origin, or day 0, and the origin: it may have come
        about on any of them. 0 where the origin is known to the day.
    """

    day: FloatArray
    row: IntArray
    gap: FloatArray


@dataclass(frozen=True, slots=True)
class EventRecord:
    """Times since the origin, one entry a subject.

    Attributes
    ----------
    left, right : ndarray, shape (n,)
        The event lies in (left, right]; `right` is infinite when it was not observed, and equal to
        `left` when its day is known exactly.
    time : ndarray, shape (n,)
        `right` for events, else the end of follow-up.
    status : ndarray of int, shape (n,)
        0 censored, 1 the event, 2 and above a competing cause.
    defined : ndarray of bool, shape (n,)
        Whether the subject has an origin and a state that can be known.
    """

    left: FloatArray
    right: FloatArray
    time: FloatArray
    status: IntArray
    defined: BoolArray


def origin_at_start(visits: RatedVisits) -> Origins:
    """Count time from day 0."""
    none = np.zeros(len(visits.baseline))
    return Origins(none, visits.start[:-1].copy(), none)


def origin_at_first(visits: RatedVisits, state: States) -> Origins:
    """Count time from the first visit on which a state was met."""
    begin, end = visits.start[:-1], visits.start[1:]
    row = runs.first_marked(state.met, begin, end)
    has_origin = row >= 0
    day = np.full(len(row), np.nan)
    day[has_origin] = visits.day[row[has_origin]]
    first = row[has_origin] == begin[has_origin]
    before = np.where(first, 0.0, visits.day[np.maximum(row[has_origin] - 1, 0)])
    gap = np.full(len(row), np.nan)
    gap[has_origin] = day[has_origin] - before
    return Origins(day, np.where(has_origin, row + 1, end), gap)


def score_since(visits: RatedVisits, origin: Origins) -> Since:
    """Return the visits after an origin and the score at it, NaN for those without."""
    score = np.full(len(origin.day), np.nan)
    has_origin = ~np.isnan(origin.day)
    score[has_origin] = visits.score[origin.row[has_origin] - 1]
    return Since(origin.row, score)


def first_event(
    visits: RatedVisits, state: States, origin: Origins, *, end_when_known: bool = False
) -> EventRecord:
    """Derive the first visit after the origin on which a state was met.

    Parameters
    ----------
    visits : RatedVisits
    state : States
        State of every row of `visits`.
    origin : Origins
    end_when_known : bool
        Without an event, end at the last assessed visit whose state is known: what could only be
        known later is not counted as time without the event.

    Returns
    -------
    EventRecord
        The left end is the assessed visit before the event, the origin when there is none.
        Without an event: left = time = last rated visit, right infinite.
    """
    begin, end = origin.row, visits.start[1:]
    row = runs.first_marked(state.met, begin, end)
    has_event = row >= 0
    start_day = origin.day
    # Rows of subjects without visits point past their run: guard every look-up by `followed`.
    if end_when_known:
        end = np.maximum(_last_known(visits, state), begin - 1) + 1
    followed = end > begin
    last = np.where(followed, end - 1, 0)
    last_day = np.where(followed, _take(visits.day, last), start_day)
    before = np.where(has_event & (row > begin), _take(visits.day, row - 1), start_day)
    left = np.where(has_event, before, last_day) - start_day
    right = np.where(has_event, _take(visits.day, row) - start_day, np.inf)
    time = np.where(has_event, right, left)
    defined = ~np.isnan(start_day) & ~_never_known(visits, state)
    return EventRecord(left, right, time, has_event.astype(np.intp), defined)


def _last_known(visits: RatedVisits, state: States) -> IntArray:
    """Return each subject's last row whose state is known, the row before its first without one."""
    last = visits.start[:-1] - 1
    known = np.flatnonzero(state.known)
    last[runs.rows_to_runs(visits.start)[known]] = known
    return last


def _never_known(visits: RatedVisits, state: States) -> BoolArray:
    """Return the subjects with assessed visits whose baseline allows no decision on any of them."""
    undefined = (state.reason == NO_BASELINE) | (state.reason == BASELINE_AT_FLOOR)
    rows = np.diff(visits.start)
    lost = runs.counts_marked(undefined, visits.start)
    return np.asarray((rows > 0) & (lost == rows), dtype=bool)


def _take(values: FloatArray, index: IntArray) -> FloatArray:
    """Look up with an index that may point outside where the result is not used."""
    if not len(values):
        return np.full(len(index), np.nan)
    return values[np.clip(index, 0, len(values) - 1)]


def with_exact_event(record: EventRecord, day: FloatArray, status: int) -> EventRecord:
    """Let an event of known day end the record where it comes first.

    Parameters
    ----------
    record : EventRecord
    day : ndarray, shape (n,)
        Days since the origin, NaN where it did not happen.
    status : int
        1 when the event counts as the outcome, 2 and above for a competing cause.

    Returns
    -------
    EventRecord
        An event on the same day as the outcome does not displace it. One before the outcome, or
        after the last assessed visit of a censored record, does. One on the day of the origin is an
        event at time 0.
    """
    with np.errstate(invalid="ignore"):
        wins = (day >= 0) & ((record.status == 0) | (day < record.time))
    is_outcome = status == 1
    left = np.where(wins, day if is_outcome else np.minimum(record.left, day), record.left)
    right = np.where(wins, day if is_outcome else np.inf, record.right)
    return EventRecord(
        left=left,
        right=right,
        time=np.where(wins, day, record.time),
        status=np.where(wins, status, record.status),
        defined=record.defined,
    )


def censor_at(record: EventRecord, day: FloatArray) -> EventRecord:
    """End follow-up at a day since the origin (NaN: no end); later events are not observed."""
    with np.errstate(invalid="ignore"):
        cut = record.time > day
    return EventRecord(
        left=np.where(cut, np.minimum(record.left, day), record.left),
        right=np.where(cut, np.inf, record.right),
        time=np.where(cut, day, record.time),
        status=np.where(cut, 0, record.status),
        defined=record.defined,
    )


def never_after(record: EventRecord, day: FloatArray, end: FloatArray) -> EventRecord:
    """Let those with a failure on a known day never have the event: they stay at risk to the end.

    Parameters
    ----------
    record : EventRecord
        Of what was seen before the failure.
    day : ndarray, shape (n,)
        Day of the failure since the origin, NaN without one.
    end : ndarray, shape (n,)
        Day since the origin on which follow-up is due to end.
    """
    failed = (record.status == 0) & ~np.isnan(day)
    last = np.where(failed, np.fmax(np.fmax(record.time, day), end), record.time)
    return EventRecord(
        left=np.where(failed, last, record.left),
        right=record.right,
        time=last,
        status=record.status,
        defined=record.defined,
    )


def leave_early(record: EventRecord, end: FloatArray, status: int) -> EventRecord:
    """Give subjects who left while at risk a separate status.

    Parameters
    ----------
    record : EventRecord
    end : ndarray, shape (n,)
        Day since the origin from which a visit counts as the end of the schedule.
    status : int
        Cause given to records that are censored before `end`; as an event (1) it is dated at the
        last rating.
    """
    early = (record.status == 0) & (record.time < end)
    dated = early & (status == 1)
    return EventRecord(
        np.where(dated, record.time, record.left),
        np.where(dated, record.time, record.right),
        record.time,
        np.where(early, status, record.status),
        record.defined,
    )
