"""Self-consistent curve of durations whose start and end both lie between visits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arguments import Jobs, check_instance, checked
from trdstats.errors import SpecError, check_bootstrap, check_level
from trdstats.kernels.interval.duration_npmle import DurationMass, Windows, duration_npmle
from trdstats.kernels.numerics.resampling import draw_counts
from trdstats.parts import Arrays
from trdstats.replicates import replicate, streams_of
from trdstats.survival.doubly.duration_npmle_result import DurationNPMLEResult
from trdstats.survival.doubly.duration_sample import DurationSample
from trdstats.survival.doubly_censored import DoublyCensored
from trdstats.survival.groups import Group


@checked
@dataclass(frozen=True, slots=True)
class DurationNPMLE:
    """Self-consistent probability of having lost a response, from visits that miss start and end.

    Nothing is assumed of the durations that were found, and causes that compete with the loss, such
    as leaving, have separate curves. Where visits lie far apart against the durations, little
    is known between them: the curve then stands in a few steps, whose days the data hardly say,
    and durations too short to be found are not part of it. `DurationCurve` is for these.

    Parameters
    ----------
    by : str or None, default "treatment"
        Column that names the groups; None for one curve.
    step : float, default 1
        Days of a cell of the grid on which the duration has its masses.
    conf_level : float, default 0.95
    n_boot : int, default 0
        Bootstrap replicates of subjects; 0 for no intervals. The days of onset are taken as known.
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
    De Gruttola and Lagakos 1989, doi:10.2307/2532030 (self-consistent estimate).

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> relapse = trd.time_to(study, trd.Relapse(22), since=trd.Response())
    >>> curve = trd.DurationNPMLE(n_boot=50).fit(trd.DoublyCensored(relapse))
    >>> curve.at([90]).columns[:4].tolist()
    ['treatment', 'time', 'estimate', 'conf_low']
    """

    by: str | None = "treatment"
    step: float = 1.0
    conf_level: float = 0.95
    n_boot: int = 0
    seed: int = 0
    n_jobs: Jobs = 1

    def __post_init__(self) -> None:
        check_level(self.conf_level)
        check_bootstrap(self.n_boot, self.seed)
        if not self.step > 0:
            raise SpecError(f"step must be a positive number of days; got {self.step!r}.")

    def fit(self, durations: DoublyCensored) -> DurationNPMLEResult:
        """Estimate the curves.

        Parameters
        ----------
        durations : DoublyCensored

        Raises
        ------
        UnknownNameError, NotEstimableError
            When a column is missing, or some entered late.
        SpecError
            When a step is wider than the gaps of the visits.
        """
        check_instance("durations", durations, DoublyCensored)
        data = DurationSample.of(durations, self.by)
        widest = durations.gaps()[1]
        if self.step > max(widest, 1.0):
            raise SpecError(
                f"A step of {self.step:g} days is wider than the gaps of the visits (median "
                f"{widest:g} days): the curve would be a straight line between its ends."
            )
        windows = {g.label: self._windows(data, g) for g in data.sample.groups}
        fits = {
            g.label: duration_npmle(windows[g.label], np.ones(len(g.time)))
            for g in data.sample.groups
        }
        drawn: dict[str, tuple[DurationMass, ...]] = {}
        if self.n_boot:
            streams = streams_of(self.seed, self.n_boot)
            rows = replicate(_replicate, (windows, fits), streams, n_jobs=self.n_jobs)
            drawn = {label: tuple(_mass(row, label, fits[label]) for row in rows) for label in fits}
        return DurationNPMLEResult(self, durations, data, fits, drawn)

    def _windows(self, data: DurationSample, group: Group) -> Windows:
        # Ends of competing causes are known to the day.
        high = np.where(group.status > 1, group.time, group.right)
        low = np.where(group.status > 1, group.time, group.left)
        n_causes = len(data.durations.times.causes)
        return Windows.of(data.origin(group), low, high, group.status, n_causes, self.step)


def _replicate(
    stream: np.random.SeedSequence, windows: dict[str, Windows], fits: dict[str, DurationMass]
) -> Arrays:
    rng = np.random.default_rng(stream)
    drawn: Arrays = {}
    for label, of_group in windows.items():
        weight = draw_counts(len(of_group.cause), rng).astype(float)
        drawn[label] = duration_npmle(of_group, weight, fits[label].mass).mass
    return drawn


def _mass(row: Arrays, label: str, fit: DurationMass) -> DurationMass:
    return DurationMass(row[label], fit.step, np.nan, 0, True)
