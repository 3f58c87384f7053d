"""What interval-censored methods see of event times, and what they say of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from trdstats.errors import NotEstimableError
from trdstats.outcomes import EventTimes
from trdstats.survival.groups import Sample, notes_of, split


def split_intervals(times: EventTimes, by: str | None, weights: Any = None) -> Sample:
    """Return the groups of event times, each time in (left, right].

    Competing causes count as censored: the event was not seen by then.

    Raises
    ------
    NotEstimableError
        When subjects entered late, or nobody has follow-up.
    UnknownNameError, DataError
        As `split`.
    """
    sample = split(times, by, weights)
    late = sum(int((g.entry > 0).sum()) for g in sample.groups)
    if late:
        raise NotEstimableError(
            f"{late:,} subjects came under observation after day 0 (entry > 0). The methods for "
            "interval-censored times do not take that into account; use KaplanMeier or CoxPH."
        )
    groups = tuple(
        replace(g, right=np.where(g.status == 1, g.right, np.inf)) for g in sample.groups
    )
    return replace(sample, groups=groups)


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
