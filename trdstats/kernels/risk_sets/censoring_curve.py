"""Survival with inverse probability of censoring weights.

A Cox model of the hazard of censoring gives subject i the cumulative hazard H(t) r_i, r_i =
exp(x_i'b), with a separate baseline H in every group. At an event time t subjects at risk have
weight exp(H(t-) r_i); the curve is the product of 1 - (weighted events) / (weighted at risk). A
baseline common to the group cancels: these are stabilised weights, and without covariates the
curve is that of Kaplan and Meier.

References
----------
Robins and Finkelstein 2000, doi:10.1111/j.0006-341X.2000.00779.x (equations 3 to 6). Influence,
through b and H too, follows from that on a Cox model: Lin and Wei 1989,
doi:10.1080/01621459.1989.10478874; Tsiatis 1981, doi:10.1214/aos/1176345335.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.numerics.weighted_risk import WeightedRisk
from trdstats.kernels.risk_sets.partial_likelihood import (
    CoxFit,
    Episodes,
    Standardised,
    at_places,
    collect,
    maximise,
    score_residuals,
)
from trdstats.kernels.risk_sets.risk_sums import RiskSets

_NO_INFORMATION = 1e-12  # of what the covariates' variances would give: rounding


@dataclass(frozen=True, slots=True)
class Observed:
    """Follow-up of subjects of all groups.

    Attributes
    ----------
    time, entry, weight : ndarray, shape (n,)
        Weights are positive.
    event : ndarray of bool, shape (n,)
    group : ndarray of int, shape (n,)
        0, 1, 2, ...
    X : ndarray, shape (n, q)
        Covariates of censoring.
    """

    time: FloatArray
    entry: FloatArray
    event: BoolArray
    group: IntArray
    weight: FloatArray
    X: FloatArray


@dataclass(frozen=True, slots=True)
class CensoringModel:
    """A Cox model of censoring.

    Attributes
    ----------
    fit : CoxFit
        Its times are places: two for each distinct time, events first.
    on_beta : ndarray, shape (n, q)
        Influence of each subject on the coefficients.
    unknown : ndarray of bool, shape (q,)
        Coefficients of which the data say nothing: those at risk when somebody was censored are
        without variation in them, or in a combination of them.
    """

    fit: CoxFit
    on_beta: FloatArray
    unknown: BoolArray


def fit_censoring(data: Observed, horizon: float) -> CensoringModel | None:
    """Fit the hazard of censoring before a horizon; None where no subject was censored by then.

    Parameters
    ----------
    data : Observed
        With covariates of full rank.
    horizon : float
        Censoring from it on changes no weight that is needed, and is not modelled: it is the end
        of the schedule and no departure.
    """
    left = ~data.event & (data.time < horizon)
    if not left.any():
        return None
    times = np.unique(data.time)
    # Events come before censorings of the same time: who had one is not at risk of the other.
    place = _place_of_events(times, data.time) + ~data.event
    entered = 2.0 * np.searchsorted(times, data.entry, side="right")
    sets = RiskSets.of(place, np.where(data.entry > 0, entered, 0.0), data.group)
    fit = maximise(Standardised.of(Episodes.of(data.X, left, data.weight, sets, "efron")))
    part, information = score_residuals(fit.data, fit.fit), fit.fit.information
    # In units of each covariate, so that rank is judged equally for years and points.
    unit = np.sqrt(data.X.var(axis=0) * max(float(data.weight[left].sum()), 1e-300))
    value, vector = np.linalg.eigh(information / np.outer(unit, unit))
    nothing = vector[:, value <= _NO_INFORMATION]
    unknown = (np.abs(nothing) > 1e-6).any(axis=1)
    inverse = np.full_like(information, np.nan) if unknown.any() else np.linalg.inv(information)
    return CensoringModel(fit, data.weight[:, None] * part @ inverse, unknown)


def _place_of_events(times: FloatArray, at: FloatArray) -> FloatArray:
    return np.asarray(2.0 * np.searchsorted(times, at, side="left") + 1.0, dtype=float)


@dataclass(frozen=True, slots=True)
class WeightedCurve:
    """A curve of one group.

    Attributes
    ----------
    members : ndarray of int, shape (m,)
        Subjects of the group.
    time : ndarray, shape (k,)
        Distinct event times.
    hazard : ndarray, shape (k,)
    survival : ndarray, shape (k,)
        Just after each time.
    baseline : ndarray, shape (k,)
        H(t-) of censoring, of a subject with mean covariates.
    largest : ndarray, shape (k,)
        Largest weight of those at risk over their mean.
    effective : ndarray, shape (k,)
        Effective number at risk: (sum w)^2 / sum w^2.
    at_risk : ndarray, shape (k,)
    """

    members: IntArray
    time: FloatArray
    hazard: FloatArray
    survival: FloatArray
    baseline: FloatArray
    largest: FloatArray
    effective: FloatArray
    at_risk: FloatArray

    def at(self, days: FloatArray) -> FloatArray:
        """Return survival at some days."""
        place = np.searchsorted(self.time, days, side="right")
        return np.append(1.0, self.survival)[place]

    def areas(self, tau: float) -> FloatArray:
        """Return the area under the curve from 0, and from each event time, to tau: (k + 1,)."""
        edges = np.minimum(np.concatenate([[0.0], self.time, [np.inf]]), tau)
        pieces = np.append(1.0, self.survival) * np.diff(edges)
        return np.cumsum(pieces[::-1])[::-1]


def weighted_curve(data: Observed, model: CensoringModel | None, group: int) -> WeightedCurve:
    """Estimate the curve of one group."""
    members = np.flatnonzero(data.group == group)
    time = np.unique(data.time[members][data.event[members]])
    baseline = np.zeros(len(time)) if model is None else _baseline(data, model, group, time)
    risk = _risk(data, model, members, time, baseline)
    hazard, largest, effective, at_risk = (
        _written_out(data, model, members, time, baseline) if risk is None else risk.curve()
    )
    # Where the last at risk has the event a rounding error must not stay.
    hazard = np.where(hazard > 1 - 1e-12, 1.0, hazard)
    survival = np.asarray(np.cumprod(1 - hazard), dtype=float)
    return WeightedCurve(members, time, hazard, survival, baseline, largest, effective, at_risk)


def _risk(
    data: Observed, model: CensoringModel | None, members: IntArray, time: FloatArray,
    baseline: FloatArray,
) -> WeightedRisk | None:  # fmt: skip
    """Return the sums of all event times together; None where they had better be written out."""
    if (data.entry[members] > 0).any():
        return None  # differences of sums would lose digits
    risk = np.zeros(len(members)) if model is None else model.fit.fit.risk[members]
    return WeightedRisk.of(
        data.time[members], data.event[members], data.weight[members], risk, time, baseline
    )


def _written_out(
    data: Observed, model: CensoringModel | None, members: IntArray, time: FloatArray,
    baseline: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:  # fmt: skip
    """Return hazard, largest, effective and at risk of `WeightedCurve`, time by time."""
    hazard, largest, effective, at_risk = (np.empty(len(time)) for _ in range(4))
    for k, (t, H) in enumerate(zip(time, baseline, strict=True)):
        there, w = _weights(data, model, members, t, H)
        now = there & data.event[members] & (data.time[members] == t)
        total = w.sum()
        hazard[k] = w[now].sum() / total
        at_risk[k] = there.sum()
        largest[k] = w.max() * at_risk[k] / total
        effective[k] = total**2 / (w**2).sum()
    return hazard, largest, effective, at_risk


def _weights(
    data: Observed, model: CensoringModel | None, members: IntArray, t: float, H: float
) -> tuple[BoolArray, FloatArray]:
    """Return who is at risk at a time, and weights, 0 for others."""
    entry, w = data.entry[members], data.weight[members]
    there = (t <= data.time[members]) & ((entry < t) | (entry <= 0))
    if model is not None:
        exponent = H * model.fit.fit.risk[members]
        # A common factor cancels, and keeps the exponentials finite.
        w = w * np.exp(exponent - exponent.mean())
    return there, np.where(there, w, 0.0)


def _baseline(data: Observed, model: CensoringModel, group: int, time: FloatArray) -> FloatArray:
    """Return H(t-) of a group at some times."""
    sets, fit = model.fit.data.sets, model.fit
    in_group = sets.stratum[fit.data.step] == group
    jumps = np.cumsum(fit.fit.hazard[in_group])
    when = sets.time[fit.data.step][in_group]
    before = np.searchsorted(when, _place_of_events(np.unique(data.time), time), side="left")
    return np.append(0.0, jumps)[before]


def curve_influence(
    data: Observed, model: CensoringModel | None, curve: WeightedCurve, slope: FloatArray
) -> FloatArray:
    """Return the first-order effect of each subject on functions of a curve.

    Parameters
    ----------
    data : Observed
    model : CensoringModel or None
    curve : WeightedCurve
    slope : ndarray, shape (k, p)
        Derivative of p functions in the logarithm of 1 - hazard at each event time.

    Returns
    -------
    ndarray, shape (n, p)
    """
    each = -slope / np.where(curve.hazard < 1, 1 - curve.hazard, np.inf)[:, None]
    members = curve.members
    risk = _risk(data, model, members, curve.time, curve.baseline)
    if risk is None:
        direct, on_H, on_beta = _effects_written_out(data, model, curve, each)
    else:
        X = data.X if model is None else model.fit.data.X
        direct = np.zeros((len(data.time), each.shape[1]))
        direct[members], on_H, on_beta = risk.effects(curve.hazard, each, X[members])
    if model is not None:
        direct += _through_baseline(data, model, curve, on_H)
        direct += model.on_beta @ on_beta
    return direct


def _effects_written_out(
    data: Observed, model: CensoringModel | None, curve: WeightedCurve, each: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the effects of `WeightedRisk.effects`, time by time."""
    members, p = curve.members, each.shape[1]
    direct = np.zeros((len(data.time), p))
    q = data.X.shape[1]
    on_H, on_beta = np.zeros((len(curve.time), p)), np.zeros((q, p))
    for k, (t, H) in enumerate(zip(curve.time, curve.baseline, strict=True)):
        if not each[k].any():
            continue
        _, w = _weights(data, model, members, t, H)
        now = data.event[members] & (data.time[members] == t)
        part = w * (now - curve.hazard[k]) / w.sum()
        direct[members] += part[:, None] * each[k]
        if model is not None:
            pulled = part * model.fit.fit.risk[members]
            on_H[k] = pulled.sum() * each[k]
            centred = model.fit.data.X[members]
            on_beta += np.outer(H * (pulled @ centred), each[k])
    return direct, on_H, on_beta


def _through_baseline(
    data: Observed, model: CensoringModel, curve: WeightedCurve, on_H: FloatArray
) -> FloatArray:
    """Return what each subject does through H(t-), given derivatives in it, shape (n, p)."""
    episodes, fit = model.fit.data, model.fit.fit
    sets = episodes.sets
    group = data.group[curve.members[0]]
    in_group = sets.stratum[episodes.step] == group
    # A step of H moves H(t-) at all later event times.
    later = np.vstack([np.cumsum(on_H[::-1], axis=0)[::-1], np.zeros((1, on_H.shape[1]))])
    when = _place_of_events(np.unique(data.time), curve.time)
    after = np.searchsorted(when, sets.time[episodes.step], side="right")
    pull = np.where(in_group[:, None], later[after], 0.0)
    tied = np.maximum(episodes.ties[sets.place], 1)
    gained = at_places(episodes, pull * (fit.hazard / episodes.size)[:, None])[sets.place]
    gained = np.where(episodes.event[:, None], gained / tied[:, None], 0.0)
    lost = collect(episodes, pull * (fit.hazard**2 / episodes.size)[:, None])
    direct_part = episodes.weight[:, None] * (gained - fit.risk[:, None] * lost)
    through_beta = (fit.hazard[:, None] * fit.mean).T @ pull
    return direct_part - model.on_beta @ through_beta
