"""Points in the numbers of several files of one table: decimal marks, or marks of thousands.

A file with decimal commas may write 1234 as 1.234. Where all such columns stand in one file, its
reader sees the commas beside them; a table in several files has them in some only.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.errors import Problem
from trdstats.intake.files.decimal_commas import may_hold_thousands

_OF_THREE = 0.5  # of the values with decimals that have three: of 1.230 and the like one in ten


@dataclass(frozen=True, slots=True)
class Points:
    """Where a table has points in numbers.

    Attributes
    ----------
    maybe : frozenset of str
        Columns whose points may separate thousands: all have three digits behind them.
    kept : frozenset of str
        Those of them that the reader of the file kept as text.
    decimal : frozenset of str
        Columns in which a point can only be a decimal mark.
    """

    maybe: frozenset[str]
    kept: frozenset[str]
    decimal: frozenset[str]


def points_of(frame: pd.DataFrame, text: Collection[str]) -> Points:
    """Return where a table has points in numbers, as far as the numbers show it.

    Parameters
    ----------
    frame : pandas.DataFrame
        As its file was read.
    text : collection of str
        Columns that stay as they are.
    """
    columns = [str(c) for c in frame.columns if c not in text]
    floats = {c: _fractions(frame[c]) for c in columns if frame[c].dtype == np.float64}
    maybe = {c for c, v in floats.items() if len(v) and _are_thousands(v)}
    decimal = {c for c, v in floats.items() if len(v) and c not in maybe}
    kept = {c for c in columns if frame[c].dtype.kind == "O" and _is_kept(frame[c])}
    return Points(frozenset(maybe | kept), frozenset(kept), frozenset(decimal))


def as_written(points: Points, frame: pd.DataFrame) -> Points:
    """Return the same, judged by the texts of the columns that are in doubt."""
    clear = {c for c in points.maybe if not may_hold_thousands(frame[c].astype(object))}
    return Points(points.maybe - clear, points.kept - clear, points.decimal | clear)


def unclear_points(tables: Sequence[Points]) -> tuple[list[str], list[str]]:
    """Return columns that stay text, and those kept as text that are numbers after all.

    Parameters
    ----------
    tables : sequence of Points
        Of the files of one table that has decimal commas: what a value of one shows holds for all.
    """
    maybe = frozenset[str]().union(*(t.maybe for t in tables))
    kept = frozenset[str]().union(*(t.kept for t in tables))
    decimal = frozenset[str]().union(*(t.decimal for t in tables))
    return sorted(maybe - decimal), sorted(kept & decimal)


def notice_of_points(columns: Sequence[str], where: str) -> Problem:
    """Return what is to be said of columns whose points are not clear.

    Parameters
    ----------
    columns : sequence of str
    where : str
        "a file", or "files".
    """
    return Problem(
        "unclear_points",
        f"Points may be decimal marks or separate thousands (1.234), in {where} with decimal "
        "commas: kept as text.",
        tuple(map(repr, columns)),
        "Write all numbers of the file with one decimal mark, and without marks of thousands.",
        level="warning",
    )


def _fractions(values: pd.Series[Any]) -> FloatArray:
    known = values.to_numpy(dtype=float)
    known = known[np.isfinite(known)]
    fractions: FloatArray = known[known != np.floor(known)]
    return fractions


def _are_thousands(values: FloatArray) -> bool:
    """Return whether numbers with decimals may be whole thousands, divided by the reader."""
    size = np.abs(values)
    whole = np.isclose(size * 1000, np.rint(size * 1000), rtol=0, atol=1e-6)
    three = ~np.isclose(size * 100, np.rint(size * 100), rtol=0, atol=1e-6)
    return bool(((size >= 1) & (size < 1000) & whole).all() and three.mean() >= _OF_THREE)


def _is_kept(values: pd.Series[Any]) -> bool:
    first = values.first_valid_index()
    return (
        first is not None and isinstance(values[first], str) and "." in str(values[first])
        and all(isinstance(v, str) for v in values.dropna().unique())
        and may_hold_thousands(values)
    )  # fmt: skip
