"""Two scores of one subject on one day: refused, or settled by a rule that is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import Problem, SpecError, argument, check_choice, count_of
from trdstats.kernels.visits.blocks import rows_where
from trdstats.kinds import label_of, places
from trdstats.scales import Scale

Rule = Literal["first", "last", "worst", "mean"]
RULES = get_args(Rule)
_WORDS = {
    "first": "the first in the order of the rows is kept",
    "last": "the last in the order of the rows is kept",
    "worst": "the worst is kept",
    "mean": "their mean is taken",
}


def read_rule(duplicates: Any) -> str | tuple[str, str] | None:
    """Return the rule for several scores on a day: its name, or a column and what it must say.

    Raises
    ------
    SpecError
        When it is neither.
    """
    if duplicates is None:
        return None
    if isinstance(duplicates, Mapping):
        label = label_of(next(iter(duplicates.values()), None))
        if len(duplicates) != 1 or label is None:
            raise SpecError(
                "duplicates must name one column and the value whose rows are kept, for example "
                f"{{'rater': 'R1'}}; got {dict(duplicates)!r}."
            )
        return str(next(iter(duplicates))), label
    check_choice("duplicates", duplicates, RULES)
    return str(duplicates)


@dataclass(frozen=True, slots=True)
class OneADay:
    """Rows of which every subject has one a day at most.

    Attributes
    ----------
    keep : ndarray of bool, shape (n,)
    score : ndarray, shape (n,)
        The score that stands for the day, on the row that is kept.
    problems : tuple of Problem
        What was settled, or what could not be.
    """

    keep: BoolArray
    score: FloatArray
    problems: tuple[Problem, ...]


def one_a_day(
    frame: pd.DataFrame,
    subjects: Any,
    code: IntArray,
    day: FloatArray,
    score: FloatArray,
    row: IntArray | None,
    scale: Scale,
    rule: str | tuple[str, str] | None,
) -> OneADay:
    """Keep one row a subject and day.

    A row without a score gives way to one that has it, and to another like it. Several scores
    are refused unless there is a rule.

    Parameters
    ----------
    frame : pandas.DataFrame
        The user's visits.
    subjects : sequence, shape (n,)
        Identifiers; all arrays are sorted by subject and day, then by `row`.
    code, row : ndarray of int, shape (n,)
        Subject, and row of `frame`; None for all rows in their order.
    day, score : ndarray, shape (n,)
    scale : Scale
        Its direction says which score is the worst.
    rule : str, (column, value) or None
        As from `read_rule`.
    """
    keep = np.ones(len(day), dtype=bool)
    again = 1 + rows_where(np.equal, day[1:], day[:-1])
    again = again[(code[again] == code[again - 1]) & (code[again] >= 0)]
    if not len(again):
        return OneADay(keep, score, ())
    if row is None:
        row = np.arange(len(day))
    follows = np.zeros(len(day), dtype=bool)
    follows[again] = True
    problems = []
    group = np.cumsum(~follows) - 1
    size = np.bincount(group)
    scored = ~np.isnan(score)
    has_score = np.bincount(group, weights=scored) > 0
    empty = (size > 1)[group] & ~scored & (has_score[group] | follows)
    if empty.any():
        keep[empty] = False
        problems.append(_note_empty(subjects, day, row, empty, scale))
    left = np.flatnonzero(keep)
    several = np.bincount(group[left])[group[left]] > 1
    if not several.any():
        return OneADay(keep, score, tuple(problems))
    at = left[several]
    if rule is None:
        problems.append(_refused(subjects, day, row, at, group, scale))
        return OneADay(keep, score, tuple(problems))
    chosen, score, unsettled = _choose(frame, row, score, at, group[at], scale, rule)
    keep[at] = chosen
    words = _WORDS.get(str(rule)) or f"the one with {rule[0]} = {rule[1]!r} is kept"
    if unsettled.any() and isinstance(rule, tuple):
        problems.append(_unsettled(subjects, day, row, at[unsettled], rule, scale))
        return OneADay(keep, score, tuple(problems))
    problems.append(_settled(subjects, day, score, row, at[chosen], len(at), words, rule, scale))
    return OneADay(keep, score, tuple(problems))


def _choose(
    frame: pd.DataFrame,
    row: IntArray,
    score: FloatArray,
    at: IntArray,
    group: IntArray,
    scale: Scale,
    rule: str | tuple[str, str],
) -> tuple[BoolArray, FloatArray, BoolArray]:
    """Return which of some rows are kept, all scores, and the rows the rule does not settle."""
    first = np.append(True, group[1:] != group[:-1])
    last = np.append(first[1:], True)
    none = np.zeros(len(at), dtype=bool)
    if rule == "first":
        return first, score, none
    if rule == "last":
        return last, score, none
    _, group = np.unique(group, return_inverse=True)
    if rule == "mean":
        mean = np.bincount(group, weights=score[at]) / np.bincount(group)
        score = score.copy()
        score[at[first]] = mean
        return first, score, none
    if rule == "worst":
        bad = -score[at] if scale.high_is_good else score[at]
        order = np.lexsort((-bad, group))
        chosen = none.copy()
        chosen[order[np.append(True, np.diff(group[order]) > 0)]] = True
        return chosen, score, none
    assert isinstance(rule, tuple)
    column, value = rule
    fits = (frame[column].iloc[row[at]].map(label_of) == value).to_numpy(dtype=bool)
    n = np.bincount(group, weights=fits)
    return fits, score, (n != 1)[group]


def _place(subjects: Any, day: FloatArray, row: IntArray, i: int) -> str:
    return f"{subjects[i]} at day {day[i]:g} (row {row[i]})"


def _note_empty(
    subjects: Any, day: FloatArray, row: IntArray, empty: BoolArray, scale: Scale
) -> Problem:
    return Problem(
        "empty_duplicate",
        count_of(int(empty.sum()), "row without", "rows without")
        + f" a {scale.label} score shared subject and day with another row: left out.",
        places(empty, lambda i: _place(subjects, day, row, i)),
        "Nothing is lost: the other row stands for the day.",
        level="note",
    )


def _refused(
    subjects: Any, day: FloatArray, row: IntArray, at: IntArray, group: IntArray, scale: Scale
) -> Problem:
    again = np.append(False, group[at][1:] == group[at][:-1])
    before = np.append(0, at[:-1])
    return Problem(
        "duplicate_visit",
        count_of(int(again.sum()), "row of `visits` repeats", "rows of `visits` repeat")
        + f" a subject and day ({scale.label}).",
        places(
            again,
            lambda i: (
                f"{subjects[at[i]]} at day {day[at[i]]:g} (rows {row[before[i]]}, {row[at[i]]})"
            ),
        ),
        f"Keep one row a subject and day, or name a rule: {_as_given('first')}, 'last', 'worst', "
        f"'mean', or the rows of one rater, {_as_given(('rater', 'R1'))}; ratings hours "
        "apart need fractional days.",
    )


def _unsettled(
    subjects: Any,
    day: FloatArray,
    row: IntArray,
    at: IntArray,
    rule: tuple[str, str],
    scale: Scale,
) -> Problem:
    column, value = rule
    return Problem(
        "duplicate_visit",
        "Of "
        + count_of(len(at), f"{scale.label} score", f"{scale.label} scores")
        + f" that share subject and day with another, none or several have {column} = {value!r}.",
        tuple(_place(subjects, day, row, int(i)) for i in at[:50]),
        f"Correct {column!r} in these rows, keep one row a subject and day, or take another rule.",
    )


def _settled(
    subjects: Any,
    day: FloatArray,
    score: FloatArray,
    row: IntArray,
    at: IntArray,
    n: int,
    words: str,
    rule: str | tuple[str, str],
    scale: Scale,
) -> Problem:
    return Problem(
        "duplicates_settled",
        "On "
        + count_of(len(at), "day", "days")
        + f" a subject has several {scale.label} scores, "
        + count_of(n, "in all", "in all")
        + f": {words}.",
        tuple(f"{_place(subjects, day, row, int(i))}: {score[i]:g}" for i in at[:50])
        + ("...",) * max(len(at) - 50, 0),
        f"This is the rule {_as_given(rule)}.",
        level="note",
    )


def _as_given(rule: str | tuple[str, str]) -> str:
    if isinstance(rule, str):
        return argument("duplicates", repr(rule))
    return argument("duplicates", f"{{{rule[0]!r}: {rule[1]!r}}}", option=f"{rule[0]}={rule[1]}")
