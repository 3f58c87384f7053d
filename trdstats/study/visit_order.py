"""The order of visits, and their days, from what the visits are called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.errors import SpecError

# A sign belongs to a number only at the start of a word: "day -7", but not "visit-2".
_NUMBER = re.compile(r"(?:(?<![\w.,)\]])[-+])?\d+(?:\.\d+)?")
# Days of a unit of time; a month and a year have no fixed number of days: order only.
_DAYS = {"hour": 1 / 24, "day": 1.0, "week": 7.0}
_ORDER = {**_DAYS, "month": 365.25 / 12, "year": 365.25}
_UNITS = {
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "hour"),
    **dict.fromkeys(("d", "day", "days"), "day"),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks"), "week"),
    **dict.fromkeys(("m", "mo", "month", "months"), "month"),
    **dict.fromkeys(("y", "yr", "year", "years"), "year"),
}
_WORDS = {
    "screening": -np.inf,
    **dict.fromkeys(("baseline", "bl", "randomisation", "randomization"), 0.0),
}


@dataclass(frozen=True)
class VisitOrder:
    """Visits in order.

    Attributes
    ----------
    levels : pandas.Index
        All visits that a column names, in order.
    days : ndarray
        Day of each; NaN where its name does not say it.
    from_text : bool
        Whether the order was read from numbers in texts.
    """

    levels: pd.Index[Any]
    days: FloatArray
    from_text: bool


def order_visits(values: pd.Series[Any], column: str) -> VisitOrder:
    """Put the visits of a column in order.

    Categories keep their order and numbers theirs. Texts are ordered by the numbers in them, never
    by their letters: ``"2 weeks"`` comes before ``"10 weeks"``, ``"day 7"`` before ``"week 2"``,
    ``"baseline"`` before all that come later.

    Raises
    ------
    SpecError
        When texts do not say their order.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        levels = list(values.cat.categories)
        return VisitOrder(pd.Index(levels), days_of(levels), False)
    labels = list(values.dropna().unique())
    if not any(isinstance(v, str) for v in labels):
        try:
            levels = sorted(labels)
        except TypeError as error:
            raise SpecError(_refusal(column, labels)) from error
        return VisitOrder(pd.Index(levels), days_of(levels), False)
    place = _places([str(v) for v in labels])
    if place is None or (len(np.unique(place)) < len(labels)):
        raise SpecError(_refusal(column, labels))
    levels = [labels[k] for k in np.argsort(place)]
    return VisitOrder(pd.Index(levels, dtype=object), days_of(levels), True)


def days_of(levels: Iterable[Any]) -> FloatArray:
    """Return the day that each visit names; NaN where it names none.

    Numbers are days, alone or as text; ``"day 7"``, ``"2 weeks"`` and ``"baseline"`` name theirs;
    ``"visit 3"`` and ``"month 2"`` do not. Dates are counted from the first.
    """
    levels = list(levels)
    days = np.full(len(levels), np.nan)
    for k, level in enumerate(levels):
        if isinstance(level, bool):
            continue
        if isinstance(level, str):
            days[k] = _day_of_text(level)
        elif isinstance(level, pd.Timedelta | np.timedelta64):
            days[k] = pd.Timedelta(level) / pd.Timedelta(days=1)
        elif isinstance(level, int | float | np.integer | np.floating):
            days[k] = float(level)
    if len(levels) and all(isinstance(v, pd.Timestamp | np.datetime64) for v in levels):
        dates = pd.DatetimeIndex(levels)
        days = ((dates - dates.min()) / pd.Timedelta(days=1)).to_numpy(dtype=float)
    return days


def _day_of_text(text: str) -> float:
    words, numbers = _split(text)
    if not numbers:
        value = _WORDS.get(" ".join(words), np.nan)
        return value if np.isfinite(value) else np.nan
    if len(numbers) != 1 or len(words) > 1:
        return np.nan
    size = _DAYS.get(_UNITS.get(words[0], "")) if words else 1.0
    return np.nan if size is None else size * numbers[0]


def _places(texts: list[str]) -> FloatArray | None:
    """Return numbers by which texts can be ordered; None where they do not say their order."""
    if len(texts) == 1:
        return np.zeros(1)
    split = [_split(text) for text in texts]
    named = [not numbers for _, numbers in split]
    of_words = [_WORDS.get(" ".join(words)) for words, numbers in split if not numbers]
    if any(value is None for value in of_words):
        return None
    others = [part for part, is_named in zip(split, named, strict=True) if not is_named]
    sizes = _sizes(others)
    if sizes is None:
        return None
    place = np.empty(len(texts))
    place[np.array(named)] = of_words
    place[~np.array(named)] = sizes
    return place


def _sizes(parts: list[tuple[list[str], list[float]]]) -> FloatArray | None:
    """Return the place that the numbers of texts give: in units of time, or among like texts."""
    units = [_UNITS.get(words[0]) if len(words) == 1 else None for words, _ in parts]
    if all(units) and all(len(numbers) == 1 for _, numbers in parts):
        return np.array(
            [_ORDER[str(u)] * numbers[0] for u, (_, numbers) in zip(units, parts, strict=True)]
        )
    if len({(tuple(words), len(numbers)) for words, numbers in parts}) > 1:
        return None
    table = np.array([numbers for _, numbers in parts])
    order = np.lexsort(table.T[::-1])
    # "Visit 2 (week 4)": each of the numbers must rise with the others.
    if (np.diff(table[order], axis=0) < 0).any():
        return None
    place = np.empty(len(parts))
    place[order] = np.cumsum(
        np.concatenate(([table[order[0], 0]], np.diff(table[order], axis=0).sum(axis=1)))
    )
    return place


def _split(text: str) -> tuple[list[str], list[float]]:
    """Return the words of a text, in small letters, and its numbers."""
    plain = text.replace("\N{MINUS SIGN}", "-")
    numbers = [float(number) for number in _NUMBER.findall(plain)]
    words = re.findall(r"[^\W\d_]+", _NUMBER.sub(" ", plain).casefold())
    return words, numbers


def _refusal(column: str, entries: Sequence[Any]) -> str:
    shown = ", ".join(repr(v) for v in entries[:8]) + (", ..." if len(entries) > 8 else "")
    return (
        f"The order of the visits in {column!r} cannot be read from their names: {shown}. Give "
        f"days as numbers, or name the order: frame[{column!r}] = "
        f"pd.Categorical(frame[{column!r}], categories=[...])."
    )
