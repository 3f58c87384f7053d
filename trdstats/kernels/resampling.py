"""Bootstrap draws of subjects as counts: how often each of them takes part in a resample."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


def draw_counts(n: int, rng: np.random.Generator) -> FloatArray:
    """Return how often each of n subjects is drawn in n draws with replacement."""
    return rng.multinomial(n, np.full(n, 1 / n)).astype(float)


def draw_within(strata: Iterable[IntArray], n: int, rng: np.random.Generator) -> FloatArray:
    """Return the same for draws within strata, which keep their sizes.

    Parameters
    ----------
    strata : iterable of ndarray of int
        Rows of each stratum; empty ones are passed over.
    n : int
        Number of rows in all.
    rng : numpy.random.Generator
    """
    counts = np.zeros(n)
    for rows in strata:
        if len(rows):
            counts[rows] = draw_counts(len(rows), rng)
    return counts
