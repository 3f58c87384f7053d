"""Subjects whose days and totals are those of another subject: one patient entered twice."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import Problem, count_of
from trdstats.kinds import places
from trdstats.study.plausibility.timeline import Timeline

# How often two of all subjects would agree by chance: rarer than this, they are one.
_BY_CHANCE = 0.01
# Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195: neighbouring numbers become numbers of
# 64 bits that have nothing in common.
_STEP, _MIX = np.uint64(0x9E3779B97F4A7C15), (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def note_copies(timeline: Timeline, score: FloatArray) -> Problem | None:
    """Note subjects with exactly the days and totals of another subject.

    Few visits on scheduled days agree by chance. How likely that is follows from how common each
    first total and each later change is; a total that stays the same counts as certain.

    Parameters
    ----------
    timeline : Timeline
    score : ndarray, shape (n_ratings,)
        Total of each rating.
    """
    start = timeline.start
    ratings = np.diff(start)
    seen = np.flatnonzero(ratings > 1)
    if len(seen) < 2:
        return None
    rating = _numbered(timeline.day, score)
    # The days of a subject differ, so that a sum over its ratings tells one course from another.
    course = np.add.reduceat(_mixed(rating), start[:-1][ratings > 0])
    course = course[(ratings > 1)[ratings > 0]]
    code, _ = pd.factorize(course)
    first = np.full(code.max() + 1, len(code))
    np.minimum.at(first, code, np.arange(len(code)))
    later = np.flatnonzero(first[code] != np.arange(len(code)))
    who, like = seen[later], seen[first[code[later]]]
    same = _are_same(who, like, start, rating)
    who, like = who[same], like[same]
    if not len(who):
        return None
    surprise = _bits_of(who, start, timeline.day, score)
    unlikely = surprise > 2 * np.log2(len(seen)) - np.log2(_BY_CHANCE)
    if not unlikely.any():
        return None
    of = dict(zip(who[unlikely].tolist(), like[unlikely].tolist(), strict=True))
    marked = np.zeros(len(ratings), dtype=bool)
    marked[who[unlikely]] = True
    n = len(of)
    return Problem(
        "copied_subjects",
        count_of(n, "subject has", "subjects have")
        + " exactly the days and totals of another subject.",
        places(
            marked, lambda i: f"{timeline.ids[i]} as {timeline.ids[of[i]]} ({ratings[i]} ratings)"
        ),
        "Look for double data entry, test records, and files put together twice: each counts as a "
        "patient. Remove the copies.",
        level="warning",
    )


def _numbered(*columns: npt.NDArray[np.generic]) -> IntArray:
    """Return one whole number for each row: the same where all columns are, shape (n,)."""
    number = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        code, distinct = pd.factorize(column)
        number = number * len(distinct) + code
    return number.astype(np.intp)


def _mixed(number: IntArray) -> npt.NDArray[np.uint64]:
    """Return whole numbers as numbers of 64 bits whose sums do not agree by chance."""
    mixed = (number.astype(np.uint64) + np.uint64(1)) * _STEP
    for shift, factor in zip((30, 27), _MIX, strict=True):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def _rows_of(who: IntArray, start: IntArray) -> tuple[IntArray, IntArray]:
    """Return the ratings of some subjects, one subject after the other, and where each begins."""
    count = np.diff(start)[who]
    begins = np.cumsum(count) - count
    return np.repeat(start[who] - begins, count) + np.arange(count.sum()), begins


def _are_same(who: IntArray, like: IntArray, start: IntArray, rating: IntArray) -> IntArray:
    """Return the places of subjects that have the ratings of the other, one by one."""
    count = np.diff(start)
    there = np.flatnonzero(count[who] == count[like])
    if not len(there):
        return there
    rows, begins = _rows_of(who[there], start)
    others, _ = _rows_of(like[there], start)
    return there[np.logical_and.reduceat(rating[rows] == rating[others], begins)]


def _bits_of(who: IntArray, start: IntArray, day: FloatArray, score: FloatArray) -> FloatArray:
    """Return how surprising the ratings of some subjects are, in bits, shape (len(who),).

    A rating is as surprising as its day and its change from the rating before are rare among the
    first, the second, ... ratings of all subjects.
    """
    place = np.arange(len(day)) - np.repeat(start[:-1], np.diff(start))
    change = np.where(place == 0, score, np.diff(score, prepend=0.0))
    rows, begins = _rows_of(who, start)
    step = pd.factorize(_numbered(place, day, change))[0]
    bits = np.log2(np.bincount(place)[place[rows]] / np.bincount(step)[step[rows]])
    bits[(change[rows] == 0) & (place[rows] > 0)] = 0.0
    return np.add.reduceat(bits, begins)
