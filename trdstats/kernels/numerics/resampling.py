"""Bootstrap draws of subjects as counts: how often each of them takes part in a resample."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from trdstats.arrays import FloatArray, IntArray


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


def covering_p(low: FloatArray, high: FloatArray) -> float:
    """Return the smallest level at which percentile limits that cover a region exclude 0.

    Parameters
    ----------
    low, high : ndarray, shape (n,)
        Ends of the region in resamples. The limits at the level a are the quantile a / 2 of the
        lower ends and 1 - a / 2 of the upper ends, interpolated as `numpy.quantile` does.

    Returns
    -------
    float
        From 2 / (n + 1), the smallest value that n resamples allow, to 1; NaN without resamples.

    Examples
    --------
    >>> import numpy as np
    >>> draws = np.arange(-1.0, 100.0)
    >>> float(np.quantile(draws, 0.01)), covering_p(draws, draws)
    (0.0, 0.02)
    """
    if not len(low) or np.isnan(low).any() or np.isnan(high).any():
        return float("nan")
    side = min(_proportion_below_0(low), _proportion_below_0(-high))
    return float(min(max(2 * side, 2 / (len(low) + 1)), 1.0))


def _proportion_below_0(draws: FloatArray) -> float:
    """Return the level of the quantile that is 0; 0 or 1 where all draws lie on one side."""
    v = np.sort(draws)
    k = int(np.searchsorted(v, 0.0, side="right"))
    if k in (0, len(v)):
        return float(k > 0)
    return float((k - 1 - v[k - 1] / (v[k] - v[k - 1])) / (len(v) - 1))
