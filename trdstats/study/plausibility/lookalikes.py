"""Labels and identifiers that are probably one and the same, written in different ways."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

import pandas as pd

from trdstats.errors import Problem, count_of
from trdstats.kinds import label_of

_ZEROS = re.compile(r"(?<![\d.])0+(?=\d)")
_WHOLE = re.compile(r"(\d+)\.0+")
_WHOLE_LINE = re.compile(r"^(\d+)\.0+$", re.MULTILINE)
# Characters that are seen as another one or not at all: dashes, spaces, accents of their own, marks
# of no width.
_UNSEEN = ("Cf", "Mn", "Pd", "Zs")
# Letters of Cyrillic and Greek that no eye tells from those of Latin.
_LATIN = str.maketrans(
    "АВЕЅІЈКМНОРСТХУаеѕіјорсхуΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABESIJKMHOPCTXYaesijopcxyABEZHIKMNOPTYXo"
)


def folded(label: Any) -> str:
    """Return a label as one would read it aloud: what folds alike is probably the same.

    Case, spaces, zeros in front, a decimal ``.0``, kinds of dashes, invisible characters and
    letters of another alphabet that look Latin make no difference.

    Examples
    --------
    >>> folded("P 007 "), folded("p7"), folded("7.0")
    ('p7', 'p7', '7')
    """
    text = label_of(label) or ""
    if not text.isascii():
        text = _in_latin(unicodedata.normalize("NFKC", text))
        kinds = [(c, unicodedata.category(c)) for c in text]
        text = "".join("-" if kind == "Pd" else c for c, kind in kinds if kind != "Cf")
    text = "".join(text.split()).casefold()
    whole = _WHOLE.fullmatch(text)
    return _ZEROS.sub("", whole.group(1) if whole else text)


def _in_latin(text: str) -> str:
    """Return a text with Latin letters for those that look like them, where all others are Latin.

    Words of another alphabet stay as they are.
    """
    latin = text.translate(_LATIN)
    return latin if any(c.isalpha() and c.isascii() for c in text) or latin.isascii() else text


def _folded_together(labels: list[Any]) -> list[str]:
    """Return labels as `folded` does, plain texts in one go: registers have millions."""
    try:
        text = "\n".join(["".join(label.split()) for label in labels])
    except (AttributeError, TypeError):
        text = "\N{NO-BREAK SPACE}"  # not all of them are texts
    if not text.isascii():
        return [folded(label) for label in labels]
    return _ZEROS.sub("", _WHOLE_LINE.sub(r"\1", text.casefold())).split("\n")


def shown(label: Any) -> str:
    """Return a label in quotation marks, with what cannot be seen in it written out."""
    text = str(label)
    label = text if isinstance(label, str) else label  # a text of NumPy has another repr
    strange = [c for c in text if not c.isascii()]
    unlisted = any(unicodedata.category(c) in _UNSEEN for c in strange)
    in_two_alphabets = bool(strange) and _in_latin(text) != text
    return ascii(label) if unlisted or in_two_alphabets else repr(label)


def note_lookalikes(labels: Any, what: str, column: str = "") -> Problem | None:
    """Note labels, of a column where it is named, that differ only in how they are written."""
    index = pd.Index(labels)
    if pd.api.types.is_numeric_dtype(index.dtype):
        return None
    folds = _folded_together(index.tolist())
    if len(set(folds)) == len(folds):
        return None
    by_fold: dict[str, list[str]] = {}
    for fold, label in zip(folds, index, strict=True):
        by_fold.setdefault(fold, []).append(shown(label))
    twins = tuple(" and ".join(names) for names in by_fold.values() if len(names) > 1)
    of = f" of {column!r}" if column else ""
    return Problem(
        f"lookalike_{what}",
        count_of(len(twins), f"pair of {what}s{of} differs", f"groups of {what}s{of} differ")
        + " only in case, space, zeros in front or characters that look alike; they count as "
        "different.",
        twins,
        "If they are the same, write them alike.",
        level="warning",
    )


def likely_meant(unknown: Iterable[Any], known: Iterable[Any]) -> str:
    """Return which known identifiers unknown ones are probably meant to be, with two examples."""
    meant: dict[str, Any] = {}
    for label in known:
        meant.setdefault(folded(label), label)
    pairs = [
        f"{shown(label)} and {shown(meant[folded(label)])}"
        for label in dict.fromkeys(unknown)
        if folded(label) in meant
    ]
    more = f" (and {len(pairs) - 2:,} more)" if len(pairs) > 2 else ""
    return "; ".join(pairs[:2]) + more if pairs else ""
