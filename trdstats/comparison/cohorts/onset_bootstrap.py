"""Days to response from the intervals between visits, with a bootstrap of the whole chain.

A cohort is drawn once a resample, whichever cohort it is compared with: its curve without weights
is estimated once, and contrasts of several pairs rest on the same patients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import no_error_reason
from trdstats.estimates import Estimates, estimates_of
from trdstats.kernels.interval.npmle_bounds import restricted_mean_bounds
from trdstats.kernels.interval.stacked_turnbull import StackedNpmle, stacked_turnbull
from trdstats.kernels.interval.turnbull import Npmle, turnbull
from trdstats.kernels.numerics.resampling import covering_p, draw_counts
from trdstats.outcomes import EventTimes
from trdstats.parts import Arrays
from trdstats.replicates import replicate_stacked

_ROUNDING = 1e-12  # days of a mean that sums of weights differ by

# Weights of all subjects of a pair when each is drawn so many times, the reference first; of one
# resample, shape (n,), or of many, shape (b, n).
Reweigh = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Intervals:
    """Onsets of one cohort on arrays, and how its subjects are drawn.

    Attributes
    ----------
    left, right : ndarray, shape (n_rated,)
        Onset lies in (left, right].
    person : ndarray of int, shape (n_rated,)
        Place of each among the subjects of the cohort: those never assessed have no interval.
    n : int
        Subjects.
    seed : int
    """

    left: FloatArray
    right: FloatArray
    person: IntArray
    n: int
    seed: int

    def counts(self, streams: Sequence[np.random.SeedSequence]) -> FloatArray:
        """Return how often each subject is drawn in resamples, shape (b, n)."""
        return np.array([draw_counts(self.n, np.random.default_rng(s)) for s in streams])

    def streams(self, n_boot: int) -> list[np.random.SeedSequence]:
        """Return the random streams of the cohort, the same in all its pairs."""
        return [np.random.SeedSequence((self.seed, turn)) for turn in range(n_boot)]

    def curve(self, weight: FloatArray) -> Npmle:
        """Return the curve when the subjects of the cohort weigh so much, shape (n,)."""
        weight_of_each = weight[self.person]
        is_used = weight_of_each > 0
        return turnbull(self.left[is_used], self.right[is_used], weight_of_each[is_used])

    def curves(self, weight: FloatArray) -> StackedNpmle:
        """Return the curves of resamples, of weights of shape (b, n)."""
        return stacked_turnbull(self.left, self.right, weight[:, self.person])


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
        intervals = Intervals(
            frame["left"].to_numpy(dtype=float), right, person, len(subjects), seed
        )
        return cls(intervals, n_boot, n_jobs)

    @cached_property
    def crude(self) -> Npmle:
        """Curve of the data, without weights."""
        return self.intervals.curve(np.ones(self.intervals.n))

    @cached_property
    def resampled(self) -> StackedNpmle:
        """Curves of every resample, without weights."""
        streams = self.intervals.streams(self.n_boot)
        drawn = replicate_stacked(_crude, (self.intervals,), streams, n_jobs=self.n_jobs)
        return StackedNpmle(**drawn)

    def bounds(self, tau: float) -> FloatArray:
        """Return the bounds of the mean days in the data, then in resamples; (1 + n_boot, 2)."""
        return np.vstack(
            [restricted_mean_bounds(self.crude, tau), self.resampled.restricted_mean_bounds(tau)]
        )


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
    estimate : ndarray, shape (2,)
        Bounds of the difference of the mean days to response, treatment less reference.
    drawn : ndarray, shape (n_boot, 2)
        The same in resamples, weights estimated anew in each.
    sd : float
        Spread of the days between subjects, without weights.
    is_fixed : bool
        Whether a cohort has the same mean days in every resample.
    """

    estimate: FloatArray
    drawn: FloatArray
    sd: float
    is_fixed: bool

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest difference that the visits leave open."""
        return float(self.estimate[0]), float(self.estimate[1])

    def difference(self) -> Estimates:
        """Return the middle of the bounds with percentile limits that cover them.

        There is no statistic of which the p-value would be the tail, so no null value. A cohort
        whose mean never differs would count as known exactly: then there are no limits.
        """
        keys = pd.DataFrame({"measure": ["difference"]})
        if self.is_fixed:
            return estimates_of(
                keys, [self.estimate.mean()], covariance=np.full((1, 1), np.nan),
                reasons=[no_error_reason(np.nan)],
            )  # fmt: skip
        return estimates_of(
            keys, [self.estimate.mean()],
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
    cohorts, n_boot = (reference.intervals, treatment.intervals), reference.n_boot
    streams = list(zip(*(c.streams(n_boot) for c in cohorts), strict=True))
    given = (*cohorts, reweigh, tau)
    resampled = replicate_stacked(_weighted, given, streams, n_jobs=reference.n_jobs)["bounds"]
    weights = _split(reweigh(np.ones(sum(c.n for c in cohorts))), reference.intervals)
    curves = [c.curve(w) for c, w in zip(cohorts, weights, strict=True)]
    bounds = np.array([[restricted_mean_bounds(c, tau) for c in curves]])
    crude = np.stack([reference.bounds(tau), treatment.bounds(tau)], axis=1)
    weighted = np.concatenate([bounds, resampled])
    sd = float(np.sqrt(np.mean([_variance(o.crude, tau) for o in (reference, treatment)])))
    return _differences(crude, sd), _differences(weighted, sd)


def _crude(streams: Sequence[np.random.SeedSequence], cohort: Intervals) -> Arrays:
    curves = cohort.curves(cohort.counts(streams))
    # Resamples have fewer intervals at most than there are distinct ends of all subjects.
    width = len(np.unique(np.concatenate((cohort.left, cohort.right))))
    arrays = {"lower": curves.lower, "upper": curves.upper, "mass": curves.mass}
    return {k: np.pad(v, ((0, 0), (0, width - v.shape[1]))) for k, v in arrays.items()}


def _weighted(
    streams: Sequence[tuple[np.random.SeedSequence, ...]], reference: Intervals,
    treatment: Intervals, reweigh: Reweigh, tau: float,
) -> Arrays:  # fmt: skip
    """Return the bounds of both mean days in resamples, weights estimated anew; (b, 2, 2)."""
    cohorts = (reference, treatment)
    own_counts = [c.counts(s) for c, s in zip(cohorts, zip(*streams, strict=True), strict=True)]
    counts = np.concatenate(own_counts, axis=1)
    weights = _split(counts * reweigh(counts), reference)
    curves = [c.curves(w) for c, w in zip(cohorts, weights, strict=True)]
    return {"bounds": np.stack([c.restricted_mean_bounds(tau) for c in curves], axis=1)}


def _split(weight: FloatArray, reference: Intervals) -> tuple[FloatArray, FloatArray]:
    """Return the weights of the reference and of the treatment."""
    return weight[..., : reference.n], weight[..., reference.n :]


def _variance(curve: Npmle, tau: float) -> float:
    """Return the variance of the days up to tau, each at the middle of what the visits say."""
    days = (np.minimum(curve.lower, tau) + np.minimum(curve.upper, tau)) / 2
    return float(curve.mass @ (days - curve.mass @ days) ** 2)


def _differences(bounds: FloatArray, sd: float) -> OnsetDraws:
    """Return treatment less reference of the bounds of both, shape (1 + n_boot, 2, 2)."""
    gap = bounds[:, 1] - bounds[:, 0, ::-1]
    spread = np.ptp(bounds[1:], axis=0)
    still = (spread <= _ROUNDING * np.abs(bounds[0])).all(axis=1)
    return OnsetDraws(gap[0], gap[1:], sd, bool(still.any()))
