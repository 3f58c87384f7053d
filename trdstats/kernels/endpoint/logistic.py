"""Logistic regression by maximum likelihood or Firth's penalised likelihood, and its profiles.

Firth adds half the logarithm of the determinant of the information to the log-likelihood. The
estimates are then finite where the outcomes are separated, and their first-order bias is gone.
Weights are used as they are: with weights the caller makes their mean 1.

References
----------
Firth 1993, Biometrika 80:27-38, doi:10.1093/biomet/80.1.27. Heinze and Schemper 2002, Stat Med
21:2409-2419, doi:10.1002/sim.1047 (separation; profile limits of the penalised likelihood).
Venzon and Moolgavkar 1988, doi:10.2307/2347496 (limits from the profile).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy
from scipy.special import expit

from trdstats.arrays import BoolArray, FloatArray
from trdstats.kernels.gaussian.estimability import judge_rows
from trdstats.kernels.gee.separation import separated_rows
from trdstats.kernels.numerics.newton_loglik import Surface, maximise, shortest
from trdstats.kernels.numerics.orthogonal import Orthogonal
from trdstats.kernels.numerics.profiles import Profile, profile_limit
from trdstats.kernels.numerics.tails import chi2_isf

_MOST = 500
_RUNAWAY = 1e-3  # a Newton step in orthogonal columns: at a maximum it is of 1e-5
_REACHED = 1e-8  # decrement at the top of a profile: the loss is then right to this


@dataclass(frozen=True, slots=True)
class LogisticFit:
    """A fitted logistic regression.

    Attributes
    ----------
    X : ndarray, shape (n, q)
        With a column of ones.
    y, weight : ndarray, shape (n,)
    beta : ndarray, shape (q,)
    information : ndarray, shape (q, q)
        X' W X at the estimates.
    scores : ndarray, shape (n, q)
        Score of each subject at the estimates, with the part of the penalty that is its own.
    loglik : float
        Penalised where the fit is.
    penalised : bool
    converged : bool
    separated : ndarray of bool, shape (q,)
        Coefficients without a finite estimate, or of which only subjects know whose outcomes are
        predicted without error; never of a penalised fit.
    """

    X: FloatArray
    y: FloatArray
    weight: FloatArray
    beta: FloatArray
    information: FloatArray
    scores: FloatArray
    loglik: float
    penalised: bool
    converged: bool
    separated: BoolArray

    def covariance(self) -> FloatArray:
        """Return the inverse information, shape (q, q)."""
        back = self._back()
        return np.asarray(back @ back.T)

    def _back(self) -> FloatArray:
        """Return a root of the covariance, shape (q, q).

        From the design itself: its square loses half of the digits of columns far from 0.
        """
        variance = self.weight * self.mean(self.X) * (1 - self.mean(self.X))
        root = np.linalg.qr(np.sqrt(variance)[:, None] * self.X, mode="r")
        return np.asarray(np.linalg.inv(root))

    def influence(self) -> FloatArray:
        """Return the first-order effect of each subject on the coefficients, shape (n, q)."""
        back = self._back()
        return np.asarray((self.scores @ back) @ back.T)

    def mean(self, X: FloatArray) -> FloatArray:
        """Return the probability of the outcome of other rows, shape (m,)."""
        return np.asarray(expit(X @ self.beta))

    def slope(self, X: FloatArray) -> FloatArray:
        """Return the derivative of `mean` in the coefficients, shape (m, q)."""
        mu = self.mean(X)
        return np.asarray((mu * (1 - mu))[:, None] * X)

    def deviance_drop(self, j: int, value: float) -> float:
        """Return twice the loss of log-likelihood when coefficient j is held at a value.

        NaN where the other coefficients could not be maximised there.
        """
        at = self._profile(j)(value)
        return at.loss if at.known else np.nan

    def limit(self, j: int, conf_level: float, *, upper: bool) -> float:
        """Return a limit of coefficient j from its profile; infinite where there is none."""
        error = float(np.sqrt(self.covariance()[j, j]))
        critical = float(chi2_isf(1 - conf_level, 1))
        return profile_limit(self._profile(j), float(self.beta[j]), error, critical, upper=upper)

    def _profile(self, j: int) -> Callable[[float], Profile]:
        last = np.append(np.delete(np.arange(self.X.shape[1]), j), j)
        design = Orthogonal.of(self.X[:, last])
        Z, R = design.columns, design.triangle
        return partial(_profile_at, self, Z, R, R @ self.beta[last])


def fit_logistic(
    X: FloatArray, y: FloatArray, weight: FloatArray, *, penalised: bool = False
) -> LogisticFit:
    """Fit a logistic regression.

    Parameters
    ----------
    X : ndarray, shape (n, q)
        With a column of ones, of full rank.
    y : ndarray of 0 and 1, shape (n,)
    weight : ndarray, shape (n,)
        Positive, of mean 1.
    penalised : bool
        Firth's penalised likelihood.
    """
    design = Orthogonal.of(X)
    Z, R = design.columns, design.triangle
    every = np.ones(X.shape[1], dtype=bool)
    last = None if penalised else _gains_nothing
    top = maximise(
        partial(_surface, Z, y, weight, penalised, every, np.zeros(X.shape[1])),
        np.zeros(X.shape[1]), most=_MOST, direction=shortest, is_last=last,
    )  # fmt: skip
    if top is None:
        raise ValueError("outcomes, weights or covariates are not finite")
    mu = expit(Z @ top.theta)
    rest = weight * (y - mu)
    if penalised:
        rest = rest + _leverage(Z, weight * mu * (1 - mu)) * (0.5 - mu)
    runaway = not penalised and bool((np.abs(top.step) > _RUNAWAY).any())
    return LogisticFit(
        X=X, y=y, weight=weight, beta=design.coefficients(top.theta),
        information=(X * (weight * mu * (1 - mu))[:, None]).T @ X, scores=X * rest[:, None],
        loglik=top.point.loglik + _of_scale(R, penalised),
        penalised=penalised, converged=top.converged if penalised else not runaway,
        separated=_separated(X, y) if runaway else np.zeros(X.shape[1], dtype=bool),
    )  # fmt: skip


def _separated(X: FloatArray, y: FloatArray) -> BoolArray:
    """Return which coefficients the subjects do not identify that are not predicted perfectly."""
    return ~judge_rows(X[~predicted(X, y)]).is_estimable(np.eye(X.shape[1]))


def predicted(X: FloatArray, y: FloatArray) -> BoolArray:
    """Return the subjects whose outcome some coefficients predict without error, shape (n,).

    Parameters
    ----------
    X : ndarray, shape (n, q)
        With a column of ones.
    y : ndarray of 0 and 1, shape (n,)
    """
    # About the means: where a covariate has its 0 says nothing.
    centred = np.column_stack([np.ones(len(X)), X[:, 1:] - X[:, 1:].mean(axis=0)])
    return separated_rows(centred, np.where(y > 0, 1.0, -1.0))


def _gains_nothing(move: object) -> bool:
    return getattr(move, "gain", 0.0) < 1e-10


def _profile_at(
    fit: LogisticFit, Z: FloatArray, R: FloatArray, start: FloatArray, value: float
) -> Profile:
    """Return the loss of log-likelihood with the last coefficient held at a value."""
    free = np.arange(len(start)) < len(start) - 1
    # R is triangular: the last coefficient alone makes the last of the orthogonal ones.
    fixed = np.where(free, 0.0, value * R[-1, -1])
    surface = partial(_surface, Z, fit.y, fit.weight, fit.penalised, free, fixed)
    top = maximise(surface, start[free], most=_MOST, direction=shortest)
    if top is not None and top.decrement >= _REACHED:
        # The information is not the curvature of a penalised likelihood, and where that is flat
        # the search is slow: the rest of the way with the curvature itself.
        top = maximise(partial(_curved, surface), top.theta, most=_MOST)
    if top is None:
        return Profile(np.inf, False)
    reached = top.point.loglik + _of_scale(R, fit.penalised)
    return Profile(max(2 * (fit.loglik - reached), 0.0), top.decrement < _REACHED)


def _of_scale(R: FloatArray, penalised: bool) -> float:
    """Return what the penalty of the columns as they are has beyond that of orthogonal ones."""
    return float(np.log(np.abs(np.diag(R))).sum()) if penalised else 0.0


def _surface(
    X: FloatArray,
    y: FloatArray,
    weight: FloatArray,
    penalised: bool,
    free: BoolArray,
    fixed: FloatArray,
    theta: FloatArray,
) -> Surface | None:
    """Return the log-likelihood of the free coefficients, the others held."""
    beta = fixed.copy()
    beta[free] = theta
    eta = X @ beta
    mu = expit(eta)
    loglik = float(weight @ (y * eta - np.logaddexp(0.0, eta)))
    variance = weight * mu * (1 - mu)
    information = (X * variance[:, None]).T @ X
    rest = weight * (y - mu)
    if penalised:
        sign, logdet = np.linalg.slogdet(information)
        if sign <= 0:
            return None
        loglik += 0.5 * float(logdet)
        rest = rest + _leverage(X, variance) * (0.5 - mu)
    return Surface(loglik, (X.T @ rest)[free], information[np.ix_(free, free)])


def _curved(surface: Callable[[FloatArray], Surface | None], theta: FloatArray) -> Surface | None:
    """Return a log-likelihood with the derivatives of its score in place of the information."""
    here, h = surface(theta), 1e-5
    sides = [[surface(theta + s * h * e) for s in (1, -1)] for e in np.eye(len(theta))]
    if here is None or any(side is None for pair in sides for side in pair):
        return None
    slope = np.array([(down.score - up.score) / (2 * h) for up, down in sides])  # type: ignore[union-attr]
    return Surface(here.loglik, here.score, (slope + slope.T) / 2)


def sure_predictions(X: FloatArray, y: FloatArray, other: FloatArray) -> BoolArray:
    """Return which other rows have a prediction that the subjects determine, shape (m,).

    It is one of finite log odds, or that of a subject whose outcome is predicted without error.

    Parameters
    ----------
    X : ndarray, shape (n, q)
        With a column of ones.
    y : ndarray of 0 and 1, shape (n,)
    other : ndarray, shape (m, q)
    """
    perfect = predicted(X, y)
    rest = judge_rows(X[~perfect])
    finite = rest.is_estimable(other)
    if finite.all() or not perfect.any():
        return finite
    # Log odds beyond what the others identify: where they point decides whether they rise or fall.
    seen, asked = X[perfect] @ rest.null, other[~finite] @ rest.null
    size = np.abs(seen).max(axis=0)
    near = scipy.spatial.KDTree(_directions(seen / size)).query(_directions(asked / size))[0]
    finite[~finite] = near < 1e-6
    return finite


def _directions(rows: FloatArray) -> FloatArray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _leverage(X: FloatArray, variance: FloatArray) -> FloatArray:
    """Return the diagonal of the hat matrix, shape (n,)."""
    root = np.sqrt(variance)[:, None] * X
    basis = np.linalg.qr(root)[0]
    return np.asarray((basis**2).sum(axis=1))
