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
from trdstats.kernels.random_effects.absorb import Moments, Pivot, absorb, add_moments
from trdstats.kernels.random_effects.chain import Chain
from trdstats.kernels.random_effects.effects import Effects, block_diagonal, split
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

    def ids(self, factor: int) -> list[int]:
        """Return the numbers of the parameters of a factor; after the last, of the residuals."""

    def moments(self, theta: FloatArray, order: int) -> tuple[Moments, list[Pivot]] | None:
        """Return cross-products weighted by V^-1, log|V|, and what each level took out."""


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

    def _spread(self, factor: int, G: FloatArray) -> FloatArray:
        """Return G for one group of a nested factor, for all groups of a crossed one."""
        if factor < len(self.factors) - self.n_crossed:
            return G
        return np.asarray(np.kron(np.eye(self.groups[factor]), G), dtype=float)

    def directions(self, level: int) -> dict[int, FloatArray]:
        """Return the derivatives of the covariance of a level by parameter."""
        chosen = self.levels[level]
        sizes = [
            self.factors[k].n_effects
            * (self.groups[k] if k >= len(self.factors) - self.n_crossed else 1)
            for k in chosen
        ]
        result, at = {}, 0
        for k, size in zip(chosen, sizes, strict=True):
            for h, E in zip(self.ids(k), self.factors[k].directions(), strict=True):
                full = np.zeros((sum(sizes), sum(sizes)))
                full[at : at + size, at : at + size] = self._spread(k, E)
                result[h] = full
            at += size
        return result

    def moments(self, theta: FloatArray, order: int) -> tuple[Moments, list[Pivot]] | None:
        """Return cross-products of fixed effects and outcome weighted by V^-1, and log|V|.

        Parameters
        ----------
        theta : ndarray, shape (h,)
        order : {0, 2}
            Derivatives wanted.
        """
        sums: list[Moments] = []
        by_level: list[list[Pivot]] = [[] for _ in self.levels]
        ids = self.ids(len(self.factors))
        G = [self.covariance(level, theta) for level in range(len(by_level))]
        directions = [self.directions(level) if order else {} for level in range(len(by_level))]
        for chain, residuals in self._pieces:
            current = residuals.moments(chain, theta[ids[0] :], ids, order)
            for level, pivots in enumerate(by_level):
                if current is None:
                    return None
                absorbed = absorb(chain, level, current, G[level], directions[level], order)
                if absorbed is None:
                    return None
                current, pivot = absorbed
                pivots.append(pivot)
            if current is None:
                return None
            sums.append(current)
        return add_moments(sums), [pivot_of(pivots) for pivots in by_level]

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
    pivots : tuple of Pivot
        By level, the innermost first.
    """

    theta: FloatArray
    deviance: float
    beta: FloatArray
    vcov: FloatArray
    pivots: tuple[Pivot, ...]


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
    sums_and_pivots = model.moments(theta, 0)
    return None if sums_and_pivots is None else _state(model, theta, *sums_and_pivots)


def _state(
    model: LikelihoodModel, theta: FloatArray, sums: Moments, pivots: list[Pivot]
) -> State | None:
    S = sums.value[0][0]
    q = len(S) - 1
    try:
        factor = np.linalg.cholesky(S[:q, :q])
    except np.linalg.LinAlgError:
        return None
    half = np.linalg.inv(factor)
    vcov = half.T @ half
    beta = vcov @ S[:q, q]
    b = np.append(-beta, 1.0)
    deviance = sums.log_det + float(b @ S @ b) + (model.n_obs - q) * np.log(2 * np.pi)
    if model.reml:
        deviance += 2 * float(np.log(np.diag(factor)).sum())
    else:
        deviance += q * np.log(2 * np.pi)
    if not np.isfinite(deviance):
        return None
    return State(theta, float(deviance), beta, vcov, tuple(pivots))


def slopes(model: LikelihoodModel, state: State) -> Slopes:
    """Return the gradient and all second derivatives of the deviance, beta profiled out."""
    sums_and_pivots = model.moments(state.theta, 2)
    if sums_and_pivots is None:
        raise ValueError("the likelihood has no value here")
    sums = sums_and_pivots[0]
    h, q, phi = len(state.theta), len(state.beta), state.vcov
    b = np.append(-state.beta, 1.0)
    S = np.stack([sums.first[k][0][0] for k in range(h)])
    log_first = np.array([sums.log_first[k] for k in range(h)])
    P = -S[:, :q, :q]
    v = S[:, :q] @ b
    gradient = log_first + b @ S @ b
    if model.reml:
        gradient = gradient - np.einsum("ij,hji->h", phi, P)
    second, R = np.empty((h, h, q + 1, q + 1)), np.zeros((h, h, q + 1, q + 1))
    observed, trace = np.empty((h, h)), np.empty((h, h))
    for (j, k), blocks in sums.second.items():
        second[j, k] = second[k, j] = blocks[0][0]
        observed[j, k] = observed[k, j] = sums.log_second[j, k]
        trace[j, k] = trace[k, j] = sums.log_curve.get((j, k), 0.0) - sums.log_second[j, k]
        if (j, k) in sums.curve:
            R[j, k] = R[k, j] = sums.curve[j, k][0][0]
    twice = second + R
    Q = twice[:, :, :q, :q] / 2
    average = b @ twice @ b / 2 - v @ phi @ v.T
    observed += b @ second @ b - 2 * v @ phi @ v.T
    expected = trace
    if model.reml:
        P_phi = P @ phi
        pairs = P_phi.reshape(h, -1) @ np.swapaxes(P_phi, 1, 2).reshape(h, -1).T
        observed += np.einsum("ij,hkji->hk", phi, second[:, :, :q, :q]) - pairs
        expected = trace - 2 * np.einsum("ij,hkji->hk", phi, Q) + pairs
    return Slopes(
        gradient, average, (observed + observed.T) / 2, (expected + expected.T) / 2, P, Q,
        R[:, :, :q, :q] if sums.curve else None,
    )  # fmt: skip
