"""Rates of weighted subjects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import no_error_reason
from trdstats.estimates import Estimates, estimates_of
from trdstats.estimates.weights import (
    WeightsAmong,
    effective_size,
    read_weights,
    weight_model,
    weights_in_words,
)
from trdstats.kernels.numerics.boundary import at_boundary, error_inside, without

NO_RATE = "no subject with a weight has a verdict"


@dataclass(frozen=True)
class WeightedRates:
    """Weighted proportions with the influence of every subject.

    Attributes
    ----------
    rates : Estimates
        Key ``treatment``; compare them for differences and ratios.
    words : str
        What the weights are.
    """

    rates: Estimates
    words: str


def weigh_rates(outcomes: pd.DataFrame, weights: Any) -> WeightedRates:
    """Return the weighted rates of the treatments.

    Parameters
    ----------
    outcomes : pandas.DataFrame
        subject, treatment, met (True / False / missing: not counted).
    weights : str, Series, DataFrame or WeightsAmong

    Notes
    -----
    The influence of a subject on the rate p of its treatment is w (y - p) / sum w. Limits of rates
    are symmetric on the logit scale. Where no subject or every subject of a treatment met the
    definition there is no such influence: the errors, limits and tests of its rate and comparisons
    are NaN.
    """
    arms = [str(c) for c in outcomes["treatment"].cat.categories]
    weight = read_weights(outcomes, weights)
    met = verdicts_as_numbers(outcomes)
    code = outcomes["treatment"].cat.codes.to_numpy().astype(np.intp)
    model = weight_model(weights)
    among = None if model is None else model.among(outcomes["subject"])
    rate, influence = rates_with_influence(met, code, len(arms), weight, among)
    who = outcomes["subject"].to_numpy(dtype=object)
    if among is not None:
        who = np.concatenate([who, among.other_subjects])
    rates = estimates_of(
        pd.DataFrame({"treatment": arms}), rate, influences=influence, subjects=who,
        covariance=without(at_boundary(rate), influence.T @ influence), limits_scale="logit",
        reasons=[
            NO_RATE if np.isnan(p) else no_error_reason(float(error_inside(p, p))) for p in rate
        ],
    )  # fmt: skip
    counted = ~np.isnan(met)
    size = effective_size([weight[counted & (code == k)] for k in range(len(arms))])
    return WeightedRates(rates, weights_in_words(size, among))


def verdicts_as_numbers(outcomes: pd.DataFrame) -> FloatArray:
    """Return the column met as 1, 0 and NaN."""
    met = outcomes["met"].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    return np.asarray(met, dtype=np.float64)


def rates_with_influence(
    met: FloatArray, code: IntArray, k: int, weight: FloatArray, among: WeightsAmong | None
) -> tuple[FloatArray, FloatArray]:
    """Return the weighted rate of each treatment, and the influence of every subject on it.

    Parameters
    ----------
    met : ndarray, shape (n,)
        1, 0 or NaN (not counted).
    code : ndarray of int, shape (n,)
        Treatment of each subject, 0 to k - 1.
    k : int
    weight : ndarray, shape (n,)
    among : WeightsAmong or None
        Model of the weights for these subjects, where they were estimated.

    Returns
    -------
    rate : ndarray, shape (k,)
        NaN without a counted subject.
    influence : ndarray, shape (n, k), or more rows where others took part in the weights
    """
    direct, rate = np.zeros((len(met), k)), np.full(k, np.nan)
    for j in range(k):
        in_arm = (code == j) & ~np.isnan(met) & (weight > 0)
        if in_arm.any():
            w = weight[in_arm] / weight[in_arm].sum()
            rate[j] = float(w @ met[in_arm])
            direct[in_arm, j] = w * (met[in_arm] - rate[j])
    return rate, direct if among is None else among.stacked_influence(direct)
