"""Limits from the profile of a log-likelihood: where its loss reaches a critical value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy

# Standard errors within which a limit is looked for; beyond, there is none.
_FARTHEST = 60.0


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile at one value.

    Attributes
    ----------
    loss : float
        Twice the loss of log-likelihood.
    known : bool
        Whether the others could be maximised there.
    """

    loss: float
    known: bool


def profile_limit(
    profile: Callable[[float], Profile],
    estimate: float,
    std_error: float,
    critical: float,
    *,
    upper: bool,
) -> float:
    """Return the value beyond the estimate at which the loss is `critical`.

    Parameters
    ----------
    profile : callable
        Of a value.
    estimate, std_error : float
    critical : float
        Of the chi-squared distribution with one degree of freedom.
    upper : bool

    Returns
    -------
    float
        Infinite where the loss never gets there; NaN where the profile is not known where it
        would.
    """
    unit = std_error if upper else -std_error
    inner, step = 0.0, np.sqrt(critical)
    while step <= _FARTHEST:
        at = profile(estimate + step * unit)
        if at.known and at.loss >= critical:
            root = scipy.optimize.brentq(
                lambda s: profile(estimate + s * unit).loss - critical,
                inner, step, xtol=1e-10, rtol=1e-12,
            )  # fmt: skip
            limit = float(estimate + root * unit)
            there = profile(limit)
            is_met = there.known and abs(there.loss - critical) < 1e-6 * critical
            return limit if is_met else np.nan
        # A loss that is not known is too high, if anything: no end of a bracket.
        inner = step if at.loss < critical else inner
        step *= 1.5
    return float(np.copysign(np.inf, unit)) if at.known else np.nan
