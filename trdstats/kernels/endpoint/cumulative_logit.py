"""Cumulative logits of ordered categories: proportional odds, and odds that are not.

logit P(Y <= j) = theta_j - x' beta - n' gamma_j with gamma_1 = 0: the columns n may have effects
that differ from one cut to the next. The log-likelihood is concave (Pratt 1981), so Newton steps
that are halved until they lead upward find its maximum. Standard errors are those of the observed
information.

References
----------
McCullagh 1980, J R Stat Soc B 42:109-142, doi:10.1111/j.2517-6161.1980.tb01109.x. Peterson and
Harrell 1990, doi:10.2307/2347760 (partial proportional odds).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import expit, logit

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.numerics.newton_loglik import Surface, maximise, uphill
from trdstats.kernels.numerics.profiles import Profile, profile_limit
from trdstats.kernels.numerics.tails import chi2_isf


@dataclass(frozen=True, slots=True)
class CumulativeFit:
    """A fitted cumulative logit model.

    Attributes
    ----------
    X : ndarray, shape (n, q)
        Without a column of ones.
    nominal : ndarray of bool, shape (q,)
        Columns whose effect differs between cuts.
    code : ndarray of int, shape (n,)
        Category of each subject, 0 to J - 1.
    weight : ndarray, shape (n,)
    n_categories : int
        J.
    theta : ndarray, shape (J - 1 + q + (J - 2) n_nominal,)
        Cuts, then effects, then how much the effects of nominal columns differ at later cuts.
    information : ndarray
    scaled_information : ndarray
        That on the parameters of covariates of mean 0 and variance 1.
    to_given : ndarray
        Matrix from those parameters to theta.
    scores : ndarray, shape (n, len(theta))
    loglik : float
    converged : bool
    separated : ndarray of bool, shape (len(theta),)
        Parameters without a finite estimate.
    """

    X: FloatArray
    nominal: BoolArray
    code: IntArray
    weight: FloatArray
    n_categories: int
    theta: FloatArray
    information: FloatArray
    scaled_information: FloatArray
    to_given: FloatArray
    scores: FloatArray
    loglik: float
    converged: bool
    separated: BoolArray

    @property
    def effects(self) -> slice:
        """Place of the effects among the parameters."""
        return slice(self.n_categories - 1, self.n_categories - 1 + self.X.shape[1])

    def covariance(self) -> FloatArray:
        """Return the inverse information."""
        A = self.to_given
        return np.asarray(A @ np.linalg.inv(self.scaled_information) @ A.T)

    def influence(self) -> FloatArray:
        """Return the first-order effect of each subject on the parameters."""
        # By way of the scaled covariates: the covariance has lost the digits far from 0.
        A = self.to_given
        return np.asarray(np.linalg.solve(self.scaled_information, (self.scores @ A).T).T @ A.T)

    def probabilities(self, X: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the probability of each category and its derivative in the parameters.

        Returns
        -------
        ndarray, shape (m, J)
        ndarray, shape (m, J, len(theta))
        """
        m, J = len(X), self.n_categories
        cumulative, slope = np.zeros((m, J + 1)), np.zeros((m, J + 1, len(self.theta)))
        cumulative[:, J] = 1.0
        for j in range(J - 1):
            row = _rows(X, self.nominal, np.full(m, j), J)
            at = expit(row @ self.theta)
            cumulative[:, j + 1] = at
            slope[:, j + 1] = (at * (1 - at))[:, None] * row
        return np.diff(cumulative, axis=1), np.diff(slope, axis=1)

    def deviance_drop(self, j: int, value: float) -> float:
        """Return twice the loss of log-likelihood when effect j is held at a value."""
        return self._profile(j)(value).loss

    def limit(self, j: int, conf_level: float, *, upper: bool) -> float:
        """Return a limit of effect j from its profile; infinite where there is none."""
        k = self.n_categories - 1 + j
        error = float(np.sqrt(self.covariance()[k, k]))
        critical = float(chi2_isf(1 - conf_level, 1))
        return profile_limit(self._profile(j), float(self.theta[k]), error, critical, upper=upper)

    def _profile(self, j: int) -> Callable[[float], Profile]:
        return partial(_profile_at, self, self.n_categories - 1 + j)


def fit_cumulative(
    X: FloatArray,
    code: IntArray,
    weight: FloatArray,
    n_categories: int,
    nominal: BoolArray | None = None,
) -> CumulativeFit:
    """Fit by maximum likelihood.

    Parameters
    ----------
    X : ndarray, shape (n, q)
        Without a column of ones; with one of full rank.
    code : ndarray of int, shape (n,)
        Every category from 0 to n_categories - 1 occurs.
    weight : ndarray, shape (n,)
        Positive, of mean 1.
    n_categories : int
    nominal : ndarray of bool, shape (q,), optional
        Default: none.
    """
    differs = np.zeros(X.shape[1], dtype=bool) if nominal is None else nominal
    centre, size = X.mean(axis=0), X.std(axis=0)
    Z = (X - centre) / size
    upper, lower = _both(Z, differs, code, n_categories)
    proportion = np.cumsum(np.bincount(code, weights=weight, minlength=n_categories)) / weight.sum()
    start = np.zeros(upper.shape[1])
    start[: n_categories - 1] = logit(proportion[:-1])
    surface = partial(_surface, upper, lower, code, weight, n_categories)
    top = maximise(surface, start, most=200, direction=uphill)
    if top is None:
        raise ValueError("outcomes, weights or covariates are not finite")
    T = _uncentred(centre, size, differs, n_categories)
    theta = T @ top.theta
    # The same model in the covariates as they are.
    back = np.linalg.inv(T)
    scores = _scores(upper, lower, code, weight, n_categories, top.theta) @ back
    large = np.abs(top.theta) > _FAR
    return CumulativeFit(
        X=X, nominal=differs, code=code, weight=weight, n_categories=n_categories, theta=theta,
        information=back.T @ top.point.information @ back,
        scaled_information=top.point.information, to_given=T, scores=scores,
        loglik=top.point.loglik, converged=top.converged,
        separated=large | (np.abs(top.step) > _RUNAWAY),
    )  # fmt: skip


_RUNAWAY = 1e-3  # a Newton step in scaled columns: at a maximum it is of 1e-6
# Log odds of a standard deviation of a covariate that only separated outcomes reach.
_FAR = 15.0


def _uncentred(centre: FloatArray, size: FloatArray, nominal: BoolArray, J: int) -> FloatArray:
    """Return the map from parameters of scaled covariates to those of the covariates."""
    q, extra = len(centre), int(nominal.sum())
    T = np.zeros((J - 1 + q + (J - 2) * extra,) * 2)
    T[: J - 1, : J - 1] = np.eye(J - 1)
    T[: J - 1, J - 1 : J - 1 + q] = centre / size
    T[J - 1 : J - 1 + q, J - 1 : J - 1 + q] = np.diag(1 / size)
    for cut in range(1, J - 1):
        at = slice(J - 1 + q + (cut - 1) * extra, J - 1 + q + cut * extra)
        T[cut, at] = (centre / size)[nominal]
        T[at, at] = np.diag(1 / size[nominal])
    return T


def _rows(X: FloatArray, nominal: BoolArray, cut: IntArray, J: int) -> FloatArray:
    """Return the design of logit P(Y <= cut), one row a subject."""
    n, q, extra = len(X), X.shape[1], int(nominal.sum())
    design = np.zeros((n, J - 1 + q + (J - 2) * extra))
    design[np.arange(n), cut] = 1.0
    design[:, J - 1 : J - 1 + q] = -X
    for k in range(1, J - 1):
        at = slice(J - 1 + q + (k - 1) * extra, J - 1 + q + k * extra)
        design[:, at] = np.where((cut == k)[:, None], -X[:, nominal], 0.0)
    return design


def _both(
    X: FloatArray, nominal: BoolArray, code: IntArray, J: int
) -> tuple[FloatArray, FloatArray]:
    """Return the designs of the cut above and the cut below each subject's category."""
    upper = _rows(X, nominal, np.minimum(code, J - 2), J)
    lower = _rows(X, nominal, np.maximum(code - 1, 0), J)
    return upper, lower


def _pieces(
    upper: FloatArray, lower: FloatArray, code: IntArray, J: int, theta: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return P(Y <= above), P(Y <= below) and the probability of each subject's category."""
    a, b = upper @ theta, lower @ theta
    first, last = code == 0, code == J - 1
    above, below = np.where(last, 1.0, expit(a)), np.where(first, 0.0, expit(b))
    # A difference of two numbers near 1 is taken on their other side.
    tail = np.where(first, expit(a), np.where(last, expit(-b), 0.0))
    middle = np.where(b > 0, expit(-b) - expit(-a), expit(a) - expit(b))
    return above, below, np.where(first | last, tail, middle)


def _surface(
    upper: FloatArray,
    lower: FloatArray,
    code: IntArray,
    weight: FloatArray,
    J: int,
    theta: FloatArray,
) -> Surface | None:
    """Return log-likelihood, gradient and observed information; None outside the model."""
    above, below, probability = _pieces(upper, lower, code, J, theta)
    if not (probability > 0).all():
        return None
    da, db = above * (1 - above) / probability, below * (1 - below) / probability
    score = upper * da[:, None] - lower * db[:, None]
    # Second derivatives of log(F(a) - F(b)): f'(a)/P and -f'(b)/P, less the square of the first.
    bend_a, bend_b = da * (1 - 2 * above), -db * (1 - 2 * below)
    second = (upper * (weight * bend_a)[:, None]).T @ upper
    second = second + (lower * (weight * bend_b)[:, None]).T @ lower
    second = second - (score * weight[:, None]).T @ score
    return Surface(float(weight @ np.log(probability)), weight @ score, -second)


def _scores(
    upper: FloatArray,
    lower: FloatArray,
    code: IntArray,
    weight: FloatArray,
    J: int,
    theta: FloatArray,
) -> FloatArray:
    above, below, probability = _pieces(upper, lower, code, J, theta)
    da, db = above * (1 - above) / probability, below * (1 - below) / probability
    return np.asarray((upper * da[:, None] - lower * db[:, None]) * weight[:, None])


def _profile_at(fit: CumulativeFit, k: int, value: float) -> Profile:
    """Return the loss of log-likelihood with one parameter held at a value."""
    free = np.arange(len(fit.theta)) != k
    upper, lower = _both(fit.X, fit.nominal, fit.code, fit.n_categories)

    def surface(part: FloatArray) -> Surface | None:
        theta = np.full(len(fit.theta), value)
        theta[free] = part
        design = _surface(upper, lower, fit.code, fit.weight, fit.n_categories, theta)
        if design is None:
            return None
        kept = design.information[np.ix_(free, free)]
        return Surface(design.loglik, design.score[free], kept)

    # Along the ridge of the quadratic the start is near the constrained maximum.
    V = fit.covariance()
    ridge = fit.theta + V[:, k] / V[k, k] * (value - fit.theta[k])
    for start in (ridge[free], fit.theta[free]):
        top = maximise(surface, start, most=200, direction=uphill)
        if top is not None:
            return Profile(max(2 * (fit.loglik - top.point.loglik), 0.0), True)
    return Profile(np.inf, False)
