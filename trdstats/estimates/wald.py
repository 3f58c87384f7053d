"""Rows of tidy tables: Wald tests of coefficients, delta-method intervals of derived numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import norm

from trdstats.arrays import FloatArray

Scale = Literal["plain", "log", "logit", "log-log"]


def wald_table(
    terms: Sequence[str], estimate: FloatArray, covariance: FloatArray, conf_level: float
) -> pd.DataFrame:
    """Return term, estimate, std_error, statistic, p_value, conf_low, conf_high, conf_level."""
    error = np.sqrt(np.diag(covariance))
    z = norm.isf((1 - conf_level) / 2)
    statistic = estimate / error
    return pd.DataFrame(
        {
            "term": list(terms),
            "estimate": estimate,
            "std_error": error,
            "statistic": statistic,
            "p_value": 2 * norm.sf(np.abs(statistic)),
            "conf_low": estimate - z * error,
            "conf_high": estimate + z * error,
            "conf_level": conf_level,
        }
    )


def delta_row(
    value: float, gradient: FloatArray, covariance: FloatArray, conf_level: float, scale: Scale
) -> dict[str, Any]:
    """Return estimate, std_error, conf_low, conf_high of a function of the parameters.

    Parameters
    ----------
    value : float
    gradient : ndarray, shape (p,)
        Of the value itself.
    covariance : ndarray, shape (p, p)
    conf_level : float
    scale : {"plain", "log", "logit", "log-log"}
        Scale on which the interval is symmetric; "log-log" is log(-log) of a probability.
    """
    error = float(np.sqrt(max(float(gradient @ covariance @ gradient), 0.0)))
    half = float(norm.isf((1 - conf_level) / 2)) * error
    low = high = value if error == 0 else np.nan
    if scale == "plain":
        low, high = value - half, value + half
    elif scale == "log" and value > 0:
        low, high = value * np.exp(-half / value), value * np.exp(half / value)
    elif scale == "logit" and 0 < value < 1:
        centre, spread = logit(value), half / (value * (1 - value))
        low, high = float(expit(centre - spread)), float(expit(centre + spread))
    elif scale == "log-log" and 0 < value < 1:
        spread = half / (value * -np.log(value))
        with np.errstate(over="ignore"):
            low, high = value ** np.exp(spread), value ** np.exp(-spread)
    return {"estimate": value, "std_error": error, "conf_low": low, "conf_high": high}
