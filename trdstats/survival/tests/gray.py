"""Gray's test of cumulative incidences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.errors import NotEstimableError, SpecError, unknown_name
from trdstats.kernels.risk_sets.gray import GrayScores, GrayTestValue, gray_scores, gray_test
from trdstats.outcomes import EventTimes, as_event_times
from trdstats.survival.groups import Sample, counts_header, notes_of, split
from trdstats.survival.tests.group_test import why_no_test
from trdstats.tables import Summary, SummaryMixin, Table, each_row, format_number, format_p


@checked
@dataclass(frozen=True, slots=True)
class GrayTest:
    """Gray's test that a cause has the same cumulative incidence in all groups.

    Parameters
    ----------
    by : str, default "treatment"
        Column that names the groups.
    strata : str, optional
        Column within whose values groups are compared.
    rho : float, default 0
        Power of the weights (1 - F)^rho; above 0 early differences count more.

    Raises
    ------
    SpecError
        When rho is negative.

    References
    ----------
    Gray 1988, Ann Stat 16:1141-1154, doi:10.1214/aos/1176350951.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> relapse = trd.Relapse(at_least=22, consecutive=2)
    >>> times = trd.time_to(study, relapse, since=trd.Response(), competing="left follow-up")
    >>> trd.GrayTest().fit(times).tidy()["df"].tolist()
    [2.0, 2.0]
    """

    by: str = "treatment"
    strata: str | None = None
    rho: float = 0.0

    def __post_init__(self) -> None:
        if self.rho < 0:
            raise SpecError(f"rho must be 0 or more; got {self.rho}.")

    def fit(self, times: EventTimes | FrameLike) -> GrayTestResult:
        """Compute the tests of all causes.

        Parameters
        ----------
        times : EventTimes or DataFrame
            Status 1, 2, ... are the causes.

        Raises
        ------
        NotEstimableError
            When fewer than two groups have follow-up, or subjects came under observation after
            day 0.
        """
        times = as_event_times(times)
        sample = split(times, self.by)
        if len(sample.groups) < 2:
            raise NotEstimableError(
                f"Gray's test needs two groups with follow-up; {self.by!r} has "
                f"{len(sample.groups)}."
            )
        if any(g.entry.any() for g in sample.groups):
            raise NotEstimableError("Gray's test does not take delayed entry.")
        time, status = (np.concatenate([getattr(g, c) for g in sample.groups])
                        for c in ("time", "status"))  # fmt: skip
        code = np.repeat(np.arange(len(sample.groups)), [len(g.time) for g in sample.groups])
        stratum = np.zeros(len(code), dtype=np.intp)
        if self.strata is not None:
            frame = times.at_risk()
            if self.strata not in frame.columns:
                raise unknown_name("column", self.strata, frame.columns)
            rows = np.concatenate([g.row for g in sample.groups])
            stratum = pd.factorize(frame[self.strata])[0].astype(np.intp)[rows]
        tests = {}
        for cause in times.causes:
            parts = [
                gray_scores(
                    time[in_stratum],
                    status[in_stratum],
                    code[in_stratum],
                    len(sample.groups),
                    cause,
                    self.rho,
                )
                for in_stratum in (stratum == s for s in np.unique(stratum))
            ]
            tests[cause] = gray_test(
                GrayScores(
                    np.sum([p.score for p in parts], axis=0),
                    np.sum([p.covariance for p in parts], axis=0),
                )
            )
        return GrayTestResult(self, times, sample, tests)


@dataclass(frozen=True, repr=False)
class GrayTestResult(SummaryMixin):
    """Computed tests, one a cause."""

    spec: GrayTest
    times: EventTimes
    _sample: Sample
    _tests: dict[int, GrayTestValue]

    def tidy(self) -> pd.DataFrame:
        """Return one row a cause: cause, events, statistic (chi-squared), df, p_value, reason.

        `reason` says why there is no test where the statistic is NaN; it is empty otherwise.
        """
        return pd.DataFrame(
            {
                "cause": [self.times.causes[k] for k in self._tests],
                "events": [self._sample.events(k) for k in self._tests],
                "statistic": [t.statistic for t in self._tests.values()],
                "df": [float(t.df) for t in self._tests.values()],
                "p_value": [t.p_value for t in self._tests.values()],
                "reason": [self._reason(k) for k in self._tests],
            }
        )

    def _reason(self, cause: int) -> str:
        test = self._tests[cause]
        if test.df and np.isnan(test.statistic):
            return (
                "the pooled incidence passes 1 while several groups are at risk, where the weights "
                f"are not defined with rho {self.spec.rho:g}"
            )
        return why_no_test(test.statistic, self._sample.events(cause), self.times.causes[cause])

    def glance(self) -> pd.DataFrame:
        """Return one row: n, n_groups, n_causes."""
        return pd.DataFrame(
            {
                "n": [self._sample.n],
                "n_groups": [len(self._sample.groups)],
                "n_causes": [len(self._tests)],
            }
        )

    def summary(self) -> Summary:
        """Return the tests as a table."""
        rows = tuple(
            (
                r.cause,
                f"{r.events:,}",
                format_number(r.statistic, 2),
                str(r.df),
                format_p(r.p_value),
            )
            for r in each_row(self.tidy())
        )
        missing = [f"No test of {r.cause}: {r.reason}." for r in each_row(self.tidy()) if r.reason]
        strata = f", within {self.spec.strata}" if self.spec.strata else ""
        weights = f", rho {self.spec.rho:g}" if self.spec.rho else ""
        return Summary(
            f"Gray's test{strata}{weights}",
            counts_header(self.times, self._sample),
            (Table(("Cause", "Events", "Chi-squared", "df", "p"), rows),),
            (*notes_of(self.times, self._sample), *missing),
        )
