"""Windows read from the days of visits: they find the schedule, are shown, and never applied."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from clinic import PLAN, clinic
from hypothesis import given, settings
from hypothesis import strategies as st

import trdstats as trd
from trdstats.errors import DataError, NotEstimableError


def test_the_schedule_of_the_clinic_is_found() -> None:
    visits, subjects = clinic(300)
    study = trd.Study(visits, subjects, scale="MADRS")
    proposed = trd.propose_windows(study)
    assert study.windows is None
    for windows in proposed.windows.values():
        assert np.abs(np.array(list(windows)) - PLAN).max() <= 1
    table = proposed.tidy()
    assert (table["n_within"] + table["n_outside"]).sum() == 1500
    assert proposed.glance()["n_visits"].tolist() == [15]
    scheduled = study.with_windows(proposed.windows)
    day = list(proposed.windows["ECT"])[2]
    found = trd.rates(scheduled.only(["ECT"]), trd.Response(), day=day)
    assert found.counts["n_rated"].tolist()[0] >= 98


def test_the_schedules_of_the_samples_are_found() -> None:
    """Eight treatments with schedules of their own, from four hours to two years after day 0."""
    study = trd.load_sample("modalities")
    proposed = trd.propose_windows(study)
    for name, windows in proposed.windows.items():
        planned = np.array([d for d in study.windows[name].days if d > 0])
        found = np.array(list(windows))
        assert len(found) == len(planned), name
        assert (np.abs(found - planned) <= np.maximum(1, planned / 30)).all(), name
    table = proposed.tidy()
    assert table["n_outside"].sum() < 0.02 * table["n_within"].sum()


def test_a_window_reaches_further_where_patients_came_late() -> None:
    days = [27, 28, 28, 28, 28, 28, 29, 30, 31, 33]
    visits = pd.DataFrame({"subject": range(10), "day": days})
    proposed = trd.propose_windows(visits)
    assert proposed.windows == {28.0: (-1.0, 5.0)}
    assert proposed.tidy()[["opens", "closes", "n_subjects"]].to_numpy().tolist() == [[27, 33, 10]]


def test_what_a_window_holds_is_counted() -> None:
    """Subject 0 came on days 26 and 30, as far from 28 on either side; subject 1 on 28 and 29."""
    rows = [(i, 28) for i in range(1, 12)] + [(0, 26), (0, 30), (1, 29), (2, 60)]
    proposed = trd.propose_windows(pd.DataFrame(rows, columns=["subject", "day"]))
    (row,) = proposed.tidy().itertuples(index=False)
    assert (row.day, row.opens, row.closes) == (28, 26, 30)
    assert (row.n_within, row.n_subjects, row.n_surplus, row.n_ties) == (14, 12, 2, 1)
    assert row.n_outside == 1
    text = str(proposed)
    assert "Outside every window  1 (7 %)" in text
    assert "Nothing was applied" in text
    assert pickle.loads(pickle.dumps(proposed)).windows == proposed.windows


def test_a_frame_may_name_its_columns() -> None:
    visits, subjects = clinic(30)
    frame = visits.merge(subjects).rename(columns={"day": "Tag", "subject": "id", "treatment": "g"})
    given = trd.propose_windows(frame, subject="id", treatment="g", day="Tag").windows
    assert given == trd.propose_windows(trd.Study(visits, subjects, scale="MADRS")).windows


def test_refusals() -> None:
    visits, subjects = clinic(12)
    with pytest.raises(DataError, match=r"no column 'days' for day.\n  Did you mean 'day'"):
        trd.propose_windows(visits, day="days")
    with pytest.raises(DataError, match="is not a number"):
        trd.propose_windows(pd.DataFrame({"subject": [1], "day": ["x"]}))
    before = visits["subject"].isin(subjects.loc[subjects["treatment"] == "TMS", "subject"])
    study = trd.Study(visits[~before | (visits["day"] == 0)], subjects, scale="MADRS")
    with pytest.raises(NotEstimableError, match="TMS has no rating after day 0"):
        trd.propose_windows(study)


@settings(max_examples=60, deadline=None)
@given(
    days=st.lists(
        st.tuples(st.integers(0, 5), st.floats(0.01, 800, allow_nan=False)), min_size=1, max_size=60
    )
)
def test_any_days_give_windows_that_can_be_used(days: list[tuple[int, float]]) -> None:
    frame = pd.DataFrame(days, columns=["subject", "day"]).round(3)
    proposed = trd.propose_windows(frame)
    windows = trd.VisitWindows.from_mapping(proposed.windows)
    table = proposed.tidy()
    assert (table["n_within"] + table["n_outside"]).sum() == len(frame)
    inside = int((~np.isnan(windows.nominal(frame["day"].to_numpy()))).sum())
    assert inside == table["n_within"].sum()
    twice = trd.propose_windows(frame.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(twice.tidy(), table)
