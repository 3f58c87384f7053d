"""Maximum likelihood of a model with random effects.

The search takes the exact score of the quadrature and Louis' information in place of its second
derivatives, which is the same where points are many and enough to lead upward where they are few.
It ends with Newton steps by differences of the exact score, and their matrix at the maximum is the
observed information that is reported. Where points are so many that Louis' information agrees
with differences of the score, it is taken as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray
from trdstats.kernels.glmm.quadrature import Grid, Marginal, hermite_grid, marginal
from trdstats.kernels.glmm.rows import Rows
from trdstats.kernels.glmm.scaled import scale_rows
from trdstats.kernels.numerics.newton_loglik import Optimum, Surface, maximise

_ENOUGH = 7  # points from which Louis' information follows the curvature of the quadrature
_CURVED = 5  # points of the information otherwise
_COARSE = 9  # more points than these are for the last steps
_MOST_LOUIS = 25  # steps by Louis' information
_STEP = 1e-4  # of differences of the score
_PART, _AGREES = 1e-3, 2e-5  # of a standard deviation: a step, and what it may differ by
# A standardised standard deviation this small is 0 where the likelihood there is as high.
_ZERO = 1e-2


@dataclass(frozen=True, slots=True)
class MixedFit:
    """A fitted model with random effects.

    Attributes
    ----------
    theta : ndarray, shape (q,)
        Fixed effects, then the entries of the Cholesky factor of the covariance of the random
        effects (`Rows.entries`); its diagonal is not negative.
    loglik : float
        Weighted sum over subjects.
    scores : ndarray, shape (n, q)
        Score of each subject, unweighted.
    information : ndarray, shape (q, q)
        Observed information.
    root : ndarray, shape (q, q)
        A root of the inverse information; 0 for what is estimated at the boundary.
    v : ndarray, shape (n, r)
        Modes of the standardised random effects.
    at_zero : ndarray of bool, shape (q,)
        Entries of the factor that are estimated at 0, the boundary.
    iterations : int
    gradient : float
        Largest absolute element of the score of standardised parameters.
    converged : bool
    """

    theta: FloatArray
    loglik: float
    scores: FloatArray
    information: FloatArray
    root: FloatArray
    v: FloatArray
    at_zero: BoolArray
    iterations: int
    gradient: float
    converged: bool


class Objective:
    """The weighted marginal log-likelihood of rows; remembers the modes of its last value."""

    def __init__(self, rows: Rows, points: int) -> None:
        self.rows = rows
        self.grid: Grid = hermite_grid(points, rows.Z.shape[1])
        few = points < _ENOUGH
        self._for_curvature = hermite_grid(_CURVED, rows.Z.shape[1]) if few else None
        self.modes: FloatArray = np.zeros((rows.n, rows.Z.shape[1]))

    def marginal(self, theta: FloatArray, *, curved: bool = False) -> Marginal | None:
        """Return the likelihoods of subjects; None where they have no finite value."""
        at_theta = marginal(self.rows, theta, self.grid, self.modes, curved=curved)
        if at_theta is not None:
            self.modes = at_theta.v
        return at_theta

    def surface(self, theta: FloatArray) -> Surface | None:
        """Return the log-likelihood with Louis' information."""
        at_theta = self.marginal(theta, curved=self._for_curvature is None)
        if at_theta is None:
            return None
        curvature = at_theta.curvature
        if self._for_curvature is not None:
            other = marginal(self.rows, theta, self._for_curvature, at_theta.v, curved=True)
            curvature = None if other is None else other.curvature
        if curvature is None:
            return None
        weight = self.rows.weight
        return Surface(float(weight @ at_theta.each), weight @ at_theta.scores, curvature)

    def steepest(self, theta: FloatArray) -> Surface | None:
        """Return the log-likelihood with the information of which a search needs fewest steps."""
        return self.surface(theta) if self._for_curvature is None else self.exact(theta)

    def confirms(self, theta: FloatArray, point: Surface) -> bool:
        """Return whether Louis' information agrees with differences of the score.

        Along one direction, in which every parameter moves by its own standard deviation.
        """
        size = np.sqrt(np.abs(np.diag(point.information)))
        if self._for_curvature is not None or not (size > 0).all():
            return False
        step = _PART / size
        above, below = self.score(theta + step), self.score(theta - step)
        if above is None or below is None:
            return False
        gap = (below - above) / (2 * _PART) - point.information @ (1 / size)
        return bool((np.abs(gap) < _AGREES * size).all())

    def score(self, theta: FloatArray) -> FloatArray | None:
        """Return the score of the whole sample."""
        at_theta = self.marginal(theta)
        return None if at_theta is None else np.asarray(self.rows.weight @ at_theta.scores)

    def exact(self, theta: FloatArray) -> Surface | None:
        """Return the log-likelihood with its observed information, by central differences."""
        at_theta = self.marginal(theta)
        if at_theta is None:
            return None
        q = len(theta)
        information = np.empty((q, q))
        for j in range(q):
            step = np.zeros(q)
            step[j] = _STEP * max(1.0, abs(theta[j]))
            above, below = self.score(theta + step), self.score(theta - step)
            if above is None or below is None:
                return None
            information[j] = (below - above) / (2 * step[j])
        self.modes = at_theta.v
        weight = self.rows.weight
        return Surface(
            float(weight @ at_theta.each),
            weight @ at_theta.scores,
            (information + information.T) / 2,
        )


def fit_marginal(rows: Rows, points: int, start: FloatArray) -> MixedFit | None:
    """Fit by maximum likelihood.

    Parameters
    ----------
    rows : Rows
        Of full column rank.
    points : int
        Of the quadrature, in each dimension; 1 is Laplace's approximation.
    start : ndarray, shape (p,)
        Fixed effects at which the likelihood without random effects is finite.

    Returns
    -------
    MixedFit or None
        None where there is no finite value on the way.
    """
    scaled = scale_rows(rows)
    p, q = rows.n_fixed, rows.n_parameters
    objective = Objective(scaled.rows, points)
    unit = float(rows.weight.mean())
    without = _search_without(scaled.rows, scaled.to_scaled[:p, :p] @ start, unit)
    if without is None:
        return None
    a, b = rows.entries
    first = np.zeros(q)
    first[:p] = without.theta
    first[p:][a == b] = 1.0 / np.sqrt(rows.Z.shape[1])
    if points > _COARSE:  # the way is made with few points, the last steps with all
        coarse = maximise(
            Objective(scaled.rows, _ENOUGH).surface, first, unit=unit, longest=3.0,
            most=_MOST_LOUIS, is_last=lambda m: m.decrement < 0.1 * unit,
        )  # fmt: skip
        first = first if coarse is None else coarse.theta
    near = maximise(
        objective.surface, first, unit=unit, longest=3.0, most=_MOST_LOUIS,
        is_last=lambda m: m.decrement < (0.05 if points < _ENOUGH else 1e-7) * unit,
    )  # fmt: skip
    if near is None:
        return None
    top: Optimum[Surface] | None = near
    if not (near.decrement < 1e-10 * unit and objective.confirms(near.theta, near.point)):
        # Newton steps square what is left: one that promises this little is the last.
        top = maximise(
            objective.exact, near.theta, unit=unit, longest=3.0, tolerance=1e-12,
            is_last=lambda m: m.decrement < 1e-8 * unit,
        )  # fmt: skip
    if top is None:
        return None
    theta, point, at_zero = _boundary(objective, top, p)
    optimum = objective.marginal(theta)
    if optimum is None:
        return None
    # The sign of a column of the factor, and of its standardised effect, is free.
    sign = np.ones(q)
    signs = np.where(np.diag(scaled.rows.factor(theta)) < 0, -1.0, 1.0)
    sign[p:] = signs[b]
    back = scaled.to_scaled * sign[:, None]
    return MixedFit(
        theta=scaled.to_given @ (sign * theta),
        loglik=point.loglik,
        scores=optimum.scores @ back,
        information=back.T @ point.information @ back,
        # Of scaled rows: the inverse loses the digits of columns far from 0.
        root=scaled.to_given @ (sign[:, None] * _root(point.information, ~at_zero)),
        v=optimum.v * signs,
        at_zero=at_zero,
        iterations=near.iterations + (0 if top is near else top.iterations),
        gradient=float(np.abs(np.where(at_zero, 0.0, point.score)).max()),
        converged=_is_maximum(point, ~at_zero, unit),
    )


def _root(information: FloatArray, free: BoolArray) -> FloatArray:
    """Return a root of the inverse of the information on free parameters, 0 for the others."""
    root = np.zeros_like(information)
    values, vectors = np.linalg.eigh(np.linalg.inv(information[np.ix_(free, free)]))
    root[np.ix_(free, free)] = vectors * np.sqrt(np.where(values > 0, values, np.nan))
    return root


def fit_without(rows: Rows, start: FloatArray) -> tuple[FloatArray, float] | None:
    """Return fixed effects and log-likelihood of the model without random effects.

    Parameters
    ----------
    rows : Rows
    start : ndarray, shape (p,)
        As in `fit_marginal`.
    """
    p = rows.n_fixed
    scaled = scale_rows(rows)
    start = scaled.to_scaled[:p, :p] @ start
    optimum = _search_without(scaled.rows, start, float(rows.weight.mean()))
    if optimum is None:
        return None
    return scaled.to_given[:p, :p] @ optimum.theta, optimum.point.loglik


def _search_without(rows: Rows, start: FloatArray, unit: float) -> Optimum[Surface] | None:
    """Return the fit without random effects, of scaled rows."""
    p, r = rows.n_fixed, rows.Z.shape[1]
    grid, modes = hermite_grid(1, r), np.zeros((rows.n, r))

    def surface(beta: FloatArray) -> Surface | None:
        theta = np.concatenate((beta, np.zeros(rows.n_parameters - p)))
        at_theta = marginal(rows, theta, grid, modes, curved=True)
        if at_theta is None or at_theta.curvature is None:
            return None
        score = rows.weight @ at_theta.scores[:, :p]
        return Surface(float(rows.weight @ at_theta.each), score, at_theta.curvature[:p, :p])

    return maximise(surface, start, unit=unit, longest=5.0, most=30)


def _boundary(
    objective: Objective, top: Optimum[Surface], p: int
) -> tuple[FloatArray, Surface, BoolArray]:
    """Return the maximum with entries of the factor that are 0 to rounding at exactly 0."""
    theta, point = top.theta, top.point
    at_zero = np.zeros(len(theta), dtype=bool)
    a, b = objective.rows.entries
    small = (a == b) & (np.abs(theta[p:]) < _ZERO)
    if small.any():
        held = theta.copy()
        if small[0] and len(a) == 3:
            # Without the first variance there is no covariance: the second effect has the rest.
            held[p + 2] = np.hypot(held[p + 1], held[p + 2])
            small[1] = True
        held[p:][small] = 0.0
        exact = objective.exact(held)
        if exact is not None and exact.loglik >= point.loglik - 1e-7 * (1 + abs(point.loglik)):
            at_zero[p:] = small
            return held, exact, at_zero
    return theta, point, at_zero


def _is_maximum(point: Surface, free: BoolArray, unit: float) -> bool:
    """Return whether the free parameters are at a maximum."""
    information, score = point.information[np.ix_(free, free)], point.score[free]
    size = np.sqrt(np.abs(np.diag(information)))
    if not (size > 0).all():
        return False
    values = np.linalg.eigvalsh(information / np.outer(size, size))
    if not values[0] > 1e-12 * values[-1]:
        return False
    return bool(score @ np.linalg.solve(information, score) < 1e-6 * unit)
