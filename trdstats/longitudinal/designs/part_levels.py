"""Levels of categories in the parts of a study, brought together so that designs are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pandas as pd

from trdstats.errors import DataError, Problem
from trdstats.formulas import Uses, as_categories
from trdstats.kinds import quoted, trimmed

Levels: TypeAlias = "dict[str, pd.CategoricalDtype]"


@dataclass(frozen=True)
class PartValues:
    """What analysed rows of a part hold in the columns that may be categories.

    Attributes
    ----------
    n : int
        Rows.
    distinct : dict of str to Series
        Distinct values of each column that holds categories there.
    numbers : tuple of str
        Columns that hold numbers there.
    """

    n: int
    distinct: dict[str, pd.Series[Any]]
    numbers: tuple[str, ...]


def values_of_part(
    frame: pd.DataFrame, factors: list[str], *, uses: Uses, visit: str = ""
) -> PartValues:
    """Return what the analysed rows of a part hold in columns that may be categories.

    Parameters
    ----------
    frame : pandas.DataFrame
    factors : list of str
        Columns that may be categories.
    uses : Uses
        How formulas use them.
    visit : str
        Column of the visits, where they are categories.

    Raises
    ------
    DataError
        When a column holds dates, or texts among numbers.
    """
    coded = as_categories(frame, factors, visit, uses=uses, is_part=True)
    held = [c for c in factors if isinstance(coded[c].dtype, pd.CategoricalDtype)]
    distinct = {c: frame[c].drop_duplicates() for c in held}
    return PartValues(len(frame), distinct, tuple(c for c in factors if c not in distinct))


def levels_of_all(
    parts: Sequence[PartValues],
    *,
    uses: Uses,
    visit: str = "",
    visits: pd.Index[Any] | None = None,
) -> Levels | None:
    """Return the levels of the analysed rows of all parts, in order, as rows in memory have them.

    Parameters
    ----------
    parts : sequence of PartValues
        At least one.
    uses, visit
        As in `values_of_part`.
    visits : pandas.Index, optional
        All visits in their order. Default: the order of their values.

    Returns
    -------
    dict of str to CategoricalDtype, or None
        None where the labels depend on all rows: numbers in some parts, texts in others.

    Raises
    ------
    DataError
        When a column holds numbers in some parts and categories in others, or what none can be.

    Warns
    -----
    DataWarning
        As `as_categories` of all rows.
    """
    n = sum(part.n for part in parts)
    levels: Levels = {}
    for c in dict.fromkeys(c for part in parts for c in part.distinct):
        if any(c in part.numbers for part in parts):
            raise DataError([_numbers_and_texts(c)])
        values = pd.concat([part.distinct[c] for part in parts], ignore_index=True)
        if c == visit and visits is not None:
            values = pd.Series(pd.Categorical(values, categories=visits))
        coded = as_categories(pd.DataFrame({c: values}), [c], visit, uses=uses, of_rows=n)[c].dtype
        if not isinstance(coded, pd.CategoricalDtype):
            return None
        if (coded.categories.get_indexer(pd.Index(values.astype(object))) < 0).any():
            return None
        levels[c] = coded
    return levels


def _numbers_and_texts(column: str) -> Problem:
    return Problem(
        "texts_among_numbers",
        f"Column {column!r} holds numbers in some partitions and texts in others.",
        (),
        "Correct the entries, or leave them empty. If the values are labels, write "
        f"C({quoted(column)}).",
    )


def with_levels(rows: pd.DataFrame, levels: Mapping[str, pd.CategoricalDtype]) -> pd.DataFrame:
    """Return rows of a part whose categories name the levels of all parts."""
    texts = trimmed(rows[list(levels)], list(levels))  # as levels were read
    coded = {c: pd.Categorical(texts[c], dtype=known) for c, known in levels.items()}
    table = rows.assign(**coded)
    table.attrs = dict(rows.attrs)
    return table
