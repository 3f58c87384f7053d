"""Columns of subjects that cannot be covariates as they stand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import Problem, count_of
from trdstats.intake.propose.names import says_later
from trdstats.kinds import as_numbers_remedy, quoted, spelled_numbers
from trdstats.study.plausibility.timeline import FEWEST

# Of a category with more levels than this, or than this part of the subjects, hardly any level has
# subjects under every treatment.
MOST_LEVELS = 20
_MOST_OF_SUBJECTS = 1 / 3
# Numbers of so many subjects each, in so little of the range between lowest and highest, may be
# names of sites, of which 999 may be one.
_EACH, _FILLED = 3, 0.3
# Numbers that stand for a missing value in exports, largest size last.
_CODES = tuple(float(sign * d) for sign in (-1, 1) for d in (
    9, 8, 7, 99, 98, 97, 88, 77, 999, 998, 997, 888, 777, 9999, 9998, 8888))  # fmt: skip
_KNOWN_CODES = frozenset(_CODES)
# Whole numbers as text: none of them with a zero in front, which a number would lose.
_WHOLE = re.compile(r"[-+\u2212]?(?:0|[1-9]\d*)(?:\.0+)?")
# A number with a mark: ">60", "36 years", "36,", "36/60". Letters or digits in front are a label.
_MARKED = re.compile(r"([^\w+\u2212-]*)[-+\u2212]?(?:0|[1-9]\d*)(?:[.,]\d+)?(\D*|/\d+)")
# What in such a number is written in another way than Python reads it.
_REWRITTEN = ((re.compile(r"\d,\d"), ",", "."), (re.compile("\u2212"), "\u2212", "-"))
_SAME_MARK = 0.8  # of the levels, that marks are of a unit and not of a label
_LABELLED = 10  # rows each, of a label
_NAMES = re.compile(
    r"site|cent|clinic|therap|rater|hospital|ward|region|postal|zip|code|number|id$"
)


def note_covariates(columns: Mapping[str, pd.Series[Any]]) -> Iterable[Problem]:
    """Yield what is wrong with columns of subjects: codes, numbers as text, levels, known later.

    Parameters
    ----------
    columns : mapping of str to Series
        One value a subject.
    """
    later = [name for name in columns if says_later(str(name))]
    if later:
        yield Problem(
            "known_later",
            f"{len(later)} column{'s' if len(later) > 1 else ''} of `subjects` "
            f"{'are' if len(later) > 1 else 'is'} by name known only after treatment began.",
            tuple(map(repr, later)),
            "They are kept. Adjusting for what treatment has changed hides its effect: leave them "
            "out of models and of baseline characteristics.",
            level="note",
        )
    many = []
    for name, values in columns.items():
        if values.dtype.kind in "mMbc" or pd.api.types.is_bool_dtype(values.dtype):
            continue
        if pd.api.types.is_numeric_dtype(values.dtype):
            codes = _note_codes(name, values.to_numpy(dtype=float, na_value=np.nan))
            if codes is not None:
                yield codes
            continue
        levels = values.cat.categories if values.dtype == "category" else pd.unique(values.dropna())
        given = int(values.notna().sum())
        if len(levels) < FEWEST or given < FEWEST:
            continue
        levels = np.asarray(levels, dtype=object)
        spelled = spelled_numbers(levels)
        if spelled:
            yield Problem(
                "numbers_as_text",
                f"`subjects` column {name!r} is text that spells numbers ({spelled}): as a "
                f"covariate it would be a category of {len(levels):,} levels.",
                tuple(repr(v) for v in levels[:5]),
                as_numbers_remedy("subjects", name),
                level="warning",
            )
        elif len(levels) > MOST_LEVELS or len(levels) > _MOST_OF_SUBJECTS * given:
            many.append(f"{name} ({len(levels):,} levels)")
    if many:
        yield Problem(
            "many_levels",
            f"{len(many)} text column{'s' if len(many) > 1 else ''} of `subjects` "
            f"{'have' if len(many) > 1 else 'has'} so many levels that hardly any is found under "
            "every treatment.",
            tuple(many),
            "They are kept. Group the levels before one is used as a covariate.",
            level="note",
        )


def _note_codes(name: str, values: FloatArray) -> Problem | None:
    """Note numbers that are usual codes for missing and lie far from all others."""
    marked = find_codes(values)
    if marked is None:
        return None
    codes, counts, others = marked
    return Problem(
        "code_among_covariates",
        f"`subjects` column {name!r} holds {words_on_codes(codes, others)}.",
        tuple(
            f"{c:g}: {count_of(int(n), 'subject', 'subjects')}"
            for c, n in zip(codes, counts, strict=True)
        ),
        "Leave these cells empty: as numbers they enter means and adjustments. If the numbers "
        "name sites or other kinds, make them texts.",
        level="note" if may_be_names(others) else "warning",
    )


def find_codes(values: FloatArray) -> tuple[FloatArray, IntArray, FloatArray] | None:
    """Find numbers that are usual codes for missing and lie far from all others.

    Parameters
    ----------
    values : ndarray, shape (n,)

    Returns
    -------
    (ndarray, ndarray, ndarray) or None
        The codes, how often each occurs, and all values that are no usual code; None where there
        is no such code, or there are too few others to tell.
    """
    if not np.isfinite(values.sum()):
        values = values[np.isfinite(values)]
    # What lies far from all others is the lowest or the highest.
    if not len(values) or not {float(values.min()), float(values.max())} & _KNOWN_CODES:
        return None
    is_code = np.isin(values, _CODES)
    others = values[~is_code]
    if len(others) < FEWEST:
        return None
    low, high = float(others.min()), float(others.max())
    odd = values[is_code]
    # Beyond the others by more than they are apart, or below zero where all others are not.
    far = odd[(odd > high + max(high - low, 1.0)) | ((odd < 0) & (low >= 0))]
    if not len(far):
        return None
    codes, counts = np.unique(far, return_counts=True)
    return codes, counts, others


def note_whole_numbers(n: int, levels: pd.Index[Any], name: str, table: str) -> Problem | None:
    """Note a column of whole numbers written as text, or of numbers with a mark, as a category.

    Few such numbers, or numbers that each stand for many rows, are labels as often as amounts.
    """
    if len(levels) < FEWEST:
        return None
    whole = all(isinstance(v, str) and _WHOLE.fullmatch(v) for v in levels)
    mark = "" if whole else _mark_of(levels)
    if not whole and not mark:
        return None
    if len(levels) <= MOST_LEVELS and n >= _LABELLED * len(levels):
        return None
    if _NAMES.search(name.casefold()):
        return None
    if mark:
        column = f"{table.replace(' ', '_')}[{name!r}]"
        rewritten = "".join(
            f".str.replace({old!r}, {new!r})"
            for pattern, old, new in _REWRITTEN
            if any(pattern.search(v) for v in levels)
        )
        return Problem(
            "marked_numbers",
            f"`{table}` column {name!r} holds numbers with {mark!r} beside them: it counts as a "
            f"category of {len(levels):,} levels.",
            tuple(repr(v) for v in levels[:5]),
            f"Take the mark off: {column} = {column}{rewritten}.str.extract(r'([-+]?[0-9.]+)', "
            f"expand=False).astype(float). If the values are labels, write C({quoted(name)}).",
            level="warning",
        )
    return Problem(
        "whole_numbers_as_text",
        f"`{table}` column {name!r} holds whole numbers written as text: it counts as a category "
        f"of {len(levels):,} levels.",
        tuple(repr(v) for v in levels[:5]),
        f"Convert it: {table.replace(' ', '_')}[{name!r}].astype(float). If the values are labels, "
        f"write C({quoted(name)}).",
        level="warning",
    )


def _mark_of(levels: pd.Index[Any]) -> str:
    """Return what stands beside the number in most levels, all of which hold one; else nothing."""
    parts = [_MARKED.fullmatch(v) if isinstance(v, str) else None for v in levels]
    if any(p is None for p in parts):
        return ""
    marks = Counter((p[1] + p[2]).strip() for p in parts if p is not None)
    mark, n = marks.most_common(1)[0]
    return mark if n >= _SAME_MARK * len(levels) else ""


def words_on_codes(codes: FloatArray, others: FloatArray) -> str:
    """Say which codes lie how far from the other values."""
    return (
        f"{', '.join(f'{c:g}' for c in codes)}, far from all others ({others.min():g} to "
        f"{others.max():g}): probably {'a code' if len(codes) == 1 else 'codes'} for missing"
    )


def may_be_names(values: FloatArray) -> bool:
    """Return whether numbers may be names, as of sites: whole, with gaps, each for several."""
    distinct = np.unique(values)
    whole = bool((distinct % 1 == 0).all())
    gaps = len(distinct) < _FILLED * (distinct[-1] - distinct[0] + 1)
    return whole and gaps and len(values) >= _EACH * len(distinct)
