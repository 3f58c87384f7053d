"""Survival curves of a Cox fit averaged over subjects, with what each subject does to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray
from trdstats.kernels.numerics.grouped import grouped_sums
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
    model: CoxFit,
    X: FloatArray,
    on_beta: FloatArray,
    days: FloatArray,
    among: BoolArray | None = None,
) -> MeanCurve:
    """Average exp(-H0(t) exp(x'b)) over subjects, H0 of each one's stratum.

    Parameters
    ----------
    model : CoxFit
    X : ndarray, shape (n, q)
        Covariates that every subject is given, not centred.
    on_beta : ndarray, shape (n, q)
        Influences on the coefficients.
    days : ndarray, shape (k,)
    among : ndarray of bool, shape (n,), optional
        Subjects whose covariates are averaged over. Default: all.

    Notes
    -----
    The influence on H0(t) is the derivative of sum size / S0 with respect to a subject's weight:
    1 / (d S0) at its own event, less exp(x'b) times the sum of size / S0^2 while it is at risk,
    less the sum of E size / S0 times the influence on b.
    """
    data, fit, sets = model.data, model.fit, model.data.sets
    n = len(data.weight)
    stratum_of_step = sets.stratum[sets.place]
    weights = data.weight if among is None else np.where(among, data.weight, 0.0)
    weights = weights / weights.sum()
    risk = np.exp((X - model.centre) @ fit.beta)
    squared = fit.hazard**2 / data.size
    tied = np.maximum(data.ties[sets.place], 1)
    estimate, influence = np.empty(len(days)), np.empty((n, len(days)))
    for k, day in enumerate(days):
        upto = sets.time[data.step] <= day
        hazard = np.where(upto, fit.hazard, 0.0)
        strata = sets.stratum[data.step]
        n_strata = int(sets.stratum[-1]) + 1
        H0 = np.bincount(strata, weights=hazard, minlength=n_strata)
        on_beta_of_stratum = grouped_sums(strata, hazard[:, None] * fit.mean, n_strata)
        survival = np.exp(-H0[stratum_of_step] * risk)
        estimate[k] = weights @ survival
        # What one unit of H0 of a stratum, and of b, does to the mean.
        slope = np.bincount(stratum_of_step, weights=weights * survival * risk, minlength=n_strata)
        on_b = (weights * survival * risk * H0[stratum_of_step]) @ (
            X - model.centre
        ) - slope @ on_beta_of_stratum
        event = at_places(data, np.where(upto, fit.hazard / data.size, 0.0))[sets.place] / tied
        direct = np.where(data.event, event, 0.0)
        direct = direct - fit.risk * collect(data, np.where(upto, squared, 0.0))
        influence[:, k] = (
            weights * (survival - estimate[k])
            - data.weight * direct * slope[stratum_of_step]
            - on_beta @ on_b
        )
    return MeanCurve(estimate, influence)
