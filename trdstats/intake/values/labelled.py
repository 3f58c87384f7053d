"""Codes into labels, and columns that describe subjects or visits into plain values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from trdstats.errors import Problem, count_of
from trdstats.intake.values.entries import (
    NO_LABEL,
    NO_NUMBER,
    Column,
    as_objects,
    drop_missing,
    plain,
)
from trdstats.intake.values.numerals import NumberReader, looks_numeric
from trdstats.kinds import label_of

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_CODE = re.compile(r"[-+]?\d+(?:\.\d+)?")


def with_labels(
    column: Column, labels: Mapping[Any, Any], problems: list[Problem], *, source: str
) -> Column:
    """Return a column with its codes replaced by their labels; codes without one are an error.

    An entry that is a label already stays.
    """
    known = {label_of(code): label for code, label in labels.items()}
    written = {label_of(label): label for label in labels.values()}
    texts = [label_of(v) for v in column.distinct]
    plainly = _by_number(known)
    named = [known.get(t, written.get(t, plainly.get(_as_number(t)))) for t in texts]
    bare = np.fromiter((v is None for v in named), bool, len(named))
    if bare.any():
        rows = column.rows_with(bare)
        codes = sorted({texts[k] or "" for k in np.flatnonzero(bare)})
        problems.append(
            Problem(
                "unlabelled_code",
                f"{column.what} holds "
                + count_of(len(codes), "code", "codes")
                + f" that {source} do not name: {', '.join(map(repr, codes[:12]))} "
                f"({int(rows.sum()):,} rows).",
                column.where(rows),
                f"Name them: labels = {{{_key(column.name)} = {{{_key(codes[0])} = ...}}}}; "
                "or correct the entries.",
            )
        )
        return column
    return _merged(column, named)


def _key(text: str) -> str:
    """Return a key as TOML takes it."""
    return text if _BARE.fullmatch(text) else f'"{text}"'


def _as_number(text: str | None) -> float | None:
    """Return the number a code is, None where it is none: 1, 01 and 1.0 are one code."""
    return float(text) if text and _CODE.fullmatch(text) else None


def _by_number(known: Mapping[str | None, Any]) -> dict[float | None, Any]:
    """Return labels by the number that their code is, where no two codes are the same number."""
    numbers = [x for code in known if (x := _as_number(code)) is not None]
    by_number = {_as_number(code): label for code, label in known.items()}
    return {x: by_number[x] for x in numbers if numbers.count(x) == 1}


def with_scores(column: Column, labels: Mapping[Any, Any]) -> Column:
    """Return a column in which answers given as words are their scores; others stay."""
    known = {label_of(code): score for code, score in labels.items()}
    return _merged(column, [known.get(label_of(v), v) for v in column.distinct])


def _merged(column: Column, values: list[Any]) -> Column:
    """Return a column whose distinct entries became others, equal ones joined."""
    place: dict[Any, int] = {}
    new = np.fromiter((place.setdefault(v, len(place)) for v in values), np.int32, len(values))
    code = np.append(new, np.int32(-1))[column.code]
    return Column(column.name, column.table, code, as_objects(list(place)))


def as_values(
    column: Column,
    reader: NumberReader,
    declared: tuple[Any, ...],
    labels: Mapping[Any, Any] | None,
    from_file: bool,
    collected: list[Problem],
) -> tuple[Column, bool]:
    """Return a column that describes subjects or visits, and whether it holds numbers.

    Parameters
    ----------
    declared : tuple
        Codes for missing.
    labels : mapping or None
        Labels of its codes.
    from_file : bool
        Whether they came with the file; a file may label only some of its codes.
    """
    if labels:
        column = drop_missing(column, declared, NO_LABEL, collected)
        problems: list[Problem] = []
        named = with_labels(
            column, labels, problems, source="the labels of the file" if from_file else "the labels"
        )
        if not from_file or not problems:
            collected += problems
            return named, False
    kind = looks_numeric(drop_missing(column, declared, NO_NUMBER, []))
    if kind is False:
        return drop_missing(column, declared, NO_LABEL, collected), False
    column = drop_missing(column, declared, NO_NUMBER, collected)
    problems = []
    numbers = reader.read(column, problems, level="warning")
    unclear = [p for p in problems if p.kind == "ambiguous_number"]
    if unclear:
        collected += [replace(p, level="warning", summary=f"{p.summary} Kept as text.")
                  for p in unclear]  # fmt: skip
        return column, False
    collected += problems
    if not np.isnan(numbers).any():
        return Column(column.name, column.table, column.code, numbers), True
    mixed = [plain(v) if np.isnan(x) else x for v, x in zip(column.distinct, numbers, strict=True)]
    return Column(column.name, column.table, column.code, as_objects(mixed)), False


def values_of(column: Column, code: Any, is_number: bool) -> Any:
    """Return the values at some places of a column, missing where the place is -1."""
    if is_number:
        whole = column.distinct.astype(float)
        return np.append(whole, np.nan)[code]
    return as_objects([*map(plain, column.distinct), None])[code]
