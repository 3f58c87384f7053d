"""Curves of durations whose start and end both lie between visits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arguments import check_instance, checked
from trdstats.errors import NotEstimableError, SpecError, check_level
from trdstats.survival.doubly.duration_curve_result import DurationCurveResult
from trdstats.survival.doubly.duration_ph import MOST_PIECES, fit_durations
from trdstats.survival.doubly.duration_sample import DurationSample, mixed_times
from trdstats.survival.doubly_censored import DoublyCensored


@checked
@dataclass(frozen=True, slots=True)
class DurationCurve:
    """Probability of having lost a response, from visits that miss its start and its end.

    The hazard of each group is constant between breaks, which hold about the same number of
    losses; with more losses there are more of them, up to `pieces`. Causes that compete with the
    loss count as censored; `DurationNPMLE` gives each a separate curve.

    Parameters
    ----------
    by : str or None, default "treatment"
        Column that names the groups; None for one curve.
    pieces : int, default 5
        Largest number of pieces; fewer where a piece has too few losses, or its hazard is not
        identified by the visits.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    De Gruttola and Lagakos 1989, doi:10.2307/2532030; Friedman 1982, doi:10.1214/aos/1176345693.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> relapse = trd.time_to(study, trd.Relapse(22), since=trd.Response())
    >>> durations = trd.DoublyCensored(relapse, onset=trd.time_to(study, trd.Response()))
    >>> curve = trd.DurationCurve().fit(durations)
    >>> curve.at([90])["treatment"].tolist()
    ['TMS', 'ECT', 'IV ketamine']
    """

    by: str | None = "treatment"
    pieces: int = 5
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        check_level(self.conf_level)
        if not 1 <= self.pieces <= MOST_PIECES:
            raise SpecError(f"pieces must be between 1 and {MOST_PIECES}; got {self.pieces}.")

    def fit(self, durations: DoublyCensored) -> DurationCurveResult:
        """Estimate the curves by maximum likelihood.

        Parameters
        ----------
        durations : DoublyCensored

        Raises
        ------
        UnknownNameError
            When the column is missing.
        NotEstimableError
            When no subject of a group lost the response, or some entered late.
        """
        check_instance("durations", durations, DoublyCensored)
        data = DurationSample.of(durations, self.by)
        fits = {}
        for g in data.sample.groups:
            if not (g.status == 1).any():
                raise NotEstimableError(
                    f"No subject under {g.label} lost the response: there is no curve. Leave the "
                    "group out (times.only([...])), or describe it by its number of subjects and "
                    "days."
                )
            times = mixed_times(durations, g.row)
            fit = fit_durations(times, np.zeros((len(g.row), 0)), self.pieces)
            if fit is None:
                raise NotEstimableError(
                    f"The hazard under {g.label} has no maximum of the likelihood: its visits are "
                    "too wide against the durations."
                )
            fits[g.label] = fit
        return DurationCurveResult(self, durations, data, fits)
