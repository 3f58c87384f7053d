"""Numbers as they are written: decimal marks and thousands, decided by the whole column."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import Problem, count_of
from trdstats.intake.values.entries import Column, plain
from trdstats.kinds import places

Mark = Literal[".", ","]

_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "’": "'", "`": "'",
                         "−": "-", "–": "-", "‑": "-"})  # fmt: skip
_PLAIN = re.compile(r"[+-]?\d+$")
_BODY: dict[str, re.Pattern[str]] = {
    mark: re.compile(
        rf"[+-]?(?:\d+(?:{d}\d*)?|{d}\d+|[1-9]\d{{0,2}}(?P<mark>[{t} '])\d{{3}}"
        rf"(?:(?P=mark)\d{{3}})*(?:{d}\d+)?)(?:[eE][+-]?\d+)?$"
    )
    for mark, d, t in ((".", r"\.", ","), (",", ",", r"."))
}


@dataclass(frozen=True, slots=True)
class Numerals:
    """How the entries of a column can be read.

    Attributes
    ----------
    point, comma : ndarray, shape (n_values,)
        Numbers with a decimal point, and with a decimal comma; NaN where an entry is none.
    dotted : ndarray of bool, shape (n_values,)
        Entries with a point.
    """

    point: FloatArray
    comma: FloatArray
    dotted: BoolArray

    @property
    def only_point(self) -> BoolArray:
        """Entries that are numbers with a decimal point only."""
        return ~np.isnan(self.point) & np.isnan(self.comma)

    @property
    def only_comma(self) -> BoolArray:
        """Entries that are numbers with a decimal comma only."""
        return np.isnan(self.point) & ~np.isnan(self.comma)

    @property
    def ambiguous(self) -> BoolArray:
        """Entries that are two different numbers, such as 1,234."""
        both = ~np.isnan(self.point) & ~np.isnan(self.comma)
        result: BoolArray = both & (self.point != self.comma)
        return result


def read_numerals(column: Column) -> Numerals:
    """Return both readings of the entries of a column."""
    values = column.distinct
    if values.dtype.kind in "iuf":
        number = values.astype(float)
        return Numerals(number, number, np.zeros(len(values), dtype=bool))
    point = np.full(len(values), np.nan)
    comma, dotted = point.copy(), np.zeros(len(values), dtype=bool)
    for k, value in enumerate(values):
        if isinstance(value, str):
            text = value.translate(_SPACES).replace("- ", "-") if value else value
            if _PLAIN.match(text):
                point[k] = comma[k] = float(text)
                continue
            dotted[k] = "." in text
            point[k] = _read(text, ".", ",")
            comma[k] = _read(text, ",", ".")
        elif not isinstance(value, bool | np.bool_) and np.isscalar(value):
            number = pd.to_numeric(value, errors="coerce")  # type: ignore[call-overload]
            point[k] = comma[k] = float(number)
    return Numerals(point, comma, dotted)


def _read(text: str, decimal: str, thousands: str) -> float:
    match = _BODY[decimal].match(text)
    if match is None:
        return float("nan")
    for mark in (thousands, " ", "'"):
        text = text.replace(mark, "")
    return float(text.replace(decimal, "."))


def has_decimal_comma(column: Column) -> bool:
    """Whether a comma can only be the decimal mark of a column's numbers."""
    if column.distinct.dtype != object:
        return False
    if not any(isinstance(v, str) and "," in v for v in column.distinct):
        return False
    numerals = read_numerals(column)
    read = ~np.isnan(numerals.point) | ~np.isnan(numerals.comma)
    return bool(numerals.only_comma.any() and 2 * read.sum() > len(read))


@dataclass(frozen=True, slots=True)
class NumberReader:
    """What is known of the numbers of an export before a column is looked at.

    Attributes
    ----------
    decimal : {".", ","} or None
        The decimal mark, where the mapping names it.
    thousands : str or None
        The separator of thousands, where the mapping names it.
    elsewhere : str or None
        A column of the export with decimal commas.
    """

    decimal: Mark | None = None
    thousands: str | None = None
    elsewhere: str | None = None

    def read(self, column: Column, problems: list[Problem], *, level: str = "error") -> FloatArray:
        """Return a column as numbers by value; what is none is NaN and reported.

        Parameters
        ----------
        column : Column
            Without codes for missing.
        problems : list of Problem
            Problems and notices are appended.
        level : {"error", "warning"}
            Of entries that are no numbers.
        """
        numerals = read_numerals(column)
        mark = self._mark(column, numerals, problems)
        numbers = numerals.comma if mark == "," else numerals.point
        if mark is None:
            numbers = np.where(np.isnan(numerals.point), numerals.comma, numerals.point)
        wrong = ~np.isfinite(numbers)
        if self.thousands is not None:
            wrong |= self._other_thousands(column)
        if wrong.any():
            problems.append(_not_numbers(column, wrong, level, mark if self.decimal else None))
        _note_marks(column, numbers, numerals, wrong, problems)
        return np.where(wrong, np.nan, numbers)

    def _mark(self, column: Column, numerals: Numerals, problems: list[Problem]) -> Mark | None:
        """Return the decimal mark of a column; None where each entry says its own."""
        if self.decimal is not None:
            return self.decimal
        if self.thousands in (".", ","):
            return "," if self.thousands == "." else "."
        unclear = numerals.ambiguous
        only_point, only_comma = numerals.only_point.any(), numerals.only_comma.any()
        if not unclear.any() or only_point != only_comma:
            return None if only_point and only_comma else ("," if only_comma else ".")
        if not only_point and numerals.dotted[unclear].all() and self.elsewhere is None:
            return "."  # 1.234 in an export without a decimal comma
        problems.append(_ambiguous(column, unclear, numerals, self.elsewhere))
        return "."

    def _other_thousands(self, column: Column) -> BoolArray:
        other = [m for m in (" ", "'", ".", ",") if m not in (self.thousands, self.decimal)]
        if self.decimal is None:
            other = [m for m in other if m in " '"]
        return np.fromiter(
            (isinstance(v, str) and any(m in v.translate(_SPACES) for m in other)
             for v in column.distinct),
            bool, len(column.distinct),
        )  # fmt: skip


def _ambiguous(
    column: Column, unclear: BoolArray, numerals: Numerals, elsewhere: str | None
) -> Problem:
    k = int(np.flatnonzero(unclear)[0])
    hint = f" Column {elsewhere!r} has decimal commas." if elsewhere else ""
    return Problem(
        "ambiguous_number",
        count_of(int(column.counts[unclear].sum()), "entry", "entries")
        + f" of {column.what} can be read in two ways: {plain(column.distinct[k])!r} is "
        f"{numerals.point[k]:g} or {numerals.comma[k]:g}.",
        column.where(column.rows_with(unclear)),
        f'Say which mark is decimal: decimal = "," or decimal = ".".{hint}',
    )


def _not_numbers(column: Column, wrong: BoolArray, level: str, mark: Mark | None) -> Problem:
    percent = np.fromiter((isinstance(v, str) and "%" in v for v in column.distinct), bool,
                          len(column.distinct))  # fmt: skip
    rows = column.rows_with(wrong)
    remedy = "Correct the entries, leave them empty, or name codes for missing: missing = [...]."
    if (percent & wrong).any():
        remedy = "Percent signs are not read: write the number alone, in the unit you mean."
    if mark is not None:
        remedy += f" The mapping says that the decimal mark is {mark!r}."
    return Problem(
        "not_a_number" if level == "error" else "texts_among_numbers",
        count_of(
            int(rows.sum()),
            f"entry of {column.what} is not a number.",
            f"entries of {column.what} are not numbers.",
        ),
        column.where(rows),
        remedy,
        level="error" if level == "error" else "warning",
    )


def _note_marks(
    column: Column,
    numbers: FloatArray,
    numerals: Numerals,
    wrong: BoolArray,
    problems: list[Problem],
) -> None:
    """Note numbers that are not written with plain digits and a decimal point."""
    if column.distinct.dtype != object:
        return
    odd = (
        np.fromiter(
            (isinstance(v, str) and not _usual(v) for v in column.distinct),
            bool,
            len(column.distinct),
        )
        & ~wrong
    )
    if not odd.any():
        return
    k = int(np.flatnonzero(odd)[0])
    commas = "decimal commas" if numerals.only_comma.any() else "other marks"
    if numerals.only_comma.any() and numerals.only_point.any():
        commas = "decimal commas, others decimal points"
    counts = column.counts
    problems.append(
        Problem(
            "number_marks",
            count_of(int(counts[odd].sum()), "entry", "entries")
            + f" of {column.what} written with {commas}: "
            f"{plain(column.distinct[k])!r} is read as {numbers[k]:g}.",
            places(odd, lambda i: f"{plain(column.distinct[i])!r}: {numbers[i]:g}"),
            'If that is wrong, name the marks: decimal = ".", thousands = ",".',
            level="note",
        )
    )


_USUAL = re.compile(r"[+-]?\d+(?:\.\d*)?$|[+-]?\.\d+$")


def _usual(text: str) -> bool:
    return _USUAL.match(text) is not None


def looks_numeric(column: Column) -> bool | None:
    """Whether a column holds numbers: True for all of it, None for most, False otherwise.

    Numbers with leading zeros, such as 007, are labels.
    """
    values = column.distinct
    if values.dtype.kind in "iuf":
        return True
    if values.dtype != object or not len(values):
        return False
    if any(isinstance(v, str) and len(v) > 1 and v[0] == "0" and v[1:].isdigit() for v in values):
        return False
    numerals = read_numerals(column)
    read = ~np.isnan(numerals.point) | ~np.isnan(numerals.comma)
    if read.all():
        return True
    counts = column.counts
    return None if counts[read].sum() > counts[~read].sum() else False


def column_with_commas(columns: Iterable[Column]) -> str | None:
    """Return the name of the first column with decimal commas, None where there is none."""
    return next((c.name for c in columns if has_decimal_comma(c)), None)
