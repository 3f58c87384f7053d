"""Tables from files of any kind, with the value labels that the file holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from trdstats.errors import Problem, TrdstatsError


@dataclass(frozen=True, slots=True)
class FileTable:
    """A table read from a file.

    Attributes
    ----------
    frame : pandas.DataFrame
        The table as stored.
    labels : mapping of str to mapping
        Value labels by column: ``{column: {code: label}}``.
    notices : tuple of Problem
        What was detected: separator, encoding, sheet.
    """

    frame: pd.DataFrame
    labels: Mapping[str, Mapping[Any, str]] = field(default_factory=dict)
    notices: tuple[Problem, ...] = ()


def read_file(
    path: str | Path,
    *,
    text: Collection[str] | Literal["all"] = (),
    separator: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
) -> FileTable:
    """Return the table in a file.

    Parameters
    ----------
    path : str or Path
    text : collection of str or "all"
        Columns of a text file kept as written; "all" returns them as categories.
    separator, encoding, sheet : str, optional
        Default: detected.

    Raises
    ------
    TrdstatsError
        When the file is not there or cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise TrdstatsError(f"There is no file {str(path)!r}.")
    with path.open(encoding=encoding or "utf-8-sig") as file:
        head = file.readline()
    mark = separator or max(",;\t|", key=head.count)
    kinds: Any = "category" if text == "all" else dict.fromkeys(text, str)
    frame = pd.read_csv(
        path, sep=mark, encoding=encoding or "utf-8-sig", dtype=kinds,
        keep_default_na=False, na_values=[""], low_memory=False, index_col=False,
    )  # fmt: skip
    return FileTable(frame)
