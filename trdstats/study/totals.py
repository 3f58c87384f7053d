"""The totals of a scale looked at as a whole: whether they are ratings of that many patients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import Problem
from trdstats.scales import Scale
from trdstats.study import notes
from trdstats.study.plausibility.copies import note_copies
from trdstats.study.plausibility.origin import note_better_before
from trdstats.study.plausibility.repeated_totals import note_carried_forward, note_code_for_missing
from trdstats.study.plausibility.timeline import Timeline

_CANONICAL = ("subject", "day", "visit", "score")
# What holds of a table shows in so many subjects: of a larger one every second, third, ... is
# looked at. Among more, courses of two subjects agree by chance more often than steps let expect.
_SUBJECTS = 20_000


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

    Of more than 20,000 subjects some are looked at, and copies of subjects are not looked for.

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
    if not isinstance(visits["subject"].dtype, pd.CategoricalDtype):
        return  # some rows name no known subject, which stops the study
    n = len(ids)
    if n > _SUBJECTS:
        some = np.arange(0, n, -(-n // _SUBJECTS))
        visits, ids, treatment = _visits_of(visits, ids, some), ids[some], treatment[some]
        baseline = baseline[some]
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
        problems += [note_better_before(line, score, baseline, scale)]
        problems += [note_copies(line, score) if len(ids) == n else None]
    for problem in problems:
        if problem is not None:
            of = "" if len(ids) == n else f" {len(ids):,} of {n:,} subjects were looked at."
            yield replace(problem, summary=f"{problem.summary}{of}")


def _visits_of(visits: pd.DataFrame, ids: pd.Index[Any], some: IntArray) -> pd.DataFrame:
    """Return the visits of some subjects, who alone are known in them."""
    code = visits["subject"].cat.codes.to_numpy()
    sought = some.astype(code.dtype)  # of another kind, all codes would be copied
    start = np.searchsorted(code, sought)
    counts = np.searchsorted(code, sought, side="right") - start
    place = np.repeat(np.arange(len(some)), counts)
    rows = np.arange(counts.sum()) + (start - np.cumsum(counts) + counts)[place]
    subject = pd.Categorical.from_codes(place, categories=ids[some])
    # Column by column: rows of a frame would be copied three times.
    others = {c: visits[c].array.take(rows) for c in visits if c != "subject"}
    return pd.DataFrame({"subject": subject, **others}, copy=False)
