"""Mean days in each state and their comparisons, as a tidy frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from trdstats.arrays import FloatArray
from trdstats.kernels.numerics.boundary import variance_of_mean
from trdstats.outcomes.check_history import STATES
from trdstats.survival.curves.day_contrasts import Covariances, PairCovariance


def tabulate_days(
    means: Mapping[str, FloatArray],
    covariances: Covariances,
    *,
    by: str,
    reference: str,
    conf_level: float,
) -> pd.DataFrame:
    """Return mean days, then differences from the reference, then ratios to it.

    Parameters
    ----------
    means : mapping of str to ndarray
        Mean days in each state.
    covariances : dict
        Of the mean days in each state, within and between groups.
    by : str
        Name of the column of groups.
    reference : str
    conf_level : float

    Returns
    -------
    pandas.DataFrame
        measure, group column, reference, state, estimate (days; plain for ratios), std_error
        (log scale for ratios), statistic, p_value, conf_low, conf_high, conf_level.
    """
    z = float(norm.isf((1 - conf_level) / 2))
    base = means[reference]
    # Where nobody was ever in a state, or all equally long, the mean has no error.
    none = {k: np.isnan(variance_of_mean(m, covariances[k, k])) for k, m in means.items()}
    covariances = {
        (a, b): np.where(none[a] | none[b], np.nan, v) for (a, b), v in covariances.items()
    }
    rows: list[dict[str, Any]] = []
    for label, mean in means.items():
        error = np.sqrt(covariances[label, label])
        for j, state in enumerate(STATES):
            key = {"measure": "mean days", by: label, "reference": "", "state": state}
            rows.append(key | _on_line(mean[j], error[j], z, test=False))
    others = [label for label in means if label != reference]
    for measure in ("difference", "ratio"):
        for label in others:
            mean, pair = means[label], PairCovariance.of(covariances, label, reference)
            error, log_error = pair.error_of_difference(), pair.error_of_log_ratio(mean, base)
            for j, state in enumerate(STATES):
                key = {"measure": measure, by: label, "reference": reference, "state": state}
                if measure == "difference":
                    rows.append(key | _on_line(mean[j] - base[j], error[j], z, test=True))
                else:
                    rows.append(key | _ratio(mean[j], base[j], log_error[j], z))
    return pd.DataFrame(rows).assign(conf_level=conf_level)


def _on_line(value: float, error: float, z: float, *, test: bool) -> dict[str, float]:
    statistic = value / error if test and error > 0 else np.nan
    return {
        "estimate": float(value),
        "std_error": float(error),
        "statistic": float(statistic),
        "p_value": float(2 * norm.sf(abs(statistic))),
        "conf_low": float(value - z * error),
        "conf_high": float(value + z * error),
    }


def _ratio(a: float, b: float, error: float, z: float) -> dict[str, float]:
    """Return a ratio with limits symmetric on the log scale; NaN where one of the two is 0."""
    if a <= 0 or b <= 0:
        return _on_line(np.nan, np.nan, z, test=True)
    found = _on_line(float(np.log(a / b)), error, z, test=True)
    return found | {k: float(np.exp(found[k])) for k in ("estimate", "conf_low", "conf_high")}
