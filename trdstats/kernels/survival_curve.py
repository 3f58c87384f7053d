"""Arithmetic on a survival curve: intervals, quantiles, restricted means, influence.

Conventions: a curve starts at time 0 with survival 1 and lists every distinct time at which
somebody had the event or was censored; those censored at a time are at risk at it (events come
before censorings); ``survival`` holds just after its time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]
ConfType = Literal["plain", "log", "log-log"]

# R rounds products of ratios the same way when it asks whether a curve sits exactly on a quantile.
_ON_QUANTILE = 1e-9


@dataclass(frozen=True, slots=True)
class Curve:
    """A survival curve of one group.

    Attributes
    ----------
    time : ndarray, shape (m,)
        0, then the distinct times in increasing order.
    n_risk, n_event, n_censor : ndarray, shape (m,)
        At risk just before, events at, and censored at each time.
    survival : ndarray, shape (m,)
        Survival just after each time.
    """

    time: FloatArray
    n_risk: FloatArray
    n_event: FloatArray
    n_censor: FloatArray
    survival: FloatArray

    def greenwood(self) -> FloatArray:
        """Return Greenwood's sum, the variance of log survival; NaN once survival is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            step = self.n_event / (self.n_risk * (self.n_risk - self.n_event))
        total = np.cumsum(np.where(self.n_event > 0, step, 0.0))
        return np.where(self.survival > 0, total, np.nan)

    def std_error(self) -> FloatArray:
        """Return the standard error of survival; 0 while, and after, nobody can have the event."""
        return np.where(self.survival > 0, self.survival * np.sqrt(self.greenwood()), 0.0)

    def index_at(self, at: FloatArray) -> IntArray:
        """Return the position in the curve that holds at each time."""
        return np.searchsorted(self.time, at, side="right") - 1

    def at_risk(self, at: FloatArray) -> FloatArray:
        """Return the number at risk just before each time."""
        place = np.searchsorted(self.time, at, side="left")
        return np.where(
            place < len(self.time), self.n_risk[np.minimum(place, len(self.time) - 1)], 0
        )


def survival_interval(
    survival: FloatArray, greenwood: FloatArray, *, conf_type: ConfType, conf_level: float
) -> tuple[FloatArray, FloatArray]:
    """Return pointwise confidence limits of survival.

    Parameters
    ----------
    survival, greenwood : ndarray, shape (m,)
        Survival and the variance of its logarithm.
    conf_type : {"plain", "log", "log-log"}
        Scale on which the interval is symmetric.
    conf_level : float

    Returns
    -------
    low, high : ndarray, shape (m,)
        NaN where survival is 0 or 1: the transformed scale has no such point, as in R.
    """
    z = norm.isf((1 - conf_level) / 2)
    inside = (survival > 0) & (survival < 1)
    s = np.where(inside, survival, np.nan)
    se = np.sqrt(greenwood)
    if conf_type == "plain":
        half = z * s * se
        return np.maximum(s - half, 0), np.minimum(s + half, 1)
    if conf_type == "log":
        return s * np.exp(-z * se), np.minimum(s * np.exp(z * se), 1)
    log_s = np.log(s)
    spread = np.exp(z * se / -log_s)
    return np.exp(log_s * spread), np.exp(log_s / spread)


def first_time_at_or_below(time: FloatArray, values: FloatArray, level: float) -> float:
    """Return when a falling step curve reaches a level, NaN when it never does.

    Where the curve stays exactly on the level for a while, the middle of that stay is returned,
    as R does. NaN values of the curve are passed over.
    """
    known = ~np.isnan(values)
    t, v = time[known], values[known]
    below = np.flatnonzero(v <= level + _ON_QUANTILE)
    if not len(below):
        return float("nan")
    i = int(below[0])
    if abs(v[i] - level) > _ON_QUANTILE:
        return float(t[i])
    leaves = np.flatnonzero(v < level - _ON_QUANTILE)
    return float(t[i] if not len(leaves) else (t[i] + t[leaves[0]]) / 2)


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """Mean time without the event up to tau, in units of time, and its standard error."""

    estimate: float
    std_error: float


def _areas(curve: Curve, tau: float) -> FloatArray:
    """Return the area under the curve from each of its times to tau, shape (m,)."""
    edges = np.minimum(np.append(curve.time, np.inf), tau)
    pieces = curve.survival * np.diff(edges)
    return np.cumsum(pieces[::-1])[::-1]


def restricted_mean(curve: Curve, tau: float) -> RestrictedMean:
    """Return the area under the curve up to tau.

    Parameters
    ----------
    curve : Curve
    tau : float
        Horizon, within the follow-up of the group.

    Notes
    -----
    Variance: the sum over event times up to tau of the squared area from there to tau times
    ``d / (n (n - d))``, as in survRM2 (Uno 2014, doi:10.1200/JCO.2014.55.2208).
    """
    area = _areas(curve, tau)
    left = curve.n_risk - curve.n_event
    used = (curve.n_event > 0) & (left > 0) & (curve.time <= tau)
    step = np.where(used, curve.n_event / np.where(used, curve.n_risk * left, 1), 0.0)
    # The area from an event time to tau lies under the curve after its step.
    return RestrictedMean(float(area[0]), float(np.sqrt(np.sum(area**2 * step))))


def influence_on_survival(
    curve: Curve, time: FloatArray, status: IntArray, at: FloatArray
) -> FloatArray:
    """Return the first-order effect of each subject on survival at given times.

    Parameters
    ----------
    curve : Curve
    time, status : ndarray, shape (n,)
        The subjects of the curve; status 1 is the event.
    at : ndarray, shape (k,)

    Returns
    -------
    ndarray, shape (n, k)
        Columns sum to 0; the sum of squares estimates the variance.
    """
    place, cumulated, jump = _hazard_influence(curve, time, status)
    result = np.empty((len(time), len(at)))
    for j, t in enumerate(at):
        here = curve.index_at(np.array([t]))[0]
        upto = np.minimum(place, here)
        happened = np.where(place <= here, jump, 0.0)
        result[:, j] = -curve.survival[here] * (happened - cumulated[upto])
    return result


def influence_on_restricted_mean(
    curve: Curve, time: FloatArray, status: IntArray, tau: float
) -> FloatArray:
    """Return the first-order effect of each subject on the restricted mean, shape (n,)."""
    area = _areas(curve, tau)
    place, _, jump = _hazard_influence(curve, time, status)
    step = np.where(curve.time <= tau, _hazard_steps(curve) * area, 0.0)
    inside = np.where(time <= tau, jump * area[place], 0.0)
    return np.asarray(np.cumsum(step)[place] - inside, dtype=np.float64)


def _hazard_steps(curve: Curve) -> FloatArray:
    """Return d / (n (n - d)) at each time, 0 where the curve ends: it then carries no more."""
    left = curve.n_risk - curve.n_event
    used = (curve.n_event > 0) & (left > 0)
    return np.where(used, curve.n_event / np.where(used, curve.n_risk * left, 1), 0.0)


def _hazard_influence(
    curve: Curve, time: FloatArray, status: IntArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return each subject's place in the curve, the cumulated compensator, and its own jump."""
    place = curve.index_at(time)
    left = curve.n_risk - curve.n_event
    # One event in a risk set of n moves log survival by 1 / (n - d): the discrete derivative.
    each = np.where(left > 0, 1 / np.where(left > 0, left, 1), 0.0)
    jump = np.where(status == 1, each[place], 0.0)
    return place, np.cumsum(_hazard_steps(curve)), jump
