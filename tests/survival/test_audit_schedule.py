"""What visit schedules do to onset: six patients, two schedules.

baseline 30, response at 15 or below

W, rated on days 7, 14, 21, 28        M, rated on days 14, 28
W1  20 12 10  9   onset in (7, 14]    M1  12  9   onset in (0, 14]
W2  14 12 10  9   onset in (0, 7]     M2  20 12   onset in (14, 28]
W3  25 25 24 20   none by 28          M3  25 22   none by 28

At the visits the mean days without response to day 28 are (14 + 7 + 28) / 3 = 49/3 for W and
(14 + 28 + 28) / 3 = 70/3 for M. Between them W's are from (7 + 0 + 28) / 3 = 35/3 to 49/3, M's
from (0 + 14 + 28) / 3 = 14 to 70/3: M less W lies between 14 - 49/3 and 70/3 - 35/3. The common
grid is that of M; thinned to it W2 responds at 14 like W1: the mean is (14 + 14 + 28) / 3 = 56/3.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from trdstats import Remission, Response, Study, audit_schedule, plots
from trdstats.errors import NotEstimableError, SpecError, UnknownNameError

SCORES = {
    "W1": [20, 12, 10, 9], "W2": [14, 12, 10, 9], "W3": [25, 25, 24, 20],
    "M1": [12, 9], "M2": [20, 12], "M3": [25, 22],
}  # fmt: skip


def six(scores: dict[str, list[int]] = SCORES) -> Study:
    rows = []
    for name, values in scores.items():
        step = 7 if name[0] == "W" else 14
        for k, value in enumerate([30, *values]):
            rows.append({"subject": name, "treatment": name[0], "day": step * k, "score": value})
    return Study(pd.DataFrame(rows), scale="MADRS")


def test_the_six() -> None:
    audit = audit_schedule(six(), tau=28)
    means = audit.tidy().query("measure == 'mean days'").set_index(["treatment", "method"])
    assert means.loc[("W", "at the visit"), "estimate"] == pytest.approx(49 / 3)
    assert means.loc[("M", "at the visit"), "estimate"] == pytest.approx(70 / 3)
    bounds = means.loc[("W", "between visits"), ["bound_low", "bound_high"]].tolist()
    assert bounds == pytest.approx([35 / 3, 49 / 3])
    bounds = means.loc[("M", "between visits"), ["bound_low", "bound_high"]].tolist()
    assert bounds == pytest.approx([14, 70 / 3])
    assert audit.grid == (14.0, 28.0)
    assert means.loc[("W", "at the visit, one grid"), "estimate"] == pytest.approx(56 / 3)
    gap = audit.contrasts().set_index("method").loc["between visits"]
    assert (gap["treatment"], gap["reference"]) == ("W", "M")
    low, high = 35 / 3 - 70 / 3, 49 / 3 - 14
    assert gap[["bound_low", "bound_high"]].tolist() == pytest.approx([low, high])
    grids = audit.grids().set_index("treatment")
    assert grids["n_events"].to_dict() == {"M": 2, "W": 2}
    assert grids["gap_median"].to_dict() == {"M": 14.0, "W": 7.0}
    assert grids["first_visit"].to_dict() == {"M": 14.0, "W": 7.0}
    # Twelve visits in three times 28 days.
    assert grids.loc["W", "visits_a_month"] == pytest.approx(12 / 84 * 30.4375)


def test_the_horizon_is_what_all_share() -> None:
    assert audit_schedule(six()).tau == 28
    with pytest.raises(NotEstimableError, match="Nobody was rated by day 10 under M"):
        audit_schedule(six(), tau=10)
    with pytest.raises(NotEstimableError, match="lies beyond the follow-up of"):
        audit_schedule(six(), tau=60)
    with pytest.raises(SpecError, match="tau must be a positive number of days; got -3"):
        audit_schedule(six(), tau=-3)


def test_words() -> None:
    audit = audit_schedule(six(), tau=28)
    text = str(audit)
    assert "Common grid  days 14, 28" in text
    assert "W: the median is 14 days by the visits and lies between 7 and 14 days" in text
    assert "Unadjusted: treatments were not randomised." in text
    assert "No comparison of two treatments hangs on how onset is dated." in text


def test_an_order_that_the_schedule_makes() -> None:
    # All respond on day 10. W, rated weekly, sees it on day 14, V, rated on day 28 only, on day 28:
    # V looks 14 days slower, and nothing between the visits says so.
    rows = []
    for arm, days in {"W": range(7, 35, 7), "V": [28]}.items():
        for i in range(30):
            seen = [(0, 30), *((d, 10 if d >= 10 else 28) for d in days)]
            rows += [{"subject": f"{arm}{i}", "treatment": arm, "day": d, "score": s}
                     for d, s in seen]  # fmt: skip
    audit = audit_schedule(Study(pd.DataFrame(rows), scale="MADRS"))
    tests = audit.contrasts().set_index("method")
    assert tests.loc["at the visit", "estimate"] == pytest.approx(-14)
    assert tests.loc["between visits", "bound_low"] < 0 < tests.loc["between visits", "bound_high"]
    assert any(w.startswith("W v V: ") for w in audit.verdict())
    assert audit.glance()["n_changed"].item() == 1


def test_one_treatment_other_definitions_and_no_events() -> None:
    alone = audit_schedule(six().only(["W"]), Remission(at_most=9), tau=28)
    assert not len(alone.contrasts())
    assert "remission" in str(alone)
    never = {**SCORES, "M1": [29, 29], "M2": [29, 29]}
    audit = audit_schedule(six(never), tau=28)
    assert np.isnan(audit.grids().set_index("treatment").loc["M", "gap_median"])
    assert "M: the median is not reached" in str(audit)


def test_no_common_grid() -> None:
    # B is rated on day 5 only, A from day 10 on.
    rows = [{"subject": f"{t}{i}", "treatment": t, "day": d, "score": s}
            for t, visits in {"A": [(0, 30), (10, 20), (20, 10)], "B": [(0, 30), (5, 10)]}.items()
            for i in range(3) for d, s in visits]  # fmt: skip
    audit = audit_schedule(Study(pd.DataFrame(rows), scale="MADRS"), Response(), tau=20)
    assert audit.grid == ()
    assert "none by the horizon" in str(audit)
    assert set(audit.tidy()["method"]) == {"at the visit", "between visits"}


def test_figure() -> None:
    fig = audit_schedule(six(), tau=28).plot(title="Six")
    left, right = fig.axes
    assert [t.get_text() for t in left.get_yticklabels()] == ["M", "W"]
    assert "Day of the visit" in left.get_xlabel()
    assert right.get_xlabel() == "Mean days without the event to day 28"
    assert [t.get_text() for t in fig.legends[0].get_texts()] == [
        "at the visit", "between visits", "at the visit, one grid"
    ]  # fmt: skip
    plt.close(fig)
    with pytest.raises(UnknownNameError, match="share"):
        plots.plot_schedule(
            pd.DataFrame({"treatment": ["A"], "day": [1.0]}),
            pd.DataFrame({"treatment": ["A"], "method": ["at the visit"], "bound_low": [1.0],
                          "bound_high": [1.0]}),
        )  # fmt: skip
