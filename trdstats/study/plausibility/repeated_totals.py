"""Totals that stand for something else: a code for missing, values carried forward."""

from __future__ import annotations

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import Problem, count_of
from trdstats.kinds import places
from trdstats.scales import Scale
from trdstats.study.plausibility.timeline import FEWEST, MANY, Timeline

# A total this far from the one before and the one after, on the same side, is a spike.
_FAR = 0.25  # of the range of the scale
_SHORT = 20  # points: between fewer of them totals are far from each other by chance
_CODES = (9, 77, 88, 99)  # beside both ends of the scale
_FEWEST_SPIKES, _MOST = 3, 0.75  # spikes of one total; their proportion of all spikes
# Three equal totals in the end are carried forward where chance gives a fifth of them.
_TAIL, _TIMES = 3, 5.0


def note_code_for_missing(timeline: Timeline, score: FloatArray, scale: Scale) -> Problem | None:
    """Note one total that subjects have for a single visit, far from those before and after it.

    On scales of few points most totals are alike by chance: nothing is said of them.

    Parameters
    ----------
    timeline : Timeline
    score : ndarray, shape (n_ratings,)
        Total of each rating.
    scale : Scale
    """
    start, day = timeline.start, timeline.day
    if scale.maximum - scale.floor < _SHORT or timeline.seen.sum() < FEWEST:
        return None
    far = _FAR * (scale.maximum - scale.floor)
    spike = _spikes(start, score, far)
    if spike.sum() < _FEWEST_SPIKES:
        return None
    values, counts = np.unique(score[spike], return_counts=True)
    k = int(np.argmax(counts))
    total, n = float(values[k]), int(counts[k])
    if total not in (scale.floor, scale.maximum, *_CODES) or n < _MOST * spike.sum():
        return None
    # Of one or two subjects it may be their course.
    who = np.unique(timeline.code[spike & (score == total)])
    if len(who) < _FEWEST_SPIKES or n < MANY * (score == total).sum():
        return None
    return Problem(
        "code_for_missing",
        f"The {scale.label} total {total:g} stands between two totals far from it at "
        + count_of(n, "visit", "visits")
        + f", any other total at {int(spike.sum()) - n:,}: it may be a code for missing.",
        places(
            spike & (score == total),
            lambda i: (
                f"{timeline.ids[timeline.code[i]]} at day {day[i]:g}: {score[i - 1]:g}, {total:g}, "
                f"{score[i + 1]:g}"
            ),
        ),
        "If it is, leave these cells empty. A missing rating that counts as a total changes rates, "
        "times and means.",
        level="warning",
    )


def _spikes(start: IntArray, score: FloatArray, far: float) -> BoolArray:
    """Return the ratings far from both neighbours of their subject, on the same side."""
    spike = np.zeros(len(score), dtype=bool)
    if len(score) < 3:
        return spike
    fall = np.diff(score)
    spike[1:-1] = ((fall[:-1] <= -far) & (fall[1:] >= far)) | (
        (fall[:-1] >= far) & (fall[1:] <= -far)
    )
    filled = np.diff(start) > 0
    spike[start[:-1][filled]] = False
    spike[start[1:][filled] - 1] = False
    return spike


def note_carried_forward(timeline: Timeline, score: FloatArray, scale: Scale) -> Problem | None:
    """Note subjects whose last totals are all the same, far more often than by chance.

    Totals at either end of the scale stay there by themselves and are left out. Parameters as
    `note_code_for_missing`.
    """
    start, day = timeline.start, timeline.day
    n = np.diff(start)
    several = n > _TAIL
    if several.sum() < FEWEST:
        return None
    same = np.zeros(len(score), dtype=bool)
    same[1:] = score[1:] == score[:-1]
    same[start[:-1][n > 0]] = False
    place = np.arange(len(score))
    # The last rating that differs from the one before it begins the tail.
    begins = np.maximum.accumulate(np.where(same, 0, place))
    last = start[1:][several] - 1
    tail = last - begins[last] + 1
    inner = (score[last] > scale.floor) & (score[last] < scale.maximum)
    carried = (tail >= _TAIL) & (tail < n[several]) & inner
    count = int(carried.sum())
    # Totals carried forward are of all sizes.
    if len(np.unique(score[last[carried]])) < FEWEST // 2 or count < MANY * several.sum():
        return None
    of_tail = int((tail - 1).sum())
    pairs = int((n[several] - 1).sum()) - of_tail
    by_chance = (int(same.sum()) - of_tail) / pairs if pairs > 0 else 1.0
    if carried.mean() < _TIMES * by_chance ** (_TAIL - 1):
        return None
    marked = np.zeros(len(n), dtype=bool)
    marked[np.flatnonzero(several)[carried]] = True

    def shown(i: int) -> str:
        row = int(begins[start[i + 1] - 1])
        return f"{timeline.ids[i]}: {score[row]:g} from day {day[row]:g} on"

    return Problem(
        "carried_forward",
        count_of(count, "subject ends", "subjects end")
        + f" with {_TAIL} equal {scale.label} totals or more: of the other totals "
        f"{100 * by_chance:.0f} % equal the one before.",
        places(marked, shown),
        "Look whether totals were carried forward (LOCF). Such totals are no ratings: leave them "
        "out, and say what becomes of missing ones in the analysis.",
        level="note",
    )
