"""Who is in a divided study: subjects of every partition, decided once for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import IntArray
from trdstats.errors import Problem
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
    if lacks or not len(table):
        none = pd.DataFrame({roles.subject: []}, dtype=object)
        return SubjectsOfPart(number, len(table), none, lacks if len(table) else (), names)
    if not described:
        ids = table[roles.subject]
        known = ids[~identifiers.missing_identifiers(ids)].drop_duplicates()
        return SubjectsOfPart(number, len(table), known.to_frame(), (), names)
    described_by, _ = subjects_from_visits(table, roles, problems)
    columns = {c: v for c, v in described_by.columns.items() if c != roles.subject}
    frame = pd.DataFrame({roles.subject: described_by.ids.to_numpy(), **columns})
    # Treatments written in two ways may meet in two partitions: all are looked at together.
    kept = tuple(p for p in problems if p.kind != "mixed_treatment")
    return SubjectsOfPart(number, len(table), frame, kept, names)


def columns_of_some(parts: Sequence[SubjectsOfPart]) -> tuple[dict[Any, Any], list[Problem]]:
    """Return the columns of all partitions with their types, and those that only some have."""
    names: dict[Any, Any] = {}
    for part in parts:
        names = part.columns | names
    names = {c: names[c] for part in parts for c in part.columns}
    problems = []
    for c in names:
        lacking = [part for part in parts if c not in part.columns]
        if not lacking:
            continue
        one, rows = len(lacking) == 1, sum(part.rows for part in lacking)
        where = "partition" if one else "partitions"
        problems.append(
            Problem(
                "columns_of_some",
                f"`visits` have a column {c!r} only in some partitions: it is missing in "
                f"{rows:,} rows of {len(lacking):,} {where}.",
                tuple(f"partition {part.number}" for part in lacking),
                "Where the column has another name there, name it alike in all.",
                level="warning",
            )
        )
    return names, problems


def with_columns(visits: pd.DataFrame, types: Mapping[Any, Any]) -> pd.DataFrame:
    """Return a partition with all columns; those that it has not are missing."""
    given = {c: visits[c] for c in types if c in visits}
    missing = np.full(len(visits), np.nan)
    for c in types:
        if c not in given:
            dtype = types[c]
            # Whole numbers and truth values have no missing entry of their own.
            if isinstance(dtype, np.dtype) and dtype.kind in "iub":
                dtype = np.dtype(object if dtype.kind == "b" else float)
            given[c] = pd.Series(missing, index=visits.index, dtype=object).astype(dtype)
    return pd.DataFrame({c: given[c] for c in types}, index=visits.index)


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
    given = [p.frame for p in parts if p.rows]
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
        treatment=table.treatment[place],
        columns={c: v.iloc[place].reset_index(drop=True) for c, v in table.columns.items()},
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
    return rows.assign(subject=pd.Categorical.from_codes(code[code >= 0], categories=ids))
