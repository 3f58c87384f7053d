"""Excel workbooks (.xlsx)."""

from __future__ import annotations

import zipfile
from pathlib import Path

from trdstats.errors import TrdstatsError
from trdstats.extras import extra_module
from trdstats.intake.files.file_table import FileTable, ReadOptions
from trdstats.intake.files.grids import Grid, pick_sheet, read_grid

_OLD_OR_LOCKED = b"\xd0\xcf\x11\xe0"


def read_xlsx(path: Path, options: ReadOptions) -> FileTable:
    """Return the table in a sheet of an Excel workbook, formulas by their stored values.

    Raises
    ------
    SpecError, UnknownNameError
        When a sheet has to be named, or does not exist.
    DataError
        When the sheet is no plain table.
    TrdstatsError
        When the workbook is protected or of an old kind.
    """
    openpyxl = extra_module("openpyxl", "io")
    _check_kind(path)
    book = openpyxl.load_workbook(path, data_only=True)
    tables = [s.title for s in book.worksheets]
    chosen = pick_sheet(options.sheet, tables, path.name)
    sheet = book[chosen]
    rows = [tuple(_blank(v) for v in row) for row in sheet.iter_rows(values_only=True)]
    merged = tuple(str(r) for r in sheet.merged_cells.ranges)
    uncalculated: tuple[str, ...] = ()
    if _has_formulas(path):
        formulas = openpyxl.load_workbook(path)[chosen]
        uncalculated = tuple(
            cell.coordinate
            for row in formulas.iter_rows()
            for cell in row
            if cell.data_type == "f" and sheet[cell.coordinate].value is None
        )
    grid = Grid(rows, merged, uncalculated)
    return read_grid(grid, options.columns, f"Sheet {chosen!r} of {path.name!r}")


def xlsx_sheets(path: Path) -> list[str]:
    """Return the names of the sheets of an Excel workbook.

    Raises
    ------
    TrdstatsError
        When the workbook is protected or of an old kind.
    """
    openpyxl = extra_module("openpyxl", "io")
    _check_kind(path)
    book = openpyxl.load_workbook(path, read_only=True)
    try:
        return [s.title for s in book.worksheets]
    finally:
        book.close()


def _check_kind(path: Path) -> None:
    with path.open("rb") as stream:
        if stream.read(4) == _OLD_OR_LOCKED:
            raise TrdstatsError(
                f"{path.name!r} is protected by a password or an old .xls workbook. Save it "
                "without a password as .xlsx."
            )


def _blank(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _has_formulas(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        sheets = [n for n in archive.namelist() if n.startswith("xl/worksheets/")]
        return any(b"<f>" in t or b"<f " in t for t in map(archive.read, sheets))
