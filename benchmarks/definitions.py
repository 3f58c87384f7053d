"""Time of item scoring, sustained definitions and the multiverse.

Run: python benchmarks/definitions.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import record
from outcomes import tables

import trdstats as trd


def forms(n: int) -> pd.DataFrame:
    """Return PHQ-9 forms, ten a person, one answer in a hundred missing."""
    rng = np.random.default_rng(20261123)
    answers = rng.integers(0, 4, (n, 9)).astype(float)
    answers[rng.random((n, 9)) < 0.01] = np.nan
    frame = pd.DataFrame(answers, columns=[f"phq9_{i}" for i in range(1, 10)])
    return frame.assign(
        subject=np.repeat(np.arange(n // 10), 10), day=np.tile(7 * np.arange(10), n // 10)
    )


def trial_of(n: int) -> trd.Study:
    """Return a study of two arms with eight scheduled visits, a tenth of them missed."""
    rng = np.random.default_rng(20261123)
    days = np.array([0, 7, 14, 21, 28, 42, 56, 84])
    base = rng.integers(22, 45, n)
    fall = rng.uniform(0, 1, n)[:, None] * np.clip(days / 28, 0, 1)
    score = np.rint(base[:, None] * (1 - fall) + rng.normal(0, 3, (n, len(days)))).clip(0, 60)
    score[:, 0] = base
    score[:, 1:][rng.random((n, len(days) - 1)) < 0.1] = np.nan
    visits = pd.DataFrame(
        {
            "subject": np.repeat(np.arange(n), len(days)),
            "day": np.tile(days, n),
            "score": score.ravel(),
        }
    )
    arms = pd.DataFrame(
        {"subject": np.arange(n), "treatment": np.array(["TMS", "ECT"])[np.arange(n) % 2]}
    )
    windows = {float(d): 2.0 for d in days[1:]}
    return trd.Study(visits, arms, scale="MADRS", windows=windows, randomised=True)


def two_hundred() -> dict[str, Any]:
    rules: dict[str, Any] = {f"response {p} %": trd.Response(p / 100) for p in range(20, 85)}
    rules |= {f"remission {c}": trd.Remission(c) for c in range(3, 20)}
    rules |= {
        f"remission {c} and response {p} %": trd.Remission(c) & trd.Response(p / 100)
        for c in range(5, 15)
        for p in range(40, 60, 2)
    }
    return rules | {
        f"sustained {p} %": trd.Sustained(trd.Response(p / 100), visits=2) for p in range(40, 58)
    }


def best_of(call: Callable[[], Any], repeats: int = 3) -> float:
    taken = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begin)
    return sorted(taken)[len(taken) // 2]


def main() -> None:
    table = forms(1_000_000)
    long = table.melt(["subject", "day"], var_name="item", value_name="answer")
    visits, subjects = tables(1_000_000)
    study = trd.Study(visits, subjects, scale="MADRS", randomised=True)
    month = trd.Sustained(trd.Response(), for_days=28, excursions=1, excursion=trd.Response(0.25))
    small, rules = trial_of(1000), two_hundred()
    onset = trd.Onset(by_day=14, until=56, missing="excursion", excursions=1)
    work: list[tuple[str, Callable[[], Any], str]] = [
        ("score_items, 1 million PHQ-9, one row a form",
         lambda: trd.score_items(table, "PHQ9"), "2"),
        ("score_items, 1 million PHQ-9, one row an item",
         lambda: trd.score_items(long, "PHQ9", item="item", value="answer"), ""),
        ("sustained response for 28 days, 10 million visits",
         lambda: trd.assess(study, month), "10"),
        ("response with memory, 10 million visits",
         lambda: trd.assess(study, trd.InResponse()), ""),
        ("onset with missed visits, 1,000 patients", lambda: trd.assess(small, onset), ""),
        (f"multiverse, {len(rules)} definitions, 1,000 patients",
         lambda: trd.multiverse(small, rules, primary="response 50 %", day=28), "20"),
        (f"multiverse of restricted means, {len(rules)} definitions, 1,000 patients",
         lambda: trd.multiverse(small, rules, primary="response 50 %", day=28, estimate="rmst"),
         ""),
    ]  # fmt: skip
    rows = [[name, f"{best_of(call):.2f}", limit] for name, call, limit in work]
    body = record.table(["work", "seconds", "required"], rows)
    record.write("definitions", "Scoring and definitions", f"{body}\n\nMedians of three calls.")


if __name__ == "__main__":
    main()
