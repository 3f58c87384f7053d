"""Visits in files as a dask DataFrame."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import infer_dtype, is_object_dtype

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
from trdstats.intake.files.decimal_points import (
    Points,
    as_written,
    notice_of_points,
    points_of,
    unclear_points,
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
    are other files, read as in `read_file`. Commas are decimal marks where they are in all files;
    where they are, points may separate thousands in another file.

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
            return frames.from_map(_read_parquet, [str(f) for f in files], meta=whole._meta), ()
        except (OSError, ValueError) as error:
            raise TrdstatsError(f"{str(path)!r} cannot be read: {why_unreadable(error)}") from error
    names = [str(file) for file in files]
    how = {"separator": separator, "encoding": encoding}
    commas, as_text, notices = _marks_of(names, tuple(text), how)
    read = partial(
        _read, text=(*text, *as_text), commas=tuple(commas), separator=separator, encoding=encoding
    )
    return frames.from_map(read, names, meta=read(names[0]).iloc[:0]), notices


def _marks_of(
    names: Sequence[str], text: tuple[str, ...], how: Mapping[str, str | None]
) -> tuple[list[str], list[str], tuple[Problem, ...]]:
    """Return columns whose commas are decimal marks, those to be kept as text, and what to say.

    Parameters
    ----------
    names : sequence of str
        Files of one table: what a value of one shows of commas and points holds for all.
    text : tuple of str
    how : mapping
        Separator and encoding.
    """
    look, look_again = task_of(_look), task_of(_look_again)
    seen = computed([look(name, text, how) for name in names])
    tables, points = [c for c, _ in seen], [p for _, p in seen]
    commas, unclear = read_and_unclear(tables)
    as_text, after_all = unclear_points(points) if any(t.decisive for t in tables) else ([], [])
    if as_text:
        again = [look_again(n, p, as_text, how) for n, p in zip(names, points, strict=True)]
        as_text, after_all = unclear_points(computed(again))
    commas = [c for c in commas if c not in as_text]
    notices = notices_of_commas(commas, unclear)
    if as_text:
        notices = (*notices, notice_of_points(as_text, "files"))
    return [*commas, *after_all], as_text, notices


def _look(path: str, text: tuple[str, ...], how: Mapping[str, str | None]) -> tuple[Commas, Points]:
    frame = read_file(path, text=text, **how).frame
    points = points_of(frame, text)
    return commas_of(frame, (*text, *points.kept)), points


def _look_again(
    path: str, points: Points, doubtful: Collection[str], how: Mapping[str, str | None]
) -> Points:
    columns = tuple(points.maybe.intersection(doubtful))
    if not columns:
        return points
    other = Points(points.maybe - set(columns), points.kept - set(columns), points.decimal)
    asked = Points(frozenset(columns), points.kept & set(columns), frozenset())
    judged = as_written(asked, read_file(path, text=columns, **how).frame)
    return Points(
        other.maybe | judged.maybe, other.kept | judged.kept, other.decimal | judged.decimal
    )


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
    return _with_truth_values(with_numbers(frame, commas))


def _read_parquet(path: str) -> pd.DataFrame:
    return _with_truth_values(pd.read_parquet(path))


def _with_truth_values(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose truth values with gaps are declared: dask makes texts of objects."""
    objects = frame.columns[frame.dtypes.map(is_object_dtype)]
    truths = [c for c in objects if infer_dtype(frame[c], skipna=True) == "boolean"]
    return frame.astype(dict.fromkeys(truths, "boolean")) if truths else frame


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
