"""Survival curves of a Cox fit averaged over subjects, with what each subject does to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray
from trdstats.kernels.risk_sets.partial_likelihood import CoxFit, at_places, collect


@dataclass(frozen=True, slots=True)
class MeanCurve:
    """Mean survival of all subjects under some covariates.

    Attributes
    ----------
    estimate : ndarray, shape (k,)
        At each day.
    influence : ndarray, shape (n, k)
    """

    estimate: FloatArray
    influence: FloatArray


def mean_curve(
    found: CoxFit,
    X: FloatArray,
    on_beta: FloatArray,
    days: FloatArray,
    among: BoolArray | None = None,
) -> MeanCurve:
    """Average exp(-H0(t) exp(x'b)) over subjects, H0 of each one's stratum.

    Parameters
    ----------
    found : CoxFit
    X : ndarray, shape (n, q)
        Covariates that every subject is given, not centred.
    on_beta : ndarray, shape (n, q)
        Influences on the coefficients.
    days : ndarray, shape (k,)
    among : ndarray of bool, shape (n,), optional
        Whose covariates are averaged over. Default: everybody's.

    Notes
    -----
    The influence on H0(t) is the derivative of sum size / S0 with respect to a subject's weight:
    1 / (d S0) at its own event, less exp(x'b) times the sum of size / S0^2 while it is at risk,
    less the sum of E size / S0 times the influence on b.
    """
    data, fit, sets = found.data, found.fit, found.data.sets
    n = len(data.weight)
    own = sets.stratum[sets.place]
    share = data.weight if among is None else np.where(among, data.weight, 0.0)
    share = share / share.sum()
    risk = np.exp((X - found.centre) @ fit.beta)
    squared = fit.hazard**2 / data.size
    tied = np.maximum(data.ties[sets.place], 1)
    estimate, influence = np.empty(len(days)), np.empty((n, len(days)))
    for k, day in enumerate(days):
        upto = sets.time[data.step] <= day
        hazard = np.where(upto, fit.hazard, 0.0)
        strata = sets.stratum[data.step]
        n_strata = int(sets.stratum[-1]) + 1
        H0 = np.bincount(strata, weights=hazard, minlength=n_strata)
        moved = np.zeros((n_strata, X.shape[1]))
        np.add.at(moved, strata, hazard[:, None] * fit.mean)
        survival = np.exp(-H0[own] * risk)
        estimate[k] = share @ survival
        # What one unit of H0 of a stratum, and of b, does to the mean.
        slope = np.bincount(own, weights=share * survival * risk, minlength=n_strata)
        on_b = (share * survival * risk * H0[own]) @ (X - found.centre) - slope @ moved
        event = at_places(data, np.where(upto, fit.hazard / data.size, 0.0))[sets.place] / tied
        direct = np.where(data.event, event, 0.0)
        direct = direct - fit.risk * collect(data, np.where(upto, squared, 0.0))
        influence[:, k] = (
            share * (survival - estimate[k]) - data.weight * direct * slope[own] - on_beta @ on_b
        )
    return MeanCurve(estimate, influence)
