"""The course of depression as a mixture of latent trajectories.

A single normal mean curve cannot give the means, the spreads and the response rates of trials
of treatment-resistant depression together; six trajectories with a multiplicative deviation do
(classes as in Kaster et al. 2019, Am J Psychiatry, for rTMS, widened to other treatments).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Curves:
    """Expected share of the baseline score over time, one entry a class.

    ``f(t) = floor + (1 - floor) h(t / fall) + rise (1 - h(max(0, t - course_end) / rise_time))``
    with ``h(x) = 0.5 ** x``.

    Attributes
    ----------
    floor : ndarray, shape (classes,)
        Share of baseline that is left when the effect is complete.
    fall : ndarray, shape (classes,)
        Half-time of the improvement, in days.
    rise : ndarray, shape (classes,)
        Share of baseline that comes back after the course; 0 where the effect is kept.
    course_end : float
        Last day of treatment.
    rise_time : float
        Half-time of the return, in days.
    """

    floor: FloatArray
    fall: FloatArray
    rise: FloatArray
    course_end: float
    rise_time: float


def compute_proportion(days: FloatArray, group: IntArray, curves: Curves) -> FloatArray:
    """Return the expected share of the baseline score.

    Parameters
    ----------
    days : ndarray, shape (n, visits)
        Days after first treatment.
    group : ndarray of int, shape (n,)
        Latent class of each subject.
    curves : Curves

    Returns
    -------
    ndarray, shape (n, visits)
        1 on day 0.
    """
    floor, fall, rise = (a[group][:, None] for a in (curves.floor, curves.fall, curves.rise))
    since_end = np.maximum(0.0, days - curves.course_end)
    returned = rise * (1 - 0.5 ** (since_end / curves.rise_time))
    return floor + (1 - floor) * 0.5 ** (days / fall) + returned


def compute_onset(group: IntArray, deviation: FloatArray, curves: Curves) -> FloatArray:
    """Return the day on which the expected score has halved.

    Parameters
    ----------
    group : ndarray of int, shape (n,)
    deviation : ndarray, shape (n,)
        Multiplicative deviation of each subject from the class curve.
    curves : Curves

    Returns
    -------
    ndarray, shape (n,)
        Days; 0 for who would have halved at once, infinite for who never does.
    """
    floor, fall = curves.floor[group], curves.fall[group]
    room = 0.5 / deviation - floor
    with np.errstate(divide="ignore", invalid="ignore"):
        onset = fall * np.log2((1 - floor) / room)
    return np.where(room > 0, np.maximum(0.0, onset), np.inf)


def draw_noise(
    days: FloatArray, rng: np.random.Generator, *, sd: float, weekly_correlation: float
) -> FloatArray:
    """Return autoregressive noise on individual visit days.

    Neighbouring visits `w` weeks apart correlate ``weekly_correlation ** sqrt(w)``; the root
    keeps visits months apart from becoming independent, as in open trial data.

    Parameters
    ----------
    days : ndarray, shape (n, visits)
        Increasing in each row.
    rng : numpy.random.Generator
    sd : float
        Standard deviation at every visit, in points of the scale.
    weekly_correlation : float

    Returns
    -------
    ndarray, shape (n, visits)
        Points of the scale.
    """
    shock = rng.normal(0, 1, days.shape)
    return sd * _chain(shock, weekly_correlation ** np.sqrt(np.diff(days, axis=1) / 7))


def _chain(shock: FloatArray, carry: FloatArray) -> FloatArray:
    """Link unit shocks (n, visits) by carry-over correlations (n, visits - 1)."""
    noise = np.empty_like(shock)
    noise[:, 0] = shock[:, 0]
    for k in range(carry.shape[1]):
        rho = carry[:, k]
        noise[:, k + 1] = rho * noise[:, k] + np.sqrt(1 - rho**2) * shock[:, k + 1]
    return noise


def rate(expected: FloatArray, noise: FloatArray, *, highest: int = 60) -> FloatArray:
    """Return whole scores from 0 to `highest`: expectation plus noise, rounded and cut."""
    return np.clip(np.rint(expected + noise), 0, highest)
