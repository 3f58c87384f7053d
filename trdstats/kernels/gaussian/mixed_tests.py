"""Tests of linear combinations of fixed effects: covariance and denominator degrees of freedom."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray
from trdstats.kernels.gaussian.reml import Model, State, curves_of, information_slopes

_RANK = 1e-10  # a contrast with less than this share of its variance to itself is redundant


@dataclass(frozen=True, slots=True)
class FTest:
    """A joint test that L beta = 0.

    Attributes
    ----------
    statistic : float
        F, scaled where the method scales it.
    df_num, df_den : float
    """

    statistic: float
    df_num: float
    df_den: float


class Inference(ABC):
    """Covariance of the fixed effects and the degrees of freedom that belong to it."""

    beta: FloatArray
    covariance: FloatArray

    @abstractmethod
    def degrees(self, L: FloatArray) -> FloatArray:
        """Return the degrees of freedom of each row of L, shape (k,)."""

    def rests_on_one(self, L: FloatArray) -> BoolArray:
        """Return whether the error of each row of L is not estimable, shape (k,).

        An empirical covariance knows nothing of what one subject determines alone: there it has
        no residual.
        """
        return np.zeros(len(L), dtype=bool)

    def values(self, L: FloatArray) -> FloatArray:
        """Return L beta, shape (k,)."""
        return L @ self.beta

    def covariances(self, L: FloatArray) -> FloatArray:
        """Return the covariance of L beta, shape (k, k)."""
        return L @ self.covariance @ L.T

    def errors(self, L: FloatArray) -> FloatArray:
        """Return the standard error of each row of L, shape (k,); NaN where it has none."""
        variance = np.einsum("ij,jk,ik->i", L, self.covariance, L)
        return np.sqrt(np.where(self.rests_on_one(L), np.nan, variance))

    def f_test(self, L: FloatArray) -> FTest:
        """Test all rows of L together, redundant rows counted once (Fai and Cornelius 1996)."""
        if self.rests_on_one(L).any():
            return FTest(np.nan, float(len(L)), np.nan)
        rows, error = independent_rows(L, self.covariance)
        rank = len(rows)
        if not rank:
            return FTest(np.nan, 0.0, np.nan)
        # The statistic is the same for whichever rows; the degrees of freedom are those of the
        # eigenvectors of the covariance, of all rows where that has a clear rank.
        values, vectors = np.linalg.eigh(L @ self.covariance @ L.T)
        usable = values > _RANK * values[-1]
        spanning = L
        if usable.sum() != rank:
            spanning, usable = rows, np.ones(rank, dtype=bool)
            vectors = np.linalg.eigh(rows @ self.covariance @ rows.T)[1]
        wald = _wald(rows / error[:, None], self)
        df = self._joint_degrees(vectors[:, usable].T @ spanning)
        return FTest(wald / rank, float(rank), df)

    def _joint_degrees(self, rows: FloatArray) -> float:
        df = self.degrees(rows)
        if len(df) == 1:
            return float(df[0])
        if np.ptp(df) < 1e-8 * df.max():
            return float(df.mean())
        large = df[df > 2]
        expected = float(np.sum(large / (large - 2)))
        if expected <= len(df):
            return 2.0
        return 2 * expected / (expected - len(df))


def independent_rows(L: FloatArray, covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the rows of L that none before them repeats, and their standard errors.

    Rows are judged by their correlation, so that their units play no part. Rows without a
    variance, 0 by constraint, are no hypothesis.
    """
    variance = np.einsum("ij,jk,ik->i", L, covariance, L)
    L = L[variance > 0]
    error = np.sqrt(variance[variance > 0])
    correlation = L @ covariance @ L.T / np.outer(error, error)
    chosen: list[int] = []
    factor = np.zeros((0, len(L)))
    for i in range(len(L)):
        rest = 1.0 - factor[:, i] @ factor[:, i]
        if rest > _RANK:
            row = (correlation[i] - factor[:, i] @ factor) / np.sqrt(rest)
            factor = np.vstack([factor, row])
            chosen.append(i)
    return L[chosen], error[chosen]


def _wald(L: FloatArray, inference: Inference) -> float:
    """Return b' (L C L')^-1 b for b = L beta."""
    estimate = L @ inference.beta
    return float(estimate @ np.linalg.solve(L @ inference.covariance @ L.T, estimate))


@dataclass(frozen=True)
class FixedDegrees(Inference):
    """Degrees of freedom known beforehand for each coefficient (residual, between-within).

    Attributes
    ----------
    beta, covariance, of_coefficient : ndarray
    source : Inference, optional
        Where the covariance comes from.
    """

    beta: FloatArray
    covariance: FloatArray
    of_coefficient: FloatArray
    source: Inference | None = None

    def rests_on_one(self, L: FloatArray) -> BoolArray:
        """Return whether the error of each row of L is not estimable."""
        return super().rests_on_one(L) if self.source is None else self.source.rests_on_one(L)

    def degrees(self, L: FloatArray) -> FloatArray:
        """Return, for each row, the smallest degrees of freedom of its coefficients."""
        # What a coefficient adds is judged in standard errors: its unit plays no part.
        # An empirical variance that one subject determines is 0, or less by rounding.
        part = np.abs(L) * np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        used = part > 1e-12 * part.max(axis=1, keepdims=True)
        df = np.where(used, self.of_coefficient, np.inf).min(axis=1)
        return np.where(used.any(axis=1) & ~self.rests_on_one(L), df, np.nan)

    def _joint_degrees(self, rows: FloatArray) -> float:
        return float(self.degrees(rows).min())


@dataclass(frozen=True)
class Satterthwaite(Inference):
    """Degrees of freedom 2 v^2 / var(v) of each variance v, by the delta method.

    Attributes
    ----------
    beta, covariance : ndarray
    slope : ndarray, shape (h, q, q)
        Derivative of the covariance of beta with respect to each covariance parameter.
    of_theta : ndarray, shape (h, h)
        Covariance of those parameters.
    """

    beta: FloatArray
    covariance: FloatArray
    slope: FloatArray
    of_theta: FloatArray

    def degrees(self, L: FloatArray) -> FloatArray:
        """Return the degrees of freedom of each row."""
        variance = np.einsum("ij,jk,ik->i", L, self.covariance, L)
        gradient = ((L @ self.slope) * L).sum(axis=2).T
        spread = np.einsum("ih,hk,ik->i", gradient, self.of_theta, gradient)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(2 * variance**2 / spread)


@dataclass(frozen=True)
class KenwardRoger(Inference):
    """Adjusted covariance, scaled F and its degrees of freedom.

    Attributes
    ----------
    beta : ndarray
    covariance : ndarray
        Adjusted.
    plain : ndarray
        Inverse of X'WX.
    slope : ndarray, shape (h, q, q)
        Derivative of `plain`: plain P_h plain.
    of_theta : ndarray, shape (h, h)

    References
    ----------
    Kenward and Roger 1997, doi:10.2307/2533558.
    """

    beta: FloatArray
    covariance: FloatArray
    plain: FloatArray
    slope: FloatArray
    of_theta: FloatArray

    def degrees(self, L: FloatArray) -> FloatArray:
        """Return the degrees of freedom of each row."""
        # A contrast that is 0 by constraint has no variance to have degrees of freedom.
        return np.array([self._scale(row[None])[1] if row.any() else np.nan for row in L])

    def f_test(self, L: FloatArray) -> FTest:
        """Return the scaled F test of Kenward and Roger."""
        rows, error = independent_rows(L, self.plain)
        if not len(rows):
            return FTest(np.nan, 0.0, np.nan)
        rows = rows / error[:, None]
        scale, df = self._scale(rows)
        return FTest(scale * _wald(rows, self) / len(rows), float(len(rows)), df)

    def _scale(self, L: FloatArray) -> tuple[float, float]:
        k = len(L)
        theta = L.T @ np.linalg.solve(L @ self.plain @ L.T, L)
        change = theta @ self.slope  # Theta Phi P_h Phi, shape (h, q, q)
        h = len(change)
        traces = np.trace(change, axis1=1, axis2=2)
        a1 = float(traces @ self.of_theta @ traces)
        pairs = change.reshape(h, -1) @ np.swapaxes(change, 1, 2).reshape(h, -1).T
        a2 = float(np.sum(self.of_theta * pairs))
        b = (a1 + 6 * a2) / (2 * k)
        g = ((k + 1) * a1 - (k + 4) * a2) / ((k + 2) * a2)
        below = 3 * k + 2 * (1 - g)
        c1, c2, c3 = g / below, (k - g) / below, (k + 2 - g) / below
        mean = 1 / (1 - a2 / k)
        spread = (2 / k) * (1 + c1 * b) / ((1 - c2 * b) ** 2 * (1 - c3 * b))
        rho = spread / (2 * mean**2)
        df = 4 + (k + 2) / (k * rho - 1)
        return df / (mean * (df - 2)), df


def satterthwaite(model: Model, state: State, of_theta: FloatArray) -> Satterthwaite:
    """Return model-based inference with Satterthwaite's degrees of freedom."""
    P = information_slopes(model, state)
    return Satterthwaite(state.beta, state.vcov, state.vcov @ P @ state.vcov, of_theta)


def kenward_roger(
    model: Model, state: State, of_theta: FloatArray, *, curved: bool
) -> KenwardRoger:
    """Return Kenward and Roger's inference.

    Parameters
    ----------
    model : Model
    state : State
    of_theta : ndarray, shape (h, h)
        Covariance of the covariance parameters.
    curved : bool
        Whether second derivatives of the covariance enter; they are zero where it is linear in
        its parameters.
    """
    phi, W = state.vcov, state.weight
    P = information_slopes(model, state)
    slope = phi @ P @ phi
    weighted = np.tensordot(of_theta, P @ phi, 1)
    middle = -np.einsum("hij,hjk->ik", weighted, P)
    at = 0
    for g, shape in enumerate(state.shapes):
        patterns, V = model.slopes_of(g, shape)
        h = len(V)
        covariance = of_theta[at : at + h, at : at + h]
        core = np.zeros_like(W[patterns])
        for one, other in zip(V, np.tensordot(covariance, V, 1), strict=True):
            core += one @ W[patterns] @ other
        if curved and shape.second is not None:
            core -= np.tensordot(covariance, curves_of(model, shape, patterns), 2) / 4
        sandwiched = (W[patterns] @ core @ W[patterns])[None]
        middle += model.products.information(patterns, sandwiched)[0]
        at += h
    adjusted = phi + 2 * phi @ middle @ phi
    return KenwardRoger(state.beta, (adjusted + adjusted.T) / 2, phi, slope, of_theta)
