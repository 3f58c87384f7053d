"""Events that come again and an end of follow-up that share a log-normal frailty.

With w normal with mean 0 and variance theta, the hazard of an event is exp(x'beta + w) times a
baseline, that of the end exp(x'eta + alpha w) times another; both are constant between breaks. The
likelihood of a subject is integrated over w by adaptive Gauss-Hermite quadrature. Its slope is the
mean of that of the complete likelihood given what was seen, and its curvature follows from the
covariance of the same (Louis 1982).

References
----------
Liu, Wolfe and Huang 2004, doi:10.1111/j.0006-341X.2004.00225.x; Liu and Huang 2008,
doi:10.1002/sim.3077 (piecewise constant baselines, quadrature); Louis 1982,
doi:10.1111/j.2517-6161.1982.tb01203.x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.numerics.grouped import grouped_sums
from trdstats.kernels.numerics.newton_loglik import Optimum, Surface, maximise

_NODES = 25
_BLOCK = 512  # subjects whose integrands fit into the cache beside the processor
_MODE_STEPS = 60
_LARGEST = 50.0  # of a log hazard
_FAR = 12.0  # log hazard ratio between subjects of an estimate without a maximum


@dataclass(frozen=True, slots=True)
class Cells:
    """Time at risk of one process, cut at the breaks of its baseline.

    Attributes
    ----------
    subject : ndarray of int, shape (c,)
    Z : ndarray, shape (c, k + q)
        1 in the piece of the cell, then covariates.
    days : ndarray, shape (c,)
        At risk.
    events : ndarray, shape (c,)
    pieces : int
        Of the baseline: k.
    """

    subject: IntArray
    Z: FloatArray
    days: FloatArray
    events: FloatArray
    pieces: int

    @classmethod
    def of(
        cls, subject: IntArray, start: FloatArray, stop: FloatArray, event: BoolArray,
        X: FloatArray, breaks: FloatArray,
    ) -> Cells:  # fmt: skip
        """Cut the rows (start, stop] at breaks."""
        edges = np.r_[0.0, breaks, np.inf]
        days = np.clip(
            np.minimum(stop[:, None], edges[1:]) - np.maximum(start[:, None], edges[:-1]), 0, None
        )
        row, piece = np.nonzero(days)
        last = np.searchsorted(breaks, stop, side="left")
        Z = np.hstack([np.eye(len(edges) - 1)[piece], X[row]])
        return cls(
            subject[row],
            Z,
            days[row, piece],
            (event[row] & (piece == last[row])) * 1.0,
            len(edges) - 1,
        )

    def expected(self, at: FloatArray) -> FloatArray:
        """Return the cumulated hazard of every cell where the frailty is 1, shape (c,)."""
        with np.errstate(over="ignore"):
            return np.asarray(self.days * np.exp(np.minimum(self.Z @ at, _LARGEST)))

    def by_subject(self, n: int, value: FloatArray) -> FloatArray:
        """Return sums of values over the cells of each subject, shape (n, ...)."""
        return grouped_sums(self.subject, value, n)


@dataclass(frozen=True, slots=True)
class JointPoint:
    """The log-likelihood at one value of (again, last, alpha, log sigma).

    Attributes
    ----------
    loglik : float
    scores : ndarray, shape (n, p)
        Of the subjects.
    information : ndarray, shape (p, p)
    frailty : ndarray, shape (n,)
        Conditional mean of exp(w).
    mode : ndarray, shape (n,)
        Of w.
    """

    loglik: float
    scores: FloatArray
    information: FloatArray
    frailty: FloatArray
    mode: FloatArray

    @property
    def score(self) -> FloatArray:
        """Gradient, shape (p,)."""
        return np.asarray(self.scores.sum(axis=0))


@dataclass(frozen=True, slots=True)
class JointModel:
    """Two processes of n subjects.

    Attributes
    ----------
    n : int
    again : Cells
        Of the events that come again.
    last : Cells
        Of the end of follow-up.
    """

    n: int
    again: Cells
    last: Cells

    def point(self, theta: FloatArray, start: FloatArray) -> JointPoint | None:
        """Return the log-likelihood; the modes are sought from a start, shape (n,)."""
        n, p1, p2 = self.n, self.again.Z.shape[1], self.last.Z.shape[1]
        alpha, sigma = float(theta[-2]), float(np.exp(theta[-1]))
        first, second = slice(0, p1), slice(p1, p1 + p2)
        mu, nu = self.again.expected(theta[first]), self.last.expected(theta[second])
        B = self.last.by_subject(n, nu)
        D = self.last.by_subject(n, self.last.events)
        slope = self.again.by_subject(n, self.again.events) + alpha * D
        seen = _given_what_was_seen(
            slope, self.again.by_subject(n, mu), B, alpha, sigma, start
        )  # fmt: skip
        if seen is None:
            return None
        rows1 = self.again.by_subject(n, mu[:, None] * self.again.Z)
        rows2 = self.last.by_subject(n, nu[:, None] * self.last.Z)
        # Score of a subject = its sums of events + M times the terms of w.
        M = np.zeros((n, p1 + p2 + 2, len(_TERMS)))
        M[:, first, 1], M[:, second, 2] = -rows1, -rows2
        M[:, -2, 0], M[:, -2, 3] = D, -B
        M[:, -1, 4] = 1 / sigma**2
        scores = np.einsum("npf,nf->np", M, seen.mean)
        spread = (M @ seen.covariance).swapaxes(0, 1).reshape(M.shape[1], -1)
        information = -spread @ M.swapaxes(0, 1).reshape(M.shape[1], -1).T
        value = seen.loglik
        for cells, hazard, term, at in (
            (self.again, mu, 1, first), (self.last, nu, 2, second)
        ):  # fmt: skip
            scores[:, at] += cells.by_subject(n, cells.events[:, None] * cells.Z)
            size = hazard * seen.mean[cells.subject, term]
            information[at, at] += cells.Z.T @ (size[:, None] * cells.Z)
            value += float(cells.events @ (cells.Z @ theta[at]))
        scores[:, -1] -= 1
        crossed = seen.mean[:, 3] @ rows2
        information[second, -2] += crossed
        information[-2, second] += crossed
        information[-2, -2] += seen.mean_of_square @ B
        information[-1, -1] += 2 * seen.mean[:, 4].sum() / sigma**2
        return JointPoint(value, scores, information, seen.mean[:, 1], seen.mode)


# What scores are made of; v = alpha w.
_TERMS = ("w", "exp(w)", "exp(v)", "w exp(v)", "w squared")


@dataclass(frozen=True, slots=True)
class _Given:
    """Log frailties given what was seen of n subjects.

    Attributes
    ----------
    loglik : float
        But for what does not depend on them.
    mean : ndarray, shape (n, 5)
        Of `_TERMS`.
    covariance : ndarray, shape (n, 5, 5)
    mean_of_square : ndarray, shape (n,)
        Mean of w squared times exp(alpha w).
    mode : ndarray, shape (n,)
    """

    loglik: float
    mean: FloatArray
    covariance: FloatArray
    mean_of_square: FloatArray
    mode: FloatArray


def _given_what_was_seen(
    slope: FloatArray, A: FloatArray, B: FloatArray, alpha: float, sigma: float, start: FloatArray
) -> _Given | None:
    """Return the integrals over w of exp(slope w - A exp(w) - B exp(alpha w)) times its density."""
    top = _modes(slope, A, B, alpha, sigma, start)
    if top is None:
        return None
    mode, bend = top
    every = (slope, A, B, mode, bend)
    x, weight = np.polynomial.hermite_e.hermegauss(_NODES)
    nodes = x, np.log(weight) + x**2 / 2
    blocks = [
        _integrated(tuple(v[first : first + _BLOCK] for v in every), alpha, sigma, nodes)
        for first in range(0, len(mode), _BLOCK)
    ]
    each, mean, covariance, mean_of_square = map(np.concatenate, zip(*blocks, strict=True))
    return _Given(float(each.sum()), mean, covariance, mean_of_square, mode)


def _integrated(
    some: tuple[FloatArray, ...], alpha: float, sigma: float, nodes: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:  # fmt: skip
    """Return of some subjects the log-likelihood, and the rest as `_Given` has it.

    `some` are slope, A, B, mode and bend; `nodes` their places and log weights.
    """
    (slope, A, B, mode, bend), (x, log_weight) = some, nodes
    w = mode[:, None] + x / np.sqrt(bend)[:, None]
    ew, ev = np.exp(w), np.exp(alpha * w)
    log = slope[:, None] * w - ew * A[:, None] - ev * B[:, None] - w**2 / (2 * sigma**2)
    log += log_weight
    highest = log.max(axis=1)
    part = np.exp(log - highest[:, None])
    total = part.sum(axis=1)
    # The quadrature weights sum to the square root of 2 pi, which the normal density takes off.
    each = highest + np.log(total) - np.log(bend) / 2 - np.log(sigma) - np.log(2 * np.pi) / 2
    p = part / total[:, None]
    terms = np.stack([w, ew, ev, w * ev, w**2])
    mean = np.einsum("nq,fnq->nf", p, terms)
    apart = terms - mean.T[:, :, None]
    covariance = (p * apart).swapaxes(0, 1) @ apart.transpose(1, 2, 0)
    return each, mean, covariance, np.einsum("nq,nq->n", p, w**2 * ev)


def _modes(
    slope: FloatArray, A: FloatArray, B: FloatArray, alpha: float, sigma: float, start: FloatArray
) -> tuple[FloatArray, FloatArray] | None:
    """Return where the likelihood of each subject is highest in w, and its curvature there."""
    w = start.copy()
    for _ in range(_MODE_STEPS):
        ew, ev = A * np.exp(w), B * np.exp(alpha * w)
        bend = ew + alpha**2 * ev + 1 / sigma**2
        step = (slope - ew - alpha * ev - w / sigma**2) / bend
        if not np.isfinite(step).all():
            return None
        w = w + np.clip(step, -1.0, 1.0)
        if np.abs(step).max(initial=0.0) < 1e-10:
            return w, A * np.exp(w) + alpha**2 * B * np.exp(alpha * w) + 1 / sigma**2
    return None


def fit_joint_frailty(model: JointModel, start: FloatArray) -> Optimum[JointPoint] | None:
    """Maximise the likelihood from a start; None where it has no finite maximum."""
    mode = np.zeros(model.n)

    def evaluate(theta: FloatArray) -> JointPoint | None:
        nonlocal mode
        if np.abs(theta[-2:]).max() > _LARGEST:
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            point = model.point(theta, mode)
        if point is not None:
            mode = point.mode
        return point

    return maximise(evaluate, start, longest=1.0, tolerance=1e-16, most=200)


def loglik_unlinked(model: JointModel, start: FloatArray) -> float:
    """Return the highest log-likelihood found with alpha = 0, a frailty of the events alone."""
    kept = np.delete(np.arange(len(start)), -2)

    def evaluate(at: FloatArray) -> Surface | None:
        if np.abs(at[-1]) > _LARGEST:
            return None
        point = model.point(np.insert(at, -1, 0.0), np.zeros(model.n))
        if point is None:
            return None
        return Surface(point.loglik, point.score[kept], point.information[np.ix_(kept, kept)])

    top = maximise(evaluate, start[kept], longest=1.0, tolerance=1e-12, most=200)
    return -np.inf if top is None else top.point.loglik


def fit_without_frailty(cells: Cells) -> tuple[FloatArray, float] | None:
    """Return the log rates and coefficients of one process alone, and its log-likelihood.

    None where it has no finite maximum.
    """

    def evaluate(at: FloatArray) -> Surface:
        mu = cells.expected(at)
        return Surface(
            float(cells.events @ (cells.Z @ at) - mu.sum()),
            cells.Z.T @ (cells.events - mu),
            cells.Z.T @ (mu[:, None] * cells.Z),
        )

    start = np.zeros(cells.Z.shape[1])
    start[: cells.pieces] = np.log(cells.events.sum() / cells.days.sum())
    top = maximise(evaluate, start)
    if top is None or not top.converged:
        return None
    reach = np.abs(top.theta) * np.ptp(cells.Z, axis=0)
    if reach[cells.pieces :].max(initial=0) > _FAR:
        return None
    return top.theta, top.point.loglik
