"""When subjects are seen: actual days around the scheduled ones, and visits between them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import SpecError

UNSCHEDULED_SLOTS = 2  # occasions a subject may come unasked; whether they do depends on mood


@dataclass(frozen=True, slots=True)
class Schedule:
    """Scheduled days with a tolerance around each.

    Attributes
    ----------
    days : tuple of float
        Nominal days after first treatment, increasing.
    half_widths : tuple of float
        Tolerance in days on either side.
    """

    days: tuple[float, ...]
    half_widths: tuple[float, ...]

    def __post_init__(self) -> None:
        spans = list(zip(self.days, self.half_widths, strict=True))
        if any(d + w >= e - v for (d, w), (e, v) in pairwise(spans)) or min(self.half_widths) < 0:
            raise SpecError(f"visit windows must increase and keep apart; got {spans}.")
        if spans[0][0] - spans[0][1] <= 0:
            raise SpecError("the first window must open after day 0, the day of baseline.")

    def draw_days(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, BoolArray]:
        """Return the days on which subjects would be seen, increasing in each row.

        A visit strays from its nominal day by a normal deviate of a third of the half-width
        (most visits are near the day, a few at the edge), cut at the edges. Windows of a day or
        more are kept in whole days, narrower ones in hundredths.

        Parameters
        ----------
        n : int
            Subjects.
        rng : numpy.random.Generator

        Returns
        -------
        days : ndarray, shape (n, visits)
            Scheduled visits and `UNSCHEDULED_SLOTS` more, in days.
        is_scheduled : ndarray of bool, shape (n, visits)
        """
        nominal, width = np.asarray(self.days), np.asarray(self.half_widths)
        stray = np.clip(rng.normal(0, 1 / 3, (n, len(nominal))), -1, 1) * width
        actual = np.where(width >= 1, np.rint(nominal + stray), np.round(nominal + stray, 2))
        # Nobody comes unasked in the first days, when they are seen anyway.
        extra = np.floor(rng.uniform(4, nominal[-1], (n, UNSCHEDULED_SLOTS)))
        days = np.concatenate([actual, extra], axis=1)
        is_scheduled = np.arange(days.shape[1]) < len(nominal)
        order = np.argsort(days, axis=1, kind="stable")
        return np.take_along_axis(days, order, axis=1), is_scheduled[order]


def draw_baseline_day(n: int, rng: np.random.Generator, *, same_day: float) -> FloatArray:
    """Return the day of the baseline rating: 0, or up to a week before first treatment.

    Parameters
    ----------
    n : int
        Subjects.
    rng : numpy.random.Generator
    same_day : float
        Probability of a rating on the day of first treatment.

    Returns
    -------
    ndarray, shape (n,)
        Whole days, -7 to 0.
    """
    early = rng.integers(-7, 0, n)
    return np.where(rng.random(n) < same_day, 0, early).astype(float)
