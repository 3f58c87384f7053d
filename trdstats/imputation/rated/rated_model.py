"""The imputation model of a rated outcome: a GLMM, with designs at all visits."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import NotEstimableError, warn
from trdstats.imputation.model import designs
from trdstats.imputation.trial.layout import Layout
from trdstats.longitudinal import GLMM, GLMMResult


@dataclass(frozen=True)
class RatedModel:
    """A GLMM fitted to the ratings that inform it.

    Attributes
    ----------
    result : GLMMResult
    design : ndarray, shape (a, n, T, q)
        Design of every subject and visit under every arm, columns with a coefficient.
    place : ndarray of int, shape (K + 1,)
        Place of each category of the fit among those of the outcome.
    """

    result: GLMMResult
    design: FloatArray
    place: IntArray

    @property
    def n_thresholds(self) -> int:
        """Thresholds among the parameters; 0 of a binary outcome."""
        return self.result.fitted.n_thresholds

    def thresholds(self, theta: FloatArray) -> FloatArray:
        """Return the thresholds of every draw, shape (M, K); 0 of a binary outcome."""
        K = self.n_thresholds
        return theta[:, :K] if K else np.zeros((len(theta), 1))

    def coefficients(self, theta: FloatArray) -> FloatArray:
        """Return the coefficients of every draw, shape (M, q)."""
        K = self.n_thresholds
        return theta[:, K : K + self.design.shape[-1]]

    def deviation(self, theta: FloatArray) -> FloatArray:
        """Return the standard deviation of the random intercept in every draw, shape (M,)."""
        return theta[:, -1]


def fit_rated_model(layout: Layout, model: GLMM, used: BoolArray) -> RatedModel:
    """Fit the imputation model to the ratings that inform it.

    Raises
    ------
    NotEstimableError
        When the model cannot be fitted, or predicts ratings without error.
    """
    frame = layout.model_grid(np.where(used, layout.y, np.nan))
    # A visit that was planned and has no rows is still a step between its neighbours.
    frame[layout.visit] = frame[layout.visit].cat.set_categories(layout.planned)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = model.fit(frame, subject=layout.subject, visit=layout.visit)
    if result.separation:
        raise NotEstimableError(
            f"The imputation model is separated: {result.separation}. Missing ratings there would "
            "be imputed as if they were certain. Leave an interaction out, merge categories, or "
            "leave early visits out (days=...)."
        )
    for warning in caught:
        warn(warning.message)
    X = designs(layout, result.design, result.fitted.columns)
    kept = result.fitted.columns.kept
    X = X[..., np.isin(kept, result.fitted.estimated)]
    codes = result.design.categories or (0, 1)
    return RatedModel(result, X, np.array(codes, dtype=np.intp))
