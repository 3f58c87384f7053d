"""Profile likelihood: limits and tests of one parameter, the others at their best each time.

Parameters are the fixed effects, then standard deviations and a correlation in place of the entries
of the Cholesky factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.glmm.deviations import deviations_of, entries_of
from trdstats.kernels.glmm.fit import MixedFit, Objective
from trdstats.kernels.glmm.rows import Rows
from trdstats.kernels.glmm.scaled import Scaled, scale_rows
from trdstats.kernels.numerics.newton_loglik import Optimum, Surface, maximise

_MOST = 25  # Newton steps
_TRIES = 12  # values of the parameter
_CLOSE = 1e-5  # of the signed root of the likelihood ratio


@dataclass(frozen=True)
class Profile:
    """The likelihood around a fit.

    Attributes
    ----------
    psi : ndarray, shape (q,)
        Estimates.
    covariance : ndarray, shape (q, q)
        Inverse observed information.
    loglik : float
    """

    psi: FloatArray
    covariance: FloatArray
    loglik: float
    _scaled: Scaled
    _objective: Objective
    _correlated: bool

    @classmethod
    def of(cls, rows: Rows, fit: MixedFit, points: int) -> Profile:
        """Build from a fit; its variances are not at the boundary."""
        p = rows.n_fixed
        deviations = deviations_of(rows.factor(fit.theta), correlated=rows.correlated)
        psi = np.concatenate((fit.theta[:p], deviations))
        J = np.eye(len(psi))
        J[p:, p:] = entries_of(deviations, correlated=rows.correlated)[1]
        covariance = np.asarray(np.linalg.inv(J.T @ fit.information @ J), dtype=float)
        scaled = scale_rows(rows)
        objective = Objective(scaled.rows, points)
        return cls(psi, covariance, fit.loglik, scaled, objective, rows.correlated)

    def _surface(self, psi: FloatArray) -> Surface | None:
        p = self._scaled.rows.n_fixed
        entries, inner = entries_of(psi[p:], correlated=self._correlated)
        if not np.isfinite(entries).all() or not np.isfinite(inner).all():
            return None
        J = np.eye(len(psi))
        J[p:, p:] = inner
        J = self._scaled.to_scaled @ J
        theta = self._scaled.to_scaled @ np.concatenate((psi[:p], entries))
        at = self._objective.steepest(theta)
        if at is None:
            return None
        return Surface(at.loglik, J.T @ at.score, J.T @ at.information @ J)

    def at(self, j: int, value: float, start: FloatArray) -> tuple[FloatArray, Surface] | None:
        """Return the best parameters with one of them held at a value; None without."""
        others = np.delete(np.arange(len(self.psi)), j)

        def surface(free: FloatArray) -> Surface | None:
            psi = np.empty(len(self.psi))
            psi[j], psi[others] = value, free
            whole = self._surface(psi)
            if whole is None:
                return None
            kept = np.ix_(others, others)
            return Surface(whole.loglik, whole.score[others], whole.information[kept])

        top: Optimum[Surface] | None = maximise(
            surface, start[others], longest=np.inf, most=_MOST,
            unit=float(self._scaled.rows.weight.mean()),
            is_last=lambda m: m.decrement < 1e-7,
        )  # fmt: skip
        if top is None or not top.decrement < 1e-5:
            return None
        psi = np.empty(len(self.psi))
        psi[j], psi[others] = value, top.theta
        whole = self._surface(psi)
        return None if whole is None else (psi, whole)

    def ratio_at(self, j: int, value: float) -> float:
        """Return twice the fall of the log-likelihood where a parameter has a value; NaN without.

        Parameters
        ----------
        j : int
        value : float
        """
        along = self.covariance[:, j] / self.covariance[j, j]
        held = self.at(j, value, self.psi + along * (value - self.psi[j]))
        if held is None:
            held = self.at(j, value, self.psi)
        if held is None:
            return float("nan")
        return max(2 * (self.loglik - held[1].loglik), 0.0)

    def limit(self, j: int, side: int, critical: float, *, bound: float = np.inf) -> float:
        """Return where the profile has fallen by half a critical value's square.

        Parameters
        ----------
        j : int
        side : {-1, 1}
        critical : float
            Normal quantile.
        bound : float
            End of the parameter's range on this side; returned where the profile does not fall so
            far. Infinite, of any sign, where there is none.

        Returns
        -------
        float
            NaN where it was not found.
        """
        error = float(np.sqrt(self.covariance[j, j]))
        along = self.covariance[:, j] / self.covariance[j, j]
        psi, value = self.psi, self.psi[j]
        room = abs(bound - value)
        if room == 0:
            return bound
        # The limit is farther than `inner` and nearer than `outer`.
        inner, outer = 0.0, room
        size = critical * error if critical * error < room else 0.9 * room
        for _ in range(_TRIES):
            target = value + side * size
            held = self.at(j, target, psi + along * (target - psi[j]))
            if held is None:
                outer = size
                size = (inner + outer) / 2
                if outer - inner < 1e-6 * error:
                    break
                continue
            psi, point = held
            root = np.sqrt(max(2 * (self.loglik - point.loglik), 0.0))
            gap = root - critical
            if abs(gap) < _CLOSE:
                return float(target)
            inner, outer = (size, outer) if gap < 0 else (inner, size)
            if room - inner < 1e-5 * room:
                return bound
            slope = -side * point.score[j] / root if root > 0 else 0.0
            size = size - gap / slope if slope > 0 else np.inf
            if not inner < size < outer:
                size = 2 * inner if np.isinf(outer) else (inner + outer) / 2
                # Towards the end of the range by large steps.
                size = inner + 0.99 * (outer - inner) if outer == room < np.inf else size
        return float("nan")
