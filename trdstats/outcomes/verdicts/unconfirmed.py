"""Rates asked for on a day too early for the definition: what later visits must confirm."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trdstats.errors import DataWarning, Problem, warn
from trdstats.kernels.visits.endpoints import REASONS, UNCONFIRMED

_MOSTLY = 0.5  # of those who may meet it
_FEWEST = 10  # who may; of fewer a half says nothing


def warn_of_unconfirmed(
    outcomes: pd.DataFrame, label: str, day: float, missing: str
) -> tuple[Problem, ...]:
    """Note that most of those who may meet a definition by a day are not known to, and return it.

    Parameters
    ----------
    outcomes : DataFrame
        One row a subject: treatment, met, reason.
    label : str
        Label of the definition.
    day : float
    missing : str
        What becomes of them: see `rates`.
    """
    waiting = outcomes["reason"].eq(REASONS[UNCONFIRMED]).to_numpy()
    settled = outcomes["met"].fillna(False).to_numpy(dtype=bool) & ~waiting
    n, of = int(waiting.sum()), int((waiting | settled).sum())
    if of < _FEWEST or n < _MOSTLY * of:
        return ()
    become = {
        "nonresponse": "they count as not met",
        "observed": "they are left out",
        "locf": "they are left out",
        "worst": "they count as not met, but as met under the reference",
    }[missing]
    arms = outcomes["treatment"].cat.categories
    per_arm = np.bincount(outcomes["treatment"].cat.codes[waiting], minlength=len(arms))
    problem = Problem(
        "unconfirmed_at_day",
        f"Of {of:,} subjects who may meet {label} by day {day:g}, {n:,} are not known to until "
        f"later visits confirm it: {become}.",
        tuple(f"{name}: {k:,}" for name, k in zip(arms, per_arm, strict=True) if k),
        "Ask for a later day, or take a definition that is settled by then.",
        level="warning",
    )
    warn(problem.describe(), DataWarning)
    return (problem,)
