"""Data-quality findings on the forms of a scale: reported, not refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.columns import numbers
from trdstats.errors import Problem
from trdstats.items.forms import Forms
from trdstats.kernels.numerics.marks import number_rows
from trdstats.kernels.visits.answers import AnswerArray, as_floats, unanswered
from trdstats.kernels.visits.item_scores import one_level, repeats_before
from trdstats.scales import Scale

COPIES = 3  # identical forms in a row that look carried forward
_ITEMS, _ANSWERS = 5, 100  # fewer may all lie above the lowest answer
LEVEL = 5  # from this many answers on, a form should not have one score throughout


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of data-quality problem and the forms that have it.

    Attributes
    ----------
    kind : str
        Short name, as in the column `flags`.
    marked : ndarray of bool, shape (n_forms,)
    detail : list of str or str
        What is wrong, for each marked form in order, or one text for all.
    """

    kind: str
    marked: BoolArray
    detail: list[str] | str


def find_problems(
    forms: Forms, scale: Scale, score: FloatArray, typed: str | None
) -> Iterator[Finding]:
    """Yield the findings, kinds without any form included."""
    values, scoring = forms.answers, scale.scoring
    items = values.scores
    has_invalid = np.zeros(items.shape[1], dtype=bool)
    has_invalid[[s.form for s in values.invalid_entries]] = True
    text: dict[int, str] = {}
    for invalid in values.invalid_entries:
        before = f"{text[invalid.form]}, " if invalid.form in text else ""
        text[invalid.form] = f"{before}item {invalid.item}: {invalid.entry!r}"
    yield Finding("item scored as missing", has_invalid, _joined(text, has_invalid))
    both = values.both_parts.copy()
    for a, b in scoring.alternatives:
        both |= ~unanswered(items[a - 1]) & ~unanswered(items[b - 1])
    yield Finding("both alternatives answered", both, "the higher one counts")
    yield Finding(
        "item not assessed", values.n_coded > 0, "a code that is not a score; it counts as 0"
    )
    yield Finding(
        "all answers equal", one_level(items, LEVEL), f"{LEVEL} or more answers, one score"
    )
    order, same_subject = _by_subject(forms)
    copied = np.zeros(items.shape[1], dtype=bool)
    copied[order] = repeats_before(items[:, order], same_subject, COPIES)
    yield Finding(
        "same answers again", copied, f"{COPIES} or more visits in a row with identical answers"
    )
    yield from _duplicates(forms, order, same_subject)
    yield from _contradictions(items, scale)
    if typed is not None:
        yield from _check_typed_totals(forms, scale, score, typed)


def answers_without_lowest(items: AnswerArray, scale: Scale) -> int | None:
    """Return the number of answers where none is the lowest of its item; None where one is.

    Parameters
    ----------
    items : ndarray of int, shape (n_items, n_forms)
    """
    # No answer lies below the lowest, so one item that has it settles the matter.
    if any((item == int(scale.item_minimum)).any() for item in items):
        return None
    return int(np.count_nonzero(~unanswered(items)))


def note_counted_from_one(n: int | None, scale: Scale) -> Problem | None:
    """Note that no item of any form has its lowest answer: items may count from 1, not from 0.

    Parameters
    ----------
    n : int, optional
        As `answers_without_lowest` returns it, of all forms.
    scale : Scale
    """
    items, lowest = len(scale.item_maxima), int(scale.item_minimum)
    if n is None or items < _ITEMS or n < _ANSWERS:
        return None
    return Problem(
        "items_from_one",
        f"None of {n:,} answers on {items} items of {scale.label} is {lowest}, the lowest.",
        (),
        f"If the form was coded from {lowest + 1} on, take 1 from every item: each total is "
        f"{items} points too high as it is.",
        level="warning",
    )


def _joined(texts: dict[int, str], marked: BoolArray) -> list[str]:
    return [texts[i] for i in np.flatnonzero(marked).tolist()]


def _by_subject(forms: Forms) -> tuple[IntArray | slice, BoolArray]:
    """Return the order by subject and visit, and whether a form has the subject of the last one."""
    subject = _subject_codes(forms.frame[forms.subject])
    day = forms.frame[forms.day]
    rank = (
        day.to_numpy() if day.dtype.kind in "iuf"
        else day.to_numpy(dtype=float) if pd.api.types.is_numeric_dtype(day.dtype)
        else pd.factorize(day, sort=True)[0]
    )  # fmt: skip
    same = subject[1:] == subject[:-1]
    in_order = ((subject[1:] > subject[:-1]) | (same & (rank[1:] >= rank[:-1]))).all()
    same_subject = np.zeros(len(subject), dtype=bool)
    if in_order:
        same_subject[1:] = same
        return slice(None), same_subject
    order = np.lexsort((rank, subject))
    same_subject[1:] = np.diff(subject[order]) == 0
    return order, same_subject


def _subject_codes(subject: pd.Series[Any]) -> IntArray:
    """Return a number for each subject: the whole numbers that name them, or their places."""
    if subject.dtype.kind == "i":
        return subject.to_numpy()
    return pd.factorize(subject)[0]


def _duplicates(
    forms: Forms, order: IntArray | slice, same_subject: BoolArray
) -> Iterator[Finding]:
    n = len(same_subject)
    is_copy, contradicts = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    repeated = same_subject.copy()
    if repeated.any():
        day = forms.frame[forms.day].to_numpy()[order]
        repeated[1:] &= day[1:] == day[:-1]
    if repeated.any():
        row = np.arange(n)[order]
        items = forms.answers.scores[:, order]
        at = np.flatnonzero(repeated)
        equal = (items[:, at - 1] == items[:, at]).all(axis=0)
        is_copy[row[at[equal]]] = True
        for k in (at[~equal], at[~equal] - 1):
            contradicts[row[k]] = True
    yield Finding("copy of a form", is_copy, "same subject, visit and answers as another row")
    yield Finding(
        "contradicting forms", contradicts, "same subject and visit as another row, other answers"
    )


def _contradictions(items: AnswerArray, scale: Scale) -> Iterator[Finding]:
    scoring, n = scale.scoring, items.shape[1]
    inconsistent = np.zeros(n, dtype=bool)
    for a, b, gap in scoring.close_items:
        with np.errstate(invalid="ignore"):
            inconsistent |= np.abs(as_floats(items[a - 1]) - as_floats(items[b - 1])) >= gap
    yield Finding("items contradict each other", inconsistent, _pairs(scale))
    if scoring.mood_item and scoring.suicide_item:
        mood, suicide = items[scoring.mood_item - 1], items[scoring.suicide_item - 1]
        high = scale.item_maxima[scoring.suicide_item - 1] / 2
        yield Finding(
            "suicidal thoughts without low mood",
            ~unanswered(suicide) & (suicide >= high) & (mood == scale.item_minimum),
            f"item {scoring.suicide_item} at half its range or above, "
            f"item {scoring.mood_item} at its lowest",
        )


def _pairs(scale: Scale) -> str:
    return "; ".join(
        f"items {a} and {b} differ by {g} or more" for a, b, g in scale.scoring.close_items
    )


def _check_typed_totals(
    forms: Forms, scale: Scale, score: FloatArray, typed: str
) -> Iterator[Finding]:
    """Yield typed totals that differ from the items, with the likely cause."""
    typed_total, _ = numbers(forms.frame[typed])
    items = as_floats(forms.answers.scores)
    raw = np.nansum(items, axis=0)
    readings: list[tuple[str, FloatArray]] = []
    if scale.raw_maximum is not None:
        readings.append((f"the unscaled sum of the {len(scale.item_maxima)} items", raw))
    if scale.scoring.codes:
        readings.append(("a code for not assessed was added", score + forms.answers.coded_points))
    turned = [i - 1 for i in scale.scoring.reversed]
    if turned:
        ends = scale.layout.maxima[turned].sum() + scale.item_minimum * len(turned)
        as_given = raw + ends - 2 * np.nansum(items[turned], axis=0)
        cause = "the sum of the answers as they stand, turned round before or not at all"
        readings.append((cause, as_given))
    readings += [
        (f"the total of {label}", items[[i - 1 for i in members]].sum(axis=0))
        for label, members in scale.scoring.contains
    ]
    with np.errstate(invalid="ignore"):
        wrong = np.isfinite(typed_total) & np.isfinite(score) & (np.abs(typed_total - score) > 1e-6)
        beyond = np.isfinite(typed_total) & (
            (typed_total < scale.floor) | (typed_total > scale.maximum)
        )
    text: dict[int, str] = {}
    for i in np.flatnonzero(wrong | beyond).tolist():
        matching = [name for name, reading in readings if reading[i] == typed_total[i]]
        cause = f": {matching[0]}" if matching else ""
        outside = f", outside {scale.floor} to {scale.maximum}" if beyond[i] else ""
        text[i] = f"typed {typed_total[i]:g}{outside}, items give {score[i]:g}{cause}"
    marked = wrong | beyond
    yield Finding("typed total differs", marked, _joined(text, marked))


def tabulate(findings: list[Finding], forms: Forms) -> pd.DataFrame:
    """Return findings as a table, one row a form and kind."""
    parts = []
    for finding in findings:
        at = np.flatnonzero(finding.marked)
        parts.append(
            pd.DataFrame(
                {
                    "kind": finding.kind,
                    "subject": _entries(forms.frame[forms.subject], at),
                    "day": _entries(forms.frame[forms.day], at),
                    "row": forms.row[at],
                    "detail": finding.detail,
                }
            )
        )
    columns = ["kind", "subject", "day", "row", "detail"]
    if not parts:
        return pd.DataFrame([], columns=columns)
    return pd.concat(parts, ignore_index=True).infer_objects()


def _entries(column: pd.Series[Any], at: IntArray) -> npt.NDArray[Any]:
    """Return entries of a column: plain numbers as such, others as objects."""
    if column.dtype in (np.dtype(np.int64), np.dtype(np.float64)):
        return column.to_numpy()[at]
    return column.iloc[at].to_numpy(dtype=object)


def flag_forms(findings: list[Finding], n: int) -> pd.Categorical[Any]:
    """Return the kinds found on each form as one text, empty where there is none."""
    flagged = np.zeros(n, dtype=bool)
    for finding in findings:
        flagged |= finding.marked
    some = np.flatnonzero(flagged)
    marked = np.zeros((len(some), len(findings)), dtype=bool)
    for k, finding in enumerate(findings):
        marked[:, k] = finding.marked[some]
    number, first = number_rows(marked)
    texts = ["; ".join(f.kind for f, on in zip(findings, marks, strict=True) if on)
             for marks in marked[first]]  # fmt: skip
    code = np.zeros(n, dtype=np.int16)
    code[some] = number + 1
    categories = pd.Index(["", *texts], dtype=object)
    return pd.Categorical.from_codes(code, categories=categories)
