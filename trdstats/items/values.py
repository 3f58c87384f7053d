"""Entries of a form: scores, codes that are not scores, and invalid entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.columns import numbers
from trdstats.errors import Problem, count_of
from trdstats.kernels.visits.answers import AnswerArray, answer_type, from_floats, unanswered
from trdstats.scales import Scale

_LISTED = 50  # places kept in a problem; its summary always gives the full count


@dataclass(frozen=True, slots=True)
class InvalidEntry:
    """An entry that is not a score of its item."""

    item: int
    form: int
    entry: object
    kind: str


@dataclass(frozen=True, slots=True)
class ItemValues:
    """Scores of forms.

    Attributes
    ----------
    scores : ndarray of small int, shape (n_items, n_forms)
        With `no_answer` where not answered.
    n_coded : ndarray of int, shape (n_forms,)
        Items that carry a code which counts as a score (not assessed, scored 0).
    coded_points : ndarray, shape (n_forms,)
        Sum of those codes, were they added up as if they were scores.
    both_parts : ndarray of bool, shape (n_forms,)
        Whether two parts of one item were filled.
    invalid_entries : tuple of InvalidEntry
        Invalid entries; they count as not answered in `scores`.
    """

    scores: AnswerArray
    n_coded: IntArray
    coded_points: FloatArray
    both_parts: BoolArray
    invalid_entries: tuple[InvalidEntry, ...]


class ItemReader:
    """Reads the items of one table of forms, one column at a time."""

    def __init__(self, scale: Scale, n_forms: int) -> None:
        self._scale = scale
        kind = answer_type(scale.item_minimum, max(scale.item_maxima))
        self._scores = np.full((len(scale.item_maxima), n_forms), np.iinfo(kind).min, dtype=kind)
        self._n_coded = np.zeros(n_forms, dtype=np.intp)
        self._coded_points = np.zeros(n_forms)
        self._both_parts = np.zeros(n_forms, dtype=bool)
        self._invalid_entries: list[InvalidEntry] = []
        self._was_read: set[int] = set()

    def read(self, item: int, column: pd.Series[Any], forms: IntArray | None = None) -> None:
        """Read entries of an item; `forms` says to which form each belongs (default: in order)."""
        score = self._plain(item, column)
        if score is None:
            rows = np.arange(len(column)) if forms is None else forms
            score = from_floats(self._judged(item, column, rows), self._scores.dtype)
        if item in self._scale.scoring.reversed:
            ends = self._scale.item_minimum + self._scale.item_maxima[item - 1]
            turned = ends - score.astype(np.int64)
            score = np.where(unanswered(score), score, turned).astype(score.dtype)
        target = self._scores[item - 1]
        if forms is not None:
            target[forms] = np.maximum(target[forms], score)
        elif item in self._was_read:
            self._both_parts |= ~unanswered(target) & ~unanswered(score)
            np.maximum(target, score, out=target)
        else:
            target[:] = score
        self._was_read.add(item)

    def _plain(self, item: int, column: pd.Series[Any]) -> AnswerArray | None:
        """Return whole numbers, all scores of the item; None where entries need a closer look."""
        scale = self._scale
        if not isinstance(column.dtype, np.dtype) or column.dtype.kind not in "iu":
            return None
        if any(code.item == item for code in scale.scoring.codes) or not len(column):
            return None
        score = column.to_numpy()
        if score.min() < scale.item_minimum or score.max() > scale.item_maxima[item - 1]:
            return None
        return score.astype(self._scores.dtype)

    def _judged(self, item: int, column: pd.Series[Any], rows: IntArray) -> FloatArray:
        """Return entries as scores, NaN where there is none; notes what is no score."""
        scale = self._scale
        column = _without_letters(column) if scale.scoring.letter_suffixes else column
        score, no_number = numbers(column)
        for code in scale.scoring.codes:
            if code.item == item:
                coded = score == code.code
                if code.scores is None:
                    score = np.where(coded, np.nan, score)
                else:
                    score = np.where(coded, float(code.scores), score)
                    self._n_coded[rows[coded]] += 1
                    self._coded_points[rows[coded]] += code.code - code.scores
        with np.errstate(invalid="ignore"):
            outside = (score < scale.item_minimum) | (score > scale.item_maxima[item - 1])
            broken = ~outside & ~np.isnan(score) & (score != np.rint(score))
        if no_number.any() or outside.any() or broken.any():
            kinds = (("text", no_number), ("outside", outside), ("fraction", broken))
            self._note(item, column, rows, kinds)
            score = np.where(outside | broken, np.nan, score)
        return score

    def finish(self) -> ItemValues:
        """Return the items that were read."""
        return ItemValues(
            self._scores,
            self._n_coded,
            self._coded_points,
            self._both_parts,
            tuple(self._invalid_entries),
        )

    def _note(
        self,
        item: int,
        column: pd.Series[Any],
        rows: IntArray,
        kinds: tuple[tuple[str, BoolArray], ...],
    ) -> None:
        entries = column.to_numpy(dtype=object)
        for kind, wrong in kinds:
            self._invalid_entries += [
                InvalidEntry(item, int(rows[i]), entries[i], kind) for i in np.flatnonzero(wrong)
            ]


def _without_letters(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return answers without the letters of their options: ``2a`` and ``2b`` are 2."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column
    text = column.astype(object)
    lettered = text.map(lambda v: isinstance(v, str))
    return text.where(
        ~lettered, text.astype(str).str.strip().str.replace(r"[a-cA-C]$", "", regex=True)
    )


def describe_invalid(
    invalid_entries: tuple[InvalidEntry, ...], scale: Scale, at: Callable[[int], str]
) -> Iterator[Problem]:
    """Yield one problem for each kind of invalid entry.

    Parameters
    ----------
    invalid_entries : tuple of InvalidEntry
    scale : Scale
    at : callable
        Names the form: subject, visit and row.
    """
    low = scale.item_minimum
    halves = (
        " Two scorings are in use, 0 to 6 in whole points and 0 to 3 in half points: check which "
        "was used."
        if scale.label == "MADRSS"
        else ""
    )
    words = {
        "text": ("not_a_number", "is not a number", "are not numbers",
                 "Correct the entries, or leave them empty where nothing was answered."),
        "outside": ("item_outside_range", "lies outside its range", "lie outside their range",
                    "Correct the entries, or set codes for missing (such as 9 or -1) to empty."),
        "fraction": ("item_not_whole", "is not whole", "are not whole",
                     f"Items of {scale.label} are scored in whole points.{halves}"),
    }  # fmt: skip
    for kind, (name, one, many, remedy) in words.items():
        entries = [s for s in invalid_entries if s.kind == kind]
        if not entries:
            continue
        places = [
            f"{at(s.form)}, item {s.item} ({low}-{scale.item_maxima[s.item - 1]}): {s.entry!r}"
            for s in entries[:_LISTED]
        ]
        yield Problem(
            name,
            count_of(
                len(entries), f"item of {scale.label} {one}.", f"items of {scale.label} {many}."
            ),
            tuple(places + ["..."] * (len(entries) - len(places))),
            f'{remedy} To score them as missing, counted: invalid="missing".',
        )
