"""Convergence of chains of draws, and their effective sample size.

References
----------
Vehtari, Gelman, Simpson, Carpenter and Burkner 2021, Bayesian Anal 16:667-718,
doi:10.1214/20-BA1221, sections 3 and 4.
"""

from __future__ import annotations

import numpy as np
import scipy
from scipy.special import ndtri

from trdstats.arrays import FloatArray


def split_rhat(draws: FloatArray) -> FloatArray:
    """Return rank-normalised split R-hat: near 1 when all halves of all chains agree.

    Parameters
    ----------
    draws : ndarray, shape (n, K, k)
        Draws, chains, quantities.

    Returns
    -------
    ndarray, shape (k,)
        The larger of the value of location and that of spread; NaN with fewer than 4 draws a
        chain.
    """
    if len(draws) < 4:
        return np.full(draws.shape[2], np.nan)
    halves = _split(draws)
    centre = np.median(halves.reshape(-1, halves.shape[2]), axis=0)
    return np.maximum(_rhat(_normalised(halves)), _rhat(_normalised(np.abs(halves - centre))))


def bulk_size(draws: FloatArray) -> FloatArray:
    """Return the effective number of draws in the bulk of each quantity, shape (k,).

    Parameters
    ----------
    draws : ndarray, shape (n, K, k)
    """
    if len(draws) < 8:
        return np.full(draws.shape[2], np.nan)
    z = _normalised(_split(draws))
    n, m, _ = z.shape
    centred = z - z.mean(axis=0)
    size = 1 << (2 * n - 1).bit_length()
    power = np.abs(np.fft.rfft(centred, size, axis=0)) ** 2
    covariance = np.fft.irfft(power, size, axis=0)[:n] / n
    within = (covariance[0] * n / (n - 1)).mean(axis=0)
    plus = within * (n - 1) / n + (z.mean(axis=0).var(axis=0, ddof=1) if m > 1 else 0.0)
    rho = 1 - (within - covariance.mean(axis=1) * n / (n - 1)) / plus
    rho[0] = 1.0
    return np.array([m * n / _time(autocorrelation) for autocorrelation in rho.T]).clip(
        max=m * n * np.log10(m * n)
    )


def _time(rho: FloatArray) -> float:
    """Return the autocorrelation time by Geyer's initial monotone sequence of pairs."""
    even = len(rho) // 2 * 2
    pairs = rho[:even].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs <= 0)
    pairs = pairs[: negative[0] if len(negative) else len(pairs)]
    return max(float(2 * np.minimum.accumulate(pairs).sum() - 1), 1e-12)


def _split(draws: FloatArray) -> FloatArray:
    half = len(draws) // 2
    return np.concatenate([draws[:half], draws[-half:]], axis=1)


def _normalised(draws: FloatArray) -> FloatArray:
    n, m, k = draws.shape
    rank = scipy.stats.rankdata(draws.reshape(n * m, k), axis=0)
    return np.asarray(ndtri((rank - 3 / 8) / (n * m + 1 / 4)).reshape(n, m, k))


def _rhat(z: FloatArray) -> FloatArray:
    n = len(z)
    within = z.var(axis=0, ddof=1).mean(axis=0)
    between = z.mean(axis=0).var(axis=0, ddof=1)
    return np.asarray(np.sqrt((n - 1) / n + between / within))
