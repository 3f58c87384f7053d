"""A state that is a changing covariate begins as the baseline has it, worked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import UnknownNameError

pytestmark = pytest.mark.filterwarnings("ignore:1 subject has no CGIS baseline")


@pytest.fixture
def study() -> trd.Study:
    """Return A, well on both scales at baseline, B on none, and C without one on the CGI-S."""
    rows = [
        ("A", -3, 8, 2), ("A", 7, 20, 4), ("A", 14, 9, 2), ("B", 0, 30, 5), ("B", 7, 9, 2),
        ("B", 14, 30, 5), ("C", 0, 30, np.nan), ("C", 7, 30, 5), ("C", 14, 9, 2),
    ]  # fmt: skip
    visits = pd.DataFrame(rows, columns=["subject", "day", "madrs", "cgi"])
    visits = visits.assign(bad_sleep=(visits["madrs"] > 9).astype(int))
    subjects = pd.DataFrame({"subject": list("ABC"), "treatment": ["TMS", "ECT", "TMS"]})
    return trd.Study(
        visits, subjects, scale=["MADRS", "CGIS"], score={"MADRS": "madrs", "CGIS": "cgi"}
    )


def course(study: trd.Study, definition: trd.outcomes.Definition) -> dict[str, list[float | None]]:
    """Return the values before day 7, from it and from day 14 on."""
    event = trd.Relapse(at_least=60)
    frame = trd.start_stop(study, event, {"state": definition}).frame
    return {
        str(s): [None if pd.isna(v) else float(v) for v in rows["state"]]
        for s, rows in frame.groupby("subject", observed=True)
    }


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (trd.Remission(at_most=9), {"A": [1, 0], "B": [0, 1], "C": [0, 0]}),
        (~trd.Remission(at_most=9), {"A": [0, 1], "B": [1, 0], "C": [1, 1]}),
        (trd.Response(), {"A": [0, 0], "B": [0, 1], "C": [0, 0]}),
        (~trd.Response(), {"A": [1, 1], "B": [1, 0], "C": [1, 1]}),
        (
            trd.OnScale(trd.Remission(at_most=2), "CGI-S"),
            {"A": [1, 0], "B": [0, 1], "C": [None, 0]},
        ),
        (
            trd.Remission(at_most=9) | trd.OnScale(trd.Remission(at_most=2), "CGI-S"),
            {"A": [1, 0], "B": [0, 1], "C": [None, 0]},
        ),
        (trd.Items(("bad_sleep",), at_most=0), {"A": [1, 0], "B": [0, 1], "C": [0, 0]}),
    ],
    ids=lambda x: x.label() if isinstance(x, trd.outcomes.Definition) else "",
)
def test_by_hand(
    study: trd.Study, definition: trd.outcomes.Definition, expected: dict[str, list[float | None]]
) -> None:
    """Each was 0 until the first visit after treatment: also for A, who was well before it."""
    assert course(study, definition) == expected


def test_an_event_has_not_happened_at_the_start(study: trd.Study) -> None:
    assert course(study, trd.Relapse(at_least=22)) == {"A": [0, 0], "B": [0, 0], "C": [0, 1]}


def test_a_scale_that_is_not_there(study: trd.Study) -> None:
    with pytest.raises(UnknownNameError, match="scale of this study"):
        course(study, trd.OnScale(trd.Remission(at_most=9), "QIDSSR16"))
