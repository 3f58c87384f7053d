"""Which rated visit of each subject speaks for a scheduled day."""

from __future__ import annotations

import numpy as np

from trdstats.arrays import BoolArray, IntArray
from trdstats.outcomes.free_of_event import window_of
from trdstats.study import Rated, Study


def rated_at(study: Study, day: float) -> BoolArray:
    """Return who has a rated visit at a scheduled day."""
    return np.asarray(row_at_day(study, study.rated(), day) >= 0)


def row_at_day(study: Study, rated: Rated, day: float) -> IntArray:
    """Return the row of each subject's rated visit at a scheduled day, -1 without one."""
    visit = study.visits["visit"].to_numpy()[rated.row]
    start = rated.arrays.start
    scheduled = np.isclose(visit, day, rtol=0, atol=1e-9)
    row = np.full(len(start) - 1, -1, dtype=np.intp)
    owner = np.repeat(np.arange(len(start) - 1), np.diff(start))
    row[owner[scheduled]] = np.flatnonzero(scheduled)
    return row


def last_row_by(study: Study, rated: Rated, day: float) -> IntArray:
    """Return each subject's last rated visit up to the end of the window of a day."""
    start = rated.arrays.start
    owner = np.repeat(np.arange(len(start) - 1), np.diff(start))
    closes = window_of(study, dict.fromkeys(study.treatments, float(day)))[1]
    early = np.flatnonzero(rated.arrays.day <= closes[owner] + 1e-9)
    row = np.full(len(start) - 1, -1, dtype=np.intp)
    row[owner[early]] = early  # rows are sorted by day: the last one stays
    return row
