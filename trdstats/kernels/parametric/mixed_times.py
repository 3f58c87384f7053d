"""Times whose origin is one of several days: a mixture of likelihoods for each subject.

A response that a visit found began on some day since the visit before, x days earlier with
probability p(x). The time since then lies in (left + x, right + x], and was seen only because the
response still held at the visit, that is for more than x days:

    L = sum p(x) [S(left + x) - S(right + x)] / sum p(x) S(x).

References
----------
De Gruttola and Lagakos 1989, doi:10.2307/2532030 (doubly interval-censored times); Kim, De Gruttola
and Lagakos 1993, doi:10.2307/2532596 (regression).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray
from trdstats.kernels.interval.origin_days import OriginDays
from trdstats.kernels.parametric.censored_times import CensoredTimes, Terms


@dataclass(frozen=True, slots=True)
class MixedTimes:
    """What is known of times whose origin is not.

    Attributes
    ----------
    dated : CensoredTimes
        One a subject, counted from the dated origin.
    origin : OriginDays
    rows : CensoredTimes
        One a row of `origin`, counted from it.
    lasted : CensoredTimes
        That the state still held at the visit that found it, one a row.
    """

    dated: CensoredTimes
    origin: OriginDays
    rows: CensoredTimes
    lasted: CensoredTimes

    @classmethod
    def of(cls, left: FloatArray, right: FloatArray, origin: OriginDays) -> MixedTimes:
        """Put together from ends counted from the dated origin, shapes (n,)."""
        none = np.zeros(len(left))
        each, shift = origin.owner, origin.shift
        no_entry = np.zeros(len(each))
        return cls(
            CensoredTimes.of(left, right, none),
            origin,
            CensoredTimes.of(left[each] + shift, right[each] + shift, no_entry),
            CensoredTimes.of(shift, np.full(len(each), np.inf), no_entry),
        )

    @property
    def log_left(self) -> FloatArray:
        """Ends of the dated times, shape (n,)."""
        return self.dated.log_left

    @property
    def log_right(self) -> FloatArray:
        """Ends of the dated times, shape (n,)."""
        return self.dated.log_right

    @property
    def log_entry(self) -> FloatArray:
        """No delayed entry, shape (n,)."""
        return self.dated.log_entry

    @property
    def seen(self) -> BoolArray:
        """Whether the event happened within follow-up, shape (n,)."""
        return self.dated.seen

    def terms(self, of_rows: Callable[[CensoredTimes], Terms]) -> Terms:
        """Return the log-likelihood of each subject from a function of rows."""
        return mix(of_rows(self.rows), self.origin) + -mix(of_rows(self.lasted), self.origin)


def mix(rows: Terms, origin: OriginDays) -> Terms:
    """Return log sum p exp(l) over the rows of each subject, with its derivatives."""
    first, owner = origin.starts, origin.owner
    with np.errstate(divide="ignore"):
        value = rows.value + np.log(origin.chance)
    top = np.maximum.reduceat(value, first)
    relative = np.exp(value - top[owner])
    total = np.add.reduceat(relative, first)
    weight = relative / total[owner]
    gradient = np.add.reduceat(weight[:, None] * rows.gradient, first, axis=0)
    outer = rows.gradient[:, :, None] * rows.gradient[:, None, :]
    hessian = np.add.reduceat(weight[:, None, None] * (rows.hessian + outer), first, axis=0)
    hessian -= gradient[:, :, None] * gradient[:, None, :]
    return Terms(top + np.log(total), gradient, hessian)
