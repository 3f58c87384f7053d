"""Spreadsheets of LibreOffice (.ods), read as the XML they are.

Cells and rows that repeat are stored once with a count; what a cell holds stands in its
attributes, its text only says how it is shown (OpenDocument 1.3, part 3, 19.383 to 19.389).
"""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring

from trdstats.errors import TrdstatsError
from trdstats.intake.files.file_table import FileTable, ReadOptions
from trdstats.intake.files.grids import Grid, column_letter, pick_sheet, read_grid

_BASE = "urn:oasis:names:tc:opendocument:xmlns:"
_TABLE, _OFFICE, _TEXT = (f"{{{_BASE}{n}:1.0}}" for n in ("table", "office", "text"))
_CALCEXT = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}"


def read_ods(path: Path, options: ReadOptions) -> FileTable:
    """Return the table in a sheet of an OpenDocument spreadsheet.

    Raises
    ------
    SpecError, UnknownNameError
        When a sheet has to be named, or does not exist.
    DataError
        When the sheet is no plain table.
    TrdstatsError
        When the spreadsheet is protected.
    """
    sheets = _sheets(path)
    chosen = pick_sheet(options.sheet, list(sheets), path.name)
    grid = _grid(sheets[chosen])
    return read_grid(grid, options.columns, f"Sheet {chosen!r} of {path.name!r}")


def ods_sheets(path: Path) -> list[str]:
    """Return the names of the sheets of an OpenDocument spreadsheet.

    Raises
    ------
    TrdstatsError
        When the spreadsheet is protected.
    """
    return list(_sheets(path))


def _sheets(path: Path) -> dict[str, Element]:
    with zipfile.ZipFile(path) as archive:
        content = archive.read("content.xml")
        if b"encryption-data" in archive.read("META-INF/manifest.xml"):
            raise TrdstatsError(f"{path.name!r} is protected. Save it without a password.")
    return {
        s.get(f"{_TABLE}name", ""): s
        for s in fromstring(content).iterfind(f".//{_OFFICE}spreadsheet/{_TABLE}table")
    }


def _grid(sheet: Element) -> Grid:
    rows: list[list[Any]] = []
    merged, empty = [], 0
    for row in sheet.iter(f"{_TABLE}table-row"):
        times = int(row.get(f"{_TABLE}number-rows-repeated", 1))
        cells: list[Any] = []
        for cell, value in _cells(row):
            wide = int(cell.get(f"{_TABLE}number-columns-spanned", 1)) - 1
            high = int(cell.get(f"{_TABLE}number-rows-spanned", 1)) - 1
            if wide or high:
                top, left = len(rows) + empty + 1, len(cells)
                merged.append(
                    f"{column_letter(left)}{top}:{column_letter(left + wide)}{top + high}"
                )
            cells.append(value)
        if not cells:  # sheets are filled up with empty rows, a million at a time
            empty += times
            continue
        rows += [[] for _ in range(empty)]
        empty = 0
        rows += [cells] * times
    width = max(map(len, rows), default=0)
    return Grid([(*r, *[None] * (width - len(r))) for r in rows], tuple(merged))


def _cells(row: Element) -> Iterator[tuple[Element, Any]]:
    """Yield the cells of a row up to the last that holds something."""
    waiting: list[tuple[Element, Any]] = []
    for cell in row:
        if cell.tag not in (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
            continue
        value = _value(cell)
        times = int(cell.get(f"{_TABLE}number-columns-repeated", 1))
        if value is None and times > 1000:
            continue  # what fills the row up to the last column of the sheet
        waiting += [(cell, value)] * times
        if value is not None or cell.get(f"{_TABLE}number-columns-spanned"):
            yield from waiting
            waiting = []


def _value(cell: Element) -> Any:
    kind = cell.get(f"{_OFFICE}value-type")
    shown = "\n".join("".join(p.itertext()) for p in cell.iterfind(f"{_TEXT}p"))
    if cell.get(f"{_CALCEXT}value-type") == "error" or kind is None:
        if shown.startswith("Err:"):
            return "#VALUE!"
        return shown if shown.strip() else None
    if kind in ("float", "percentage", "currency"):
        number = float(cell.get(f"{_OFFICE}value", "nan"))
        return int(number) if number.is_integer() else number
    if kind == "boolean":
        return cell.get(f"{_OFFICE}boolean-value") == "true"
    if kind == "date":
        return datetime.datetime.fromisoformat(cell.get(f"{_OFFICE}date-value", ""))
    return cell.get(f"{_OFFICE}string-value") or shown if shown.strip() else None
