"""How a table fits a page: size of its letters, widths of its columns, page upright or across."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trdstats.tables.summary import Table

UPRIGHT, ACROSS = 453.0, 700.0  # points: an A4 page less 2.5 cm at either side
# Size of letters, and whether columns are narrow: what is tried, in order.
_TRIED = ((9.0, False), (8.0, False), (9.0, True), (8.0, True), (7.0, True))
_LETTER = 0.5  # width of a digit, as a part of its size; small letters are narrower
_WIDE = 1.45  # width of a capital, as a part of that
_BOLD = 1.1
_PADDING = 11.5  # points left and right of a cell together
_COMFORT = 16  # letters that a wide column of text has at least, where it has as many


@dataclass(frozen=True, slots=True)
class Fit:
    """How a table is set.

    Attributes
    ----------
    size : float
        Of the letters, in points.
    widths : tuple of float
        Of the columns, in points.
    is_stacked : bool
        Whether estimates stand above their intervals.
    is_across : bool
        Whether the page must be turned.
    """

    size: float
    widths: tuple[float, ...]
    is_stacked: bool
    is_across: bool


def fit_table(table: Table) -> Fit:
    """Return how a table fits a page: smaller letters first, then the page turned.

    Text may be broken into lines at its spaces; of numbers only an estimate from its interval,
    which then stand in two lines.
    """
    fits = (
        (across, size, *_letters(table, narrow=narrow))
        for across in (False, True)
        for size, narrow in _TRIED
    )
    for across, size, least, full in fits:
        page = ACROSS if across else UPRIGHT
        if _in_points(least, size) <= page:
            return _fit(table, size, _shared_out(least, full, size, page), across)
    # Wider than any page: its columns share the page, and words are broken.
    scale = ACROSS / _in_points(least, size)
    return _fit(table, size, tuple(scale * w for w in _widths(least, size)), True)


def _fit(table: Table, size: float, widths: tuple[float, ...], across: bool) -> Fit:
    longest = [max(map(_length, c), default=0.0) for c in _bodies(table)]
    is_stacked = any(
        side == "right" and width < needed - 0.01
        for side, width, needed in zip(
            table.alignment(), widths, _widths(longest, size), strict=True
        )
    )
    return Fit(size, widths, is_stacked, across)


def _bodies(table: Table) -> list[tuple[str, ...]]:
    """Return the cells of each column below its header."""
    return list(zip(*table.rows, strict=True)) or [()] * len(table.header)


def lines_of(cell: str) -> list[str]:
    """Return the lines into which a cell of numbers may be broken: estimate and interval."""
    return re.split(r" (?=[(\[])", cell)


def _letters(table: Table, *, narrow: bool) -> tuple[list[float], list[float]]:
    """Return how many letters each column needs, and how many it would take."""
    heads = [_BOLD * _length(h) for h in table.header]
    words = [_BOLD * _longest_word([h]) for h in table.header]
    columns = _bodies(table)
    full = [max([h, *map(_length, c)]) for h, c in zip(heads, columns, strict=True)]
    least = [
        max(word, _longest_word(c), 0 if narrow else min(n, _COMFORT))
        if side == "left"
        else max([word, *(_length(p) for x in c for p in (lines_of(x) if narrow else [x]))])
        for word, c, n, side in zip(words, columns, full, table.alignment(), strict=True)
    ]
    return least, full


def _length(text: str) -> float:
    """Return the width of a text in digits."""
    return sum(_WIDE if c.isupper() or c in "mw%" else 1.0 for c in text)


def _longest_word(cells: Sequence[str]) -> float:
    return max((_length(word) for cell in cells for word in cell.split()), default=1.0)


def _widths(letters: Sequence[float], size: float) -> list[float]:
    return [n * _LETTER * size + _PADDING for n in letters]


def _in_points(letters: Sequence[float], size: float) -> float:
    return sum(_widths(letters, size))


def _shared_out(
    least: Sequence[float], full: Sequence[float], size: float, page: float
) -> tuple[float, ...]:
    """Return widths between what columns need and what they would take, as the page allows."""
    low, high = _widths(least, size), _widths(full, size)
    wanted = sum(high) - sum(low)
    part = 1.0 if wanted <= 0 else min(1.0, (page - sum(low)) / wanted)
    return tuple(a + part * (b - a) for a, b in zip(low, high, strict=True))
