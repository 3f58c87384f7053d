"""Probabilities that depend on covariates and still keep a stated average."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trdstats.arrays import BoolArray, FloatArray


def calibrate(average: float, effect: npt.NDArray[np.floating]) -> FloatArray:
    """Return ``expit(a + effect)`` with `a` such that the mean is `average`.

    This is how a covariate is made to matter within a cohort while the cohort as a whole keeps
    the prevalence or the response that its source reports.

    Parameters
    ----------
    average : float
        Wanted mean, 0 to 1.
    effect : ndarray, shape (n,)
        Log odds relative to an arbitrary origin.

    Returns
    -------
    ndarray, shape (n,)
        Probabilities.
    """
    if average <= 0 or average >= 1:
        return np.full(len(effect), float(average))
    low, high = -40.0, 40.0
    for _ in range(80):  # bisection: 80 halvings of 80 exhaust double precision
        middle = (low + high) / 2
        if np.mean(1 / (1 + np.exp(-middle - effect))) < average:
            low = middle
        else:
            high = middle
    return np.asarray(1 / (1 + np.exp(-(low + high) / 2 - effect)))


def draw_yes(
    average: float, effect: npt.NDArray[np.floating], rng: np.random.Generator
) -> BoolArray:
    """Return yes or no for each subject, `average` of them yes in expectation."""
    return rng.random(len(effect)) < calibrate(average, effect)


def draw_truncated(
    n: int, rng: np.random.Generator, *, mean: FloatArray, sd: float, low: float, high: float
) -> FloatArray:
    """Return rounded normal numbers; who falls outside the limits is drawn again.

    Parameters
    ----------
    n : int
    rng : numpy.random.Generator
    mean : ndarray, shape (n,)
        Mean before the limits are imposed.
    sd : float
    low, high : float
        Limits, both allowed: an entry rule, or the ages a clinic treats.

    Returns
    -------
    ndarray, shape (n,)
        Whole numbers.
    """
    value = np.rint(rng.normal(mean, sd))
    while (outside := (value < low) | (value > high)).any():
        value[outside] = np.rint(rng.normal(mean[outside], sd))
    return value
