"""What a missed visit does to a state that must last."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from trdstats.errors import SpecError, check_choice
from trdstats.kernels.visits.endpoints import RatedVisits, States
from trdstats.kernels.visits.missed_visits import ExpectedVisits, expect, only_rated

Missed = Literal["ignore", "excursion", "failure"]
MISSED_WORDS = {
    "ignore": "missed visits are passed over",
    "excursion": "a missed visit is an excursion",
    "failure": "a missed visit fails it",
}


def check_missed(missing: str) -> None:
    """Raise `SpecError` unless it is a way to treat missed visits."""
    check_choice("missing", missing, get_args(Missed))


def lay_out(visits: RatedVisits, missing: str, what: str) -> ExpectedVisits:
    """Return the visits a state is judged on: rated ones, and missed ones where they count.

    Raises
    ------
    SpecError
        When missed visits count and the study has no schedule.
    """
    if missing == "ignore":
        return only_rated(visits)
    if visits.missed is None:
        raise SpecError(
            f"{what} counts missed visits (missing={missing!r}), and without windows it is not "
            f"known "
            "which visits were scheduled: Study(..., windows={7: 2, 14: 3})."
        )
    return expect(visits, visits.missed)


def bound_of(grid: ExpectedVisits, bound: States | None, missing: str) -> States | None:
    """Return what must hold at every visit: the given bound, and being rated if that counts."""
    if missing == "ignore":
        return bound
    if missing == "excursion":
        return None if bound is None else grid.spread(bound, missed_counts=False)
    if bound is not None:
        return grid.spread(bound, missed_counts=True)
    reason = np.zeros(len(grid.missed), dtype=np.uint8)
    return States(~grid.missed, np.ones(len(grid.missed), dtype=bool), reason)
