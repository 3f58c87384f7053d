"""Inference on the columns of a design from that on the parameters of a likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.gaussian.mixed_tests import FTest, Inference, independent_rows


@dataclass(frozen=True)
class NormalInference(Inference):
    """Wald inference with normal statistics.

    Attributes
    ----------
    beta : ndarray, shape (q,)
        Coefficients of the estimated columns of the design; 0 for the intercept of an ordinal
        model, in whose place thresholds stand.
    covariance : ndarray, shape (q, q)
    root : ndarray, shape (q, m)
        A root of the covariance.
    """

    beta: FloatArray
    covariance: FloatArray
    root: FloatArray

    def covariances(self, L: FloatArray) -> FloatArray:
        """Return the covariance of L beta, from the root: it keeps the digits far from 0."""
        part = L @ self.root
        return np.asarray(part @ part.T)

    def degrees(self, L: FloatArray) -> FloatArray:
        """Return infinite degrees of freedom, shape (k,)."""
        return np.full(len(L), np.inf)

    def f_test(self, L: FloatArray) -> FTest:
        """Test all rows of L together; the statistic times its numerator is chi-squared."""
        rows = independent_rows(L, self.covariance)[0]
        if not len(rows):
            return FTest(np.nan, 0.0, np.nan)
        value = rows @ self.beta
        wald = float(value @ np.linalg.solve(rows @ self.covariance @ rows.T, value))
        return FTest(wald / len(rows), float(len(rows)), np.inf)
