"""Log-rank tests of whether curves differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.arrays import FloatArray
from trdstats.errors import SpecError, unknown_name
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
from trdstats.survival.tests.group_test import GroupTestResult, check_two_groups, why_no_test
from trdstats.tables import Summary


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


@dataclass(frozen=True, repr=False)
class LogRankResult(GroupTestResult):
    """A computed log-rank test.

    `tidy` has one row a group: the group column, n, observed and expected (weighted) events.
    """

    spec: LogRank
    _test: RankTest

    def _test_of(self, pair: tuple[int, int]) -> RankTest:
        return _test(self.spec, self.times, self._sample, pair)

    def _why_none(self, test: RankTest, events: int) -> str:
        return why_no_test(test.statistic, events, self.times.outcome)

    def _of_groups(self) -> dict[str, FloatArray]:
        return {"observed": self._test.observed, "expected": self._test.expected}

    def _apart(self) -> tuple[str, ...]:
        """Return a note that names groups which are never at risk together."""
        sets = sets_at_risk_together(self._test.variance)
        if len(sets) < 2:
            return ()
        named = (", ".join(self._sample.groups[k].label for k in places) for places in sets)
        return (f"Never at risk together, so not compared: {' | '.join(named)}.",)

    def summary(self) -> Summary:
        """Return the test and what it rests on."""
        spec = self.spec
        plain = spec.rho == spec.gamma == 0
        weights = "" if plain else f", weights rho {spec.rho:g}, gamma {spec.gamma:g}"
        strata = f", within {spec.strata}" if spec.strata else ""
        trend = "" if spec.trend is None else ", trend"
        return Summary(
            f"Log-rank test{strata}{weights}{trend}",
            (*counts_header(self.times, self._sample), ("Result", self._in_words())),
            (self._table("Observed", "Expected"),),
            (*notes_of(self.times, self._sample), *self._apart(), *self._no_test()),
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
    follow_up = FollowUp(
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
        follow_up,
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
