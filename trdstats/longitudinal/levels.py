"""Levels of a category, as users name them: by value or as they are printed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from trdstats.errors import unknown_name


def level_text(level: Any) -> str:
    """Return a level as text, a whole number without decimals."""
    return f"{level:.15g}" if isinstance(level, float) else str(level)


def find_level(what: str, level: Any, known: Iterable[Any]) -> Any:
    """Return the level of a category that a user means.

    Parameters
    ----------
    what : str
        What it is a level of, for the message.
    level : object
        The level itself, 7 for 7.0 too, or its text.
    known : iterable
        Levels of the category.

    Raises
    ------
    UnknownNameError
        When it is none of them.
    """
    levels = list(known)
    boolean = isinstance(level, bool | np.bool_)
    for one in levels:
        # True is no 1.
        if isinstance(one, bool | np.bool_) == boolean and one == level:
            return one
    for one in levels:
        if str(level) in (str(one), level_text(one)):
            return one
    raise unknown_name(what, level, [level_text(one) for one in levels])


def cells_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table of levels, each as a mapping of column to level."""
    columns = [str(c) for c in table.columns]
    return [dict(zip(columns, row, strict=True)) for row in table.itertuples(index=False)]
