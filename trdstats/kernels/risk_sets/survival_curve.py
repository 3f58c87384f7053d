"""Arithmetic on a survival curve: intervals, quantiles, restricted means, influence.

Conventions: a curve starts at time 0 with survival 1 and lists every distinct time at which
somebody had the event or was censored; those censored at a time are at risk at it (events come
before censorings); ``survival`` holds just after its time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.numerics.boundary import error_at, variance_of_mean
from trdstats.kernels.numerics.critical import critical_value
from trdstats.kernels.numerics.stacking import WeightModel
from trdstats.kernels.risk_sets.follow_up import Counts, FollowUp, Influence, count

ConfType = Literal["plain", "log", "log-log", "arcsine"]

# R rounds products of ratios the same way when it asks whether a curve sits exactly on a quantile.
_ON_QUANTILE = 1e-9


@dataclass(frozen=True, slots=True)
class Curve:
    """A survival curve of one group.

    Attributes
    ----------
    counts : Counts
        Times, and who is at risk, has the event or is censored at them.
    weight : ndarray, shape (n,)
        Weights of the subjects.
    jump : ndarray, shape (n,)
        What the event of a subject takes from the log of survival; 0 for the others.
    step : ndarray, shape (m,)
        d / (n (n - d)), 0 where the curve ends: it then carries no more.
    survival : ndarray, shape (m,)
        Survival just after each time.
    log_variance : ndarray, shape (m,)
        Variance of log survival: Greenwood's sum, or the sum of squared influences where
        subjects have weights; NaN once survival is 0.
    """

    counts: Counts
    weight: FloatArray
    jump: FloatArray
    step: FloatArray
    survival: FloatArray
    log_variance: FloatArray

    @property
    def time(self) -> FloatArray:
        """0, then the distinct times in increasing order."""
        return self.counts.time

    @property
    def n_risk(self) -> FloatArray:
        """At risk at each time."""
        return self.counts.n_risk

    @property
    def n_event(self) -> FloatArray:
        """Events at each time."""
        return self.counts.n_event[:, 0]

    @property
    def n_censor(self) -> FloatArray:
        """Censored at each time."""
        return self.counts.n_censor

    def std_error(self) -> FloatArray:
        """Return the standard error of survival.

        NaN where no or every subject had the event; 0 at the origin, where no subject can have it.
        """
        error = self.survival * np.sqrt(self.log_variance)
        at_once = bool(self.counts.n_event[self.time == 0].any())
        return error_at(self.time, self.survival, error, from_origin=at_once)

    def index_at(self, at: FloatArray) -> IntArray:
        """Return the position in the curve that holds at each time."""
        return np.searchsorted(self.time, at, side="right") - 1


def kaplan_meier(
    follow_up: FollowUp, *, robust: bool = False, model: WeightModel | None = None
) -> Curve:
    """Estimate the curve of one group; status 1 is the event.

    Parameters
    ----------
    follow_up : FollowUp
    robust : bool
        Take the variance from the subjects' influences, as weights that are no counts ask for.
    model : WeightModel, optional
        The model the weights were estimated by; the variance then knows of it.
    """
    counts = count(follow_up)
    d, n = counts.n_event[:, 0], counts.n_risk
    # Weighted sums leave a rounding error where the last one has the event.
    left = np.where(n - d > 1e-12 * n, n - d, 0.0)
    some = n > 0
    kept: FloatArray = np.where(some, left / np.where(some, n, 1.0), 1.0)
    survival = np.asarray(np.cumprod(kept), dtype=float)
    used = (d > 0) & (left > 0)
    step = np.where(used, d / np.where(used, n * left, 1.0), 0.0)
    each = np.where(left > 0, 1 / np.where(left > 0, left, 1.0), 0.0)
    jump = np.where(follow_up.status == 1, each[counts.place], 0.0)
    variance = np.cumsum(step)
    if robust:
        influence = _log_influence(step, jump)
        factor = 1.0 if model is None else model.correction
        variance = influence.variance(counts, follow_up.weight * factor)
        if model is not None:
            variance = variance + model.added_variance(
                influence.times(counts, follow_up.weight, model.columns)
            )
    known = np.where(survival > 0, variance, np.nan)
    return Curve(counts, follow_up.weight, jump, step, survival, known)


def _log_influence(step: FloatArray, jump: FloatArray) -> Influence:
    """Return the influences on the logarithm of survival."""
    sums = np.cumsum(step)
    none = np.zeros_like(sums)
    return Influence(sums, none, -jump, np.zeros_like(jump), none, np.ones_like(sums))


def survival_interval(
    survival: FloatArray, log_variance: FloatArray, *, conf_type: ConfType, conf_level: float
) -> tuple[FloatArray, FloatArray]:
    """Return pointwise confidence limits of survival.

    Parameters
    ----------
    survival, log_variance : ndarray, shape (m,)
        Survival and the variance of its logarithm.
    conf_type : {"plain", "log", "log-log", "arcsine"}
        Scale on which the interval is symmetric.
    conf_level : float

    Returns
    -------
    low, high : ndarray, shape (m,)
        NaN where survival is 0 or 1: the transformed scale has no such point, as in R.
    """
    z = critical_value(conf_level)
    inside = (survival > 0) & (survival < 1)
    s = np.where(inside, survival, np.nan)
    se = np.sqrt(log_variance)
    if conf_type == "plain":
        half = z * s * se
        return np.maximum(s - half, 0), np.minimum(s + half, 1)
    if conf_type == "log":
        return s * np.exp(-z * se), np.minimum(s * np.exp(z * se), 1)
    if conf_type == "arcsine":
        angle = np.arcsin(np.sqrt(s))
        half = z / 2 * se * np.sqrt(s / (1 - s))
        low = np.sin(np.maximum(angle - half, 0)) ** 2
        return low, np.sin(np.minimum(angle + half, np.pi / 2)) ** 2
    log_s = np.log(s)
    spread = np.exp(z * se / -log_s)
    return np.exp(log_s * spread), np.exp(log_s / spread)


def first_time_at_or_below(time: FloatArray, values: FloatArray, level: float) -> float:
    """Return when a falling step curve reaches a level, NaN when it never does.

    Where the curve is exactly at the level for a while, the middle of that period is returned,
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
    """Mean time without the event up to tau, in units of time, and its standard error.

    The error is NaN where all subjects have the same time: it is then not known, not 0.
    """

    estimate: float
    std_error: float


def _areas(curve: Curve, tau: float) -> FloatArray:
    """Return the area under the curve from each of its times to tau, shape (m,)."""
    edges = np.minimum(np.append(curve.time, np.inf), tau)
    pieces = curve.survival * np.diff(edges)
    return np.cumsum(pieces[::-1])[::-1]


def restricted_mean(
    curve: Curve, tau: float, *, robust: bool = False, model: WeightModel | None = None
) -> RestrictedMean:
    """Return the area under the curve up to tau.

    Parameters
    ----------
    curve : Curve
    tau : float
        Horizon, within the follow-up of the group.
    robust : bool
        Take the variance from the subjects' influences.
    model : WeightModel, optional
        As in `kaplan_meier`.

    Notes
    -----
    NaN where no subject had the event by tau, or all had it on one day: the days do not vary.
    Variance: the sum over event times up to tau of the squared area from there to tau times
    ``d / (n (n - d))``, as in survRM2 (Uno 2014, doi:10.1200/JCO.2014.55.2208).
    """
    area = _areas(curve, tau)
    if robust:
        influence = influence_on_restricted_mean(curve, tau)
        squares = np.sum(influence**2) if model is None else model.variance(influence[:, None])[0]
        variance = float(squares)
    else:
        # The area from an event time to tau lies under the curve after its step.
        variance = float(np.sum(area**2 * curve.step * (curve.time <= tau)))
    return RestrictedMean(float(area[0]), float(np.sqrt(variance_of_mean(area[0], variance))))


def influence_on_survival(curve: Curve, at: FloatArray) -> FloatArray:
    """Return the first-order effect of each subject on survival at given times.

    Returns
    -------
    ndarray, shape (n, k)
        Columns sum to 0; the sum of squares estimates the variance.
    """
    here = curve.index_at(at)
    log_influence = _log_influence(curve.step, curve.jump)
    return curve.survival[here] * log_influence.at(curve.counts, curve.weight, here)


def influence_on_restricted_mean(curve: Curve, tau: float) -> FloatArray:
    """Return the first-order effect of each subject on the restricted mean, shape (n,)."""
    area = _areas(curve, tau)
    place, start = curve.counts.place, curve.counts.start
    step = np.where(curve.time <= tau, curve.step * area, 0.0)
    inside = np.where(curve.time[place] <= tau, curve.jump * area[place], 0.0)
    sums = np.append(0.0, np.cumsum(step))
    return np.asarray(curve.weight * (sums[place + 1] - sums[start] - inside), dtype=np.float64)
