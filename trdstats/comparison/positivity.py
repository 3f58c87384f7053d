"""Subjects whom a treatment never gets: found, named, and left out when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.comparison.people import People

BoolArray = npt.NDArray[np.bool_]

# Nobody of a level under a treatment is taken as a rule, not chance, below this probability.
CHANCE = 0.05
_MOST_LEVELS = 2  # numbers with as few values are levels


@dataclass(frozen=True, slots=True)
class Violation:
    """A part of a covariate that a treatment never gets.

    Attributes
    ----------
    covariate, level : str
    treatment : str
        Under which there is nobody.
    n : int
        Subjects of that level under other treatments.
    rows : ndarray of bool, shape (n_subjects,)
        Who they are.
    """

    covariate: str
    level: str
    treatment: str
    n: int
    rows: BoolArray

    def words(self) -> str:
        """Say it in a sentence."""
        return (
            f"Nobody with {self.covariate} = {self.level} got {self.treatment} "
            f"({self.n} such subjects under other treatments)."
        )


def find_violations(people: People) -> list[Violation]:
    """Return the levels that some treatment never gets, and ranges it never reaches.

    A level is taken as out of reach when its absence under a treatment has a probability below
    0.05 at the share it has elsewhere.
    """
    found = []
    for column in sorted(str(v) for v in people.design.spec.formula.required_variables):
        values = people.design.frame[column]
        if isinstance(values.dtype, pd.CategoricalDtype) or values.nunique() <= _MOST_LEVELS:
            found += _levels(people, column, values)
        else:
            found += _range(people, column, values.to_numpy(dtype=float))
    return found


def _levels(people: People, column: str, values: pd.Series[Any]) -> list[Violation]:
    found = []
    for level in pd.unique(values):
        rows = (values == level).to_numpy()
        for k, label in enumerate(people.labels):
            mine = people.treatment == k
            share = float(rows[~mine].mean())
            if rows[mine].any() or (1 - share) ** mine.sum() >= CHANCE:
                continue
            found.append(Violation(column, str(level), label, int(rows.sum()), rows))
    return found


def _range(people: People, column: str, values: npt.NDArray[np.float64]) -> list[Violation]:
    """Return the treatments whose subjects all lie beyond all others."""
    found = []
    for k, label in enumerate(people.labels):
        mine = people.treatment == k
        low, high = values[mine].min(), values[mine].max()
        if values[~mine].max() < low or values[~mine].min() > high:
            side = "below" if values[~mine].max() < low else "above"
            edge = low if side == "below" else high
            rows = ~mine
            level = f"{side} {edge:g}"
            found.append(Violation(column, level, label, int(rows.sum()), rows))
    return found
