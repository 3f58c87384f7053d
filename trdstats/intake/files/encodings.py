"""Bytes of a text file into UTF-8, by an encoding that is named or can be told with certainty."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from itertools import pairwise

from trdstats.errors import DataError, Problem, SpecError, argument, count_of

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SPOKEN = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with a byte order mark",
    "utf-16": "UTF-16 with a byte order mark",
    "utf-16-le": "UTF-16 (little-endian)",
    "utf-16-be": "UTF-16 (big-endian)",
    "utf-32": "UTF-32 with a byte order mark",
    "cp1252": "Windows-1252",
}
_CP1252, _UTF_16, _CP850 = '"cp1252"', '"utf-16-le"', '"cp850"'  # as Python writes them
_OTHERS = ("cp1252", "cp850", "cp1250", "cp1251", "mac_roman")  # shown when none is certain
_PIECE = 1 << 24
_ZERO_BYTES = 0.1
_WORD = re.compile(rb"[A-Za-z]*[\x80-\xff][A-Za-z\x80-\xff]*")
_SHOWN = 5
# Signs that may stand between two letters: apostrophes, dashes, points, spaces, soft hyphens.
_JOINERS = "‘’–—·\u00a0\u00ad´…"
# Signs that no text of today holds, or that never follow a letter.
_FOREIGN = re.compile("¤|(?<=[^\\W\\d_])[‚„]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text as UTF-8.

    Attributes
    ----------
    data : bytes
        UTF-8, without a byte order mark.
    encoding : str
        Name of the encoding in the file.
    words : tuple of str
        Some words with letters beyond ASCII, where the encoding was inferred from them.
    """

    data: bytes
    encoding: str
    words: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return the encoding in words."""
        return _SPOKEN.get(self.encoding, self.encoding)


def decode(data: bytes, name: str, encoding: str | None = None) -> Decoded:
    """Return the bytes of a text file as UTF-8.

    Parameters
    ----------
    data : bytes
    name : str
        The file, for messages.
    encoding : str, optional
        As Python names encodings. Without it: byte order marks, then UTF-16 by its zero bytes, then
        UTF-8, then Windows-1252, of which Latin-1 is a part, if every word reads as one.

    Raises
    ------
    SpecError
        When the named encoding does not exist.
    DataError
        When the bytes are not of the named encoding, or none is certain.
    """
    if encoding is not None:
        return _as_named(data, name, encoding)
    for mark, marked in _MARKS:
        if data.startswith(mark):
            return _recoded(data, marked, name)
    if b"\x00" in data:
        return _recoded(data, _utf16(data, name), name)
    if data.isascii() or _fault_in_utf8(data) is None:
        return Decoded(data, "utf-8")
    return _eight_bits(data, name)


def _as_named(data: bytes, name: str, encoding: str) -> Decoded:
    try:
        codec = codecs.lookup(encoding)
        if not codec._is_text_encoding:  # such as "rot13", of texts and not of bytes
            raise LookupError
    except (LookupError, ValueError) as error:
        raise SpecError(
            f"Unknown encoding {encoding!r}. Known: utf-8, utf-16, cp1252, latin-1, cp850, "
            "cp1250, cp1251, mac_roman and the others of Python."
        ) from error
    if codec.name == "utf-8":
        encoding = "utf-8-sig" if data.startswith(codecs.BOM_UTF8) else "utf-8"
    return _recoded(data, encoding, name)


def _recoded(data: bytes, encoding: str, name: str) -> Decoded:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(
            [
                Problem(
                    "encoding",
                    f"{name!r} is not {_SPOKEN.get(encoding, encoding)} text.",
                    (f"byte {data[error.start]:#04x} in line {line:,}",),
                    f"Name its encoding, for example {argument('encoding', _CP1252)}, or save it "
                    "as UTF-8.",
                )
            ]
        ) from error
    return Decoded(text.encode("utf-8", "surrogatepass").removeprefix(codecs.BOM_UTF8), encoding)


def _fault_in_utf8(data: bytes) -> int | None:
    """Return where the first byte stands that is not UTF-8."""
    reader, start = codecs.getincrementaldecoder("utf-8")(), 0
    for start in range(0, len(data), _PIECE):
        try:
            reader.decode(data[start : start + _PIECE], final=start + _PIECE >= len(data))
        except UnicodeDecodeError as error:
            return start + error.start
    return None


def _utf16(data: bytes, name: str) -> str:
    """Return which UTF-16 has zero bytes where these bytes have them."""
    head = data[: 1 << 16]
    low, high = head[0::2].count(0), head[1::2].count(0)
    # Digits, separators and line breaks make a good part of any table; a few zero bytes are damage.
    many = max(low, high) >= _ZERO_BYTES * len(head) / 2
    if len(data) % 2 == 0 and (low == 0) != (high == 0) and many:
        return "utf-16-le" if high else "utf-16-be"
    what = "a workbook or an archive" if data.startswith(b"PK") else "another kind of file"
    raise DataError(
        [
            Problem(
                "encoding",
                f"{name!r} holds zero bytes, as no text does: it is damaged, or {what}.",
                (),
                "Correct the ending of its name, or name its encoding: "
                f"{argument('encoding', _UTF_16)}.",
            )
        ]
    )


def _eight_bits(data: bytes, name: str) -> Decoded:
    words = list(dict.fromkeys(_WORD.findall(data)))
    doubtful = [word for word in words if not _reads_as_western(word)]
    if doubtful:
        raise DataError([_undecided(data, doubtful, name)])
    shown = tuple(word.decode("cp1252") for word in words[:_SHOWN])
    return Decoded(data.decode("cp1252").encode("utf-8"), "cp1252", shown)


def _reads_as_western(word: bytes) -> bool:
    """Return whether a word with bytes beyond ASCII makes sense in Windows-1252."""
    try:
        text = word.decode("cp1252")
    except UnicodeDecodeError:  # five bytes stand for nothing there
        return False
    if _FOREIGN.search(text):
        return False
    for before, sign, after in zip(text, text[1:], text[2:], strict=False):
        inside = before.isalpha() and after.isalpha()
        if inside and not sign.isalpha() and sign not in _JOINERS:
            return False
    for before, sign in pairwise(text):
        if before.islower() and sign.isupper() and not sign.isascii():
            return False
    # Words of letters beyond ASCII alone are Cyrillic or Greek, not western.
    letters = [c for c in text if c.isalpha()]
    return len(letters) < 2 or any(c.isascii() for c in letters)


def _undecided(data: bytes, words: list[bytes], name: str) -> Problem:
    text = data.decode("utf-8", "surrogateescape")
    broken = len(re.findall("[\udc80-\udcff]+", text))
    whole = len(re.findall("[\u0080-\ud7ff\ue000-\U0010ffff]+", text))
    if whole > broken:
        lines = [
            i for i, line in enumerate(text.split("\n"), 1) if re.search("[\udc80-\udcff]", line)
        ]
        return Problem(
            "encoding",
            f"{name!r} is UTF-8 text except for "
            + count_of(broken, "place.", "places.")
            + " Two encodings may have been joined.",
            tuple(f"line {i:,}" for i in lines[:50]),
            "Correct these lines and save the file as UTF-8.",
        )
    readings = [
        f"{word.decode(other, 'replace')!r} in {other}" for word in words[:2] for other in _OTHERS
    ]
    return Problem(
        "encoding",
        f"{name!r} is not UTF-8, and no other encoding of its text is certain.",
        tuple(readings),
        f"Name the one that reads well, for example {argument('encoding', _CP850)}.",
    )
