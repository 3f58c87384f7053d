"""Who is in the study: one row a subject, from a table of subjects or from the visits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.columns import numbers
from trdstats.errors import Problem, add_problems, count_of
from trdstats.kernels.visits.blocks import holds_anywhere, rows_where
from trdstats.kernels.visits.runs import first_of_runs
from trdstats.kinds import as_labels, places
from trdstats.study.checks import identifiers
from trdstats.study.checks.values import check_constant, check_labels, check_treatment
from trdstats.study.plausibility.lookalikes import folded
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
    row: IntArray


def subjects_from_table(frame: pd.DataFrame, roles: Roles, problems: list[Problem]) -> SubjectTable:
    """Return the subjects of a table with one row each; problems are appended to `found`."""
    ids = frame[roles.subject]
    missing = identifiers.missing_identifiers(ids)
    repeated = ids.duplicated().to_numpy(dtype=bool) & ~missing
    names = ids.to_numpy(dtype=object)
    add_problems(
        problems,
        identifiers.check_identifiers(missing, "subjects"),
        identifiers.check_subject_rows(names, repeated),
    )
    kept = np.flatnonzero(~missing & ~repeated)
    kept = kept[_sort_order(names[kept])]
    return _assemble(frame, roles, kept, frame.columns, (), problems)


def subjects_from_visits(
    frame: pd.DataFrame, roles: Roles, collected: list[Problem]
) -> tuple[SubjectTable, IntArray]:
    """Return the subjects of a table of visits, and the subject of each row.

    A column that never changes within a subject describes the subject, also where it is filled in
    from the first visit on and empty at some later ones; treatment and baseline must not change.
    """
    ids = frame[roles.subject]
    missing = identifiers.missing_identifiers(ids)
    code, first, together = _numbered(ids.mask(missing) if missing.any() else ids)
    must = {roles.treatment, *(m.baseline for m in roles.measures if m.baseline is not None)}
    taken = {roles.subject, roles.day, roles.instrument, *(m.score for m in roles.measures)}
    changing: list[Any] = []
    constant: list[Any] = []
    whole = frame.copy(deep=False)
    for column in frame.columns:
        if column in taken and column not in must:
            continue
        stays = together and never_changes(frame[column], code)
        (constant if stays else changing).append(column)
    start = _earliest(frame, roles, code, len(first)) if changing else first
    names = ids.iloc[first].array
    for column in changing:
        values, _ = pd.factorize(frame[column], use_na_sentinel=True)
        lead = values[start[code]]
        varies = (values != lead) & (code >= 0)
        if column not in must:
            varies &= values >= 0  # an empty entry does not differ from what is known before it
        if not varies.any():
            constant.append(column)
            if (values != lead).any():
                filled = frame[column].array.take(start[code])
                whole[column] = pd.Series(filled, index=frame.index)
        elif column in must:
            who = np.zeros(len(first), dtype=bool)
            who[code[varies]] = True
            rows = np.flatnonzero(varies)[::-1]
            pair = np.column_stack([start, start])
            pair[code[rows], 1] = rows  # the first row that differs stays
            add_problems(collected, check_constant(names, who, str(column), frame[column], pair))
            constant.append(column)
    described = tuple(str(c) for c in frame.columns if c in set(constant))
    order = _sort_order(names)
    add_problems(collected, identifiers.check_identifiers(missing, "visits"))
    table = _assemble(whole, roles, first[order], described, described, collected)
    if (order == np.arange(len(order))).all():
        return table, code
    # The last place is that of rows without a subject.
    place = np.full(len(first) + 1, -1, dtype=np.intp)
    place[order] = np.arange(len(first))
    return table, place[code]


def _numbered(ids: pd.Series[Any]) -> tuple[IntArray, IntArray, bool]:
    """Return the identifier of each row as a number, 0, 1, ... as they appear, -1 without one.

    Returns
    -------
    code : ndarray of int, shape (n_rows,)
    first : ndarray of int, shape (n_subjects,)
        The first row of each.
    together : bool
        Whether the rows of each subject follow each other; see `lie_together`.
    """
    row = identifiers.changes(ids)
    if row is None:
        code = np.asarray(pd.factorize(ids)[0], dtype=np.intp)
        return code, _first_rows(code), lie_together(code)
    # Rows of a subject mostly follow each other: each run is looked up once.
    heads = ids.iloc[row]
    code = np.arange(len(row)) if _rises(heads) else np.asarray(pd.factorize(heads)[0], np.intp)
    first, together = row[_first_rows(code)], lie_together(code)
    return np.repeat(code, np.diff(row, append=len(ids))), first, together


def _rises(values: pd.Series[Any]) -> bool:
    """Return whether plain numbers rise, so that none occurs twice and none is missing."""
    if not isinstance(values.dtype, np.dtype) or values.dtype.kind not in "iuf":
        return False
    held = values.to_numpy()
    ends = np.isfinite(held[[0, -1]]).all() if len(held) else False
    return bool(ends) and not holds_anywhere(lambda v, w: ~(v > w), held[1:], held[:-1])


def _first_rows(code: IntArray) -> IntArray:
    """Return the first row of each code 0, 1, ..., which are numbered as they appear."""
    row = first_of_runs(code)
    # A code is above all before it where it appears for the first time.
    highest = np.maximum.accumulate(code[row])
    return row[np.diff(highest, prepend=-1) > 0]


def lie_together(code: IntArray) -> bool:
    """Return whether the rows of each subject follow each other; -1 counts as one more subject."""
    heads = code[first_of_runs(code)]
    return not len(heads) or int(np.bincount(heads + 1).max()) == 1


def never_changes(values: pd.Series[Any], code: IntArray) -> bool:
    """Return whether all rows of each subject have one value, where they lie together.

    A quick look: False also where an exact one is needed.
    """
    row = identifiers.changes(values)
    return row is not None and bool((code[row[1:]] != code[row[1:] - 1]).all())


def _earliest(frame: pd.DataFrame, roles: Roles, code: IntArray, n: int) -> IntArray:
    """Return the row of each subject's earliest day, shape (n,)."""
    day, _ = numbers(frame[roles.day])
    if is_sorted(code, day) and len(code) and code[0] >= 0:
        return _first_rows(code)
    order = np.lexsort((day, code))
    order = order[code[order] >= 0]
    index = np.zeros(n, dtype=np.intp)
    index[code[order[::-1]]] = order[::-1]
    return index


def code_rows(
    values: pd.Series[Any], subject_table: SubjectTable, table: str, problems: list[Problem]
) -> IntArray:
    """Return the position of each row's subject, -1 where it has none; says which and why."""
    missing = identifiers.missing_identifiers(values)
    code = np.asarray(
        subject_table.ids.get_indexer(pd.Index(values.infer_objects())), dtype=np.intp
    )
    code[missing] = -1
    unknown = (code < 0) & ~missing
    add_problems(
        problems,
        identifiers.check_identifiers(missing, table),
        identifiers.check_known_subjects(values.array, unknown, subject_table.ids, table),
    )
    return code


def note_other_treatment(
    given: pd.Series[Any], code: IntArray, subject_table: SubjectTable
) -> Problem | None:
    """Note subjects whose visits name another treatment than the table of subjects does.

    Parameters
    ----------
    given : Series
        Treatment as the visits have it.
    code : ndarray of int, shape (n_rows,)
        Subject of each row, -1 where it is not known.
    """
    if not len(subject_table.ids):
        return None  # rows of a partition, none of which names a subject
    labels = as_labels(given)
    of_visit, of_subject = labels.cat.codes.to_numpy(), subject_table.treatment.codes[code]
    names = [folded(c) for c in subject_table.treatment.categories]
    # The last row and column stand for what is not known: that differs from nothing.
    same = np.ones((len(labels.cat.categories) + 1, len(names) + 1), dtype=bool)
    same[:-1, :-1] = [[folded(c) == name for name in names] for c in labels.cat.categories]
    other = ~same[of_visit, of_subject] & (code >= 0)
    who = np.zeros(len(subject_table.ids), dtype=bool)
    who[code[other]] = True
    if not who.any():
        return None
    return Problem(
        "other_treatment",
        f"`visits` column {str(given.name)!r} names another treatment than `subjects` for "
        + count_of(int(who.sum()), "subject", "subjects")
        + ": that of `subjects` counts.",
        places(
            who, lambda i: f"{subject_table.ids[i]}: {subject_table.treatment[i]} in `subjects`"
        ),
        "If one table is wrong, correct it; a switch of treatment belongs among the courses or "
        "events.",
        level="warning",
    )


def _assemble(
    frame: pd.DataFrame,
    roles: Roles,
    kept: IntArray,
    columns: Any,
    from_visits: tuple[str, ...],
    collected: list[Problem],
) -> SubjectTable:
    given = frame[roles.subject].iloc[kept]
    ids = pd.Index(given.infer_objects())
    if isinstance(ids, pd.CategoricalIndex):
        ids = pd.Index(given.to_numpy(dtype=object))
    raw = frame[roles.treatment].iloc[kept]
    treatment = as_labels(raw)
    add_problems(
        collected,
        check_treatment(given.array, treatment.isna().to_numpy(dtype=bool), kept),
        check_labels(raw, treatment, roles.treatment),
    )
    baselines = {m.baseline for m in roles.measures if m.baseline is not None}
    # The primary baseline has a canonical column; those of other scales keep their own.
    primary = roles.measures[0].baseline
    return SubjectTable(
        ids=ids.rename("subject"),
        treatment=pd.Categorical(treatment),
        columns={
            str(c): frame[c].iloc[kept].reset_index(drop=True)
            for c in columns
            if c != roles.subject or c in baselines
        },
        roles=frozenset({roles.subject, roles.treatment, *([primary] if primary else [])}),
        from_visits=from_visits,
        row=kept,
    )


def is_sorted(code: IntArray, day: FloatArray) -> bool:
    """Return whether rows are in order of subject and day."""
    if holds_anywhere(np.less, code[1:], code[:-1]):
        return False
    # Days fall back where another subject begins, and nowhere else.
    row = rows_where(lambda d, earlier: ~(d >= earlier), day[1:], day[:-1])
    return bool((code[row] < code[row + 1]).all())


def _sort_order(names: npt.NDArray[np.object_]) -> IntArray:
    try:
        return np.argsort(names, kind="stable")
    except TypeError:  # identifiers of mixed kinds have no order of their own
        return np.argsort(names.astype(str), kind="stable")
