"""Durability whose origin is known to an interval: three patients drawn by day.

day     0    7   14   21   28        MADRS, baseline 30
A      30   15    8   28   25        responds at 7 (gap 7), relapses at 21, 14 days on
B      30   28   10    9    8        responds at 14 (gap 7), followed 14 days
C      30   29   28   12    .        responds at 21 (gap 7), never rated again
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trdstats import (
    AalenJohansen,
    EventTimes,
    KaplanMeier,
    Relapse,
    Response,
    Study,
    impute_origin,
    time_to,
)
from trdstats.errors import NotEstimableError, SpecError
from trdstats.survival.curves.origin_sensitivity import move_origin


@pytest.fixture
def three() -> EventTimes:
    scores = {"A": [30, 15, 8, 28, 25], "B": [30, 28, 10, 9, 8], "C": [30, 29, 28, 12]}
    arm = {"A": "ECT", "B": "ECT", "C": "TMS"}
    rows = [
        {"subject": s, "treatment": arm[s], "day": 7 * k, "score": v}
        for s, values in scores.items()
        for k, v in enumerate(values)
    ]
    study = Study(pd.DataFrame(rows), scale="MADRS")
    return time_to(study, Relapse(22), since=Response())


def test_gaps_and_moves(three: EventTimes) -> None:
    frame = three.frame.set_index("subject")
    assert frame["origin_gap"].tolist() == [7, 7, 7]
    assert frame.loc["A", ["left", "right", "time", "status"]].tolist() == [7, 14, 14, 1]
    early = move_origin(three, 1.0).frame.set_index("subject")
    assert early.loc["A", ["left", "right", "time"]].tolist() == [14, 21, 21]
    assert early.loc["B", ["left", "right", "time"]].tolist() == [21, np.inf, 21]
    # C has no follow-up after its response, wherever that is put.
    assert early.loc["C", "time"] == 0


def test_three_origins_side_by_side(three: EventTimes) -> None:
    found = impute_origin(three, KaplanMeier(by=None), [14, 20], n=10, seed=3)
    table = found.tidy().set_index(["time", "origin"])["estimate"].unstack()  # noqa: PD010
    # A relapses 14 days after the visit, 21 after the one before; two are at risk. B is followed
    # for 14 days from the visit, and for longer from any day before it.
    assert table["visit that found it"].tolist()[0] == 0.5
    assert table["visit before"].tolist() == [1.0, 1.0]
    assert table["imputed between"][14] == 1.0
    assert np.isnan(table["visit that found it"][20])
    again = impute_origin(three, KaplanMeier(by=None), [14, 20], n=10, seed=3)
    pd.testing.assert_frame_equal(again.tidy(), found.tidy())
    assert "10 draws, uniform between the two visits, seed 3" in repr(found)
    assert "half of them came about in gaps of 7 days or more" in repr(found)
    causes = impute_origin(three, AalenJohansen(by=None), [20], n=3).tidy()
    assert causes["cause"].unique().tolist() == ["relapse (MADRS ≥ 22)"]


def test_words(three: EventTimes) -> None:
    plain = EventTimes(three.frame.drop(columns="origin_gap"))
    with pytest.raises(NotEstimableError, match=r"Make them with time_to\(\.\.\., since="):
        impute_origin(plain, KaplanMeier(by=None), [14])
    with pytest.raises(SpecError, match="n must be 2 draws or more; got 1"):
        impute_origin(three, KaplanMeier(by=None), [14], n=1)
