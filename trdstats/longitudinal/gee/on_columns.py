"""Inference on the columns of a design, from that on the parameters of the equations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray
from trdstats.kernels.gaussian.mixed_tests import FTest, Inference
from trdstats.longitudinal.designs.rated_outcome import RatedDesign
from trdstats.longitudinal.gee.equations import Equations
from trdstats.threads import one_thread


@dataclass(frozen=True)
class OnColumns(Inference):
    """Inference on the estimated columns of a design.

    An ordinal model has thresholds beside the effects, and they stand for the intercept: its
    coefficient is 0.

    Attributes
    ----------
    inner : Inference
        On the parameters: thresholds, then effects.
    matrix : ndarray, shape (q, p)
        Coefficients on the parameters of each estimated column.
    """

    inner: Inference
    matrix: FloatArray

    @property
    def beta(self) -> FloatArray:  # type: ignore[override]
        """Coefficients, shape (q,)."""
        return self.matrix @ self.inner.beta

    @property
    def covariance(self) -> FloatArray:  # type: ignore[override]
        """Covariance of the coefficients, shape (q, q)."""
        return self.matrix @ self.inner.covariance @ self.matrix.T

    def rests_on_one(self, L: FloatArray) -> BoolArray:
        """Return whether the error of each row of L is not estimable."""
        return self.inner.rests_on_one(L @ self.matrix)

    def covariances(self, L: FloatArray) -> FloatArray:
        """Return the covariance of L beta."""
        return self.inner.covariances(L @ self.matrix)

    @one_thread
    def degrees(self, L: FloatArray) -> FloatArray:
        """Return the degrees of freedom of each row of L."""
        return self.inner.degrees(L @ self.matrix)

    @one_thread
    def f_test(self, L: FloatArray) -> FTest:
        """Test all rows of L together."""
        return self.inner.f_test(L @ self.matrix)


def on_columns(design: RatedDesign, equations: Equations, inner: Inference) -> OnColumns:
    """Return the inference on the estimated columns of a design."""
    kept = [int(j) for j in equations.columns.kept]
    k = max(len(design.categories) - 1, 0)
    matrix = np.zeros((len(kept), len(inner.beta)))
    at = k
    for i, j in enumerate(kept):
        if k and design.terms[j] == "Intercept":
            continue
        matrix[i, at] = 1.0
        at += 1
    return OnColumns(inner, matrix)
