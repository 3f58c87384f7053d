"""A cohort in maintenance treatment that starts and stops with the last score."""

from __future__ import annotations

import warnings
from typing import Literal

import numpy as np
import pandas as pd

from trdstats.arguments import checked
from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import DataWarning
from trdstats.study import Study

STEP, MONTHS = 28, 13
_START, _PULL, _BACK = 10.0, 1.7, 0.85
_NOISE, _FRAILTY = 3.8, 1.5
_EFFECT = -1.5  # points a month on treatment
CUT = 22.0

Regimen = Literal["as decided", "always", "never", "until remission"]


def _course(rng: np.random.Generator, n: int, regimen: Regimen) -> tuple[FloatArray, BoolArray]:
    """Return scores (n, months + 1) and treatment in each month (n, months)."""
    frailty = _FRAILTY * rng.standard_normal(n)
    score = np.empty((n, MONTHS + 1))
    on = np.empty((n, MONTHS), dtype=bool)
    score[:, 0] = np.clip(_START + frailty + 2.5 * rng.standard_normal(n), 1, 18)
    before = np.ones(n, dtype=bool)
    reached = np.zeros(n, dtype=bool)
    for k in range(MONTHS):
        # The worse, the more is continued, and the more is started again.
        seen = np.round(score[:, k]) - 10
        odds = np.where(before, 1.2 + 0.12 * seen, -1.2 + 0.14 * seen)
        chosen = rng.random(n) < 1 / (1 + np.exp(-odds))
        # As everywhere in the library, a state is one after the first visit.
        reached |= (k > 0) & (np.round(score[:, k]) <= 6)
        forced = {"always": np.ones(n, dtype=bool), "never": np.zeros(n, dtype=bool),
                  "until remission": ~reached}  # fmt: skip
        on[:, k] = chosen if regimen == "as decided" else forced[regimen]
        drift = _PULL + 0.3 * frailty + _EFFECT * on[:, k]
        score[:, k + 1] = np.clip(
            _BACK * score[:, k] + 1.4 + drift + _NOISE * rng.standard_normal(n), 0, 60
        )
        before = on[:, k]
    return np.round(score), on


@checked
def simulate_maintenance(n: int = 500, *, seed: int = 0) -> Study:
    """Draw a cohort of responders in maintenance with lithium, seen every 28 days for a year.

    At every visit lithium is continued or stopped, and started again, depending on the score: the
    worse the score, the more of it. It lowers the score of the next month by 1.5 points. Crude
    comparisons, and those adjusted for the first score only, therefore see less of its effect, or
    harm.

    Parameters
    ----------
    n : int, default 500
    seed : int, default 0

    Returns
    -------
    Study
        Scores of the MADRS; courses of lithium. Relapse is a score of 22 or more.

    Examples
    --------
    >>> study = simulate_maintenance(50, seed=1)
    >>> study.courses["treatment"].unique().tolist()
    ['lithium']
    """
    score, on = _course(np.random.default_rng((20261128, seed)), n, "as decided")
    who = np.array([f"M{i:05d}" for i in range(n)])
    days = STEP * np.arange(MONTHS + 1)
    visits = pd.DataFrame(
        {"subject": np.repeat(who, MONTHS + 1), "treatment": "maintenance",
         "day": np.tile(days, n), "visit": np.tile(days, n), "score": score.ravel()}
    )  # fmt: skip
    # A course begins on the day of a visit and covers the months after it.
    # All came to the first visit on lithium.
    none = np.zeros((n, 1), dtype=int)
    step = np.diff(np.hstack([none, none + 1, on, none]), axis=1)
    begins, ends = np.nonzero(step == 1), np.nonzero(step == -1)
    courses = pd.DataFrame(
        {"subject": who[begins[0]], "treatment": "lithium", "start": STEP * (begins[1] - 1),
         "end": STEP * (ends[1] - 1)}
    )  # fmt: skip
    with warnings.catch_warnings():
        # One cohort: nothing is to be compared between treatments of the first day.
        warnings.simplefilter("ignore", DataWarning)
        return Study(visits, courses=courses, scale="MADRS")


def true_relapse(
    regimen: Regimen, *, n: int = 400_000, seed: int = 1
) -> tuple[FloatArray, FloatArray]:
    """Return days of visits, and the probability of relapse by each had all followed a regimen."""
    score, _ = _course(np.random.default_rng((7, seed)), n, regimen)
    met = np.maximum.accumulate(score[:, 1:] >= CUT, axis=1)
    return STEP * np.arange(1, MONTHS + 1).astype(float), met.mean(axis=0)
