"""Courses that end on the day of their start, such as single infusions: no time is in them."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataWarning


def study(last: float) -> trd.Study:
    rows = [(p, d, 30 - d / 7) for p in "ABCD" for d in (0, 7, 14, 21, 28)]
    visits = pd.DataFrame(rows, columns=["subject", "day", "score"]).assign(
        treatment=lambda t: np.where(t["subject"] < "C", "X", "Y")
    )
    courses = pd.DataFrame({"subject": ["A", "A", "B"], "treatment": "esketamine",
                            "start": [3.0, 10, 5], "end": [last, 10, 12]})  # fmt: skip
    return trd.Study(visits, courses=courses, scale="MADRS", randomised=True)


def test_no_time_in_a_course_is_said() -> None:
    """Who had single infusions counted as never treated, without a word."""
    words = r"2 courses of esketamine end on the day of the start: no time counts as in them"
    with pytest.warns(DataWarning, match=words):
        found = trd.start_stop(study(3), trd.Response(), {"on": trd.InCourse("esketamine")}).frame
    inside = found[found["on"] == 1]
    assert inside[["subject", "start", "stop"]].to_numpy().tolist() == [["B", 5.0, 12.0]]
    with pytest.warns(DataWarning, match=words):
        trd.decision_intervals(study(3), trd.Response(), "esketamine", step=7, covariates=["score"])


def test_an_open_course_before_another_has_time() -> None:
    open_one = study(np.nan)  # up to the end of the next one, day 10
    with pytest.warns(DataWarning, match="1 course of esketamine ends"):
        found = trd.start_stop(open_one, trd.Response(), {"on": trd.InCourse("esketamine")}).frame
    inside = found[(found["on"] == 1) & (found["subject"] == "A")]
    assert inside[["start", "stop"]].to_numpy().tolist() == [[3.0, 10.0]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lasting = trd.simulate.maintenance(n=60, seed=1)
        trd.start_stop(lasting, trd.Relapse(at_least=22), {"on": trd.InCourse("lithium")})
