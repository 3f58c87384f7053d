"""What the name of a column says: its role, or its scale, item and time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from trdstats.scales.registry import usual_names

# Folded names by role, the most telling first; English and German, as exports come.
ROLES: dict[str, tuple[str, ...]] = {
    "subject": (
        "subject", "subjectid", "subjid", "recordid", "patient", "patientid", "patid", "patnr",
        "patientnr", "patientennr", "patientennummer", "participant", "participantid", "proband",
        "probandid", "pid", "caseid", "id",
    ),
    "treatment": (
        "treatment", "treatmentarm", "treatmentgroup", "trt", "arm", "armlabel", "behandlung",
        "behandlungsarm", "therapy", "therapie", "modality", "intervention", "verfahren", "group",
        "gruppe", "allocation", "cohort",
    ),
    "day": (
        "day", "days", "studyday", "visitday", "dayssincestart", "dayssincebaseline", "tag", "tage",
        "studientag",
    ),
    "week": ("week", "weeks", "studyweek", "visitweek", "woche", "wochen", "studienwoche"),
    "month": ("month", "months", "monat", "monate"),
    "date": (
        "date", "visitdate", "datevisit", "ratingdate", "assessmentdate", "dateofvisit",
        "dateofrating", "dateofassessment", "datum", "visitendatum", "untersuchungsdatum",
    ),
    "start": (
        "start", "startdate", "treatmentstart", "startoftreatment", "firsttreatment",
        "firsttreatmentdate", "dateoffirsttreatment", "firstsession", "dateoffirstsession", "begin",
        "beginn", "behandlungsbeginn", "therapiebeginn", "ersttermin", "baselinedate",
    ),
    "visit": ("visit", "visitname", "event", "eventname", "timepoint", "visite", "zeitpunkt"),
    "score": ("score", "total", "totalscore", "sumscore", "summenwert", "gesamtwert", "summe"),
}  # fmt: skip
_TOTAL = {"total", "tot", "sum", "score", "totalscore", "sumscore", "summe", "gesamt", "value"}
_AT_START = {"baseline", "base", "bl", "pre", "screening"}
_DATES = {"date", "datum", "dat"}
_UNITS = {
    "day": ("day", "days", "tag", "d", "t"),
    "week": ("week", "weeks", "woche", "wk", "w"),
    "month": ("month", "months", "monat", "mo", "m"),
    "hour": ("hour", "hours", "stunde", "h"),
}
_UNIT_OF = {word: unit for unit, words in _UNITS.items() for word in words}
# What is known of a subject only after treatment began, unless a word of the past stands beside it.
_LATER = {
    "change", "chg", "pchg", "reduction", "improvement", "response", "responder", "responded",
    "remission", "remitter", "remitted", "relapse", "relapsed", "outcome", "endpoint", "final",
    "post", "followup", "fu", "locf", "dropout", "completer", "trt01a", "trta",
}  # fmt: skip
_PAST = {
    "prior", "previous", "past", "history", "lifetime", "before", "baseline", "base", "bl", "pre",
    "screening", "index", "last", "earlier", "current",
}  # fmt: skip
_PART = re.compile(r"[^\W\d_]+|\d+")


@dataclass(frozen=True, slots=True)
class ColumnName:
    """The parts of the name of a column.

    Attributes
    ----------
    column : str
    scale : str or None
        Label of the instrument in it.
    pattern : str
        The name with `{week}` (or another unit) and `{item}` in place of their numbers.
    unit : str or None
        Unit of its time: ``"day"``, ``"week"``, ``"month"`` or ``"hour"``.
    item : int or None
        A number that is no time.
    is_total, is_date, is_baseline : bool
        Whether nothing else stands in it but words for a total, for a date, for baseline.
    """

    column: str
    scale: str | None
    pattern: str
    unit: str | None
    item: int | None
    is_total: bool
    is_date: bool
    is_baseline: bool


def fold(name: str) -> str:
    """Return a name without case, spaces and punctuation.

    Examples
    --------
    >>> fold("Patient ID")
    'patientid'
    """
    return "".join(c for c in name.casefold() if c.isalnum())


def columns_for(role: str, columns: Iterable[str]) -> list[str]:
    """Return the columns whose name is one of a role, the most telling first.

    Examples
    --------
    >>> columns_for("subject", ["age", "id", "Patient"])
    ['Patient', 'id']
    """
    words = ROLES[role]
    matches = [(words.index(f), c) for c in columns if (f := fold(c)) in words]
    return [c for _, c in sorted(matches, key=lambda pair: pair[0])]


def read_name(column: str) -> ColumnName:
    """Return the parts of a name.

    Examples
    --------
    >>> name = read_name("madrs_w4")
    >>> name.scale, name.pattern, name.is_total
    ('MADRS', 'madrs_w{week}', True)
    >>> read_name("w4_phq9_2").pattern
    'w{week}_phq9_{item}'
    """
    parts = list(_PART.finditer(column))
    scale, taken = _scale(column, parts)
    words, places = [], dict[int, str]()
    unit, item, k = None, None, 0
    while k < len(parts):
        if k in taken:
            k += 1
            continue
        text = parts[k].group().casefold()
        following = k + 1 < len(parts) and k + 1 not in taken and parts[k + 1].group().isdigit()
        if text in _UNIT_OF and following and unit is None:
            unit = _UNIT_OF[text]
            places[k + 1] = unit
            k += 2
            continue
        if text.isdigit():
            item = int(text) if item is None else item
            places[k] = "item"
        else:
            words.append(text)
        k += 1
    rest = set(words)
    return ColumnName(
        column=column,
        scale=scale,
        pattern=_pattern(column, parts, places),
        unit=unit,
        item=item,
        is_total=rest <= _TOTAL,
        is_date=bool(rest & _DATES) and rest <= _DATES | ROLES_OF_VISIT,
        is_baseline=bool(rest & _AT_START) and rest <= _AT_START | _TOTAL,
    )


def says_later(column: str) -> bool:
    """Return whether a name says that a column is known only after treatment began.

    Examples
    --------
    >>> [says_later(c) for c in ("hamd_w4", "madrs_chg", "responder", "hamd_w0", "prior_response")]
    [True, True, True, False, False]
    """
    parts = [part.group().casefold() for part in _PART.finditer(column)]
    words = set(parts) | {"".join(pair) for pair in pairwise(parts)} | {fold(column)}
    if words & _PAST:
        return False
    name = read_name(column)
    if name.unit is None:
        return bool(words & _LATER)
    times = [int(b) for a, b in pairwise(parts) if a in _UNIT_OF and b.isdigit()]
    return bool(words & _LATER) or (bool(times) and times[0] > 0)


ROLES_OF_VISIT = {"visit", "rating", "assessment", "of"}


def _pattern(column: str, parts: list[re.Match[str]], places: dict[int, str]) -> str:
    text, end = "", 0
    for k, part in enumerate(parts):
        if k in places:
            text += column[end : part.start()] + f"{{{places[k]}}}"
            end = part.end()
    return text + column[end:]


def _scale(column: str, parts: list[re.Match[str]]) -> tuple[str | None, set[int]]:
    """Return the instrument with the longest name in a column, and the parts it takes.

    A number after a separator is part of a name only where nothing else follows or precedes:
    ``hamd_6`` may be an item, ``HAM-D 17`` is an instrument.
    """
    known = _names()
    best: tuple[int, str, set[int]] | None = None
    for first in range(len(parts)):
        for last in range(first + 1, len(parts) + 1):
            run = parts[first:last]
            whole = "".join(p.group().casefold() for p in run)
            if whole not in known:
                continue
            torn = any(b.group().isdigit() and a.end() != b.start() for a, b in pairwise(run))
            if torn and not (first == 0 and last == len(parts)):
                continue
            if best is None or len(whole) > best[0]:
                best = len(whole), known[whole], set(range(first, last))
    return (None, set()) if best is None else (best[1], best[2])


@cache
def _names() -> dict[str, str]:
    return {name: label for name, label in usual_names().items() if len(name) > 2}
