"""Limits and tests of a Cox regression by Firth's penalised likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError
from trdstats.estimates.weights import WeightsLike
from trdstats.kernels.numerics.tails import chi2_sf
from trdstats.kernels.risk_sets.firth import FirthFit
from trdstats.outcomes import Episodes, EventTimes


def check_firth(times: EventTimes | Episodes, weights: WeightsLike | None) -> None:
    """Refuse what makes the partial likelihood none.

    Raises
    ------
    NotEstimableError
    """
    recurrent = isinstance(times, Episodes) and times.is_recurrent
    if weights is not None or recurrent:
        raise NotEstimableError(
            "firth=True penalises a likelihood; with weights of subjects, or several events of "
            "one, there is none. Fit without them, or without firth=True."
        )


@dataclass(frozen=True, eq=False)
class FirthLimits:
    """Profile limits of log hazard ratios, and penalised likelihood ratio tests.

    Attributes
    ----------
    fit : FirthFit
    """

    fit: FirthFit

    def interval(self, conf_level: float) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper limits."""
        at = range(len(self.fit.fit.beta))
        low, high = (
            np.array([self.fit.limit(j, conf_level, upper=upper) for j in at])
            for upper in (False, True)
        )
        return low, high

    def p_values(self) -> FloatArray:
        """Return the p values of the tests that a coefficient is 0."""
        return np.asarray(chi2_sf(self._drops(), 1))

    def roots(self) -> FloatArray:
        """Return signed roots of the test statistics, which are near normal."""
        return np.asarray(np.sign(self.fit.fit.beta) * np.sqrt(self._drops()))

    def _drops(self) -> FloatArray:
        at = range(len(self.fit.fit.beta))
        return np.maximum([self.fit.deviance_drop(j, 0.0) for j in at], 0.0)
