"""Rates of weighted subjects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.errors import no_error_reason
from trdstats.estimates import Estimates, estimates_of
from trdstats.estimates.weights import effective_size, read_weights, weight_model, weights_in_words
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
    weights : str, Series, DataFrame or EstimatedWeights

    Notes
    -----
    The influence of a subject on the rate p of its treatment is w (y - p) / sum w. Limits of rates
    are symmetric on the logit scale. Where no subject or every subject of a treatment met the
    definition there is no such influence: the errors, limits and tests of its rate and comparisons
    are NaN.
    """
    arms = [str(c) for c in outcomes["treatment"].cat.categories]
    weight = read_weights(outcomes, weights)
    met = outcomes["met"].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    code = outcomes["treatment"].cat.codes.to_numpy()
    direct, rate = np.zeros((len(met), len(arms))), np.full(len(arms), np.nan)
    for k in range(len(arms)):
        in_arm = (code == k) & ~np.isnan(met) & (weight > 0)
        if in_arm.any():
            w = weight[in_arm] / weight[in_arm].sum()
            rate[k] = float(w @ met[in_arm])
            direct[in_arm, k] = w * (met[in_arm] - rate[k])
    model = weight_model(weights)
    among = None if model is None else model.among(outcomes["subject"])
    influence = direct if among is None else among.stacked_influence(direct)
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
