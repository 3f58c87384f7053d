"""Datasets of ADaM with the names of their variables in capitals, and what every one must hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from trdstats.arrays import BoolArray
from trdstats.errors import DataError, Problem, nearest
from trdstats.frames import to_pandas
from trdstats.intake.files import read_file

_LISTED = 50


def read_dataset(
    data: Any, name: str, known: Collection[str], required: Sequence[str]
) -> tuple[pd.DataFrame, tuple[Problem, ...]]:
    """Return a dataset, from a frame or a file, and how its file was read.

    Parameters
    ----------
    data : DataFrame, str or Path
    name : str
        ``"ADSL"``, for messages.
    known : collection of str
        Variables that are called by their ADaM names, whatever the case in which they are
        written; the others keep their names.
    required : sequence of str

    Raises
    ------
    DataError
        When variables are missing.
    """
    notices: tuple[Problem, ...] = ()
    if isinstance(data, str | Path):
        table = read_file(data, text=("USUBJID", "usubjid"))
        data, notices = table.frame, table.notices
    frame = to_pandas(data, what=name)
    frame.columns = [c.upper() if c.upper() in known else c for c in frame.columns]
    lacking = [v for v in required if v not in frame]
    if lacking:
        raise DataError([_lacking(v, frame, name) for v in lacking])
    return frame, notices


def _lacking(variable: str, frame: pd.DataFrame, name: str) -> Problem:
    close = nearest(variable, frame.columns, n=1)
    return Problem(
        "unknown_column",
        f"{name} has no variable {variable}.",
        (f"did you mean {close[0]!r}?",) if close else (),
        "Name variables as ADaM does.",
    )


def is_blank(values: pd.Series[Any]) -> BoolArray:
    """Return where a variable is missing; SAS writes missing texts as spaces."""
    blank = values.isna().to_numpy(dtype=bool)
    if values.dtype == object or isinstance(values.dtype, pd.CategoricalDtype):
        blank = blank | (values.astype(str).str.strip() == "").to_numpy(dtype=bool)
    return blank


def is_yes(values: pd.Series[Any]) -> BoolArray:
    """Return where a flag is Y."""
    return (values.astype(str).str.strip().str.upper() == "Y").to_numpy(dtype=bool)


def who(frame: pd.DataFrame, rows: BoolArray) -> tuple[str, ...]:
    """Return the subjects of some records, for messages."""
    names = frame["USUBJID"].astype(str)[rows]
    return tuple(names.drop_duplicates().iloc[:_LISTED])
