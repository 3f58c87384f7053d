"""Items of a form into its total: domain maxima, alternatives, and what is filled in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.visits.answers import (
    AnswerArray,
    answer_type,
    as_floats,
    no_answer,
    unanswered,
)

# What became of a form.
COMPLETE, FILLED_IN, TOO_FEW, EMPTY = range(4)


@dataclass(frozen=True, slots=True)
class FormLayout:
    """How the items of a form make its total.

    Attributes
    ----------
    maxima : ndarray, shape (n_items,)
        Highest score of each item.
    minimum : float
        Lowest score of every item.
    domains : tuple of tuple of int
        Items (from 0) by domain; the total is the sum of the domain maxima. A plain sum has one
        domain an item.
    alternatives : tuple of (int, int)
        Items of which one is empty by design, the other answered.
    """

    maxima: FloatArray
    minimum: float
    domains: tuple[tuple[int, ...], ...]
    alternatives: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class FormTotals:
    """Totals of forms.

    Attributes
    ----------
    total : ndarray, shape (n_forms,)
        NaN where no total can be had.
    n_missing : ndarray of int, shape (n_forms,)
        Items without an answer; of two alternatives that are both empty, one.
    n_imputed : ndarray of int, shape (n_forms,)
        Items (or domains) that the total fills in.
    state : ndarray of uint8, shape (n_forms,)
        `COMPLETE`, `FILLED_IN`, `TOO_FEW` items answered, or `EMPTY`.
    """

    total: FloatArray
    n_missing: IntArray
    n_imputed: IntArray
    state: npt.NDArray[np.uint8]


def truly_missing(items: AnswerArray, layout: FormLayout) -> BoolArray:
    """Return which items lack an answer that the form asks for.

    Parameters
    ----------
    items : ndarray of small int, shape (n_items, n_forms)
        Scores, with `no_answer` where not answered.
    layout : FormLayout

    Returns
    -------
    ndarray of bool, shape (n_items, n_forms)
        Of two alternatives at most the first is marked, when neither was answered.
    """
    missing = unanswered(items)
    for a, b in layout.alternatives:
        missing[a] &= missing[b]
        missing[b] = False
    return missing


def total_forms(
    items: AnswerArray, layout: FormLayout, *, at_most: int, by_range: bool
) -> FormTotals:
    """Score forms.

    Parameters
    ----------
    items : ndarray of small int, shape (n_items, n_forms)
        Scores within range, with `no_answer` where not answered.
    layout : FormLayout
    at_most : int
        Domains (of a plain sum: items) that may be filled in.
    by_range : bool
        Fill in by the share of the range reached in what was answered, so that an item of 0-2
        and one of 0-4 weigh as on the form; otherwise by the mean of what was answered.

    Returns
    -------
    FormTotals
        Totals that were filled in are quotients of integers rounded once, so that a whole
        number comes out whole.
    """
    # No answer is the lowest number of its type.
    at = np.flatnonzero(unanswered(items.min(axis=0)))
    missing = truly_missing(items[:, at], layout)
    incomplete = missing.any(axis=0)
    # Small whole numbers; what an answer that is not there adds is replaced below.
    largest = float(np.abs(layout.maxima).sum() + len(items) * abs(layout.minimum))
    total = np.zeros(items.shape[1], dtype=np.result_type(items, answer_type(-largest, largest)))
    for domain in layout.domains:
        highest = items[domain[0]]
        for other in domain[1:]:
            highest = np.maximum(highest, items[other])
        total += highest
        if layout.alternatives:
            incomplete |= unanswered(highest[at])
    totals = FormTotals(
        total=total.astype(float),
        n_missing=np.zeros(items.shape[1], dtype=np.intp),
        n_imputed=np.zeros(items.shape[1], dtype=np.intp),
        state=np.full(items.shape[1], COMPLETE, dtype=np.uint8),
    )
    at, missing = at[incomplete], missing[:, incomplete]
    if len(at):
        part = _total_incomplete(
            as_floats(items[:, at]), missing, layout, at_most=at_most, by_range=by_range
        )
        for name in FormTotals.__dataclass_fields__:
            getattr(totals, name)[at] = getattr(part, name)
    return totals


def _total_incomplete(
    items: FloatArray, missing: BoolArray, layout: FormLayout, *, at_most: int, by_range: bool
) -> FormTotals:
    """Score forms that lack answers: what the others say, and what is filled in."""
    n_forms = items.shape[1]
    summed, answered = np.zeros(n_forms), np.zeros(n_forms, dtype=np.intp)
    reached, lowest = np.zeros(n_forms), np.zeros(n_forms)
    for domain in layout.domains:
        members = list(domain)
        top = float(layout.maxima[members].max())
        if len(members) == 1:
            value = items[members[0]]
            known = ~missing[members[0]]
        else:
            value = np.fmax.reduce(items[members], axis=0)
            # A missing member cannot raise a maximum that is already the highest possible.
            known = ~missing[members].any(axis=0) | (value == top)
        summed += np.where(known, value, 0.0)
        answered += known
        reached += known * (top - layout.minimum)
        lowest += known * layout.minimum
    n = len(layout.domains)
    n_left = n - answered
    span = sum(float(layout.maxima[list(d)].max()) - layout.minimum for d in layout.domains)
    with np.errstate(invalid="ignore", divide="ignore"):
        if by_range:
            filled = n * layout.minimum + (summed - lowest) * span / reached
        else:
            filled = summed * n / answered
    state = np.full(n_forms, COMPLETE, dtype=np.uint8)
    state[n_left > 0] = FILLED_IN
    state[n_left > at_most] = TOO_FEW
    state[answered == 0] = EMPTY
    total = np.where(state == COMPLETE, summed, np.where(state == FILLED_IN, filled, np.nan))
    return FormTotals(
        total=total,
        n_missing=missing.sum(axis=0),
        n_imputed=np.where(state == FILLED_IN, n_left, 0),
        state=state,
    )


def filled_in_totals(total: FloatArray, layout: FormLayout, at_most: int) -> FloatArray:
    """Return totals that filling in up to `at_most` domains can give; NaN where it cannot.

    Parameters
    ----------
    total : ndarray, shape (n,)
        Totals that are not whole.
    layout : FormLayout
    at_most : int

    Returns
    -------
    ndarray, shape (n,)
        ``lowest + k whole / answered`` for a whole k, rounded once.
    """
    result = np.full(len(total), np.nan)
    for total_span, answered, lowest in sorted(_fractions(layout, at_most)):
        k = (total - lowest) * answered / total_span
        # Six decimals: what is left of a total in a file that rounds more cannot be trusted.
        near = np.abs(k - np.rint(k)) < 1e-6
        exact = lowest + np.rint(k) * total_span / answered
        result = np.where(near & np.isnan(result), exact, result)
    return result


def _fractions(layout: FormLayout, at_most: int) -> set[tuple[int, int, float]]:
    """Return every (whole, answered, lowest) by which filling in scales what was answered."""
    n = len(layout.domains)
    spans = [int(layout.maxima[list(d)].max() - layout.minimum) for d in layout.domains]
    left_out = {0}
    for _ in range(at_most):
        left_out |= {a + b for a in left_out for b in set(spans)}
    total_span = sum(spans)
    by_mean = {(n, n - k, 0.0) for k in range(1, min(at_most, n - 1) + 1)}
    by_range = {
        (total_span, total_span - x, n * layout.minimum) for x in left_out if 0 < x < total_span
    }
    return by_mean | by_range


def repeats_before(items: AnswerArray, same_subject: BoolArray, length: int) -> BoolArray:
    """Mark forms that belong to `length` or more identical ones in a row within a subject.

    Parameters
    ----------
    items : ndarray of small int, shape (n_items, n_forms)
        Forms sorted by subject and time.
    same_subject : ndarray of bool, shape (n_forms,)
        Whether the form before belongs to the same subject.
    length : int

    Returns
    -------
    ndarray of bool, shape (n_forms,)
    """
    n = items.shape[1]
    repeats = same_subject.copy()
    for row in items:
        repeats[1:] &= row[1:] == row[:-1]
    repeats[:1] = False
    if not repeats.any():
        return repeats
    run = np.cumsum(~repeats)  # number of the run of identical forms
    size = np.bincount(run, minlength=n + 1)[run]
    return np.asarray((size >= length) & ~unanswered(items).all(axis=0), dtype=bool)


def one_level(items: AnswerArray, least: int) -> BoolArray:
    """Mark forms of which `least` or more items were answered, all by one score above zero."""
    highest, empty = items.max(axis=0), no_answer(items)
    level: BoolArray = np.asarray(highest > 0)
    for row in items:
        level &= (row == highest) | (row == empty)
    at = np.flatnonzero(level)
    level[at] = np.count_nonzero(~unanswered(items[:, at]), axis=0) >= least
    return level
