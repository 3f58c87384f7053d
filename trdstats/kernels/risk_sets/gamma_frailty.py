"""Cox regression with a gamma frailty shared by the rows of a group.

Given the variance theta of the frailties, adding (w_i - exp(w_i)) / theta of their logarithms w_i
to the partial likelihood gives the maximum of the likelihood with the frailties integrated out, up
to a term of the number of events d_i of each group (Therneau, Grambsch and Pankratz 2003, section
3). The frailty of a group is then (1 / theta + d_i) / (1 / theta + H_i), H_i its cumulative hazard
without frailty. Steps of Newton for the coefficients alternate with it, extrapolated along their
path.

References
----------
Therneau, Grambsch and Pankratz 2003, doi:10.1198/1061860031365. Varadhan and Roland 2008,
doi:10.1111/j.1467-9469.2007.00585.x (extrapolation). Murphy and van der Vaart 2000,
doi:10.1080/01621459.2000.10474239 (profile likelihood).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy
from scipy.special import gammaln

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.risk_sets.partial_likelihood import Episodes, Fit, collect, evaluate

_TIGHT = 1e-10  # change of coefficients and log frailties at which a fit stands
_MOST = 2000
_RANGE = (-9.0, 4.0)  # of log theta; below it the frailties are all 1 for every purpose
_STEP = 1e-4  # of the numeric derivatives of the profile score


@dataclass(frozen=True, slots=True)
class FrailtyFit:
    """A maximum of the likelihood.

    Attributes
    ----------
    beta : ndarray, shape (q,)
    theta : float
        Variance of the frailties; 0 where the likelihood is highest without them.
    loglik, loglik_without : float
        Integrated log-likelihood, and that of the Cox model without frailty.
    frailty : ndarray, shape (g,)
        Conditional mean of each group's frailty.
    covariance : ndarray, shape (q + 1, q + 1)
        Of the coefficients and log theta, from the profile likelihood; NaN of log theta at 0.
    """

    beta: FloatArray
    theta: float
    loglik: float
    loglik_without: float
    frailty: FloatArray
    covariance: FloatArray


@dataclass(frozen=True, slots=True)
class _State:
    beta: FloatArray
    w: FloatArray
    fit: Fit
    hazard: FloatArray


class _Model:
    """The penalised likelihood of one data set; its covariates are centred."""

    def __init__(self, data: Episodes, group: IntArray) -> None:
        self.q, self.group = data.X.shape[1], group
        self.data = data
        self.events = np.bincount(group, weights=np.where(data.event, data.weight, 0.0))

    def at(self, beta: FloatArray, w: FloatArray) -> _State:
        """Evaluate the partial likelihood with the log frailties as a column of coefficient 1."""
        X = np.column_stack([self.data.X, w[self.group]])
        fit = evaluate(replace(self.data, X=X), np.append(beta, 1.0))
        if fit is None:
            raise ValueError("a frailty or a covariate is not finite")
        risk = fit.risk / np.exp(w[self.group])
        of_row = collect(self.data, fit.hazard) * risk * self.data.weight
        hazard = np.bincount(self.group, weights=of_row, minlength=len(w))
        return _State(beta, w, fit, np.asarray(hazard, dtype=float))

    def frailties(self, state: _State, theta: float) -> FloatArray:
        """Return the logarithms of the conditional means."""
        return np.log((1 / theta + self.events) / (1 / theta + state.hazard))

    def step(self, state: _State, theta: float, *, moves: bool) -> tuple[FloatArray, FloatArray]:
        """Return coefficients and log frailties after one step; `moves`: the coefficients too."""
        beta = state.beta
        if moves:
            part = slice(0, self.q)
            beta = beta + np.linalg.solve(state.fit.information[part, part], state.fit.score[part])
        return beta, self.frailties(state, theta)

    def solve(self, start: _State, theta: float, *, moves: bool = True) -> _State:
        """Return the maximum for a theta; with `moves` off, for given coefficients."""
        here, q = start, self.q
        for _ in range(_MOST):
            x0 = np.append(here.beta, here.w)
            x1 = np.append(*self.step(here, theta, moves=moves))
            if np.abs(x1 - x0).max() < _TIGHT:
                return self.at(x1[:q], x1[q:])
            once = self.at(x1[:q], x1[q:])
            x2 = np.append(*self.step(once, theta, moves=moves))
            r, v = x1 - x0, x2 - 2 * x1 + x0
            size = float(np.linalg.norm(v))
            ahead = -min(float(np.linalg.norm(r)) / size, 50.0) if size > 0 else -1.0
            x = x0 - 2 * ahead * r + ahead * ahead * v if ahead < -1 else x2
            there = self._try(x, x2)
            here = there if self.value(there, theta) >= self.value(once, theta) - 1e-9 else (
                self.at(x2[:q], x2[q:])
            )  # fmt: skip
        raise ArithmeticError("the frailties did not settle")

    def _try(self, x: FloatArray, safe: FloatArray) -> _State:
        q = self.q
        try:
            return self.at(x[:q], x[q:])
        except ValueError:
            return self.at(safe[:q], safe[q:])

    def value(self, state: _State, theta: float) -> float:
        """Return the integrated log-likelihood; it is one at the frailties of `frailties`."""
        nu, d, w = 1 / theta, self.events, state.w
        penalty = nu * float((w - np.exp(w)).sum())
        rest = nu - (nu + d) * np.log(nu + d) + nu * np.log(nu) + gammaln(nu + d) - gammaln(nu)
        return state.fit.loglik + penalty + float((rest + d).sum())

    def slope(self, state: _State, theta: float) -> FloatArray:
        """Return the gradient by coefficients and log theta; frailties do not move it."""
        step = 1e-5
        up, down = (self.value(state, theta * np.exp(s)) for s in (step, -step))
        return np.append(state.fit.score[: self.q], (up - down) / (2 * step))


def fit_gamma_frailty(data: Episodes, group: IntArray, start: FloatArray) -> FrailtyFit:
    """Maximise the likelihood over coefficients and the variance of the frailties.

    Parameters
    ----------
    data : Episodes
        Covariates of full rank, centred.
    group : ndarray of int, shape (n,)
        0, 1, 2, ...: rows that share a frailty.
    start : ndarray, shape (q,)
        Coefficients of the model without frailty.
    """
    model = _Model(data, group)
    g = int(group.max()) + 1
    without = model.at(start, np.zeros(g))
    known: dict[str, _State] = {"last": without}

    def cost(log_theta: float) -> float:
        state = model.solve(known["last"], float(np.exp(log_theta)))
        known["last"] = state
        return -model.value(state, float(np.exp(log_theta)))

    best = scipy.optimize.minimize_scalar(
        cost, bounds=_RANGE, method="bounded", options={"xatol": 1e-7}
    )
    loglik, log_theta = -float(best.fun), float(best.x)
    if loglik <= without.fit.loglik + 1e-8 or log_theta < _RANGE[0] + 0.01:
        covariance = np.full((model.q + 1, model.q + 1), np.nan)
        part = slice(0, model.q)
        covariance[part, part] = np.linalg.inv(without.fit.information[part, part])
        top = without.fit.loglik
        return FrailtyFit(start, 0.0, top, top, np.ones(g), covariance)
    theta = float(np.exp(log_theta))
    state = model.solve(known["last"], theta)
    return FrailtyFit(
        state.beta, theta, model.value(state, theta), without.fit.loglik, np.exp(state.w),
        _covariance(model, state, log_theta),
    )  # fmt: skip


def _covariance(model: _Model, state: _State, log_theta: float) -> FloatArray:
    """Return the inverse curvature of the profile likelihood, from differences of its gradient."""
    at = np.append(state.beta, log_theta)
    curvature = np.empty((len(at), len(at)))
    scale = np.append(1 / np.sqrt(np.diag(state.fit.information)[: model.q]), 1.0)
    for j in range(len(at)):
        slopes = []
        for sign in (1, -1):
            x = at.copy()
            x[j] += sign * _STEP * scale[j]
            theta = float(np.exp(x[-1]))
            shifted = model.at(x[:-1], state.w)
            slopes.append(model.slope(model.solve(shifted, theta, moves=False), theta))
        curvature[j] = -(slopes[0] - slopes[1]) / (2 * _STEP * scale[j])
    return np.asarray(np.linalg.inv((curvature + curvature.T) / 2))
