"""Logistic regression of the hazard in intervals of time, all coefficients courses over time.

The linear predictor of a row in interval t is c(t)' B z: c(t) the columns of a course, z those of
the row. Rows of one interval share c(t), so that sums over them need the products of z alone, and
no table with a column for each product of time and covariate is made.

References
----------
D'Agostino and others 1990, doi:10.1002/sim.4780091214 (pooled logistic regression).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import expit

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.numerics.newton_loglik import Surface, maximise, shortest
from trdstats.kernels.numerics.orthogonal import Orthogonal


@dataclass(frozen=True, slots=True)
class PooledHazards:
    """Rows in order of their intervals, made ready for fits with any weights.

    Attributes
    ----------
    rows : Orthogonal
        Columns of the rows, shape (P, r).
    stops : tuple of int
        Where the rows of each of the T intervals end.
    course : Orthogonal
        Columns of the course, shape (T, k).
    """

    rows: Orthogonal
    stops: tuple[int, ...]
    course: Orthogonal

    @classmethod
    def of(cls, Z: FloatArray, time: IntArray, course: FloatArray) -> PooledHazards:
        """Return them of rows of full rank whose times, 0 to T - 1, do not fall.

        Parameters
        ----------
        Z : ndarray, shape (P, r)
        time : ndarray of int, shape (P,)
        course : ndarray, shape (T, k)
        """
        stops = np.cumsum(np.bincount(time, minlength=len(course)))
        return cls(Orthogonal.of(Z), tuple(stops.tolist()), Orthogonal.of(course))

    def fit(self, y: FloatArray, weight: FloatArray) -> FloatArray:
        """Return the coefficients of the columns of a row in every interval, shape (T, r).

        Parameters
        ----------
        y : ndarray, shape (P,)
            1 where the event came.
        weight : ndarray, shape (P,)
            0 or more.
        """
        unit = float(weight.sum() / len(weight))
        size = self.course.columns.shape[1] * self.rows.columns.shape[1]
        top = maximise(
            partial(self._surface, y, weight), np.zeros(size), unit=unit, direction=shortest,
            is_last=lambda m: m.gain < 1e-10 * unit,
        )  # fmt: skip
        if top is None:
            raise ValueError("events, weights or covariates are not finite")
        return self.rows.coefficients(self._over_time(top.theta).T).T

    def _over_time(self, theta: FloatArray) -> FloatArray:
        return np.asarray(self.course.columns @ theta.reshape(self.course.columns.shape[1], -1))

    def _surface(self, y: FloatArray, weight: FloatArray, theta: FloatArray) -> Surface:
        course, beta = self.course.columns, self._over_time(theta)
        k, r = course.shape[1], beta.shape[1]
        loglik, score = 0.0, np.zeros((k, r))
        information = np.zeros((k, k, r, r))
        begin = 0
        for c, b, stop in zip(course, beta, self.stops, strict=True):
            Z, w, d = (v[begin:stop] for v in (self.rows.columns, weight, y))
            begin = stop
            eta = Z @ b
            mu = expit(eta)
            loglik += float(w @ (d * eta - np.logaddexp(0.0, eta)))
            score += np.outer(c, (w * (d - mu)) @ Z)
            products = (Z * (w * mu * (1 - mu))[:, None]).T @ Z
            information += np.outer(c, c)[:, :, None, None] * products
        flat = information.transpose(0, 2, 1, 3).reshape(k * r, k * r)
        return Surface(loglik, score.ravel(), flat)
