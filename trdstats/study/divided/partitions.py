"""The partitions of a table of visits: files, dask frames, subjects brought together."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from trdstats.errors import MissingDependencyError, SpecError, TrdstatsError
from trdstats.intake.files import read_file

_PARQUET = (".parquet", ".pq")


def dask_module(name: str) -> Any:
    """Return a module of dask.

    Raises
    ------
    MissingDependencyError
        With the line that installs it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingDependencyError(
            "A divided study needs dask: pip install 'trdstats[dask]'."
        ) from error


def check_is_divided(visits: object) -> None:
    """Raise `SpecError` unless visits are a dask DataFrame."""
    if isinstance(visits, dask_module("dask.dataframe").DataFrame):
        return
    raise SpecError(
        f"`visits` of a divided study are a dask DataFrame; got {type(visits).__name__}. Use "
        "Study(...) for a table in memory, or read_study('visits/*.parquet', engine='dask', ...) "
        "for files."
    )


def visits_of_files(
    path: str | Path, text: Sequence[str], separator: str | None, encoding: str | None
) -> Any:
    """Return the visits in files as a dask DataFrame.

    Files of Parquet are cut by dask; of other files each is a partition, read as in `read_file`.

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
    frames = dask_module("dask.dataframe")
    files = _files(Path(path))
    if all(file.suffix.lower() in _PARQUET for file in files):
        if separator is not None or encoding is not None:
            raise SpecError("separator and encoding are for text files: leave them out.")
        try:
            return frames.read_parquet([str(file) for file in files])
        except (OSError, ValueError) as error:
            raise TrdstatsError(f"{str(path)!r} cannot be read: {error}") from error
    read = partial(_read, text=tuple(text), separator=separator, encoding=encoding)
    return frames.from_map(read, [str(file) for file in files], meta=read(str(files[0])).iloc[:0])


def _read(
    path: str, *, text: tuple[str, ...], separator: str | None, encoding: str | None
) -> pd.DataFrame:
    return read_file(path, text=text, separator=separator, encoding=encoding).frame


def _files(path: Path) -> list[Path]:
    text = str(path)
    if any(mark in text for mark in "*?["):
        root = Path(path.anchor)
        files = sorted(root.glob(text[len(path.anchor) :]))
    elif path.is_dir():
        files = sorted(f for f in path.iterdir() if f.suffix.lower() in _PARQUET)
    else:
        files = [path] if path.is_file() else []
    if not files:
        raise TrdstatsError(f"There is no file {text!r}.")
    return files


def shuffled(visits: Any, subject: str) -> Any:
    """Return visits of which every subject has all in one partition.

    Workers of a cluster keep them, so that subjects are brought together once; without a cluster
    each analysis does it again, for the memory of one machine need not hold them.
    """
    together = visits.shuffle(on=subject, npartitions=visits.npartitions)
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return together
    try:
        distributed.get_client()
    except ValueError:
        return together
    return together.persist()


def in_plain_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a partition with texts as Python objects, as tables in memory have them."""
    result = frame.copy(deep=False)
    for c in frame.columns:
        if isinstance(frame[c].dtype, pd.StringDtype):
            result[c] = frame[c].astype(object).where(frame[c].notna(), None)
    return result
