"""Rank tests of several groups: within strata (van Elteren) and given covariates (Quade).

References
----------
van Elteren 1960, Bull Int Stat Inst 37:351-361. Lehmann 1975, Nonparametrics, section 3.3.
SAS/STAT, PROC FREQ: CMH statistics with modified ridit scores. Quade 1967, J Am Stat Assoc
62:1187-1200, doi:10.1080/01621459.1967.10500925. Stokes, Davis and Koch 2012, Categorical Data
Analysis Using SAS, 3rd ed., chapter 7 (ranks, covariates and strata).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.numerics.tails import chi2_sf, f_sf


@dataclass(frozen=True, slots=True)
class RankTest:
    """A test of groups.

    Attributes
    ----------
    statistic : float
        Chi-squared or F; NaN where nothing varies.
    df : float
    df_error : float
        Infinite for chi-squared.
    p_value : float
    """

    statistic: float
    df: float
    df_error: float
    p_value: float


def mean_score_test(score: FloatArray, group: IntArray, stratum: IntArray, K: int) -> RankTest:
    """Test whether mean scores differ between groups, by randomisation within strata.

    Parameters
    ----------
    score : ndarray, shape (n,)
    group : ndarray of int, shape (n,)
        0 to K - 1.
    stratum : ndarray of int, shape (n,)
    K : int

    Returns
    -------
    RankTest
        Cochran-Mantel-Haenszel statistic of row mean scores on K - 1 degrees of freedom, fewer
        where groups never share a stratum.
    """
    gap, variance = np.zeros(K), np.zeros((K, K))
    for s in np.unique(stratum):
        in_stratum = stratum == s
        a, code = score[in_stratum], group[in_stratum]
        n = len(a)
        if n < 2:
            continue
        sizes = np.bincount(code, minlength=K).astype(np.float64)
        sums = np.bincount(code, weights=a, minlength=K)
        gap += sums - sizes * a.mean()
        spread = float(((a - a.mean()) ** 2).sum()) / (n * (n - 1))
        variance += spread * (n * np.diag(sizes) - np.outer(sizes, sizes))
    size = float(np.trace(variance))
    if not size > 0:
        return RankTest(np.nan, np.nan, np.inf, np.nan)
    values, vectors = np.linalg.eigh(variance)
    kept = values > 1e-10 * size
    along = vectors.T[kept] @ gap
    statistic, df = float((along**2 / values[kept]).sum()), int(kept.sum())
    return RankTest(statistic, float(df), np.inf, float(chi2_sf(statistic, df)))


def modified_ridits(y: FloatArray, stratum: IntArray) -> FloatArray:
    """Return ranks within strata over (size of the stratum + 1), ties averaged."""
    scores = np.empty(len(y))
    for s in np.unique(stratum):
        in_stratum = stratum == s
        scores[in_stratum] = scipy.stats.rankdata(y[in_stratum]) / (in_stratum.sum() + 1)
    return scores


def van_elteren(y: FloatArray, group: IntArray, stratum: IntArray, K: int) -> RankTest:
    """Test whether groups differ, by ranks within strata weighted by 1 / (n + 1)."""
    return mean_score_test(modified_ridits(y, stratum), group, stratum, K)


def quade(y: FloatArray, covariates: FloatArray, group: IntArray, K: int) -> RankTest:
    """Test whether groups differ given covariates, by the analysis of variance of residual ranks.

    Parameters
    ----------
    y : ndarray, shape (n,)
    covariates : ndarray, shape (n, q)
    group : ndarray of int, shape (n,)
    K : int
    """
    n = len(y)
    residual = residual_ranks(y, covariates, np.zeros(n, dtype=np.intp))
    sizes = np.bincount(group, minlength=K)
    sums = np.bincount(group, weights=residual, minlength=K)
    used = sizes > 0
    between = float((sums[used] ** 2 / sizes[used]).sum())
    within = float(residual @ residual) - between
    df, rest = int(used.sum()) - 1, n - int(used.sum())
    if df < 1 or rest < 1 or not within > 1e-10 * max(between, 1e-300) or not residual.any():
        return RankTest(np.nan, np.nan, np.nan, np.nan)
    statistic = (between / df) / (within / rest)
    return RankTest(statistic, float(df), float(rest), float(f_sf(statistic, df, rest)))


def residual_ranks(y: FloatArray, covariates: FloatArray, stratum: IntArray) -> FloatArray:
    """Return what ranks of covariates leave of the ranks of the outcome, within strata.

    Ranks of several strata are over (size of the stratum + 1), so that strata count alike.
    """
    scores = np.zeros(len(y))
    strata = np.unique(stratum)
    for s in strata:
        in_stratum = stratum == s
        unit = 1.0 if len(strata) == 1 else in_stratum.sum() + 1.0
        ranks = scipy.stats.rankdata(y[in_stratum]) / unit
        beside = [scipy.stats.rankdata(c) / unit for c in covariates[in_stratum].T]
        design = np.column_stack([np.ones(int(in_stratum.sum())), *beside])
        fitted = design @ np.linalg.lstsq(design, ranks, rcond=None)[0]
        rest = ranks - fitted
        # What is left of ranks that the covariates determine is rounding.
        scores[in_stratum] = np.where(np.abs(rest) < 1e-10 * ranks.max(), 0.0, rest)
    return scores
