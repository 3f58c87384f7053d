"""The Gaussian likelihood of ratings with random effects, by sums over groups.

The levels are taken out one by one (`absorb`); what is left are the cross-products of fixed effects
and outcome weighted by V^-1, and log|V|, with their derivatives. Fixed effects are profiled out.

References
----------
Lindstrom and Bates 1988, doi:10.1080/01621459.1988.10478693. Johnson and Thompson 1995 (average
information), doi:10.3168/jds.S0022-0302(95)76654-1. Pinheiro and Bates 2000, Mixed-Effects Models
in S and S-PLUS, sections 2.2 and 2.5 (several levels of grouping).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.random_effects.absorb import Directions, Pivot, absorb
from trdstats.kernels.random_effects.chain import Chain
from trdstats.kernels.random_effects.effects import Effects, block_diagonal, split
from trdstats.kernels.random_effects.moments import Moments, add_moments
from trdstats.kernels.random_effects.pieces import pieces_of, pivot_of
from trdstats.kernels.random_effects.residuals import Independent, Residuals


class LikelihoodModel(Protocol):
    """Ratings with random effects, held in any way that sums over them can be had from."""

    @property
    def factors(self) -> tuple[Effects, ...]:
        """Factors in the order of the parameters."""

    @property
    def groups(self) -> tuple[int, ...]:
        """Number of groups of each factor."""

    @property
    def n_obs(self) -> int:
        """Ratings."""

    @property
    def reml(self) -> bool:
        """Whether the likelihood is restricted."""

    @property
    def sizes(self) -> list[int]:
        """Number of parameters of each factor, then of the residuals."""

    @property
    def scales(self) -> bool:
        """Whether V is multiplied where all parameters are."""

    def ids(self, factor: int) -> list[int]:
        """Return the numbers of the parameters of a factor; after the last, of the residuals."""

    def moments(self, theta: FloatArray, order: int) -> Moments | None:
        """Return cross-products weighted by V^-1 and log|V|; None where it has no value."""


@dataclass(frozen=True)
class RandomModel:
    """Ratings with random effects.

    Attributes
    ----------
    chain : Chain
    factors : tuple of Effects
        In the order of the parameters: nested factors from the outermost, then crossed ones.
    n_crossed : int
        How many of the factors are crossed.
    groups : tuple of int
        Number of groups of each factor.
    residuals : Residuals
    n_obs : int
    reml : bool
    """

    chain: Chain
    factors: tuple[Effects, ...]
    n_crossed: int
    groups: tuple[int, ...]
    residuals: Residuals
    n_obs: int
    reml: bool

    @property
    def sizes(self) -> list[int]:
        """Number of parameters of each factor, then of the residuals."""
        return [*(f.size for f in self.factors), self.residuals.size]

    @property
    def scales(self) -> bool:
        """Whether V is multiplied where all parameters are."""
        return isinstance(self.residuals, Independent)

    @cached_property
    def levels(self) -> list[list[int]]:
        """Factors of each level of the chain, the innermost first, the crossed ones together."""
        n_nested = len(self.factors) - self.n_crossed
        nested = [[k] for k in reversed(range(n_nested))]
        crossed = list(range(n_nested, len(self.factors)))
        return [*nested, crossed] if crossed else nested

    def ids(self, factor: int) -> list[int]:
        """Return the numbers of the parameters of a factor; after the last, of the residuals."""
        return numbers_of(self.sizes, factor)

    def covariance(self, level: int, theta: FloatArray) -> FloatArray:
        """Return the covariance matrix of the effects that a level takes out."""
        parts = split(self.factors, theta)
        blocks = []
        for k in self.levels[level]:
            G = self.factors[k].matrix(parts[k])
            blocks.append(self._spread(k, G))
        return block_diagonal(blocks)

    def _is_crossed(self, factor: int) -> bool:
        return factor >= len(self.factors) - self.n_crossed

    def _width(self, factor: int) -> int:
        """Return the columns of a factor: of one group where it is nested, of all if crossed."""
        groups = self.groups[factor] if self._is_crossed(factor) else 1
        return self.factors[factor].n_effects * groups

    def _spread(self, factor: int, G: FloatArray) -> FloatArray:
        """Return G for one group of a nested factor, for all groups of a crossed one."""
        if not self._is_crossed(factor):
            return G
        return np.asarray(np.kron(np.eye(self.groups[factor]), G), dtype=float)

    @cached_property
    def directions(self) -> list[Directions]:
        """Numbers of the parameters of each level, and derivatives of its covariance by them."""
        result = []
        for chosen in self.levels:
            ids = np.array([h for k in chosen for h in self.ids(k)], dtype=np.intp)
            widths = [self._width(k) for k in chosen]
            full, h, at = np.zeros((len(ids), sum(widths), sum(widths))), 0, 0
            for k, width in zip(chosen, widths, strict=True):
                for E in self.factors[k].directions():
                    full[h, at : at + width, at : at + width] = self._spread(k, E)
                    h += 1
                at += width
            result.append((ids, full))
        return result

    def moments(self, theta: FloatArray, order: int) -> Moments | None:
        """Return cross-products of fixed effects and outcome weighted by V^-1, and log|V|.

        Parameters
        ----------
        theta : ndarray, shape (h,)
        order : {0, 2}
            Derivatives wanted.
        """
        if not self.scales:
            steps = self._steps(theta, order, len(self.levels))
            return None if steps is None else add_moments([m for m, _ in steps])
        # The ratings themselves are summed once, with a variance of 1 for the residuals.
        left = self.without(len(self.levels), theta, order)
        return None if left is None else left.at_variance(theta, order, self.n_obs)

    def without(self, levels: int, theta: FloatArray, order: int) -> Moments | None:
        """Return what is left of the cross-products where some levels are taken out.

        Residuals are independent, and all parameters are divided by their variance.

        Parameters
        ----------
        levels : int
            How many, the innermost first.
        theta : ndarray, shape (h,)
        order : {0, 2}
            Derivatives wanted.
        """
        variance = float(theta[-1])
        if not (np.isfinite(variance) and variance > 0):
            return None
        steps = self._steps(theta / variance, order, levels)
        return None if steps is None else add_moments([m for m, _ in steps])

    def pivots(self, theta: FloatArray, levels: int | None = None) -> list[Pivot]:
        """Return what each level takes out, the innermost first.

        Parameters
        ----------
        theta : ndarray, shape (h,)
        levels : int, optional
            How many. Default: all.
        """
        variance = float(theta[-1]) if self.scales else 1.0
        levels = len(self.levels) if levels is None else levels
        steps = self._steps(theta / variance, 0, levels)
        if steps is None:
            raise ValueError("the likelihood has no value here")
        by_level = zip(*(pivots for _, pivots in steps), strict=True)
        return [pivot_of(pivots, variance) for pivots in by_level]

    def _steps(
        self, theta: FloatArray, order: int, levels: int
    ) -> list[tuple[Moments, list[Pivot]]] | None:
        """Return the moments of every piece of the ratings, and what its levels take out."""
        ids = np.array(self.ids(len(self.factors)), dtype=np.intp)
        G = [self.covariance(level, theta) for level in range(levels)]
        steps = []
        for chain, residuals in self._pieces:
            current = residuals.moments(chain, theta[ids], ids if order else None)
            pivots = []
            for level in range(len(G)):
                if current is None:
                    return None
                directions = self.directions[level] if order else None
                absorbed = absorb(chain, level, current, G[level], directions)
                if absorbed is None:
                    return None
                current, pivot = absorbed
                pivots.append(pivot)
            if current is None:
                return None
            steps.append((current, pivots))
        return steps

    @cached_property
    def _pieces(self) -> Sequence[tuple[Chain, Residuals]]:
        """The ratings in pieces whose sums add up."""
        if len(self.levels) == 1 and not self.n_crossed and isinstance(self.residuals, Independent):
            return pieces_of(self.chain, self.residuals)
        return [(self.chain, self.residuals)]


def numbers_of(sizes: Sequence[int], factor: int) -> list[int]:
    """Return the numbers of the parameters of a factor, of which each has some."""
    at = sum(sizes[:factor])
    return list(range(at, at + sizes[factor]))


@dataclass(frozen=True, slots=True)
class State:
    """The likelihood at one value of the covariance parameters.

    Attributes
    ----------
    theta : ndarray, shape (h,)
    deviance : float
        Minus twice the (restricted) log-likelihood.
    beta : ndarray, shape (q,)
    vcov : ndarray, shape (q, q)
        Inverse of X'V^-1 X.
    square : float
        (y - X beta)'V^-1 (y - X beta).
    """

    theta: FloatArray
    deviance: float
    beta: FloatArray
    vcov: FloatArray
    square: float


@dataclass(frozen=True, slots=True)
class Slopes:
    """Derivatives of the deviance, and what inference needs of them.

    Attributes
    ----------
    gradient : ndarray, shape (h,)
    average : ndarray, shape (h, h)
        Average information: the mean of observed and expected second derivatives.
    observed, expected : ndarray, shape (h, h)
        Second derivatives.
    P : ndarray, shape (h, q, q)
        X'W V_h W X.
    Q : ndarray, shape (h, h, q, q)
        Mean of X'W V_h W V_k W X and its transpose.
    R : ndarray, shape (h, h, q, q), or None
        X'W V_hk W X; None where V is linear in all parameters.
    """

    gradient: FloatArray
    average: FloatArray
    observed: FloatArray
    expected: FloatArray
    P: FloatArray
    Q: FloatArray
    R: FloatArray | None


def evaluate(model: LikelihoodModel, theta: FloatArray) -> State | None:
    """Return the likelihood at some parameters; None where V is not positive definite.

    Parameters
    ----------
    model : LikelihoodModel
    theta : ndarray, shape (h,)
    """
    moments = model.moments(theta, 0)
    return None if moments is None else _state(model, theta, moments)


@dataclass(frozen=True, slots=True)
class Ray:
    """The lowest deviance along multiples of some parameters.

    Attributes
    ----------
    scale : float
        The multiple; 1 where V is not multiplied with its parameters.
    state : State
    slopes : Slopes or None
    """

    scale: float
    state: State
    slopes: Slopes | None


def lowest_on_ray(model: LikelihoodModel, theta: FloatArray, order: int) -> Ray | None:
    """Return the lowest deviance along multiples of some parameters, where V is linear in them.

    Along c theta the deviance is d log c + s / c and a constant, with s the weighted sum of squares
    and d its degrees of freedom.

    Parameters
    ----------
    model : LikelihoodModel
    theta : ndarray, shape (h,)
    order : {0, 2}
        Derivatives wanted.
    """
    moments = model.moments(theta, order)
    state = None if moments is None else _state(model, theta, moments)
    if moments is None or state is None:
        return None
    c, n = 1.0, model.n_obs
    if model.scales:
        df = n - len(state.beta) if model.reml else n
        c = state.square / df
        moments = moments.times(c, n)
        gained = df * float(np.log(c)) + state.square / c - state.square
        state = State(
            c * theta, state.deviance + gained, state.beta, c * state.vcov, state.square / c
        )
    return Ray(c, state, _slopes(model, state, moments) if order else None)


def _state(model: LikelihoodModel, theta: FloatArray, moments: Moments) -> State | None:
    S = moments.value[0][:, :, 0]
    q = len(S) - 1
    try:
        factor = np.linalg.cholesky(S[:q, :q])
    except np.linalg.LinAlgError:
        return None
    half = np.linalg.inv(factor)
    vcov = half.T @ half
    beta = vcov @ S[:q, q]
    b = np.append(-beta, 1.0)
    square = float(b @ S @ b)
    deviance = moments.log_det + square + (model.n_obs - q) * np.log(2 * np.pi)
    if model.reml:
        deviance += 2 * float(np.log(np.diag(factor)).sum())
    else:
        deviance += q * np.log(2 * np.pi)
    if not np.isfinite(deviance):
        return None
    return State(theta, float(deviance), beta, vcov, square)


def slopes(model: LikelihoodModel, state: State) -> Slopes:
    """Return the gradient and all second derivatives of the deviance, beta profiled out."""
    moments = model.moments(state.theta, 2)
    if moments is None:
        raise ValueError("the likelihood has no value here")
    return _slopes(model, state, moments)


def _slopes(model: LikelihoodModel, state: State, moments: Moments) -> Slopes:
    d = moments.derivatives
    if d is None:
        raise ValueError("these moments were made without derivatives")
    h, q, phi = len(state.theta), len(state.beta), state.vcov
    b = np.append(-state.beta, 1.0)
    order = np.argsort(d.ids)
    S = d.first[0][..., 0].swapaxes(0, 1)[order]
    P = -S[:, :q, :q]
    v = S[:, :q] @ b
    gradient = d.log_first[order] + b @ S @ b
    if model.reml:
        gradient = gradient - np.einsum("ij,hji->h", phi, P)
    by_parameter = np.ix_(order, order)
    second = d.matrix(d.second[0][..., 0].swapaxes(0, 1))[by_parameter]
    log_second = d.matrix(d.log_second)[by_parameter]
    is_linear = not len(d.log_curve)
    R = np.zeros_like(second)
    log_curve = np.zeros_like(log_second)
    if not is_linear:
        R = d.matrix(d.curve[0][..., 0].swapaxes(0, 1))[by_parameter]
        log_curve = d.matrix(d.log_curve)[by_parameter]
    twice = second + R
    Q = twice[:, :, :q, :q] / 2
    of_beta = v @ phi @ v.T
    average = b @ twice @ b / 2 - of_beta
    observed = log_second + b @ second @ b - 2 * of_beta
    expected = log_curve - log_second
    if model.reml:
        P_phi = P @ phi
        pairs = P_phi.reshape(h, -1) @ np.swapaxes(P_phi, 1, 2).reshape(h, -1).T
        observed += np.einsum("ij,hkji->hk", phi, second[:, :, :q, :q]) - pairs
        expected = expected - 2 * np.einsum("ij,hkji->hk", phi, Q) + pairs
    return Slopes(
        gradient, average, (observed + observed.T) / 2, (expected + expected.T) / 2, P, Q,
        None if is_linear else R[:, :, :q, :q],
    )  # fmt: skip
