"""Gray's test of cumulative incidences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.arrays import IntArray
from trdstats.errors import NotEstimableError, SpecError, unknown_name
from trdstats.estimates.weights import WeightsLike
from trdstats.kernels.risk_sets.follow_up import FollowUp
from trdstats.kernels.risk_sets.gray import GrayTestValue, gray_scores, gray_test
from trdstats.outcomes import EventTimes, as_event_times
from trdstats.survival.groups import Sample, counts_header, notes_of, split
from trdstats.survival.late_entry import check_at_risk_throughout
from trdstats.survival.tests.group_test import why_no_test
from trdstats.tables import Summary, SummaryMixin, Table, each_row, format_number, format_p
from trdstats.threads import one_thread


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

    @one_thread
    def fit(
        self, times: EventTimes | FrameLike, *, weights: WeightsLike | None = None
    ) -> GrayTestResult:
        """Compute the tests of all causes.

        Parameters
        ----------
        times : EventTimes or DataFrame
            Status 1, 2, ... are the causes. Subjects with an `entry` are at risk from then on.
        weights : str, Series or DataFrame, optional
            As in `KaplanMeier.fit`. The variance is then that of the subjects' weighted influences.

        Raises
        ------
        NotEstimableError
            When fewer than two groups have follow-up, or all at risk in one have an event before
            others of it come under observation.
        """
        times = as_event_times(times, weights)
        sample = split(times, self.by, weights)
        if len(sample.groups) < 2:
            raise NotEstimableError(
                f"Gray's test needs two groups with follow-up; {self.by!r} has "
                f"{len(sample.groups)}."
            )
        rows = np.concatenate([g.row for g in sample.groups])
        stratum = np.zeros(len(rows), dtype=np.intp)
        if self.strata is not None:
            frame = times.at_risk()
            if self.strata not in frame.columns:
                raise unknown_name("column", self.strata, frame.columns)
            stratum = pd.factorize(frame[self.strata])[0].astype(np.intp)[rows]
        for s in np.unique(stratum):
            where = f" in stratum {s + 1} of {self.strata}" if self.strata else ""
            kept = np.zeros(len(sample.owner), dtype=bool)
            kept[rows[stratum == s]] = True
            check_at_risk_throughout(sample.keep(kept), where)
        tests = {cause: self._test(sample, stratum, cause) for cause in times.causes}
        return GrayTestResult(self, times, sample, tests)

    def _test(self, sample: Sample, stratum: IntArray, cause: int) -> GrayTestValue:
        groups = sample.groups
        data = FollowUp(
            *(np.concatenate([getattr(g, name) for g in groups])
              for name in ("time", "status", "entry", "weight"))
        )  # fmt: skip
        code = np.repeat(np.arange(len(groups)), [len(g.time) for g in groups])
        score, covariance = np.zeros(len(groups)), np.zeros((len(groups), len(groups)))
        each = np.zeros((len(code), len(groups)))
        for s in np.unique(stratum):
            there = np.flatnonzero(stratum == s)
            part = gray_scores(
                data.take(there), code[there], len(groups), cause, self.rho, robust=sample.weighted
            )
            score, covariance = score + part.score, covariance + part.covariance
            if sample.weighted:
                each[there] = part.each
        if sample.weighted:
            model = sample.weights_of(*groups)
            covariance = each.T @ each if model is None else model.covariance(each)
        return gray_test(score, covariance)


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
            (
                *notes_of(self.times, self._sample),
                *missing,
            ),
        )
