"""What an export becomes: plain tables, the roles of their columns, and what was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from trdstats.errors import Problem


@dataclass(frozen=True, slots=True)
class ExportTables:
    """Tables of an export, ready to become a study.

    Attributes
    ----------
    visits : pandas.DataFrame
        One row a subject and visit: identifier, day since first treatment, scores as numbers.
    subjects : pandas.DataFrame
        One row a subject: identifier, treatment by its label, covariates as numbers or labels.
    events : pandas.DataFrame or None
        Identifier, day, ``event``; None where the export names no events.
    courses : pandas.DataFrame or None
        Courses of treatment; None where the export names none.
    roles : mapping of str to object
        Keyword arguments of a study: scale, subject, treatment, day, score, ...
    notices : tuple of Problem
        Every conversion, with its count and an example; none is an error.
    """

    visits: pd.DataFrame
    subjects: pd.DataFrame
    events: pd.DataFrame | None = None
    courses: pd.DataFrame | None = None
    roles: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[Problem, ...] = ()
