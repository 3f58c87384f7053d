"""What separates the fields of a text file, told by its first lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from trdstats.errors import DataError, Problem, SpecError, argument

SEPARATORS = (",", ";", "\t", "|")
SPOKEN = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars", " ": "spaces"}
_HEAD = 1 << 18
_RECORDS = 200


def check_separator(separator: str) -> None:
    """Refuse what cannot separate fields.

    Raises
    ------
    SpecError
    """
    if len(separator) != 1 or separator in '"\r\n' or not separator.isascii():
        raise SpecError(f'separator must be one ASCII character such as ";"; got {separator!r}.')


def declared_separator(data: bytes) -> tuple[bytes, str | None]:
    """Return the text without the line ``sep=;`` that Excel understands, and what it says."""
    line, _, rest = data.partition(b"\n")
    line = line.rstrip(b"\r").strip(b'"')
    if line.lower().startswith(b"sep=") and len(line) == 5:
        return rest, line[4:].decode()
    return data, None


def detect_separator(data: bytes, name: str) -> str:
    """Return the separator with which the first records have the same number of fields.

    Parameters
    ----------
    data : bytes
        UTF-8 text.
    name : str
        The file, for messages.

    Raises
    ------
    DataError
        When several separators would do.
    """
    head = data[:_HEAD].decode("utf-8", "ignore")
    counts = {s: _counts(head, s, len(data) > _HEAD) for s in SEPARATORS}
    there = [s for s, n in counts.items() if n and n[0] > 1]
    even = [s for s in there if len(set(counts[s])) == 1]
    if len(even) == 1:
        return even[0]
    later = {s: sum(c > 1 for c in n) for s, n in counts.items()}
    most = max(SEPARATORS, key=lambda s: later[s])
    if not there:
        # A title above the header: the line is named, once the others are known to be a table.
        return most if later[most] >= len(counts[most]) / 2 else ","
    if not even:
        # No separator fits all records: one is used and the records that do not fit are named.
        return max(there, key=lambda s: counts[s].count(counts[s][0]))
    raise DataError(
        [
            Problem(
                "separator",
                f"Fields of {name!r} could be separated by "
                + " or ".join(f"{SPOKEN[s]} ({counts[s][0]} columns)" for s in even)
                + ".",
                (),
                f"Name the separator, for example {_as_given(even[0])}.",
            )
        ]
    )


def records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield records that are not blank with the number of their first line, from 1."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    line = 0
    for fields in reader:
        first, line = line + 1, reader.line_num
        if fields and (len(fields) > 1 or fields[0].strip()):
            yield first, fields


def _counts(head: str, separator: str, is_cut: bool) -> list[int]:
    counts = []
    try:
        for _, fields in records(head, separator):
            counts.append(len(fields))
            if len(counts) > _RECORDS:
                return counts[:-1]
    except csv.Error:
        return counts
    return counts[:-1] if is_cut and len(counts) > 1 else counts


def _as_given(separator: str) -> str:
    return argument(
        "separator", f'"{separator}"', option="tab" if separator == "\t" else f"'{separator}'"
    )
