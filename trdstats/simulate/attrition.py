"""Who is still seen, who drops out and what happens between visits.

Hazards depend on the last score that was observed, never on one that was not: data are missing
at random given what the tables hold, and a correct likelihood analysis is not biased by it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray
from trdstats.simulate.mixture import rate
from trdstats.simulate.parameters import Hazards, Retention

EVENTS = ("death", "withdrawal", "hospitalisation", "rescue", "switch")
_MONTH = 28.0  # hazards are stated for four weeks


@dataclass(frozen=True, slots=True)
class Latent:
    """What would be seen if every subject stayed and nothing intervened.

    Attributes
    ----------
    days : ndarray, shape (n, visits)
        Increasing in each row.
    is_scheduled : ndarray of bool, shape (n, visits)
    expected : ndarray, shape (n, visits)
        Expected score.
    noise : ndarray, shape (n, visits)
    baseline : ndarray, shape (n,)
    treated : ndarray of bool, shape (n,)
    """

    days: FloatArray
    is_scheduled: BoolArray
    expected: FloatArray
    noise: FloatArray
    baseline: FloatArray
    treated: BoolArray


@dataclass(frozen=True, slots=True)
class Observed:
    """What is seen.

    Attributes
    ----------
    score : ndarray, shape (n, visits)
        NaN where the visit was not attended or not assessed.
    is_attended : ndarray of bool, shape (n, visits)
    event_day : ndarray, shape (n, 5)
        Day of each of `EVENTS`, infinite when it did not happen.
    """

    score: FloatArray
    is_attended: BoolArray
    event_day: FloatArray


def follow(
    latent: Latent, retention: Retention, hazards: Hazards, rng: np.random.Generator
) -> Observed:
    """Follow subjects from visit to visit.

    Before each visit the hazards of the time since the one before it act, at the last observed
    score; then the visit takes place or is missed, and a rescue or switch of treatment shows in
    the score. Death and withdrawal end observation.

    Parameters
    ----------
    latent : Latent
    retention : Retention
        Hazards of this cohort.
    hazards : Hazards
        What is common to all cohorts.
    rng : numpy.random.Generator

    Returns
    -------
    Observed
    """
    n, visits = latent.days.shape
    chance = rng.random((visits, len(EVENTS) + 2, n))
    when = rng.random((visits, len(EVENTS), n))
    score = np.full((n, visits), np.nan)
    is_attended = np.zeros((n, visits), dtype=bool)
    event_day = np.full((n, len(EVENTS)), np.inf)
    # Those who are never treated leave within two weeks of the day planned for them.
    never = ~latent.treated
    event_day[never, 1] = np.ceil(14 * rng.random((n,))[never]).clip(min=1)
    last: FloatArray = latent.baseline.copy()
    day_before: FloatArray = np.zeros(n)
    for k in range(visits):
        day = latent.days[:, k]
        present = np.isinf(event_day[:, :2]).all(axis=1)
        months = np.asarray((day - day_before) / _MONTH, dtype=np.float64)
        force = _force(last, day, retention, hazards) * months[:, np.newaxis]
        for j in range(len(EVENTS)):
            strikes = present & np.isinf(event_day[:, j]) & (chance[k, j] < -np.expm1(-force[:, j]))
            date = np.ceil(day_before + when[k, j] * (day - day_before)).clip(min=1)
            event_day[strikes, j] = date[strikes]
            if j < 2:  # death and withdrawal exclude each other and all that follows
                present &= ~strikes
        helped = np.minimum(event_day[:, 3], event_day[:, 4])
        since = np.maximum(0.0, day - np.where(np.isinf(helped), day, helped))
        relief = hazards.rescue_gain * (1 - 0.5 ** (since / hazards.rescue_half_time))
        comes = np.where(
            latent.is_scheduled[:, k],
            chance[k, -2] >= hazards.missed,
            chance[k, -2]
            < hazards.unscheduled * np.exp(hazards.unscheduled_per_point * (last - 20)),
        )
        comes &= present & (day > day_before)  # two visits on one day are one visit
        rated = comes & (chance[k, -1] >= hazards.unrated)
        value = rate(latent.expected[:, k] * (1 - relief), latent.noise[:, k])
        is_attended[:, k] = comes
        score[rated, k] = value[rated]
        last = np.where(rated, value, last)
        day_before = np.where(present, day, day_before)
    return Observed(score=score, is_attended=is_attended, event_day=event_day)


def _force(last: FloatArray, day: FloatArray, retention: Retention, hazards: Hazards) -> FloatArray:
    """Return hazards for four weeks, shape (n, 5), in the order of `EVENTS`."""
    worse = last - 20.0
    acute = day <= retention.acute_end
    leaves = np.where(acute, retention.acute, retention.later)
    leaves = leaves * np.exp(hazards.withdrawal_per_point * worse)
    leaves = leaves * np.where(last < 8, np.exp(hazards.withdrawal_if_well), 1.0)
    severity = np.exp(hazards.event_per_point * worse)
    return np.column_stack(
        [
            np.full_like(last, hazards.death),
            leaves,
            retention.hospitalisation * severity,
            retention.rescue * severity,
            retention.switch * severity,
        ]
    )
