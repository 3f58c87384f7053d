"""A state that is entered and left again, seen at visits only: the exact Markov likelihood.

With rates a of entering and b of leaving, and s = a + b, the matrix exponential is

    P(in | out, t) = (a / s) (1 - exp(-s t)),    P(out | in, t) = (b / s) (1 - exp(-s t)).

Rates are constant between breaks; a gap that holds a break is a product of such matrices. First
derivatives in the log rates of a pair are written out, second ones are a complex step of these:
both are exact to rounding.

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

    def log_likelihoods(self, theta: FloatArray) -> FloatArray:
        """Return the log-likelihood of every pair, shape (N,)."""
        enter, leave = self.rates(theta, self.X)
        inside = carry(self.before.astype(float), enter, leave, self.spent)
        return np.asarray(np.log(np.where(self.after == 1, inside, 1 - inside)))

    def scores(self, theta: FloatArray) -> FloatArray:
        """Return the derivatives of the log-likelihood of every pair, shape (N, p)."""
        return np.asarray(self._by_parameter(self._by_rate(*self.rates(theta, self.X))))

    def curvature(self, theta: FloatArray) -> FloatArray:
        """Return the second derivatives of the log-likelihood, shape (p, p)."""
        k, q, p = self.n_pieces, self.X.shape[1], self.n_parameters
        rates, bend = self.rates(theta, self.X), np.zeros((p, p))
        for side in range(2):
            effects = slice(2 * k + side * q, 2 * k + (side + 1) * q)
            for j in range(k):
                stepped = [rate.astype(complex) for rate in rates]
                stepped[side][:, j] *= 1 + 1j * _STEP
                each = self._by_parameter(np.imag(self._by_rate(*stepped)) / _STEP)
                bend[side * k + j] = each.sum(axis=0)
                bend[effects] += self.X.T @ each
        return (bend + bend.T) / 2

    def _by_rate(self, enter: Complex, leave: Complex) -> Complex:
        """Return the derivatives in the log rates of entering, then of leaving, shape (N, 2k)."""
        s = enter + leave
        level, kept = enter / s, np.exp(-s * self.spent)
        p, prior = self.before.astype(kept.dtype), np.empty_like(kept)
        for j in range(self.n_pieces):
            prior[:, j] = p
            p = level[:, j] + (p - level[:, j]) * kept[:, j]
        later = np.ones_like(kept)  # what is left at the end of a change in a piece
        later[:, :-1] = np.cumprod(kept[:, :0:-1], axis=1)[:, ::-1]
        later *= np.where(self.after == 1, 1 / p, -1 / (1 - p))[:, None]
        to_level = (1 - kept) * level * (leave / s)
        of_speed = self.spent * (prior - level) * kept
        return np.hstack(
            ((to_level - of_speed * enter) * later, (-to_level - of_speed * leave) * later)
        )

    def _by_parameter(self, each: Complex) -> Complex:
        """Return derivatives in the parameters from those in the log rates, shape (N, p)."""
        k = self.n_pieces
        sums = [each[:, :k].sum(axis=1), each[:, k:].sum(axis=1)]
        return np.hstack((each, *(self.X * total[:, None] for total in sums)))


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

    def surface(theta: FloatArray) -> Surface | None:
        if np.abs(theta).max() > 30:
            return None
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            value = float(panel.log_likelihoods(theta).sum())
            return Surface(value, panel.scores(theta).sum(axis=0), -panel.curvature(theta))

    top = maximise(surface, start, longest=2.0)
    if top is None or np.abs(top.theta).max() > 25 or not top.decrement < 1e-8:
        return None
    scores = grouped_sums(panel.subject, panel.scores(top.theta), int(panel.subject.max()) + 1)
    k, back, there = 2 * panel.n_pieces, design.back(), design.triangle
    onto = block_diag(np.eye(k), there, there)
    return PanelFit(
        theta=block_diag(np.eye(k), back, back) @ top.theta,
        information=onto.T @ top.point.information @ onto,
        scores=scores @ onto,
        loglik=top.point.loglik,
        reach=float(np.abs(top.theta[k:]).max(initial=0.0)),
    )
