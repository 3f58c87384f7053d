"""What limits a study without preventing its analysis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import Problem, count_of
from trdstats.kernels.visits.runs import last_marked
from trdstats.kinds import places
from trdstats.scales import Scale
from trdstats.study.checks.values import Labels, show_day

# Under no treatment does so large a part of ill subjects get so much worse.
_NEARLY_ALL, _CLEARLY = 0.8, 0.1  # of the subjects; of the range of the scale
_ILL = 0.2  # of the range, from the best total
_FEWEST = 10


def note_baselines(ids: Labels, baseline: FloatArray, scale: Scale, how: str) -> list[Problem]:
    """Note subjects whose share of improvement cannot be had: no baseline, or one at an end."""
    problems = []
    none = np.isnan(baseline)
    if none.any():
        problems.append(
            Problem(
                "no_baseline",
                count_of(int(none.sum()), "subject has", "subjects have")
                + f" no {scale.label} baseline ({how}).",
                places(none, lambda i: str(ids[i])),
                "Their response is not defined: it stays missing, and rates say how many.",
                level="warning",
            )
        )
    for end, total in (("floor", scale.floor), ("ceiling", scale.maximum)):
        at_end = baseline == total
        if not at_end.any() or (end == "ceiling" and not scale.high_is_good):
            continue
        limits = "A per cent fall from the floor is not defined: it stays missing."
        if scale.high_is_good:
            what = "baseline" if end == "floor" else "distance to the highest total"
            limits = f"A rise by a share of the {what} is not defined: it stays missing."
        problems.append(
            Problem(
                f"baseline_at_{end}",
                count_of(int(at_end.sum()), "subject starts", "subjects start")
                + f" at the {end} of {scale.label} ({total}).",
                places(at_end, lambda i: str(ids[i])),
                limits,
                level="warning",
            )
        )
    return problems


def note_treatments(treatments: Sequence[str]) -> Problem | None:
    """Note a study with one treatment only."""
    if len(treatments) != 1:
        return None
    return Problem(
        "one_arm",
        f"All subjects have the treatment {treatments[0]!r}.",
        (),
        "Rates and curves can be had; nothing can be compared.",
        level="warning",
    )


def note_unseen(ids: Labels, not_assessed: BoolArray, scale: Scale) -> Problem | None:
    """Note subjects without any rated visit after baseline."""
    if not not_assessed.any():
        return None
    return Problem(
        "no_visits",
        count_of(int(not_assessed.sum()), "subject has", "subjects have")
        + f" no {scale.label} rating after day 0.",
        places(not_assessed, lambda i: str(ids[i])),
        "They count in the denominators of rates and carry no information on time to response.",
        level="note",
    )


def note_filled_in(
    subjects: Labels, day: FloatArray, filled_in: BoolArray, scale: Scale
) -> Problem | None:
    """Note totals that are fractions, as unanswered items filled in give them."""
    if not filled_in.any():
        return None
    return Problem(
        "filled_in_total",
        count_of(int(filled_in.sum()), f"{scale.label} total is", f"{scale.label} totals are")
        + " no whole number but one that filling in unanswered items gives.",
        places(filled_in, lambda i: f"{subjects[i]} at {show_day(day[i])}"),
        "They are used as they are, unrounded; means of two raters would look alike.",
        level="note",
    )


def last_totals(day: FloatArray, score: FloatArray, start: IntArray) -> FloatArray:
    """Return the last total of each subject after day 0, NaN without one, shape (n_subjects,).

    Parameters
    ----------
    day, score : ndarray, shape (n_visits,)
        Day and total of each visit, sorted by subject and day.
    start : ndarray of int, shape (n_subjects + 1,)
        Visits of subject ``i`` are ``start[i] : start[i + 1]``.
    """
    row = last_marked((day > 0) & ~np.isnan(score), start)
    last = np.full(len(row), np.nan)
    last[row >= 0] = score[row[row >= 0]]
    return last


def note_mostly_worse(
    last: FloatArray, baseline: FloatArray, arm: IntArray, arms: Sequence[str], scale: Scale
) -> Problem | None:
    """Note treatments under which nearly all subjects end worse than they began.

    Parameters
    ----------
    last, baseline, arm : ndarray, shape (n_subjects,)
        Last total after day 0, baseline and treatment of each subject.
    """
    worse = scale.oriented(last) - scale.oriented(baseline)
    known = ~np.isnan(worse)
    whole = scale.maximum - scale.floor
    where = []
    for k, name in enumerate(arms):
        in_arm = known & (arm == k)
        # Who is well at the start can only get worse: a trial of relapse.
        ill = float(np.median(scale.oriented(baseline[in_arm]) - scale.oriented(scale.best))) if (
            in_arm.any()
        ) else 0.0  # fmt: skip
        if in_arm.sum() < _FEWEST or ill < _ILL * whole or (worse[in_arm] > 0).mean() < _NEARLY_ALL:
            continue
        if np.median(worse[in_arm]) >= _CLEARLY * whole:
            where.append(f"{name}: {int((worse[in_arm] > 0).sum()):,} of {int(in_arm.sum()):,}")
    if not where:
        return None
    side = "lower" if scale.high_is_good else "higher"
    return Problem(
        "mostly_worse",
        f"Under {len(where)} treatment{'s' if len(where) > 1 else ''} nearly all subjects end "
        f"{side} on the {scale.label}, which is worse, than they began.",
        tuple(where),
        "Look whether the totals are turned round, belong to another scale, or days count "
        "backwards.",
        level="warning",
    )
