"""A study as if it had been rated on fewer days, or scheduled for fewer visits."""

from __future__ import annotations

import pandas as pd
import pytest

from trdstats import Response, Study, time_to
from trdstats.errors import SpecError, UnknownNameError


def test_the_last_rated_visit_of_each_stretch_stays() -> None:
    visits = pd.DataFrame(
        {
            "subject": ["A"] * 7 + ["B"] * 2,
            "treatment": ["ECT"] * 7 + ["TMS"] * 2,
            "day": [-3, 0, 2, 7, 9, 14, 30, 0, 8],
            "score": [30, 31, 14, 25, 12, None, 5, 28, 20],
        }
    )
    study = Study(visits, scale="MADRS")
    thin = study.thinned([7, 14, 21])
    # Of days 2 and 7 the later stays; day 14 was not rated, so day 9 does; day 30 is past the grid.
    assert thin.visits["day"].tolist() == [-3, 0, 7, 9, 0, 8]
    assert len(study.visits) == len(visits)
    row = time_to(thin, Response()).frame.iloc[0]
    assert (row["left"], row["right"]) == (7, 9)
    assert thin.subjects["baseline"].tolist() == [31, 28]
    with pytest.raises(SpecError, match=r"one or more days above 0; got \[0, 7\]"):
        study.thinned([0, 7])


def test_only_some_scheduled_visits() -> None:
    visits = pd.DataFrame(
        {
            "subject": ["A"] * 5 + ["B"] * 4,
            "treatment": ["ECT"] * 5 + ["TMS"] * 4,
            "day": [0, 6, 7, 11, 15, 0, 7, 13, 20],
            "score": [30, 25, 20, 15, 10, 30, 25, 20, 15],
        }
    )
    study = Study(visits, scale="MADRS", windows={7: 1, 14: 2, 21: 2})
    fewer = study.only_visits({"ECT": [7, 14]})
    # Day 6 lost its window to day 7 and day 11 lies in none: both go. TMS keeps all.
    assert fewer.visits["day"].tolist() == [0, 7, 15, 0, 7, 13, 20]
    assert fewer.windows is not None
    assert fewer.windows["ECT"].days == (7, 14)
    assert fewer.windows["TMS"].days == (7, 14, 21)
    assert len(study.visits) == len(visits)
    # Without windows every day is its own visit.
    own = Study(visits, scale="MADRS").only_visits({"TMS": [13], "ECT": [6]})
    assert own.visits["day"].tolist() == [0, 6, 0, 13]
    with pytest.raises(UnknownNameError, match="Unknown treatment 'tms'"):
        study.only_visits({"tms": [7]})
    with pytest.raises(UnknownNameError, match=r"No visit is scheduled at day 10\. Nearest: 7, 14"):
        study.only_visits({"TMS": [10]})
    with pytest.raises(SpecError, match="one or more scheduled days of 'TMS'"):
        study.only_visits({"TMS": []})
