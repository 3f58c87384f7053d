"""Rates of weighted subjects and their comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import norm

from trdstats.arrays import FloatArray
from trdstats.estimates.proportion_contrast import MEASURES
from trdstats.estimates.weights import effective_size, read_weights, weight_model, weights_in_words
from trdstats.kernels.numerics.boundary import at_boundary, without


@dataclass(frozen=True)
class WeightedRates:
    """Weighted shares with the influence of every subject.

    Attributes
    ----------
    frame : pandas.DataFrame
        measure, treatment, reference, estimate, std_error, statistic, p_value, conf_low,
        conf_high; a rate for every treatment, then the comparisons.
    influence : pandas.DataFrame
        subject, then one column a treatment.
    words : str
        What the weights are.
    """

    frame: pd.DataFrame
    influence: pd.DataFrame
    words: str


def weigh_rates(
    outcomes: pd.DataFrame, weights: Any, *, reference: str, conf_level: float
) -> WeightedRates:
    """Return the weighted rates of the treatments and what separates them.

    Parameters
    ----------
    outcomes : pandas.DataFrame
        subject, treatment, met (True / False / missing: not counted).
    weights : str, Series, DataFrame or EstimatedWeights
    reference : str
    conf_level : float

    Notes
    -----
    The influence of a subject on the rate p of its treatment is w (y - p) / sum w. Limits of rates
    are symmetric on the logit scale, of ratios on the log scale. Where nobody or everybody of a
    treatment met the definition there is no such influence: the errors, limits and tests of its
    rate and comparisons are NaN.
    """
    arms = [str(c) for c in outcomes["treatment"].cat.categories]
    weight = read_weights(outcomes, weights)
    met = outcomes["met"].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    code = outcomes["treatment"].cat.codes.to_numpy()
    direct, rate = np.zeros((len(met), len(arms))), np.full(len(arms), np.nan)
    for k in range(len(arms)):
        mine = (code == k) & ~np.isnan(met) & (weight > 0)
        if mine.any():
            w = weight[mine] / weight[mine].sum()
            rate[k] = float(w @ met[mine])
            direct[mine, k] = w * (met[mine] - rate[k])
    model = weight_model(weights)
    among = None if model is None else model.among(outcomes["subject"])
    moved = direct if among is None else among.stacked_influence(direct)
    who = outcomes["subject"].to_numpy(dtype=object)
    if among is not None:
        who = np.concatenate([who, among.other_subjects])
    influence = pd.DataFrame(moved, columns=arms)
    influence.insert(0, "subject", who)
    rows = rate_rows(arms, rate, moved.T @ moved, arms.index(reference), conf_level)
    counted = ~np.isnan(met)
    size = effective_size([weight[counted & (code == k)] for k in range(len(arms))])
    return WeightedRates(pd.DataFrame(rows), influence, weights_in_words(size, among))


def rate_rows(
    arms: list[str], rate: FloatArray, V: FloatArray, base: int, conf_level: float
) -> list[dict[str, Any]]:
    """Return rates and their comparisons with one of them, from their covariance.

    Parameters
    ----------
    arms : list of str
    rate : ndarray, shape (k,)
    V : ndarray, shape (k, k)
    base : int
        Position of the reference.
    conf_level : float

    Returns
    -------
    list of dict
        Limits of rates are symmetric on the logit scale, of ratios on the log scale.
    """
    z = float(norm.isf((1 - conf_level) / 2))
    V = without(at_boundary(rate), V)
    rows = []
    for k, name in enumerate(arms):
        p, error = rate[k], float(np.sqrt(V[k, k])) if np.isfinite(rate[k]) else np.nan
        inside = 0 < p < 1
        half = z * error / (p * (1 - p)) if inside else np.nan
        low, high = expit(logit(p) + np.array([-half, half])) if inside else (np.nan, np.nan)
        rows.append(
            {"measure": "rate", "treatment": name, "estimate": p, "std_error": error,
             "conf_low": float(low), "conf_high": float(high)}
        )  # fmt: skip
    for measure in MEASURES:
        for k, name in enumerate(arms):
            if k != base:
                slope = np.zeros(len(arms))
                value, slope[[k, base]] = _compare(measure, rate[k], rate[base])
                own = np.flatnonzero(slope != 0)  # a treatment without a rate is not in V
                error = float(np.sqrt(slope[own] @ V[np.ix_(own, own)] @ slope[own]))
                row = _contrast(value, error, z, log=measure != "difference")
                rows.append({"measure": measure, "treatment": name, "reference": arms[base], **row})
    return rows


def _compare(measure: str, p: float, q: float) -> tuple[float, tuple[float, float]]:
    """Return a comparison of p with q, ratios on the log scale, and its slopes in them."""
    if measure == "difference":
        return p - q, (1.0, -1.0)
    if not (0 < p < 1 and 0 < q < 1):
        return np.nan, (np.nan, np.nan)
    if measure == "ratio":
        return float(np.log(p / q)), (1 / p, -1 / q)
    return float(logit(p) - logit(q)), (1 / (p * (1 - p)), -1 / (q * (1 - q)))


def _contrast(value: float, error: float, z: float, *, log: bool) -> dict[str, float]:
    statistic = value / error if error > 0 else np.nan
    ends = np.array([value, value - z * error, value + z * error])
    estimate, low, high = np.exp(ends) if log else ends
    return {
        "estimate": float(estimate),
        "std_error": error,
        "statistic": float(statistic),
        "p_value": float(2 * norm.sf(abs(statistic))),
        "conf_low": float(low),
        "conf_high": float(high),
    }
