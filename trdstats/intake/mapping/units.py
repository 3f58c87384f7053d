"""Units of time, and names of columns that hold a time, such as ``madrs_w{week}``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from trdstats.errors import Problem

Unit = Literal["days", "weeks", "months", "hours"]

MONTH = 365.25 / 12  # days
_SIZES: dict[str, float] = {"days": 1.0, "weeks": 7.0, "months": MONTH, "hours": 1 / 24}
PLACES: dict[str, Unit] = {"day": "days", "week": "weeks", "month": "months", "hour": "hours"}
_PLACE = re.compile(r"\{([^{}]*)\}")


def to_days(values: npt.ArrayLike, unit: Unit) -> npt.NDArray[np.float64]:
    """Return times as days; months of 30.4375 days are rounded to whole days.

    Examples
    --------
    >>> to_days([0, 1, 3, 6], "months").tolist()
    [0.0, 30.0, 91.0, 183.0]
    """
    days = np.asarray(values, dtype=float) * _SIZES[unit]
    return np.rint(days) if unit == "months" else days


def describe_unit(unit: Unit) -> str:
    """Return how a unit becomes days, in words."""
    return {
        "days": "days as they are",
        "weeks": "weeks times 7",
        "months": "months times 30.4375, rounded to whole days",
        "hours": "hours divided by 24",
    }[unit]


def places_of(pattern: str) -> list[str]:
    """Return the names in braces of a pattern.

    Examples
    --------
    >>> places_of("w{week}_phq9_{item}")
    ['week', 'item']
    """
    return _PLACE.findall(pattern)


def unit_of(pattern: str) -> Unit | None:
    """Return the unit of the time in a pattern, None where it holds none."""
    placeholders = [PLACES[p] for p in places_of(pattern) if p in PLACES]
    return placeholders[0] if placeholders else None


def match_columns(pattern: str, columns: Iterable[str]) -> dict[str, dict[str, float]]:
    """Return the columns that fit a pattern, each with the numbers in its places.

    Examples
    --------
    >>> match_columns("madrs_w{week}", ["madrs_w0", "madrs_w12", "madrs_wide", "id"])
    {'madrs_w0': {'week': 0.0}, 'madrs_w12': {'week': 12.0}}
    """
    parts = _PLACE.split(pattern)
    text = "".join(
        f"(?P<{part}>[-−]?\\d+(?:[._]\\d+)?)" if k % 2 else re.escape(part)
        for k, part in enumerate(parts)
    )
    form = re.compile(f"{text}$", re.IGNORECASE)
    by_pattern: dict[str, dict[str, float]] = {}
    for column in columns:
        match: Any = form.match(column)
        if match:
            by_pattern[column] = {
                k: float(v.replace("−", "-").replace("_", "."))
                for k, v in match.groupdict().items()
            }
    return by_pattern


_WORDS: dict[Unit, frozenset[str]] = {
    "days": frozenset(("day", "days", "tag", "tage", "jour", "jours", "dia", "dias")),
    "weeks": frozenset(("week", "weeks", "wk", "wks", "woche", "wochen", "studyweek", "visitweek",
                        "weekno", "semaine", "semana")),
    "months": frozenset(("month", "months", "monat", "monate", "mois", "mes")),
    "hours": frozenset(("hour", "hours", "hrs", "stunde", "stunden", "heure", "hora")),
}  # fmt: skip


def note_unit_in_name(
    what: str, name: str, day: npt.NDArray[np.float64], remedy: str
) -> Problem | None:
    """Note that a column taken for days is called by another unit.

    Parameters
    ----------
    what : str
        The column, for the message.
    name : str
    day : ndarray, shape (n_rows,)
        Its numbers: weeks that were made days are multiples of 7 by themselves.
    remedy : str
    """
    unit = _unit_of(name)
    if unit is None:
        return None
    after = day[day > 0]
    if not len(after):
        return None
    if unit != "hours" and not (after % 7).any():
        return None
    return Problem(
        "unit_in_name",
        f"{what} is taken for days and called by {unit}: its numbers go up to {after.max():g}.",
        (),
        remedy,
        level="warning",
    )


def days_to_judge(name: str, day: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the few days of a column by which `note_unit_in_name` judges it.

    Examples
    --------
    >>> days_to_judge("week", np.array([0.0, 7.0, 12.0, 13.0, 21.0])).tolist()
    [12.0, 21.0]
    """
    after = day[day > 0] if _unit_of(name) is not None else day[:0]
    return np.concatenate((after[after % 7 > 0][:1], after[after == np.max(after, initial=0)][:1]))


def _unit_of(name: str) -> Unit | None:
    """Return the unit other than days that a column is called by."""
    words = {w.casefold() for w in re.findall(r"[A-Z]?[a-z]+|[A-Z]+|[^\W\d_a-zA-Z]+", name)}
    units = [unit for unit, of_unit in _WORDS.items() if words & of_unit]
    return units[0] if len(units) == 1 and units[0] != "days" else None
