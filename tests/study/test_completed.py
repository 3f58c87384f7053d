"""Studies with completed scores."""

from __future__ import annotations

import pandas as pd
import pytest

from trdstats import Study
from trdstats.errors import UnknownNameError


def test_scores_take_the_place_of_scheduled_visits(tiny: pd.DataFrame) -> None:
    late = tiny.assign(day=tiny["day"].replace({7: 8}))
    study = Study(late, scale="MADRS", windows={0: 0, 7: 2, 14: 2}, randomised=True)
    scores = pd.DataFrame({"subject": ["B", "A", "A"], "visit": [7, 14, 7],
                           "score": [11.5, -0.5, 21.0]})  # fmt: skip
    found = study.with_scores(scores)
    rows = found.longitudinal()[["subject", "day", "visit", "score"]]
    # Attended visits keep their day; those of B at 14 are gone.
    assert rows.to_numpy().tolist() == [
        ["A", 8, 7, 21.0], ["A", 14, 14, -0.5], ["B", 8, 7, 11.5],
    ]  # fmt: skip
    assert found.subjects["baseline"].tolist() == study.subjects["baseline"].tolist()
    assert len(study.longitudinal()) == 4


def test_visits_that_were_missed_take_place_on_their_scheduled_day(tiny: pd.DataFrame) -> None:
    study = Study(tiny[tiny["day"] != 14], scale="MADRS", randomised=True)
    scores = pd.DataFrame({"subject": ["A"], "visit": [14.0], "score": [9.0]})
    rows = study.with_scores(scores).longitudinal()
    assert rows[["day", "visit", "score", "change"]].to_numpy().tolist() == [[14, 14, 9, -21]]


def test_unknown_subject(tiny: pd.DataFrame) -> None:
    study = Study(tiny, scale="MADRS", randomised=True)
    scores = pd.DataFrame({"subject": ["A", "C"], "visit": 7.0, "score": 9.0})
    with pytest.raises(UnknownNameError, match="Unknown subject 'C'"):
        study.with_scores(scores)
