"""Bootstrap of estimates on innermost intervals: subjects drawn again within their group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.interval.late_entry import npmle
from trdstats.kernels.interval.turnbull import Npmle
from trdstats.kernels.numerics.resampling import draw_counts
from trdstats.parts import Arrays
from trdstats.replicates import replicate, streams_of
from trdstats.survival.groups import Group, Sample


def redraw(sample: Sample, n_boot: int, seed: int, n_jobs: int) -> dict[str, tuple[Npmle, ...]]:
    """Return the estimates of every group in every replicate.

    A replicate has a separate seed, so that the number of workers changes nothing.
    """
    rows = replicate(_replicate, (sample.groups,), streams_of(seed, n_boot), n_jobs=n_jobs)
    return {
        g.label: tuple(curve_from(row, f"{k}.") for row in rows)
        for k, g in enumerate(sample.groups)
    }


def _replicate(stream: np.random.SeedSequence, groups: tuple[Group, ...]) -> Arrays:
    rng = np.random.default_rng(stream)
    curves: Arrays = {}
    for k, g in enumerate(groups):
        weight = g.weight * draw_counts(len(g.weight), rng)
        drawn = weight > 0
        curve = npmle(g.left[drawn], g.right[drawn], weight[drawn], g.entry[drawn])
        curves |= as_arrays(curve, f"{k}.")
    return curves


def as_arrays(curve: Npmle, prefix: str = "") -> Arrays:
    """Return a curve as arrays by name."""
    return {f"{prefix}{f.name}": np.asarray(getattr(curve, f.name)) for f in fields(curve)}


def curve_from(arrays: Arrays, prefix: str = "") -> Npmle:
    """Return the curve that `as_arrays` took apart."""
    values = {f.name: arrays[f"{prefix}{f.name}"] for f in fields(Npmle)}
    plain: dict[str, Any] = {k: v if v.ndim else v.item() for k, v in values.items()}
    return Npmle(**plain)


def percentile_limits(
    low: FloatArray, high: FloatArray, conf_level: float
) -> tuple[FloatArray, FloatArray]:
    """Return limits of a pair of bounds from their replicates.

    The lower limit is a quantile of the lower bounds and the upper one of the upper bounds, so
    that the interval covers the whole stretch that the data leave open.

    Parameters
    ----------
    low, high : ndarray, shape (n_boot, k)
        May be infinite.
    conf_level : float
    """
    tail = (1 - conf_level) / 2
    # An order statistic, not a mean of two: one of them may be infinite.
    return (
        np.quantile(low, tail, axis=0, method="inverted_cdf"),
        np.quantile(high, 1 - tail, axis=0, method="inverted_cdf"),
    )


def bounds_of_all(
    replicates: tuple[Npmle, ...], bounds: Callable[[Npmle], tuple[FloatArray, FloatArray]]
) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper bounds of every replicate, shapes (n_boot, k)."""
    pairs = [bounds(r) for r in replicates]
    return np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
