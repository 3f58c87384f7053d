"""P values and intervals of a family of contrasts that share one model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import studentized_range
from scipy.stats import t as t_law
from statsmodels.stats.multitest import multipletests

from trdstats.arrays import FloatArray
from trdstats.estimates import adjust_single_step
from trdstats.kernels.gaussian.mixed_tests import Inference

ADJUST = ("none", "holm", "bonferroni", "tukey", "dunnett", "mvt")


def adjust_family(
    table: pd.DataFrame,
    L: FloatArray,
    inference: Inference,
    names: list[tuple[str, str, str]],
    adjust: str,
    conf_level: float,
) -> pd.DataFrame:
    """Return a table of contrasts with p values and intervals adjusted within each family.

    Parameters
    ----------
    table : pandas.DataFrame
        Unadjusted; the families follow each other. Rows without a statistic are not counted.
    L : ndarray, shape (k, q)
    inference : Inference
    names : list of (str, str, str)
        Contrast, level and reference of the contrasts of each family.
    adjust, conf_level
        As in `Margins.contrasts`.
    """
    if adjust == "none":
        return table
    p = table["p_value"].to_numpy().copy()
    statistic = table["statistic"].to_numpy()
    changed = np.zeros(len(table), dtype=bool)
    critical = np.full(len(table), np.nan)
    for start in range(0, len(table), len(names)):
        at = start + np.flatnonzero(np.isfinite(statistic[start : start + len(names)]))
        size = len(at)
        if size < 2:
            continue
        changed[at] = True
        df = table["df"].to_numpy()[at]
        t = np.abs(statistic[at])
        if adjust in ("holm", "bonferroni"):
            p[at] = multipletests(p[at], method=adjust)[1]
            critical[at] = t_law.isf((1 - conf_level) / (2 * size), df)
        elif adjust == "tukey":
            n_levels = len({level for k in at - start for level in names[k][1:]})
            p[at] = studentized_range.sf(np.sqrt(2) * t, n_levels, df)
            critical[at] = studentized_range.ppf(conf_level, n_levels, df) / np.sqrt(2)
        else:
            V = L[at] @ inference.covariance @ L[at].T
            joint = adjust_single_step(t, V, df=float(df.mean()), conf_level=conf_level)
            p[at], critical[at] = joint.p_value, joint.critical
    estimate, half = table["estimate"], critical * table["std_error"]
    return table.assign(
        p_value=p,
        conf_low=np.where(changed, estimate - half, table["conf_low"]),
        conf_high=np.where(changed, estimate + half, table["conf_high"]),
    )
