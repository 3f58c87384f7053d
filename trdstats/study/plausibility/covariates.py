"""Columns of subjects that cannot be covariates as they stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from trdstats.errors import Problem
from trdstats.intake.propose.names import says_later
from trdstats.kinds import as_numbers_remedy, spelled_numbers
from trdstats.study.plausibility.timeline import FEWEST

# Of a category with more levels than this, or than this part of the subjects, hardly any level has
# subjects under every treatment.
MOST_LEVELS = 20
_MOST_OF_SUBJECTS = 1 / 3


def note_covariates(columns: Mapping[str, pd.Series[Any]]) -> Iterable[Problem]:
    """Yield what is wrong with columns of subjects: numbers as text, many levels, known later.

    Parameters
    ----------
    columns : mapping of str to Series
        One value a subject.
    """
    later = [name for name in columns if says_later(str(name))]
    if later:
        yield Problem(
            "known_later",
            f"{len(later)} column{'s' if len(later) > 1 else ''} of `subjects` "
            f"{'are' if len(later) > 1 else 'is'} by name known only after treatment began.",
            tuple(map(repr, later)),
            "They are kept. Adjusting for what treatment has changed hides its effect: leave them "
            "out of models and of baseline characteristics.",
            level="note",
        )
    many = []
    for name, values in columns.items():
        if pd.api.types.is_numeric_dtype(values.dtype) or values.dtype.kind in "mM":
            continue
        levels = values.cat.categories if values.dtype == "category" else pd.unique(values.dropna())
        given = int(values.notna().sum())
        if len(levels) < FEWEST or given < FEWEST:
            continue
        levels = np.asarray(levels, dtype=object)
        spelled = spelled_numbers(levels)
        if spelled:
            yield Problem(
                "numbers_as_text",
                f"`subjects` column {name!r} is text that spells numbers ({spelled}): as a "
                f"covariate it would be a category of {len(levels):,} levels.",
                tuple(repr(v) for v in levels[:5]),
                as_numbers_remedy("subjects", name),
                level="warning",
            )
        elif len(levels) > MOST_LEVELS or len(levels) > _MOST_OF_SUBJECTS * given:
            many.append(f"{name} ({len(levels):,} levels)")
    if many:
        yield Problem(
            "many_levels",
            f"{len(many)} text column{'s' if len(many) > 1 else ''} of `subjects` "
            f"{'have' if len(many) > 1 else 'has'} so many levels that hardly any is found under "
            "every treatment.",
            tuple(many),
            "They are kept. Group the levels before one is used as a covariate.",
            level="note",
        )
