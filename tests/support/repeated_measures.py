"""Simulated repeated measures of two arms."""

from __future__ import annotations

import numpy as np
import pandas as pd

MODEL = "y ~ base * visit + arm * visit"


def simulated(n: int = 60, T: int = 4, *, seed: int = 1, gone: float = 0.15) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(0.6 ** np.abs(np.subtract.outer(np.arange(T), np.arange(T))))
    y = rng.normal(size=(n, T)) @ root.T * np.sqrt(np.arange(1, T + 1))
    base = rng.normal(size=n)
    arm = np.where(np.arange(n) % 2, "B", "A")
    frame = pd.DataFrame(
        {
            "subject": np.repeat(np.arange(n), T),
            "visit": np.tile(np.arange(1, T + 1) * 7, n),
            "arm": np.repeat(arm, T),
            "base": np.repeat(base, T),
            "y": (y + base[:, None] + (arm == "B")[:, None] * np.arange(T) / 3).ravel(),
        }
    )
    return frame[rng.random(len(frame)) > gone].reset_index(drop=True)
