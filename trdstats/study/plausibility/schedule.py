"""Whether ratings were taken when the schedule says, and as often under every treatment."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import Problem
from trdstats.kernels.visits.runs import counts_marked
from trdstats.kinds import places
from trdstats.study.plausibility.timeline import FEWEST, Timeline

# Ratings outside every window are worth a note from here. A schedule may name some of the visits
# only; windows are too narrow where every fourth of the ratings about a scheduled day misses them.
_SOME, _MANY = 0.05, 0.25
# Onset can only be seen at a visit: with a tenth of the visits it is seen that much later.
_TIMES = 10.0


def nearby(day: FloatArray | float) -> FloatArray:
    """Return how many days around a scheduled day a visit meant for it may be expected.

    Three days, a twelfth of the time for later visits up to two weeks, and at most half of the
    time for the first days.
    """
    return np.minimum(np.floor(np.clip(np.asarray(day) / 12, 3, 14)), np.asarray(day) / 2)


def note_outside_windows(
    timeline: Timeline,
    stray: IntArray,
    place: Callable[[FloatArray, IntArray], FloatArray],
    scheduled: Sequence[FloatArray],
) -> Problem | None:
    """Note ratings after day 0 that lie in no visit window.

    Parameters
    ----------
    timeline : Timeline
    stray : ndarray of int
        Ratings after day 0 that stand for no scheduled day, among those of `timeline`.
    place : callable
        ``place(day, arm)`` returns the scheduled day whose window holds each, NaN outside all.
    scheduled : sequence of ndarray
        Scheduled days of each treatment.
    """
    arm = timeline.arm[timeline.code[stray]]
    # The others lie in a window, in which another rating was closer to the day.
    outside = np.isnan(place(timeline.day[stray], arm))
    stray, arm = stray[outside], arm[outside]
    whole = timeline.arm[timeline.code[timeline.day > 0]] if len(stray) else arm
    n, of = len(stray), len(whole)
    if not n or n < _SOME * of or timeline.seen.sum() < FEWEST:
        return None
    missed = _about_a_day(timeline.day[stray], arm, scheduled)
    meant = of - n + missed
    k = len(timeline.arms)
    counts = zip(
        timeline.arms, np.bincount(arm, minlength=k), np.bincount(whole, minlength=k), strict=True
    )
    by_arm = tuple(f"{t}: {a:,} of {b:,} ({100 * a / b:.0f} %)" for t, a, b in counts if a)
    first = places(
        np.ones(min(n, 5), dtype=bool),
        lambda i: f"{timeline.ids[timeline.code[stray[i]]]} at day {timeline.day[stray[i]]:g}",
    )
    return Problem(
        "outside_windows",
        f"{n:,} of {of:,} ratings after day 0 ({100 * n / of:.0f} %) lie in no visit window: they "
        f"stand for no scheduled day. {missed:,} of them come close to one.",
        by_arm + first,
        "Compare the windows with propose_windows(study), which reads some from the days.",
        level="warning" if missed >= _MANY * meant else "note",
    )


def _about_a_day(day: FloatArray, arm: IntArray, scheduled: Sequence[FloatArray]) -> int:
    """Return how many days lie about a scheduled day of their treatment."""
    n = 0
    for k, days in enumerate(scheduled):
        rows = day[arm == k]
        n += int((np.abs(rows[:, None] - days) <= nearby(days)).any(axis=1).sum())
    return n


def note_density(timeline: Timeline) -> Problem | None:
    """Note treatments under which subjects were assessed ten times as often as under another.

    Ratings are counted over the days to which half of every treatment's subjects were followed.
    """
    k = len(timeline.arms)
    arms = [a for a in range(k) if timeline.of_arms[a].sum() >= FEWEST]
    if len(arms) < 2:
        return None
    until = min(float(np.median(timeline.last[timeline.of_arms[a]])) for a in arms)
    if not until > 0:
        return None
    early = (timeline.day > 0) & (timeline.day <= until)
    ratings = counts_marked(early, timeline.start)
    mean = {a: float(ratings[timeline.of_arms[a]].mean()) for a in arms}
    most, least = max(mean, key=lambda a: mean[a]), min(mean, key=lambda a: mean[a])
    if mean[most] < _TIMES * mean[least]:
        return None
    shown = tuple(f"{timeline.arms[a]}: {m:.1f}" for a, m in mean.items())
    return Problem(
        "visit_density",
        f"Up to day {until:g} subjects under {timeline.arms[most]} were assessed {mean[most]:.1f} "
        f"times each, those under {timeline.arms[least]} {mean[least]:.1f} times.",
        shown,
        "A response is seen at a visit only: what is rated more often looks faster. Compare at a "
        "day both share, or see audit_schedule.",
        # Which treatments will be compared is not known here: `compare` judges each pair.
        level="note",
    )
