"""Scores and items of an export as numbers, one row a subject and visit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import Problem, count_of, nearest
from trdstats.intake.mapping.spec import ExportMapping
from trdstats.intake.mapping.units import describe_unit, match_columns, to_days, unit_of
from trdstats.intake.values.entries import Column
from trdstats.scales import get_scale

ReadNumbers = Callable[[Column, "str | None"], FloatArray]


@dataclass(frozen=True)
class Measured:
    """Scores of an export, one row a subject and visit.

    Attributes
    ----------
    row : ndarray of int, shape (n_visits,)
        Row of the export from which each comes.
    day : ndarray, shape (n_visits,) or None
        Days that the names of columns say; None where a column holds the time.
    scores : dict of str to ndarray, shape (n_visits,)
        Totals by scale.
    items : dict of str to ndarray, shape (n_items, n_visits)
        Items by scale.
    dates : dict of float to str
        Columns of dates by the day that their names say.
    used : frozenset of str
        Columns of the export that became part of it.
    """

    row: IntArray
    day: FloatArray | None
    scores: dict[str, FloatArray]
    items: dict[str, FloatArray]
    dates: dict[float, str]
    used: frozenset[str]

    @property
    def is_rated(self) -> npt.NDArray[np.bool_]:
        """Visits with any score or item, shape (n_visits,)."""
        result = np.zeros(len(self.row), dtype=bool)
        for values in self.scores.values():
            result |= ~np.isnan(values)
        for values in self.items.values():
            result |= (~np.isnan(values)).any(axis=0)
        return result


# Columns of one scale by the day in their names; under day None where a column holds the time.
Places = dict["float | None", tuple[str, ...]]


def find_columns(
    mapping: ExportMapping, columns: Mapping[str, Column], problems: list[Problem]
) -> tuple[dict[str, Places], dict[str, Places], dict[float, str]]:
    """Return the columns of scores, of items and of dates of wide visits.

    Columns that are not there are appended to `found`, with the nearest names.
    """
    names = list(columns)
    scores = {s: _score_places(s, w, names, problems) for s, w in mapping.scores.items()}
    items = {s: _item_places(s, w, names, problems) for s, w in mapping.forms.items()}
    dates: dict[float, str] = {}
    if mapping.date is not None and unit_of(mapping.date) is not None:
        places = _score_places("date", mapping.date, names, problems)
        dates = {float(day): c[0] for day, c in places.items() if day is not None}
    return scores, items, dates


def _score_places(scale: str, where: Any, names: list[str], problems: list[Problem]) -> Places:
    if isinstance(where, Mapping):
        _check_there(f"score of {scale}", list(where), names, problems)
        return {float(day): (column,) for column, day in where.items()}
    unit = unit_of(where)
    if unit is None:
        _check_there(f"score of {scale}", [where], names, problems)
        return {None: (where,)}
    matched = match_columns(where, names)
    if not matched:
        problems.append(_no_match(scale, where, names))
    result: Places = {}
    for column, numbers in matched.items():
        first = _first_of_its_name(column, matched)
        numbers = matched.get(first, numbers)
        day = float(to_days(next(iter(numbers.values())), unit))
        if day in result:
            problems.append(_twice(where, (*result[day], column), day))
        result[day] = (column,)
    return dict(sorted(result.items(), key=lambda pair: pair[0] or 0.0))


def _first_of_its_name(column: str, names: Collection[str]) -> str:
    """Return the column of which pandas called this one the second, third, ...: ``name.1``."""
    name, mark, k = column.rpartition(".")
    if not mark or not k.isdigit() or name not in names:
        return column
    return name if all(f"{name}.{j}" in names for j in range(1, int(k))) else column


def _item_places(scale: str, where: Any, names: list[str], problems: list[Problem]) -> Places:
    n = len(get_scale(scale).item_maxima)
    if isinstance(where, tuple):
        _check_there(f"items of {scale}", list(where), names, problems)
        return {None: where}
    unit = unit_of(where)
    matched = match_columns(where, names)
    if not matched:
        problems.append(_no_match(scale, where, names))
        return {}
    by_day: dict[float | None, dict[int, str]] = {}
    for column, numbers in matched.items():
        time = [v for k, v in numbers.items() if k != "item"]
        day = float(to_days(time[0], unit)) if unit is not None else None
        form = by_day.setdefault(day, {})
        item = int(numbers["item"])
        if item in form:
            problems.append(_twice(where, (form[item], column), day))
        form[item] = column
    result: Places = {}
    for day, form in sorted(by_day.items(), key=lambda pair: pair[0] or 0.0):
        lacking = [i for i in range(1, n + 1) if i not in form]
        extra = [form[i] for i in form if not 1 <= i <= n]
        if lacking or extra:
            at = "" if day is None else f" at day {day:g}"
            words = [f"item {i} has no column" for i in lacking]
            words += [f"{c!r} is no item" for c in extra]
            problems.append(
                Problem(
                    "items_of_form",
                    f"{where!r} does not give the {n} items of {scale}{at}.",
                    tuple(words),
                    "Correct the pattern, or name the columns in the order of the form: items = "
                    "[...].",
                )
            )
        else:
            result[day] = tuple(form[i] for i in range(1, n + 1))
    return result


def _check_there(role: str, wanted: list[str], names: list[str], problems: list[Problem]) -> None:
    for column in wanted:
        if column not in names:
            close = nearest(column, names)
            hint = (
                "Did you mean " + " or ".join(map(repr, close)) + "?"
                if close
                else "Columns: " + ", ".join(map(repr, names[:20])) + "."
            )
            problems.append(
                Problem(
                    "unknown_column", f"The export has no column {column!r} ({role}).", (), hint
                )
            )


def _no_match(scale: str, pattern: str, names: list[str]) -> Problem:
    close = nearest(pattern.replace("{", "").replace("}", ""), names)
    hint = "Columns that look most like it: " + ", ".join(map(repr, close or names[:12])) + "."
    return Problem("no_columns", f"No column fits {pattern!r} ({scale}).", (), hint)


def _twice(pattern: str, columns: tuple[str, ...], day: float | None) -> Problem:
    at = "one item" if day is None else f"day {day:g}"
    return Problem(
        "columns_of_one_day",
        f"Several columns fit {pattern!r} for {at}.",
        tuple(map(repr, columns)),
        "Rename or remove all but one of them.",
    )


def measure(
    mapping: ExportMapping,
    columns: Mapping[str, Column],
    n_rows: int,
    read: ReadNumbers,
    problems: list[Problem],
) -> Measured:
    """Return scores and items as numbers, wide tables laid out long.

    Parameters
    ----------
    read : callable
        Reads a column as numbers by row; given the pattern under which labels may be named.
    """
    lacking: list[Problem] = []
    scores, items, dates = find_columns(mapping, columns, lacking)
    problems += lacking
    used = {c for p in (*scores.values(), *items.values()) for group in p.values() for c in group}
    used |= set(dates.values())
    if lacking:
        return Measured(np.empty(0, np.intp), None, {}, {}, {}, frozenset(used))
    if not mapping.is_wide:
        return Measured(
            row=np.arange(n_rows),
            day=None,
            scores={s: read(columns[p[None][0]], None) for s, p in scores.items()},
            items={
                s: np.stack([read(columns[c], _pattern(mapping, s)) for c in p[None]])
                for s, p in items.items()
            },
            dates={},
            used=frozenset(used),
        )
    days = sorted({d for p in (*scores.values(), *items.values()) for d in p if d is not None})
    place = {d: k for k, d in enumerate(days)}
    totals = {s: _empty(n_rows, len(days)) for s in scores}
    answers = {s: _empty(n_rows, len(days), len(get_scale(s).item_maxima)) for s in items}
    for scale, where in scores.items():
        for day, group in where.items():
            totals[scale][:, place[day or 0.0]] = read(columns[group[0]], _pattern(mapping, scale))
        _note_empty(scale, totals[scale][:, [place[d or 0.0] for d in where]], problems)
    for scale, where in items.items():
        for day, group in where.items():
            for item, column in enumerate(group):
                answers[scale][item, :, place[day or 0.0]] = read(
                    columns[column], _pattern(mapping, scale)
                )
        known = ~np.isnan(answers[scale][:, :, [place[d or 0.0] for d in where]]).all(axis=0)
        _note_empty(scale, np.where(known, 1.0, np.nan), problems)
    _note_days(mapping, days, problems)
    return Measured(
        row=np.repeat(np.arange(n_rows), len(days)),
        day=np.tile(np.array(days, dtype=float), n_rows),
        scores={s: v.ravel() for s, v in totals.items()},
        items={s: v.reshape(len(v), -1) for s, v in answers.items()},
        dates=dates,
        used=frozenset(used),
    )


def _pattern(mapping: ExportMapping, scale: str) -> str | None:
    where = mapping.forms.get(scale, mapping.scores.get(scale))
    return where if isinstance(where, str) else None


def _empty(n_rows: int, n_days: int, n_items: int | None = None) -> FloatArray:
    shape = (n_rows, n_days) if n_items is None else (n_items, n_rows, n_days)
    return np.full(shape, np.nan)


def _note_empty(scale: str, values: FloatArray, problems: list[Problem]) -> None:
    empty = int(np.isnan(values).sum())
    if empty:
        problems.append(
            Problem(
                "empty_cells",
                count_of(empty, "cell", "cells")
                + f" of {values.size:,} for {scale} without a score: visits without a rating.",
                (),
                "Look whether so many visits were missed.",
                level="note",
            )
        )


def _note_days(mapping: ExportMapping, days: list[float], problems: list[Problem]) -> None:
    units = {unit_of(p) for p in mapping.patterns}
    how = "; ".join(describe_unit(u) for u in sorted(u for u in units if u))
    problems.append(
        Problem(
            "wide_visits",
            "Columns became visits on "
            + count_of(len(days), "day", "days")
            + ": "
            + ", ".join(f"{d:g}" for d in days[:12])
            + (", ..." if len(days) > 12 else "")
            + (f" ({how})." if how else "."),
            (),
            "These are scheduled days; where dates of the visits are known, name them: "
            'date = "date_w{week}".',
            level="note",
        )
    )
