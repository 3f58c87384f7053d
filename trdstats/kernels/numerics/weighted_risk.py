"""Hazards of risk sets in which subject i has weight m exp(h r): all event times together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.numerics.exponential_sums import ExponentialSums


@dataclass(frozen=True, slots=True)
class WeightedRisk:
    """Subjects of one group in the order of their exits, at risk from the start.

    Attributes
    ----------
    order : ndarray of int, shape (n,)
        Their places as they were given.
    weight, risk : ndarray, shape (n,)
        m and r.
    sums : ExponentialSums
        With r less its mean: a common factor cancels.
    event : ndarray of bool, shape (n,)
    at : ndarray of int, shape (n,)
        Event time of those who had one, 0 for others.
    """

    order: IntArray
    weight: FloatArray
    risk: FloatArray
    sums: ExponentialSums
    event: BoolArray
    at: IntArray

    @classmethod
    def of(
        cls, time: FloatArray, event: BoolArray, weight: FloatArray, risk: FloatArray,
        when: FloatArray, h: FloatArray,
    ) -> Self | None:  # fmt: skip
        """Return them; None where sums had better be written out.

        Parameters
        ----------
        time, weight, risk : ndarray, shape (n,)
        event : ndarray of bool, shape (n,)
        when, h : ndarray, shape (k,)
            Distinct event times, increasing, and the cumulative hazard at each.
        """
        order = np.argsort(time, kind="stable")
        r = risk - risk.mean()
        start = np.searchsorted(time[order], when, side="left")
        sums = ExponentialSums.of(h, r[order], start)
        if sums is None:
            return None
        event = event[order]
        at = np.where(event, np.searchsorted(when, time[order]), 0)
        return cls(order, weight[order], risk[order], sums, event, at)

    def curve(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return what a curve says at each time.

        Returns
        -------
        hazard, largest, effective, at_risk : ndarray, shape (k,)
            The largest weight of those at risk over their mean; (sum w)^2 / sum w^2.
        """
        total = self.sums.over_subjects(self.weight)
        squares = self.sums.over_subjects(self.weight**2, factor=2.0)
        at_risk = (len(self.order) - self.sums.start).astype(float)
        largest = self.sums.largest(self.weight) * at_risk / total
        return self._at_events(self._now()) / total, largest, total**2 / squares, at_risk

    def effects(
        self, hazard: FloatArray, each: FloatArray, X: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return first-order effects on sums of hazards, each times its slope.

        Parameters
        ----------
        hazard : ndarray, shape (k,)
        each : ndarray, shape (k, p)
        X : ndarray, shape (n, q)
            Covariates b of r = exp(x'b), of subjects as they were given.

        Returns
        -------
        direct : ndarray, shape (n, p)
            Of each subject, as they were given.
        on_h : ndarray, shape (k, p)
        on_b : ndarray, shape (q, p)
        """
        total, now, p = self.sums.over_subjects(self.weight), self._now(), each.shape[1]
        slope = each / total[:, None]
        lost = -hazard[:, None] * slope
        h = self.sums.h[:, None]
        # Both sums over the times at risk, of the parts and of h times the parts, at once.
        part = self.weight[:, None] * self.sums.over_times(np.hstack([lost, h * lost]))
        gained = now[:, None] * np.hstack([slope, h * slope])[self.at]
        part += np.where(self.event[:, None], gained, 0.0)
        direct = np.empty((len(part), p))
        direct[self.order] = part[:, :p]
        pulled = self._at_events(now * self.risk)
        pulled = pulled - hazard * self.sums.over_subjects(self.weight * self.risk)
        on_b = X[self.order].T @ (self.risk[:, None] * part[:, p:])
        return direct, pulled[:, None] * slope, on_b

    def _now(self) -> FloatArray:
        """Return the weight of each subject with an event at its time, 0 for others."""
        weight = self.weight * np.exp(self.sums.h[self.at] * self.sums.r)
        return np.where(self.event, weight, 0.0)

    def _at_events(self, values: FloatArray) -> FloatArray:
        return np.bincount(self.at, weights=values, minlength=len(self.sums.h)).astype(float)
