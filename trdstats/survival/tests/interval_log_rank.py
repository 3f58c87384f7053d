"""Log-rank test for events that are only known to lie between two visits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.arrays import FloatArray
from trdstats.estimates.weights import WeightsLike
from trdstats.kernels.interval.interval_rank_test import (
    ScoreTest,
    influence_test,
    log_rank_scores,
    permutation_test,
)
from trdstats.outcomes import EventTimes, as_event_times
from trdstats.survival.groups import Sample, counts_header
from trdstats.survival.interval_sample import check_survivors, interval_notes, split_intervals
from trdstats.survival.tests.group_test import GroupTestResult, check_two_groups
from trdstats.tables import Summary


@checked
@dataclass(frozen=True, slots=True)
class IntervalLogRank:
    """Log-rank test for interval-censored times, from scores of the subjects.

    Each subject has a score from the curve of all groups together: for an exact time one less
    the cumulative hazard, as in the log-rank test; for an interval the mean of it between
    its ends (Sun's scores). The sums of the groups are compared by their exact covariance over
    all permutations of the subjects, with the chi-squared distribution as an approximation: R
    `interval::ictest(scores = "logrank1", method = "pclt")`. Subjects with weights, or who entered
    late, cannot change places: their sums are compared by the variance of what each adds. Both are
    valid where visits, and entries, of the groups follow the same schedule: subjects are taken as
    exchangeable, visits included.

    Parameters
    ----------
    by : str, default "treatment"
        Column that names the groups.

    References
    ----------
    Sun 1996, Stat Med 15:1387-1395; Fay and Shaw 2010, J Stat Softw 36(2):1-34,
    doi:10.18637/jss.v036.i02.

    Examples
    --------
    >>> import trdstats as trd
    >>> onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    >>> trd.IntervalLogRank().fit(onset).glance()["df"].item()
    2
    """

    by: str = "treatment"

    def fit(
        self, times: EventTimes | FrameLike, *, weights: WeightsLike | None = None
    ) -> IntervalLogRankResult:
        """Compute the test.

        Parameters
        ----------
        times : EventTimes or DataFrame
            Each time lies in (left, right]; left == right is an exact time. Subjects with an
            `entry` count from then on.
        weights : str, Series or DataFrame, optional
            As in `KaplanMeier.fit`; scores and their errors count in weights of mean 1.

        Raises
        ------
        NotEstimableError
            When fewer than two groups have follow-up, or all under observation had the event before
            others came.
        """
        times = as_event_times(times, weights)
        sample = split_intervals(times, self.by, weights)
        check_two_groups(sample, self.by)
        return IntervalLogRankResult(self, times, sample, _test(sample, None))


@dataclass(frozen=True, repr=False)
class IntervalLogRankResult(GroupTestResult):
    """A computed test.

    `tidy` has one row a group: the group column, n, score (events less those expected), std_error.
    """

    spec: IntervalLogRank
    _test: ScoreTest

    def _test_of(self, pair: tuple[int, int]) -> ScoreTest:
        return _test(self._sample, pair)

    def _why_none(self, test: ScoreTest, events: int) -> str:
        if not np.isnan(test.statistic):
            return ""
        return "all subjects have the same score, since their intervals cannot be ordered"

    def _of_groups(self) -> dict[str, FloatArray]:
        return {"score": self._test.total, "std_error": np.sqrt(np.diag(self._test.variance))}

    def summary(self) -> Summary:
        """Return the test and what it rests on."""
        return Summary(
            "Log-rank test for interval-censored times",
            (
                *counts_header(self.times, self._sample),
                (
                    "Scores",
                    f"Sun, {'permutation' if _exchangeable(self._sample) else 'robust'} variance",
                ),
                ("Result", self._in_words()),
            ),
            (self._table("Events less expected", "SE"),),
            (*interval_notes(self.times, self._sample), *self._no_test()),
        )


def _test(sample: Sample, pair: tuple[int, int] | None) -> ScoreTest:
    groups = sample.groups if pair is None else [sample.groups[k] for k in pair]
    left, right, weight, entry = (
        np.concatenate([getattr(g, name) for g in groups])
        for name in ("left", "right", "weight", "entry")
    )
    check_survivors(left, right, entry)
    score = log_rank_scores(left, right, weight, entry)
    code = np.repeat(np.arange(len(groups)), [len(g.time) for g in groups])
    if _exchangeable(sample):
        return permutation_test(score, code, len(groups))
    return influence_test(score, weight, code, len(groups), sample.weights_of(*groups))


def _exchangeable(sample: Sample) -> bool:
    return not sample.weighted and not any((g.entry > 0).any() for g in sample.groups)
