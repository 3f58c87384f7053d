"""Variances of many tables at once, at the estimates that differ by d or have a ratio.

The equations of `difference_variance` and `ratio_variance` for arrays: of one table plain numbers
are ten times faster, of twenty tables and both limits arrays are.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Self

import numpy as np
import numpy.typing as npt

from trdstats.arrays import FloatArray

_STEPS = 5
_LAST_DIGIT = 1e-15


@dataclass(frozen=True, slots=True)
class DifferenceVariances:
    """Variances of p1 - p0 in k tables, with the factor N / (N - 1).

    Events and non-events change places where events are the majority (`turn` is then -1), as in
    `score_difference`, which has the reasons and the reference. The cubic is divided by its lead.

    Attributes
    ----------
    turn : ndarray, shape (k,)
    slope, constant : ndarray, shape (k,)
        Of the quadratic coefficient, ``slope d - constant``.
    reference_part, middle, events : ndarray, shape (k,)
        Of the linear coefficient, ``(reference_part d - middle) d + events``.
    reference_events : ndarray, shape (k,)
        As a part of all subjects; the last coefficient is ``reference_events d (1 - d)``.
    n1, n0 : ndarray, shape (k,)
        Subjects times (N - 1) / N.
    """

    turn: FloatArray
    slope: FloatArray
    constant: FloatArray
    reference_part: FloatArray
    middle: FloatArray
    events: FloatArray
    reference_events: FloatArray
    n1: FloatArray
    n0: FloatArray

    @classmethod
    def of(
        cls,
        x1: npt.NDArray[np.int64],
        n1: npt.NDArray[np.int64],
        x0: npt.NDArray[np.int64],
        n0: npt.NDArray[np.int64],
    ) -> Self:
        """Return the coefficients of tables, none with an empty group."""
        total = n1 + n0
        most = 2 * (x1 + x0) > total
        x1, x0 = np.where(most, n1 - x1, x1), np.where(most, n0 - x0, x0)
        factor = (total - 1) / total
        return cls(
            np.where(most, -1.0, 1.0), (n1 + 2 * n0) / total, (total + x1 + x0) / total, n0 / total,
            (total + 2 * x0) / total, (x1 + x0) / total, x0 / total, factor * n1, factor * n0,
        )  # fmt: skip

    def at(self, d: FloatArray) -> FloatArray:
        """Return the variances at differences of shape (m,), shape (m, k).

        Examples
        --------
        >>> tables = DifferenceVariances.of(*(np.array([v]) for v in (6, 10, 3, 10)))
        >>> round(float(tables.at(np.zeros(1))[0, 0]), 6)  # 0.45 * 0.55 * 0.2 * 20 / 19
        0.052105
        """
        d = d[:, None] * self.turn
        c2 = d * self.slope - self.constant
        c1 = (d * self.reference_part - self.middle) * d + self.events
        c0 = self.reference_events * d * (1 - d)
        third = c2 / 3
        square = third * third
        q = (square - c1 / 2) * third + c0 / 2
        p = np.sqrt(np.maximum(square - c1 / 3, 0.0))
        cosine = np.divide(np.abs(q), p**3, out=np.zeros_like(q), where=p > 0)
        angle = (pi + np.arccos(np.minimum(cosine, 1.0))) / 3
        least, most = np.maximum(0.0, -d), np.minimum(1.0, 1 - d)
        r0 = np.copysign(2 * p * np.cos(angle), q) - third
        r0 = np.minimum(np.maximum(r0, least), most)
        for _ in range(_STEPS):
            slope = (3 * r0 + 2 * c2) * r0 + c1
            step = (((r0 + c2) * r0 + c1) * r0 + c0) / np.where(slope < 0, slope, np.inf)
            before, r0 = r0, np.minimum(np.maximum(r0 - step, least), most)
            if (np.abs(r0 - before) <= _LAST_DIGIT * r0).all():
                break
        r1 = np.minimum(np.maximum(r0 + d, 0.0), 1.0)
        return np.asarray(r1 * (1 - r1) / self.n1 + r0 * (1 - r0) / self.n0)


def ratio_variances(
    ratio: FloatArray,
    x1: npt.NDArray[np.int64],
    n1: npt.NDArray[np.int64],
    x0: npt.NDArray[np.int64],
    n0: npt.NDArray[np.int64],
) -> FloatArray:
    """Return the variances of p1 - ratio p0 at ratios of shape (m,) in k tables, shape (m, k).

    With the factor N / (N - 1), as `ratio_variance`, whose reference it shares.
    """
    ratio = ratio[:, None]
    total = n1 + n0
    a, b, c = total * ratio, n1 * ratio + x1 + n0 + x0 * ratio, x1 + x0
    r0 = np.minimum(2 * c / (b + np.sqrt(np.maximum(b * b - 4 * a * c, 0.0))), 1.0)
    r1 = np.minimum(ratio * r0, 1.0)
    variance = r1 * (1 - r1) / n1 + ratio**2 * (r0 * (1 - r0) / n0)
    return np.asarray(variance * (total / (total - 1)))
