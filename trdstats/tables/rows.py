"""Rows of a tidy frame, read by the names of its columns."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pandas as pd


def each_row(frame: pd.DataFrame) -> Iterator[Any]:
    """Yield the rows of a frame as named tuples."""
    columns = [column for _, column in frame.items()]
    yield from map(_row_of(tuple(map(str, frame.columns)))._make, zip(*columns, strict=True))


@lru_cache(maxsize=256)
def _row_of(names: tuple[str, ...]) -> Any:
    """Return the class of rows with these columns: making one takes longer than reading rows."""
    return namedtuple("Row", names, rename=True)
