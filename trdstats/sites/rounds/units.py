"""Covariates whose numbers are of another kind at some sites: years here, months there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from trdstats.sites.rounds.messages import Answer

_APART = 5.0  # times the mean and the spread of another site; a month is a twelfth of a year


@dataclass(frozen=True, slots=True)
class _Moments:
    site: str
    mean: float
    spread: float
    is_mark: bool  # only zeros and ones, of both some


def notes_of_units(terms: Sequence[str], answers: Sequence[Answer]) -> tuple[str, ...]:
    """Return a sentence on each covariate whose numbers are of another kind at some sites.

    Patients of hospitals differ in their means; where the spread is as many times larger, the
    numbers are in other units. Zeros and ones at one site and others elsewhere are other codes.

    Parameters
    ----------
    terms : sequence of str
    answers : sequence of Answer
        Of the first question: numbers of subjects, sums and sums of squares.
    """
    notes = [_note(term, [_moments(a, j) for a in answers]) for j, term in enumerate(terms)]
    return tuple(words for words in notes if words)


def _moments(answer: Answer, term: int) -> _Moments:
    n = float(answer.numbers["n"].sum())
    total, squares = (float(answer.numbers[name][term]) for name in ("sum", "squares"))
    mean = total / n if n else 0.0
    variance = squares / n - mean**2 if n else 0.0
    return _Moments(
        answer.site, mean, float(np.sqrt(max(variance, 0.0))), total == squares and 0 < total < n
    )


def _note(term: str, sites: Sequence[_Moments]) -> str:
    marks = [m.site for m in sites if m.is_mark]
    others = [m.site for m in sites if not m.is_mark and (m.spread > 0 or m.mean not in (0, 1))]
    if marks and others:
        return (
            f"{term} is 0 or 1 at {', '.join(marks)} and holds other numbers at "
            f"{', '.join(others)}: see whether its codes are the same at all sites."
        )
    ordered = sorted(sites, key=lambda m: abs(m.mean))
    for a, b in combinations(ordered, 2):
        larger = a.mean * b.mean > 0 and abs(b.mean) >= _APART * abs(a.mean)
        if larger and a.spread > 0 and b.spread >= _APART * a.spread:
            # Without the numbers: the next question carries the note to the other sites.
            return (
                f"{term} has the mean and the spread of other units at {b.site}: both are five or "
                f"more times those at {a.site}. See whether its units are the same at all sites."
            )
    return ""
