"""P values and intervals of a family of contrasts that share one model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import studentized_range
from scipy.stats import t as t_law
from statsmodels.stats.multitest import multipletests

from trdstats.estimates import adjust_single_step
from trdstats.kernels.mixed_tests import Inference

FloatArray = npt.NDArray[np.float64]

ADJUST = ("none", "holm", "bonferroni", "tukey", "dunnett", "mvt")


def adjust_family(
    table: pd.DataFrame,
    L: FloatArray,
    inference: Inference,
    size: int,
    n_levels: int,
    adjust: str,
    conf_level: float,
) -> pd.DataFrame:
    """Return a table of contrasts with p values and intervals adjusted within each family.

    Parameters
    ----------
    table : pandas.DataFrame
        Unadjusted; families of `size` rows follow each other.
    L : ndarray, shape (k, q)
    inference : Inference
    size : int
        Contrasts in a family.
    n_levels : int
        Means that the pairs of a family compare.
    adjust, conf_level
        As in `Margins.contrasts`.
    """
    if adjust == "none" or size == 1:
        return table
    p, critical = table["p_value"].to_numpy().copy(), np.empty(len(table))
    for start in range(0, len(table), size):
        at = slice(start, start + size)
        df = table["df"].to_numpy()[at]
        t = np.abs(table["statistic"].to_numpy()[at])
        if adjust in ("holm", "bonferroni"):
            p[at] = multipletests(p[at], method=adjust)[1]
            critical[at] = t_law.isf((1 - conf_level) / (2 * size), df)
        elif adjust == "tukey":
            p[at] = studentized_range.sf(np.sqrt(2) * t, n_levels, df)
            critical[at] = studentized_range.ppf(conf_level, n_levels, df) / np.sqrt(2)
        else:
            V = L[at] @ inference.covariance @ L[at].T
            joint = adjust_single_step(t, V, df=float(df.mean()), conf_level=conf_level)
            p[at], critical[at] = joint.p_value, joint.critical
    estimate, error = table["estimate"], table["std_error"]
    return table.assign(
        p_value=p, conf_low=estimate - critical * error, conf_high=estimate + critical * error
    )
