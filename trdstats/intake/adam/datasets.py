"""Datasets of ADaM with the names of their variables in capitals, and what every one must hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from trdstats.arrays import BoolArray
from trdstats.columns import check_numbers, numbers
from trdstats.errors import DataError, Problem, SpecError, add_problems, nearest
from trdstats.frames import to_pandas
from trdstats.intake.files import read_file
from trdstats.intake.files.decimal_commas import read_decimal_commas

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
    SpecError
        When two variables have one name but for capitals.
    DataError
        When variables are missing.
    """
    notices: tuple[Problem, ...] = ()
    if isinstance(data, str | Path):
        text = ("USUBJID", "usubjid")
        table = read_decimal_commas(read_file(data, text=text), text)
        data, notices = table.frame, table.notices
    frame = to_pandas(data, what=name)
    given = frame.columns
    frame.columns = [c.upper() if c.upper() in known else c for c in given]
    twice = frame.columns.duplicated(keep=False)
    if twice.any():
        raise SpecError(
            f"{name} has variables that differ in capitals only: "
            f"{', '.join(map(repr, given[twice]))}. Remove one of them."
        )
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
    check_flag(frame, flag, name)
    chosen = is_yes(frame[flag])
    if not chosen.any():
        raise _no_flag(
            f"No record has {flag} = Y.", f"Name another flag of {name}, or None for all records."
        )
    return chosen


def check_flag(frame: pd.DataFrame, flag: str, name: str) -> None:
    """Refuse a flag that holds other entries than Y, N, U and blanks: they would count as no.

    Raises
    ------
    DataError
        When it does.
    """
    if flag not in frame:
        return
    text = frame[flag].astype(str).str.strip().str.upper()
    other = frame[flag][~is_blank(frame[flag]) & ~text.isin(["Y", "N", "U"])]
    if len(other):
        shown = ", ".join(repr(v) for v in other.drop_duplicates().tolist()[:5])
        raise _no_flag(f"{flag} of {name} holds {shown}.", "Flags of ADaM are Y, or N or empty.")


def _no_flag(summary: str, remedy: str) -> DataError:
    return DataError([Problem("no_flag", summary, (), remedy)])


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
    if values.dtype.kind == "O":  # texts, declared as such or not, and categories
        blank = blank | (values.astype(str).str.strip() == "").to_numpy(dtype=bool)
    return blank


def is_yes(values: pd.Series[Any]) -> BoolArray:
    """Return where a flag is Y."""
    return (values.astype(str).str.strip().str.upper() == "Y").to_numpy(dtype=bool)


def who(frame: pd.DataFrame, rows: BoolArray) -> tuple[str, ...]:
    """Return the subjects of some records, for messages."""
    names = frame["USUBJID"].astype(str)[rows]
    return tuple(names.drop_duplicates().iloc[:_LISTED])
