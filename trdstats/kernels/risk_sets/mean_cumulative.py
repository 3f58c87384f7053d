"""Mean number of recurrent events by a day, with what each subject does to it.

The mean is the integral of S(u-) dN(u) / Y(u), with N the events, Y the number at risk and S the
Kaplan-Meier curve of what ends the follow-up for good (1 without such an end). The influence of
subject i on it is, to first order,

    psi_i(t) = int S(u-) / Y dM_i  -  mean(t) B_i(t)  +  int mean dB_i,
    B_i(t)   = int dM'_i / ((1 - dH') Y),

with M_i and M'_i what it has of the events, and of the ends, beyond what its time at risk lets
expect, and H' the hazard of the end. Each of its two parts is r A(t) + c: A cumulates in common, r
is 1 while the subject is at risk, and c changes only when one of its spans begins or ends. So the
sums of squares at all times are prefix sums.

References
----------
Lin, Wei, Yang and Ying 2000, doi:10.1111/1467-9868.00259 (mean function, robust variance). Ghosh
and Lin 2000, doi:10.1111/j.0006-341X.2000.00554.x (with a terminal event).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.risk_sets.follow_up import Counts, FollowUp, count


@dataclass(frozen=True, slots=True)
class MeanNumber:
    """Mean number of events at every distinct time.

    Attributes
    ----------
    counts : Counts
    estimate : ndarray, shape (m,)
    std_error : ndarray, shape (m,)
        Robust: the root of the sum of squared influences of subjects.
    """

    counts: Counts
    estimate: FloatArray
    std_error: FloatArray
    _spans: _Spans
    _common: FloatArray

    def influence(self, days: FloatArray) -> FloatArray:
        """Return the influence of every subject on the mean at some days, shape (n, k)."""
        here = np.searchsorted(self.counts.time, days, side="right") - 1
        at_risk, at_event = self._spans.at(here)
        mean = self.estimate[here]
        first, second = self._common[here].T
        return np.asarray(
            at_risk * (first - mean * second) + at_event[..., 0] - mean * at_event[..., 1]
        )


@dataclass(frozen=True, slots=True)
class _Spans:
    """What holds of each subject after each change: at risk with a weight, and its own parts.

    Attributes
    ----------
    subject, place : ndarray of int, shape (2 n,)
        Sorted by subject and order of the changes; place is a position in the times.
    at_risk : ndarray, shape (2 n,)
        Weight while at risk, else 0.
    at_own_event : ndarray, shape (2 n, 2)
    n : int
        Number of subjects.
    """

    subject: IntArray
    place: IntArray
    at_risk: FloatArray
    at_own_event: FloatArray
    n: int

    def at(self, here: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return what holds of every subject at some places: shapes (n, k) and (n, k, 2)."""
        at_risk = np.zeros((self.n, len(here)))
        at_event = np.zeros((self.n, len(here), 2))
        for j, place in enumerate(here):
            # The last change of each subject up to the place; later ones overwrite earlier ones.
            row = np.flatnonzero(self.place <= place)
            at_risk[self.subject[row], j] = self.at_risk[row]
            at_event[self.subject[row], j] = self.at_own_event[row]
        return at_risk, at_event

    def steps(self, values: FloatArray, m: int) -> FloatArray:
        """Return the sums over subjects, at every place, of a value that each change sets anew."""
        new = np.r_[True, self.subject[1:] != self.subject[:-1]]
        before = np.where(new, 0.0, np.r_[0.0, values[:-1]])
        return np.cumsum(np.bincount(self.place, weights=values - before, minlength=m))


def mean_number(follow_up: FollowUp, subject: IntArray) -> MeanNumber:
    """Estimate the mean number of events.

    Parameters
    ----------
    follow_up : FollowUp
        One row a span (entry, time] at risk; status 1 the event, 2 an end for good, 0 neither.
        Spans of a subject do not overlap.
    subject : ndarray of int, shape (n_rows,)
        0, 1, 2, ...

    Returns
    -------
    MeanNumber
    """
    counts = count(follow_up, 2)
    Y = np.where(counts.n_risk > 0, counts.n_risk, 1.0)
    events, ends = counts.n_event.T / Y
    survival = np.cumprod(np.r_[1.0, 1 - ends])[:-1]
    mean = np.cumsum(survival * events)
    left = np.where(ends < 1, 1 - ends, 1.0)
    # Nobody is left after an end of all: what it does to later events is not there to be had.
    pull = np.where(ends < 1, 1 / (left * Y), 0.0)
    common = -np.cumsum(
        np.stack([survival / Y * events + mean * pull * ends, pull * ends], axis=1), axis=0
    )
    own_event = survival / Y
    own_end = np.stack([mean * pull, pull], axis=1)
    spans = _spans_of(follow_up, counts, subject, common, own_event, own_end)
    m = len(counts.time)
    first, second = common.T
    r, (p, b) = spans.at_risk, spans.at_own_event.T
    A = first - mean * second

    def total(values: FloatArray) -> FloatArray:
        return spans.steps(values, m)

    squares = A * A * total(r * r) + 2 * A * (total(r * p) - mean * total(r * b))
    squares += total(p * p) - 2 * mean * total(p * b) + mean * mean * total(b * b)
    return MeanNumber(counts, mean, np.sqrt(np.maximum(squares, 0.0)), spans, common)


def _spans_of(
    follow_up: FollowUp,
    counts: Counts,
    subject: IntArray,
    common: FloatArray,
    own_event: FloatArray,
    own_end: FloatArray,
) -> _Spans:
    """Return the changes of every subject: two a row, where its span begins and where it ends."""
    order = np.lexsort((follow_up.time, follow_up.entry, subject))
    who, weight = subject[order], follow_up.weight[order]
    status, place = follow_up.status[order], counts.place[order]
    start = counts.start[order] - 1  # the place of the last time up to the entry; -1 from the start
    before = np.where(start[:, None] >= 0, common[np.maximum(start, 0)], 0.0)
    gained = common[place] - before
    gained[:, 0] += np.where(status == 1, own_event[place], 0.0)
    gained += np.where((status == 2)[:, None], own_end[place], 0.0)
    gained *= weight[:, None]
    # What a subject has collected when each of its rows is over, and when it begins.
    total = np.cumsum(gained, axis=0)
    new = np.r_[True, who[1:] != who[:-1]]
    base = (total - gained)[np.maximum.accumulate(np.where(new, np.arange(len(who)), 0))]
    done = total - base
    begun = done - gained - weight[:, None] * before
    zero = np.zeros(len(who))
    each = np.arange(len(who))
    rows = np.lexsort((np.r_[each * 0, each * 0 + 1], np.r_[each, each]))
    return _Spans(
        np.r_[who, who][rows],
        np.r_[np.maximum(start, 0), place][rows],
        np.r_[weight, zero][rows],
        np.concatenate([begun, done])[rows],
        int(subject.max()) + 1,
    )
