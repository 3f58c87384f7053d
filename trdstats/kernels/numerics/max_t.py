"""Joint inference on correlated estimates: the distribution of the largest statistic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import erfc

from trdstats.arrays import FloatArray
from trdstats.kernels.numerics.joint_tails import drawn_tails, joint_tails


@dataclass(frozen=True, slots=True)
class MaxT:
    """Single-step max-T inference on k estimates.

    Attributes
    ----------
    std_error : ndarray, shape (k,)
        From the influences: the root of their sum of squares.
    critical : float
        Joint critical value: all |z| stay below it with the confidence level under no effect.
    p_value : ndarray, shape (k,)
        Probability that the largest |z| of all is at least as large; NaN where there is none.
    n_effective : float
        Number of independent estimates that would need the same critical value (Sidak).
    relative_error : float
        Largest standard error of a p value, relative to it; 0 where all are exact.
    """

    std_error: FloatArray
    critical: float
    p_value: FloatArray
    n_effective: float
    relative_error: float


def max_t(
    estimate: FloatArray,
    influence: FloatArray,
    *,
    conf_level: float,
    draws: int,
    rng: np.random.Generator,
) -> MaxT:
    """Test estimates jointly by the joint normal distribution that their influences imply.

    Parameters
    ----------
    estimate : ndarray, shape (k,)
        Estimates, 0 under no effect; NaN where there is none.
    influence : ndarray, shape (n_subjects, k)
        First-order effect of each subject on each estimate: its cross-product is the covariance.
    conf_level : float
    draws : int
        Draws where the joint tail has no closed form; the relative error of a p value, however
        small it is, is of the order 1 / sqrt(draws).
    rng : numpy.random.Generator

    References
    ----------
    Hothorn, Bretz and Westfall 2008, doi:10.1002/bimj.200810425.
    """
    error = np.sqrt(np.einsum("ij,ij->j", influence, influence))
    usable = np.isfinite(estimate) & (error > 0)
    p_value = np.full(len(estimate), np.nan)
    if not usable.any():
        return MaxT(error, np.nan, p_value, np.nan, np.nan)
    unit = influence[:, usable] / error[usable]
    correlation = unit.T @ unit
    statistic = np.abs(estimate[usable] / error[usable])
    joint = joint_tails(correlation, statistic, conf_level=conf_level, draws=draws, rng=rng)
    p_value[usable] = joint.p_value
    effective = _effective(joint.critical, conf_level)
    worst = float(joint.relative_error.max())
    return MaxT(error, joint.critical, p_value, effective, worst)


def largest_tail(
    correlation: FloatArray, level: float, *, draws: int, rng: np.random.Generator
) -> float:
    """Return the probability that the largest |z| of a joint normal distribution reaches a level.

    The relative error stays near 1 / sqrt(draws) however small it is: see `drawn_tails`.

    Parameters
    ----------
    correlation : ndarray, shape (k, k)
    level : float
        0 or above.
    draws : int
    rng : numpy.random.Generator
    """
    return float(drawn_tails(correlation, np.array([level]), draws=draws, rng=rng)[0][0])


def _effective(critical: float, conf_level: float) -> float:
    tail = float(erfc(critical / np.sqrt(2)))
    return max(float(np.log(conf_level) / np.log1p(-tail)), 1.0)
