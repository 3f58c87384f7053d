"""Files of statistical programs: SAS, SPSS and Stata; parquet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray
from trdstats.errors import Problem
from trdstats.extras import extra_module
from trdstats.intake.files.file_table import FileTable, ReadOptions


def read_parquet(path: Path, options: ReadOptions) -> FileTable:
    """Return the table in a parquet file."""
    extra_module("pyarrow", "io")
    return FileTable(pd.read_parquet(path))


def statistical(reader: str, *, keeps_missing: bool) -> Callable[[Path, ReadOptions], FileTable]:
    """Return a reader of pyreadstat as a reader of tables.

    Parameters
    ----------
    reader : str
        Name of the function of pyreadstat.
    keeps_missing : bool
        Whether values that the user declared missing can be told from empty ones.
    """

    def read(path: Path, options: ReadOptions) -> FileTable:
        how: dict[str, Any] = {"user_missing": True} if keeps_missing else {}
        # Codes are kept as stored: labels would turn part of a score column into text.
        function = getattr(extra_module("pyreadstat", "io"), reader)
        frame, about = function(str(path), dates_as_pandas_datetime=True, **how)
        labels = {c: dict(v) for c, v in about.variable_value_labels.items()}
        frame, missing = _without_declared_missing(frame, about, labels)
        return FileTable(frame, labels, missing)

    return read


def _without_declared_missing(
    frame: pd.DataFrame, about: Any, labels: dict[str, dict[Any, str]]
) -> tuple[pd.DataFrame, tuple[Problem, ...]]:
    """Return the table with values empty that the user declared missing, and their number."""
    where = []
    ranges = getattr(about, "missing_ranges", {}) or {}
    letters = getattr(about, "missing_user_values", {}) or {}
    for column in frame.columns:
        missing = _is_in_ranges(frame[column], ranges.get(column, []))
        missing |= frame[column].isin(letters.get(column, [])).to_numpy()
        if not missing.any():
            continue
        known = labels.get(column, {})
        counts = frame[column][missing].value_counts()
        where += [f"{column!r}: {_code(value, known)}, {n:,} times" for value, n in counts.items()]
        emptied = frame[column].mask(missing)
        frame[column] = pd.to_numeric(emptied) if column in letters else emptied
    if not where:
        return frame, ()
    return frame, (
        Problem(
            "declared_missing",
            "Values that the file declares missing were taken as empty.",
            tuple(where),
            "Nothing has to be done, unless one of them is a value.",
            level="note",
        ),
    )


def _is_in_ranges(values: pd.Series[Any], ranges: list[dict[str, Any]]) -> BoolArray:
    flags, given = np.zeros(len(values), dtype=bool), values.notna().to_numpy()
    for span in ranges:
        flags[given] |= values[given].between(span["lo"], span["hi"]).to_numpy(dtype=bool)
    return flags


def _code(value: Any, labels: dict[Any, str]) -> str:
    code = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{code} ({labels[value]})" if value in labels else code
