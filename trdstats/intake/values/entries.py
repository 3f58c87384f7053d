"""Columns of an export by their distinct entries: whatever is read of one is read once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import Problem, count_of
from trdstats.kinds import BLANKS, label_of, places

# What programs write into an empty cell of numbers or dates, and of text.
NO_NUMBER = frozenset({"na", "n/a", "nan", "nat", "null", "none", "#n/a", ".", "-", "–"})
NO_LABEL = frozenset({"na", "n/a", "nan", "null", "#n/a"})

Codes = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its distinct entries.

    Attributes
    ----------
    name, table : str
        Where it stands, for messages.
    code : ndarray of int, shape (n_rows,)
        Place among `distinct`, -1 where the cell is empty.
    distinct : ndarray, shape (n_values,)
        Distinct entries; texts without blanks at their ends.
    """

    name: str
    table: str
    code: Codes
    distinct: npt.NDArray[Any]

    @property
    def what(self) -> str:
        """The column in words."""
        return f"`{self.table}` column {self.name!r}"

    @property
    def counts(self) -> npt.NDArray[np.intp]:
        """Rows with each value, shape (n_values,)."""
        return np.bincount(self.code[self.code >= 0], minlength=len(self.distinct))

    def spread(self, of_value: FloatArray) -> FloatArray:
        """Return numbers by value as numbers by row, NaN where the cell is empty."""
        return np.append(of_value, np.nan)[self.code]

    def rows_with(self, marked: BoolArray) -> BoolArray:
        """Return the rows whose value is marked."""
        return np.append(marked, False)[self.code]

    def where(self, rows: BoolArray, more: Callable[[int], str] | None = None) -> tuple[str, ...]:
        """Return the marked rows in words, with what they hold."""

        def place(i: int) -> str:
            entry = f"{plain(self.distinct[self.code[i]])!r} in row {i}" if self.code[i] >= 0 else (
                f"row {i}"
            )  # fmt: skip
            return f"{more(i)}: {entry}" if more else entry

        return places(rows, place)

    def without(self, left: BoolArray) -> Column:
        """Return the column with some values made empty."""
        place = np.append(np.where(left, -1, np.cumsum(~left) - 1), -1).astype(np.int32)
        return Column(self.name, self.table, place[self.code], self.distinct[~left])


def plain(value: Any) -> Any:
    """Return a value of NumPy as one of Python, whole numbers without decimals."""
    if isinstance(value, np.generic):
        value = value.item()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def read_column(values: pd.Series[Any], table: str) -> Column:
    """Return a column by its distinct entries; blank texts are empty cells."""
    column = _stripped(values, table)
    unused = column.counts == 0  # levels that no row holds
    return column.without(unused) if unused.any() else column


def _stripped(values: pd.Series[Any], table: str) -> Column:
    if isinstance(values.dtype, pd.CategoricalDtype):
        code, distinct = values.cat.codes.to_numpy(), values.cat.categories
    else:
        code, distinct = pd.factorize(values)
    known = np.asarray(distinct.astype(object) if _is_special(distinct) else distinct)
    rows: Codes = np.asarray(code, dtype=np.int32)
    if known.dtype != object or not any(isinstance(v, str) for v in known):
        return Column(str(values.name), table, rows, known)
    stripped = [v.strip(BLANKS) if isinstance(v, str) else v for v in known]
    if all(a is b or a == b for a, b in zip(stripped, known, strict=True)) and "" not in stripped:
        return Column(str(values.name), table, rows, known)
    place: dict[Any, int] = {}
    new = np.fromiter(
        (-1 if v == "" else place.setdefault((type(v), v), len(place)) for v in stripped),
        np.int32,
        len(stripped),
    )
    return Column(
        str(values.name), table, np.append(new, np.int32(-1))[rows],
        as_objects([v for _, v in place]),
    )  # fmt: skip


def _is_special(distinct: Any) -> bool:
    dtype = distinct.dtype
    return not isinstance(dtype, np.dtype) or dtype.kind == "M"


def as_objects(values: Sequence[Any]) -> npt.NDArray[np.object_]:
    """Return values as an array of objects, one each."""
    result = np.empty(len(values), dtype=object)
    result[:] = list(values)
    return result


def drop_missing(
    column: Column,
    declared: Iterable[Any],
    usual: frozenset[str],
    problems: list[Problem],
) -> Column:
    """Return the column with codes for missing made empty; each code is counted.

    Parameters
    ----------
    declared : iterable
        Codes the mapping names: numbers and texts.
    usual : frozenset of str
        Texts that programs write for an empty cell, in small letters.
    """
    codes = {label_of(c) for c in declared} - {None}
    if not codes and column.distinct.dtype != object:
        return column
    left = np.fromiter(
        (
            (isinstance(v, str) and v.casefold() in usual)
            or (bool(codes) and (label_of(v) in codes or _as_number(v) in codes))
            for v in column.distinct
        ),
        bool,
        len(column.distinct),
    )
    if not left.any():
        return column
    counts = column.counts
    listed = [
        f"{plain(column.distinct[k])!r}: {counts[k]:,}" for k in np.flatnonzero(left) if counts[k]
    ]
    problems.append(
        Problem(
            "missing_codes",
            count_of(int(counts[left].sum()), "entry", "entries")
            + f" of {column.what} stand for a missing value: taken as empty.",
            tuple(listed),
            "Where one is a value, give its column its own codes: missing = {column = [...]}.",
            level="note",
        )
    )
    return column.without(left)


def _as_number(value: Any) -> str | None:
    """Return the label of the number a text spells, so that "-9.0" and "−9" are the code -9."""
    if not isinstance(value, str):
        return None
    try:
        return label_of(float(value.replace("−", "-").replace(",", ".")))
    except ValueError:
        return None
