"""Visits in files as a dask DataFrame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from trdstats.errors import Problem, SpecError, TrdstatsError, why_unreadable
from trdstats.extras import extra_module
from trdstats.intake.files import read_file
from trdstats.intake.files.decimal_commas import (
    Commas,
    commas_of,
    notices_of_commas,
    read_and_unclear,
    with_numbers,
)
from trdstats.partitions import computed, is_divided, task_of

_PARQUET = (".parquet", ".pq")


def check_is_divided(visits: object) -> None:
    """Raise `SpecError` unless visits are a dask DataFrame."""
    extra_module("dask.dataframe", "dask")
    if is_divided(visits):
        return
    raise SpecError(
        f"`visits` of a divided study are a dask DataFrame; got {type(visits).__name__}. Use "
        "Study(...) for a table in memory, or read_study('visits/*.parquet', engine='dask', ...) "
        "for files."
    )


def visits_of_files(
    path: str | Path, text: Sequence[str], separator: str | None, encoding: str | None
) -> tuple[Any, tuple[Problem, ...]]:
    """Return the visits in files as a dask DataFrame, and what is to be said of how they were read.

    Files of Parquet are cut by dask, where all have the same columns; else each is a partition, as
    are other files, read as in `read_file`. Commas are decimal marks where they are in all files.

    Parameters
    ----------
    path : str or Path
        A file, a folder of Parquet files, or a pattern such as ``"visits/*.parquet"``.
    text : sequence of str
        Columns kept as they are written.
    separator, encoding : str, optional

    Raises
    ------
    TrdstatsError
        When there is no such file, or one cannot be read.
    """
    frames = extra_module("dask.dataframe", "dask")
    files = _files(Path(path))
    if all(file.suffix.lower() in _PARQUET for file in files):
        if separator is not None or encoding is not None:
            raise SpecError("separator and encoding are for text files: leave them out.")
        try:
            whole = frames.read_parquet([str(file) for file in files])
            if _have_same_columns(files):
                return whole, ()
            # Dask takes the columns of the first for those of all.
            return frames.from_map(pd.read_parquet, [str(f) for f in files], meta=whole._meta), ()
        except (OSError, ValueError) as error:
            raise TrdstatsError(f"{str(path)!r} cannot be read: {why_unreadable(error)}") from error
    read = partial(_read, text=tuple(text), separator=separator, encoding=encoding)
    judge, names = task_of(_commas), [str(file) for file in files]
    commas, unclear = read_and_unclear(computed([judge(name, read, text) for name in names]))
    read = partial(read, commas=tuple(commas))
    visits = frames.from_map(read, names, meta=read(names[0]).iloc[:0])
    return visits, notices_of_commas(commas, unclear)


def _commas(path: str, read: Callable[[str], pd.DataFrame], text: Sequence[str]) -> Commas:
    return commas_of(read(path), text)


def _have_same_columns(files: Sequence[Path]) -> bool:
    parquet = extra_module("pyarrow.parquet", "dask")
    first = set(parquet.read_schema(files[0]).names)
    return all(set(parquet.read_schema(file).names) == first for file in files[1:])


def _read(
    path: str,
    *,
    text: tuple[str, ...],
    separator: str | None,
    encoding: str | None,
    commas: tuple[str, ...] = (),
) -> pd.DataFrame:
    frame = read_file(path, text=text, separator=separator, encoding=encoding).frame
    return with_numbers(frame, commas)


def _files(path: Path) -> list[Path]:
    text = str(path)
    if any(mark in text for mark in "*?["):
        root = Path(path.anchor)
        files = sorted(root.glob(text[len(path.anchor) :]))
    elif path.is_dir():
        files = sorted(f for f in path.iterdir() if f.suffix.lower() in _PARQUET)
    else:
        files = [path] if path.is_file() else []
    if not files and path.is_dir():
        raise TrdstatsError(
            f"The folder {text!r} holds no Parquet files: name others by a pattern, such as "
            f"{str(path / '*.csv')!r}."
        )
    if not files:
        raise TrdstatsError(f"There is no file {text!r}.")
    return files
