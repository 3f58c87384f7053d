"""The totals of a scale looked at as a whole: whether they are ratings of that many patients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.errors import Problem
from trdstats.scales import Scale
from trdstats.study import notes
from trdstats.study.plausibility.copies import note_copies
from trdstats.study.plausibility.origin import note_better_before
from trdstats.study.plausibility.repeated_totals import note_carried_forward, note_code_for_missing
from trdstats.study.plausibility.timeline import Timeline

_CANONICAL = ("subject", "day", "visit", "score")


def check_totals(
    visits: pd.DataFrame,
    ids: pd.Index[Any],
    treatment: pd.Categorical,
    baseline: FloatArray,
    scale: Scale,
    *,
    is_primary: bool,
) -> Iterator[Problem]:
    """Yield what is implausible about the totals of one scale.

    Parameters
    ----------
    visits : pandas.DataFrame
        Canonical visits of the scale.
    ids : pandas.Index
        Identifiers of the subjects.
    treatment : pandas.Categorical
        Treatment of each.
    baseline : ndarray, shape (n_subjects,)
    scale : Scale
    is_primary : bool
        What holds for all scales of a study is said of the primary one alone.
    """
    line = Timeline.of_visits(visits, ids, treatment)
    if line is None or not len(line.day):
        return
    score = visits["score"].to_numpy()
    score = score[visits["score"].notna().to_numpy()]
    problems = [
        note_code_for_missing(line, score, scale),
        note_carried_forward(line, score, scale),
    ]
    if is_primary:
        others = [c for c in visits if c not in _CANONICAL]
        problems += [notes.note_derived_rows(visits, others)]
        problems += [note_copies(line, score), note_better_before(line, score, baseline, scale)]
    yield from (p for p in problems if p is not None)
