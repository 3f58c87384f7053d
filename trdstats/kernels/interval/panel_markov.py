"""A state that is entered and left again, seen at visits only: the exact Markov likelihood.

With rates a of entering and b of leaving, and s = a + b, the matrix exponential is

    P(in | out, t) = (a / s) (1 - exp(-s t)),    P(out | in, t) = (b / s) (1 - exp(-s t)).

Rates are constant between breaks; a gap that holds a break is a product of such matrices.
Derivatives are those of a complex step, exact to rounding.

References
----------
Kalbfleisch and Lawless 1985, doi:10.1080/01621459.1985.10478195; Jackson 2011,
doi:10.18637/jss.v038.i08 (R msm). Squire and Trapp 1998, doi:10.1137/S003614459631241X (complex
step).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import block_diag

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.numerics.grouped import grouped_sums
from trdstats.kernels.numerics.newton_loglik import Surface, maximise
from trdstats.kernels.numerics.orthogonal import Orthogonal

_STEP = 1e-30  # of the complex step
_CURVE = 1e-5  # of differences of gradients

Complex = npt.NDArray[Any]


@dataclass(frozen=True)
class Panel:
    """Pairs of visits that follow each other.

    Attributes
    ----------
    subject : ndarray of int, shape (N,)
    before, after : ndarray of int, shape (N,)
        1 in the state, 0 out of it.
    spent : ndarray, shape (N, k)
        Days between the visits in each of the k pieces.
    X : ndarray, shape (N, q)
        Covariates at the first visit of the pair.
    """

    subject: IntArray
    before: IntArray
    after: IntArray
    spent: FloatArray
    X: FloatArray

    @property
    def n_pieces(self) -> int:
        """Pieces between breaks."""
        return int(self.spent.shape[1])

    @property
    def n_parameters(self) -> int:
        """Log rates of entering and leaving in every piece, then effects on both."""
        return 2 * (self.n_pieces + int(self.X.shape[1]))

    def rates(self, theta: Complex, X: Complex) -> tuple[Complex, Complex]:
        """Return rates of entering and leaving, shapes (N, k)."""
        k, q = self.n_pieces, self.X.shape[1]
        enter = theta[:k] + (X @ theta[2 * k : 2 * k + q])[:, None]
        leave = theta[k : 2 * k] + (X @ theta[2 * k + q :])[:, None]
        return np.exp(enter), np.exp(leave)

    def log_likelihoods(self, theta: Complex) -> Complex:
        """Return the log-likelihood of every pair, shape (N,)."""
        enter, leave = self.rates(theta, self.X)
        inside = carry(self.before.astype(theta.dtype), enter, leave, self.spent)
        return np.log(np.where(self.after == 1, inside, 1 - inside))


def carry(start: Complex, enter: Complex, leave: Complex, spent: FloatArray) -> Complex:
    """Return the probability of being in the state after time spent in every piece.

    Parameters
    ----------
    start : ndarray, shape (N,)
        Probability before.
    enter, leave : ndarray, shape (N, k)
    spent : ndarray, shape (N, k)
    """
    p = start
    for j in range(spent.shape[1]):
        s = enter[:, j] + leave[:, j]
        level = enter[:, j] / s
        p = level + (p - level) * np.exp(-s * spent[:, j])
    return p


def derivative(function: Any, theta: FloatArray) -> FloatArray:
    """Return the derivatives of a vector of values, shape (m, p), by a complex step."""
    columns = []
    for j in range(len(theta)):
        at = theta.astype(complex)
        at[j] += 1j * _STEP
        columns.append(np.imag(function(at)) / _STEP)
    return np.column_stack(columns)


@dataclass(frozen=True)
class PanelFit:
    """A fitted panel.

    Attributes
    ----------
    theta : ndarray, shape (p,)
    information : ndarray, shape (p, p)
    scores : ndarray, shape (n, p)
        Of each subject.
    loglik : float
    reach : float
        Largest effect on a log rate of a standard deviation of an orthogonal covariate.
    """

    theta: FloatArray
    information: FloatArray
    scores: FloatArray
    loglik: float
    reach: float


def fit_panel(given: Panel, start: FloatArray) -> PanelFit | None:
    """Maximise the likelihood; None where there is no finite maximum.

    Parameters
    ----------
    given : Panel
        Its covariates are counted from about their means.
    start : ndarray, shape (p,)
        Without effects of covariates.
    """
    design = Orthogonal.of(given.X)
    panel = replace(given, X=design.columns)

    def gradient(theta: FloatArray) -> FloatArray:
        return np.asarray(derivative(panel.log_likelihoods, theta).sum(axis=0))

    def surface(theta: FloatArray) -> Surface | None:
        if np.abs(theta).max() > 30:
            return None
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            value = float(np.real(panel.log_likelihoods(theta)).sum())
            slope = gradient(theta)
            p = len(theta)
            bend = np.empty((p, p))
            for j in range(p):
                step = _CURVE * np.eye(p)[j]
                bend[:, j] = (gradient(theta + step) - gradient(theta - step)) / (2 * _CURVE)
        return Surface(value, slope, -(bend + bend.T) / 2)

    # The curvature is a difference, so that the last decrement is above rounding.
    top = maximise(surface, start, tolerance=1e-16, longest=2.0)
    if top is None or np.abs(top.theta).max() > 25 or not top.decrement < 1e-8:
        return None
    each = derivative(panel.log_likelihoods, top.theta)
    scores = grouped_sums(panel.subject, each, int(panel.subject.max()) + 1)
    k, back, there = 2 * panel.n_pieces, design.back(), design.triangle
    onto = block_diag(np.eye(k), there, there)
    return PanelFit(
        theta=block_diag(np.eye(k), back, back) @ top.theta,
        information=onto.T @ top.point.information @ onto,
        scores=scores @ onto,
        loglik=top.point.loglik,
        reach=float(np.abs(top.theta[k:]).max(initial=0.0)),
    )
