"""The table of t tests that effects, means and contrasts share."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import f as f_law
from scipy.stats import t as t_law

from trdstats.arrays import FloatArray
from trdstats.kernels.gaussian.mixed_tests import FTest, Inference


def t_table(inference: Inference, L: FloatArray, conf_level: float) -> pd.DataFrame:
    """Return estimate, error, t test and interval of each row of L."""
    estimate = L @ inference.beta
    error = inference.errors(L)
    df = inference.degrees(L)
    half = t_law.isf((1 - conf_level) / 2, df) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = estimate / error
    return pd.DataFrame(
        {
            "estimate": estimate,
            "std_error": error,
            "df": df,
            "statistic": statistic,
            "p_value": 2 * t_law.sf(np.abs(statistic), df),
            "conf_low": estimate - half,
            "conf_high": estimate + half,
            "conf_level": conf_level,
        }
    )


def f_table(found: FTest, reason: str = "") -> pd.DataFrame:
    """Return a joint test as one row, with what of it is not estimable and why."""
    p = float(f_law.sf(found.statistic, found.df_num, found.df_den))
    return pd.DataFrame(
        {
            "statistic": [found.statistic],
            "df_num": [found.df_num],
            "df_den": [found.df_den],
            "p_value": [p],
            "reason": [reason],
        }
    )
