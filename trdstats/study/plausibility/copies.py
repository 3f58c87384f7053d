"""Subjects whose days and totals are those of another subject: one patient entered twice."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import Problem, count_of
from trdstats.kinds import places
from trdstats.study.plausibility.timeline import Timeline

# How often two of all subjects would agree by chance: rarer than this, they are one.
_BY_CHANCE = 0.01
_SAMPLE = 200_000  # ratings are enough to tell how common a step is
_ODD = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xFF51AFD7ED558CCD)


def note_copies(timeline: Timeline, score: FloatArray) -> Problem | None:
    """Note subjects with exactly the days and totals of another subject.

    Few visits on scheduled days agree by chance. How likely that is follows from how common each
    first total and each later change is; a total that stays the same counts as certain.

    Parameters
    ----------
    timeline : Timeline
    score : ndarray, shape (n_ratings,)
        Total of each rating.
    """
    start, day = timeline.start, timeline.day
    ratings = np.diff(start)
    seen = np.flatnonzero(ratings > 1)
    if len(seen) < 2:
        return None
    # The days of a subject differ, so that a sum of its ratings tells one course from another.
    course = np.add.reduceat(_mixed(day, score), start[:-1][ratings > 0])
    course = course[(ratings > 1)[ratings > 0]]
    _, first, code = np.unique(course, return_index=True, return_inverse=True)
    later = np.flatnonzero(first[code] != np.arange(len(code)))
    if not len(later):
        return None
    who, like = seen[later], seen[first[code[later]]]
    surprise = _bits_of(who, start, day, score)
    unlikely = surprise > 2 * np.log2(len(seen)) - np.log2(_BY_CHANCE)
    if not unlikely.any():
        return None
    of = dict(zip(who[unlikely].tolist(), like[unlikely].tolist(), strict=True))
    marked = np.zeros(len(ratings), dtype=bool)
    marked[who[unlikely]] = True
    n = len(of)
    return Problem(
        "copied_subjects",
        count_of(n, "subject has", "subjects have")
        + " exactly the days and totals of another subject.",
        places(
            marked, lambda i: f"{timeline.ids[i]} as {timeline.ids[of[i]]} ({ratings[i]} ratings)"
        ),
        "Look for double data entry, test records, and files put together twice: each counts as a "
        "patient. Remove the copies.",
        level="warning",
    )


def _mixed(day: FloatArray, score: FloatArray) -> npt.NDArray[np.uint64]:
    """Return a number of 64 bits that no other day and total have, shape (n_ratings,)."""
    a, b, c = (np.uint64(k) for k in _ODD)
    # Adding 0 makes one zero of 0 and -0.
    mixed = (day + 0.0).view(np.uint64) * a + (score + 0.0).view(np.uint64) * b
    mixed ^= mixed >> np.uint64(29)
    mixed *= c
    mixed ^= mixed >> np.uint64(32)
    return mixed


def _bits_of(who: IntArray, start: IntArray, day: FloatArray, score: FloatArray) -> FloatArray:
    """Return how surprising the ratings of some subjects are, in bits, shape (len(who),).

    A rating is as surprising as its day and its change from the rating before are rare among the
    first, the second, ... ratings of all subjects.
    """
    place = np.arange(len(day)) - np.repeat(start[:-1], np.diff(start))
    change = np.where(place == 0, score, np.diff(score, prepend=0.0))
    count = np.diff(start)[who]
    rows = np.repeat(start[who] - np.cumsum(count) + count, count) + np.arange(count.sum())
    looked_at = np.r_[np.arange(0, len(day), max(1, len(day) // _SAMPLE)), rows]
    step = np.column_stack([place, day, change])[looked_at]
    _, inverse, times = np.unique(step, axis=0, return_inverse=True, return_counts=True)
    same_step = times[inverse.ravel()[-len(rows) :]]
    bits = np.log2(np.bincount(place[looked_at])[place[rows]] / same_step)
    bits[(change[rows] == 0) & (place[rows] > 0)] = 0.0
    return np.add.reduceat(bits, np.cumsum(count) - count)
