"""Parameters of a fit with their covariance and the influence of every subject on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from trdstats.arrays import FloatArray, ObjectArray
from trdstats.kernels.glmm.deviations import deviations_of, entries_of
from trdstats.longitudinal.designs.rated_outcome import RatedOutcome
from trdstats.longitudinal.glmm.fitted import FittedGLMM


@dataclass(frozen=True)
class Parameters:
    """Estimates of thresholds, coefficients and the factor of the random effects' covariance.

    Attributes
    ----------
    theta : ndarray, shape (q,)
    root : ndarray, shape (q, m)
        A root of the covariance; 0 for what is estimated at the boundary: it is held there.
    influence : ndarray, shape (n, q)
        Of all subjects, the estimation of weights included.
    subjects : ndarray of object, shape (n,)
    """

    theta: FloatArray
    root: FloatArray
    influence: FloatArray
    subjects: ObjectArray

    @property
    def covariance(self) -> FloatArray:
        """Covariance of the parameters, shape (q, q)."""
        return self.root @ self.root.T


def parameters_of(design: RatedOutcome, fitted: FittedGLMM, *, robust: bool) -> Parameters:
    """Return the parameters of a fit.

    Parameters
    ----------
    design : RatedOutcome
    fitted : FittedGLMM
    robust : bool
        Whether the covariance is the cross-product of the influences.
    """
    fit, rows = fitted.fit, fitted.rows
    q = len(fit.theta)
    influence = np.zeros((len(design.subjects), q))
    influence[fitted.analysed] = ((fit.scores * rows.weight[:, None]) @ fit.root) @ fit.root.T
    subjects: Any = np.asarray(design.subjects, dtype=object)
    if design.weighting is not None:
        influence = design.weighting.through(influence)
        subjects = design.weighting.subjects(subjects)
    root = influence.T if robust else fit.root
    return Parameters(fit.theta, np.asarray(root), influence, subjects)


@dataclass(frozen=True)
class Deviations:
    """Standard deviations of the random effects and their correlation.

    Attributes
    ----------
    names : tuple of str
    value : ndarray, shape (k,)
    covariance : ndarray, shape (k, k)
        NaN at the boundary.
    """

    names: tuple[str, ...]
    value: FloatArray
    covariance: FloatArray


def deviations(parameters: Parameters, fitted: FittedGLMM, names: tuple[str, ...]) -> Deviations:
    """Return standard deviations and correlation with their covariance."""
    p, rows = fitted.rows.n_fixed, fitted.rows
    value = deviations_of(rows.factor(parameters.theta), correlated=rows.correlated)
    labels = [f"sd({name})" for name in names]
    if len(value) > len(names):
        labels.append(f"cor({', '.join(names)})")
    covariance = np.full((len(value), len(value)), np.nan)
    if not fitted.fit.at_zero.any():
        slope = np.linalg.inv(entries_of(value, correlated=rows.correlated)[1])
        covariance = slope @ parameters.covariance[p:, p:] @ slope.T
    return Deviations(tuple(labels), value, np.asarray(covariance))
