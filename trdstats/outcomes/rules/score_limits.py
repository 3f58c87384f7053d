"""Limits on scores that decide a definition, as data: what a distribution of scores needs of it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from trdstats.arrays import FloatArray

# Two totals that differ do so by more, and rounding errors are smaller: as in `kernels/visits`.
_SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class ScoreLimit:
    """A limit on the score of a visit that moves with the baseline in a straight line.

    Scores count from good to bad, as a definition sees them: where high is good they are turned
    round.

    Attributes
    ----------
    constant : Fraction or float
        Points.
    slope : Fraction or float
        Points for one point of the baseline; 0 where the baseline plays no part.
    closed : bool
        Whether a score exactly at the limit belongs to those below it.

    Examples
    --------
    A fall of at least half, from a baseline above a floor of 0:

    >>> import numpy as np
    >>> ScoreLimit(Fraction(0), Fraction(1, 2)).last_below(np.array([30.0, 31.0]), 0, 1).tolist()
    [15.0, 15.0]
    """

    constant: Fraction | float
    slope: Fraction | float = Fraction(0)
    closed: bool = True

    @property
    def needs_baseline(self) -> bool:
        """Whether it is not known without a baseline."""
        return self.slope != 0

    def at(self, baseline: FloatArray) -> FloatArray:
        """Return the limit for each baseline, shape (m,); NaN where that is needed and missing."""
        if not self.needs_baseline:
            return np.full(len(baseline), float(self.constant))
        return float(self.constant) + float(self.slope) * baseline

    def last_below(self, baseline: FloatArray, floor: float, step: float) -> FloatArray:
        """Return the highest total below the limit, shape (m,), of totals `step` apart.

        Parameters
        ----------
        baseline : ndarray, shape (m,)
        floor : float
            A total of the scale.
        step : float
            Distance between two totals.
        """
        steps = (self.at(baseline) - floor) / step
        slack = _SLACK / step
        last = np.floor(steps + slack) if self.closed else np.ceil(steps - slack) - 1
        return np.asarray(floor + step * last)


def joined(*parts: tuple[ScoreLimit, ...] | None) -> tuple[ScoreLimit, ...] | None:
    """Return the limits of all parts, each once; None where a part has none to give."""
    known = [p for p in parts if p is not None]
    if len(known) < len(parts):
        return None
    return tuple(dict.fromkeys(limit for p in known for limit in p))
