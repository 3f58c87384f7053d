"""Fine and Gray's regression of the subdistribution hazard, in one pass over the risk sets.

Who had another event stays at risk with weight G(t-) / G(T-), G the curve of the censoring. The
weight is a product of a part of t and a part of the subject, so that sums over risk sets are
prefix sums of both kinds of subjects, and a fit costs O(n log n).

References
----------
Fine and Gray 1999, doi:10.1080/01621459.1999.10474144 (equations 7 and 8).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.numerics.grouped import grouped_sums
from trdstats.kernels.risk_sets.follow_up import FollowUp, count
from trdstats.kernels.risk_sets.partial_likelihood import Fit


@dataclass(frozen=True, slots=True)
class Subdistribution:
    """Data of a fit.

    Attributes
    ----------
    X : ndarray, shape (n, q)
    time : ndarray, shape (m,)
        Distinct times, 0 first.
    place : ndarray of int, shape (n,)
    start : ndarray of int, shape (n,)
        Place of the first time at which a row is at risk: of rows cut where a covariate changes.
    last : ndarray of bool, shape (n,)
        Whether a row is the last one of its subject: only its end may be a censoring.
    event, competing, censored : ndarray of bool, shape (n,)
    weight : ndarray, shape (n,)
    stratum : ndarray of int, shape (n,)
        Subjects that share a curve of the censoring.
    free : ndarray, shape (s, m)
        G(t-): probability of not being censored before each time, by stratum.
    n_risk, n_censor : ndarray, shape (s, m)
        Weighted numbers under observation, and censored, at each time.
    """

    X: FloatArray
    time: FloatArray
    place: IntArray
    start: IntArray
    last: BoolArray
    event: BoolArray
    competing: BoolArray
    censored: BoolArray
    weight: FloatArray
    stratum: IntArray
    free: FloatArray
    n_risk: FloatArray
    n_censor: FloatArray

    @classmethod
    def of(
        cls, X: FloatArray, time: FloatArray, status: IntArray, cause: int, weight: FloatArray,
        stratum: IntArray | None = None, entry: FloatArray | None = None,
        last: BoolArray | None = None,
    ) -> Subdistribution:  # fmt: skip
        """Prepare the data.

        Parameters
        ----------
        X : ndarray, shape (n, q)
        time : ndarray, shape (n,)
        status : ndarray of int, shape (n,)
            0 censored.
        cause : int
            Status of the event of interest.
        weight : ndarray, shape (n,)
        stratum : ndarray of int, shape (n,), optional
            0, 1, ...: strata with curves of the censoring apart.
        entry : ndarray, shape (n,), optional
            Start of rows that follow one of the same subject; 0 for first rows.
        last : ndarray of bool, shape (n,), optional
            Which rows are the last of their subject. Default: all.
        """
        last = np.ones(len(time), dtype=bool) if last is None else last
        censored = (status == 0) & last
        stratum = np.zeros(len(time), dtype=np.intp) if stratum is None else stratum
        counts = count(FollowUp(time, censored.astype(np.intp), np.zeros(len(time)), weight))
        shape = (int(stratum.max()) + 1, len(counts.time))
        cell = stratum * shape[1] + counts.place
        lost = np.bincount(cell, weight * censored, minlength=shape[0] * shape[1]).reshape(shape)
        leaving = np.bincount(cell, weight * last, minlength=shape[0] * shape[1]).reshape(shape)
        n_risk = np.asarray(np.cumsum(leaving[:, ::-1], axis=1)[:, ::-1], dtype=np.float64)
        curve = np.cumprod(1 - lost / np.where(n_risk > 0, n_risk, 1.0), axis=1)
        start = np.zeros(len(time), dtype=np.intp)
        if entry is not None:
            later = entry > 0
            start[later] = np.searchsorted(counts.time, entry[later], side="right")
        return cls(
            X=X,
            time=counts.time,
            place=counts.place,
            start=start,
            last=last,
            event=status == cause,
            competing=(status != cause) & (status > 0),
            censored=censored,
            weight=weight,
            stratum=stratum,
            free=np.hstack((np.ones((shape[0], 1)), curve[:, :-1])),
            n_risk=n_risk,
            n_censor=lost.astype(np.float64),
        )

    def at(self, values: FloatArray) -> FloatArray:
        """Return the sums of values, shape (n, ...), at each time."""
        return grouped_sums(self.place, values, len(self.time))

    def over(self, values: FloatArray) -> FloatArray:
        """Return the weighted sums over the risk set of each time, shape (m, ...)."""
        shape = (-1, *(1,) * (values.ndim - 1))
        total = np.cumsum(self.at(values)[::-1], axis=0)[::-1]
        follows = self.start > 0
        if follows.any():
            # Who is at risk from a time on was not so before it, by this row.
            come = grouped_sums(self.start[follows] - 1, values[follows], len(self.time))
            total = total - np.cumsum(come[::-1], axis=0)[::-1]
        nothing = np.zeros((1, *values.shape[1:]))
        for s, free in enumerate(self.free):
            before = np.concatenate((nothing, self.kept(values, s)[:-1]))
            total = total + free.reshape(shape) * before
        return np.asarray(total)

    @property
    def of_subject(self) -> FloatArray:
        """G(T-) of each subject, shape (n,)."""
        return np.asarray(self.free[self.stratum, self.place])

    def kept(self, values: FloatArray, stratum: int) -> FloatArray:
        """Return sums over those with another event by each time, divided by their G(T-)."""
        shape = (-1, *(1,) * (values.ndim - 1))
        held = self.competing & (self.stratum == stratum)
        part = np.where(held, 1 / self.of_subject, 0.0).reshape(shape)
        return np.cumsum(self.at(values * part), axis=0)

    def part(self, steps: FloatArray) -> FloatArray:
        """Return the sums of steps, shape (m, ...), over each subject's weighted time at risk."""
        shape = (-1, *(1,) * (steps.ndim - 1))
        total = np.cumsum(steps, axis=0)
        late = np.stack([np.cumsum(free.reshape(shape) * steps, axis=0) for free in self.free])
        left = late[:, -1:] - late
        after = left[self.stratum, self.place] / self.of_subject.reshape(shape)
        before = np.concatenate((np.zeros((1, *steps.shape[1:])), total))[self.start]
        at_risk: FloatArray = total[self.place] - before
        return at_risk + np.where(self.competing.reshape(shape), after, 0.0)


def evaluate(data: Subdistribution, beta: FloatArray) -> Fit | None:
    """Return the pseudo-likelihood and its derivatives, one step an event time, or None."""
    with np.errstate(over="ignore"):
        eta = data.X @ beta
        risk = np.exp(eta)
    if not np.isfinite(risk).all():
        return None
    risk_weight = data.weight * risk
    sums = data.over(_beside(risk_weight, data.X))
    S0, S1 = sums[:, 0], sums[:, 1:]
    d = data.at(np.where(data.event, data.weight, 0.0))
    S0 = np.where(d > 0, S0, 1.0)
    hazard, mean = d / S0, S1 / S0[:, None]
    loglik = float((data.weight * data.event) @ eta - d @ np.log(S0))
    score = (data.weight * data.event) @ data.X - d @ mean
    collected = risk_weight * data.part(hazard)
    second = (data.X * collected[:, None]).T @ data.X
    information = second - (d[:, None] * mean).T @ mean
    return Fit(beta, loglik, score, information, risk, hazard, mean)


def score_parts(data: Subdistribution, fit: Fit) -> FloatArray:
    """Return the part of each subject in the score, that of the censoring included, (n, q).

    The second part is what a subject's censoring, or its absence, does to the weights of those
    with another event: q(u) / n(u) at its own censoring, less the sum of q dC / n^2 while it was
    under observation, where q(u) sums what those with another event before u take from the score
    at u and later, as the paper and cmprsk have it.
    """
    expected = fit.hazard[:, None] * fit.mean
    parts = data.part(np.column_stack((fit.hazard, expected)))
    pulled = data.X * parts[:, :1] - parts[:, 1:]
    gained = np.where(data.event[:, None], data.X - fit.mean[data.place], 0.0)
    first = gained - fit.risk[:, None] * pulled
    weighted = _beside(data.weight * fit.risk, data.X)
    of_censoring = np.zeros_like(first)
    for s, free in enumerate(data.free):
        held = data.kept(weighted, s)
        held0, held1 = held[:, 0], held[:, 1:]
        ahead0 = _from_here(free * fit.hazard)
        ahead1 = _from_here(free[:, None] * expected)
        q = np.zeros_like(ahead1)
        q[1:] = held1[:-1] * ahead0[1:, None] - held0[:-1, None] * ahead1[1:]
        n = np.where(data.n_risk[s] > 0, data.n_risk[s], 1.0)[:, None]
        taken = np.cumsum(q * data.n_censor[s][:, None] / n**2, axis=0)[data.place]
        lost = np.where(data.censored[:, None], (q / n)[data.place], 0.0)
        in_stratum = (data.stratum == s) & data.last
        of_censoring[in_stratum] = (lost - taken)[in_stratum]
    return np.asarray(data.weight[:, None] * (first + of_censoring))


def _beside(weight: FloatArray, X: FloatArray) -> FloatArray:
    """Return weights, and the columns times the weights, side by side: one pass sums both."""
    return np.column_stack((weight, weight[:, None] * X))


def _from_here(values: FloatArray) -> FloatArray:
    """Return the sums from each position to the end."""
    return np.cumsum(values[::-1], axis=0)[::-1]
