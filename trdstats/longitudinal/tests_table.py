"""The table of t tests that effects, means and contrasts share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as t_law

from trdstats.kernels.mixed_tests import Inference

FloatArray = npt.NDArray[np.float64]


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
