"""The tidy tables of a run as one workbook: numbers are numbers, and no text is a formula."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from trdstats.errors import visible
from trdstats.extras import extra_module
from trdstats.plan.sections import Section
from trdstats.tables.constant_files import EPOCH, without_clock
from trdstats.tables.spreadsheet import neutralise

_CONTENTS = "Contents"
_LONGEST = 31  # letters of the name of a sheet
_WIDEST = 40
_OF_PATIENTS = "subject"


def build_workbook(sections: Sequence[Section]) -> bytes:
    """Return a workbook with one sheet a tidy table and a list of them at the front.

    Numbers have ten significant digits, as in the CSV files of the run. What could not be
    estimated is an empty cell. Tables with rows of single patients are left out: a workbook that
    goes with a paper must not hold them.

    Raises
    ------
    MissingDependencyError
        When openpyxl is not installed.
    """
    book = extra_module("openpyxl", "paper").Workbook()
    book.properties.creator, book.properties.created = "", EPOCH
    frames = [
        (s, name, frame)
        for s in sections
        for name, frame in s.frames.items()
        if _OF_PATIENTS not in frame.columns
    ]
    names = _sheet_names([name for _, name, _ in frames])
    contents = pd.DataFrame(
        [
            (sheet, s.title, f"tables/{name}.csv")
            for sheet, (s, name, _) in zip(names, frames, strict=True)
        ],
        columns=["sheet", "question", "file"],
    )
    book.active.title = _CONTENTS
    _fill(book.active, contents)
    for sheet, (_, _, frame) in zip(names, frames, strict=True):
        _fill(book.create_sheet(sheet), frame)
    content = io.BytesIO()
    book.save(content)
    return without_clock(content.getvalue())


def _fill(sheet: Any, frame: pd.DataFrame) -> None:
    bold = extra_module("openpyxl.styles", "paper").Font(bold=True)
    clean = neutralise(frame)
    columns = [[_cell(v) for v in clean[name].tolist()] for name in clean.columns]
    sheet.append([_cell(str(name)) for name in clean.columns])
    for row in zip(*columns, strict=True):
        sheet.append(row)
    for cell, values in zip(sheet[1], columns, strict=True):
        cell.font = bold
        longest = max((len(str(v)) for v in (cell.value, *values) if v is not None), default=0)
        sheet.column_dimensions[cell.column_letter].width = min(longest, _WIDEST) + 2
    sheet.freeze_panes = "A2"


def _cell(value: Any) -> Any:
    """Return a value as a cell holds it: a number, a truth value, a text, or nothing."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        if math.isnan(value):
            return None
        return str(float(value)) if math.isinf(value) else float(f"{value:.10g}")
    return None if value is None or value is pd.NA or value is pd.NaT else visible(str(value))


def _sheet_names(names: Sequence[str]) -> list[str]:
    """Return names that a workbook can have: short, without its signs, each once."""
    taken = {_CONTENTS.lower()}
    sheets = []
    for name in names:
        clean = re.sub(r"[\[\]:*?/\\]|^'|'$", "_", visible(name))[:_LONGEST] or "_"
        sheet, k = clean, 2
        while sheet.lower() in taken:
            sheet = f"{clean[: _LONGEST - 1 - len(str(k))]}~{k}"
            k += 1
        taken.add(sheet.lower())
        sheets.append(sheet)
    return sheets
