"""Cumulative incidence from rows (start, stop] whose weights change from row to row.

The order of the rows is found once; a curve under other weights then takes two sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class RowCurves:
    """Places of rows among the days on which something happened.

    Attributes
    ----------
    days : ndarray, shape (m,)
        Distinct days of events of any cause, in order.
    enters, leaves : ndarray of int, shape (R,)
        A row is at risk at days enters, ..., leaves - 1.
    event : ndarray of int, shape (R,)
        Place of its event; m without one.
    status : ndarray of int, shape (R,)
        0, or the cause.
    """

    days: FloatArray
    enters: IntArray
    leaves: IntArray
    event: IntArray
    status: IntArray

    @classmethod
    def of(cls, start: FloatArray, stop: FloatArray, status: IntArray) -> RowCurves:
        """Put rows in their places."""
        days = np.unique(stop[status > 0])
        event = np.where(status > 0, np.searchsorted(days, stop), len(days))
        return cls(
            days, np.searchsorted(days, start, side="right"),
            np.searchsorted(days, stop, side="right"), event, status,
        )  # fmt: skip

    def incidence(self, weight: FloatArray) -> FloatArray:
        """Return the cumulative incidence of cause 1 after each day, shape (m,).

        NaN from the first day on which no row with a weight is at risk.
        """
        m = len(self.days)
        here = weight > 0
        come = np.bincount(self.enters[here], weight[here], minlength=m + 1)
        go = np.bincount(self.leaves[here], weight[here], minlength=m + 1)
        at_risk = np.maximum(np.cumsum(come - go)[:m], 0.0)
        ended = np.bincount(self.event[here], weight[here], minlength=m + 1)[:m]
        of_cause = here & (self.status == 1)
        events = np.bincount(self.event[of_cause], weight[of_cause], minlength=m + 1)[:m]
        # Rounding leaves crumbs where all rows have gone.
        empty = at_risk <= 1e-12 * max(float(weight.sum()), 1e-300)
        with np.errstate(divide="ignore", invalid="ignore"):
            survival = np.cumprod(np.where(empty, np.nan, 1.0 - ended / at_risk))
            rise = np.r_[1.0, survival[:-1]] * events / at_risk
        return np.asarray(np.cumsum(np.where(empty, np.nan, rise)))

    def at(self, curve: FloatArray, days: FloatArray) -> FloatArray:
        """Return a curve on days; 0 before the first event."""
        place = np.searchsorted(self.days, days, side="right") - 1
        return np.where(place >= 0, curve[np.maximum(place, 0)], 0.0) if len(curve) else (
            np.zeros(len(days))
        )  # fmt: skip

    def mean_without(self, curve: FloatArray, tau: float) -> float:
        """Return the area above the curve up to tau: days before cause 1, others counted on."""
        inside = self.days < tau
        edges = np.r_[0.0, self.days[inside], tau]
        height = np.r_[1.0, 1.0 - curve[inside]]
        return float((np.diff(edges) * height).sum())
