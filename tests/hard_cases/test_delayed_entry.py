"""Delayed entry: days nobody was under observation, and curves that fall to 0 too early."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trdstats import IPCW, RMST, AalenJohansen, EventTimes, KaplanMeier, landmark
from trdstats.errors import NotEstimableError
from trdstats.kernels.risk_sets.follow_up import FollowUp, unobserved


def times_of(
    entry: Any, time: Any, status: Any, treatment: Any = "A", **columns: Any
) -> EventTimes:
    frame = {"subject": range(len(time)), "treatment": treatment, "entry": entry, "time": time,
             "status": status, **columns}  # fmt: skip
    return EventTimes(pd.DataFrame(frame))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 6)), min_size=1, max_size=8),
       st.integers(1, 16))  # fmt: skip
def test_unobserved_stretches_are_what_a_count_day_by_day_finds(
    rows: list[tuple[int, int]], until: int
) -> None:
    entry = np.array([e for e, _ in rows], dtype=float)
    time = entry + [d for _, d in rows]
    own = FollowUp(time, np.zeros(len(time), dtype=np.intp), entry, np.ones(len(time)))
    missing = {d for a, b in unobserved(own, until) for d in range(int(a) + 1, int(b) + 1)}
    last = min(until, int(time.max()))
    counted = {d for d in range(1, last + 1) if not ((entry < d) & (d <= time)).any()}
    assert missing == counted


def test_restricted_means_refuse_days_that_nobody_saw() -> None:
    late = times_of([10, 12, 10], [20, 25, 30], [1, 1, 0])
    with pytest.raises(
        NotEstimableError, match="No subject is under observation in A from day 0 to 10"
    ):
        RMST(tau=28).fit(late)
    gap = times_of([0, 0, 10, 10], [5, 6, 20, 30], [1, 0, 1, 0])
    with pytest.raises(
        NotEstimableError, match=r"observation in A from day 6 to 10\. Count from a l"
    ):
        RMST(tau=28).fit(gap)
    with pytest.raises(NotEstimableError, match="from day 6 to 8"):
        IPCW("x", tau=8).fit(EventTimes(gap.frame.assign(x=[0.0, 1, 0, 1])))
    assert "in A from day 6 to 10: the curve is carried on there" in repr(KaplanMeier().fit(gap))
    # Up to day 6, and from day 10 on, all is seen. By hand: 5 + 0.5; then 10 + 8 / 2.
    assert RMST(tau=6).fit(gap).tidy()["estimate"].item() == pytest.approx(5.5)
    from_10 = landmark(gap, 10)
    assert len(from_10.frame) == 2
    assert RMST(tau=18).fit(from_10).tidy()["estimate"].item() == pytest.approx(14)


def test_a_curve_at_0_before_others_come_says_so() -> None:
    times = times_of([0, 10, 0.5, 10], [1, 16, 1, 30], [1, 0, 1, 0])
    who = r"On day 1 all 2 at risk have the event in A, though 2 come under observation then or"
    with pytest.raises(NotEstimableError, match=who):
        RMST(tau=28).fit(times)
    for fit in (KaplanMeier().fit(times), AalenJohansen().fit(times)):
        assert "though 2 come under observation then or later: the curve cannot" in repr(fit)
    alone = times_of([0, 10, 10], [1, 16, 30], [1, 0, 0])
    assert "On day 1 the one subject at risk has the event in A" in repr(KaplanMeier().fit(alone))


def test_late_entry_without_a_gap_is_answered_without_a_note() -> None:
    times = times_of([0, 0, 2, 3], [4, 8, 9, 9], [1, 1, 1, 0])
    # At risk 4, 3, 2: survival 3/4, 1/2, 1/4 from days 4, 8 and 9 on.
    assert RMST(tau=9).fit(times).tidy()["estimate"].item() == pytest.approx(4 + 4 * 0.75 + 0.5)
    assert "observation" not in repr(KaplanMeier().fit(times))
    # The last one at risk has the event and nobody comes later: the mean is known.
    ended = times_of([0, 2], [5, 9], [1, 1])
    assert RMST(tau=20).fit(ended).tidy()["estimate"].item() == pytest.approx(7)


def test_who_comes_later_is_not_yet_at_risk_on_an_earlier_day() -> None:
    # B comes under observation on day 20; between day 0 and 30 nobody has an event.
    frame = pd.DataFrame(
        {"subject": ["A", "B"], "treatment": "ECT", "time": [30, 40], "status": [1, 0],
         "entry": [0, 20]}
    )  # fmt: skip
    asked = [0, 10, 20, 21, 30, 31, 40, 41]
    expected = [1, 1, 1, 2, 2, 1, 1, 0]
    for spec in (KaplanMeier(), AalenJohansen()):
        assert spec.fit(frame).at(asked)["n_risk"].tolist() == expected
