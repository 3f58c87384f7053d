"""Small trials with dropout, for tests of imputation."""

from __future__ import annotations

import numpy as np
import pandas as pd

NAMES = {"subject": "usubjid", "treatment": "arm", "visit": "day"}


def small_trial(seed: int = 1, per_arm: int = 20, leave: float = 0.15) -> pd.DataFrame:
    """Return two arms rated on days 7, 14 and 28, with dropout and a few gaps."""
    rng = np.random.default_rng(seed)
    n = 2 * per_arm
    arm = np.repeat([0, 1], per_arm)
    baseline = rng.normal(32, 4, n)
    y = 5 * rng.standard_normal((n, 3)) @ np.linalg.cholesky([[1, 0.6, 0.4], [0.6, 1, 0.6],
                                                              [0.4, 0.6, 1]]).T  # fmt: skip
    y += -np.array([3, 6, 9]) - 3 * arm[:, None] - 0.2 * (baseline - 32)[:, None]
    stay = rng.geometric(leave, n)
    y[np.arange(3) >= stay[:, None]] = np.nan
    y[(rng.random((n, 3)) < 0.04) & (np.arange(3) == 1)] = np.nan
    return pd.DataFrame(
        {
            "subject": np.repeat([f"P{i:02d}" for i in range(n)], 3),
            "treatment": np.repeat(np.array(["TMS", "ketamine"])[arm], 3),
            "visit": np.tile([7, 14, 28], n),
            "baseline": np.repeat(baseline, 3),
            "change": y.ravel(),
        }
    )
