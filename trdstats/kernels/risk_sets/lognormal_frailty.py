"""Cox regression with a log-normal frailty shared by the rows of a group.

The log frailties w are normal with variance theta. Coefficients and w maximise the partial
likelihood less w'w / (2 theta); theta maximises the partial likelihood with w integrated out by
Laplace's method (Ripatti and Palmgren 2000, equations 4 to 6), as R coxme.

References
----------
Ripatti and Palmgren 2000, doi:10.1111/j.0006-341X.2000.01016.x. McGilchrist and Aisbett 1991,
doi:10.2307/2532138.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.risk_sets.gamma_frailty import FrailtyFit
from trdstats.kernels.risk_sets.partial_likelihood import Episodes, Fit, evaluate

_TIGHT = 1e-10  # gain of a step of Newton, in squared errors, at which a fit stands
_MOST = 100
_RANGE = (-9.0, 4.0)  # of log theta
_STEP = 1e-3  # of the second difference by log theta


@dataclass(frozen=True, slots=True)
class _State:
    """The maximum of the penalised likelihood for one theta."""

    at: FloatArray
    penalised: float
    curvature: FloatArray


class _Model:
    """The partial likelihood with a column of zeros and ones for every group."""

    def __init__(self, data: Episodes, group: IntArray) -> None:
        self.q, self.g = data.X.shape[1], int(group.max()) + 1
        belongs = np.zeros((len(group), self.g))
        belongs[np.arange(len(group)), group] = 1.0
        self.data = replace(data, X=np.hstack([data.X, belongs]))

    def _penalised(self, at: FloatArray, theta: float) -> tuple[float, Fit | None]:
        fit = evaluate(self.data, at)
        w = at[self.q :]
        return (-np.inf if fit is None else fit.loglik - float(w @ w) / (2 * theta)), fit

    def solve(self, start: FloatArray, theta: float) -> _State:
        """Return the maximum over coefficients and log frailties."""
        penalty = np.r_[np.zeros(self.q), np.full(self.g, 1 / theta)]
        at = start
        value, fit = self._penalised(at, theta)
        for _ in range(_MOST):
            if fit is None:
                break
            curvature = fit.information + np.diag(penalty)
            slope = fit.score - penalty * at
            step = np.linalg.solve(curvature, slope)
            if slope @ step < _TIGHT:
                return _State(at, value, curvature)
            for _half in range(30):
                ahead, there = self._penalised(at + step, theta)
                if ahead > value:
                    break
                step = step / 2
            else:
                return _State(at, value, curvature)
            at, value, fit = at + step, ahead, there
        raise ArithmeticError("the frailties did not settle")

    def integrated(self, state: _State, theta: float) -> float:
        """Return the log-likelihood with the frailties integrated out by Laplace's method."""
        of_w = state.curvature[self.q :, self.q :]
        return float(state.penalised - self.g / 2 * np.log(theta) - np.linalg.slogdet(of_w)[1] / 2)


def fit_lognormal_frailty(data: Episodes, group: IntArray, start: FloatArray) -> FrailtyFit:
    """Maximise over coefficients and the variance of the log frailties.

    Parameters
    ----------
    data : Episodes
        Covariates of full rank, centred.
    group : ndarray of int, shape (n,)
        0, 1, 2, ...: rows that share a frailty.
    start : ndarray, shape (q,)
        Coefficients of the model without frailty.

    Returns
    -------
    FrailtyFit
        theta is the variance of the log frailties, frailty their conditional modes. The covariance
        of the coefficients is that at the estimated theta.
    """
    model = _Model(data, group)
    q, g = model.q, model.g
    nothing = np.append(start, np.zeros(g))
    without = evaluate(model.data, nothing)
    assert without is not None  # the start is a fit
    last = {"at": nothing}

    def profile(log_theta: float) -> float:
        state = model.solve(last["at"], float(np.exp(log_theta)))
        last["at"] = state.at
        return model.integrated(state, float(np.exp(log_theta)))

    best = scipy.optimize.minimize_scalar(
        lambda t: -profile(t), bounds=_RANGE, method="bounded", options={"xatol": 1e-6}
    )
    loglik, log_theta = -float(best.fun), float(best.x)
    covariance = np.full((q + 1, q + 1), np.nan)
    if loglik <= without.loglik + 1e-8 or log_theta < _RANGE[0] + 0.01:
        covariance[:q, :q] = np.linalg.inv(without.information[:q, :q])
        return FrailtyFit(start, 0.0, without.loglik, without.loglik, np.ones(g), covariance)
    theta = float(np.exp(log_theta))
    bend = profile(log_theta + _STEP) - 2 * profile(log_theta) + profile(log_theta - _STEP)
    state = model.solve(last["at"], theta)
    covariance[:] = 0.0
    covariance[:q, :q] = np.linalg.inv(state.curvature)[:q, :q]
    covariance[q, q] = -(_STEP**2) / bend if bend < 0 else np.nan
    return FrailtyFit(state.at[:q], theta, loglik, without.loglik, np.exp(state.at[q:]), covariance)
