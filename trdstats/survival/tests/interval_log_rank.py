"""Log-rank test for events that are only known to lie between two visits."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import checked, checked_methods
from trdstats.errors import check_choice
from trdstats.kernels.interval.interval_rank_test import (
    ScoreTest,
    log_rank_scores,
    permutation_test,
)
from trdstats.outcomes import EventTimes, as_event_times
from trdstats.survival.groups import Sample, counts_header
from trdstats.survival.interval.interval_sample import interval_notes, split_intervals
from trdstats.survival.tests.log_rank import ADJUSTMENTS, adjust_p_values, check_two_groups
from trdstats.tables import Summary, SummaryMixin, Table, format_count, format_number, format_p


@checked
@dataclass(frozen=True, slots=True)
class IntervalLogRank:
    """Log-rank test for interval-censored times, by permutation of scores.

    Each subject has a score from the curve of all groups together: for an exact time one less
    the cumulative hazard, as in the log-rank test; for an interval what that is worth between
    its ends (Sun's scores). The sums of the groups are compared by their exact covariance over
    all permutations of the subjects, with the chi-squared distribution as an approximation: R
    `interval::ictest(scores = "logrank1", method = "pclt")`. It is valid where the visits of
    the groups follow the same schedule: permutation takes subjects as exchangeable, visits
    included.

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

    def fit(self, times: EventTimes | FrameLike) -> IntervalLogRankResult:
        """Compute the test.

        Parameters
        ----------
        times : EventTimes or DataFrame
            Each time lies in (left, right]; left == right is an exact time. The test takes no
            weights: subjects with different weights cannot change places.

        Raises
        ------
        NotEstimableError
            When fewer than two groups have follow-up, or some entered late.
        """
        times = as_event_times(times)
        sample = split_intervals(times, self.by)
        check_two_groups(sample, self.by)
        return IntervalLogRankResult(self, times, sample, _test(sample, None))


@checked_methods
@dataclass(frozen=True, repr=False)
class IntervalLogRankResult(SummaryMixin):
    """A computed test."""

    spec: IntervalLogRank
    times: EventTimes
    _sample: Sample
    _test: ScoreTest

    def tidy(self) -> pd.DataFrame:
        """Return one row a group: n, score (events less those expected), its std_error."""
        return pd.DataFrame(
            {
                self.spec.by: [g.label for g in self._sample.groups],
                "n": [len(g.time) for g in self._sample.groups],
                "score": self._test.total,
                "std_error": np.sqrt(np.diag(self._test.variance)),
            }
        )

    def glance(self) -> pd.DataFrame:
        """Return one row: n, events, statistic (chi-squared), df, p_value, reason.

        `reason` says why there is no test where the statistic is NaN; it is empty otherwise.
        """
        return pd.DataFrame(
            {
                "n": [self._sample.n],
                "events": [self._sample.events()],
                "statistic": [self._test.statistic],
                "df": [self._test.df],
                "p_value": [self._test.p_value],
                "reason": [_why_no_test(self._test)],
            }
        )

    def pairwise(self, adjust: str = "holm") -> pd.DataFrame:
        """Compare every pair of groups, each on its own subjects.

        Parameters
        ----------
        adjust : {"holm", "bonferroni", "hommel", "none"}
            Adjustment of the p values for the number of pairs.

        Returns
        -------
        pandas.DataFrame
            treatment, reference, statistic, df, p_value, reason (why there is none), p_adjusted,
            adjust.
        """
        check_choice("adjust", adjust, ADJUSTMENTS)
        rows = []
        for a, b in combinations(range(len(self._sample.groups)), 2):
            test = _test(self._sample, (a, b))
            rows.append(
                {
                    "treatment": self._sample.groups[b].label,
                    "reference": self._sample.groups[a].label,
                    "statistic": test.statistic,
                    "df": test.df,
                    "p_value": test.p_value,
                    "reason": _why_no_test(test),
                }
            )
        return adjust_p_values(pd.DataFrame(rows), adjust)

    def summary(self) -> Summary:
        """Return the test and what it rests on."""
        test, why = self._test, _why_no_test(self._test)
        rows = tuple(
            (r[0], format_count(r[1]), format_number(r[2]), format_number(r[3]))
            for r in self.tidy().itertuples(index=False, name=None)
        )
        result = (
            f"chi-squared {format_number(test.statistic, 2)} on {test.df} df, "
            f"p {format_p(test.p_value)}"
        )
        return Summary(
            "Log-rank test for interval-censored times",
            (
                *counts_header(self.times, self._sample),
                ("Scores", "Sun, permutation variance"),
                ("Result", result),
            ),
            (Table(("Group", "At risk", "Events less expected", "SE"), rows),),
            (*interval_notes(self.times, self._sample), *([f"No test: {why}."] if why else [])),
        )


def _test(sample: Sample, pair: tuple[int, int] | None) -> ScoreTest:
    groups = sample.groups if pair is None else [sample.groups[k] for k in pair]
    score = log_rank_scores(
        np.concatenate([g.left for g in groups]), np.concatenate([g.right for g in groups])
    )
    code = np.repeat(np.arange(len(groups)), [len(g.time) for g in groups])
    return permutation_test(score, code, len(groups))


def _why_no_test(test: ScoreTest) -> str:
    """Return why there is no test, empty where there is one."""
    if not np.isnan(test.statistic):
        return ""
    return "all subjects have the same score, since their intervals do not tell them apart"
