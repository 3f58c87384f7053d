"""Who is in a divided study: subjects of every partition, decided once for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import IntArray
from trdstats.errors import Problem, add_problems
from trdstats.frames import to_pandas
from trdstats.partitions import in_plain_columns
from trdstats.study.build import columns_of_visits
from trdstats.study.checks import identifiers
from trdstats.study.roles import Roles
from trdstats.study.subjects import SubjectTable, subjects_from_table, subjects_from_visits


@dataclass(frozen=True, slots=True)
class SubjectsOfPart:
    """Who has visits in a partition.

    Attributes
    ----------
    number : int
        Of the partition.
    rows : int
        Visits.
    frame : pandas.DataFrame
        One row a subject: its identifier and, where visits describe subjects, the columns that do.
    problems : tuple of Problem
    columns : dict
        Types of the columns of its visits, by name.
    """

    number: int
    rows: int
    frame: pd.DataFrame
    problems: tuple[Problem, ...]
    columns: dict[Any, Any] = field(default_factory=dict)


def look_for_subjects(
    visits: pd.DataFrame, number: int, roles: Roles, described: bool
) -> SubjectsOfPart:
    """Return the subjects of a partition; `described` where the visits say what they are."""
    table = to_pandas(in_plain_columns(visits), what="visits")
    problems: list[Problem] = []
    names = dict(visits.dtypes)
    lacks = tuple(
        Problem(
            "unknown_column", f"`visits` have a column {c!r} only in some partitions.",
            (f"partition {number} has none",), f"It is the {role}: name it alike in all.",
        )
        for role, c in columns_of_visits(roles, described) if c not in names
    )  # fmt: skip
    none = pd.DataFrame({roles.subject: []}, dtype=object)
    if lacks or not len(table):
        return SubjectsOfPart(number, len(table), none, lacks if len(table) else (), names)
    ids = table[roles.subject]
    missing = identifiers.missing_identifiers(ids)
    if missing.all():
        nameless = identifiers.check_identifiers(missing, "visits")
        add_problems(problems, nameless if described else None)
        return SubjectsOfPart(number, len(table), none, tuple(problems), names)
    if not described:
        known = ids[~missing].drop_duplicates()
        return SubjectsOfPart(number, len(table), known.to_frame(), (), names)
    described_by, _ = subjects_from_visits(table, roles, problems)
    columns = {c: v for c, v in described_by.columns.items() if c != roles.subject}
    frame = pd.DataFrame({roles.subject: described_by.ids.to_numpy(), **columns})
    # Treatments written in two ways may meet in two partitions: all are looked at together.
    kept = tuple(p for p in problems if p.kind != "mixed_treatment")
    return SubjectsOfPart(number, len(table), frame, kept, names)


def in_two_parts(parts: Sequence[SubjectsOfPart], subject: str) -> int:
    """Return how many subjects have visits in two partitions or more."""
    ids = pd.concat([p.frame[subject] for p in parts], ignore_index=True)
    return int(ids[ids.duplicated()].nunique())


def subjects_of_parts(
    parts: Sequence[SubjectsOfPart], roles: Roles, problems: list[Problem]
) -> SubjectTable:
    """Return all subjects of partitions that describe theirs; problems are appended.

    A column describes subjects where it does so in every partition.
    """
    given = [p.frame for p in parts if len(p.frame)]
    columns = [c for c in given[0].columns if all(c in frame for frame in given)]
    together = pd.concat([frame[columns] for frame in given], ignore_index=True)
    of_whole: list[Problem] = []
    table = subjects_from_table(to_pandas(together, what="visits"), roles, of_whole)
    # A missing treatment was reported by its partition, with the row.
    problems += [p for p in of_whole if p.kind != "missing_treatment"]
    return replace(table, from_visits=tuple(c for c in columns if c != roles.subject))


def places_of_subjects(
    parts: Sequence[SubjectsOfPart], table: SubjectTable, subject: str
) -> list[IntArray]:
    """Return the places of each partition's subjects among all, increasing.

    Subjects without any visit are counted with the first partition.
    """
    places = []
    for part in parts:
        place = table.ids.get_indexer(pd.Index(part.frame[subject]))
        places.append(np.sort(place[place >= 0]).astype(np.intp))
    seen = np.zeros(len(table.ids), dtype=bool)
    seen[np.concatenate(places)] = True
    places[0] = np.sort(np.concatenate([places[0], np.flatnonzero(~seen)]))
    return places


def some_of_subjects(table: SubjectTable, place: IntArray) -> SubjectTable:
    """Return the subjects at some places; treatments stay those of all."""
    return SubjectTable(
        ids=table.ids[place],
        treatment=_with_own_labels(pd.Series(table.treatment[place])).array,
        columns={
            c: _with_own_labels(v.iloc[place].reset_index(drop=True))
            for c, v in table.columns.items()
        },
        roles=table.roles,
        from_visits=table.from_visits,
        row=table.row[place],
    )


def rows_of_subjects(frame: pd.DataFrame, place: IntArray, ids: pd.Index[Any]) -> pd.DataFrame:
    """Return the events or courses of the subjects at some places, whose identifiers are given."""
    n = len(frame["subject"].cat.categories)
    to = np.full(n + 1, -1, dtype=np.intp)
    to[place] = np.arange(len(place))
    code = to[frame["subject"].cat.codes.to_numpy()]
    rows = frame[code >= 0].reset_index(drop=True)
    rows = rows.assign(**{str(c): _with_own_labels(rows[c]) for c in rows})
    return rows.assign(subject=pd.Categorical.from_codes(code[code >= 0], categories=ids))


def _with_own_labels(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column whose categories no other partition shares: see `task_with`."""
    held = values.array
    if not isinstance(held, pd.Categorical):
        return values
    dtype = pd.CategoricalDtype(held.categories.copy(deep=True), held.ordered)
    return pd.Series(pd.Categorical.from_codes(held.codes, dtype=dtype), name=values.name)
