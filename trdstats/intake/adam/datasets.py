"""Datasets of ADaM with the names of their variables in capitals, and what every one must hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from trdstats.arrays import BoolArray
from trdstats.columns import check_numbers, numbers
from trdstats.errors import DataError, Problem, add_problems, nearest
from trdstats.frames import to_pandas
from trdstats.intake.files import read_file

_LISTED = 50
_NUMBERS = (
    "AVAL", "BASE", "ADY", "AVISITN", "ARELTM", "AWTARGET", "AWLO", "AWHI", "CNSR", "PARAMN",
    "APERIOD", "TRT01PN", "TRT01AN",
)  # fmt: skip


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
    return _typed(frame, name), notices


def _typed(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a dataset whose identifiers have no blanks round them and whose numbers are numbers.

    Raises
    ------
    DataError
        When a variable that ADaM defines as a number holds something else.
    """
    typed: dict[str, Any] = {}
    problems: list[Problem] = []
    if frame["USUBJID"].map(lambda v: isinstance(v, str) and v != v.strip()).any():
        typed["USUBJID"] = frame["USUBJID"].map(lambda v: v.strip() if isinstance(v, str) else v)
    for variable in (v for v in _NUMBERS if v in frame):
        if frame[variable].dtype.kind in "iuf":
            continue
        given = frame[variable].mask(is_blank(frame[variable]))
        values, wrong = numbers(given)
        add_problems(
            problems,
            check_numbers(given, wrong, f"{variable} of {name}", f"ADaM defines {variable} as a "
                          "number: correct the entries, or leave them empty."),
        )  # fmt: skip
        typed[variable] = values
    if problems:
        raise DataError(problems)
    return frame.assign(**typed) if typed else frame


def flagged(frame: pd.DataFrame, flag: str, name: str) -> BoolArray:
    """Return where a flag is Y.

    Raises
    ------
    DataError
        When it holds other entries than Y, N, U and blanks, or no Y at all.
    """
    chosen = is_yes(frame[flag])
    text = frame[flag].astype(str).str.strip().str.upper()
    other = frame[flag][~is_blank(frame[flag]) & ~text.isin(["Y", "N", "U"])]
    if len(other):
        shown = ", ".join(repr(v) for v in other.drop_duplicates().tolist()[:5])
        summary, remedy = f"{flag} of {name} holds {shown}.", "Flags of ADaM are Y, or N or empty."
    elif not chosen.any():
        summary = f"No record has {flag} = Y."
        remedy = f"Name another flag of {name}, or None for all records."
    else:
        return chosen
    raise DataError([Problem("no_flag", summary, (), remedy)])


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
