"""Regression of the time without the event, cut at a horizon, weighted for censoring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Literal

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.numerics.distinct import distinct
from trdstats.kernels.numerics.newton_loglik import Surface, maximise
from trdstats.kernels.numerics.orthogonal import Orthogonal
from trdstats.kernels.risk_sets.follow_up import FollowUp

Link = Literal["identity", "log"]


@dataclass(frozen=True, slots=True)
class RestrictedRegression:
    """A fitted regression of min(time, tau).

    Attributes
    ----------
    beta : ndarray, shape (q,)
    influence : ndarray, shape (n, q)
        First-order effect of each subject on the coefficients, that on the censoring curve
        included; the cross-product is their covariance.
    """

    beta: FloatArray
    influence: FloatArray


def restricted_regression(
    groups: Sequence[FollowUp], X: FloatArray, tau: float, *, link: Link, lost: bool = False
) -> RestrictedRegression:
    """Solve sum w d / G(y-) x (y - m(x'b)) = 0 with y = min(time, tau).

    d is 1 where y is known and G is the curve of the censoring in the subject's group, so that
    without covariates the means are the areas under the Kaplan-Meier curves.

    Parameters
    ----------
    groups : sequence of FollowUp
    X : ndarray, shape (n, q)
        Rows in the order of the groups; its columns hold an intercept.
    tau : float
    link : {"identity", "log"}
        m is the identity or the exponential.
    lost : bool
        Model tau - y, the time lost, in place of y.

    References
    ----------
    Tian, Zhao and Wei 2014, doi:10.1093/biostatistics/kxt050 (section 2).
    """
    y = np.concatenate([np.minimum(g.time, tau) for g in groups])
    weight = np.concatenate([g.weight for g in groups])
    known = np.concatenate([(g.status == 1) | (g.time >= tau) for g in groups])
    ends = np.cumsum([0, *(len(g.time) for g in groups)])
    slices = [slice(a, b) for a, b in pairwise(ends)]
    censoring = [_Censoring.of(y[k], ~known[k], weight[k]) for k in slices]
    free = np.concatenate([c.before() for c in censoring])
    outcome = tau - y if lost else y
    inverse = np.where(known, weight / free, 0.0)
    design = Orthogonal.of(X)
    Z = design.columns
    theta = _solve(Z, outcome, inverse, link)
    mean = Z @ theta if link == "identity" else np.exp(Z @ theta)
    score = (inverse * (outcome - mean))[:, None] * Z
    slope = weight if link == "identity" else weight * mean
    bread = np.linalg.inv((Z * slope[:, None]).T @ Z)
    for k, c in zip(slices, censoring, strict=True):
        score[k] += c.effect(score[k])
    return RestrictedRegression(design.coefficients(theta), score @ bread @ design.back().T)


def _solve(X: FloatArray, y: FloatArray, weight: FloatArray, link: Link) -> FloatArray:
    if link == "identity":
        return np.asarray(np.linalg.solve((X * weight[:, None]).T @ X, X.T @ (weight * y)))
    # The start has the overall mean for all subjects, whatever column the intercept is in.
    level = np.log(max(float(np.average(y, weights=weight)), 1e-8))
    beta = np.linalg.lstsq(X, np.full(len(y), level))[0]
    unit = float(np.average(y, weights=weight) * weight.mean())
    top = maximise(partial(_surface, X, y, weight), beta, unit=max(unit, 1e-300), most=50)
    return np.asarray(beta if top is None else top.theta)


def _surface(X: FloatArray, y: FloatArray, weight: FloatArray, beta: FloatArray) -> Surface:
    """Return the quasi-likelihood whose score the regression with a log link solves."""
    eta = X @ beta
    with np.errstate(over="ignore"):
        mean = np.exp(eta)
        loglik = float(weight @ (y * eta - mean))
    return Surface(loglik, X.T @ (weight * (y - mean)), (X * (weight * mean)[:, None]).T @ X)


@dataclass(frozen=True, slots=True)
class _Censoring:
    """Censoring of one group: an event of a time comes before its censorings.

    Attributes
    ----------
    censored : ndarray of bool, shape (n,)
    weight : ndarray, shape (n,)
    place : ndarray of int, shape (n,)
        Position of each subject's time.
    n_risk, n_censor : ndarray, shape (m,)
        Under observation after the events of each time, and censored at it.
    """

    censored: BoolArray
    weight: FloatArray
    place: IntArray
    n_risk: FloatArray
    n_censor: FloatArray

    @classmethod
    def of(cls, y: FloatArray, censored: BoolArray, weight: FloatArray) -> _Censoring:
        """Count who is censored when."""
        place = distinct(y)[1]
        n = _from_here(_sums(place, weight)) - _sums(place, weight * ~censored)
        C = _sums(place, weight * censored)
        return cls(censored, weight, place, np.where(C > 0, n, 1.0), C)

    def before(self) -> FloatArray:
        """Return the probability of being uncensored before the subject's own time, shape (n,)."""
        curve = np.cumprod(1 - self.n_censor / self.n_risk)
        return np.append(1.0, curve[:-1])[self.place]

    def effect(self, score: FloatArray) -> FloatArray:
        """Return what each subject does to the scores of others through the curve, shape (n, q).

        With R(t) the scores of those under observation after the events of t, a censoring at u
        adds R(u) / n(u), and being at risk takes the sum of dC R / n^2 over that time, as survRM2
        has it; with ties the exact derivative would divide by n less the censored.
        """
        q = score.shape[1]
        R = np.empty((len(self.n_risk), q))
        for j in range(q):
            column = score[:, j]
            R[:, j] = _from_here(_sums(self.place, column))
            R[:, j] -= _sums(self.place, column * ~self.censored)
        n = self.n_risk[:, None]
        taken = np.vstack((np.zeros(q), np.cumsum(self.n_censor[:, None] * R / n**2, axis=0)))
        at_risk = np.where(self.censored, self.place + 1, self.place)
        gained = np.where(self.censored[:, None], (R / n)[self.place], 0.0)
        return self.weight[:, None] * (gained - taken[at_risk])


def _sums(place: IntArray, values: FloatArray) -> FloatArray:
    """Return the sum of the values at each position."""
    return np.asarray(np.bincount(place, weights=values), dtype=float)


def _from_here(values: FloatArray) -> FloatArray:
    """Return sums from each position to the end."""
    return np.cumsum(values[::-1])[::-1]
