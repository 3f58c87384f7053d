"""Joint inference on correlated estimates: the distribution of the largest statistic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import erfc
from scipy.stats import norm

FloatArray = npt.NDArray[np.float64]

_CHUNK = 10_000  # draws held at once: k columns of 80 kB


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
    """

    std_error: FloatArray
    critical: float
    p_value: FloatArray
    n_effective: float


def max_t(
    estimate: FloatArray,
    influence: FloatArray,
    *,
    conf_level: float,
    draws: int,
    rng: np.random.Generator,
) -> MaxT:
    """Judge estimates together by the joint normal law their influences imply.

    Parameters
    ----------
    estimate : ndarray, shape (k,)
        Estimates, 0 under no effect; NaN where there is none.
    influence : ndarray, shape (n_subjects, k)
        First-order effect of each subject on each estimate: its cross-product is the covariance.
    conf_level : float
    draws : int
        Draws from the joint law; the error of a p value is sqrt(p (1 - p) / draws).
    rng : numpy.random.Generator

    References
    ----------
    Hothorn, Bretz and Westfall 2008, doi:10.1002/bimj.200810425.
    """
    error = np.sqrt(np.einsum("ij,ij->j", influence, influence))
    usable = np.isfinite(estimate) & (error > 0)
    p_value = np.full(len(estimate), np.nan)
    if not usable.any():
        return MaxT(error, np.nan, p_value, np.nan)
    # R'R is the correlation: normal draws times R have it, whatever its rank.
    root = np.asarray(np.linalg.qr(influence[:, usable] / error[usable], mode="r"))
    largest = np.empty(draws)
    for start in range(0, draws, _CHUNK):
        n = min(_CHUNK, draws - start)
        z = rng.standard_normal((n, root.shape[0])) @ root
        largest[start : start + n] = np.abs(z).max(axis=1)
    largest.sort()
    statistic = np.abs(estimate[usable] / error[usable])
    # Counting the observed set among the draws keeps p above 0.
    beyond = draws - np.searchsorted(largest, statistic) + 1
    p_value[usable] = beyond / (draws + 1)
    critical = float(np.quantile(largest, conf_level))
    return MaxT(error, critical, p_value, _effective(critical, conf_level))


def largest_tail(
    correlation: FloatArray, level: float, *, draws: int, rng: np.random.Generator
) -> float:
    """Return the probability that the largest |z| of a joint normal law reaches a level.

    Each draw puts one z beyond the level, the others by the law given it, and counts how many are
    beyond: the sum of the single tails, divided by the mean count of the draws, is the probability
    of their union. The relative error stays near 1 / sqrt(draws) however small it is.

    Parameters
    ----------
    correlation : ndarray, shape (k, k)
    level : float
        0 or above.
    draws : int
    rng : numpy.random.Generator

    References
    ----------
    Owen, Maximov and Chertkov 2019, doi:10.1214/18-EJS1527 (equation 9).
    """
    k = len(correlation)
    tail = float(norm.sf(level))
    values, vectors = np.linalg.eigh(correlation)
    z = rng.standard_normal((draws, k)) @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
    which = rng.integers(0, k, draws)
    beyond = norm.isf(tail * rng.uniform(size=draws)) * rng.choice([-1.0, 1.0], draws)
    row = np.arange(draws)
    z += correlation[which] * (beyond - z[row, which])[:, None]
    z[row, which] = beyond
    count = (np.abs(z) >= level).sum(axis=1)
    return float(2 * k * tail * np.mean(1 / np.maximum(count, 1)))


def _effective(critical: float, conf_level: float) -> float:
    tail = float(erfc(critical / np.sqrt(2)))
    return max(float(np.log(conf_level) / np.log1p(-tail)), 1.0)
