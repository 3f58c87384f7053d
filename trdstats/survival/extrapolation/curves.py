"""One parametric curve of one group: fitted, with its survival and mean to any horizon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import roots_legendre

from trdstats.arrays import FloatArray
from trdstats.kernels.parametric.aft import fit_aft, standard_distribution, unpack
from trdstats.kernels.parametric.censored_times import CensoredTimes
from trdstats.kernels.parametric.fitted import ParametricFit
from trdstats.kernels.parametric.flexible import (
    Family,
    PiecewiseConstant,
    Spline,
    fit_flexible,
)

AFT_FAMILIES = ("exponential", "weibull", "log-normal", "log-logistic", "generalised gamma")
FAMILIES = (*AFT_FAMILIES, "spline", "piecewise exponential")
# What is taken to hold after the data end.
ASSUMPTIONS = {
    "exponential": "the hazard stays what it was on average",
    "weibull": "the hazard goes on as a power of time",
    "log-normal": "times are log-normal; the hazard falls in the long run",
    "log-logistic": "times are log-logistic; the hazard falls in the long run",
    "generalised gamma": "times are of generalised gamma form",
    "spline": "the cumulative hazard goes on as a power of time",
    "piecewise exponential": "the hazard stays what it was in the last piece",
    "average": "one of the families holds, with its Akaike weight",
}
_NODES, _WEIGHTS = roots_legendre(10)
_PANELS = 48
_STEP = 1e-5
_LITTLE = 1e-3  # root of the information on a parameter, below which there is none
_FLAT = 1e-8  # smallest eigenvalue of a scaled information, below which nothing is identified

Survival = Callable[[FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True)
class FittedCurve:
    """A parametric curve of a group.

    Attributes
    ----------
    family : str
    fit : ParametricFit
    survival_at : callable
        Returns S at parameters and days.
    breaks : ndarray
        Days at which the hazard jumps.
    """

    family: str
    fit: ParametricFit
    survival_at: Survival
    breaks: FloatArray

    @property
    def n_parameters(self) -> int:
        """Number of parameters."""
        return len(self.fit.theta)

    def survival(self, days: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return S at days, shape (k,), and its gradients in the parameters, (k, p)."""
        theta = self.fit.theta
        gradient = np.empty((len(days), len(theta)))
        for j in range(len(theta)):
            step = np.zeros(len(theta))
            step[j] = _STEP * max(abs(theta[j]), 1.0)
            up, down = (self.survival_at(theta + s * step, days) for s in (1, -1))
            gradient[:, j] = (up - down) / (2 * step[j])
        return self.survival_at(theta, days), gradient

    def mean_to(self, tau: float, factor: Callable[[FloatArray], FloatArray]) -> tuple[
        float, FloatArray
    ]:  # fmt: skip
        """Return the mean days without the event up to tau, and its gradient.

        `factor` is the proportion that background events leave at each day.
        """
        edges = tau * (np.arange(_PANELS + 1) / _PANELS) ** 3  # curves are steepest at the start
        edges = np.unique(np.append(edges, self.breaks[self.breaks < tau]))
        half = np.diff(edges) / 2
        days = ((edges[:-1] + edges[1:]) / 2)[:, None] + half[:, None] * _NODES
        weight = (half[:, None] * _WEIGHTS).ravel()
        value, gradient = self.survival(days.ravel())
        weight = weight * factor(days.ravel())
        return float(weight @ value), weight @ gradient


def fit_curve(
    family: str, times: CensoredTimes, *, knots: int, horizon: float
) -> FittedCurve | str:
    """Fit a family to the times of one group; the reason where it cannot be had.

    Parameters
    ----------
    family : str
    times : CensoredTimes
    knots : int
        Inner knots of the spline, and breaks of the piecewise exponential.
    horizon : float
        Last day to which the curve is carried.
    """
    ones = np.ones(len(times.log_left))
    try:
        if family in AFT_FAMILIES:
            fit: ParametricFit = fit_aft(times, ones[:, None], ones, family)  # type: ignore[arg-type]
            fitted = FittedCurve(family, fit, partial(_survival_of_aft, family), np.empty(0))
        else:
            made = _flexible(family, times, ones, knots)
            if isinstance(made, str):
                return made
            fitted = made
    except FloatingPointError:
        return "the likelihood has no finite value"
    return _problem(fitted, horizon) or fitted


def _survival_of_aft(family: str, theta: FloatArray, days: FloatArray) -> FloatArray:
    beta, log_sigma, Q = unpack(theta, 1)
    with np.errstate(divide="ignore"):
        z = (np.log(days) - beta[0]) / np.exp(log_sigma)
    return np.asarray(np.exp(standard_distribution(family, Q).log_sf(z)))


def _survival_of(form: Family, theta: FloatArray, days: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-form.hazard(theta, days)))


def _flexible(family: str, times: CensoredTimes, ones: FloatArray, knots: int) -> FittedCurve | str:
    """Fit a spline or constant hazards, from the distribution that they contain."""
    middle = _days_of_events(times)
    at = np.quantile(middle, np.linspace(0, 1, knots + 2))
    if len(np.unique(at)) < knots + 2 or at[0] <= 0:
        return f"events on fewer than {knots + 2} days"
    form: Family
    if family == "spline":
        simple = fit_aft(times, ones[:, None], ones, "weibull")
        shape = np.exp(-simple.theta[1])
        form, breaks = Spline(np.log(at)), np.empty(0)
        start = np.r_[-simple.theta[0] * shape, shape, np.zeros(knots)]
    else:
        simple = fit_aft(times, ones[:, None], ones, "exponential")
        form, breaks = PiecewiseConstant(at[1:-1]), at[1:-1]
        start = np.full(knots + 1, -simple.theta[0])
    fit = fit_flexible(form, times, start)
    if fit is None:
        return "the likelihood has no finite value"
    return FittedCurve(family, fit, partial(_survival_of, form), breaks)


def _days_of_events(times: CensoredTimes) -> FloatArray:
    """Return the middle of the interval of each event."""
    seen = times.seen
    return np.asarray((np.exp(times.log_left[seen]) + np.exp(times.log_right[seen])) / 2)


def _problem(fitted: FittedCurve, horizon: float) -> str:
    """Return why a fit cannot be used; empty where it can."""
    fit = fitted.fit
    size = np.sqrt(np.abs(np.diag(fit.information)))
    known = np.isfinite(fit.information).all() and (size > _LITTLE).all()
    if not known:
        return "the data do not identify its parameters"
    scaled = np.linalg.eigvalsh(fit.information / np.outer(size, size))
    if not fit.converged or scaled[0] < _FLAT:
        return "the likelihood has no single maximum"
    curve = fitted.survival_at(fit.theta, horizon * np.linspace(0.001, 1, 400))
    if (np.diff(curve) > 1e-12).any():
        return "its survival rises: the hazard is negative beyond the data"
    return ""
