"""Tables from files, by the ending of their name."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Literal

import pandas as pd

from trdstats.arguments import checked
from trdstats.errors import (
    DataWarning,
    SpecError,
    TrdstatsError,
    describe_problems,
    unknown_name,
    warn,
    why_unreadable,
)
from trdstats.intake.files.decimal_commas import read_decimal_commas
from trdstats.intake.files.delimited import read_delimited
from trdstats.intake.files.file_table import FileTable, ReadOptions
from trdstats.intake.files.opendocument import read_ods
from trdstats.intake.files.packed import PACKED, unpacked
from trdstats.intake.files.statistical import read_parquet, statistical
from trdstats.intake.files.workbooks import read_xlsx

_TEXTS = (".csv", ".tsv", ".txt")
_WORKBOOKS = (".xlsx", ".ods")
_NO_TEXTS = (*_WORKBOOKS, ".parquet", ".sas7bdat", ".sav", ".dta", *PACKED)
_LOOKED_AT = 1 << 12
_NEVER_IN_TEXT = set(range(32)) - set(b"\t\n\v\f\r\x1a")

READERS: dict[str, Callable[[Path, ReadOptions], FileTable]] = {
    **dict.fromkeys(_TEXTS, read_delimited),
    ".xlsx": read_xlsx,
    ".ods": read_ods,
    ".parquet": read_parquet,
    ".xpt": statistical("read_xport", keeps_missing=False),
    ".sas7bdat": statistical("read_sas7bdat", keeps_missing=True),
    ".sav": statistical("read_sav", keeps_missing=True),
    ".dta": statistical("read_dta", keeps_missing=True),
}


def register_reader(ending: str, read: Callable[[Path, Collection[str]], pd.DataFrame]) -> None:
    """Teach `read_file` and all that reads files another kind of file.

    Parameters
    ----------
    ending : str
        With its dot: ``".fwf"``.
    read : callable
        ``read(path, text)`` returns the table; `text` names columns to be kept as written.

    Raises
    ------
    SpecError
        When the ending has no dot, or is read already.
    """
    if not ending.startswith(".") or ending != ending.lower() or ending in (*READERS, *PACKED):
        raise SpecError(
            "An ending is a dot and small letters, and not one of "
            f"{', '.join((*READERS, *PACKED))}; got {ending!r}."
        )
    READERS[ending] = lambda path, options: FileTable(read(path, options.columns))


@checked
def read_file(
    path: str | Path,
    *,
    text: Collection[str] | Literal["all"] = (),
    separator: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
) -> FileTable:
    """Return the table in a file, with labels of codes and how it was read.

    Parameters
    ----------
    path : str or Path
        A text file (.csv, .tsv, .txt), a workbook (.xlsx, .ods), .parquet, or a file of SAS (.xpt,
        .sas7bdat), SPSS (.sav) or Stata (.dta); or one of these in a .gz or alone in a .zip.
    text : collection of str or "all", optional
        Columns kept as they are written, such as identifiers: ``007`` is not ``7``. In a workbook
        whole numbers become their digits; the other formats say themselves what is text. With
        "all" every column of a text file is text, kept as categories, and only empty fields are
        missing, not words such as NA or None.
    separator : str, optional
        What separates the fields of a text file. Default: the one of comma, semicolon, tab and
        vertical bar with which all lines have as many fields as the header.
    encoding : str, optional
        Of a text file. Default: as byte order mark and bytes say, or Windows-1252 where every word
        reads well in it.
    sheet : str, optional
        Of a workbook. Default: the only one.

    Returns
    -------
    FileTable
        Values as stored: codes stay codes, numbers with decimal commas stay text; values that SAS,
        SPSS or Stata files declare missing are empty.

    Raises
    ------
    UnknownNameError
        When ending or sheet are not known.
    SpecError
        When an argument does not fit the kind of file, or a sheet has to be named.
    DataError
        When a text or a sheet is no table: lines of unequal length, shared names, merged cells, an
        uncertain encoding or separator.
    MissingDependencyError
        When the format needs the extra ``io``.
    TrdstatsError
        When the file is not there or cannot be read.

    Examples
    --------
    >>> from trdstats import sample_exports
    >>> table = read_file(sample_exports()["klinik.csv"], text=["Patient"])
    >>> table.frame["Patient"].iloc[0], table.frame["BMI"].iloc[0]
    ('P001', '35,0')
    >>> print(table.notices[0].summary)
    'klinik.csv' was read as Windows-1252 with fields separated by semicolons.
    """
    path = Path(path)
    options = ReadOptions("all" if text == "all" else tuple(text), separator, encoding, sheet)
    try:
        return _read(path, options)
    except TrdstatsError:
        raise
    except Exception as error:  # each reader has errors of its own; the file is what they share
        if path.suffix.lower() in _NO_TEXTS and _holds_text(path):
            raise TrdstatsError(
                f"{str(path)!r} cannot be read: it holds text, and is no {path.suffix.lower()} "
                "file. If it is a table of text, call it .csv; else export it once more."
            ) from error
        raise TrdstatsError(f"{str(path)!r} cannot be read: {why_unreadable(error)}") from error


def _read(path: Path, options: ReadOptions) -> FileTable:
    ending = path.suffix.lower()
    if ending in PACKED:
        _check_is_there(path)
        with unpacked(path) as inner:
            if inner.suffix.lower() in PACKED:
                raise TrdstatsError(f"{path.name!r} is packed twice. Unpack it once.")
            return _read(inner, options)
    if path.is_dir():
        raise TrdstatsError(f"{str(path)!r} is a folder: name a file in it.")
    if ending not in READERS:
        raise unknown_name("file type", path.suffix or path.name, (*READERS, *PACKED))
    _check_fits("separator", options.separator, ending, _TEXTS)
    _check_fits("encoding", options.encoding, ending, _TEXTS)
    _check_fits("sheet", options.sheet, ending, _WORKBOOKS)
    _check_is_there(path)
    return READERS[ending](path, options)


def _holds_text(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(_LOOKED_AT)
    return bool(head.strip()) and not set(head) & _NEVER_IN_TEXT


def _check_is_there(path: Path) -> None:
    if not path.is_file():
        raise TrdstatsError(f"There is no file {str(path)!r}.")


def _check_fits(name: str, value: str | None, ending: str, endings: tuple[str, ...]) -> None:
    if value is not None and ending not in endings:
        raise SpecError(
            f"{name} is for {', '.join(endings)} files, not for {ending}: leave it out."
        )


@checked
def read_table(
    path: str | Path,
    *,
    text: Collection[str] = (),
    separator: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
) -> pd.DataFrame:
    """Return the table in a file, by the ending of its name.

    Parameters
    ----------
    path, text, separator, encoding, sheet
        As for `read_file`.

    Returns
    -------
    pandas.DataFrame
        As of `read_file`, with numbers for decimal commas.

    Raises
    ------
    TrdstatsError
        As `read_file` does.

    Warns
    -----
    DataWarning
        When something was left out or could not be read for certain.
    """
    table = read_file(path, text=text, separator=separator, encoding=encoding, sheet=sheet)
    table = read_decimal_commas(table, text)
    limits = [p for p in table.notices if p.level == "warning"]
    if limits:
        warn(describe_problems(limits), DataWarning)
    return table.frame
