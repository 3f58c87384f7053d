"""Who is in the study: one row a subject, from a table of subjects or from the visits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.errors import Problem
from trdstats.study import checks
from trdstats.study.roles import Roles


@dataclass(frozen=True, slots=True)
class SubjectTable:
    """Subjects in the order of their identifiers.

    Attributes
    ----------
    ids : pandas.Index
        Identifiers, sorted, unique.
    treatment : pandas.Categorical
        Treatment of each subject.
    columns : dict of str to pandas.Series
        The user's columns that describe subjects, one value a subject.
    roles : frozenset of str
        Columns among them that have a canonical name.
    from_visits : tuple of str
        Columns taken from the visits table, when there is no table of subjects.
    row : ndarray of int
        Row of the user's table that describes each subject.
    """

    ids: pd.Index[Any]
    treatment: pd.Categorical
    columns: dict[str, pd.Series[Any]]
    roles: frozenset[str]
    from_visits: tuple[str, ...]
    row: npt.NDArray[np.intp]


def subjects_from_table(frame: pd.DataFrame, roles: Roles, found: list[Problem]) -> SubjectTable:
    """Return the subjects of a table with one row each; problems are appended to `found`."""
    ids = frame[roles.subject]
    missing = checks.missing_identifiers(ids)
    repeated = ids.duplicated().to_numpy(dtype=bool) & ~missing
    names = ids.to_numpy(dtype=object)
    for problem in (
        checks.check_identifiers(missing, "subjects"),
        checks.check_subject_rows(names, repeated),
    ):
        if problem is not None:
            found.append(problem)
    kept = np.flatnonzero(~missing & ~repeated)
    kept = kept[_sort_order(names[kept])]
    return _assemble(frame, roles, kept, names, frame.columns, (), found)


def subjects_from_visits(frame: pd.DataFrame, roles: Roles, found: list[Problem]) -> SubjectTable:
    """Return the subjects of a table of visits.

    A column that never changes within a subject describes the subject; treatment and baseline
    must not change.
    """
    ids = frame[roles.subject]
    names = ids.to_numpy(dtype=object)
    code, _ = pd.factorize(ids.mask(checks.missing_identifiers(ids)))
    first = np.flatnonzero(~ids.duplicated().to_numpy(dtype=bool) & (code >= 0))
    must = {roles.treatment, *(m.baseline for m in roles.measures if m.baseline is not None)}
    taken = {roles.subject, roles.day, roles.instrument, *(m.score for m in roles.measures)}
    constant = []
    for column in frame.columns:
        if column in taken and column not in must:
            continue
        values, _ = pd.factorize(frame[column], use_na_sentinel=True)
        lead = np.zeros(len(first) + 1, dtype=values.dtype)
        lead[code[first]] = values[first]
        varies = (values != lead[code]) & (code >= 0)
        if not varies.any():
            constant.append(str(column))
        elif column in must:
            who = np.zeros(len(first), dtype=bool)
            who[code[varies]] = True
            problem = checks.check_constant(names[first], who, str(column))
            found += [problem] if problem is not None else []
            constant.append(str(column))
    kept = first[_sort_order(names[first])]
    return _assemble(frame, roles, kept, names, constant, tuple(constant), found)


def code_rows(
    values: pd.Series[Any], people: SubjectTable, table: str, found: list[Problem]
) -> npt.NDArray[np.intp]:
    """Return the position of each row's subject, -1 where it has none; says which and why."""
    missing = checks.missing_identifiers(values)
    code = np.asarray(people.ids.get_indexer(pd.Index(values.infer_objects())), dtype=np.intp)
    code[missing] = -1
    for problem in (
        checks.check_identifiers(missing, table),
        checks.check_known_subjects(
            values.to_numpy(dtype=object), (code < 0) & ~missing, people.ids, table
        ),
    ):
        if problem is not None:
            found.append(problem)
    return code


def _assemble(
    frame: pd.DataFrame,
    roles: Roles,
    kept: npt.NDArray[np.intp],
    names: npt.NDArray[np.object_],
    columns: Any,
    from_visits: tuple[str, ...],
    found: list[Problem],
) -> SubjectTable:
    ids = pd.Index(frame[roles.subject].iloc[kept].infer_objects())
    if isinstance(ids, pd.CategoricalIndex):
        ids = pd.Index(names[kept])
    raw = frame[roles.treatment].iloc[kept]
    label = raw.map(_label)
    problems = (
        checks.check_treatment(names[kept], label.isna().to_numpy(dtype=bool), kept),
        checks.check_labels(raw, label, roles.treatment),
    )
    found += [p for p in problems if p is not None]
    order = raw.cat.categories.map(_label) if isinstance(raw.dtype, pd.CategoricalDtype) else None
    present = set(label.dropna())
    levels = (
        sorted(present) if order is None else list(dict.fromkeys(t for t in order if t in present))
    )
    baselines = {m.baseline for m in roles.measures if m.baseline is not None}
    # The primary baseline has a canonical column; those of other scales keep their own.
    primary = roles.measures[0].baseline
    return SubjectTable(
        ids=ids.rename("subject"),
        treatment=pd.Categorical(label.astype(object), categories=levels),
        columns={
            str(c): frame[c].iloc[kept].reset_index(drop=True)
            for c in columns
            if c != roles.subject or c in baselines
        },
        roles=frozenset({roles.subject, roles.treatment, *([primary] if primary else [])}),
        from_visits=from_visits,
        row=kept,
    )


def _label(value: Any) -> str | None:
    """Return a treatment as text; empty and missing are None."""
    if value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NA:
        return None
    if isinstance(value, float | np.floating):
        return str(int(value)) if float(value).is_integer() else str(value)
    text = str(value).strip()
    return text or None


def _sort_order(names: npt.NDArray[np.object_]) -> npt.NDArray[np.intp]:
    try:
        return np.argsort(names, kind="stable")
    except TypeError:  # identifiers of mixed kinds have no order of their own
        return np.argsort(names.astype(str), kind="stable")
