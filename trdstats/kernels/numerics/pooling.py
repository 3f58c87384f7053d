"""One estimate and its error from many completed sets."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.numerics.critical import wald_limits
from trdstats.kernels.numerics.tails import t_sf


@dataclass(frozen=True, slots=True)
class Pool:
    """Pooled estimates of k quantities, each on its own scale.

    Attributes
    ----------
    estimate, std_error : ndarray, shape (k,)
    df : ndarray, shape (k,)
        Infinite where the reference distribution is normal.
    statistic, p_value, low, high : ndarray, shape (k,)
    fmi : ndarray, shape (k,)
        Fraction of the information that is missing; NaN but for Rubin's rules.
    mc_error : ndarray, shape (k,)
        Standard error of the estimate from the finite number of draws.
    covariance : ndarray, shape (k, k)
        Of the estimates. By Rubin's rules NaN between different ones: each set gives their
        errors alone.
    """

    estimate: FloatArray
    std_error: FloatArray
    df: FloatArray
    statistic: FloatArray
    p_value: FloatArray
    low: FloatArray
    high: FloatArray
    fmi: FloatArray
    mc_error: FloatArray
    covariance: FloatArray


def pool_rubin(
    estimate: FloatArray,
    std_error: FloatArray,
    df: FloatArray,
    conf_level: float,
    *,
    small_sample: bool = True,
) -> Pool:
    """Pool by Rubin's rules with the degrees of freedom of Barnard and Rubin.

    Q = mean of estimates, T = U + (1 + 1/M) B, lambda = (1 + 1/M) B / T;
    1/nu = lambda^2 / (M - 1) + (nu_c + 3) / ((nu_c + 1) nu_c (1 - lambda)), and without the
    correction for small samples nu = (M - 1) / lambda^2 (Rubin 1987, equation 3.1.6).

    Parameters
    ----------
    estimate, std_error : ndarray, shape (M, k)
    df : ndarray, shape (M, k)
        Degrees of freedom of each set; infinite for normal ones. Their mean is nu_c.
    conf_level : float
    small_sample : bool
        Whether the degrees of freedom are those of Barnard and Rubin, which never exceed those of
        the complete data, else Rubin's of 1987.

    References
    ----------
    Rubin 1987, doi:10.1002/9780470316696; Barnard and Rubin 1999, Biometrika 86:948-955,
    doi:10.1093/biomet/86.4.948, equation 3.
    """
    M = len(estimate)
    centre = estimate.mean(axis=0)
    within = (std_error**2).mean(axis=0)
    between = estimate.var(axis=0, ddof=1)
    extra = (1 + 1 / M) * between
    total = within + extra
    with np.errstate(divide="ignore", invalid="ignore"):
        missing_fraction = extra / total
        complete = df.mean(axis=0)
        old = missing_fraction**2 / (M - 1)
        observed = np.where(
            np.isinf(complete) | (not small_sample),
            0.0,
            (complete + 3) / ((complete + 1) * complete * (1 - missing_fraction)),
        )
        adjusted = 1 / (old + observed)
        ratio = extra / within
        fmi = np.where(
            np.isinf(adjusted), missing_fraction, (ratio + 2 / (adjusted + 3)) / (ratio + 1)
        )
    # Without missing values there is nothing but rounding between the sets.
    fmi = np.where(between > 1e-20 * within, fmi, 0.0)
    covariance = np.full((len(total), len(total)), np.nan)
    np.fill_diagonal(covariance, total)
    return _with_distribution(centre, covariance, adjusted, conf_level, fmi, np.sqrt(between / M))


def pool_jackknife(estimate: FloatArray, conf_level: float) -> Pool:
    """Pool by the jackknife: the first row is of all subjects, each other leaves one out.

    Variance (n - 1) / n sum (theta_i - mean)^2, normal distribution.

    References
    ----------
    Efron and Tibshirani 1993, doi:10.1007/978-1-4899-4541-2, chapter 11.
    """
    effect = jackknife_influence(estimate)
    return _normal(estimate[0], effect.T @ effect, conf_level, np.zeros(estimate.shape[1]))


def jackknife_influence(estimate: FloatArray) -> FloatArray:
    """Return the effect of each subject, shape (n, k), from estimates as in `pool_jackknife`."""
    out = estimate[1:]
    n = len(out)
    return np.asarray(np.sqrt((n - 1) / n) * (out.mean(axis=0) - out))


def pool_bootstrap(estimate: FloatArray, conf_level: float, *, percentile: bool) -> Pool:
    """Pool by the bootstrap: the first row is of all subjects, the others of resamples.

    Normal: the standard deviation of the resamples. Percentile: their quantiles, and twice the
    smaller proportion beyond 0, at least 2 / (n + 1), as the p value.

    References
    ----------
    Efron and Tibshirani 1993, doi:10.1007/978-1-4899-4541-2, chapters 12 and 13.
    """
    drawn = estimate[1:]
    n = len(drawn)
    covariance = np.atleast_2d(np.cov(drawn, rowvar=False))
    error = np.sqrt(np.diag(covariance))
    pooled = _normal(estimate[0], covariance, conf_level, error / np.sqrt(n))
    if not percentile:
        return pooled
    tail = (1 - conf_level) / 2
    # Quantiles at (i) / (n + 1), as type 6 of R: with few resamples the tails are not cut short.
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0, method="weibull")
    beyond = np.minimum((drawn <= 0).sum(axis=0), (drawn >= 0).sum(axis=0)) + 1
    p = np.minimum(2 * beyond / (n + 1), 1.0)
    nothing = np.full(len(p), np.nan)
    return replace(pooled, statistic=nothing, p_value=p, low=low, high=high)


def _normal(centre: FloatArray, covariance: FloatArray, conf_level: float, mc: FloatArray) -> Pool:
    k = len(centre)
    return _with_distribution(
        centre, covariance, np.full(k, np.inf), conf_level, np.full(k, np.nan), mc
    )


def _with_distribution(
    centre: FloatArray,
    covariance: FloatArray,
    df: FloatArray,
    conf_level: float,
    fmi: FloatArray,
    mc: FloatArray,
) -> Pool:
    error = np.sqrt(np.diag(covariance))
    low, high = wald_limits(centre, error, conf_level, df)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = centre / error
    p = 2 * t_sf(np.abs(statistic), df)
    return Pool(
        centre, error, df, statistic, p, low, high, fmi, mc, covariance,
    )  # fmt: skip
