"""Gray's and log-rank tests of separated, tied and empty arms.

R values: `cuminc(time, status, group, rho = rho)$Tests` of R 4.2.2 with cmprsk 2.2-11.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from trdstats import EventTimes, GrayTest, IntervalLogRank, LogRank, MaxCombo


def times_of(time: Any, status: Any, per_group: int, **options: Any) -> EventTimes:
    groups = np.repeat([f"g{k}" for k in range(len(time) // per_group)], per_group)
    frame = {"subject": range(len(time)), "treatment": groups, "time": time, "status": status}
    return EventTimes(pd.DataFrame(frame), **options)


@pytest.mark.parametrize(
    ("time", "status", "per_group", "rho", "expected"),
    [
        ([1, 2, 3, 4], [1] * 4, 2, 0, [2.81508079]),
        (range(1, 13), [1] * 12, 6, 0, [11.12966371]),
        ([1, 2, 3, 4], [1] * 4, 2, 1, [2.649417853]),
        (range(1, 13), [1] * 12, 6, 1, [9.856619419]),
        (range(1, 10), [1] * 9, 3, 0, [10.49352955]),
        ([1, 2, 3, 3, 5, 6, 7, 8, 9, 9], [1, 1, 1, 2, *[1] * 6], 5, 0,
         [5.7895698868, 0.9584026622]),
        # The pooled incidence passes 1 while two groups are still at risk.
        ([1, 2, 3, 4, 5, 7, 6, 8], [1] * 8, 2, 0, [10.13662327]),
        ([1, 2, 3, 4, 5, 7, 6, 8], [1] * 8, 2, 1, [9.056793292]),
    ],
)  # fmt: skip
def test_gray_where_the_pooled_incidence_reaches_1(
    time: Any, status: list[int], per_group: int, rho: float, expected: list[float]
) -> None:
    causes = {k: f"cause {k}" for k in set(status)}
    got = GrayTest(rho=rho).fit(times_of(list(time), status, per_group, causes=causes)).tidy()
    assert got["statistic"].tolist() == pytest.approx(expected, rel=2e-9)
    assert got["df"].tolist() == [len(status) // per_group - 1] * len(expected)
    assert set(got["reason"]) == {""}


def test_gray_says_where_its_weights_are_not_defined() -> None:
    fit = GrayTest(rho=0.5).fit(times_of([1, 2, 3, 4, 5, 7, 6, 8], [1] * 8, 2))
    assert np.isnan(fit.tidy()["p_value"].item())
    assert "No test of event: the pooled incidence passes 1 while several groups" in repr(fit)


def test_all_tied_or_nobody_is_no_test_and_says_why() -> None:
    tied = times_of([5, 5, 5, 5], [1, 1, 1, 1], 2, outcome="response")
    why = "at every time of response all subjects at risk had it, or all are of one group"
    for fit in (LogRank().fit(tied), GrayTest().fit(tied), MaxCombo().fit(tied)):
        table = fit.glance() if isinstance(fit.spec, LogRank) else fit.tidy()
        assert np.isnan(table["p_value"].item())
        assert table["reason"].item().startswith(why)
        assert why in " ".join(repr(fit).split())
    assert LogRank().fit(tied).pairwise()["reason"].item().startswith(why)
    nobody = times_of([5, 6, 7, 8], [0, 0, 0, 0], 2, outcome="response")
    assert LogRank().fit(nobody).glance()["reason"].item() == "no subject had response"
    assert "No test of response: no subject had response." in repr(GrayTest().fit(nobody))
    for times in (tied, nobody):
        fit = IntervalLogRank().fit(times)
        assert fit.glance()["reason"].item().startswith("all subjects have the same score")
        assert "No test: all subjects have the same score" in " ".join(repr(fit).split())
    fine = times_of([5, 6, 7, 8], [1, 0, 1, 1], 2)
    assert LogRank().fit(fine).glance()["reason"].item() == ""
    assert "No test" not in repr(LogRank().fit(fine))
