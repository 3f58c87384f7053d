"""Days to response from the intervals between visits, with a bootstrap of the whole chain.

A cohort is drawn once a resample, whichever cohort it is compared with: its curve without weights
is estimated once, and contrasts of several pairs rest on the same patients.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.estimates import Estimates, estimates_of
from trdstats.kernels.interval.npmle_bounds import restricted_mean_bounds
from trdstats.kernels.interval.turnbull import Npmle, turnbull
from trdstats.kernels.numerics.resampling import covering_p, draw_counts
from trdstats.outcomes import EventTimes
from trdstats.parts import Arrays
from trdstats.replicates import replicate
from trdstats.survival.interval.interval_bootstrap import as_arrays, curve_from

# Weights of all subjects of a pair when each is drawn so many times, the reference first.
Reweigh = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Intervals:
    """Onsets of one cohort on arrays, and how its subjects are drawn.

    Attributes
    ----------
    left, right : ndarray, shape (n_rated,)
        Onset lies in (left, right].
    person : ndarray of int, shape (n_rated,)
        Place of each among the subjects of the cohort: those never rated have no interval.
    n : int
        Subjects.
    seed : int
    """

    left: FloatArray
    right: FloatArray
    person: IntArray
    n: int
    seed: int

    def counts(self, stream: np.random.SeedSequence | None) -> FloatArray:
        """Return how often each subject is drawn in a resample; once each in the data, None."""
        if stream is None:
            return np.ones(self.n)
        return draw_counts(self.n, np.random.default_rng(stream))

    def streams(self, n_boot: int) -> list[np.random.SeedSequence]:
        """Return the random streams of the cohort, the same in all its pairs."""
        return [np.random.SeedSequence((self.seed, turn)) for turn in range(n_boot)]

    def curve(self, weight: FloatArray) -> Npmle:
        """Return the curve when the subjects of the cohort weigh so much."""
        own = weight[self.person]
        mine = own > 0
        return turnbull(self.left[mine], self.right[mine], own[mine])


@dataclass(frozen=True)
class CohortOnset:
    """Onsets of one cohort with its curves in the data and in resamples.

    Attributes
    ----------
    intervals : Intervals
    n_boot, n_jobs : int
    """

    intervals: Intervals
    n_boot: int
    n_jobs: int

    @classmethod
    def of(
        cls, times: EventTimes, subjects: Any, *, seed: int, n_boot: int, n_jobs: int
    ) -> CohortOnset:
        """Return the onsets of the subjects of a cohort, in their order."""
        frame = times.at_risk()
        event = (frame["status"] == 1).to_numpy()
        right = np.where(event, frame["right"].to_numpy(dtype=float), np.inf)
        person = pd.Index(subjects).get_indexer(pd.Index(frame["subject"])).astype(np.intp)
        own = Intervals(frame["left"].to_numpy(dtype=float), right, person, len(subjects), seed)
        return cls(own, n_boot, n_jobs)

    @cached_property
    def crude(self) -> list[Npmle]:
        """Curves of the data, then of every resample."""
        streams = self.intervals.streams(self.n_boot)
        rows = replicate(_crude, (self.intervals,), streams, n_jobs=self.n_jobs)
        return [curve_from(row) for row in (_crude(None, self.intervals), *rows)]


@dataclass(frozen=True)
class CoveringLimits:
    """Percentile limits that cover what the visits leave open, and the test that belongs to them.

    The p-value is the smallest 1 - conf_level at which the limits exclude 0.

    Attributes
    ----------
    draws : ndarray, shape (n_boot, 2)
        Bounds of the difference in resamples.
    """

    draws: FloatArray

    def interval(self, conf_level: float) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper limits."""
        tail = (1 - conf_level) / 2
        low, high = self.draws.T
        return np.quantile(low, [tail]), np.quantile(high, [1 - tail])

    def p_values(self) -> FloatArray:
        """Return the p-value, shape (1,)."""
        return np.array([covering_p(*self.draws.T)])


@dataclass(frozen=True)
class OnsetDraws:
    """The difference of the onset in the data and in resamples.

    Attributes
    ----------
    found : ndarray, shape (2,)
        Bounds of the difference of the mean days to response, treatment less reference.
    drawn : ndarray, shape (n_boot, 2)
        The same in resamples, weights estimated anew in each.
    sd : float
        Spread of the days between subjects, without weights.
    """

    found: FloatArray
    drawn: FloatArray
    sd: float

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest difference that the visits leave open."""
        return float(self.found[0]), float(self.found[1])

    def difference(self) -> Estimates:
        """Return the middle of the bounds with percentile limits that cover them.

        There is no statistic of which the p-value would be the tail, so no null value.
        """
        return estimates_of(
            pd.DataFrame({"measure": ["difference"]}), [self.found.mean()],
            covariance=np.atleast_2d(self.drawn.mean(axis=1).var(ddof=1)),
            limits=CoveringLimits(self.drawn),
        )  # fmt: skip


def draw_onsets(
    reference: CohortOnset, treatment: CohortOnset, reweigh: Reweigh, tau: float
) -> tuple[OnsetDraws, OnsetDraws]:
    """Bootstrap the crude and the weighted contrast in the same resamples.

    Parameters
    ----------
    reference, treatment : CohortOnset
    reweigh : callable
        From how often each subject was drawn, those of the reference first, to the weights of all,
        estimated anew.
    tau : float

    Returns
    -------
    crude, weighted : OnsetDraws
    """
    crude = [
        np.array([restricted_mean_bounds(c, tau) for c in pair])
        for pair in zip(reference.crude, treatment.crude, strict=True)
    ]
    cohorts, n_boot = (reference.intervals, treatment.intervals), reference.n_boot
    streams = list(zip(*(c.streams(n_boot) for c in cohorts), strict=True))
    given = (*cohorts, reweigh, tau)
    rows = replicate(_weighted, given, streams, n_jobs=reference.n_jobs)
    weighted = [row["bounds"] for row in (_weighted((None, None), *given), *rows)]
    found = [np.array([_gap(b) for b in bounds]) for bounds in (crude, weighted)]
    sd = float(np.sqrt(np.mean([_variance(o.crude[0], tau) for o in (reference, treatment)])))
    return OnsetDraws(found[0][0], found[0][1:], sd), OnsetDraws(found[1][0], found[1][1:], sd)


def _crude(stream: np.random.SeedSequence | None, cohort: Intervals) -> Arrays:
    return as_arrays(cohort.curve(cohort.counts(stream)))


def _weighted(
    streams: tuple[np.random.SeedSequence | None, ...], reference: Intervals,
    treatment: Intervals, reweigh: Reweigh, tau: float,
) -> Arrays:  # fmt: skip
    """Return the bounds of both mean days, weights estimated anew."""
    cohorts = (reference, treatment)
    counts = np.concatenate([c.counts(s) for c, s in zip(cohorts, streams, strict=True)])
    weights = np.split(counts * reweigh(counts), [reference.n])
    curves = [c.curve(w) for c, w in zip(cohorts, weights, strict=True)]
    return {"bounds": np.array([restricted_mean_bounds(c, tau) for c in curves])}


def _variance(curve: Npmle, tau: float) -> float:
    """Return the variance of the days up to tau, each at the middle of what the visits say."""
    days = (np.minimum(curve.lower, tau) + np.minimum(curve.upper, tau)) / 2
    return float(curve.mass @ (days - curve.mass @ days) ** 2)


def _gap(bounds: FloatArray) -> FloatArray:
    """Return the bounds of treatment less reference, of those of both."""
    low, high = bounds[1, 0] - bounds[0, 1], bounds[1, 1] - bounds[0, 0]
    return np.array([low, high])
