"""Test of equal durations whose start and end both lie between visits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arguments import check_instance, checked
from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError, SpecError
from trdstats.kernels.numerics.tails import chi2_sf
from trdstats.kernels.parametric.piecewise_hazards import score_at_null
from trdstats.survival.doubly.duration_ph import fit_durations
from trdstats.survival.doubly.duration_sample import DurationSample, mixed_times
from trdstats.survival.doubly_censored import DoublyCensored
from trdstats.survival.groups import counts_header
from trdstats.survival.tests.group_test import GroupTestResult, check_two_groups
from trdstats.tables import Summary


@checked
@dataclass(frozen=True, slots=True)
class DurationTest:
    """Score test that durations of response do not differ between groups seen on any schedule.

    It is the log-rank test of doubly interval-censored durations: the score of a hazard ratio of 1
    under a common baseline hazard, constant between breaks. Its variance is that of the
    likelihood, which knows the visits of every subject; a log-rank test of visit-dated durations
    finds differences where only the schedules differ.

    Parameters
    ----------
    by : str, default "treatment"
        Column that names the groups.
    pieces : int, default 5
        As in `DurationPH`.

    Raises
    ------
    SpecError
        When there is no piece.

    References
    ----------
    Sun 2006, The Statistical Analysis of Interval-censored Failure Time Data, chapter 8,
    doi:10.1007/0-387-37119-2.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> relapse = trd.time_to(study, trd.Relapse(22), since=trd.Response())
    >>> trd.DurationTest().fit(trd.DoublyCensored(relapse)).glance()["df"].item()
    2
    """

    by: str = "treatment"
    pieces: int = 5

    def __post_init__(self) -> None:
        if self.pieces < 1:
            raise SpecError(f"pieces must be 1 or more; got {self.pieces}.")

    def fit(self, durations: DoublyCensored) -> DurationTestResult:
        """Compute the test.

        Parameters
        ----------
        durations : DoublyCensored

        Raises
        ------
        NotEstimableError
            When fewer than two groups have follow-up, or no subject lost the response.
        """
        check_instance("durations", durations, DoublyCensored)
        data = DurationSample.of(durations, self.by)
        check_two_groups(data.sample, self.by)
        test = _score_test(data, self.pieces, None)
        return DurationTestResult(self, durations.times, data.sample, test, data)


@dataclass(frozen=True, slots=True)
class _ScoreTest:
    """Sums of scores: losses less those expected, positive where they come early."""

    total: FloatArray
    variance: FloatArray
    statistic: float
    df: int
    p_value: float


@dataclass(frozen=True, repr=False)
class DurationTestResult(GroupTestResult):
    """A computed test.

    `tidy` has one row a group: the group column, n, score (losses less those expected), std_error.
    """

    spec: DurationTest
    _test: _ScoreTest
    _data: DurationSample

    def _test_of(self, pair: tuple[int, int]) -> _ScoreTest:
        return _score_test(self._data, self.spec.pieces, pair)

    def _why_none(self, test: _ScoreTest, events: int) -> str:
        if not np.isnan(test.statistic):
            return ""
        return (
            "no loss was seen" if not events else "the difference is not identified by the visits"
        )

    def _of_groups(self) -> dict[str, FloatArray]:
        return {"score": self._test.total, "std_error": np.sqrt(np.diag(self._test.variance))}

    def summary(self) -> Summary:
        """Return the test and what it rests on."""
        durations = self._data.durations
        return Summary(
            "Score test of doubly interval-censored durations",
            (
                *counts_header(self.times, self._sample),
                ("Day of the origin", durations.assumption),
                ("Result", self._in_words()),
            ),
            (self._table("Losses less expected", "SE"),),
            (*self._data.notes(), *self._no_test()),
        )


def _score_test(data: DurationSample, pieces: int, pair: tuple[int, int] | None) -> _ScoreTest:
    groups = data.sample.groups if pair is None else [data.sample.groups[k] for k in pair]
    row = np.concatenate([g.row for g in groups])
    code = np.repeat(np.arange(len(groups)), [len(g.row) for g in groups])
    times = mixed_times(data.durations, row)
    df, nothing = len(groups) - 1, np.full((len(groups), len(groups)), np.nan)
    none = _ScoreTest(nothing[0], nothing, np.nan, df, np.nan)
    try:
        fit = fit_durations(times, np.zeros((len(row), 0)), pieces)
    except NotEstimableError:
        if pair is None:
            raise
        return none
    if fit is None:
        return none
    score, variance = score_at_null(fit, times, np.eye(len(groups))[code], np.ones(len(row)))
    # The scores of all groups sum to 0: one of them says nothing new.
    inner = variance[1:, 1:]
    if not np.linalg.eigvalsh(inner)[0] > 0:
        return none
    statistic = float(score[1:] @ np.linalg.solve(inner, score[1:]))
    return _ScoreTest(score, variance, statistic, df, float(chi2_sf(statistic, df)))
