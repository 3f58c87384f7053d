"""Mixture cure models: whether a patient ever responds, and when, as two questions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import get_args

import numpy as np
from scipy.linalg import block_diag, eigh

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import EstimateWarning, NotEstimableError, check_choice, check_level, warn
from trdstats.estimates.weights import WeightsLike
from trdstats.formulas import read_right_side
from trdstats.kernels.parametric.mixture_cure import CureDistribution, CureFit, fit_cure
from trdstats.outcomes import EventTimes, as_event_times
from trdstats.survival.parametric.mixture_cure_result import MixtureCureResult
from trdstats.survival.parametric.parametric_data import (
    FLAT,
    NO_SPREAD,
    analyse,
    check_events,
    no_start,
    with_intercept,
)

# Below this share of the information that every subject's final state would give, what is said of
# those who never respond comes from the shape of the distribution, not from the data.
_LITTLE = 0.01


@checked
@dataclass(frozen=True, slots=True)
class MixtureCure:
    """Mixture cure model: P(T > t) = 1 - p + p S(t).

    The probability p of ever having the event is logistic in the covariates of the incidence;
    the log time of those who will is linear in the covariates of the latency. Times enter as
    (left, right], exact or censored. Causes other than 1 count as censored.

    Parameters
    ----------
    incidence, latency : str
        Covariates only, such as ``"treatment + age"``; ``"1"`` for none.
    distribution : {"weibull", "log-normal", "log-logistic"}
        Of the time of those who will have the event.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Farewell 1982, Biometrics 38:1041-1046, doi:10.2307/2529885; Peng and Dear 2000, Biometrics
    56:237-243, doi:10.1111/j.0006-341X.2000.00237.x; Laska and Siegel 1995, Psychopharmacol Bull
    31:29-35 (onset of antidepressant effect as these two questions).

    Examples
    --------
    >>> import trdstats as trd
    >>> onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    >>> fit = trd.MixtureCure("treatment", "treatment", "log-logistic").fit(onset)
    >>> fit.marginal().tidy()["measure"].unique().tolist()
    ['ever', 'median']
    """

    incidence: str
    latency: str
    distribution: CureDistribution = "weibull"
    conf_level: float = field(default=0.95, kw_only=True)

    def __post_init__(self) -> None:
        for formula in (self.incidence, self.latency):
            read_right_side(formula)
        check_choice("distribution", self.distribution, get_args(CureDistribution))
        check_level(self.conf_level)

    def fit(
        self, times: EventTimes | FrameLike, *, weights: WeightsLike | None = None
    ) -> MixtureCureResult:
        """Fit by maximum likelihood from several fixed starts.

        Parameters
        ----------
        times : EventTimes or DataFrame
        weights : str, Series or DataFrame, optional
            Weights of subjects; the covariance is then robust.

        Returns
        -------
        MixtureCureResult

        Raises
        ------
        DataError
            When a column is missing or an event is dated at time 0 exactly.
        NotEstimableError
            When no subject, or no subject in a category, had the event.

        Warns
        -----
        EstimateWarning
            When the data cannot distinguish those who never respond from those who have not yet, or
            the search did not converge.
        """
        data = analyse(as_event_times(times, weights), weights, [self.incidence, self.latency])
        for design in data.designs:
            check_events(design, data.known.seen)
        if data.events == data.n:
            raise NotEstimableError(
                "All had the event: no subject is left who might never have it. Use AFT."
            )
        W, X = (with_intercept(d.X) for d in data.designs)
        try:
            fit = fit_cure(data.dated, W, X, data.weight, self.distribution)
        except FloatingPointError as error:
            raise no_start(self.distribution) from error
        flat, weak = poorly_identified(fit, W, X, data.weight)
        result = MixtureCureResult(self, data, fit, flat, weak)
        trouble = result.trouble()
        if trouble:
            warn(trouble, EstimateWarning)
        return result


def poorly_identified(
    fit: CureFit, W: FloatArray, X: FloatArray, weight: FloatArray
) -> tuple[BoolArray, BoolArray]:
    """Return which parameters the data say nothing of, and which too little, shapes (p,).

    Nothing: the likelihood is level in a direction in which the parameter has a part. Too little:
    the information on coefficients of the incidence, with the latency unknown, is far below that
    of a logistic regression of every subject's final state with probability 1/2.
    """
    g, H = fit.g, fit.information
    # In the columns of the search, which know neither where a covariate has its 0 nor its unit.
    V, Z = W @ fit.back[:g, :g], X @ fit.back[g:-1, g:-1]
    states = V.T @ (weight[:, None] * V) / 4
    with np.errstate(over="ignore", divide="ignore"):
        times = Z.T @ (weight[:, None] * Z) / np.exp(2 * fit.log_sigma)
    on_one_day = not fit.converged and fit.log_sigma < NO_SPREAD
    if on_one_day or not (np.isfinite(times).all() and np.isfinite(H).all()):  # the scale ran to 0
        return np.ones(len(H), dtype=bool), np.ones(len(H), dtype=bool)
    size = np.sqrt(weight @ np.column_stack((W**2, X**2, np.ones(len(weight)))))
    flat = _part_in(H, block_diag(states, times, weight.sum()), FLAT, fit.back, size)
    weak = flat.copy()
    if np.linalg.eigvalsh(H[g:, g:])[0] > 0:
        left = H[:g, :g] - H[:g, g:] @ np.linalg.solve(H[g:, g:], H[g:, :g])
        weak[:g] |= _part_in((left + left.T) / 2, states, _LITTLE, fit.back[:g, :g], size[:g])
    return flat, weak


def _part_in(
    H: FloatArray, whole: FloatArray, least: float, back: FloatArray, size: FloatArray
) -> BoolArray:
    """Return which parameters have a part in directions with at most a share of information."""
    values, vectors = eigh(H, whole)
    part = np.abs(back @ vectors[:, values <= least]) * size[:, None]
    return np.asarray((part > 0.1 * part.max(axis=0, initial=0.0)).any(axis=1))
