"""What interval-censored methods see of event times, and what they say of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.errors import DataError, NotEstimableError, Problem, count_of
from trdstats.estimates.weights import WeightsLike
from trdstats.kernels.interval.interval_hazard import read_problem
from trdstats.outcomes import EventTimes
from trdstats.survival.groups import Sample, notes_of, split


def split_intervals(
    times: EventTimes, by: str | None, weights: WeightsLike | None = None
) -> Sample:
    """Return the groups of event times, each time in (left, right].

    Competing causes count as censored: the event was not seen by then. Who came under observation
    late is known not to have had the event by then.

    Raises
    ------
    NotEstimableError
        When no subject has follow-up.
    DataError
        When an interval begins before day 0, or as `split`.
    UnknownNameError
        As `split`.
    """
    sample = split(times, by, weights)
    early = sum(int((g.left < 0).sum()) for g in sample.groups)
    if early:
        raise DataError(
            [
                Problem(
                    "early_interval",
                    f"{count_of(early, 'interval begins', 'intervals begin')} before day 0.",
                    _subjects_before_0(times),
                    "left is the last day without the event; with no visit before, it is 0.",
                )
            ]
        )
    groups = tuple(
        replace(g, left=np.maximum(g.left, g.entry), right=np.where(g.status == 1, g.right, np.inf))
        for g in sample.groups
    )
    return replace(sample, groups=groups)


def check_no_late_entry(sample: Sample) -> Sample:
    """Return the sample.

    Raises
    ------
    NotEstimableError
        When subjects came under observation after day 0.
    """
    late = sum(int((g.entry > 0).sum()) for g in sample.groups)
    if late:
        raise NotEstimableError(
            f"{count_of(late, 'subject', 'subjects')} came under observation after day 0 "
            "(entry > 0), which this method does not take into account; use Turnbull, IntervalPH "
            "or KaplanMeier."
        )
    return sample


def check_survivors(
    left: FloatArray, right: FloatArray, entry: FloatArray, group: str = ""
) -> None:
    """Refuse delayed entry where the hazard has no bound, or is not known, before some came.

    Raises
    ------
    NotEstimableError
        When no subject is known to be without the event by a day after which others come.
    """
    if not entry.any():
        return
    problem = read_problem(left, right, np.empty((len(left), 0)), np.ones(len(left)), entry)
    ends = problem.without_survivors()
    if len(ends):
        day = float(problem.cells.upper[ends[0]])
        raise NotEstimableError(
            f"No subject{f' in {group}' if group else ''} is known to be without the event by day "
            f"{day:g}, though {int((entry >= day).sum()):,} come under observation then or later: "
            "what came before that day cannot be joined to what comes after it. Count from a later "
            "day with landmark(times, day)."
        )


def _subjects_before_0(times: EventTimes) -> tuple[str, ...]:
    frame = times.at_risk()
    return tuple(str(s) for s in frame.loc[frame["left"] < 0, "subject"])


def interval_notes(times: EventTimes, sample: Sample) -> tuple[str, ...]:
    """Return the cautions of a face: those of all results, and how finely the visits see."""
    notes = list(notes_of(times, sample, dated=False))
    width = np.concatenate([(g.right - g.left)[g.status == 1] for g in sample.groups])
    if len(width) and np.median(width) > 0:
        notes.append(
            "Events lie between two visits, half of them in gaps of "
            f"{np.median(width):g} days or more."
        )
    return tuple(notes)
