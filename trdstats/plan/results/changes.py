"""Two sets of results side by side: which numbers differ, and by how much."""

from __future__ import annotations

import numpy as np
import pandas as pd

_KEYS = ["result_id", "stat_name"]
_WORDS = ["analysis_id", "variable", "group"]


def compare_results(
    before: pd.DataFrame, after: pd.DataFrame, *, tolerance: float = 0.0
) -> pd.DataFrame:
    """Return the statistics that differ between two runs.

    Parameters
    ----------
    before, after : DataFrame
        As from `read_results`.
    tolerance : float
        Differences up to this part of the larger of the two values are none.

    Returns
    -------
    pandas.DataFrame
        result_id, stat_name, analysis_id, variable, group, before, after, difference, and change:
        "changed", "gone", "new", "no longer estimable" or "now estimable".
    """
    left = before[[*_KEYS, *_WORDS, "value"]].rename(columns={"value": "before"})
    right = after[[*_KEYS, *_WORDS, "value"]].rename(columns={"value": "after"})
    both = left.merge(right, on=_KEYS, how="outer", indicator=True, suffixes=("", "_after"))
    for name in _WORDS:
        both[name] = both[name].where(both["_merge"] != "right_only", both[f"{name}_after"])
    old, new = both["before"].to_numpy(dtype=float), both["after"].to_numpy(dtype=float)
    shared = (both["_merge"] == "both").to_numpy()
    with np.errstate(invalid="ignore"):
        gap = new - old  # of two infinities of one sign there is none
        far = np.abs(gap) > tolerance * np.maximum(np.abs(old), np.abs(new))
    far &= old != new
    change = np.select(
        [
            (both["_merge"] == "left_only").to_numpy(),
            (both["_merge"] == "right_only").to_numpy(),
            shared & np.isnan(new) & ~np.isnan(old),
            shared & np.isnan(old) & ~np.isnan(new),
            shared & far,
        ],
        ["gone", "new", "no longer estimable", "now estimable", "changed"],
        default="",
    )
    table = both.assign(difference=gap, change=change)[
        [*_KEYS, *_WORDS, "before", "after", "difference", "change"]
    ]
    return table[table["change"] != ""].reset_index(drop=True)
