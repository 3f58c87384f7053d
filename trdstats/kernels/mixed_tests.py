"""Tests of linear combinations of fixed effects: covariance and denominator degrees of freedom."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trdstats.kernels.reml import Model, State, curves_of, information_slopes

FloatArray = npt.NDArray[np.float64]

_RANK = 1e-10  # eigenvalues of a contrast's covariance below this share are redundant rows


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

    def errors(self, L: FloatArray) -> FloatArray:
        """Return the standard error of each row of L, shape (k,)."""
        return np.asarray(np.sqrt(np.einsum("ij,jk,ik->i", L, self.covariance, L)))

    def f_test(self, L: FloatArray) -> FTest:
        """Test all rows of L together, redundant rows counted once (Fai and Cornelius 1996)."""
        values, vectors = np.linalg.eigh(L @ self.covariance @ L.T)
        usable = values > _RANK * max(values[-1], 0.0)
        rows = vectors[:, usable].T @ L
        estimate = rows @ self.beta
        rank = int(usable.sum())
        if not rank:
            return FTest(np.nan, 0.0, np.nan)
        statistic = float(np.sum(estimate**2 / values[usable]) / rank)
        return FTest(statistic, float(rank), self._joint_degrees(rows))

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


@dataclass(frozen=True)
class FixedDegrees(Inference):
    """Degrees of freedom known beforehand for each coefficient (residual, between-within)."""

    beta: FloatArray
    covariance: FloatArray
    of_coefficient: FloatArray

    def degrees(self, L: FloatArray) -> FloatArray:
        """Return, for each row, the smallest degrees of freedom of its coefficients."""
        used = np.abs(L) > 1e-12
        return np.asarray(np.where(used, self.of_coefficient, np.inf).min(axis=1))

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
        gradient = np.einsum("ij,hjk,ik->ih", L, self.slope, L, optimize=True)
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
        values, vectors = np.linalg.eigh(L @ self.plain @ L.T)
        rows = vectors[:, values > _RANK * max(values[-1], 0.0)].T @ L
        if not len(rows):
            return FTest(np.nan, 0.0, np.nan)
        estimate = rows @ self.beta
        wald = float(estimate @ np.linalg.solve(rows @ self.covariance @ rows.T, estimate))
        scale, df = self._scale(rows)
        return FTest(scale * wald / len(rows), float(len(rows)), df)

    def _scale(self, L: FloatArray) -> tuple[float, float]:
        k = len(L)
        theta = L.T @ np.linalg.solve(L @ self.plain @ L.T, L)
        moved = theta @ self.slope  # Theta Phi P_h Phi, shape (h, q, q)
        h = len(moved)
        traces = np.trace(moved, axis1=1, axis2=2)
        a1 = float(traces @ self.of_theta @ traces)
        pairs = moved.reshape(h, -1) @ np.swapaxes(moved, 1, 2).reshape(h, -1).T
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
        mine, V = model.slopes_of(g, shape)
        h = len(V)
        own = of_theta[at : at + h, at : at + h]
        core = np.zeros_like(W[mine])
        for one, other in zip(V, np.tensordot(own, V, 1), strict=True):
            core += one @ W[mine] @ other
        if curved and shape.second is not None:
            core -= np.tensordot(own, curves_of(model, shape, mine), 2) / 4
        whole = (W[mine] @ core @ W[mine])[None]
        middle += model.summary.information(mine, whole)[0]
        at += h
    adjusted = phi + 2 * phi @ middle @ phi
    return KenwardRoger(state.beta, (adjusted + adjusted.T) / 2, phi, slope, of_theta)
