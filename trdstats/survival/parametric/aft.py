"""Accelerated failure time models of event times known exactly or between visits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import get_args

import numpy as np
from scipy.linalg import eigh

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.arrays import FloatArray
from trdstats.errors import EstimateWarning, NotEstimableError, check_choice, check_level, warn
from trdstats.estimates.weights import WeightsLike
from trdstats.formulas import read_right_side
from trdstats.kernels.parametric.aft import AFTFit, Distribution, fit_aft, unpack
from trdstats.outcomes import EventTimes, as_event_times
from trdstats.survival.doubly_censored import DoublyCensored
from trdstats.survival.parametric.aft_result import AFTResult, parameter_names
from trdstats.survival.parametric.parametric_data import (
    FLAT,
    NO_SPREAD,
    Analysed,
    analyse,
    check_events,
    no_start,
    with_intercept,
)

# Logarithm of days that no patient lives: a search that was stopped there was on its way out.
_UNBOUNDED = 50.0


@checked
@dataclass(frozen=True, slots=True)
class AFT:
    """Accelerated failure time model: log T = x'beta + sigma Z.

    Exact, interval-, left- and right-censored times enter one likelihood, each as (left, right];
    a left end of 0 makes a left-censored time. A coefficient is the logarithm of the factor by
    which it stretches time: below 0 is a faster onset. Causes other than 1 count as censored.

    Parameters
    ----------
    formula : str
        Covariates only, such as ``"treatment + age"``; ``"1"`` for none.
    distribution : {"weibull", "exponential", "log-normal", "log-logistic", "generalised gamma"}
        Of the time. The generalised gamma has a shape Q: 1 is Weibull, 0 log-normal.
    robust : bool, default False
        Take the covariance from the influences of subjects (sandwich). With weights it always is.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Kalbfleisch and Prentice 2002, The Statistical Analysis of Failure Time Data, chapter 3;
    Odell, Anderson and D'Agostino 1992, Biometrics 48:951-959, doi:10.2307/2532360;
    Prentice 1974, Biometrika 61:539-544, doi:10.1093/biomet/61.3.539.

    Examples
    --------
    >>> import trdstats as trd
    >>> onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    >>> fit = trd.AFT("treatment", distribution="log-normal").fit(onset)
    >>> fit.tidy()["term"].tolist()
    ['Intercept', 'treatment[T.ECT]', 'treatment[T.IV ketamine]', 'log(scale)']
    """

    formula: str
    distribution: Distribution = "weibull"
    robust: bool = field(default=False, kw_only=True)
    conf_level: float = field(default=0.95, kw_only=True)

    def __post_init__(self) -> None:
        read_right_side(self.formula)
        check_choice("distribution", self.distribution, get_args(Distribution))
        check_level(self.conf_level)

    def fit(
        self,
        times: EventTimes | DoublyCensored | FrameLike,
        *,
        weights: WeightsLike | None = None,
    ) -> AFTResult:
        """Fit by maximum likelihood.

        Parameters
        ----------
        times : EventTimes, DoublyCensored or DataFrame
            Of durations whose start is not dated, the likelihood averages over its days.
        weights : str, Series or DataFrame, optional
            Weights of subjects; the covariance is then robust.

        Returns
        -------
        AFTResult

        Raises
        ------
        DataError
            When a column is missing or an event is dated at time 0 exactly.
        NotEstimableError
            When no subject, or no subject in a category, had the event, or the likelihood has no
            single maximum.

        Warns
        -----
        EstimateWarning
            When the search did not converge.
        """
        durations = times if isinstance(times, DoublyCensored) else None
        dated = as_event_times(times if durations is None else durations.times, weights)
        data = analyse(dated, weights, [self.formula], durations)
        design = data.designs[0]
        check_events(design, data.known.seen)
        X = with_intercept(design.X)
        try:
            fit = fit_aft(data.known, X, data.weight, self.distribution)
        except FloatingPointError as error:
            raise no_start(self.distribution) from error
        _check_maximum(fit, X, data)
        if not fit.converged:
            warn(
                f"The likelihood of {self.distribution} times did not converge in "
                f"{fit.iterations} steps: do not rely on its errors.",
                EstimateWarning,
            )
        return AFTResult(self, data, fit)


def _check_maximum(fit: AFTFit, X: FloatArray, data: Analysed) -> None:
    """Raise `NotEstimableError` where the likelihood is level in some direction, or still rises."""
    q, total = X.shape[1], data.weight.sum()
    whole = np.eye(len(fit.theta)) * total
    sigma = unpack(fit.theta, q)[1]
    # In the columns of the search, which know neither where a covariate has its 0 nor its unit.
    Z = X @ fit.back[:q, :q]
    with np.errstate(over="ignore", divide="ignore"):
        whole[:q, :q] = Z.T @ (data.weight[:, None] * Z) / np.exp(2 * sigma)
    on_a_line = not fit.converged and float(np.min(sigma)) < NO_SPREAD
    finite = np.isfinite(whole).all() and np.isfinite(fit.information).all()
    if on_a_line or not finite:
        raise NotEstimableError(
            f"The likelihood has no single maximum: {parameter_names(data.designs[0], 1)[-1]} can "
            "change without end. The events may all be on one day, or on one line of the "
            "covariates, or be too few. Simplify the formula or the distribution."
        )
    values, vectors = eigh(fit.information, whole)
    far = np.abs(np.linalg.solve(fit.back, fit.theta)).max()
    if values[0] > FLAT and (fit.converged or far < _UNBOUNDED):
        return
    size = np.sqrt(np.append(data.weight @ X**2 / np.exp(2 * sigma), np.diag(whole)[q:]))
    proportion = np.abs(fit.back @ vectors[:, 0]) * size
    terms = parameter_names(data.designs[0], len(fit.theta) - q)
    names = [t for t, v in zip(terms, proportion, strict=True) if v > 0.1 * proportion.max()]
    raise NotEstimableError(
        f"The likelihood has no single maximum: {', '.join(names)} can change without end and it "
        "stays level or rises. The visits may be too few to tell the scale, or a covariate may "
        "separate early events from the others. Simplify the formula or the distribution."
    )
