"""Cox regression by Firth's penalised partial likelihood, and its profiles.

Half the logarithm of the determinant of the information is added to the partial likelihood. The
estimates are then finite where the likelihood has no maximum, as when no subject of an arm had the
event, and their first-order bias is gone. The derivative of the penalty needs the third moments of
the covariates over each risk set; of them only sums over rows of a quadratic form.

References
----------
Firth 1993, doi:10.1093/biomet/80.1.27. Heinze and Schemper 2001,
doi:10.1111/j.0006-341X.2001.00114.x (Cox regression, profile limits).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from trdstats.arrays import BoolArray, FloatArray
from trdstats.kernels.numerics.newton_loglik import Surface, maximise
from trdstats.kernels.numerics.profiles import Profile, profile_limit
from trdstats.kernels.numerics.tails import chi2_isf
from trdstats.kernels.risk_sets.partial_likelihood import (
    CoxFit,
    Episodes,
    Fit,
    Standardised,
    evaluate,
)

_MOST = 200
_STEP = 1e-4  # of a standard error


@dataclass(frozen=True, slots=True)
class FirthFit:
    """A maximum of the penalised partial likelihood.

    Attributes
    ----------
    data : Episodes
        Covariates centred at `centre`.
    fit : Fit
        The partial likelihood, not penalised, at the estimates.
    null : Fit
    loglik, loglik_null : float
        Penalised.
    centre : ndarray, shape (q,)
    iterations : int
    converged : bool
    """

    data: Episodes
    fit: Fit
    null: Fit
    loglik: float
    loglik_null: float
    centre: FloatArray
    iterations: int
    converged: bool

    def as_cox(self) -> CoxFit:
        """Return it as a fit of the partial likelihood; nothing is separated."""
        nothing = np.zeros(len(self.fit.beta), dtype=bool)
        return CoxFit(self.data, self.fit, self.null, self.centre, self.iterations, nothing)

    def deviance_drop(self, j: int, value: float) -> float:
        """Return twice the loss of penalised log-likelihood when coefficient j is held."""
        return self._profile(j, value).loss

    def limit(self, j: int, conf_level: float, *, upper: bool) -> float:
        """Return a limit of coefficient j from its profile; infinite where there is none."""
        error = float(np.sqrt(np.linalg.inv(self.fit.information)[j, j]))
        critical = float(chi2_isf(1 - conf_level, 1))
        at = float(self.fit.beta[j])
        return profile_limit(partial(self._profile, j), at, error, critical, upper=upper)

    def _profile(self, j: int, value: float) -> Profile:
        free = np.arange(len(self.fit.beta)) != j
        beta = np.where(free, self.fit.beta, value)
        if not free.any():
            surface = penalised(self.data, beta)
            known = surface is not None
            return Profile(2 * (self.loglik - surface[0].loglik) if surface else np.inf, known)
        top = maximise(partial(_held, self.data, free, beta), beta[free], most=_MOST)
        if top is None:
            return Profile(np.inf, False)
        return Profile(2 * (self.loglik - top.point.loglik), top.converged)


def fit_firth(data: Standardised) -> FirthFit:
    """Maximise the penalised partial likelihood.

    Parameters
    ----------
    data : Standardised
        Covariates of full rank in the risk sets.

    Raises
    ------
    ValueError
        When the information has no determinant at a point of the search.
    """
    q = len(data.scale)
    every, zero = np.ones(q, dtype=bool), np.zeros(q)
    top = maximise(partial(_held, data.scaled, every, zero), zero, most=_MOST)
    here = None if top is None else penalised(data.centred, top.theta / data.scale)
    null = penalised(data.centred, zero)
    if top is None or here is None or null is None:
        raise ValueError("the information of the partial likelihood is singular")
    return FirthFit(
        data.centred, here[1], null[1], here[0].loglik, null[0].loglik, data.centre,
        top.iterations, top.converged,
    )  # fmt: skip


def _held(data: Episodes, free: BoolArray, beta: FloatArray, theta: FloatArray) -> Surface | None:
    """Return the penalised likelihood of some coefficients, the others held.

    The curvature of the penalty is that of differences of its slope: with the information of the
    plain likelihood alone, steps may go twice too far with few events.
    """
    at = beta.copy()
    at[free] = theta
    surface = penalised(data, at)
    if surface is None:
        return None
    plain, fit = surface
    rows = []
    for j in np.flatnonzero(free):
        step = _STEP / np.sqrt(fit.information[j, j])
        along = np.where(np.arange(len(at)) == j, step, 0.0)
        up, down = penalised(data, at + along), penalised(data, at - along)
        if up is None or down is None:
            return None
        rows.append(-(up[0].score - down[0].score)[free] / (2 * step))
    curvature = np.array(rows)
    return Surface(plain.loglik, plain.score[free], (curvature + curvature.T) / 2)


def penalised(data: Episodes, beta: FloatArray) -> tuple[Surface, Fit] | None:
    """Return the penalised likelihood with its score and the plain information; the plain fit."""
    fit = evaluate(data, beta)
    if fit is None:
        return None
    sign, logdet = np.linalg.slogdet(fit.information)
    if sign <= 0 or not np.isfinite(logdet):
        return None
    inverse: FloatArray = np.asarray(np.linalg.inv(fit.information), dtype=float)
    score = np.asarray(fit.score + penalty_slope(data, fit, inverse), dtype=float)
    return Surface(fit.loglik + logdet / 2, score, fit.information), fit


def penalty_slope(data: Episodes, fit: Fit, A: FloatArray) -> FloatArray:
    """Return the derivative of log det(I) / 2: half of tr(A dI / d beta_j), A = I^-1.

    With z = (x - m)' A (x - m) over the risk set of a step, of mean m, the derivative of the
    information along x_j contributes E[z (x_j - m_j)]; expanded, it needs E of x' A x, of that
    times x, and of x x'.
    """
    X = data.X
    risk = data.weight * fit.risk
    tied = np.where(data.event, risk, 0.0)

    def mean(values: FloatArray) -> FloatArray:
        shape = (-1, *(1,) * (values.ndim - 1))
        total = data.sets.over(risk.reshape(shape) * values)[data.step]
        if data.tie_fraction.any():
            left = data.sets.at(tied.reshape(shape) * values)[data.step]
            total = total - data.tie_fraction.reshape(shape) * left
        return total * (fit.hazard / data.size).reshape(shape)

    form = np.einsum("ni,ij,nj->n", X, A, X)
    m = fit.mean
    second = mean(X[:, :, None] * X[:, None, :]) - m[:, :, None] * m[:, None, :]
    along = np.einsum("di,ij,djk->dk", m, A, second)
    each = mean(form[:, None] * X) - m * mean(form)[:, None] - 2 * along
    return np.asarray(data.size @ each / 2)
