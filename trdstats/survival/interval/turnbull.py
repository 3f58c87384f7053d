"""Turnbull's estimate: the curve of an event that is only known to lie between two visits."""

from __future__ import annotations

from dataclasses import dataclass

from trdstats.aliases import FrameLike
from trdstats.arguments import Jobs, checked
from trdstats.errors import check_bootstrap, check_level
from trdstats.estimates.weights import WeightsLike
from trdstats.kernels.interval.late_entry import npmle
from trdstats.outcomes import EventTimes, as_event_times
from trdstats.survival.interval.interval_bootstrap import redraw
from trdstats.survival.interval.turnbull_result import TurnbullResult
from trdstats.survival.interval_sample import check_survivors, split_intervals


@checked
@dataclass(frozen=True, slots=True)
class Turnbull:
    """Nonparametric estimate of the time to an event that visits enclose in (left, right].

    Nothing is assumed of where between two visits an event happened. Competing causes count as
    censored.

    Parameters
    ----------
    by : str or None, default "treatment"
        Column that names the groups; None for one curve.
    conf_level : float, default 0.95
    n_boot : int, default 0
        Bootstrap replicates; 0 for no intervals.
    seed : int, default 0
        Of the bootstrap. The result does not depend on the number of workers.
    n_jobs : int, default 1
        Workers of the bootstrap, as joblib takes them.

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Turnbull 1976, J R Stat Soc B 38:290-295, doi:10.1111/j.2517-6161.1976.tb01597.x.

    Examples
    --------
    >>> import trdstats as trd
    >>> onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    >>> curves = trd.Turnbull().fit(onset)
    >>> list(curves.at([28])["treatment"])
    ['TMS', 'ECT', 'IV ketamine']
    """

    by: str | None = "treatment"
    conf_level: float = 0.95
    n_boot: int = 0
    seed: int = 0
    n_jobs: Jobs = 1

    def __post_init__(self) -> None:
        check_level(self.conf_level)
        check_bootstrap(self.n_boot, self.seed)

    def fit(
        self, times: EventTimes | FrameLike, *, weights: WeightsLike | None = None
    ) -> TurnbullResult:
        """Estimate the curves.

        Parameters
        ----------
        times : EventTimes or DataFrame
            Each time lies in (left, right]; left == right is an exact time. Subjects with an
            `entry` count from then on.
        weights : str, Series or DataFrame, optional
            Weights of subjects, as in `KaplanMeier.fit`; the bootstrap takes them as known.

        Raises
        ------
        UnknownNameError, NotEstimableError, DataError
            When a column is missing, no subject has follow-up, all under observation may have had
            the event before others came, or the frame is not usable.
        """
        times = as_event_times(times, weights)
        sample = split_intervals(times, self.by, weights)
        for g in sample.groups:
            check_survivors(g.left, g.right, g.entry, g.label)
        fits = {g.label: npmle(g.left, g.right, g.weight, g.entry) for g in sample.groups}
        drawn = redraw(sample, self.n_boot, self.seed, self.n_jobs) if self.n_boot else {}
        return TurnbullResult(self, times, sample, fits, drawn)
