"""Who is at risk when: counts of subjects under observation, of events and of censorings.

A subject is at risk at t when entry < t <= time; those who enter on day 0 are so from the start.
Events come before censorings of the same time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.numerics.distinct import distinct


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Follow-up of the subjects of one group.

    Attributes
    ----------
    time : ndarray, shape (n,)
    status : ndarray of int, shape (n,)
        0 censored, 1 and above the cause of the event.
    entry : ndarray, shape (n,)
    weight : ndarray, shape (n,)
        Positive.
    """

    time: FloatArray
    status: IntArray
    entry: FloatArray
    weight: FloatArray

    @classmethod
    def plain(cls, time: FloatArray, status: IntArray) -> FollowUp:
        """Return the follow-up of subjects observed from day 0 on, all of weight 1."""
        return cls(time, status, np.zeros(len(time)), np.ones(len(time)))

    def at_risk(self, days: FloatArray) -> FloatArray:
        """Return the weight under observation just before each day, shape (k,).

        Whoever came under observation between two events is counted from then on.
        """
        order = np.argsort(days)
        day, late = days[order], self.entry > 0
        left = _weight_before(day, self.time, self.weight)
        came = _weight_before(day, self.entry[late], self.weight[late])
        still_there = left[-1] - left - (came[-1] - came)
        at_risk = np.empty(len(days))
        at_risk[order] = np.where(still_there < 1e-9 * left[-1], 0.0, still_there)[:-1]
        return at_risk

    def take(self, rows: IntArray) -> FollowUp:
        """Return the follow-up of some subjects."""
        return FollowUp(self.time[rows], self.status[rows], self.entry[rows], self.weight[rows])

    def with_one_end(self) -> FollowUp:
        """Return the follow-up with all causes from 2 on as one."""
        return replace(self, status=np.minimum(self.status, 2))


def _weight_before(days: FloatArray, time: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the weight of times before each of some ascending days, and of all, shape (k + 1,)."""
    # The days are few and the times many: times are counted between days, not sorted.
    between = np.searchsorted(days, time, side="right")
    return np.cumsum(np.bincount(between, weights=weight, minlength=len(days) + 1))


@dataclass(frozen=True, slots=True)
class Counts:
    """Weighted counts at every distinct time.

    Attributes
    ----------
    time : ndarray, shape (m,)
        0, then the distinct times in increasing order.
    n_risk : ndarray, shape (m,)
        At risk at each time.
    n_event : ndarray, shape (m, k)
        Events of causes 1 to k at each time.
    n_censor : ndarray, shape (m,)
    place : ndarray of int, shape (n,)
        Position of each subject's time.
    start : ndarray of int, shape (n,)
        Number of times at or before each subject's entry; 0 for those observed from day 0 on.
    """

    time: FloatArray
    n_risk: FloatArray
    n_event: FloatArray
    n_censor: FloatArray
    place: IntArray
    start: IntArray


def count(follow_up: FollowUp, n_causes: int = 1) -> Counts:
    """Count those at risk and what happens to them.

    Parameters
    ----------
    follow_up : FollowUp
    n_causes : int
        Causes above it count as censored.
    """
    time, place = distinct(follow_up.time)
    if not len(time) or time[0] > 0:
        time, place = np.append(0.0, time), place + 1
    m, k = len(time), n_causes + 1
    cause = np.where(follow_up.status > n_causes, 0, follow_up.status)
    cells = np.bincount(place * k + cause, weights=follow_up.weight, minlength=m * k)
    counts: FloatArray = np.asarray(cells, dtype=float).reshape(m, k)
    risk = np.cumsum(counts.sum(axis=1)[::-1])[::-1]
    start = np.zeros(len(place), dtype=np.intp)
    if follow_up.entry.any():
        late = follow_up.entry > 0
        start = np.where(late, np.searchsorted(time, follow_up.entry, side="right"), 0)
        # Nobody is at risk at the entry, nor before.
        entered = np.bincount(start[late] - 1, weights=follow_up.weight[late], minlength=m)
        risk = risk - np.cumsum(entered[::-1])[::-1]
        risk[np.abs(risk) < 1e-9 * follow_up.weight.sum()] = 0.0
    return Counts(time, risk, counts[:, 1:], counts[:, 0], np.asarray(place, dtype=np.intp), start)


def unobserved(follow_up: FollowUp, until: float) -> list[tuple[float, float]]:
    """Return the periods of (0, until] in which no subject is under observation.

    What follows the last time of all is not among them.
    """
    order = np.argsort(follow_up.entry, kind="stable")
    entry = follow_up.entry[order]
    reached = np.maximum.accumulate(np.append(0.0, follow_up.time[order]))[:-1]
    gap = (entry > reached) & (reached < until)
    return [(float(a), float(min(b, until))) for a, b in zip(reached[gap], entry[gap], strict=True)]


@dataclass(frozen=True, slots=True)
class Influence:
    """Influence of subjects on a curve, in parts that prefix sums can square.

    A subject under observation from e to u moves the curve at t by ``weight scale(t)`` times
    ``A(min(t, u)) - A(e) + [u <= t] own`` with A = a + b g(t): a and b cumulate over time, own is
    what its event adds, and g is that of the moment looked at.

    Attributes
    ----------
    a, b : ndarray, shape (m,)
        Common part at each position.
    own_a, own_b : ndarray, shape (n,)
        What the event of a subject adds; 0 for censored subjects.
    g : ndarray, shape (m,)
    scale : ndarray, shape (m,)
        Factor of everything at each position.
    """

    a: FloatArray
    b: FloatArray
    own_a: FloatArray
    own_b: FloatArray
    g: FloatArray
    scale: FloatArray

    def at(self, counts: Counts, weight: FloatArray, here: IntArray) -> FloatArray:
        """Return the influence of every subject at some positions, shape (n, len(here))."""
        place, start = counts.place, counts.start
        a0, b0 = self._at_start(counts)
        result = np.empty((len(weight), len(here)))
        for j, i in enumerate(here):
            over = place <= i
            upto = np.minimum(place, i)
            a = self.a[upto] - a0 + np.where(over, self.own_a, 0.0)
            b = self.b[upto] - b0 + np.where(over, self.own_b, 0.0)
            has_started = start <= i
            result[:, j] = np.where(has_started, weight * self.scale[i] * (a + b * self.g[i]), 0.0)
        return result

    def variance(self, counts: Counts, weight: FloatArray) -> FloatArray:
        """Return the sum of squared influences at every position, shape (m,)."""
        place, start, m = counts.place, counts.start, len(counts.time)
        w2 = weight**2
        g = self.g

        def upto(at: IntArray, values: FloatArray) -> FloatArray:
            return np.cumsum(np.bincount(at, weights=values, minlength=m))

        # Those whose time has come: (a + b g)^2 with a and b their own for good.
        a0, b0 = self._at_start(counts)
        a = self.own_a + self.a[place] - a0
        b = self.own_b + self.b[place] - b0
        done = upto(place, w2 * a * a) + g * (
            2 * upto(place, w2 * a * b) + g * upto(place, w2 * b * b)
        )

        # Those at risk: (A(t) - A(e))^2.
        def present(values: FloatArray) -> FloatArray:
            return upto(start, values) - upto(place, values)

        c = self.a + self.b * g
        first = present(w2 * a0) + g * present(w2 * b0)
        second = present(w2 * a0 * a0) + g * (2 * present(w2 * a0 * b0) + g * present(w2 * b0 * b0))
        still = c * c * present(w2) - 2 * c * first + second
        return self.scale**2 * np.maximum(done + still, 0.0)

    def times(self, counts: Counts, weight: FloatArray, columns: FloatArray) -> FloatArray:
        """Return the influences times columns, summed over subjects at every position.

        Parameters
        ----------
        columns : ndarray, shape (n, q)

        Returns
        -------
        ndarray, shape (m, q)
        """
        place, start, m = counts.place, counts.start, len(counts.time)
        a0, b0 = self._at_start(counts)
        a = self.own_a + self.a[place] - a0
        b = self.own_b + self.b[place] - b0
        c = self.a + self.b * self.g
        result = np.empty((m, columns.shape[1]))

        def upto(at: IntArray, values: FloatArray) -> FloatArray:
            return np.cumsum(np.bincount(at, weights=values, minlength=m))

        def present(values: FloatArray) -> FloatArray:
            return upto(start, values) - upto(place, values)

        for j, column in enumerate(columns.T):
            w = weight * column
            done = upto(place, w * a) + self.g * upto(place, w * b)
            still = c * present(w) - present(w * a0) - self.g * present(w * b0)
            result[:, j] = self.scale * (done + still)
        return result

    def _at_start(self, counts: Counts) -> tuple[FloatArray, FloatArray]:
        """Return a and b when each subject comes under observation; nothing is cumulated by 0."""
        return np.append(0.0, self.a)[counts.start], np.append(0.0, self.b)[counts.start]
