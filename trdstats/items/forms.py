"""Tables of answered forms, wide or long, into one array of items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arrays import IntArray
from trdstats.columns import check_columns, check_not_empty
from trdstats.errors import DataError, Problem, SpecError, count_of
from trdstats.frames import to_pandas
from trdstats.items.columns import choose_columns, counts_for, read_name
from trdstats.items.values import ItemReader, ItemValues, describe_invalid
from trdstats.scales import Scale

RESERVED = ("score", "items_missing", "items_imputed", "reason", "suicide_item", "flags")


@dataclass(frozen=True, slots=True)
class Forms:
    """Forms of one scale.

    Attributes
    ----------
    frame : pandas.DataFrame
        The other columns of the table, one row a form.
    subject, day : str
        Columns of `frame` with the subject and the visit.
    row : ndarray of int, shape (n_forms,)
        First row of the form in the user's table.
    answers : ItemValues
    """

    frame: pd.DataFrame
    subject: str
    day: str
    row: IntArray
    answers: ItemValues

    def at(self, form: int) -> str:
        """Return the words that name a form."""
        subject, day = self.frame[[self.subject, self.day]].iloc[form]
        when = f"{day:g}" if isinstance(day, int | float | np.number) else str(day)
        return f"{subject} at {self.day} {when} (row {self.row[form]})"


def read_forms(
    table: Any,
    scale: Scale,
    *,
    items: Sequence[str] | Mapping[int, str] | None,
    item: str | None,
    value: str | None,
    subject: str,
    day: str,
    version: str | None,
    keep_invalid: bool,
    labels: Sequence[object] = (),
) -> Forms:
    """Read the forms of a table; `labels` are those of items in other parts of it.

    Raises
    ------
    SpecError
        When the arguments contradict each other.
    DataError
        With every problem of the table; invalid entries are problems unless `keep_invalid`.
    """
    frame = to_pandas(table, what="forms", copied=False)  # what is kept of it is copied below
    if (item is None) != (value is None):
        raise SpecError("A table with one row an item needs both item=... and value=...")
    if item is not None and items is not None:
        raise SpecError("items=... names columns of a table with one row a form; item=... is for "
                        "one row an item: give one of them.")  # fmt: skip
    roles = [("subject", subject), ("day", day)]
    roles += [(n, c) for n, c in (("version", version), ("item", item), ("value", value)) if c]
    problems = check_columns(frame, roles, "forms")
    empty = check_not_empty(frame, "forms")
    _raise([*problems, *([empty] if empty else [])])
    if item is None or value is None:
        forms = _read_wide(frame, scale, items, subject, day)
    else:
        forms = _read_long(frame, scale, item, value, subject, day, version, labels)
    problems = _check_keys(forms)
    if version is not None:
        problems += _check_versions(forms, version, scale)
    if not keep_invalid:
        problems += describe_invalid(forms.answers.invalid_entries, scale, forms.at)
    _raise(problems)
    return forms


def _raise(problems: list[Problem]) -> None:
    if problems:
        raise DataError(problems)


def _read_wide(
    frame: pd.DataFrame,
    scale: Scale,
    items: Sequence[str] | Mapping[int, str] | None,
    subject: str,
    day: str,
) -> Forms:
    # A column with a role cannot be an item as well: "day 1" is not item 1.
    candidates = [str(c) for c in frame.columns if c not in (subject, day)]
    columns = choose_columns(candidates, scale, items)
    reader = ItemReader(scale, len(frame))
    for number in sorted(columns):
        for column in columns[number] if number else []:
            reader.read(number, frame[column])
    used = {c for group in columns.values() for c in group}
    other_columns = frame[[c for c in frame.columns if c not in used]]
    return Forms(
        _rename_reserved(other_columns), subject, day, np.arange(len(frame)), reader.finish()
    )


def _read_long(
    frame: pd.DataFrame,
    scale: Scale,
    item: str,
    value: str,
    subject: str,
    day: str,
    version: str | None,
    elsewhere: Sequence[object],
) -> Forms:
    keys = [subject, day, *([version] if version else [])]
    groups = frame.groupby(keys, sort=False, dropna=False).ngroup()
    form: IntArray = np.asarray(groups, dtype=np.intp)
    first = np.full(form.max() + 1, len(frame), dtype=np.intp)
    np.minimum.at(first, form, np.arange(len(frame)))
    label, labels = pd.factorize(frame[item])
    meaning = {k: _item_of(labels[k], scale) for k in range(len(labels))}
    present = {*meaning.values(), *(_item_of(v, scale) for v in elsewhere)}
    _raise(_check_labels(labels, meaning, label, scale, present))
    reader = ItemReader(scale, len(first))
    repeated: list[int] = []
    for k in sorted(meaning, key=lambda k: (meaning[k] or 0, k)):
        number = meaning[k]
        rows = np.flatnonzero(label == k)
        order = np.argsort(form[rows], kind="stable")
        is_repeat = np.diff(form[rows][order]) == 0
        repeated += rows[order][1:][is_repeat].tolist()
        if number:
            reader.read(number, frame[value].iloc[rows], form[rows])
    _raise(_check_repeats(frame, subject, day, item, sorted(repeated)))
    constant = [
        c for c in frame.columns if c not in (item, value) and _is_constant(frame[c], form, first)
    ]
    form_columns = frame[constant].iloc[first].reset_index(drop=True)
    return Forms(_rename_reserved(form_columns), subject, day, first, reader.finish())


def _item_of(label: object, scale: Scale) -> int | None:
    # 3.0 is item 3: a column of numbers with an empty cell holds floats.
    name = read_name(f"{label:g}" if isinstance(label, float) else label)
    return None if name is None else counts_for(scale, name)


def _is_constant(column: pd.Series[Any], form: npt.NDArray[Any], first: npt.NDArray[Any]) -> bool:
    """Whether a column has one value within each form."""
    code = pd.factorize(column)[0]
    return bool((code == code[first][form]).all())


def _rename_reserved(columns: pd.DataFrame) -> pd.DataFrame:
    """Return columns, renamed where the result has a column of the same name."""
    columns.columns = columns.columns.map(lambda c: f"{c}_given" if c in RESERVED else c)
    return columns


def _check_labels(
    labels: Any,
    meaning: Mapping[int, int | None],
    label: IntArray,
    scale: Scale,
    present: Set[int | None],
) -> list[Problem]:
    unknown = [repr(labels[k]) for k, number in meaning.items() if number is None]
    problems = []
    if unknown:
        problems.append(
            Problem(
                "unknown_item",
                count_of(len(unknown), "label names", "labels name")
                + f" no item of {scale.label} (1 to {len(scale.item_maxima)}).",
                tuple(unknown),
                "Keep the rows of one scale, and label items by their numbers.",
            )
        )
    if (label < 0).any():
        problems.append(
            Problem(
                "missing_item_label",
                count_of(int((label < 0).sum()), "row has", "rows have") + " no item.",
                tuple(f"row {i}" for i in np.flatnonzero(label < 0)[:50]),
                "Name the item of each row, or remove the rows.",
            )
        )
    missing = sorted(set(range(1, len(scale.item_maxima) + 1)) - present)
    if missing and not unknown:
        problems.append(
            Problem(
                "missing_items",
                f"The table has no row for {count_of(len(missing), 'item', 'items')} "
                f"of {scale.label}.",
                tuple(f"item {i}" for i in missing),
                "Is it the right scale? An item without any answer needs rows with empty values.",
            )
        )
    return problems


def _check_repeats(
    frame: pd.DataFrame, subject: str, day: str, item: str, rows: list[int]
) -> list[Problem]:
    if not rows:
        return []
    named = frame[[subject, day, item]].iloc[rows[:50]].itertuples(name=None)
    where = tuple(f"{who} at {day} {when}, item {what} (row {i})" for i, who, when, what in named)
    return [
        Problem(
            "repeated_item",
            count_of(len(rows), "row repeats", "rows repeat") + " an item of a form.",
            where,
            "Keep one row a subject, visit and item; forms of one day need a `version` column or "
            "fractional days.",
        )
    ]


def _check_keys(forms: Forms) -> list[Problem]:
    problems = []
    for role, column in (("subject", forms.subject), ("visit", forms.day)):
        absent = forms.frame[column].isna().to_numpy()
        if absent.any():
            problems.append(
                Problem(
                    f"missing_{role}",
                    count_of(int(absent.sum()), "form names", "forms name") + f" no {role}.",
                    tuple(f"row {forms.row[i]}" for i in np.flatnonzero(absent)[:50]),
                    f"Fill in {column!r}, or remove the rows.",
                )
            )
    return problems


def _check_versions(forms: Forms, version: str, scale: Scale) -> list[Problem]:
    names, versions = forms.frame[forms.subject], forms.frame[version]
    n_versions = versions.groupby(names, sort=False).nunique(dropna=False)
    mixed = n_versions.index[n_versions > 1]
    if not len(mixed):
        return []
    where = tuple(
        f"{name}: "
        + ", ".join(f"{v} at {forms.day} {d}" for v, d in _first_of_each(forms, version, name))
        for name in mixed[:50]
    )
    return [
        Problem(
            "mixed_versions",
            count_of(len(mixed), "subject has", "subjects have")
            + f" forms of several versions; {scale.label} is one of them.",
            where,
            f"Score each version separately: frame[frame[{version!r}] == ...].",
        )
    ]


def _first_of_each(forms: Forms, version: str, name: object) -> list[tuple[object, object]]:
    subject_forms = forms.frame[forms.frame[forms.subject] == name]
    first = subject_forms.drop_duplicates(version)
    return list(zip(first[version], first[forms.day], strict=True))
