"""How alike two groups are, covariate by covariate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def compare_covariates(
    columns: pd.DataFrame,
    treated: BoolArray,
    weight: FloatArray,
    before: pd.DataFrame | None,
) -> pd.DataFrame:
    """Return means, standardised differences and variance ratios, one row a covariate.

    Parameters
    ----------
    columns : pandas.DataFrame
        Numbers.
    treated : ndarray of bool, shape (n,)
    weight : ndarray, shape (n,)
    before : pandas.DataFrame or None
        The same before matching, whose spread standardises; None to take the own.
    """
    X = columns.to_numpy(dtype=float)
    one, other = (_moments(X[side], weight[side]) for side in (treated, ~treated))
    spread = np.sqrt((one[1] + other[1]) / 2)
    if before is not None:
        spread = before["spread"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        frame = pd.DataFrame(
            {
                "mean_treated": one[0],
                "mean_control": other[0],
                "difference": (one[0] - other[0]) / spread,
                "variance_ratio": one[1] / other[1],
                "spread": spread,
            },
            index=columns.columns.rename("covariate"),
        )
    return frame if before is None else frame.drop(columns="spread")


def compare_two(columns: pd.DataFrame, matched: BoolArray) -> pd.DataFrame:
    """Describe the matched beside the unmatched: means and their difference in SDs of all."""
    lost = columns[~matched]
    gone = lost.mean() if len(lost) else pd.Series(np.nan, index=columns.columns)
    frame = pd.DataFrame({"mean_matched": columns[matched].mean(), "mean_unmatched": gone})
    spread = columns.std().replace(0.0, np.nan)
    frame["difference"] = (frame["mean_unmatched"] - frame["mean_matched"]) / spread
    return frame.rename_axis("covariate").reset_index()


def _moments(X: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return weighted means and variances; plain sample variances for equal weights."""
    total = weight.sum()
    mean = weight @ X / total
    size = total - float(weight @ weight) / total
    if size <= 0:
        return mean, np.full(X.shape[1], np.nan)
    return mean, np.asarray(weight @ (X - mean) ** 2 / size)
