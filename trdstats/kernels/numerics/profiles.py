"""Limits from the profile of a log-likelihood: where its loss reaches a critical value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

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
        Infinite where the loss never gets there.
    """
    side = 1.0 if upper else -1.0
    inner, step = 0.0, np.sqrt(critical)
    while step <= _FARTHEST:
        at = profile(estimate + side * step * std_error)
        if at.known and at.loss >= critical:
            root = brentq(
                lambda s: profile(estimate + side * s * std_error).loss - critical,
                inner, step, xtol=1e-10, rtol=1e-12,
            )  # fmt: skip
            return float(estimate + side * root * std_error)
        inner, step = step, step * 1.5
    return float(side * np.inf)
