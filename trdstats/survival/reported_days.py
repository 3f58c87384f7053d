"""Days at which a curve is read: which can be asked for, and which carries a headline number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import SpecError

LEAST_AT_RISK = 10
LEAST_SHARE = 0.1
SUPPORT_RULE = (
    f"at least {LEAST_AT_RISK} subjects, or {100 * LEAST_SHARE:g} % of the group, still at risk"
)


def check_days(days: Sequence[float], tau: float | None = None) -> None:
    """Raise `SpecError` unless days are finite and not negative, and tau is positive."""
    wrong = [d for d in days if not (np.isfinite(d) and d >= 0)]
    if wrong:
        raise SpecError(f"Days count from 0 on and are finite; got {wrong[0]!r}.")
    if tau is not None and not (np.isfinite(tau) and tau > 0):
        raise SpecError(f"tau must be a positive number of days; got {tau!r}.")


def heads_at_risk(time: FloatArray, entry: FloatArray, at: FloatArray) -> FloatArray:
    """Return the number of subjects, not of weight, at risk just before each time.

    Parameters
    ----------
    time, entry : ndarray, shape (n,)
        Under observation on (entry, time]; from the start where entry is 0.
    at : ndarray, shape (k,)
    """
    late = np.sort(entry[entry > 0])
    still = len(time) - np.searchsorted(np.sort(time), at, side="left")
    # Who enters at or after a time is among those still to come, and not at risk at it.
    return np.asarray(still - (len(late) - np.searchsorted(late, at, side="left")), dtype=float)


def is_supported(n_risk: FloatArray, n: int) -> BoolArray:
    """Return whether enough of the n subjects of a group are at risk for a headline number."""
    return (n_risk >= LEAST_AT_RISK) | (n_risk >= LEAST_SHARE * n)


def headline_day(time: FloatArray, entry: FloatArray) -> float:
    """Return the last observed time with enough subjects still at risk, 0 when there is none."""
    distinct = np.unique(time)
    enough = is_supported(heads_at_risk(time, entry, distinct), len(time))
    return float(distinct[enough][-1]) if enough.any() else 0.0
