"""Levels of a category, as users name them: by value or as they are printed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from trdstats.errors import known_level


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
    return levels[known_level(what, level, [level_text(one) for one in levels])]


def cells_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table of levels, each as a mapping of column to level."""
    columns = [str(c) for c in table.columns]
    return [dict(zip(columns, row, strict=True)) for row in table.itertuples(index=False)]
