"""Tidy tables of Wald tests of coefficients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.kernels.numerics.critical import wald_limits
from trdstats.kernels.numerics.tails import normal_sf


def wald_table(
    terms: Sequence[str], estimate: FloatArray, covariance: FloatArray, conf_level: float
) -> pd.DataFrame:
    """Return term, estimate, std_error, statistic, p_value, conf_low, conf_high, conf_level."""
    error = np.sqrt(np.diag(covariance))
    low, high = wald_limits(estimate, error, conf_level)
    statistic = estimate / error
    return pd.DataFrame(
        {
            "term": list(terms),
            "estimate": estimate,
            "std_error": error,
            "statistic": statistic,
            "p_value": 2 * normal_sf(np.abs(statistic)),
            "conf_low": low,
            "conf_high": high,
            "conf_level": conf_level,
        }
    )
