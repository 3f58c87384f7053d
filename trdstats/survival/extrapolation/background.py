"""Deaths in the population as a bound on what is carried beyond the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arrays import FloatArray
from trdstats.columns import numbers
from trdstats.errors import DataError, Problem
from trdstats.frames import to_pandas

YEAR = 365.25
_HIGHEST = 1.0  # deaths per person-year; even at the age of 110 they are fewer
_OLDEST = 120.0  # years


@dataclass(frozen=True)
class Background:
    """Rates of the population by age.

    Attributes
    ----------
    age : ndarray, shape (k,)
        Youngest age of each band, in years, increasing.
    rate : ndarray, shape (k,)
        Events per person-year.
    """

    age: FloatArray
    rate: FloatArray

    def survival(self, ages: FloatArray, days: FloatArray) -> FloatArray:
        """Return the mean proportion without an event by each day, of subjects of these ages."""
        edges = np.r_[self.age, np.inf]
        until = ages[:, None, None] + days[None, :, None] / YEAR
        lived = np.clip(until, edges[:-1], edges[1:]) - np.clip(
            ages[:, None, None], edges[:-1], edges[1:]
        )
        return np.asarray(np.exp(-(lived * self.rate).sum(axis=2)).mean(axis=0))


def read_background(table: FrameLike) -> Background:
    """Return checked rates.

    Raises
    ------
    DataError
        With every problem of the table.
    """
    frame = to_pandas(table, what="background rates")
    problems = [
        Problem("unknown_column", f"The background rates have no column {c!r}.", (),
                "It has age (youngest of the band, years) and rate (events per person-year).")
        for c in ("age", "rate") if c not in frame
    ]  # fmt: skip
    if problems:
        raise DataError(problems)
    age, bad_age = numbers(frame["age"])
    rate, bad_rate = numbers(frame["rate"])
    checks = (
        ("empty_table", not len(frame), "The background rates have no rows.",
         "Give one row a band."),
        ("bad_age", bad_age.any() or not np.isfinite(age).all() or (np.diff(age) <= 0).any(),
         "The ages of the background rates are no increasing numbers.",
         "Give the youngest age of each band, in years, sorted."),
        ("bad_rate", bad_rate.any() or not np.isfinite(rate).all() or (rate < 0).any(),
         "A background rate is missing, negative or no number.",
         "Give events per person-year, such as 0.0021."),
        ("high_rate", np.isfinite(rate).any() and np.nanmax(rate) > _HIGHEST,
         f"A background rate is above {_HIGHEST:g} death per person-year.",
         "Rates per 100, 1,000 or 100,000 persons are to be divided by that number."),
    )  # fmt: skip
    problems = [Problem(kind, text, (), remedy) for kind, bad, text, remedy in checks if bad]
    if problems:
        raise DataError(problems)
    return Background(age, rate)


def ages_of(frame: pd.DataFrame, column: str, youngest: float) -> FloatArray:
    """Return the ages of subjects.

    Raises
    ------
    DataError
        When an age is missing, none of a person, or below the youngest band.
    """
    ages, bad = numbers(frame[column])
    wrong = bad | ~np.isfinite(ages) | (ages < youngest) | (ages > _OLDEST)
    if wrong.any():
        raise DataError(
            [
                Problem(
                    "bad_age",
                    f"{int(wrong.sum())} of {len(ages)} ages in {column!r} are missing, above "
                    f"{_OLDEST:g}, or below the youngest band of the background rates "
                    f"({youngest:g}).",
                    tuple(str(s) for s in frame["subject"][wrong]),
                    "Fill the ages in, in years, or add a band.",
                )
            ]
        )
    return ages
