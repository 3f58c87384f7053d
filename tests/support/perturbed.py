"""What an estimate does when the weight of one subject changes, by central differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

STEP = 1e-4


def derivative_in_weight(
    fit: Callable[[pd.Series], np.ndarray], subjects: Any, subject: Any
) -> np.ndarray:
    """Return the derivative of estimates in the logarithm of one subject's weight, all being 1."""

    def moved(sign: int) -> np.ndarray:
        weights = pd.Series(1.0, index=pd.Index(subjects))
        weights[subject] = np.exp(sign * STEP)
        return fit(weights)

    return (moved(1) - moved(-1)) / (2 * STEP)


def levels(result: Any) -> np.ndarray:
    """Return the estimates of a result that are no comparisons, in the order of influences."""
    table = result.tidy()
    return table.loc[table["measure"] == table["quantity"], "estimate"].to_numpy()
