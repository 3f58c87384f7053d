"""Subjects whose days seem to count from another date: swapped, mistyped, or of other signs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trdstats.arrays import FloatArray
from trdstats.errors import Problem, argument, count_of
from trdstats.kernels.visits.blocks import rows_where
from trdstats.kernels.visits.runs import last_marked
from trdstats.kinds import places
from trdstats.scales import Scale
from trdstats.study.plausibility.timeline import FEWEST, Timeline, level_of

# A baseline of four weeks ago is no longer the state in which treatment began.
OLDEST_BASELINE = 28
# A pause this long, and this many times longer than nearly all others, is a slip of a date.
_LONG_GAP, _TIMES = 300.0, 5.0
_IMPROVED = 0.3  # of the way to the best total, before treatment began
_DATES = (
    "Check the dates of first treatment of these subjects: day and month swapped, another year, "
    "or a later course."
)
# Nobody can do these before treatment begins, and be rated after it.
_LAST_WORDS = ("death", "suicide", "withdrawal")


def note_old_baselines(timeline: Timeline) -> Problem | None:
    """Note subjects whose last rating up to day 0 is older than four weeks."""
    row = last_marked(timeline.day <= 0, timeline.start)
    day = np.where(row >= 0, timeline.day[row], np.nan)
    with np.errstate(invalid="ignore"):
        old = day < -OLDEST_BASELINE
    n = int(old.sum())
    if not n:
        return None
    return Problem(
        "old_baseline",
        count_of(n, "subject has", "subjects have")
        + f" a baseline older than {OLDEST_BASELINE} days (median {-np.median(day[old]):g} days "
        "before day 0).",
        places(old, lambda i: f"{timeline.ids[i]}: day {day[i]:g}"),
        f"{_DATES} If it is the right score, give it in a column: {argument('baseline')}",
        level=level_of(n, int(timeline.seen.sum())),
    )


def note_late_starts(timeline: Timeline) -> Problem | None:
    """Note subjects without a baseline who were first rated more than four weeks after day 0."""
    first = timeline.first
    with np.errstate(invalid="ignore"):
        late = first > OLDEST_BASELINE
    n = int(late.sum())
    if not n:
        return None
    return Problem(
        "late_first_rating",
        count_of(n, "subject has", "subjects have")
        + f" no baseline and a first rating more than {OLDEST_BASELINE} days after day 0 (median "
        f"day {np.median(first[late]):g}).",
        places(late, lambda i: f"{timeline.ids[i]}: day {first[i]:g}"),
        _DATES,
        level=level_of(n, int(timeline.seen.sum())),
    )


def note_first_after_start(timeline: Timeline) -> Problem | None:
    """Note that many subjects have no baseline, and were first rated within weeks after day 0."""
    first = timeline.first
    with np.errstate(invalid="ignore"):
        soon = (first > 0) & (first <= OLDEST_BASELINE)
    n = int(soon.sum())
    if n < FEWEST or level_of(n, int(timeline.seen.sum())) != "warning":
        return None
    by_arm = np.bincount(timeline.arm[soon], minlength=len(timeline.arms))
    arms = ", ".join(f"{name} {k:,}" for name, k in zip(timeline.arms, by_arm, strict=True) if k)
    return Problem(
        "first_rating_after_start",
        count_of(n, "subject has", "subjects have")
        + f" no baseline and a first rating on day 1 to {OLDEST_BASELINE} (median day "
        f"{np.median(first[soon]):g}; {arms}).",
        places(soon, lambda i: f"{timeline.ids[i]}: day {first[i]:g}"),
        "Look whether days count from another date there (admission, consent), or the first rating "
        f"was the baseline: then correct the days, or name its column with {argument('baseline')}",
        level="warning",
    )


def note_negative_days(timeline: Timeline) -> Problem | None:
    """Note that most ratings lie before day 0."""
    early = timeline.first < 0
    n = int((timeline.day < 0).sum()) if early.any() else 0
    if timeline.seen.sum() < FEWEST or n <= len(timeline.day) / 2:
        return None
    return Problem(
        "negative_days",
        f"{n:,} of {len(timeline.day):,} ratings lie before day 0.",
        places(early, lambda i: f"{timeline.ids[i]}: from day {timeline.first[i]:g}"),
        "Check the sign: day = date of the visit - first treatment. Only ratings after day 0 can "
        "show a response.",
        level="warning",
    )


def note_long_gaps(timeline: Timeline) -> Problem | None:
    """Note subjects with a pause between two ratings far longer than any usual one."""
    day = timeline.day
    if not (timeline.last - timeline.first > _LONG_GAP).any():
        return None
    far = rows_where(lambda d, before: d - before > _LONG_GAP, day[1:], day[:-1])
    if not len(far):
        return None
    # Most rows follow one of the same subject, so few are looked at twice.
    far = far[timeline.code[far] == timeline.code[far + 1]]
    n_gaps = len(day) - int(timeline.seen.sum())
    if not len(far) or n_gaps < FEWEST:
        return None
    gap = np.diff(day)
    same = gap[timeline.code[1:] == timeline.code[:-1]]
    usual = float(np.quantile(same, 0.95))
    far = far[gap[far] > _TIMES * usual]
    if not len(far):
        return None
    subject, first = np.unique(timeline.code[far], return_index=True)
    marked = np.zeros(len(timeline.ids), dtype=bool)
    marked[subject] = True
    row = np.full(len(timeline.ids), -1)
    row[subject] = far[first]
    return Problem(
        "long_gap",
        count_of(len(subject), "subject has", "subjects have")
        + f" more than {_LONG_GAP:g} days between two ratings, {_TIMES:g} times what is usual here "
        f"(95 % of gaps are at most {usual:g} days).",
        places(
            marked,
            lambda i: "{}: day {:g}, then {:g}".format(
                timeline.ids[i], *timeline.day[row[i] : row[i] + 2]
            ),
        ),
        "Look for a mistyped date or year.",
        level=level_of(len(subject), int(timeline.seen.sum())),
    )


def note_better_before(
    timeline: Timeline, score: FloatArray, baseline: FloatArray, scale: Scale
) -> Problem | None:
    """Note that most subjects improved before day 0: days count from another date.

    Parameters
    ----------
    timeline : Timeline
    score : ndarray, shape (n,)
        Total of each rating of `timeline`.
    baseline : ndarray, shape (n_subjects,)
    """
    n = np.diff(timeline.start)
    earlier = np.zeros(len(n), dtype=bool)
    earlier[n > 1] = timeline.day[timeline.start[:-1][n > 1] + 1] <= 0
    first = np.full(len(n), np.nan)
    first[earlier] = score[timeline.start[:-1][earlier]]
    ill = scale.oriented(first) - scale.oriented(scale.best)
    with np.errstate(invalid="ignore"):
        better = scale.oriented(first) - scale.oriented(baseline) >= _IMPROVED * ill
    better &= ill > 0
    count = int(better.sum())
    if count < FEWEST or count <= timeline.seen.sum() / 2:
        return None
    return Problem(
        "better_before_start",
        f"{count:,} of {int(timeline.seen.sum()):,} subjects improved by {100 * _IMPROVED:.0f} % "
        "or more from their first rating to day 0.",
        places(better, lambda i: f"{timeline.ids[i]}: {first[i]:g}, then {baseline[i]:g} at day 0"),
        "Look whether days count from the last treatment, discharge or a second phase. Response is "
        "judged from day 0 on; after a lead-in treatment that may be meant.",
        level="warning",
    )


def note_early_events(
    names: npt.NDArray[np.object_], day: FloatArray, kind: npt.NDArray[np.object_]
) -> Problem | None:
    """Note events before the first treatment, which no analysis counts.

    Parameters
    ----------
    names, kind : ndarray of object, shape (n_events,)
        Identifier and kind of each event.
    day : ndarray, shape (n_events,)
    """
    early = day < 0
    n = int(early.sum())
    if not n:
        return None
    return Problem(
        "early_event",
        f"{count_of(n, 'event', 'events')} of {len(day):,} "
        + ("lies" if n == 1 else "lie")
        + " before the first treatment (day 0).",
        places(early, lambda i: f"{names[i]}: {kind[i]} on day {day[i]:g}"),
        "They are not counted. Check their dates, or move what belongs to the history to a "
        "covariate.",
        level="warning",
    )


def note_rated_after_death(
    timeline: Timeline,
    code: npt.NDArray[np.integer],
    day: FloatArray,
    kind: npt.NDArray[np.object_],
) -> Problem | None:
    """Note subjects who were assessed after an event that ends a life."""
    final = np.isin(kind.astype(str), ("death", "suicide"))
    if not final.any():
        return None
    died = np.full(len(timeline.ids), np.inf)
    np.minimum.at(died, code[final], day[final])
    last = timeline.last
    with np.errstate(invalid="ignore"):
        after = np.floor(last) > np.floor(died)
    n = int(after.sum())
    if not n:
        return None
    return Problem(
        "rated_after_death",
        count_of(n, "subject is", "subjects are") + " rated after the day of death.",
        places(after, lambda i: f"{timeline.ids[i]}: died day {died[i]:g}, rated day {last[i]:g}"),
        "Check both dates.",
        level="warning",
    )
