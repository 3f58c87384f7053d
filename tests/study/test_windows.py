"""Windows that reach further to one side, in every place that takes windows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import trdstats as trd
from trdstats.cli import main
from trdstats.errors import SpecError

LATE = {7: 2, 28: (-3, 7)}


@pytest.fixture
def visits() -> pd.DataFrame:
    """Return one subject rated at either end of both windows, and beside them."""
    days = [0, 5, 9, 10, 24, 25, 35, 36]
    return pd.DataFrame({"subject": "A", "treatment": "ECT", "day": days, "score": 30})


def visits_of(days: list[float]) -> list[float]:
    return trd.VisitWindows((7.0, 28.0), (2.0, (-3.0, 7.0))).nominal(np.array(days)).tolist()


def test_the_ends_belong_to_the_window() -> None:
    inside = visits_of([4.9, 5, 9, 9.1, 24.9, 25, 35, 35.1])
    np.testing.assert_array_equal(inside, [np.nan, 7, 7, np.nan, np.nan, 28, 28, np.nan])


def test_the_closest_to_the_day_stands_for_it_and_not_the_middle() -> None:
    """Days 26 and 33 lie in 25 to 35: 26 is two days from 28, 33 five, though 30 is the middle."""
    table = pd.DataFrame({"subject": "A", "treatment": "ECT", "day": [0, 26, 33], "score": 30})
    with pytest.warns(trd.errors.DataWarning, match="All subjects"):
        study = trd.Study(table, scale="MADRS", windows=LATE)
    assert study.visits["visit"].tolist()[1:] == [28.0, pytest.approx(np.nan, nan_ok=True)]


def test_words() -> None:
    windows = trd.VisitWindows.from_mapping({"28": [-3, 7], "7": 2, "14": [-1, 1]})
    assert windows.describe() == "day 7 ± 2, 14 ± 1, 28 -3 to +7"
    assert windows == trd.VisitWindows((7.0, 14.0, 28.0), (2.0, 1.0, (-3.0, 7.0)))
    assert windows.last_opens == 25
    np.testing.assert_array_equal(windows.opens, [5, 13, 25])
    np.testing.assert_array_equal(windows.closes, [9, 15, 35])
    assert windows.only(np.array([28.0])).describe() == "day 28 -3 to +7"


@pytest.mark.parametrize(
    ("windows", "words"),
    [
        ({28: (3, 7)}, r"\[3.0, 7.0\] does not hold its day 28: the first number says how much ea"),
        ({28: (-7, -3)}, "does not hold its day 28"),
        ({28: (-3, 7), 40: 6}, r"day 28 -3 to \+7 and day 40 ± 6 overlap"),
        ({28: (-3, 7, 9)}, r"or to how far they reach to either side, \{28: \(-3, 7\)\}"),
        ({28: (-3, np.inf)}, "finite"),
        ({28: "wide"}, "must map a day to a half-width"),
    ],
)
def test_refusals(windows: object, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        trd.VisitWindows.from_mapping(windows)  # type: ignore[arg-type]


@given(
    early=st.lists(st.integers(0, 20), min_size=3, max_size=3),
    late=st.lists(st.integers(0, 20), min_size=3, max_size=3),
    day=st.integers(0, 260),
)
def test_a_day_lies_in_the_window_that_holds_it(
    early: list[int], late: list[int], day: int
) -> None:
    plan = (50.0, 120.0, 200.0)
    windows = trd.VisitWindows(
        plan, tuple((-float(a), float(b)) for a, b in zip(early, late, strict=True))
    )
    found = windows.nominal(np.array([float(day)]))[0]
    holds = [p for p, a, b in zip(plan, early, late, strict=True) if p - a <= day <= p + b]
    assert (np.isnan(found) and not holds) or [found] == holds


def test_the_whole_way_from_a_study(visits: pd.DataFrame) -> None:
    both = pd.concat([visits, visits.assign(subject="B", treatment="TMS")], ignore_index=True)
    study = trd.Study(both, scale="MADRS", windows={"ECT": LATE, "TMS": {28: 3}})
    marked = study.visits.dropna(subset=["visit"])
    marked = marked[marked["subject"] == "A"]
    assert list(zip(marked["day"], marked["visit"], strict=True)) == [(9.0, 7.0), (25.0, 28.0)]
    assert study.schedule_end().tolist() == [25.0, 25.0]
    late = both[both["day"] != 25]
    rates = trd.rates(trd.Study(late, scale="MADRS", windows=LATE), trd.Response(), day=28)
    assert rates.counts["n_rated"].tolist() == [1, 1]
    audit = trd.audit_schedule(trd.Study(late, scale="MADRS", windows=LATE), trd.Response())
    assert audit is not None


def test_command_line_and_plan(tmp_path: Path, visits: pd.DataFrame) -> None:
    two = pd.concat([visits, visits.assign(subject="B", treatment="TMS")], ignore_index=True)
    two.to_csv(tmp_path / "v.csv", index=False)
    given = ("check", str(tmp_path / "v.csv"), "--scale", "MADRS", "--window")
    result = CliRunner().invoke(main, [*given, "28=-3,7", "--window", "7=2"])
    assert result.exit_code == 0, result.output
    for wrong in ("28=-3,7,9", "28=", "28"):
        result = CliRunner().invoke(main, [*given, wrong])
        assert result.exit_code == 2
        assert "28=-3,7 for three days before to seven" in " ".join(result.output.split())
    study = trd.study.study_from_mapping(
        {"visits": "v.csv", "scale": "MADRS", "windows": {"28": [-3, 7], "7": 2}}, tmp_path
    )
    assert study.windows["ECT"].describe() == "day 7 ± 2, 28 -3 to +7"
