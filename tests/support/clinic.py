"""A small clinic, made up: three treatments, a visit at weeks 1, 2, 4, 8 and 12, jittered."""

from __future__ import annotations

import numpy as np
import pandas as pd

ARMS = ("ECT", "Ketamine", "TMS")
PLAN = (7, 14, 28, 56, 84)
WINDOWS = {7: 2, 14: 3, 28: 3, 56: 7, 84: 7}


def clinic(n: int = 60, *, jitter: int = 3, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return visits (subject, day, score) and subjects (subject, treatment, bmi, age).

    Nobody misses a visit. Scores fall by half until day 28 in every second subject.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        who = f"P{i:03d}"
        rows.append((who, 0, 30))
        for day in PLAN:
            spread = min(jitter, WINDOWS[day])
            at = day + int(rng.integers(-spread, spread + 1)) if spread else day
            responds = i % 2 == 0 and day >= 28
            rows.append((who, at, 12 if responds else 26))
    visits = pd.DataFrame(rows, columns=["subject", "day", "score"])
    subjects = pd.DataFrame(
        {
            "subject": [f"P{i:03d}" for i in range(n)],
            "treatment": [ARMS[i % 3] for i in range(n)],
            "bmi": np.round(rng.normal(25, 3, n), 1),
            "age": rng.integers(20, 70, n),
        }
    )
    return visits, subjects
