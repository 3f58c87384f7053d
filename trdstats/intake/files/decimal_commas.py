"""Texts that are numbers with decimal commas."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from trdstats.errors import Problem
from trdstats.intake.files.file_table import FileTable

_ONE_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")
_THOUSANDS = re.compile(r"\s*[+-]?[1-9]\d{0,2}(,\d{3})+\s*")
_MAYBE = re.compile(rf"\s*[+-]?\d+(,\d+)?\s*|{_THOUSANDS.pattern}")
_DOTS = re.compile(r"\s*[+-]?[1-9]\d{0,2}(\.\d{3})+\s*")
_LOOKED_AT = 200


def read_decimal_commas(table: FileTable, text: Collection[str]) -> FileTable:
    """Return a table in which columns of numbers with decimal commas are numbers.

    A column is one only if all its values are. 1,234 may be a thousand: it is read where another
    value of the file shows that commas are decimal marks, and else stays text, with a warning.

    Parameters
    ----------
    table : FileTable
    text : collection of str
        Columns that stay as they are.
    """
    read, unclear = read_and_unclear([commas_of(table.frame, text)])
    if not (read or unclear):
        return table
    return replace(
        table, frame=with_numbers(table.frame, read),
        notices=(*table.notices, *notices_of_commas(read, unclear)),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Commas:
    """Where a table has commas in numbers.

    Attributes
    ----------
    single : dict of str to bool
        Columns of numbers with commas: whether each has one comma at most.
    decisive : bool
        Whether a value of the table shows that commas are decimal marks.
    texts : frozenset of str
        Columns of other texts.
    """

    single: dict[str, bool]
    decisive: bool
    texts: frozenset[str]


def commas_of(frame: pd.DataFrame, text: Collection[str]) -> Commas:
    """Return where a table has commas in numbers.

    Parameters
    ----------
    frame : pandas.DataFrame
    text : collection of str
        Columns that stay as they are.
    """
    columns = [c for c in frame.columns if c not in text and frame[c].dtype == object]
    distinct = {str(c): _distinct_numbers(frame[c]) for c in columns}
    numbers = {c: commas for c, v in distinct.items() if (commas := _with_commas(v))}
    single = {c: all(map(_ONE_COMMA.fullmatch, values)) for c, values in numbers.items()}
    decisive = any(
        one and not all(map(_THOUSANDS.fullmatch, numbers[c])) for c, one in single.items()
    )
    texts = frozenset(c for c, values in distinct.items() if values is None)
    return Commas(single, decisive, texts)


def read_and_unclear(tables: Sequence[Commas]) -> tuple[list[str], list[str]]:
    """Return the columns whose commas are decimal marks, and those that stay text, of all tables.

    Parameters
    ----------
    tables : sequence of Commas
        Of the files of one table: what a value of one shows holds for all.
    """
    texts = frozenset[str]().union(*(table.texts for table in tables))
    numbers = dict.fromkeys(c for table in tables for c in table.single if c not in texts)
    decisive = any(table.decisive for table in tables)
    read = [c for c in numbers if decisive and all(t.single.get(c, True) for t in tables)]
    return read, [c for c in numbers if c not in read]


def with_numbers(frame: pd.DataFrame, columns: Collection[str]) -> pd.DataFrame:
    """Return a table in which some columns with decimal commas are numbers."""
    texts = [c for c in frame.columns if str(c) in columns and frame[c].dtype == object]
    if not texts:
        return frame
    frame = frame.copy(deep=False)
    for column in texts:
        frame[column] = pd.to_numeric(frame[column].str.replace(",", ".", regex=False))
    return frame


def has_decimal_commas(frame: pd.DataFrame) -> bool:
    """Return whether commas can only be decimal marks in some column of a table."""
    return any(
        all(map(_ONE_COMMA.fullmatch, v)) and not all(map(_THOUSANDS.fullmatch, v))
        for c in frame.columns
        if frame[c].dtype == object and (v := _with_commas(_distinct_numbers(frame[c])))
    )


def may_hold_thousands(values: pd.Series[Any]) -> bool:
    """Return whether each point in a column of texts may separate thousands, as in 1.234."""
    dotted = [v for v in values.dropna().unique() if "." in v]
    return bool(dotted) and all(map(_DOTS.fullmatch, dotted))


def _distinct_numbers(values: pd.Series[Any]) -> list[str] | None:
    """Return the distinct values of a column all of whose values may be numbers, None of others."""
    if not all(map(_may_be_number, values.iloc[:_LOOKED_AT].dropna())):
        return None  # text, as most such columns are: the rest need not be looked at
    distinct = pd.Series(values.unique()).dropna().tolist()
    return distinct if all(map(_may_be_number, distinct)) else None


def _with_commas(distinct: list[str] | None) -> list[str]:
    return [v for v in distinct or () if "," in v]


def _may_be_number(value: object) -> bool:
    return isinstance(value, str) and _MAYBE.fullmatch(value) is not None


def notices_of_commas(read: list[str], unclear: list[str]) -> tuple[Problem, ...]:
    """Return what is to be said of columns that were read, and of others."""
    notices = []
    if read:
        notices.append(
            Problem(
                "decimal_commas",
                "Commas in numbers were read as decimal marks.",
                tuple(map(repr, read)),
                "Where they are not, write the numbers with decimal points.",
                level="note",
            )
        )
    if unclear:
        notices.append(
            Problem(
                "unclear_commas",
                "Commas may be decimal marks or separate thousands (1,234): kept as text.",
                tuple(map(repr, unclear)),
                "Write these numbers without separators of thousands, with a decimal point.",
                level="warning",
            )
        )
    return tuple(notices)
