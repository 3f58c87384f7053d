"""Probability of being in each state over time: Aalen-Johansen for any multi-state model.

Conventions: a subject is at risk of leaving a state on ``(start, stop]``, so those who leave
observation at a time are at risk at it; probabilities hold just after their time.

References
----------
Aalen and Johansen 1978, Scand J Stat 5:141-150. The variance is the infinitesimal jackknife, the
sum over subjects of squared influences, as in `survfit` of R's survival package (Therneau and
Grambsch 2000, doi:10.1007/978-1-4757-3294-8, section 8.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from scipy.special import expit, logit

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.numerics.critical import critical_value
from trdstats.kernels.numerics.distinct import distinct
from trdstats.kernels.numerics.stacking import WeightModel

CENSORED = -1


@dataclass(frozen=True, slots=True)
class Histories:
    """Stays of subjects in states, laid on the grid of their distinct times.

    Attributes
    ----------
    time : ndarray, shape (m,)
        0, then every distinct start and stop.
    subject : ndarray of int, shape (r,)
        Subject of each spell, 0 to ``n - 1``.
    enters, leaves : ndarray of int, shape (r,)
        Places of start and stop in `time`.
    state, to : ndarray of int, shape (r,)
        State of the spell, and the state it ends in; ``CENSORED`` where its end was not observed.
    n_subjects, n_states : int
    """

    time: FloatArray
    subject: IntArray
    enters: IntArray
    leaves: IntArray
    state: IntArray
    to: IntArray
    n_subjects: int
    n_states: int


@dataclass(frozen=True, slots=True)
class Occupation:
    """State probabilities of one group.

    Attributes
    ----------
    time : ndarray, shape (m,)
    n_risk : ndarray, shape (m, s)
        Weight under observation in each state just before each time; at time 0, of those who
        start there.
    n_move : ndarray, shape (m, s, s)
        Weight that moves from a state (row) to another (column) at each time.
    n_censor : ndarray, shape (m, s)
        Weight that leaves observation from each state at each time.
    step : ndarray, shape (m, s, s)
        Transition matrices I + dA.
    probability : ndarray, shape (m, s)
    """

    time: FloatArray
    n_risk: FloatArray
    n_move: FloatArray
    n_censor: FloatArray
    step: FloatArray
    probability: FloatArray


def pass_through(start: FloatArray, stop: FloatArray, to: IntArray) -> tuple[IntArray, BoolArray]:
    """Skip spells of length 0: subjects who leave a state on the day they enter it.

    No subject is at risk of leaving a state on the day of entering it: the spell before one of
    length 0 ends in the state to which that one leads.

    Parameters
    ----------
    start, stop : ndarray, shape (r,)
        Spells in order, each subject's together; a spell of length 0 has one before it.
    to : ndarray of int, shape (r,)

    Returns
    -------
    to : ndarray of int, shape (r,)
    lasting : ndarray of bool, shape (r,)
        Stays with a length.
    """
    lasting = stop > start
    to = to.copy()
    for i in np.flatnonzero(~lasting)[::-1]:
        to[i - 1] = to[i]
    return to, lasting


def lay_out(
    subject: IntArray,
    start: FloatArray,
    stop: FloatArray,
    state: IntArray,
    to: IntArray,
    *,
    n_subjects: int,
    n_states: int,
) -> Histories:
    """Place spells on the grid of their distinct times; every array has shape (r,)."""
    time, place = distinct(np.concatenate(([0.0], start, stop)))
    rows = len(start)
    return Histories(
        time, subject, place[1 : rows + 1], place[rows + 1 :], state, to, n_subjects, n_states
    )


def occupation(data: Histories, weight: FloatArray) -> Occupation:
    """Estimate the state probabilities.

    Parameters
    ----------
    data : Histories
        Somebody of positive weight starts at time 0.
    weight : ndarray, shape (n,)
        Weight of every subject, 0 or more.

    Returns
    -------
    Occupation
        p(t) = p(0) times the product of I + dA(u) over u up to t, where dA_jk is the weight
        that moves from j to k over the weight at risk in j, and p(0) the proportions of the states
        among those under observation from time 0.
    """
    m, s = len(data.time), data.n_states
    w = weight[data.subject]
    in_use = (w > 0).astype(float)
    has_moved = data.to != CENSORED
    cell = (data.leaves * s + data.state) * s + data.to
    n_move = _sums(cell[has_moved], w[has_moved], (m, s, s))
    left = data.leaves * s + data.state
    n_censor = _sums(left[~has_moved], w[~has_moved], (m, s))

    def at_risk(value: FloatArray) -> FloatArray:
        came, went = (
            _sums((place + 1) * s + data.state, value, (m + 1, s))
            for place in (data.enters, data.leaves)
        )
        return np.cumsum(came - went, axis=0)[:m]

    # Differences of sums of weights leave rounding errors where no subject is left; heads are
    # counted exactly.
    n_risk = np.where(at_risk(in_use) > 0.5, at_risk(w), 0.0)
    first = data.enters == 0
    n_risk[0] = _sums(data.state[first], w[first], (s,))
    hazard = n_move / np.where(n_risk > 0, n_risk, 1.0)[:, :, None]
    diagonal = np.arange(s)
    step = hazard
    step[:, diagonal, diagonal] = np.maximum(1 - hazard.sum(axis=2), 0.0)
    probability = np.empty((m, s))
    probability[0] = n_risk[0] / n_risk[0].sum()
    moves = n_move.sum(axis=(1, 2)) > 0
    for i in range(1, m):
        before = probability[i - 1]
        probability[i] = before @ step[i] if moves[i] else before
    return Occupation(data.time, n_risk, n_move, n_censor, step, probability)


def _sums(cell: IntArray, value: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Return the sum of the values of each cell of an array, cells counted row by row."""
    total = np.bincount(cell, value, int(np.prod(shape)))
    return np.asarray(total, dtype=np.float64).reshape(shape)


def durations(time: FloatArray, tau: float) -> FloatArray:
    """Return for how long each value of a step curve holds before `tau`, shape (m,)."""
    return np.diff(np.minimum(np.append(time, np.inf), tau))


def mean_times(fit: Occupation, tau: float) -> FloatArray:
    """Return the mean time spent in each state up to `tau`, shape (s,); they sum to `tau`."""
    return durations(fit.time, tau) @ fit.probability


@dataclass(frozen=True, slots=True)
class Influence:
    """First-order effects of subjects on state probabilities and mean times.

    Attributes
    ----------
    std_error : ndarray, shape (m, s)
        Of the probabilities at every time: root of the sum of squared influences.
    at : ndarray, shape (n, k, s)
        Influence on the probabilities at chosen times.
    mean : ndarray, shape (n, s)
        Influence on the mean time in each state.
    """

    std_error: FloatArray
    at: FloatArray
    mean: FloatArray


def influence(
    data: Histories,
    fit: Occupation,
    weight: FloatArray,
    *,
    at: FloatArray,
    tau: float,
    model: WeightModel | None = None,
) -> Influence:
    """Compute the influence of every subject: its weight times the derivative to its weight.

    Parameters
    ----------
    data : Histories
    fit : Occupation
        Of the same data and weights.
    weight : ndarray, shape (n,)
    at : ndarray, shape (k,)
        Times, none before 0.
    tau : float
        Horizon of the mean times.
    model : WeightModel, optional
        The model the weights were estimated by. Standard errors then know of it; the influences
        stay those of known weights.

    Returns
    -------
    Influence
        Effects sum to 0 over subjects, and over states.

    Notes
    -----
    The derivative U_i of p obeys U_i(t) = U_i(t-) (I + dA) + p(t-) d(dA)/dw_i: at each time the
    row of dA of the state j in which i is at risk moves by (its own step less dA_j) / n_j. What
    all subjects in state j share is kept once, in row j of `shared`; a subject's own part V_i
    changes when it enters or leaves a state only, and U_i = V_i + shared_j. The cost is that of
    multiplying n rows by small matrices at each distinct time.
    """
    n, s = data.n_subjects, data.n_states
    here = np.searchsorted(data.time, at, side="right") - 1
    hold = durations(data.time, tau)
    std_error = np.empty((len(data.time), s))
    chosen = np.empty((n, len(at), s))
    mean, error = np.zeros((s, n)), np.zeros(s)
    for i, (effect, changes) in enumerate(_effects(data, fit, weight)):
        if changes:
            variance = (effect**2).sum(axis=1) if model is None else model.variance(effect.T)
            error = np.sqrt(variance)
        std_error[i] = error
        chosen[:, here == i] = effect.T[:, None]
        mean += hold[i] * effect
    return Influence(std_error, chosen, mean.T.copy())


def mean_influence(
    data: Histories, fit: Occupation, weight: FloatArray, *, tau: float
) -> FloatArray:
    """Return the influence on the mean times alone, as in `influence`, shape (n, s).

    Errors of probabilities, which it leaves out, are most of the work.
    """
    hold = durations(data.time, tau)
    until = int(np.flatnonzero(hold)[-1]) + 1 if hold.any() else 0
    mean = np.zeros((data.n_states, data.n_subjects))
    for i, (effect, _) in enumerate(islice(_effects(data, fit, weight), until)):
        mean += hold[i] * effect
    return mean.T.copy()


def _effects(
    data: Histories, fit: Occupation, weight: FloatArray
) -> Iterator[tuple[FloatArray, bool]]:
    """Yield the influence on the probabilities at each time, (s, n), and whether it changes."""
    n, s = data.n_subjects, data.n_states
    leaving, leave = _by_place(data.leaves, len(data.time))
    entering, enter = _by_place(data.enters, len(data.time))
    of_subject = np.zeros((s, n))
    shared = np.zeros((s + 1, s))  # the last row is for those not under observation
    where = np.full(n, s)
    effect = np.zeros((s, n))
    for i in range(len(data.time)):
        left_state, entered_state = (
            leaving[leave[i] : leave[i + 1]],
            entering[enter[i] : enter[i + 1]],
        )
        moves = bool(fit.n_move[i].any())
        each = np.zeros(s)
        if moves:
            each = fit.probability[i - 1] / np.where(fit.n_risk[i] > 0, fit.n_risk[i], 1.0)
            of_subject = fit.step[i].T @ of_subject
            shared = shared @ fit.step[i]
            shared[:s] += each[:, None] * (np.eye(s) - fit.step[i])
        if i == 0:
            starter, began = data.subject[entered_state], data.state[entered_state]
            of_subject[:, starter] = -fit.probability[0][:, None] / fit.n_risk[0].sum()
            of_subject[began, starter] += 1 / fit.n_risk[0].sum()
        who, state, to = data.subject[left_state], data.state[left_state], data.to[left_state]
        of_subject[:, who] += shared[state].T
        has_moved = to != CENSORED
        of_subject[to[has_moved], who[has_moved]] += each[state[has_moved]]
        of_subject[state[has_moved], who[has_moved]] -= each[state[has_moved]]
        where[who] = s
        who, state = data.subject[entered_state], data.state[entered_state]
        of_subject[:, who] -= shared[state].T
        where[who] = state
        changes = moves or i == 0  # in between, nobody's effect does
        if changes:
            effect = weight * (of_subject + shared.T[:, where])
        yield effect, changes


def _by_place(place: IntArray, m: int) -> tuple[IntArray, IntArray]:
    """Return rows sorted by place, and where the rows of each place begin, shape (m + 1,)."""
    order = np.argsort(place, kind="stable")
    return order, np.searchsorted(place[order], np.arange(m + 1))


def probability_interval(
    estimate: FloatArray, std_error: FloatArray, *, conf_level: float
) -> tuple[FloatArray, FloatArray]:
    """Return limits symmetric on the logit scale; NaN where the probability is 0 or 1.

    A state probability may rise and fall: the scale treats it and its complement symmetrically.
    """
    z = critical_value(conf_level)
    # Sums of probabilities reach 0 and 1 up to rounding; the scale has no such points.
    inside = (estimate > 1e-12) & (estimate < 1 - 1e-12)
    p = np.where(inside, estimate, np.nan)
    half = z * std_error / (p * (1 - p))
    return expit(logit(p) - half), expit(logit(p) + half)
