"""Sheets of a workbook into tables: one row of names, then values."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.errors import DataError, Problem, SpecError, argument, count_of, unknown_name
from trdstats.intake.files.edges import check_names, without_empty_edges
from trdstats.intake.files.file_table import FileTable

FORMULA_ERRORS = frozenset({
    "#N/A", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!",
    "#GETTING_DATA", "#FIELD!", "#BUSY!",
})  # fmt: skip
_LISTED = 50


@dataclass(frozen=True)
class Grid:
    """The cells of a sheet.

    Attributes
    ----------
    rows : list of tuple
        Values, None where a cell is empty; all rows are equally long.
    merged : tuple of str
        Ranges of merged cells, such as ``"A1:D1"``.
    uncalculated : tuple of str
        Cells with a formula whose value is not stored.
    """

    rows: Sequence[tuple[Any, ...]]
    merged: tuple[str, ...] = ()
    uncalculated: tuple[str, ...] = ()


def pick_sheet(sheet: str | None, names: Sequence[str], name: str) -> str:
    """Return the sheet that is named, or the only one.

    Raises
    ------
    SpecError
        When there are several and none is named.
    UnknownNameError
        When there is no such sheet.
    """
    if sheet is None and len(names) == 1:
        return names[0]
    if sheet is None:
        listed = ", ".join(map(repr, names))
        raise SpecError(
            f"{name!r} has {len(names)} sheets: {listed}. Name one: "
            f"{argument('sheet', repr(names[0]))}."
        )
    if sheet not in names:
        raise unknown_name(f"sheet of {name!r}", sheet, names)
    return sheet


def read_grid(grid: Grid, text: Collection[str], what: str) -> FileTable:
    """Return the table in a sheet.

    Parameters
    ----------
    grid : Grid
    text : collection of str
        Columns whose whole numbers are written as text, such as identifiers.
    what : str
        Workbook and sheet, for messages.

    Raises
    ------
    DataError
        When cells are merged, the first row does not name every column, names are shared, or
        formulas have no value.
    """
    rows, first_row, first_column = _filled(grid.rows)
    problems = _check_cells(grid, what)
    if not rows:
        problems.append(
            Problem("empty_sheet", f"{what} is empty.", (), "Name the sheet that holds the table.")
        )
    else:
        problems += _check_header(rows, first_row, first_column, what)
    if problems:
        raise DataError(problems)
    names = ["" if v is None else str(v) for v in rows[0]]
    check_names(names, what)
    labels = [n or f"Unnamed: {i}" for i, n in enumerate(names)]
    body, errors = _without_errors(rows[1:], labels, first_row, what)
    columns = zip(*body, strict=True) if body else [[] for _ in labels]
    frame = pd.DataFrame(
        {n: _column(values, n in text) for n, values in zip(labels, columns, strict=True)}
    )
    frame, empty = without_empty_edges(frame, ())
    return FileTable(frame, notices=(*errors, *empty))


def column_letter(index: int) -> str:
    """Return the letters of a column, counted from 0: ``A``, ..., ``Z``, ``AA``."""
    letters, index = "", index + 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _filled(rows: Sequence[tuple[Any, ...]]) -> tuple[list[tuple[Any, ...]], int, int]:
    """Return the rows from the first to the last that holds something, and where they begin."""
    there = [i for i, row in enumerate(rows) if any(v is not None for v in row)]
    if not there:
        return [], 0, 0
    kept = rows[there[0] : there[-1] + 1]
    used = sorted({j for row in kept for j, v in enumerate(row) if v is not None})
    low, high = used[0], used[-1] + 1
    return [row[low:high] for row in kept], there[0], low


def _check_cells(grid: Grid, what: str) -> list[Problem]:
    problems = []
    if grid.merged:
        problems.append(
            Problem(
                "merged_cells",
                f"{what} has merged cells, of which only the first holds a value.",
                grid.merged[:_LISTED],
                "Unmerge them and fill every cell; the header is one row with a name a column.",
            )
        )
    if grid.uncalculated:
        problems.append(
            Problem(
                "uncalculated",
                f"{what}: "
                + count_of(len(grid.uncalculated), "formula has", "formulas have")
                + " no stored value.",
                grid.uncalculated[:_LISTED],
                "Open the workbook in the program it was made for and save it.",
            )
        )
    return problems


def _check_header(
    rows: list[tuple[Any, ...]], first_row: int, first_column: int, what: str
) -> list[Problem]:
    lacking = [
        j
        for j, name in enumerate(rows[0])
        if name is None and any(row[j] is not None for row in rows[1:])
    ]
    if not lacking:
        return []
    likely = next((i for i, row in enumerate(rows) if all(isinstance(v, str) for v in row)), None)
    remedy = (
        "Name every column in the first row."
        if likely is None
        else f"Row {first_row + likely + 1} looks like the header: delete the rows above it."
    )
    return [
        Problem(
            "header",
            f"{what}: row {first_row + 1} should be the header, and names "
            f"{len(rows[0]) - len(lacking)} of {len(rows[0])} columns.",
            tuple(f"column {column_letter(first_column + j)} has no name" for j in lacking),
            remedy,
        )
    ]


def _without_errors(
    rows: list[tuple[Any, ...]], names: list[str], first_row: int, what: str
) -> tuple[list[tuple[Any, ...]], tuple[Problem, ...]]:
    """Return rows whose formula errors are empty, and a warning that counts them."""
    places = [
        (i, j)
        for i, row in enumerate(rows)
        for j, v in enumerate(row)
        if type(v) is str and v.startswith("#") and v in FORMULA_ERRORS
    ]
    if not places:
        return rows, ()
    changed = [list(row) for row in rows]
    where = []
    for i, j in places:
        where.append(f"{rows[i][j]} in {names[j]!r}, line {first_row + i + 2}")
        changed[i][j] = None
    problem = Problem(
        "formula_errors",
        f"{what}: "
        + count_of(
            len(places), "cell holds a formula error and is", "cells hold formula errors and are"
        )
        + " taken as empty.",
        tuple(where[:_LISTED]),
        "Mend the formulas, or enter the values.",
        level="warning",
    )
    return [tuple(row) for row in changed], (problem,)


def _column(values: Sequence[Any], is_text: bool) -> pd.Series[Any]:
    if is_text:
        values = [_as_text(v) for v in values]
    column = pd.Series(list(values), dtype=object)
    if is_text:
        return column
    given = column.dropna()
    if len(given) and len(given) < len(column) and all(type(v) in (int, float) for v in given):
        return column.astype(np.float64)
    return column.where(column.notna(), np.nan).infer_objects()


def _as_text(value: Any) -> Any:
    """Return a whole number as its digits, as identifiers are written; other values unchanged."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value == int(value):
        return str(int(value))
    return value
