"""Raters who contradict each other, and baselines that crowd at the entry threshold."""

from __future__ import annotations

import pandas as pd
import pytest

from trdstats import Study, check_ratings
from trdstats.errors import SpecError


@pytest.fixture
def two_scales() -> Study:
    """MADRS bands from 0, 7, 20, 35; PHQ-9 bands from 0, 5, 10, 15, 20."""
    visits = pd.DataFrame(
        {
            "subject": ["A"] * 4 + ["B"] * 3,
            "treatment": ["TMS"] * 4 + ["ECT"] * 3,
            "day": [0, 7, 14, 21, 0, 7, 14],
            "madrs": [36, 30, 22, 8, 40, 20, 6],
            "phq9": [16, 21, None, 12, 22, 12, 4],
        }
    )
    return Study(visits, scale=["MADRS", "PHQ9"], score={"MADRS": "madrs", "PHQ9": "phq9"})


def test_a_visit_on_which_self_and_clinician_move_apart(two_scales: Study) -> None:
    # A, day 7: MADRS severe to moderate, PHQ-9 moderately severe to severe. Day 14 has one scale;
    # from day 7 to day 21 both get better.
    found = check_ratings(two_scales)
    assert found.tidy().to_dict("records") == [
        {
            "kind": "scales move apart",
            "subject": "A",
            "day": 7.0,
            "detail": "MADRS 1 band better, PHQ9 1 band worse",
        }
    ]
    assert "A        7    MADRS 1 band better, PHQ9 1 band worse" in repr(found)


def test_baselines_that_crowd_above_the_threshold() -> None:
    baselines = [20] * 9 + [21] * 5 + [22] * 2 + [23] + [19]
    visits = pd.DataFrame(
        {"subject": range(18), "day": 0, "score": baselines, "treatment": ["TMS", "ECT"] * 9}
    )
    found = check_ratings(Study(visits, scale="MADRS"), entry=20)
    row = found.glance().iloc[0]
    # 14 at 20 to 21 against 3 at 22 to 23: P(X >= 14 of 17) = (680 + 136 + 17 + 1) / 2**17.
    assert (row["n_at_entry"], row["n_above"], row["n_below"]) == (14, 3, 1)
    assert row["p_value"] == pytest.approx(834 / 2**17, rel=1e-12)
    assert "20 to 21" in repr(found)


def test_limits(two_scales: Study) -> None:
    with pytest.raises(SpecError, match="entry=60 lies outside MADRS"):
        check_ratings(two_scales, entry=60)
    with pytest.raises(SpecError, match="width must be at least 1"):
        check_ratings(two_scales, entry=20, width=0)
