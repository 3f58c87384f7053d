"""States that last: met at a visit and at the visits after it, with what is allowed between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, IntArray
from trdstats.kernels.visits import runs
from trdstats.kernels.visits.endpoints import (
    ASSESSED,
    BASELINE_AT_FLOOR,
    NO_BASELINE,
    UNCONFIRMED,
    RatedVisits,
    States,
    states,
)


@dataclass(frozen=True, slots=True)
class Span:
    """The visits that must confirm a state, for each row.

    Attributes
    ----------
    last : ndarray of int, shape (n_rows,)
        Last row that belongs to the span that begins at each row.
    is_complete : ndarray of bool, shape (n_rows,)
        Whether follow-up reaches the end of the span.
    closes : ndarray of int, shape (n_rows,)
        Row at which a complete span is known to be over.
    """

    last: IntArray
    is_complete: BoolArray
    closes: IntArray


def span_of_visits(visits: RatedVisits, n: int) -> Span:
    """Return spans of `n` assessed visits, the first included."""
    owner = runs.rows_to_runs(visits.start)
    final = visits.start[1:][owner] - 1
    end = np.arange(len(visits.day)) + n - 1
    last = np.minimum(end, final)
    return Span(last, end <= final, last)


def span_of_days(visits: RatedVisits, days: float, slack: float) -> Span:
    """Return spans of a number of days; a visit `slack` days before the end completes them."""
    owner = runs.rows_to_runs(visits.start)
    final = visits.start[1:][owner] - 1
    place = runs.along(visits.start, visits.day, days)
    last = np.searchsorted(place, place + days + runs.CLOCK, "right") - 1
    closes = np.searchsorted(place, place + days - slack - runs.CLOCK)
    closes = np.maximum(closes, np.arange(len(final)))
    return Span(np.minimum(last, final), closes <= final, np.minimum(closes, final))


def sustained(
    visits: RatedVisits,
    holds: States,
    span: Span,
    *,
    excursions: int,
    bound: States | None,
    max_gap: float | None,
    at_close: bool = False,
) -> States:
    """Mark rows on which a state is met and confirmed by the rest of their span.

    Parameters
    ----------
    visits : RatedVisits
    holds : States
        The state that must last.
    span : Span
    excursions : int
        Rows of the span that may fail the state.
    bound : States, optional
        What must hold even on an excursion.
    max_gap : float, optional
        Largest number of days between two visits of the span; beyond it the state is unknown,
        whatever happened.
    at_close : bool
        Mark the row at which the span is over instead of the one that begins it.

    Returns
    -------
    States
        Not known ("unconfirmed") where the span is not over, or has too long a gap, and what was
        seen of it does not already refute the state.
    """
    failed = count_within(holds.known & ~holds.met, span)
    refuted = ~holds.met | (failed > excursions)
    if bound is not None:
        refuted |= count_within(bound.known & ~bound.met, span) > 0
    settled = span.is_complete.copy()
    if max_gap is not None:
        gap = np.diff(visits.day, prepend=0.0)
        gap[visits.start[:-1][np.diff(visits.start) > 0]] = 0.0
        settled &= count_within(gap > max_gap + runs.CLOCK, span) == 0
    begins = ~refuted & settled
    if at_close:
        # What was lost by the visit that would have declared it is not declared.
        declared = span.closes[begins]
        met = np.zeros(len(begins), dtype=bool)
        met[declared[holds.met[declared]]] = True
        undefined = (holds.reason == NO_BASELINE) | (holds.reason == BASELINE_AT_FLOOR)
        return states(met, np.where(undefined, holds.reason, np.uint8(ASSESSED)))
    open_ended = holds.known & ~refuted & ~settled
    reason = np.where(open_ended, np.uint8(UNCONFIRMED), holds.reason).astype(np.uint8)
    return states(begins, reason)


def count_within(marked: BoolArray, span: Span) -> IntArray:
    """Return how many rows after each row, up to the end of its span, are marked."""
    total = np.concatenate(([0], np.cumsum(marked)))
    rows = np.arange(len(marked))
    return np.asarray(total[span.last + 1] - total[rows + 1], dtype=np.intp)
