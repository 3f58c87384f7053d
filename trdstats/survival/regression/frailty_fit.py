"""Which distribution of a frailty is fitted how."""

from __future__ import annotations

from typing import Literal

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import NotEstimableError
from trdstats.kernels.risk_sets.gamma_frailty import FrailtyFit, fit_gamma_frailty
from trdstats.kernels.risk_sets.lognormal_frailty import fit_lognormal_frailty
from trdstats.kernels.risk_sets.partial_likelihood import Episodes

Distribution = Literal["gamma", "log-normal"]
DISTRIBUTIONS = ("gamma", "log-normal")
_MOST_GROUPS = 2_000


def fit_frailty(
    distribution: Distribution, data: Episodes, group: IntArray, start: FloatArray
) -> FrailtyFit:
    """Fit coefficients and the variance of the frailties.

    Raises
    ------
    NotEstimableError
        When there are too many groups for a log-normal frailty.
    """
    if distribution == "gamma":
        return fit_gamma_frailty(data, group, start)
    groups = int(group.max()) + 1
    if groups > _MOST_GROUPS:
        raise NotEstimableError(
            f"{groups:,} groups are too many for a log-normal frailty, which holds a matrix of "
            f"all groups ({_MOST_GROUPS:,} at most): take distribution='gamma'."
        )
    return fit_lognormal_frailty(data, group, start)
