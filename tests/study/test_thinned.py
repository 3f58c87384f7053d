"""A study as if it had been rated on fewer days."""

from __future__ import annotations

import pandas as pd
import pytest

from trdstats import Response, Study, time_to
from trdstats.errors import SpecError


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
