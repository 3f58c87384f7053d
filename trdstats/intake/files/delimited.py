"""Tables from text: csv, tsv and txt, whatever their encoding and separator."""

from __future__ import annotations

import io
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from trdstats.errors import DataError, Problem, count_of
from trdstats.intake.files.decimal_commas import has_decimal_commas, may_hold_thousands
from trdstats.intake.files.decimal_points import notice_of_points
from trdstats.intake.files.edges import check_names, without_empty_edges
from trdstats.intake.files.encodings import Decoded, decode
from trdstats.intake.files.file_table import FileTable, ReadOptions
from trdstats.intake.files.rows import check_rows
from trdstats.intake.files.separators import (
    SPOKEN,
    check_separator,
    declared_separator,
    detect_separator,
    records,
)
from trdstats.kinds import BLANKS

_SAMPLED = 1 << 18


def read_delimited(path: Path, options: ReadOptions) -> FileTable:
    """Return the table in a text file.

    Raises
    ------
    SpecError
        When the separator or the encoding that is named cannot be one.
    DataError
        When encoding or separator are uncertain, names of columns are shared, or lines have more
        or fewer fields than the header.
    """
    if options.separator is not None:
        check_separator(options.separator)
    decoded = decode(path.read_bytes(), path.name, options.encoding)
    data, declared = declared_separator(decoded.data)
    if not data.strip():
        raise DataError(
            [Problem("empty_file", f"{path.name!r} is empty.", (), "Export it once more.")]
        )
    separator = options.separator or declared or detect_separator(data, path.name)
    names = _header(data, separator)
    check_names(names, repr(path.name))
    check_rows(data, separator, len(names), path.name)
    plain = _plain_names(names)
    text = options.text
    if text != "all":
        text = tuple(name for name in names if name in text or plain.get(name) in text)
    frame = _parse(data, separator, text)
    frame, points = _keep_points(frame, data, separator)
    unnamed = [c for c, n in zip(frame.columns, names, strict=False) if not n]
    frame, empty = without_empty_edges(frame, unnamed)
    _check_header([c for c in unnamed if c in frame], len(names), path.name)
    notices = (*_how_read(decoded, separator, path.name), *points, *empty)
    if plain:
        frame = frame.rename(columns=plain)
        notices += (_blanks_in_names(plain, path.name),)
    return FileTable(frame, notices=notices)


def _plain_names(names: Sequence[str]) -> dict[str, str]:
    """Return names without the blanks at their ends, where they have some and stay different."""
    plain = [name.strip(BLANKS) for name in names]
    if len(set(plain)) < len(plain):
        return {}
    return {a: b for a, b in zip(names, plain, strict=True) if a != b and b}


def _blanks_in_names(plain: Mapping[str, str], name: str) -> Problem:
    return Problem(
        "blanks_in_names",
        count_of(len(plain), "name of a column", "names of columns")
        + f" in {name!r} had blanks at an end: left out.",
        tuple(ascii(n) for n in plain),
        "",
        level="note",
    )


def _check_header(unnamed: Collection[Any], n_columns: int, name: str) -> None:
    """Refuse a table of which most columns have no name: its first line is a title."""
    if n_columns > 2 and len(unnamed) > n_columns / 2:
        raise DataError(
            [
                Problem(
                    "header",
                    f"The first line of {name!r} names {n_columns - len(unnamed)} of {n_columns} "
                    "columns.",
                    (),
                    "The first line must name every column: delete titles above it, or complete "
                    "it.",
                )
            ]
        )


def _header(data: bytes, separator: str) -> list[str]:
    head = data[:_SAMPLED].decode("utf-8", "ignore")
    return next(records(head, separator))[1]


def _parse(
    data: bytes, separator: str, text: Collection[Any] | Literal["all"], **how: Any
) -> pd.DataFrame:
    if text == "all":
        how |= {"dtype": "category", "keep_default_na": False, "na_values": [""]}
    else:
        how["dtype"] = dict.fromkeys(text, object)
    with warnings.catch_warnings():
        # Rows longer than the header would lose their end, or shift every column by one.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        # Read in one piece: in pieces, a column could be numbers in one and text in the next.
        frame: pd.DataFrame = pd.read_csv(
            io.BytesIO(data),
            sep=separator,
            low_memory=False,
            index_col=False,
            encoding="utf-8",
            **how,
        )
    return frame


def _keep_points(
    frame: pd.DataFrame, data: bytes, separator: str
) -> tuple[pd.DataFrame, tuple[Problem, ...]]:
    """Return the table with 1.234 as text where the file has decimal commas: it may be 1234."""
    numbers = [c for c in frame.columns if frame[c].dtype == np.float64]
    if not numbers or not has_decimal_commas(frame):
        return frame, ()
    places = [frame.columns.get_loc(c) for c in numbers]
    written = _parse(data, separator, numbers, usecols=places)
    unclear = [c for c in numbers if may_hold_thousands(written[c])]
    if not unclear:
        return frame, ()
    frame = frame.copy(deep=False)
    for column in unclear:
        frame[column] = written[column]
    return frame, (notice_of_points([str(c) for c in unclear], "a file"),)


def _how_read(text: Decoded, separator: str, name: str) -> tuple[Problem, ...]:
    if text.encoding == "utf-8" and separator == ",":
        return ()
    between = SPOKEN.get(separator, repr(separator))
    return (
        Problem(
            "how_read",
            f"{name!r} was read as {text.describe()} with fields separated by {between}.",
            text.words,
            "Look whether words and columns are right, or name encoding and separator.",
            level="note",
        ),
    )
