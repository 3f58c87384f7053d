"""The export of a made-up clinic, written in any form, and its rates counted by plain loops."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

ARMS = {1: "ECT", 2: "ketamine", 3: "TMS"}
DAYS = (0, 7, 14, 28)
WINDOWS = {7: 2, 14: 3, 28: 3}

Row = dict[str, Any]


def clinic(n: int = 24, seed: int = 1, *, scheduled: bool = False) -> list[Row]:
    """Return rated visits: subject, arm, start and date as dates, day, madrs, bmi."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for k in range(n):
        arm = 1 + k % 3
        start = datetime.date(2025, 1, 6) + datetime.timedelta(days=int(rng.integers(0, 330)))
        baseline = int(rng.integers(26, 42))
        bmi = round(float(rng.uniform(18.5, 38)), 1)
        for day in DAYS:
            if day and rng.random() < 0.08:
                continue
            actual = day if scheduled or not day else day + int(rng.integers(-2, 3))
            fall = 0 if not day else rng.normal(day * (0.9 if arm == 1 else 0.65), 6)
            score = int(np.clip(baseline - fall, 0, 60)) if day else baseline
            date = start + datetime.timedelta(days=actual)
            rows.append({"subject": f"P{k:03d}", "arm": arm, "start": start, "date": date,
                         "day": actual, "madrs": score, "bmi": bmi})  # fmt: skip
    return rows


def frame_of(
    rows: list[Row],
    *,
    date: Callable[[datetime.date], Any] = datetime.date.isoformat,
    number: Callable[[float], Any] = str,
) -> pd.DataFrame:
    """Return the long export with dates and numbers as a program would write them."""
    return pd.DataFrame(
        {
            "pat": [r["subject"] for r in rows],
            "arm": [str(r["arm"]) for r in rows],
            "first": [date(r["start"]) for r in rows],
            "visit_date": [date(r["date"]) for r in rows],
            "madrs": [str(r["madrs"]) for r in rows],
            "bmi": [number(r["bmi"]) for r in rows],
        }
    )


def rates_by_loops(rows: list[Row], day: int = 28) -> dict[str, float]:
    """Return the rate of response of each arm at a day; who cannot be judged did not respond."""
    people: dict[Any, list[Row]] = {}
    for row in rows:
        people.setdefault(row["subject"], []).append(row)
    counts: dict[str, list[int]] = {}
    for visits in people.values():
        before = [v for v in visits if v["day"] <= 0]
        baseline = max(before, key=lambda v: v["day"])["madrs"] if before else None
        near = [v for v in visits if abs(v["day"] - day) <= WINDOWS[day] and v["day"] > 0]
        # The closest visit, of a tie the later one.
        best = min(near, key=lambda v: (abs(v["day"] - day), -v["day"]), default=None)
        tally = counts.setdefault(ARMS[visits[0]["arm"]], [0, 0])
        if best is not None and baseline is not None:
            tally[0] += 2 * (baseline - best["madrs"]) >= baseline
        tally[1] += 1
    return {arm: x / n for arm, (x, n) in counts.items()}
