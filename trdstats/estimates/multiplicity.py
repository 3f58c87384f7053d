"""Estimates judged together: p-values and critical value of the largest statistic of a family."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.numerics.joint_tails import joint_tails

_DRAWS = 100_000  # relative error of a p-value near 0.2 % for a few contrasts
_SEED = 19970901  # any number will do; a fixed one gives the same p-values tomorrow


@dataclass(frozen=True, slots=True)
class SingleStep:
    """Single-step adjustment of a family of estimates.

    Attributes
    ----------
    p_value : ndarray, shape (k,)
        Probability that the largest statistic of the family is at least as large, under no
        effect; NaN where there is no estimate, which then takes no part in the family.
    critical : float
        All statistics stay below it with the confidence level under no effect.
    relative_error : float
        Largest standard error of a p-value relative to it; 0 where they were computed by
        quadrature.
    """

    p_value: FloatArray
    critical: float
    relative_error: float


def adjust_single_step(
    statistic: FloatArray, covariance: FloatArray, *, df: float, conf_level: float
) -> SingleStep:
    """Judge estimates together by the joint t distribution of their statistics.

    Parameters
    ----------
    statistic : ndarray, shape (k,)
        Estimates over their standard errors; NaN where there is no estimate.
    covariance : ndarray, shape (k, k)
        Of the estimates, on any scale.
    df : float
        Degrees of freedom; infinite for a joint normal distribution.
    conf_level : float

    Notes
    -----
    Where each correlation is a product of two loadings (two contrasts always; many against one
    reference in a balanced design) the tail is integrated to about 1e-8 of itself. Elsewhere it
    is drawn by importance sampling with a fixed seed; its error is relative to the p-value,
    however small that is.

    References
    ----------
    Dunnett 1955, doi:10.1080/01621459.1955.10501294; Hothorn, Bretz and Westfall 2008,
    doi:10.1002/bimj.200810425.
    """
    p_value = np.full(len(statistic), np.nan)
    variance = np.diag(covariance)
    known = np.isfinite(statistic) & (variance > 0)
    if not known.any() or not df > 0:
        return SingleStep(p_value, np.nan, np.nan)
    sd = np.sqrt(variance[known])
    correlation = covariance[np.ix_(known, known)] / np.outer(sd, sd)
    joint = joint_tails(
        correlation,
        np.abs(statistic[known]),
        conf_level=conf_level,
        df=df,
        draws=_DRAWS,
        rng=np.random.default_rng(_SEED),
    )
    p_value[known] = joint.p_value
    return SingleStep(p_value, joint.critical, float(joint.relative_error.max()))
