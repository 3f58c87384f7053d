"""Tests of whether groups differ: what every one of them tells, and its pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError, check_choice
from trdstats.estimates.procedures import stepwise
from trdstats.outcomes import EventTimes
from trdstats.survival.groups import Sample
from trdstats.tables import SummaryMixin, Table, format_count, format_number, format_p

ADJUSTMENTS = ("holm", "bonferroni", "hommel", "none")


@checked_methods
@dataclass(frozen=True, repr=False)
class GroupTestResult(SummaryMixin):
    """A test of all groups; a subclass says how a pair is tested, and what each group adds.

    `tidy` has one row a group: the group column, n, then the columns of the subclass.
    """

    spec: Any
    times: EventTimes
    _sample: Sample
    _test: Any

    def _test_of(self, pair: tuple[int, int]) -> Any:
        """Return the test of two groups by their places."""
        raise NotImplementedError

    def _why_none(self, test: Any, events: int) -> str:
        """Return why there is no test among so many events; empty where there is one."""
        raise NotImplementedError

    def _of_groups(self) -> Mapping[str, FloatArray]:
        """Return the columns of the groups."""
        raise NotImplementedError

    def tidy(self) -> pd.DataFrame:
        """Return one row a group; the class names the columns."""
        groups = self._sample.groups
        counts = {self.spec.by: [g.label for g in groups], "n": [len(g.time) for g in groups]}
        return pd.DataFrame({**counts, **self._of_groups()})

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
                "reason": [self._reason],
            }
        )

    @property
    def _reason(self) -> str:
        return self._why_none(self._test, self._sample.events())

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
        groups, rows = self._sample.groups, []
        for a, b in combinations(range(len(groups)), 2):
            test = self._test_of((a, b))
            events = sum(int((groups[k].status == 1).sum()) for k in (a, b))
            rows.append(
                {
                    "treatment": groups[b].label,
                    "reference": groups[a].label,
                    "statistic": test.statistic,
                    "df": test.df,
                    "p_value": test.p_value,
                    "reason": self._why_none(test, events),
                }
            )
        return add_adjusted(pd.DataFrame(rows), adjust)

    def _table(self, *headings: str) -> Table:
        rows = tuple(
            (r[0], format_count(r[1]), format_number(r[2]), format_number(r[3]))
            for r in self.tidy().itertuples(index=False, name=None)
        )
        return Table(("Group", "At risk", *headings), rows)

    def _in_words(self) -> str:
        test = self._test
        return (
            f"chi-squared {format_number(test.statistic, 2)} on {test.df} df, "
            f"p {format_p(test.p_value)}"
        )

    def _no_test(self) -> tuple[str, ...]:
        return (f"No test: {self._reason}.",) if self._reason else ()


def add_adjusted(frame: pd.DataFrame, adjust: str) -> pd.DataFrame:
    """Return a table of tests with p_adjusted; tests without a p value do not count."""
    p = frame["p_value"].to_numpy()
    return frame.assign(p_adjusted=p if adjust == "none" else stepwise(p, adjust), adjust=adjust)


def check_two_groups(sample: Sample, by: str) -> None:
    """Raise `NotEstimableError` unless two groups have follow-up."""
    if len(sample.groups) < 2:
        raise NotEstimableError(
            f"A log-rank test needs two groups with follow-up; {by!r} has {len(sample.groups)}."
        )


def why_no_test(statistic: float, events: int, outcome: str) -> str:
    """Return why a comparison of groups has no test; empty where it has one."""
    if not np.isnan(statistic):
        return ""
    if not events:
        return f"no subject had {outcome}"
    return (
        f"at every time of {outcome} all subjects at risk had it, or all are of one group: there "
        "is nothing to compare"
    )
