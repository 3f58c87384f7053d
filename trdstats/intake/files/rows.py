"""Whether every record of a text file has as many fields as its header."""

from __future__ import annotations

import csv
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from trdstats.arrays import BoolArray, IntArray
from trdstats.errors import DataError, Problem, count_of
from trdstats.intake.files.quotes import check_quotes
from trdstats.intake.files.separators import SPOKEN, records

_PIECE = 1 << 24
_LISTED = 50
_LINE, _RETURN, _SPACE, _QUOTE = b'\n\r "'


def check_rows(data: bytes, separator: str, n_columns: int, name: str) -> None:
    """Refuse a text in which some records are longer or shorter than the header.

    Parameters
    ----------
    data : bytes
        UTF-8 text.
    separator : str
    n_columns : int
        Fields of the header.
    name : str
        The file, for messages.

    Raises
    ------
    DataError
        With the lines.
    """
    if all(_pieces_fit(data, separator, n_columns)):
        return
    # Quotation marks inside a field mislead the count of bytes, and may hold lines that are records
    # of their own: judge such a file field by field.
    text = data.decode("utf-8", "replace")
    try:
        every = [(line, len(fields), fields[-1] == "") for line, fields in records(text, separator)]
        lengths = every[1:]
    except csv.Error as error:
        raise DataError(
            [Problem("quotes", f"{name!r} cannot be split into fields: {error}.", (),
                     "Look for a quotation mark that is not closed.")]
        ) from error  # fmt: skip
    check_quotes(text, separator, n_columns, [line for line, _, _ in every], name)
    if all(n == n_columns + 1 and empty for _, n, empty in lengths):
        return  # a separator at the end of every record but the header
    odd = [(line, n) for line, n, _ in lengths if n != n_columns]
    if odd:
        raise DataError([_ragged(odd, len(lengths), n_columns, separator, name)])


def _ragged(
    odd: list[tuple[int, int]], n_records: int, n_columns: int, separator: str, name: str
) -> Problem:
    where = tuple(
        f"line {line:,} has {count_of(n, 'field', 'fields')}" for line, n in odd[:_LISTED]
    )
    header = count_of(n_columns, "column", "columns")
    lengths = {n for _, n in odd}
    if len(odd) == n_records and len(lengths) == 1:
        n = lengths.pop()
        return Problem(
            "header",
            f"The first line of {name!r} names {header}, every other line has {n:,} fields.",
            (),
            "The first line must name every column: delete titles above it, or complete it.",
        )
    return Problem(
        "ragged_rows",
        count_of(len(odd), "line", "lines")
        + f" of {name!r} {'has' if len(odd) == 1 else 'have'} more or fewer fields than the "
        f"header, which names {header} separated by {SPOKEN.get(separator, repr(separator))}.",
        where,
        "Correct them: a text that holds the separator or a line break needs quotation marks.",
    )


def _pieces_fit(data: bytes, separator: str, n_columns: int) -> Iterator[bool]:
    """Yield, piece by piece, whether every line has its share of separators.

    With as many separators as all lines need together, every line has its own if the first and
    the last of its share stand in it.
    """
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    data = data if data.endswith(b"\n") else data + b"\n"
    quoted, start, needed = b'"' in data, 0, n_columns - 1
    while start < len(data):
        end = _end_of_piece(data, start, quoted)
        part = np.frombuffer(data, np.uint8, end - start, start)
        mark = part == ord(separator)
        line = part == _LINE
        if quoted:
            outside = np.bitwise_xor.accumulate((part == _QUOTE).view(np.uint8)) == 0
            if not outside[-1] or _may_swallow(mark, line, outside, needed):
                yield False
                return
            mark &= outside
            line &= outside
        ends = np.flatnonzero(line)
        if not len(ends):  # a quotation mark is not closed
            yield False
            return
        begins = np.concatenate(([0], ends[:-1] + 1))
        filled = ~_blank(part, begins, ends)
        places = np.flatnonzero(mark)
        if len(places) != needed * filled.sum():
            yield False
        elif needed:
            first, last = places[::needed], places[needed - 1 :: needed]
            yield bool((first >= begins[filled]).all() and (last < ends[filled]).all())
        start = end


def _may_swallow(mark: BoolArray, line: BoolArray, outside: BoolArray, needed: int) -> bool:
    """Return whether all lines of some field of several have as many separators as a record."""
    ends = np.flatnonzero(line)
    of_record = outside[ends]
    if of_record.all():
        return False
    begins = np.concatenate(([0], ends[:-1] + 1))
    fits = np.add.reduceat(mark.view(np.uint8), begins, dtype=np.int64) == needed
    first = np.concatenate(([0], np.flatnonzero(of_record)[:-1] + 1))
    several = np.diff(np.append(first, len(ends))) > 1
    return bool((np.logical_and.reduceat(fits, first) & several).any())


def _end_of_piece(data: bytes, start: int, quoted: bool) -> int:
    """Return where a piece may end: behind a line, and outside quotation marks."""
    end = data.find(b"\n", start + _PIECE) + 1
    while end and quoted and data.count(b'"', start, end) % 2:
        end = data.find(b"\n", end) + 1
    return end or len(data)


def _blank(part: npt.NDArray[np.uint8], begins: IntArray, ends: IntArray) -> BoolArray:
    """Return which lines are empty or hold nothing but spaces, which readers skip."""
    flags: BoolArray = (ends == begins) | ((ends == begins + 1) & (part[begins] == _RETURN))
    if (part[begins] == _SPACE).any():
        shown = (part != _SPACE) & (part != _RETURN) & (part != _LINE)
        flags |= np.add.reduceat(shown.view(np.uint8), begins, dtype=np.int64) == 0
    return flags
