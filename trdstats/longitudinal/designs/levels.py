"""Levels of categories: as text, and the cells of a table of them."""

from __future__ import annotations

from typing import Any

import pandas as pd


def level_text(level: Any) -> str:
    """Return a level as text, a whole number without decimals."""
    return f"{level:.15g}" if isinstance(level, float) else str(level)


def cells_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table of levels, each as a mapping of column to level."""
    columns = [str(c) for c in table.columns]
    return [dict(zip(columns, row, strict=True)) for row in table.itertuples(index=False)]
