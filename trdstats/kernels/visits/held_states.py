"""States with a past or a future: onset that is kept, states held by memory, k of the last n."""

from __future__ import annotations

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.visits import runs
from trdstats.kernels.visits.endpoints import (
    ASSESSED,
    NOT_RATED,
    UNCONFIRMED,
    RatedVisits,
    States,
    states,
)
from trdstats.kernels.visits.sustained_states import Span, count_within


def span_until(visits: RatedVisits, until: float | None) -> Span:
    """Return spans from each visit to the last one scheduled up to a day (None: to the end)."""
    owner = runs.rows_to_runs(visits.start)
    final = visits.start[1:][owner] - 1
    if until is None:
        return Span(final, np.ones(len(final), dtype=bool), final)
    early = visits.nominal <= until + runs.CLOCK
    total = np.concatenate(([0], np.cumsum(early)))
    rows = np.arange(len(final))
    last = rows + np.maximum(total[final + 1] - total[rows], 1) - 1
    reached = visits.nominal[final] >= until - runs.CLOCK if len(final) else early
    return Span(last, reached, last)


def no_later_rise(visits: RatedVisits, span: Span) -> BoolArray:
    """Mark rows after which, within their span, no score is higher."""
    # Scores lie far below 1e6: taking each subject's place off keeps runs apart from the right.
    owner = runs.rows_to_runs(visits.start)
    inside = span.last >= np.arange(len(owner))
    score = np.where(np.isnan(visits.score) | ~inside, -1.0, visits.score)
    level = score - owner * 1e6
    highest_after = np.maximum.accumulate(level[::-1])[::-1] + owner * 1e6
    return np.asarray(highest_after <= score, dtype=bool)


def onset(
    visits: RatedVisits,
    holds: States,
    span: Span,
    *,
    from_day: float,
    by_day: float | None,
    excursions: int,
    bound: States | None,
    least: int,
    steady: BoolArray | None,
) -> States:
    """Mark rows from the onset of a state that was kept.

    Parameters
    ----------
    visits : RatedVisits
    holds : States
        The state.
    span : Span
        Until when it must be kept.
    from_day, by_day : float
        Scheduled days between which it must begin (None: at any time).
    excursions : int
        Later rows of the span that may fail the state.
    bound : States, optional
        What must hold even on an excursion.
    least : int
        Assessed visits of the span after the first that are needed to decide.
    steady : ndarray of bool, shape (n_rows,), optional
        What must be true of the row of onset besides.

    Returns
    -------
    States
        Met from the row of onset on. Not known from the first row that may yet turn out to be
        one, and where no visit fell between the days.
    """
    rated = ~np.isnan(visits.score)
    day = visits.nominal
    may_begin = day >= from_day - runs.CLOCK
    if by_day is not None:
        may_begin &= day <= by_day + runs.CLOCK
    failed = count_within(holds.known & ~holds.met, span)
    refuted = ~may_begin | ~holds.met | (failed > excursions)
    if bound is not None:
        refuted |= count_within(bound.known & ~bound.met, span) > 0
    if steady is not None:
        refuted |= ~steady
    settled = span.is_complete & (count_within(rated, span) >= least)
    undefined = may_begin & ~holds.known & (holds.reason != NOT_RATED)
    began = runs.any_so_far(~refuted & settled, visits.start)
    waits = runs.any_so_far((~refuted & ~settled) | undefined, visits.start)
    looked = runs.any_so_far(may_begin & (rated | holds.known), visits.start)
    reason = np.where(waits, np.uint8(UNCONFIRMED), np.uint8(ASSESSED))
    if by_day is not None:
        never = ~looked & (day > by_day + runs.CLOCK)
        reason = np.where(never, np.uint8(NOT_RATED), reason)
    reason = np.where(undefined, holds.reason, reason)
    return states(began, np.where(began, np.uint8(ASSESSED), reason).astype(np.uint8))


def held(visits: RatedVisits, gained: States, kept: States) -> States:
    """Mark rows on which a state once gained has been kept.

    Parameters
    ----------
    visits : RatedVisits
    gained : States
        What begins the state.
    kept : States
        What must hold for it to go on; where it is not known the state goes on.

    Returns
    -------
    States
    """
    rows = np.arange(len(gained.met))
    owner = runs.rows_to_runs(visits.start)
    first = visits.start[:-1][owner]
    switch = np.where(gained.met | (kept.known & ~kept.met), rows, -1)
    latest = np.maximum.accumulate(switch) if len(rows) else switch
    inside = latest >= first
    # The last visit that gained or lost decides; one that does both gains.
    met = inside & gained.met[np.maximum(latest, 0)] if len(rows) else gained.met
    return states(met, gained.reason)


def k_of_last(visits: RatedVisits, holds: States, k: int, n: int) -> States:
    """Mark rows on which a state held at `k` or more of the last `n` rows, itself included."""
    rows = np.arange(len(holds.met))
    first = visits.start[:-1][runs.rows_to_runs(visits.start)]
    begin = np.maximum(rows - n + 1, first)

    def count(marked: BoolArray) -> IntArray:
        total = np.concatenate(([0], np.cumsum(marked)))
        return np.asarray(total[rows + 1] - total[begin], dtype=np.intp)

    met = count(holds.met)
    possible = met + count(~holds.known)
    reason = np.where((met < k) & (possible >= k), np.maximum(holds.reason, NOT_RATED), ASSESSED)
    return states(met >= k, reason.astype(np.uint8))


def at_days(visits: RatedVisits, holds: States, days: FloatArray) -> States:
    """Mark rows from the last of some scheduled days on: whether a state was met at all of them.

    Before that day, and where a visit is missing and nothing else refutes it, it is not known.
    """
    n = len(visits.start) - 1
    owner = runs.rows_to_runs(visits.start)
    hits, fails = np.zeros(n, dtype=np.intp), np.zeros(n, dtype=bool)
    reason = np.zeros(n, dtype=np.uint8)
    for d in days:
        here = np.abs(visits.nominal - d) <= runs.CLOCK
        np.add.at(hits, owner[here & holds.met], 1)
        fails[owner[here & holds.known & ~holds.met]] = True
        is_known = np.zeros(n, dtype=bool)
        is_known[owner[here]] = True
        np.maximum.at(reason, owner[here], holds.reason[here])
        reason[~is_known] = np.maximum(reason[~is_known], NOT_RATED)
    complete = hits == len(days)
    reason = np.where(complete | fails, ASSESSED, reason).astype(np.uint8)
    late = visits.nominal >= days.max() - runs.CLOCK
    early = np.where(fails[owner], np.uint8(ASSESSED), np.uint8(UNCONFIRMED))
    return states(late & complete[owner], np.where(late, reason[owner], early).astype(np.uint8))
