"""Differences between groups of what curves say at chosen days."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from trdstats.errors import unknown_name


def day_contrasts(
    at: pd.DataFrame, key: str, reference: str | None, conf_level: float
) -> pd.DataFrame:
    """Return the difference of every group from the reference at every day.

    Parameters
    ----------
    at : pandas.DataFrame
        One row a group and day: the group column `key`, perhaps `cause`, time, estimate, std_error.
        Groups are independent.
    key : str
    reference : str or None
        None for the first group.
    conf_level : float

    Returns
    -------
    pandas.DataFrame
        cause where there is one, group column, reference, time, estimate (difference), std_error,
        statistic, p_value, conf_low, conf_high, conf_level.

    Raises
    ------
    UnknownNameError
        When the reference is no group.
    """
    labels = list(dict.fromkeys(at[key]))
    reference = labels[0] if reference is None else reference
    if reference not in labels:
        raise unknown_name("group", reference, labels)
    same = [c for c in ("cause", "time") if c in at]
    base = at.loc[at[key] == reference, [*same, "estimate", "std_error"]]
    rows = at.loc[at[key] != reference, [key, *same, "estimate", "std_error"]]
    both = rows.merge(base, on=same, suffixes=("", "_base"))
    gap = (both["estimate"] - both["estimate_base"]).to_numpy()
    error = np.hypot(both["std_error"].to_numpy(), both["std_error_base"].to_numpy())
    z = norm.isf((1 - conf_level) / 2)
    statistic = gap / np.where(error > 0, error, np.nan)
    return pd.DataFrame(
        {
            **({"cause": both["cause"]} if "cause" in same else {}),
            key: both[key],
            "reference": reference,
            "time": both["time"],
            "estimate": gap,
            "std_error": error,
            "statistic": statistic,
            "p_value": 2 * norm.sf(np.abs(statistic)),
            "conf_low": gap - z * error,
            "conf_high": gap + z * error,
            "conf_level": conf_level,
        }
    )
