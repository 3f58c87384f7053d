"""Days at which a curve is read: which can be asked for, and which carries a headline number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import SpecError, check_tau
from trdstats.kernels.risk_sets.follow_up import FollowUp

LEAST_AT_RISK = 10
LEAST_PROPORTION = 0.1
SUPPORT_RULE = (
    f"at least {LEAST_AT_RISK} subjects, or {100 * LEAST_PROPORTION:g} % of the group, "
    "still at risk"
)


def check_days(days: Sequence[float], tau: float | None = None) -> None:
    """Raise `SpecError` unless days are finite and not negative, and tau is positive."""
    wrong = [d for d in days if not (np.isfinite(d) and d >= 0)]
    if wrong:
        raise SpecError(f"Days count from 0 on and are finite; got {wrong[0]!r}.")
    if tau is not None:
        check_tau(tau)


def is_supported(n_risk: FloatArray, n: int) -> BoolArray:
    """Return whether enough of the n subjects of a group are at risk for a headline number."""
    return (n_risk >= LEAST_AT_RISK) | (n_risk >= LEAST_PROPORTION * n)


def headline_day(time: FloatArray, entry: FloatArray) -> float:
    """Return the last observed time with enough subjects still at risk, 0 when there is none."""
    distinct = np.unique(time)
    heads = FollowUp(time, np.zeros(len(time), dtype=np.intp), entry, np.ones(len(time)))
    enough = is_supported(heads.at_risk(distinct), len(time))
    return float(distinct[enough][-1]) if enough.any() else 0.0


def beyond_follow_up(group: pd.Series[Any], time: FloatArray, last: float) -> tuple[str, ...]:
    """Return a note on groups in which no subject was followed to the last day asked for.

    A curve of the group itself ends there. A regression goes on, by what it saw of the others.
    """
    longest = pd.Series(time).groupby(group.to_numpy(dtype=object), sort=False).max()
    short = [f"{name} (to day {longest[name]:g})" for name in longest[longest < last].index]
    if not short:
        return ()
    return (
        f"No subject was followed to day {last:g} under {', '.join(sorted(short))}. What the "
        "regression says of later days there rests on its form alone, and the interval knows "
        "nothing of that.",
    )
