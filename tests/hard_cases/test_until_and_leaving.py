"""Leaving follow-up when follow-up is cut: who came to every visit due by then has not left."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trdstats import AalenJohansen, Response, Study, time_to
from trdstats.errors import SpecError

pytestmark = pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")

SCORES = {
    "A": {0: 30, 14: 25, 27: 24},  # came to the visit of day 28, a day early, and no more
    "B": {0: 30, 14: 25},
    "C": {0: 30, 14: 24, 29: 24, 55: 23},
    "D": {0: 30, 14: 25, 26: 22, 57: 21},
}


def study_of(windows: dict[int, int] | None, events: pd.DataFrame | None = None) -> Study:
    rows = [(s, d, v, "TMS") for s, own in SCORES.items() for d, v in own.items()]
    visits = pd.DataFrame(rows, columns=["subject", "day", "score", "treatment"])
    return Study(visits, scale="MADRS", windows=windows, events=events)


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        (None, [[27, 2], [14, 2], [55, 0], [57, 0]]),
        (28, [[27, 0], [14, 2], [28, 0], [28, 0]]),
        (26, [[26, 0], [14, 2], [26, 0], [26, 0]]),
        (40, [[27, 0], [14, 2], [40, 0], [40, 0]]),  # the next visit opens on day 53
        (53, [[27, 2], [14, 2], [53, 0], [53, 0]]),
        (24, [[24, 0], [14, 0], [24, 0], [24, 0]]),  # no visit was due between 17 and 25
        (np.int64(28), [[27, 0], [14, 2], [28, 0], [28, 0]]),
    ],
)
def test_a_rating_in_the_window_is_in_time(until: float | None, expected: list[list[int]]) -> None:
    study = study_of({14: 3, 28: 3, 56: 3})
    times = time_to(study, Response(), until=until, competing="left follow-up")
    assert times.frame[["time", "status"]].to_numpy().tolist() == expected


def test_without_windows_the_last_day_on_which_anybody_came() -> None:
    times = time_to(study_of(None), Response(), until=28, competing="left follow-up")
    assert times.frame["status"].tolist() == [0, 2, 0, 0]
    assert AalenJohansen().fit(times).at([28]).iloc[1]["estimate"] == pytest.approx(1 / 4)


def test_an_event_that_ends_follow_up() -> None:
    events = pd.DataFrame({"subject": ["A", "B"], "day": [30.0, 30.0], "event": "rescue"})
    study = study_of({14: 3, 28: 3, 56: 3}, events)
    times = time_to(study, Response(), until="rescue", competing="left follow-up")
    assert times.frame["status"].tolist() == [0, 2, 0, 0]


@pytest.mark.parametrize("until", [-1, float("nan")])
def test_a_horizon_is_a_day(until: float) -> None:
    words = r"until must be a (number of days, 0 or more|finite number); got"
    with pytest.raises(SpecError, match=words):
        time_to(study_of(None), Response(), until=until)
