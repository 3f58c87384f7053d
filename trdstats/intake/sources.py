"""The tables of an export: files of the mapping, paths or frames, as columns of entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from trdstats.columns import check_not_empty
from trdstats.errors import DataError, Problem, SpecError
from trdstats.frames import to_pandas
from trdstats.intake.files import FileTable, read_file
from trdstats.intake.mapping.spec import ExportMapping
from trdstats.intake.values.entries import Column, read_column


@dataclass(frozen=True)
class SourceTable:
    """A table of the export.

    Attributes
    ----------
    name : str
        ``"visits"``, ``"subjects"`` or ``"events"``, for messages.
    columns : dict of str to Column
    n_rows : int
    labels : mapping of str to mapping
        Value labels the file holds.
    levels : mapping of str to list
        Levels that columns of a data frame declare, in their order.
    """

    name: str
    columns: dict[str, Column]
    n_rows: int
    labels: Mapping[str, Mapping[Any, str]]
    levels: Mapping[str, list[Any]]


def read_sources(
    given: Mapping[str, Any], mapping: ExportMapping, folder: Path, problems: list[Problem]
) -> dict[str, SourceTable]:
    """Return the tables of an export by name.

    Parameters
    ----------
    given : mapping of str to object
        ``visits``, ``subjects``, ``events``: a path, a data frame, a table that was read from a
        file, or None for the mapping's own.
    folder : Path
        Where the files of the mapping are looked for.

    Raises
    ------
    SpecError
        When no table of visits is given.
    DataError
        When a table is empty.
    TrdstatsError
        When a file cannot be read.
    """
    named = {"visits": mapping.file, "subjects": mapping.subjects, "events": mapping.events}
    sheets = {
        "visits": mapping.sheet,
        "subjects": mapping.subjects_sheet,
        "events": mapping.events_sheet,
    }
    tables = {}
    for name, file in named.items():
        source = given.get(name)
        if source is None and file is not None:
            source = folder / file
        if source is None and name != "visits" and sheets[name] is not None:
            source = given.get("visits") or (folder / mapping.file if mapping.file else None)
        if source is None:
            continue
        tables[name] = _read(name, source, sheets[name], mapping, problems)
    if "visits" not in tables:
        raise SpecError(
            "Nothing says where the export is: give its path or a data frame, or name it in the "
            'mapping: file = "export.csv".'
        )
    return tables


def _read(
    name: str, source: Any, sheet: str | None, mapping: ExportMapping, problems: list[Problem]
) -> SourceTable:
    levels: dict[str, list[Any]] = {}
    if isinstance(source, str | Path):
        is_text = not str(source).lower().endswith((".xlsx", ".ods"))
        table = read_file(
            source,
            text="all",
            separator=mapping.separator if is_text else None,
            encoding=mapping.encoding if is_text else None,
            sheet=sheet,
        )
    elif isinstance(source, FileTable):
        table = source
    else:
        table = FileTable(to_pandas(source, what=name))
        kinds = table.frame.dtypes.items()
        declared = [c for c, d in kinds if isinstance(d, pd.CategoricalDtype)]
        levels = {str(c): list(table.frame[c].cat.categories) for c in declared}
    frame, labels = to_pandas(table.frame, what=name), table.labels
    problems += table.notices
    empty = check_not_empty(frame, name)
    if empty is not None:
        raise DataError([empty])
    columns = {str(c): read_column(frame[c], name) for c in frame.columns}
    return SourceTable(name, columns, len(frame), labels, levels)
