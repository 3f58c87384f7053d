"""Log-rank tests of whether curves differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from trdstats.aliases import FrameLike
from trdstats.arguments import checked, checked_methods
from trdstats.errors import NotEstimableError, SpecError, check_choice, unknown_name
from trdstats.estimates.weights import WeightsLike
from trdstats.kernels.risk_sets.follow_up import FollowUp
from trdstats.kernels.risk_sets.rank_tests import (
    RankScores,
    RankTest,
    Weighting,
    log_rank,
    rank_scores,
    sets_at_risk_together,
)
from trdstats.outcomes import EventTimes, as_event_times
from trdstats.survival.groups import Sample, counts_header, notes_of, split
from trdstats.tables import Summary, SummaryMixin, Table, format_count, format_number, format_p

ADJUSTMENTS = ("holm", "bonferroni", "hommel", "none")


@checked
@dataclass(frozen=True, slots=True)
class LogRank:
    """Weighted log-rank test.

    Parameters
    ----------
    by : str, default "treatment"
        Column that names the groups.
    strata : str, optional
        Column within whose values groups are compared.
    rho, gamma : float, default 0
        Fleming-Harrington weights: (0, 0) the log-rank, (1, 0) Peto-Peto (early differences),
        (0, 1) late differences.
    trend : tuple of float, optional
        Scores of the groups in their order: tests a trend along them, with one degree of freedom.

    Raises
    ------
    SpecError
        When a weight is negative.

    References
    ----------
    Harrington and Fleming 1982, Biometrika 69:553-566, doi:10.1093/biomet/69.3.553.

    Examples
    --------
    >>> import trdstats as trd
    >>> onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    >>> test = trd.LogRank(strata="site").fit(onset)
    >>> test.glance()["df"].item()
    2
    """

    by: str = "treatment"
    strata: str | None = None
    rho: float = 0.0
    gamma: float = 0.0
    trend: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.rho < 0 or self.gamma < 0:
            raise SpecError(f"rho and gamma must be 0 or more; got {self.rho}, {self.gamma}.")

    def fit(
        self, times: EventTimes | FrameLike, *, weights: WeightsLike | None = None
    ) -> LogRankResult:
        """Compute the test.

        Parameters
        ----------
        times : EventTimes or DataFrame
        weights : str, Series or DataFrame, optional
            As in `KaplanMeier.fit`. The variance is then that of the subjects' weighted scores.

        Raises
        ------
        NotEstimableError
            When fewer than two groups have follow-up.
        SpecError
            When trend does not have one score a group.
        """
        times = as_event_times(times, weights)
        sample = split(times, self.by, weights)
        check_two_groups(sample, self.by)
        if self.trend is not None and len(self.trend) != len(sample.groups):
            raise SpecError(
                f"trend must have one score a group; got {len(self.trend)} for "
                f"{', '.join(g.label for g in sample.groups)}."
            )
        return LogRankResult(self, times, sample, _test(self, times, sample, None))


@checked_methods
@dataclass(frozen=True, repr=False)
class LogRankResult(SummaryMixin):
    """A computed log-rank test."""

    spec: LogRank
    times: EventTimes
    _sample: Sample
    _test: RankTest

    def tidy(self) -> pd.DataFrame:
        """Return one row a group: n, observed and expected (weighted) events."""
        return pd.DataFrame(
            {
                self.spec.by: [g.label for g in self._sample.groups],
                "n": [len(g.time) for g in self._sample.groups],
                "observed": self._test.observed,
                "expected": self._test.expected,
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
                "reason": [self._reason()],
            }
        )

    def _reason(self) -> str:
        return why_no_test(self._test.statistic, self._sample.events(), self.times.outcome)

    def _apart(self) -> tuple[str, ...]:
        """Return a note that names groups which are never at risk together."""
        sets = sets_at_risk_together(self._test.variance)
        if len(sets) < 2:
            return ()
        named = (", ".join(self._sample.groups[k].label for k in own) for own in sets)
        return (f"Never at risk together, so not compared: {' | '.join(named)}.",)

    def pairwise(self, adjust: str = "holm") -> pd.DataFrame:
        """Compare every pair of groups.

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
            test = _test(self.spec, self.times, self._sample, (a, b))
            events = sum(int((self._sample.groups[k].status == 1).sum()) for k in (a, b))
            rows.append(
                {
                    "treatment": self._sample.groups[b].label,
                    "reference": self._sample.groups[a].label,
                    "statistic": test.statistic,
                    "df": test.df,
                    "p_value": test.p_value,
                    "reason": why_no_test(test.statistic, events, self.times.outcome),
                }
            )
        return adjust_p_values(pd.DataFrame(rows), adjust)

    def summary(self) -> Summary:
        """Return the test and what it rests on."""
        test = self._test
        weights = (
            ""
            if self.spec.rho == self.spec.gamma == 0
            else (f", weights rho {self.spec.rho:g}, gamma {self.spec.gamma:g}")
        )
        strata = f", within {self.spec.strata}" if self.spec.strata else ""
        trend = "" if self.spec.trend is None else ", trend"
        rows = tuple(
            (r[0], format_count(r[1]), format_number(r[2]), format_number(r[3]))
            for r in self.tidy().itertuples(index=False, name=None)
        )
        result = (
            f"chi-squared {format_number(test.statistic, 2)} on {test.df} df, "
            f"p {format_p(test.p_value)}"
        )
        why = self._reason()
        return Summary(
            f"Log-rank test{strata}{weights}{trend}",
            (*counts_header(self.times, self._sample), ("Result", result)),
            (Table(("Group", "At risk", "Observed", "Expected"), rows),),
            (
                *notes_of(self.times, self._sample),
                *self._apart(),
                *([f"No test: {why}."] if why else []),
            ),
        )


def why_no_test(statistic: float, events: int, outcome: str) -> str:
    """Return why a comparison of groups has no test; empty where it has one."""
    if not np.isnan(statistic):
        return ""
    if not events:
        return f"nobody had {outcome}"
    return (
        f"at every time of {outcome} those at risk all had it, or all are of one group: there is "
        "nothing to compare"
    )


def adjust_p_values(frame: pd.DataFrame, adjust: str) -> pd.DataFrame:
    """Return a table of tests with p_adjusted; tests without a p value do not count."""
    p = frame["p_value"].to_numpy()
    known = ~np.isnan(p)
    adjusted = p.copy()
    if adjust != "none" and known.any():
        adjusted[known] = multipletests(p[known], method=adjust)[1]
    return frame.assign(p_adjusted=adjusted, adjust=adjust)


def check_two_groups(sample: Sample, by: str) -> None:
    """Raise `NotEstimableError` unless two groups have follow-up."""
    if len(sample.groups) < 2:
        raise NotEstimableError(
            f"A log-rank test needs two groups with follow-up; {by!r} has {len(sample.groups)}."
        )


def scores_of(
    times: EventTimes,
    sample: Sample,
    weightings: Sequence[Weighting],
    *,
    strata: str | None,
    pair: tuple[int, int] | None,
) -> RankScores:
    """Return observed and expected events of all groups, or of a pair of them."""
    groups = sample.groups if pair is None else [sample.groups[k] for k in pair]
    own = FollowUp(
        *(np.concatenate([getattr(g, name) for g in groups])
          for name in ("time", "status", "entry", "weight"))
    )  # fmt: skip
    stratum = None
    if strata is not None:
        frame = times.at_risk()
        if strata not in frame.columns:
            raise unknown_name("column", strata, frame.columns)
        codes = pd.factorize(frame[strata])[0].astype(np.intp)
        stratum = codes[np.concatenate([g.row for g in groups])]
    code = np.repeat(np.arange(len(groups)), [len(g.time) for g in groups])
    return rank_scores(
        own,
        code,
        len(groups),
        weightings,
        stratum=stratum,
        robust=sample.weighted,
        model=sample.weights_of(*groups),
    )


def _test(
    spec: LogRank, times: EventTimes, sample: Sample, pair: tuple[int, int] | None
) -> RankTest:
    scores = scores_of(times, sample, [(spec.rho, spec.gamma)], strata=spec.strata, pair=pair)
    trend = None if spec.trend is None or pair is not None else np.array(spec.trend)
    return log_rank(scores, trend=trend)
