"""Flexible parametric times: a spline for the log cumulative hazard, and constant hazards.

Both give the cumulative hazard H in closed form with its derivatives in the parameters, which is
all that a likelihood of exact, right- and interval-censored times with delayed entry needs.

References
----------
Royston and Parmar 2002, doi:10.1002/sim.1203 (natural cubic spline of log H in log time).
Friedman 1982, doi:10.1214/aos/1176345693 (piecewise exponential).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from trdstats.arrays import BoolArray, FloatArray
from trdstats.kernels.numerics.newton_loglik import Surface, maximise
from trdstats.kernels.parametric.censored_times import CensoredTimes
from trdstats.kernels.parametric.fitted import ParametricFit
from trdstats.kernels.parametric.natural_spline import natural_spline


class Family(Protocol):
    """A form of the cumulative hazard."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    def hazard(self, theta: FloatArray, t: FloatArray) -> FloatArray:
        """Return H(t), shape (n,); 0 at time 0."""
        ...

    def slope(self, theta: FloatArray, t: FloatArray) -> FloatArray:
        """Return the derivatives of H(t) in theta, shape (n, p)."""
        ...

    def curvature(self, theta: FloatArray, t: FloatArray, c: FloatArray) -> FloatArray:
        """Return the sum of c times the second derivatives of H(t), shape (p, p)."""
        ...

    def log_rate(self, theta: FloatArray, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the log hazard rate at t and its derivatives; NaN where there is none."""
        ...

    def rate_curvature(self, theta: FloatArray, t: FloatArray) -> FloatArray:
        """Return the sum of the second derivatives of the log hazard rate, shape (p, p)."""
        ...


@dataclass(frozen=True, slots=True)
class Spline:
    """log H(t) = phi_0 + phi_1 x + sum phi_j v_j(x), x = log t, linear beyond the outer knots.

    Attributes
    ----------
    knots : ndarray, shape (k,)
        Log times in increasing order; k parameters.
    """

    knots: FloatArray

    @property
    def name(self) -> str:
        """What it is called."""
        return "spline"

    def basis(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the columns of log H and their derivatives in x, each of shape (n, k)."""
        with np.errstate(divide="ignore"):
            x = np.log(t)
        x = np.where(np.isfinite(x), x, self.knots[0] - 50.0)  # H is 0 there for every purpose
        return natural_spline(x, self.knots)

    def hazard(self, theta: FloatArray, t: FloatArray) -> FloatArray:
        """Return H(t), shape (n,); 0 at time 0."""
        with np.errstate(over="ignore"):
            return np.asarray(np.where(t > 0, np.exp(self.basis(t)[0] @ theta), 0.0))

    def slope(self, theta: FloatArray, t: FloatArray) -> FloatArray:
        """Return the derivatives of H(t) in theta, shape (n, k)."""
        return np.asarray(self.hazard(theta, t)[:, None] * self.basis(t)[0])

    def curvature(self, theta: FloatArray, t: FloatArray, c: FloatArray) -> FloatArray:
        """Return the sum of c times the second derivatives of H(t)."""
        B = self.basis(t)[0]
        return np.asarray((B * (c * self.hazard(theta, t))[:, None]).T @ B)

    def log_rate(self, theta: FloatArray, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the log hazard rate at t and its derivatives."""
        B, slopes = self.basis(t)
        along = slopes @ theta
        with np.errstate(invalid="ignore", divide="ignore"):
            return B @ theta + np.log(along) - np.log(t), B + slopes / along[:, None]

    def rate_curvature(self, theta: FloatArray, t: FloatArray) -> FloatArray:
        """Return the sum of the second derivatives of the log hazard rate."""
        slopes = self.basis(t)[1]
        scaled = slopes / (slopes @ theta)[:, None]
        return np.asarray(-scaled.T @ scaled)


@dataclass(frozen=True, slots=True)
class PiecewiseConstant:
    """A hazard rate exp(alpha_k) that is constant between breaks.

    Attributes
    ----------
    breaks : ndarray, shape (k - 1,)
        Times in increasing order, above 0.
    """

    breaks: FloatArray

    @property
    def name(self) -> str:
        """What it is called."""
        return "piecewise exponential"

    def exposure(self, t: FloatArray) -> FloatArray:
        """Return the time spent in each piece by t, shape (n, k)."""
        edges = np.r_[0.0, self.breaks]
        widths = np.r_[np.diff(edges), np.inf]
        return np.asarray(np.clip(t[:, None] - edges, 0.0, widths))

    def hazard(self, theta: FloatArray, t: FloatArray) -> FloatArray:
        """Return H(t), shape (n,)."""
        return np.asarray(self.exposure(t) @ np.exp(theta))

    def slope(self, theta: FloatArray, t: FloatArray) -> FloatArray:
        """Return the derivatives of H(t) in theta, shape (n, k)."""
        return np.asarray(self.exposure(t) * np.exp(theta))

    def curvature(self, theta: FloatArray, t: FloatArray, c: FloatArray) -> FloatArray:
        """Return the sum of c times the second derivatives of H(t)."""
        return np.diag(c @ self.exposure(t) * np.exp(theta))

    def log_rate(self, theta: FloatArray, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the log hazard rate at t and its derivatives."""
        piece = np.searchsorted(self.breaks, t, side="left")
        return theta[piece], np.eye(len(theta))[piece]

    def rate_curvature(self, theta: FloatArray, t: FloatArray) -> FloatArray:
        """Return the sum of the second derivatives of the log hazard rate: 0."""
        return np.zeros((len(theta), len(theta)))


def fit_flexible(family: Family, times: CensoredTimes, start: FloatArray) -> ParametricFit | None:
    """Maximise the likelihood of a flexible family.

    Parameters
    ----------
    family : Family
    times : CensoredTimes
    start : ndarray, shape (p,)
        Parameters of the simpler distribution that the family contains.

    Returns
    -------
    ParametricFit or None
        None without a finite likelihood at the start.
    """
    known = _Known.of(times)
    top = maximise(partial(_surface, family, known), start, longest=2.0)
    if top is None:
        return None
    return ParametricFit(
        family.name, top.theta, top.point.information, _scores(family, known, top.theta),
        np.eye(len(top.theta)), top.point.loglik, top.converged, top.iterations,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Known:
    left: FloatArray
    right: FloatArray
    entry: FloatArray
    exact: BoolArray
    interval: BoolArray

    @classmethod
    def of(cls, times: CensoredTimes) -> _Known:
        left, right, entry = (np.exp(v) for v in (times.log_left, times.log_right, times.log_entry))
        return cls(left, right, entry, times.exact, times.seen & ~times.exact)


def _between(family: Family, known: _Known, theta: FloatArray) -> FloatArray:
    """Return the hazard collected within each interval."""
    i = known.interval
    return family.hazard(theta, known.right[i]) - family.hazard(theta, known.left[i])


def _scores(family: Family, known: _Known, theta: FloatArray) -> FloatArray:
    i = known.interval
    scores = family.slope(theta, known.entry) - family.slope(theta, known.left)
    scores[known.exact] += family.log_rate(theta, known.left[known.exact])[1]
    rise = family.slope(theta, known.right[i]) - family.slope(theta, known.left[i])
    with np.errstate(over="ignore"):  # an interval that nearly all reach nobody leaves
        scores[i] += rise / np.expm1(_between(family, known, theta))[:, None]
    return scores


def _surface(family: Family, known: _Known, theta: FloatArray) -> Surface | None:
    """Return the log-likelihood with derivatives, None where it has no value."""
    i, exact = known.interval, known.left[known.exact]
    rate = family.log_rate(theta, exact)[0]
    D = _between(family, known, theta)
    if not np.isfinite(rate).all() or not (D > 0).all():
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        loglik = float(
            (family.hazard(theta, known.entry) - family.hazard(theta, known.left)).sum()
            + rate.sum() + np.log(-np.expm1(-D)).sum()
        )  # fmt: skip
        gain = 1 / np.expm1(D)
        bend = gain * (1 + gain)  # less the second derivative of log(1 - exp(-D))
        rise = family.slope(theta, known.right[i]) - family.slope(theta, known.left[i])
    ones = np.ones(len(known.left))
    hessian = (
        family.curvature(theta, known.entry, ones) - family.curvature(theta, known.left, ones)
        + family.rate_curvature(theta, exact)
        + family.curvature(theta, known.right[i], gain)
        - family.curvature(theta, known.left[i], gain) - (rise * bend[:, None]).T @ rise
    )  # fmt: skip
    return Surface(loglik, _scores(family, known, theta).sum(axis=0), -hessian)
