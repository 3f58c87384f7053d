"""Sentences about results say what the rows hold."""

from __future__ import annotations

import math

import pandas as pd

from trdstats.plan.wording import list_differences, say_excluding_zero


def rows(*limits: tuple[float, float]) -> pd.DataFrame:
    return pd.DataFrame(limits, columns=["conf_low", "conf_high"])


def test_intervals_that_do_not_exist_are_not_counted() -> None:
    nan = math.nan
    assert say_excluding_zero(rows((0.1, 0.2), (-1, 1), (nan, nan))) == (
        "the intervals of 1 of 2 exclude 0"
    )
    assert say_excluding_zero(rows((nan, nan))) == "no confidence limits"


def test_many_differences_are_summed_up_by_their_ends() -> None:
    table = pd.DataFrame(
        {
            "treatment": list("abcd"),
            "reference": "r",
            "estimate": [0.3, 0.1, 0.2, 0.4],
            "conf_low": [0.1, -0.1, math.nan, 0.2],
            "conf_high": [0.5, 0.3, math.nan, 0.6],
        }
    )
    assert list_differences(table, unit="points", level=0.95) == (
        "Differences from r (points, 95 % CI) run from 0.1 (-0.1 to 0.3) for b to 0.4 (0.2 to "
        "0.6) for d; the intervals of 2 of 3 exclude 0."
    )
