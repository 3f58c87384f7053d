"""What the visits of some subjects say about the days a definition asks for; tallies add."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.visits.endpoints import RatedVisits
from trdstats.outcomes.rules.spacing import Spacing

CLOCK = 1e-6  # days; absorbs rounding of 0.1 + 0.2


@dataclass(frozen=True, slots=True)
class ScheduleTally:
    """Counts and days of the assessments that one spacing speaks of.

    Attributes
    ----------
    ratings : ndarray of int, shape (n,)
        Assessments of each subject that has any.
    last, span : ndarray, shape (n,)
        Its last day, and the days from the first to the last.
    on : ndarray of int, shape (k,)
        Subjects assessed between the days of each pair of the spacing.
    followed : int
        Subjects with two assessments or more.
    gaps, n_gaps : ndarray, shape (m,)
        Distinct days from one assessment to the next, increasing, and how often each occurs.
    n_confirmed : int
        Assessments after which another comes in the time asked for.
    """

    ratings: IntArray
    last: FloatArray
    span: FloatArray
    on: IntArray
    followed: int = 0
    gaps: FloatArray = field(default_factory=lambda: np.zeros(0))
    n_gaps: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    n_confirmed: int = 0

    def __add__(self, other: ScheduleTally) -> ScheduleTally:
        """Return the tally of the subjects of both."""
        gaps, at = np.unique(np.concatenate([self.gaps, other.gaps]), return_inverse=True)
        n_gaps = np.zeros(len(gaps), dtype=np.intp)
        np.add.at(n_gaps, at, np.concatenate([self.n_gaps, other.n_gaps]))
        return ScheduleTally(
            np.concatenate([self.ratings, other.ratings]),
            np.concatenate([self.last, other.last]),
            np.concatenate([self.span, other.span]),
            self.on + other.on,
            self.followed + other.followed,
            gaps,
            n_gaps,
            self.n_confirmed + other.n_confirmed,
        )

    @property
    def total_gaps(self) -> int:
        """Assessments that another one of the same subject follows."""
        return int(self.n_gaps.sum())

    def median_gap(self) -> float:
        """Return the median of the days from one assessment to the next."""
        reached, n = np.cumsum(self.n_gaps), self.total_gaps
        middle = np.searchsorted(reached, [(n - 1) // 2, n // 2], side="right")
        return float(self.gaps[middle].mean())


def tally_schedule(
    visits: RatedVisits, spacings: Sequence[Spacing], since: FloatArray | None = None
) -> tuple[ScheduleTally, ...]:
    """Return the tally of each spacing.

    Parameters
    ----------
    visits : RatedVisits
    spacings : sequence of Spacing
    since : ndarray, shape (n_subjects,), optional
        Day from which assessments count, NaN for none. Pairs of scheduled days count from day 0,
        whatever the origin.
    """
    return tuple(_tally(visits, spacing, since) for spacing in spacings)


def added(tallies: Sequence[tuple[ScheduleTally, ...]]) -> tuple[ScheduleTally, ...]:
    """Return the tallies of all parts together, one a spacing."""
    return tuple(reduce(ScheduleTally.__add__, of_one) for of_one in zip(*tallies, strict=True))


def _tally(visits: RatedVisits, spacing: Spacing, since: FloatArray | None) -> ScheduleTally:
    owner = np.repeat(np.arange(len(visits.start) - 1), np.diff(visits.start))
    day = visits.nominal if spacing.on else visits.day
    if since is not None and not spacing.on:
        with np.errstate(invalid="ignore"):
            later = day >= since[owner]
        owner, day = owner[later], day[later]
    first_row = np.flatnonzero(np.diff(owner, prepend=-1))
    ends = np.append(first_row[1:], len(day))[: len(first_row)]
    last = day[ends - 1]
    on = [
        len(np.unique(owner[(day >= first - CLOCK) & (day <= until + CLOCK)]))
        for first, until in spacing.on
    ]
    tally = ScheduleTally(
        ends - first_row, last, last - day[first_row], np.array(on, dtype=np.intp)
    )
    is_pair = not spacing.on and not spacing.follow_up
    if is_pair and (spacing.least > 0 or spacing.most < np.inf):
        return _with_gaps(tally, owner, day, spacing)
    return tally


def _with_gaps(
    tally: ScheduleTally, owner: IntArray, day: FloatArray, spacing: Spacing
) -> ScheduleTally:
    followed = np.flatnonzero(owner[1:] == owner[:-1])
    if not len(followed):
        return tally
    # One line for all subjects: each begins after the end of the one before.
    length = float(day.max()) + 1.0 + spacing.least
    line = owner * length + day
    partner = np.searchsorted(line, line[followed] + spacing.least - CLOCK)
    partner = np.maximum(partner, followed + 1)
    inside = np.minimum(partner, len(day) - 1)
    fits = (
        (partner < len(day))
        & (owner[inside] == owner[followed])
        & (day[inside] - day[followed] <= spacing.most + CLOCK)
    )
    gaps, n_gaps = np.unique(day[followed + 1] - day[followed], return_counts=True)
    return ScheduleTally(
        tally.ratings, tally.last, tally.span, tally.on,
        int((tally.ratings > 1).sum()), gaps, n_gaps.astype(np.intp), int(fits.sum()),
    )  # fmt: skip
