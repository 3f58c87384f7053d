"""Who has failed by an event at a day, assessed or not, and how many they are."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray
from trdstats.errors import Problem
from trdstats.kernels.visits.endpoints import REASONS
from trdstats.outcomes.free_of_event import window_of
from trdstats.outcomes.rules.definition import Definition
from trdstats.study import Study
from trdstats.study.study.rated import RecordedBeside


def failed_by(study: Study, definition: Definition, day: float) -> BoolArray:
    """Return who had an event of failure by the end of the window of a scheduled day."""
    if not definition.failures:
        return np.zeros(len(study.subjects), dtype=bool)
    closes = window_of(study, dict.fromkeys(study.treatments, day))[1]
    with np.errstate(invalid="ignore"):
        return np.asarray(RecordedBeside(study).first_event(definition.failures) <= closes + 1e-9)


def with_failures(
    study: Study,
    definition: Definition,
    outcomes: pd.DataFrame,
    assessed: BoolArray,
    judged: BoolArray,
    day: float,
) -> pd.DataFrame:
    """Return verdicts with those who had an event of failure and no assessment at the day.

    Parameters
    ----------
    study : Study
    definition : Definition
    outcomes : pandas.DataFrame
        See `verdicts`.
    assessed : ndarray of bool, shape (n_subjects,)
        Who was assessed at the day: their verdict knows of events before it.
    judged : ndarray of bool, shape (n_subjects,)
        Whose treatment has a rate at that day.
    day : float
    """
    failed = failed_by(study, definition, day) & ~assessed & judged
    return outcomes.assign(
        met=outcomes["met"].mask(failed, bool(definition.is_worsening)),
        reason=outcomes["reason"].mask(failed, REASONS[0]),
    )


def notes_of_failures(study: Study, definition: Definition, day: float) -> tuple[Problem, ...]:
    """Return the note on how many had an event of failure by a day; none where none can."""
    if not definition.failures:
        return ()
    had = failed_by(study, definition, day)
    arm = study.subjects["treatment"].to_numpy(dtype=object)
    counts = [f"{int(had[arm == a].sum()):,} under {a}" for a in study.treatments]
    bad = "met" if definition.is_worsening else "not met"
    kinds = " or ".join(definition.failures)
    sentence = f"A {kinds} by day {day:g} counts as {bad}: {', '.join(counts)}."
    return (Problem("failures", sentence, (), "", level="note"),)
