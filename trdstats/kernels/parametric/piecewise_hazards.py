"""Proportional hazards over a baseline that is constant between breaks, for censored times.

References
----------
Friedman 1982, doi:10.1214/aos/1176345693.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import block_diag

from trdstats.arrays import FloatArray
from trdstats.kernels.numerics.newton_loglik import Optimum, Surface, maximise
from trdstats.kernels.numerics.orthogonal import Orthogonal
from trdstats.kernels.parametric.aft import gather
from trdstats.kernels.parametric.censored_times import CensoredTimes, Terms
from trdstats.kernels.parametric.fitted import ParametricFit
from trdstats.kernels.parametric.flexible import PiecewiseConstant
from trdstats.kernels.parametric.kinds_of_subject import KnownTimes, Rows


@dataclass(frozen=True, slots=True)
class PiecewiseFit(ParametricFit):
    """A fitted model; theta holds the log hazard ratios, then the log rate of every piece.

    Attributes
    ----------
    q : int
        Number of log hazard ratios.
    breaks : ndarray, shape (k - 1,)
    """

    q: int
    breaks: FloatArray


def row_terms(
    pieces: PiecewiseConstant, times: CensoredTimes, eta: FloatArray, alpha: FloatArray
) -> Terms:
    """Return log-likelihoods with derivatives in (eta, alpha).

    Parameters
    ----------
    pieces : PiecewiseConstant
    times : CensoredTimes
        Without delayed entry.
    eta : ndarray, shape (n,)
    alpha : ndarray, shape (k,)
        Log rates where eta is 0.
    """
    left, right = np.exp(times.log_left), np.exp(times.log_right)
    exact, between = times.exact, times.seen & ~times.exact
    rate = np.exp(eta[:, None] + alpha)
    low = _with_total(pieces.exposure(left) * rate)
    value, gradient, hessian = -low[:, 0], -low, -_bend(low)
    if between.any():
        rise = _with_total(pieces.exposure(right[between]) * rate[between]) - low[between]
        D = rise[:, 0]
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            value[between] += np.log(-np.expm1(-D))
            gain = 1 / np.expm1(D)
        gradient[between] += gain[:, None] * rise
        outer = rise[:, :, None] * rise[:, None, :]
        hessian[between] += gain[:, None, None] * _bend(rise)
        hessian[between] -= (gain * (1 + gain))[:, None, None] * outer
    if exact.any():
        piece = np.searchsorted(pieces.breaks, left[exact], side="left")
        value[exact] += eta[exact] + alpha[piece]
        gradient[exact, 0] += 1.0
        gradient[np.flatnonzero(exact), 1 + piece] += 1.0
    return Terms(value, gradient, hessian)


def _with_total(parts: FloatArray) -> FloatArray:
    """Return hazards collected in each piece behind their sum: the derivatives of the sum."""
    return np.column_stack([parts.sum(axis=1), parts])


def _bend(slope: FloatArray) -> FloatArray:
    """Return second derivatives of a collected hazard, from the first; shape (n, 1 + k, 1 + k)."""
    n, width = slope.shape
    bend = np.zeros((n, width, width))
    bend[:, 0, :] = bend[:, :, 0] = slope
    inner = np.arange(1, width)
    bend[:, inner, inner] = slope[:, 1:]
    return bend


def subject_terms(
    pieces: PiecewiseConstant, times: KnownTimes, X: FloatArray, theta: FloatArray
) -> Terms:
    """Return each subject's log-likelihood with derivatives in (eta, alpha)."""
    q = X.shape[1]
    eta, alpha = X @ theta[:q], theta[q:]
    if isinstance(times, CensoredTimes):
        return row_terms(pieces, times, eta, alpha)
    owner = times.origin.owner
    return times.terms(lambda rows: row_terms(pieces, rows, eta[owner], alpha))


def fit_piecewise(
    times: KnownTimes, X: FloatArray, weight: FloatArray, breaks: FloatArray
) -> PiecewiseFit | None:
    """Fit by maximum likelihood.

    Parameters
    ----------
    times : MixedTimes or CensoredTimes
    X : ndarray, shape (n, q)
        Without a constant; q may be 0.
    weight : ndarray, shape (n,)
    breaks : ndarray, shape (k - 1,)

    Returns
    -------
    PiecewiseFit or None
        None where the likelihood has no maximum, as with a piece in which nothing happened.
    """
    pieces = PiecewiseConstant(breaks)
    # The log rates are the constant: about the means where 0 is says nothing.
    centre = X.mean(axis=0)
    design = Orthogonal.of(X - centre)
    rows = Rows.of(times, [X], weight)
    Z = rows.design(design.columns)
    k, q = len(breaks) + 1, X.shape[1]
    dated = times if isinstance(times, CensoredTimes) else times.dated
    left, right = np.exp(dated.log_left), np.exp(dated.log_right)
    exposure = weight @ np.where(dated.seen, (left + np.where(dated.seen, right, 0)) / 2, left)
    rate = weight[dated.seen].sum() / max(exposure, 1e-12)
    start = np.r_[np.zeros(q), np.full(k, np.log(rate))]

    def surface(theta: FloatArray) -> Surface | None:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return gather(subject_terms(pieces, rows.times, Z, theta), Z, rows.weight)

    top: Optimum[Surface] | None = maximise(surface, start, unit=rows.unit, longest=2.0)
    if top is None or not top.converged:
        return None
    gradient = subject_terms(pieces, rows.times, Z, top.theta).gradient
    scores = rows.of_subjects(np.hstack([Z * gradient[:, :1], gradient[:, 1:]])) * weight[:, None]
    back = block_diag(design.back(), np.eye(k))
    back[q:, :q] = -centre @ back[:q, :q]
    return PiecewiseFit(
        "piecewise exponential", back @ top.theta, top.point.information, scores, back,
        top.point.loglik, top.converged, top.iterations, q=q, breaks=breaks,
    )  # fmt: skip


def score_at_null(
    fit: PiecewiseFit, times: KnownTimes, Z: FloatArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the score of further covariates at 0, and its variance, the baseline estimated.

    Parameters
    ----------
    fit : PiecewiseFit
        Without covariates.
    times : MixedTimes or CensoredTimes
    Z : ndarray, shape (n, m)
    weight : ndarray, shape (n,)

    Returns
    -------
    score : ndarray, shape (m,)
    variance : ndarray, shape (m, m)
    """
    m = Z.shape[1]
    theta = np.r_[np.zeros(m), fit.theta]
    at = gather(subject_terms(PiecewiseConstant(fit.breaks), times, Z, theta), Z, weight)
    among, cross, baseline = (
        at.information[:m, :m], at.information[:m, m:], at.information[m:, m:]
    )  # fmt: skip
    variance = among - cross @ np.linalg.solve(baseline, cross.T)
    return at.score[:m], (variance + variance.T) / 2
