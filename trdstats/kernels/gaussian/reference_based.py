"""What a subject's visits would be after an intercurrent event, and draws of the missing ones.

A strategy turns the normal distributions under a subject's own arm and under a reference arm into
the distribution of the subject's visits; missing visits are then drawn from it given the observed
ones.

References
----------
Carpenter, Roger and Kenward 2013, J Biopharm Stat 23:1352-1371,
doi:10.1080/10543406.2013.834911 (section 3 and appendix).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class VisitDistribution:
    """A normal distribution of the visits.

    Attributes
    ----------
    mean : ndarray, shape (..., T)
    covariance : ndarray, shape (..., T, T)
        Leading axes broadcast against those of the mean.
    """

    mean: FloatArray
    covariance: FloatArray


def jump(
    assigned: VisitDistribution, reference: VisitDistribution, before: BoolArray
) -> VisitDistribution:
    """Jump to reference: from the event on the mean of the reference.

    Parameters
    ----------
    assigned, reference : VisitDistribution
    before : ndarray of bool, shape (T,)
        Visits before the event.
    """
    mean = np.where(before, assigned.mean, reference.mean)
    return VisitDistribution(mean, _joined(assigned.covariance, reference.covariance, before))


def copy_increments(
    assigned: VisitDistribution, reference: VisitDistribution, before: BoolArray
) -> VisitDistribution:
    """Copy increments: from the event on the mean changes as that of the reference does."""
    if not before.any():
        return reference
    last = int(np.flatnonzero(before)[-1])
    level = assigned.mean[..., last, None] - reference.mean[..., last, None]
    mean = np.where(before, assigned.mean, reference.mean + level)
    return VisitDistribution(mean, _joined(assigned.covariance, reference.covariance, before))


def carry_last_mean(assigned: VisitDistribution, before: BoolArray) -> VisitDistribution:
    """Carry the last mean forward: from the event on the mean of the last visit before it."""
    if not before.any():
        return assigned
    last = int(np.flatnonzero(before)[-1])
    return VisitDistribution(
        np.where(before, assigned.mean, assigned.mean[..., last, None]), assigned.covariance
    )


def _joined(assigned: FloatArray, reference: FloatArray, before: BoolArray) -> FloatArray:
    """Return the covariance: assigned arm before the event, regression of the reference after.

    S_11 = O_11, S_21 = R_21 R_11^-1 O_11, S_22 = R_22 - R_21 R_11^-1 (R_11 - O_11) R_11^-1 R_12.
    """
    if assigned is reference or not before.any():
        return reference
    a, b = np.flatnonzero(before), np.flatnonzero(~before)
    if not len(b):
        return assigned
    assigned, reference = np.broadcast_arrays(assigned, reference)
    early, late = (..., a[:, None], a), (..., b[:, None], a)
    slope = np.swapaxes(
        np.linalg.solve(reference[early], np.swapaxes(reference[late], -1, -2)), -1, -2
    )
    result = assigned.copy()
    cross = slope @ assigned[early]
    result[late] = cross
    result[..., a[:, None], b] = np.swapaxes(cross, -1, -2)
    spare = reference[early] - assigned[early]
    result[..., b[:, None], b] = reference[..., b[:, None], b] - slope @ spare @ np.swapaxes(
        slope, -1, -2
    )
    return result


def impute(
    distribution: VisitDistribution,
    observed: FloatArray,
    rated: BoolArray,
    noise: FloatArray | None,
) -> FloatArray:
    """Return the missing visits of subjects that share their pattern, given the observed ones.

    Parameters
    ----------
    distribution : VisitDistribution
        Means (B, k, T), covariances (B, 1, T, T).
    observed : ndarray, shape (k, T)
    rated : ndarray of bool, shape (T,)
    noise : ndarray, shape (B, k, m), or None
        Standard normal numbers for the m missing visits; None for conditional means.

    Returns
    -------
    ndarray, shape (B, k, m)
    """
    at_observed, missing = np.flatnonzero(rated), np.flatnonzero(~rated)
    V = distribution.covariance
    value = distribution.mean[..., missing]
    rest = V[..., missing[:, None], missing]
    if len(at_observed):
        across = V[..., at_observed[:, None], missing]
        pull = np.linalg.solve(V[..., at_observed[:, None], at_observed], across)
        residual = observed[:, at_observed] - distribution.mean[..., at_observed]
        value = value + (residual[..., None, :] @ pull)[..., 0, :]
        rest = rest - np.swapaxes(across, -1, -2) @ pull
    if noise is not None:
        root = np.linalg.cholesky((rest + np.swapaxes(rest, -1, -2)) / 2)
        value = value + (root @ noise[..., None])[..., 0]
    return np.asarray(value)
