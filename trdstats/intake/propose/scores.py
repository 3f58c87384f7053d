"""Where scores stand: totals or items, one column a visit or one for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from trdstats.intake.mapping.units import PLACES, match_columns, to_days
from trdstats.intake.propose.names import ColumnName, columns_for
from trdstats.intake.propose.proposal import Question
from trdstats.intake.propose.values import as_numbers
from trdstats.scales import get_scale

_UNANSWERED = {-999.0, -99.0, -9.0, -8.0, -7.0, -1.0, 99.0, 888.0, 999.0, 9999.0}


@dataclass
class FoundScores:
    """What was found of scores, gathered on the way.

    Attributes
    ----------
    scales : list of str
    score, items : dict of str to object
        As in `ExportMapping`, by scale.
    used : set of str
        Columns taken.
    is_wide : bool
    missing : list
        Codes outside the range of a scale.
    questions : list of Question
    lacking : list of Question
    """

    scales: list[str] = field(default_factory=list)
    score: dict[str, Any] = field(default_factory=dict)
    items: dict[str, Any] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    is_wide: bool = False
    missing: list[float] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    lacking: list[Question] = field(default_factory=list)

    def lack(self, key: str, words: str) -> None:
        """Add what has to be known first."""
        self.lacking.append(Question(key, words))


def find_scores(frame: pd.DataFrame, names: Sequence[ColumnName], scale: str | None) -> FoundScores:
    """Return the scores that an export holds.

    Parameters
    ----------
    frame : pandas.DataFrame
    names : sequence of ColumnName
        Of its columns that hold numbers and have no other role.
    scale : str or None
        Instrument of a column that is only called score.
    """
    scores = FoundScores()
    if scale is not None:
        _unnamed(frame, names, get_scale(scale).label, scores)
    labels = list(dict.fromkeys(n.scale for n in names if n.scale is not None))
    for label in labels:
        if label not in scores.scales:
            _of_scale(label, [n for n in names if n.scale == label], scores)
    if not scores.scales and not scores.lacking:
        generic = columns_for("score", [n.column for n in names])
        if generic:
            scores.lack(
                "scale",
                f"the instrument: column {generic[0]!r} holds scores, and nothing says of which. "
                "Name it: --scale MADRS",
            )
        else:
            scores.lack(
                "score",
                "scores: no column of numbers is called by an instrument, such as madrs, phq9_1 or "
                "hamd17_w4, or score. Rename one, and name the instrument: --scale MADRS",
            )
    wide = {s for s in scores.scales if _is_wide({**scores.score, **scores.items}[s])}
    if wide and len(wide) < len(scores.scales):
        kept = [s for s in scores.scales if (s in wide) == (scores.scales[0] in wide)]
        left = [s for s in scores.scales if s not in kept]
        scores.questions.append(
            Question(
                "scale",
                f"{', '.join(left)} left out: the time stands in the names of the columns of some "
                "scales and not of others. Read them from a separate table",
            )
        )
        scores.scales[:] = kept
        for name in left:
            scores.score.pop(name, None)
            scores.items.pop(name, None)
    scores.is_wide = bool(wide & set(scores.scales))
    _codes(frame, scores)
    return scores


def _is_wide(where: Any) -> bool:
    if isinstance(where, Mapping):
        return True
    return isinstance(where, str) and any(f"{{{u}}}" in where for u in
                                          ("day", "week", "month", "hour"))  # fmt: skip


def _unnamed(
    frame: pd.DataFrame, names: Sequence[ColumnName], label: str, scores: FoundScores
) -> None:
    """Take a column called score for the instrument that was named, if none is called by it."""
    if any(n.scale == label for n in names):
        scores.scales.append(label)
        _of_scale(label, [n for n in names if n.scale == label], scores)
        return
    generic = columns_for("score", [n.column for n in names])
    wide = [n for n in names if n.scale is None and n.unit and n.is_total and n.item is None]
    if generic:
        scores.scales.append(label)
        scores.score[label] = generic[0]
        scores.used.add(generic[0])
    elif wide and len({n.pattern for n in wide}) == 1 and len(wide) > 1:
        scores.scales.append(label)
        scores.score[label] = wide[0].pattern
        scores.used |= {n.column for n in wide}
    else:
        scores.lack(
            "score",
            f"the scores of {label}: no column of numbers is called by it, or score. Rename it",
        )


def _of_scale(label: str, names: list[ColumnName], scores: FoundScores) -> None:
    totals = [n for n in names if n.is_total and n.item is None and n.unit is None]
    timed = [n for n in names if n.is_total and n.item is None and n.unit is not None]
    items = [n for n in names if n.is_total and n.item is not None and n.unit is None]
    both = [n for n in names if n.is_total and n.item is not None and n.unit is not None]
    at_start = [n for n in names if n.is_baseline and n.unit is None and n.item is None]
    whole = len(get_scale(label).item_maxima)
    if _is_family(timed):
        _take(label, "score", _with_baseline(timed, at_start), [*timed, *at_start], scores)
        if both:
            _note_both(label, scores)
    elif _is_family(both) and {n.item for n in both} == set(range(1, whole + 1)):
        _take(label, "items", both[0].pattern, both, scores)
    elif totals:
        _take(label, "score", totals[0].column, [totals[0]], scores)
        if len(totals) > 1:
            others = " or ".join(repr(n.column) for n in totals[1:])
            scores.questions.append(
                Question("score", f"{totals[0].column!r} was taken for {label}, not {others}")
            )
        if items:
            _note_both(label, scores)
    elif _is_family(items) and sorted(n.item or 0 for n in items) == list(range(1, whole + 1)):
        _take(label, "items", items[0].pattern, items, scores)
    elif len(items) > 1 and not any(n.item and n.item > 10_000 for n in items):
        shown = ", ".join(repr(n.column) for n in items[:3])
        scores.lack(
            "score",
            f"what the numbers in {shown} are: {label} has {whole or 'no'} items, so they are not "
            f"its items, and nothing says whether they are days or weeks. Rename them, for "
            f"example {label.lower()}_w4{_surplus(label, items, whole)}",
        )


def _surplus(label: str, items: list[ColumnName], whole: int) -> str:
    """Return the remedy where columns stand beside all items of a scale."""
    if not whole or not set(range(1, whole + 1)) < {n.item for n in items}:
        return ""
    more = ", ".join(repr(n.column) for n in items if not 1 <= (n.item or 0) <= whole)
    return f". If they are items, {more} does not count in {label}: take it out or rename it"


def _is_family(names: list[ColumnName]) -> bool:
    return len(names) > 1 and len({n.pattern for n in names}) == 1


def _with_baseline(timed: list[ColumnName], at_start: list[ColumnName]) -> Any:
    """Return the pattern of columns; with one for baseline, every column and its day."""
    pattern = timed[0].pattern
    if not at_start:
        return pattern
    return {at_start[0].column: 0.0, **{n.column: _day(n) for n in timed}}


def _day(name: ColumnName) -> float:
    (times,) = match_columns(name.pattern, [name.column]).values()
    unit, number = next(iter(times.items()))
    return float(to_days(number, PLACES[unit]))


def _take(label: str, kind: str, where: Any, names: list[ColumnName], scores: FoundScores) -> None:
    if label not in scores.scales:
        scores.scales.append(label)
    (scores.score if kind == "score" else scores.items)[label] = where
    scores.used |= {n.column for n in names}


def _note_both(label: str, scores: FoundScores) -> None:
    scores.questions.append(
        Question("score", f"the total of {label} was taken as it stands; its items are there too")
    )


def _codes(frame: pd.DataFrame, scores: FoundScores) -> None:
    """Find usual codes for missing outside the range of a scale."""
    for label, where in scores.score.items():
        scale = get_scale(label)
        columns = [c for c in scores.used if _holds(where, c)]
        for column in columns:
            values = as_numbers(frame[column])
            if values is None:
                continue
            outside = values[(values < scale.total[0]) | (values > scale.total[1])]
            for code in sorted(set(outside.tolist()) & _UNANSWERED):
                if code not in scores.missing:
                    scores.missing.append(code)


def _holds(where: Any, column: str) -> bool:
    if isinstance(where, Mapping):
        return column in where
    return column == where or bool(match_columns(where, [column]))
