"""Six subjects, three of whom start another treatment, under every strategy, worked by hand.

MADRS, baseline 30, so a response is a score of 15 or less; rated on days 7, 14, 21 and 28.

====  =========  ===  ===  ===  ===  ==============================================
      assigned    7   14   21   28   what happened
====  =========  ===  ===  ===  ===  ==============================================
A     TMS         20   14   12   12  responds at 14 and stays on TMS
B     TMS         25   22   13   12  ECT from day 18: its response at 21 follows ECT
C     TMS         14   13   25   26  responds at 7; ketamine from day 24
D     TMS         28   27   26   25  never
E     ECT         15   12   10   10  responds at 7; a second course of ECT on day 25
F     ECT         29   14   20   12  TMS on day 14, the day of its first response
====  =========  ===  ===  ===  ===  ==============================================

Lithium beside TMS (D, day 10) is augmentation and no switch; E's maintenance neither.

Rates of response at day 28. As observed: TMS A, B of 4 (C has lost it), ECT E, F of 2. Switched by
day 28: B, C and F. As failures: TMS A of 4, ECT E of 2.

First response. As observed: A (7, 14], B (14, 21], C (0, 7], D never (28), E (0, 7], F (7, 14].
Censored: B is censored at 14, its last rating by day 18; F responded on the day of its switch, and
what is rated on that day shows the treatment before it. Competing: B has another treatment on day
18. As a failure a switch on the day counts: B and F never respond and wait to the end, day 28.

Kaplan-Meier under TMS at day 28. As observed: 1 - 3/4 * 2/3 * 1/2 = 3/4. Censored: 4 at risk at 7
(C), 3 at 14 (A; B is censored there, after the event): 1 - 3/4 * 2/3 = 1/2. Failure: 1 - 3/4 * 2/3
= 1/2. Competing: the incidence of response is 1/4 + 3/4 * 1/3 = 1/2, of another treatment
1/2 * 1/2 = 1/4.

Loss of response (a fall of less than 40 %: a score above 18) since response. As observed A 14 days
without, B 7, C loses it on day 21 after (6, 14], E 21, F on day 21 after (0, 7]. C's switch on day
24 comes after its loss. Censored: B has no response before its switch and no origin; F is followed
for 0 days. As a failure neither B nor F has an origin.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd

DAYS = (7, 14, 21, 28)
SCORES = {
    "A": ("TMS", 20, 14, 12, 12), "B": ("TMS", 25, 22, 13, 12), "C": ("TMS", 14, 13, 25, 26),
    "D": ("TMS", 28, 27, 26, 25), "E": ("ECT", 15, 12, 10, 10), "F": ("ECT", 29, 14, 20, 12),
}  # fmt: skip
COURSES = pd.DataFrame(
    [
        ("A", "TMS", 0, 28, "acute"), ("B", "TMS", 0, 17, "acute"), ("B", "ECT", 18, 40, "acute"),
        ("C", "TMS", 0, 23, None), ("C", "ketamine", 24, None, None), ("D", "TMS", 0, 28, "acute"),
        ("D", "lithium", 10, None, "augmentation"), ("E", "ECT", 0, 21, "acute"),
        ("E", "ECT", 21, 25, "maintenance"), ("E", "ECT", 25, 40, "acute"),
        ("F", "ECT", 0, 13, "acute"), ("F", "TMS", 14, 40, "acute"),
    ],
    columns=["subject", "treatment", "start", "end", "kind"],
)  # fmt: skip


def six(courses: pd.DataFrame | None = COURSES) -> trd.Study:
    rows = [
        (s, arm, d, v)
        for s, (arm, *scores) in SCORES.items()
        for d, v in zip((0, *DAYS), (30, *scores), strict=True)
    ]
    visits = pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])
    visits["treatment"] = pd.Categorical(visits["treatment"], ["TMS", "ECT"])
    return trd.Study(visits, courses=courses, scale="MADRS")


def rows_of(times: trd.EventTimes) -> dict[str, list[float]]:
    frame = times.frame[["subject", "left", "right", "time", "status"]]
    return {str(s): [float(v) for v in own] for s, *own in frame.itertuples(index=False)}


def test_what_changed_on_which_day() -> None:
    study = six()
    assert study.switches().to_numpy(dtype=object).tolist() == [
        ["B", "TMS", "ECT", 18.0, "switch"],
        ["C", "TMS", "ketamine", 24.0, "switch"],
        ["F", "ECT", "TMS", 14.0, "switch"],
    ]
    days = study.course_days().set_index("subject")
    assert days["augmentation"].dropna().to_dict() == {"D": 10.0}
    assert days["second_course"].dropna().to_dict() == {"E": 25.0}
    assert days["end_of_first_course"].to_dict() == {
        "A": 28.0, "B": 17.0, "C": 23.0, "D": 28.0, "E": 21.0, "F": 13.0,
    }  # fmt: skip
    assert "3 of 4 TMS" not in repr(study)
    assert "Started another treatment    2 of 4 TMS, 1 of 2 ECT" in repr(study)


@pytest.mark.parametrize(
    ("strategy", "events"), [(None, [2, 2]), ("ignore", [2, 2]), ("failure", [1, 1])]
)
def test_rates(strategy: Any, events: list[int]) -> None:
    found = trd.rates(six(), trd.Response(), day=28, after_switch=strategy)
    own = found.tidy().query("measure == 'rate'")
    assert own["events"].tolist() == events
    assert own["n"].tolist() == [4, 2]
    assert own["n_switched"].tolist() == [2, 1]


def test_rates_before_the_switch_are_the_same() -> None:
    for day in (7, 14):
        plain = trd.rates(six(), trd.Response(), day=day).counts
        strict = trd.rates(six(), trd.Response(), day=day, after_switch="failure").counts
        # Only F, who switched on day 14 itself, differs there.
        assert (plain["events"] - strict["events"]).tolist() == [0, int(day == 14)]


def test_a_bad_outcome_is_met_by_a_failure() -> None:
    # Fall of less than 40 % at day 28: C and D. As failures also B, and F of ECT.
    plain = trd.rates(six(), trd.LossOfResponse(), day=28).counts
    strict = trd.rates(six(), trd.LossOfResponse(), day=28, after_switch="failure").counts
    assert plain["events"].tolist() == [2, 0]
    assert strict["events"].tolist() == [3, 1]
    turned = trd.rates(six(), ~trd.Response(), day=28, after_switch="failure").counts
    assert turned["events"].tolist() == [3, 1]


def test_what_was_met_before_the_switch_stands() -> None:
    early = trd.EarlyImprovement(0.5, by_day=14)
    found = trd.rates(six(), early, day=28, after_switch="failure")
    # C had it at 7, A at 14; F's switch on day 14 is a failure by that day.
    assert found.counts["events"].tolist() == [2, 1]


NEVER, INF = [28.0, np.inf, 28.0, 0.0], np.inf
ONSET = {
    "A": [7, 14, 14, 1], "B": [14, 21, 21, 1], "C": [0, 7, 7, 1], "D": NEVER, "E": [0, 7, 7, 1],
    "F": [7, 14, 14, 1],
}  # fmt: skip


@pytest.mark.parametrize(
    ("strategy", "changed"),
    [
        (None, {}),
        ("ignore", {}),
        ("censor", {"B": [14, INF, 14, 0]}),
        ("competing", {"B": [14, INF, 18, 2]}),
        ("failure", {"B": NEVER, "F": NEVER}),
    ],
)
def test_onset(strategy: Any, changed: dict[str, list[float]]) -> None:
    times = trd.time_to(six(), trd.Response(), after_switch=strategy)
    assert rows_of(times) == {**ONSET, **changed}


def test_a_switch_after_the_end_of_follow_up_is_none() -> None:
    # By day 14: F switched on that day, B on day 18 has not yet.
    times = trd.time_to(six(), trd.Response(), until=14, after_switch="failure")
    assert rows_of(times)["B"] == [14, INF, 14, 0]
    assert rows_of(times)["F"] == [14, INF, 14, 0]
    assert times.switching is not None
    assert times.switching.tidy()["n_switched"].tolist() == [0, 1]
    # Rated on day 7 alone, B is followed to that day; the switch on day 18 does not prolong it.
    visits = six().visits
    kept = visits[(visits["subject"] != "B") | (visits["day"] <= 7)]
    early = trd.Study(kept.drop(columns="visit"), six().subjects.drop(columns="baseline"),
                      courses=COURSES, scale="MADRS")  # fmt: skip
    times = trd.time_to(early, trd.Response(), until=14, after_switch="failure")
    assert rows_of(times)["B"] == [7, INF, 7, 0]
    times = trd.time_to(early, trd.Response(), after_switch="failure")
    assert rows_of(times)["B"] == NEVER


@pytest.mark.parametrize(
    ("strategy", "expected"), [("ignore", 3 / 4), ("censor", 1 / 2), ("failure", 1 / 2)]
)
def test_kaplan_meier(strategy: Any, expected: float) -> None:
    times = trd.time_to(six(), trd.Response(), after_switch=strategy)
    table = trd.KaplanMeier().fit(times).at([28])
    assert table.query("treatment == 'TMS'")["estimate"].item() == pytest.approx(1 - expected)


def test_competing() -> None:
    times = trd.time_to(six(), trd.Response(), after_switch="competing")
    assert times.causes[2] == "another treatment"
    table = trd.AalenJohansen().fit(times).at([28]).query("treatment == 'TMS'")
    assert table["estimate"].tolist() == pytest.approx([1 / 2, 1 / 4])


LOSS = {
    "A": [14, INF, 14, 0], "B": [7, INF, 7, 0], "C": [7, 14, 14, 1], "E": [21, INF, 21, 0],
    "F": [0, 7, 7, 1],
}  # fmt: skip


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("ignore", LOSS),
        ("censor", {**{k: LOSS[k] for k in "ACE"}, "F": [0, INF, 0, 0]}),
        ("competing", {**{k: LOSS[k] for k in "ACE"}, "F": [0, INF, 0, 2]}),
        ("failure", {k: LOSS[k] for k in "ACE"}),
    ],
)
def test_durability(strategy: Any, expected: dict[str, list[float]]) -> None:
    study = six()
    times = trd.time_to(study, trd.LossOfResponse(), since=trd.Response(), after_switch=strategy)
    assert rows_of(times) == expected
    assert set(times.left_out["subject"]) == set("ABCDEF") - set(expected)


def test_the_switch_ends_a_response_that_lasted() -> None:
    # E's response at 7 lasts; were the course of day 25 one of TMS, it would end there, to the day.
    moved = COURSES.assign(treatment=COURSES["treatment"].where(COURSES.index != 9, "TMS"))
    times = trd.time_to(
        six(moved), trd.LossOfResponse(), since=trd.Response(), after_switch="failure"
    )
    assert rows_of(times)["E"] == [18, 18, 18, 1]


def test_confirmation_by_a_rating_after_the_switch_does_not_count() -> None:
    # A response kept at the next visit: B has it at 21 and 28, both under ECT; C at 7 and 14. With
    # ketamine from day 10, C's second visit shows ketamine.
    kept = trd.Sustained(trd.Response(), visits=2)
    moved = COURSES.assign(start=COURSES["start"].where(COURSES.index != 4, 10),
                           end=COURSES["end"].where(COURSES.index != 3, 9))  # fmt: skip
    times = trd.time_to(six(moved), kept, after_switch="censor")
    assert rows_of(times)["C"][3] == 0
    assert rows_of(trd.time_to(six(), kept, after_switch="censor"))["C"] == [0, 7, 7, 1]
    plain = trd.rates(six(moved), kept, day=7).outcomes.set_index("subject")["met"]
    strict = trd.rates(six(moved), kept, day=7, after_switch="failure").outcomes
    assert bool(plain["C"])
    assert not bool(strict.set_index("subject")["met"]["C"])


def stays(history: trd.ResponseHistory, subject: str) -> list[list[Any]]:
    own = history.frame[history.frame["subject"] == subject]
    return own[["start", "stop", "state", "to"]].to_numpy(dtype=object).tolist()


def test_histories() -> None:
    rules = (trd.Response(), trd.LossOfResponse())
    out, into, lost = "not responding", "in response", "relapsed"
    plain = trd.response_history(six(), *rules)
    assert stays(plain, "B") == [[0, 21, out, into], [21, 28, into, "censored"]]
    censored = trd.response_history(six(), *rules, after_switch="censor")
    assert stays(censored, "B") == [[0, 14, out, "censored"]]
    assert stays(censored, "F") == [[0, 14, out, into]]
    failed = trd.response_history(six(), *rules, after_switch="failure")
    assert stays(failed, "B") == [[0, 28, out, "censored"]]
    assert stays(failed, "F") == [[0, 28, out, "censored"]]
    moved = COURSES.assign(treatment=COURSES["treatment"].where(COURSES.index != 9, "TMS"))
    ended = trd.response_history(six(moved), *rules, after_switch="failure")
    assert stays(ended, "E") == [[0, 7, out, into], [7, 25, into, lost]]
    regained = trd.response_history(six(moved), *rules, after_switch="failure", regain=True)
    assert stays(regained, "E")[2] == [25, 28, lost, "censored"]
    # Days in response to day 28 under TMS, as failures: A 14 to 28, C 7 to 21, of four.
    days = trd.ResponseState(tau=28).fit(failed).mean_days()
    own = days.query("treatment == 'TMS' and state == 'in response' and measure == 'mean days'")
    assert own["estimate"].item() == pytest.approx((14 + 14) / 4)
