"""Tables of event times that contradict themselves, and those that say less than usual."""

from __future__ import annotations

import datetime as dt
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trdstats import EventTimes, KaplanMeier, Turnbull
from trdstats.errors import DataError, DataWarning

WHO = {"subject": [1, 2], "treatment": ["a", "b"]}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"time": [3, 4], "status": [1, 0], "left": [1, 2], "right": [3, 9]},
         r"1 censored row has a finite right end\.\n  2 \(row 1\)\n  An event in \(left, right\] "
         "has status 1"),
        ({"time": [3, 4], "status": [1, 0], "left": [1, 5], "right": [3, np.inf]},
         r"1 row has left after time\.\n  2 \(row 1\)"),
        ({"time": [3, 4], "status": [1, 2], "left": [1, 5], "right": [3, np.inf]},
         r"1 row has left after time\.\n  2 \(row 1\)"),
        ({"time": [9, 4], "status": [1, 0], "left": [1, 2], "right": [3, np.inf]},
         r"1 event has its time outside \(left, right\]\.\n  1 \(row 0\)"),
        ({"time": [1, 4], "status": [1, 0], "left": [1, 2], "right": [3, np.inf]},
         r"1 event has its time outside \(left, right\]"),
        ({"time": pd.to_timedelta([1, 2], unit="D"), "status": [1, 0]},
         r"column 'time' are not numbers(.|\n)*frame\['time'\] / pd.Timedelta\(days=1\)"),
        ({"time": [dt.timedelta(3)] * 2, "status": [1, 0]}, r"pd.Timedelta\(days=1\)"),
        ({"time": pd.to_datetime(["2026-01-01", "2026-02-01"]), "status": [1, 0]},
         r"column 'time' are not numbers(.|\n)*\(date - start\).dt.days"),
        ({"time": [dt.date(2026, 1, 1)] * 2, "status": [1, 0]}, r"\(date - start\).dt.days"),
        ({"time": [3, 4], "status": [1, 0], "entry": pd.to_timedelta([1, 2], unit="D")},
         "column 'entry' are not numbers"),
        ({"time": [3, 4], "status": [1, 0], "left": ["x", 2]},
         "1 entry of the event times' column 'left' is not a number"),
        ({"time": [3, 4], "status": pd.to_datetime(["2026-01-01", "2026-02-01"])},
         "column 'status' are not numbers"),
        ({"time": [3, 4], "status": ["dead", "alive"]}, "0 is censored, 1 the event"),
        ({"time": [[3], 4], "status": [1, 0]}, r"holds several values[^$]*row 0"),
        ({"left": [0, 5]}, "or give left and right, between which the event lies"),
        ({"left": [0, np.nan], "right": [3, np.inf]}, r"1 interval \(left, right\] is missing"),
        ({"left": [0, -2], "right": [3, np.inf]}, r"1 interval \(left, right\] is .*before day 0"),
    ],
)  # fmt: skip
def test_contradictions_and_dates_are_refused(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        EventTimes(pd.DataFrame({**WHO, **columns}))


def test_intervals_alone() -> None:
    table = {
        "subject": range(4),
        "treatment": "a",
        "left": [0, 2, 5, 4],
        "right": [3, 2, np.inf, 6],
    }
    times = EventTimes(pd.DataFrame(table))
    assert times.frame["status"].tolist() == [1, 1, 0, 1]
    assert times.frame["time"].tolist() == [3, 2, 5, 6]
    same = EventTimes(pd.DataFrame({**table, "time": [3, 2, 5, 6], "status": [1, 1, 0, 1]}))
    pd.testing.assert_frame_equal(times.frame, same.frame)
    assert Turnbull().fit(times).glance()["events"].item() == 3
    # Statuses without times: an event is dated at right, another row ends at left.
    part = EventTimes(pd.DataFrame({**table, "status": [1, 1, 2, 1]}), causes={1: "a", 2: "b"})
    assert part.frame["time"].tolist() == [3, 2, 5, 6]


def test_statuses_of_r_get_a_hint() -> None:
    frame = pd.DataFrame({**WHO, "time": [3, 4], "status": [1, 2]})
    with pytest.warns(DataWarning, match="Where 1 is censored and 2 the event, as R's Surv"):
        EventTimes(frame)
    with pytest.warns(DataWarning, match="subtract 1"):
        KaplanMeier().fit(frame)
    with warnings.catch_warnings(action="error"):
        EventTimes(frame, causes={1: "response", 2: "death"}).only(["a"])
        EventTimes(frame.assign(status=[True, False]))
        EventTimes(frame.assign(status=[1, 1]))
        EventTimes(frame.assign(time=["3", "4"], status=["1", "0"]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.integers(0, 4)] * 2, st.sampled_from([0, 1, 2, 3, 4, np.inf]),
                  st.integers(0, 2)),
        min_size=1, max_size=5,
    )
)  # fmt: skip
def test_what_is_accepted_contradicts_nothing(rows: list[tuple[int, int, float, int]]) -> None:
    left, time, right, status = (np.array(v, dtype=float) for v in zip(*rows, strict=True))
    table = {"subject": range(len(rows)), "treatment": "a", "left": left, "right": right,
             "time": time, "status": status}  # fmt: skip
    event = status == 1
    good = np.where(
        event,
        (time <= right) & ((left < time) | ((left == time) & (time == right))) & np.isfinite(right),
        (left <= time) & (left <= right) & (np.isinf(right) | (status == 2)),
    )
    try:
        EventTimes(pd.DataFrame(table), causes={1: "a", 2: "b"})
    except DataError:
        assert not good.all()
    else:
        assert good.all()
