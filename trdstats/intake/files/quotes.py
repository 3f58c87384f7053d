"""Quotation marks that open a field by mistake: the rows behind them would be one field."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from itertools import pairwise

from trdstats.errors import DataError, Problem, count_of

_FEWEST = 3  # columns: a line of a note seldom holds as many separators as such a table


def check_quotes(
    text: str, separator: str, n_columns: int, first_lines: Sequence[int], name: str
) -> None:
    """Refuse a quotation mark that is not closed, or holds lines that are rows themselves.

    Parameters
    ----------
    text : str
    separator : str
    n_columns : int
        Fields of the header.
    first_lines : sequence of int
        Line in which each record begins, from 1.
    name : str
        The file, for messages.

    Raises
    ------
    DataError
        With the lines.
    """
    lines = list(io.StringIO(text, newline=""))
    spans = [*pairwise([*(n - 1 for n in first_lines), len(lines)])]
    problems = []
    if spans and _is_open(lines[slice(*spans[-1])], separator):
        start = spans.pop()[0] + 1
        problems.append(
            Problem(
                "quotes",
                f"A quotation mark of {name!r} is not closed: everything behind it would be one "
                "field.",
                (f"it opens in line {start:,} or in a field that begins there",),
                "Close it, or remove it.",
            )
        )
    swallowed = [
        (a + 1, b)
        for a, b in (_without_blank_end(lines, *span) for span in spans)
        if b - a > 1 and n_columns >= _FEWEST
        and all(line.count(separator) == n_columns - 1 for line in lines[a:b])
    ]  # fmt: skip
    if swallowed:
        problems.append(
            Problem(
                "quotes",
                count_of(len(swallowed), "field", "fields")
                + f" of {name!r} in quotation marks {'holds' if len(swallowed) == 1 else 'hold'} "
                "lines that are rows themselves, with as many fields as the header: they would be "
                "lost.",
                tuple(f"lines {a:,} to {b:,}" for a, b in swallowed[:50]),
                "Remove quotation marks that open or close nothing, or double those inside a text.",
            )
        )
    if problems:
        raise DataError(problems)


def _is_open(lines: Sequence[str], separator: str) -> bool:
    """Return whether the last field of a record has a quotation mark that is not closed."""
    try:
        list(csv.reader(lines, delimiter=separator, strict=True))
    except csv.Error as error:
        return "end of data" in str(error)
    return False


def _without_blank_end(lines: Sequence[str], start: int, end: int) -> tuple[int, int]:
    while end > start and not lines[end - 1].strip():
        end -= 1
    return start, end
