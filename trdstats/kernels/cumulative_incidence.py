"""Aalen-Johansen cumulative incidence of competing causes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Incidence:
    """Cumulative incidence of each cause in one group.

    Attributes
    ----------
    time : ndarray, shape (m,)
        0, then the distinct times in increasing order.
    n_risk, n_censor : ndarray, shape (m,)
        At risk just before, and censored at each time.
    n_event : ndarray, shape (m, k)
        Events of causes 1 to k.
    survival : ndarray, shape (m,)
        Probability of no event of any cause, just after each time.
    estimate, std_error : ndarray, shape (m, k)
        Cumulative incidence just after each time.
    """

    time: FloatArray
    n_risk: FloatArray
    n_censor: FloatArray
    n_event: FloatArray
    survival: FloatArray
    estimate: FloatArray
    std_error: FloatArray


def aalen_johansen(time: FloatArray, status: IntArray, n_causes: int) -> Incidence:
    """Estimate the cumulative incidence of competing causes.

    Parameters
    ----------
    time : ndarray, shape (n,)
    status : ndarray of int, shape (n,)
        0 censored, 1 to `n_causes` the cause.
    n_causes : int

    Notes
    -----
    The variance is that of Aalen (1978, Ann Stat 6:534-545, doi:10.1214/aos/1176344198) with the
    hypergeometric correction ``1 - (d - 1) / (n - 1)`` for tied events of a cause, as in cmprsk.
    """
    moments, place = np.unique(np.append(0.0, time), return_inverse=True)
    place = place[1:]
    m = len(moments)
    cell = place * (n_causes + 1) + status
    counts = np.bincount(cell, minlength=m * (n_causes + 1)).reshape(m, n_causes + 1).astype(float)
    at_risk = np.cumsum(counts.sum(axis=1)[::-1])[::-1]
    events = counts[:, 1:]
    survival = np.cumprod(1 - events.sum(axis=1) / at_risk)
    before = np.concatenate(([1.0], survival[:-1]))
    estimate = np.cumsum(before[:, None] * events / at_risk[:, None], axis=0)
    variance = np.column_stack(
        [_variance(j, events, at_risk, before, survival, estimate[:, j]) for j in range(n_causes)]
    )
    return Incidence(
        moments, at_risk, counts[:, 0], events, survival, estimate, np.sqrt(np.maximum(variance, 0))
    )


def _variance(
    cause: int,
    events: FloatArray,
    at_risk: FloatArray,
    before: FloatArray,
    survival: FloatArray,
    F: FloatArray,
) -> FloatArray:
    """Return the variance of F at every time.

    An event at u of cause c adds ``S(u-)^2 d_c / n^2 (tie correction)`` times the square of
    ``1[c is the cause] - (F(t) - F(u)) / S(u)``. Expanding the square in F(t) turns the double
    sum into prefix sums.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.where(survival > 0, 1 / survival, 0.0)
        ties = np.where(at_risk[:, None] > 1, 1 - (events - 1) / (at_risk[:, None] - 1), 1.0)
    size = np.where(events > 0, before[:, None] ** 2 * ties * events / at_risk[:, None] ** 2, 0.0)
    # Past the last survivor F can no longer change through survival: other causes drop out.
    size_other = np.where(survival > 0, size.sum(axis=1) - size[:, cause], 0.0)
    size_own = size[:, cause]
    own, other = 1 + F * inverse, F * inverse
    constant = np.cumsum(size_own * own**2 + size_other * other**2)
    linear = np.cumsum((size_own * own + size_other * other) * inverse)
    square = np.cumsum((size_own + size_other) * inverse**2)
    return np.asarray(constant - 2 * F * linear + F**2 * square, dtype=np.float64)


def incidence_interval(
    estimate: FloatArray, std_error: FloatArray, *, conf_level: float
) -> tuple[FloatArray, FloatArray]:
    """Return limits symmetric on the scale log(-log(1 - F)); NaN where F is 0 or 1."""
    z = norm.isf((1 - conf_level) / 2)
    # Sums of probabilities reach 1 up to rounding; the scale has no such point.
    F = np.where((estimate > 0) & (estimate < 1 - 1e-12), estimate, np.nan)
    log_s = np.log1p(-F)
    spread = np.exp(z * std_error / ((1 - F) * -log_s))
    return -np.expm1(log_s / spread), -np.expm1(log_s * spread)


def influence_on_incidence(
    fit: Incidence, time: FloatArray, status: IntArray, cause: int, at: FloatArray
) -> FloatArray:
    """Return the first-order effect of each subject on the incidence of a cause.

    Parameters
    ----------
    fit : Incidence
    time, status : ndarray, shape (n,)
        The subjects of the fit.
    cause : int
        1 to k.
    at : ndarray, shape (j,)

    Returns
    -------
    ndarray, shape (n, j)
        Columns sum to 0; the sum of squares estimates the variance.
    """
    before = np.concatenate(([1.0], fit.survival[:-1]))
    F = fit.estimate[:, cause - 1]
    own, every = fit.n_event[:, cause - 1], fit.n_event.sum(axis=1)
    n = fit.n_risk
    left = n - every
    slope = np.where(left > 0, 1 / np.where(left > 0, left, 1), 0.0)  # 1 / (n (1 - hazard))
    direct = np.cumsum(before * own / n**2)
    place = np.searchsorted(fit.time, time, side="right") - 1
    result = np.empty((len(time), len(at)))
    for j, t in enumerate(at):
        here = int(np.searchsorted(fit.time, t, side="right") - 1)
        upto = np.minimum(place, here)
        happened = (place <= here) & (status > 0)
        later = F[here] - F
        indirect = np.cumsum(slope * every / n * later)
        gain = np.where(happened & (status == cause), (before / n)[place], 0.0) - direct[upto]
        loss = np.where(happened, (slope * later)[place], 0.0) - indirect[upto]
        result[:, j] = gain - loss
    return result
