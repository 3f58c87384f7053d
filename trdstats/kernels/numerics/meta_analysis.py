"""Inverse-variance pooling of estimates from several trials, with what separates them.

References
----------
DerSimonian and Laird 1986, Control Clin Trials 7:177-188, doi:10.1016/0197-2456(86)90046-2; Paule
and Mandel 1982, J Res Natl Bur Stand 87:377-385, doi:10.6028/jres.087.022; Viechtbauer 2005,
J Educ Behav Stat 30:261-293, doi:10.3102/10769986030003261; Hartung and Knapp 2001, Stat Med
20:3875-3889, doi:10.1002/sim.1009; Higgins and Thompson 2002, Stat Med 21:1539-1558,
doi:10.1002/sim.1186; Higgins, Thompson and Spiegelhalter 2009, J R Stat Soc A 172:137-159,
doi:10.1111/j.1467-985X.2008.00552.x.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from trdstats.arrays import FloatArray
from trdstats.kernels.numerics.critical import critical_value
from trdstats.kernels.numerics.tails import chi2_sf, t_sf

METHODS = ("fixed", "dersimonian-laird", "reml", "paule-mandel")


@dataclass(frozen=True, slots=True)
class Pooled:
    """A pooled estimate.

    Attributes
    ----------
    estimate, std_error : float
    statistic, df, p_value : float
        Test of 0: z with infinite df, t with k - 1 after Hartung and Knapp.
    low, high : float
        Confidence limits.
    prediction_low, prediction_high : float
        Limits for the effect of a new trial, from the same distribution as the confidence
        limits; NaN for the fixed effect, which knows of no other effect.
    tau2 : float
        Variance of the effects between trials.
    I2 : float
        Share of the variation that lies between trials, 0 to 1.
    Q, Q_df, Q_p : float
        Cochran's test of one common effect.
    weight : ndarray, shape (k,)
        Weights, summing to 1.
    """

    estimate: float
    std_error: float
    statistic: float
    df: float
    p_value: float
    low: float
    high: float
    prediction_low: float
    prediction_high: float
    tau2: float
    I2: float
    Q: float
    Q_df: float
    Q_p: float
    weight: FloatArray


def pool(
    y: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    method: str,
    conf_level: float,
    hartung_knapp: bool = False,
    least_factor: float = 0.0,
) -> Pooled:
    """Pool estimates.

    Parameters
    ----------
    y : array_like, shape (k,)
        Estimates, logarithms for ratios; at least two.
    variance : array_like, shape (k,)
        Their variances, positive and taken as known.
    method : {"fixed", "dersimonian-laird", "reml", "paule-mandel"}
        How the variance between trials is estimated; "fixed" sets it to 0.
    conf_level : float
    hartung_knapp : bool
        Variance from the weighted spread of the trials, with t of k - 1 degrees of freedom.
    least_factor : float
        Smallest factor by which Hartung and Knapp may change the variance: 0 as they have it, 1
        so that the interval never gets narrower than that of the model (Roever and others 2015,
        doi:10.1186/s12874-015-0091-1).

    Examples
    --------
    Two trials, 1 and 3, each with variance 1: Q = 2, and the variance between them is 1.

    >>> found = pool([1.0, 3.0], [1.0, 1.0], method="dersimonian-laird", conf_level=0.95)
    >>> found.estimate, found.tau2, found.Q, found.I2
    (2.0, 1.0, 2.0, 0.5)
    """
    y, v = np.asarray(y, dtype=float), np.asarray(variance, dtype=float)
    k = len(y)
    Q = _spread(y, v, 0.0)
    tau2 = _TAU2[method](y, v)
    w = 1 / (v + tau2)
    estimate = float(w @ y / w.sum())
    squared = 1 / w.sum()
    if hartung_knapp:
        squared *= max(_spread(y, v, tau2) / (k - 1), least_factor)
    error = float(np.sqrt(squared))
    df = k - 1.0 if hartung_knapp else np.inf
    half = critical_value(conf_level, df)
    statistic = estimate / error if error > 0 else np.nan
    wide = half * float(np.sqrt(squared + tau2)) if method != "fixed" else np.nan
    return Pooled(
        estimate=estimate,
        std_error=error,
        statistic=statistic,
        df=df,
        p_value=float(2 * t_sf(abs(statistic), df)),
        low=estimate - half * error,
        high=estimate + half * error,
        prediction_low=estimate - wide,
        prediction_high=estimate + wide,
        tau2=tau2,
        I2=_proportion_between(v, tau2, Q, fixed=method == "fixed"),
        Q=Q,
        Q_df=k - 1.0,
        Q_p=float(chi2_sf(Q, k - 1)),
        weight=w / w.sum(),
    )


def _spread(y: FloatArray, v: FloatArray, tau2: float) -> float:
    """Return the weighted squared distances from the weighted mean."""
    w = 1 / (v + tau2)
    mean = w @ y / w.sum()
    return float(w @ (y - mean) ** 2)


def _typical_variance(v: FloatArray) -> float:
    """Return the variance within a typical trial (Higgins and Thompson 2002, equation 9)."""
    w = 1 / v
    return float((len(v) - 1) * w.sum() / (w.sum() ** 2 - w @ w))


def _proportion_between(v: FloatArray, tau2: float, Q: float, *, fixed: bool) -> float:
    if fixed:
        return max(0.0, (Q - (len(v) - 1)) / Q) if Q > 0 else 0.0
    return tau2 / (tau2 + _typical_variance(v))


def _none(y: FloatArray, v: FloatArray) -> float:
    return 0.0


def _dersimonian_laird(y: FloatArray, v: FloatArray) -> float:
    w = 1 / v
    excess = _spread(y, v, 0.0) - (len(y) - 1)
    return max(0.0, float(excess / (w.sum() - w @ w / w.sum())))


def _paule_mandel(y: FloatArray, v: FloatArray) -> float:
    return _falling_root(lambda tau2: _spread(y, v, tau2) - (len(y) - 1), y, v)


def _reml(y: FloatArray, v: FloatArray) -> float:
    """Return the restricted likelihood's root nearest to the estimate of Paule and Mandel."""

    def score(tau2: float) -> float:
        w = 1 / (v + tau2)
        r = y - w @ y / w.sum()
        return float(w**2 @ r**2 - w.sum() + w @ w / w.sum())

    return _falling_root(score, y, v)


def _falling_root(score: Callable[[float], float], y: FloatArray, v: FloatArray) -> float:
    """Return where a score that ends below 0 leaves 0; 0 when it starts there."""
    if score(0.0) <= 0:
        return 0.0
    high = float(np.var(y, ddof=1) + v.max())
    while score(high) > 0:
        high *= 2
    return float(
        scipy.optimize.brentq(score, 0.0, high, xtol=1e-16 * high, rtol=1e-14, maxiter=500)
    )


_TAU2 = {
    "fixed": _none,
    "dersimonian-laird": _dersimonian_laird,
    "reml": _reml,
    "paule-mandel": _paule_mandel,
}
