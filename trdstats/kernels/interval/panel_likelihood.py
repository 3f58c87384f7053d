"""Likelihood of the illness-death model of states that are observed at visits only.

A change of state is known to lie in ``(left, right]``, and the state at `right` is observed.
A subject not observed in response up to the last visit v_m is still in state 0, or responded and
relapsed between two visits:

    P00(0, v_m) + sum over j of P00(0, v_(j-1)) P02(v_(j-1), v_j).

References
----------
Kalbfleisch and Lawless 1985, J Am Stat Assoc 80:863-871, doi:10.1080/01621459.1985.10478195
(panel data of a Markov model); transition probabilities as in `illness_death`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import scipy

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.interval.illness_death import chain, overlaps

_LEAST, _MOST = np.log(1e-9), np.log(50.0)  # log intensities a day: bounds of the search
_LEVEL = 1e-7  # information of a direction, of 1 for each parameter, that differences blur
_PART = 0.1  # of a direction, from which a parameter belongs to it
_WEAK = 1e-6  # information of a log intensity below which it has no maximum inside
_STEPS = 30


@dataclass(frozen=True, slots=True)
class Panel:
    """Observed intervals of each subject, arrays of shape (n,).

    Attributes
    ----------
    left_1, right_1 : ndarray
        The response lies in (left_1, right_1]; right_1 is infinite where none was observed, and
        equal to left_1 where its day is known.
    left_2, right_2 : ndarray
        The same of the relapse, not before right_1; NaN for those who did not respond.
    weight : ndarray
    gap_subject, gap_left, gap_right : ndarray, shape (g,)
        Gaps between the visits of subjects never observed in response, in which they may have
        responded and relapsed unobserved. None: unobserved responses are excluded.
    """

    left_1: FloatArray
    right_1: FloatArray
    left_2: FloatArray
    right_2: FloatArray
    weight: FloatArray
    gap_subject: IntArray
    gap_left: FloatArray
    gap_right: FloatArray

    @property
    def responded(self) -> BoolArray:
        """Whether each subject was observed in response."""
        return np.isfinite(self.right_1)

    @property
    def relapsed(self) -> BoolArray:
        """Whether each subject was observed relapsed."""
        return np.isfinite(self.right_2)


@dataclass(frozen=True, slots=True)
class IllnessDeath:
    """Fitted intensities of one group; parameters are log a, then log b, on k pieces each.

    Attributes
    ----------
    cuts : ndarray, shape (k - 1,)
        Where pieces meet; the last one has no end.
    theta : ndarray, shape (2 k,)
        Log intensities a day. -inf where the likelihood is highest without any change of state,
        log 50 where it grows with the intensity for ever.
    free : ndarray of bool, shape (2 k,)
        Which have a maximum inside; the others are held fixed.
    scores : ndarray, shape (n, 2 k)
        Derivatives of each subject's log-likelihood, without its weight.
    information : ndarray, shape (2 k, 2 k)
        Observed information of the weighted log-likelihood.
    inverse : ndarray, shape (2 k, 2 k)
        Its inverse on the free parameters, 0 elsewhere.
    on_ridge : ndarray of bool, shape (2 k,)
        Which can be traded for each other without a change of the likelihood: no visit lies
        between their pieces.
    loglik : float
    n_iterations : int
    converged : bool
    """

    cuts: FloatArray
    theta: FloatArray
    free: BoolArray
    scores: FloatArray
    information: FloatArray
    inverse: FloatArray
    on_ridge: BoolArray
    loglik: float
    n_iterations: int
    converged: bool


def exposure(panel: Panel, cuts: FloatArray) -> FloatArray:
    """Return for how long states 0 and 1 may have been under observation, shape (2, k)."""
    responded = panel.responded
    end = np.where(responded, panel.right_1, panel.left_1)
    first = overlaps(np.zeros(len(end)), end, cuts)
    stop = np.where(panel.relapsed, panel.right_2, panel.left_2)
    second = overlaps(panel.left_1[responded], np.fmax(panel.right_1, stop)[responded], cuts)
    return np.stack([panel.weight @ first, panel.weight[responded] @ second])


def possible(panel: Panel, cuts: FloatArray) -> BoolArray:
    """Return in which pieces a response, and a relapse, can have happened, shape (2 k,)."""
    intervals = []
    for left, right in ((panel.left_1, panel.right_1), (panel.left_2, panel.right_2)):
        use = np.isfinite(right)
        exact = use & (right == left)
        touched = overlaps(left[use], right[use], cuts).sum(axis=0) > 0
        touched[np.searchsorted(cuts, right[exact])] = True
        intervals.append(touched)
    return np.concatenate(intervals)


def fit_illness_death(panel: Panel, cuts: FloatArray) -> IllnessDeath:
    """Maximise the likelihood of the panel.

    Parameters
    ----------
    panel : Panel
        Somebody is under observation in each state on each piece (see `exposure`).
    cuts : ndarray, shape (k - 1,)
        Increasing days above 0.
    """
    k = len(cuts) + 1
    # Weights of mean 1: a search ends, and an intensity counts as weak, whatever their unit.
    unit = float(panel.weight.mean())
    panel = replace(panel, weight=panel.weight / unit)
    free = possible(panel, cuts)
    theta = np.where(free, 0.0, -np.inf)
    spent = exposure(panel, cuts)
    happened = np.array([panel.weight[panel.responded].sum(), panel.weight[panel.relapsed].sum()])
    rate = happened / np.maximum(spent.sum(axis=1), 1e-12)
    start = np.repeat(np.log(np.maximum(rate, 1e-6)), k)

    def value(part: FloatArray, use: BoolArray) -> tuple[float, FloatArray]:
        full = theta.copy()
        full[use] = part
        each, score = log_likelihood(full, panel, cuts)
        return -float(panel.weight @ each), -(panel.weight @ score)[use]

    optimum = scipy.optimize.minimize(
        value, start[free], args=(free,), jac=True, method="L-BFGS-B",
        bounds=[(_LEAST, _MOST)] * int(free.sum()), options={"maxiter": 2000},
    )  # fmt: skip
    theta[free] = np.clip(optimum.x, _LEAST, _MOST)
    iterations, converged = int(optimum.nit), False
    information = np.zeros((0, 0))
    # The last steps are Newton's: they leave a gradient at rounding, which scores need.
    for _ in range(_STEPS):
        iterations += 1
        current = value(theta[free], free)
        information = _information(partial(_gradient, value, free), theta[free])
        flat = np.diag(information) < _WEAK
        if flat.any():
            # Nothing bends the likelihood: the intensity was falling to 0 or growing without end.
            held = np.flatnonzero(free)[flat]
            theta[held] = np.where(theta[held] < start[held], -np.inf, _MOST)
            free[held] = False
            continue
        step, promise = _newton_step(information, current[1])
        converged = bool(promise < 1e-16 * (1 + abs(current[0])))
        if converged:
            break
        length = min(1.0, 2.0 / float(np.abs(step).max()))
        next_value = value(theta[free] + length * step, free)
        while not next_value[0] <= current[0] + 1e-10 * abs(current[0]) and length > 1e-6:
            length /= 2
            next_value = value(theta[free] + length * step, free)
        theta[free] = np.clip(theta[free] + length * step, _LEAST, _MOST)
    each, scores = log_likelihood(theta, panel, cuts)
    full_hessian, inverse = np.zeros((2 * k, 2 * k)), np.zeros((2 * k, 2 * k))
    if free.any():
        full_hessian[np.ix_(free, free)] = information * unit
        inverse[np.ix_(free, free)] = np.linalg.pinv(information, hermitian=True) / unit
    on_ridge = np.zeros(2 * k, dtype=bool)
    on_ridge[free] = _ridge(information)
    return IllnessDeath(
        cuts, theta, free, scores * free, full_hessian, inverse, on_ridge,
        unit * float(panel.weight @ each), iterations, converged,
    )  # fmt: skip


def _gradient(
    value: Callable[[FloatArray, BoolArray], tuple[float, FloatArray]],
    use: BoolArray,
    part: FloatArray,
) -> FloatArray:
    return value(part, use)[1]


def _ridge(information: FloatArray) -> BoolArray:
    """Return which parameters have a part in a direction in which nothing bends the likelihood."""
    if not len(information):
        return np.zeros(0, dtype=bool)
    size = np.sqrt(np.diag(information))
    values, vectors = np.linalg.eigh(information / np.outer(size, size))
    return np.asarray((np.abs(vectors[:, values < _LEVEL]) > _PART).any(axis=1))


def _newton_step(information: FloatArray, gradient: FloatArray) -> tuple[FloatArray, float]:
    """Return the step down and twice the fall it promises; curvature is made positive."""
    if not len(gradient):
        return gradient, 0.0
    values, vectors = np.linalg.eigh(information)
    along = vectors.T @ gradient
    bent = np.maximum(np.abs(values), 1e-10 * max(float(np.abs(values).max()), 1e-300))
    return -vectors @ (along / bent), float(along @ (along / bent))


def _information(gradient: Callable[[FloatArray], FloatArray], at: FloatArray) -> FloatArray:
    """Return the derivative of a gradient by central differences, made symmetric."""
    h = 1e-4  # with one Richardson step the error is of order h^4
    rows = []
    for j in range(len(at)):
        e = np.zeros(len(at))
        e[j] = h
        near, far = ((gradient(at + m * e) - gradient(at - m * e)) / (2 * m * h) for m in (1, 2))
        rows.append((4 * near - far) / 3)
    matrix = np.array(rows)
    return (matrix + matrix.T) / 2


def log_likelihood(
    theta: FloatArray, panel: Panel, cuts: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return each subject's log-likelihood, shape (n,), and its derivatives, shape (n, 2 k)."""
    k = len(cuts) + 1
    a, b = np.exp(theta[:k]), np.exp(theta[k:])
    n = len(panel.weight)
    each, score = np.zeros(n), np.zeros((n, 2 * k))
    waited = overlaps(np.zeros(n), panel.left_1, cuts) * a
    each -= waited.sum(axis=1)
    score[:, :k] -= waited
    responded = panel.responded
    _add_unseen(each, score, panel, a, b, cuts)
    known = responded & (panel.right_1 == panel.left_1)
    _add_exact(each, score[:, :k], known, panel.right_1, theta[:k], cuts)
    unknown = np.flatnonzero(responded & ~known)
    if len(unknown):
        length = overlaps(panel.left_1[unknown], panel.right_1[unknown], cuts)
        _, p, slope = chain(a, b, length)
        p = np.maximum(p, 1e-300)
        each[unknown] += np.log(p)
        score[unknown] += slope[:, 1] / p[:, None]
    stayed = np.flatnonzero(responded & np.isfinite(panel.left_2))
    in_response = overlaps(panel.right_1[stayed], panel.left_2[stayed], cuts) * b
    each[stayed] -= in_response.sum(axis=1)
    score[stayed, k:] -= in_response
    lost = panel.relapsed
    known = lost & (panel.right_2 == panel.left_2)
    _add_exact(each, score[:, k:], known, panel.right_2, theta[k:], cuts)
    unknown = np.flatnonzero(lost & ~known)
    if len(unknown):
        part = overlaps(panel.left_2[unknown], panel.right_2[unknown], cuts) * b
        total = np.maximum(part.sum(axis=1), 1e-300)
        each[unknown] += np.log(-np.expm1(-total))
        score[unknown, k:] += part * (np.exp(-total) / -np.expm1(-total))[:, None]
    return each, score


def _add_unseen(
    each: FloatArray,
    score: FloatArray,
    panel: Panel,
    a: FloatArray,
    b: FloatArray,
    cuts: FloatArray,
) -> None:
    """Add the likelihood of an unobserved response and relapse between visits.

    P00(0, v_m) is in `each` already: the sum is 1 + sum over gaps of P02 / P00(v_(j-1), v_m).
    """
    n, k, gap = len(each), len(a), panel.gap_subject
    if not len(gap):
        return
    p0, p1, slope = chain(a, b, overlaps(panel.gap_left, panel.gap_right, cuts))
    p2 = np.maximum(1 - p0 - p1, 0.0)
    rest = overlaps(panel.gap_left, panel.left_1[gap], cuts) * a
    ratio = np.exp(np.minimum(rest.sum(axis=1), 600.0))
    by_theta = -slope.sum(axis=1) * ratio[:, None]
    by_theta[:, :k] += (p2 * ratio)[:, None] * rest
    total = 1 + np.bincount(gap, p2 * ratio, n)
    each += np.log(total)
    for j in range(2 * k):
        score[:, j] += np.bincount(gap, by_theta[:, j], n) / total


def _add_exact(
    each: FloatArray, score: FloatArray, who: BoolArray, day: FloatArray, theta: FloatArray,
    cuts: FloatArray,
) -> None:  # fmt: skip
    """Add the log intensity at a known day."""
    row = np.flatnonzero(who)
    piece = np.searchsorted(cuts, day[row])
    each[row] += theta[piece]
    score[row, piece] += 1
