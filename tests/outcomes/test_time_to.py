"""Event times: the reference trial row for row, and every convention on small cases."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trdstats import (
    EventTimes,
    LossOfResponse,
    Relapse,
    Remission,
    Response,
    Study,
    assess,
    time_to,
)
from trdstats.errors import DataError, NotEstimableError, SpecError, UnknownNameError

pytestmark = pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")


def study_of(
    scores: dict[str, dict[float, float | None]],
    events: list[tuple[str, float, str]] = (),  # type: ignore[assignment]
    **options: Any,
) -> Study:
    """Build a study from {subject: {day: score}}; day 0 is the baseline."""
    rows = [
        (s, "ECT" if s < "M" else "TMS", d, v) for s, by in scores.items() for d, v in by.items()
    ]
    visits = pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])
    table = pd.DataFrame(list(events), columns=["subject", "day", "event"]) if events else None
    return Study(visits.astype({"score": float}), None, table, scale="MADRS", **options)


def rows(times: EventTimes) -> list[list[Any]]:
    columns = ["subject", "left", "right", "time", "status"]
    return times.frame[columns].astype({"subject": str}).to_numpy().tolist()


def test_onset_of_the_reference_trial_row_for_row(trial: Study, trial_tables: Any) -> None:
    expected = trial_tables[2].set_index("usubjid")
    frame = time_to(trial, Response()).frame.set_index("subject")
    assert len(frame) == 240
    frame = frame.loc[expected.index]
    for column in ("left", "right", "time", "status"):
        assert frame[column].tolist() == expected[column].tolist(), column


def test_durability_of_the_reference_trial_row_for_row(trial: Study, trial_tables: Any) -> None:
    expected = trial_tables[2].dropna(subset=["dur_time"]).set_index("usubjid")
    relapse = Relapse(at_least=20, consecutive=2)
    times = time_to(trial, relapse, since=Response(), competing="left follow-up")
    frame = times.frame.set_index("subject")
    assert len(frame) == len(expected) == 154
    frame = frame.loc[expected.index]
    assert frame["time"].tolist() == expected["dur_time"].tolist()
    assert frame["status"].tolist() == expected["dur_status"].tolist()
    assert frame["left"].tolist() == expected["dur_left"].tolist()
    assert len(times.left_out) == 86
    assert set(times.left_out["reason"]) == {"never met the origin"}


def test_censoring_instead_of_competing(trial: Study, trial_tables: Any) -> None:
    expected = trial_tables[2].dropna(subset=["dur_time"]).set_index("usubjid")
    frame = time_to(trial, Relapse(20, 2), since=Response()).frame.set_index("subject")
    status = frame.loc[expected.index, "status"].to_numpy()
    assert (status == (expected["dur_status"] == 1)).all()


def test_onset_conventions() -> None:
    study = study_of(
        {
            "A": {0: 30, 7: 20, 14: 15, 21: 30},  # first response at 14
            "B": {0: 30, 7: 10},  # at the first visit: left is 0
            "C": {0: 30, 7: 20, 14: None, 21: 18},  # never; the unrated visit does not count
            "D": {0: 30},  # never rated after baseline
            "N": {0: 30, 7: 20, 14: None, 21: 12},  # the gap runs from the last rated visit
        }
    )
    assert rows(time_to(study, Response())) == [
        ["A", 7, 14, 14, 1],
        ["B", 0, 7, 7, 1],
        ["C", 21, np.inf, 21, 0],
        ["D", 0, np.inf, 0, 0],
        ["N", 7, 21, 21, 1],
    ]


def test_subjects_whose_response_is_undefined_are_left_out_and_counted() -> None:
    study = study_of({"A": {0: 30, 7: 10}, "B": {7: 10, 14: 5}, "C": {0: 0, 7: 3}, "D": {0: 30}})
    times = time_to(study, Response())
    assert [r[0] for r in rows(times)] == ["A", "D"]
    assert times.left_out["subject"].tolist() == ["B", "C"]
    assert set(times.left_out["reason"]) == {"no baseline or baseline at floor"}
    # Remission needs no baseline: nobody is left out.
    assert len(time_to(study, Remission()).frame) == 4


def test_durability_conventions() -> None:
    study = study_of(
        {
            "A": {0: 30, 7: 10, 14: 25, 21: 26, 28: 5},  # relapse begins at 14
            "B": {0: 30, 7: 10, 14: 25},  # an unconfirmed high score is no relapse
            "C": {0: 30, 7: 25, 14: 10},  # nothing seen after the response
            "M": {0: 30, 7: 10, 14: 12, 28: 8},
        }
    )
    times = time_to(study, Relapse(22, 2), since=Response(), competing="left follow-up")
    assert rows(times) == [
        ["A", 0, 7, 7, 1],
        ["B", 7, np.inf, 7, 2],
        ["C", 0, np.inf, 0, 2],
        ["M", 21, np.inf, 21, 0],
    ]
    assert len(times.at_risk()) == 4  # leaving on the day of response is an event at time 0


def test_dated_events_count_where_they_come_first() -> None:
    scores: dict[str, dict[float, float | None]] = {
        s: {0: 30, 7: 10, 14: 12, 21: 25, 28: 26} for s in "ABCDE"
    }
    events = [
        ("A", 10.0, "hospitalisation"),  # before the relapse at 21: known to the day
        ("B", 21.0, "hospitalisation"),  # the same day: the visit stands
        ("C", 5.0, "hospitalisation"),  # before the response: not after it
        ("D", 10.0, "rescue"),  # not part of the rule
    ]
    study = study_of(scores, events)
    rule = Relapse(22, 2, events=("hospitalisation",))
    assert rows(time_to(study, rule, since=Response())) == [
        ["A", 3, 3, 3, 1],
        ["B", 7, 14, 14, 1],
        ["C", 7, 14, 14, 1],
        ["D", 7, 14, 14, 1],
        ["E", 7, 14, 14, 1],
    ]


def test_competing_events() -> None:
    study = study_of(
        {
            "A": {0: 30, 7: 20, 14: 10},
            "B": {0: 30, 7: 20, 14: 10},
            "C": {0: 30, 7: 20, 14: 19},
        },
        [("A", 10.0, "switch"), ("B", 14.0, "switch"), ("C", 30.0, "death")],
    )
    times = time_to(study, Response(), competing=("switch", "death"))
    assert rows(times) == [
        ["A", 7, np.inf, 10, 2],  # switched between the visits, before the response was seen
        ["B", 7, 14, 14, 1],  # on the same day the outcome stands
        ["C", 14, np.inf, 30, 3],
    ]
    assert times.causes == {1: "response (≥ 50 % fall)", 2: "switch", 3: "death"}


def test_until_a_day_or_an_event() -> None:
    scores: dict[str, dict[float, float | None]] = {
        "A": {0: 30, 7: 20, 14: 10},
        "B": {0: 30, 7: 20, 28: 19},
    }
    study = study_of(scores, [("A", 9.0, "switch")])
    assert rows(time_to(study, Response(), until=10)) == [
        ["A", 7, np.inf, 10, 0],
        ["B", 10, np.inf, 10, 0],
    ]
    assert rows(time_to(study, Response(), until="switch")) == [
        ["A", 7, np.inf, 9, 0],
        ["B", 28, np.inf, 28, 0],
    ]


def test_schedule_end_follows_the_windows() -> None:
    scores: dict[str, dict[float, float | None]] = {
        "A": {0: 30, 7: 10, 26: 10},  # inside the last window: followed to the end
        "B": {0: 30, 7: 10, 20: 10},
        "M": {0: 30, 7: 10, 28: 10},
    }
    study = study_of(scores, windows={7: 2, 28: 3})
    times = time_to(study, Relapse(22), since=Response(), competing="left follow-up")
    assert [r[4] for r in rows(times)] == [0, 2, 0]


def test_covariates_travel_along(trial: Study) -> None:
    frame = time_to(trial, Response()).frame
    assert {"baseline", "site", "sex", "age", "msm"} <= set(frame.columns)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"competing": "swich"}, UnknownNameError, "kind of event 'swich'. Did you mean 'switch'"),
        ({"until": "relocation"}, UnknownNameError, "kind of event 'relocation'"),
        ({"since": Relapse(60)}, NotEstimableError, r"no subject met relapse \(MADRS ≥ 60\)"),
    ],
)
def test_unusable_arguments(
    trial: Study, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        time_to(trial, Response(), **options)


def test_an_event_has_one_part(trial: Study) -> None:
    with pytest.raises(SpecError, match="death cannot both count as the outcome and compete"):
        time_to(trial, Relapse(22, events=("death",)), since=Response(), competing="death")


def test_a_frame_is_no_study(tiny: pd.DataFrame) -> None:
    with pytest.raises(SpecError, match="study must be a Study, which knows the scale"):
        time_to(tiny, Response())  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="Did you forget the brackets"):
        assess(Study(tiny, scale="MADRS"), Response)  # type: ignore[arg-type]


def test_assess(tiny: pd.DataFrame) -> None:
    table = tiny.astype({"score": float})
    table.loc[1, "score"] = np.nan
    frame = assess(Study(table, scale="MADRS"), Response())
    assert list(frame.columns) == ["subject", "treatment", "day", "score", "met", "reason"]
    assert frame["met"].tolist() == [pd.NA, True, False, True]
    assert frame["reason"].tolist() == ["not assessed", "assessed", "assessed", "assessed"]
    assert frame["treatment"].tolist() == ["ECT", "ECT", "TMS", "TMS"]


visit_scores = st.dictionaries(st.integers(1, 60), st.integers(0, 60), max_size=6)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 60), visit_scores), min_size=1, max_size=5))
def test_time_to_equals_a_loop_over_subjects(data: list[tuple[int, dict[int, int]]]) -> None:
    scores = {f"S{i}": {0: base, **visits} for i, (base, visits) in enumerate(data)}
    onset = rows(time_to(study_of(scores), Response()))  # type: ignore[arg-type]
    for subject, left, right, time, status in onset:
        by_day = dict(scores[subject])
        base = by_day.pop(0)
        days = sorted(by_day)
        hit = next((d for d in days if 2 * (base - by_day[d]) >= base), None)
        if hit is None:
            last = days[-1] if days else 0
            assert (left, right, time, status) == (last, np.inf, last, 0)
        else:
            before = max((d for d in days if d < hit), default=0)
            assert (left, right, time, status) == (before, hit, hit, 1)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 400))
def test_shifting_nothing_but_the_labels_changes_nothing(seed: int, shift: int) -> None:
    rng = np.random.default_rng(seed)
    scores = {
        f"S{i}": {0: 30, **{int(d): int(rng.integers(0, 40)) for d in (7, 14, 28)}}
        for i in range(4)
    }
    renamed = {f"R{(i * 7 + shift) % 11:02d}-{s}": v for i, (s, v) in enumerate(scores.items())}
    a = sorted(r[1:] for r in rows(time_to(study_of(scores), Response())))  # type: ignore[arg-type]
    b = sorted(r[1:] for r in rows(time_to(study_of(renamed), Response())))  # type: ignore[arg-type]
    assert a == b


def test_loss_since_response_with_hysteresis() -> None:
    study = study_of({"A": {0: 30, 7: 15, 14: 18, 21: 19}, "M": {0: 30, 7: 15, 14: 16}})
    assert rows(time_to(study, LossOfResponse(), since=Response())) == [
        ["A", 7, 14, 14, 1],
        ["M", 7, np.inf, 7, 0],
    ]


def test_event_times_from_a_frame() -> None:
    frame = pd.DataFrame({"id": [1, 2], "arm": ["a", "b"], "t": [3, 4], "s": [1, 0]})
    times = EventTimes(frame, subject="id", treatment="arm", time="t", status="s")
    assert times.frame["left"].tolist() == [3, 4]
    assert times.frame["right"].tolist() == [3, np.inf]
    assert pickle.loads(pickle.dumps(times)).frame.equals(times.frame)
    assert times.only(["b"]).treatments == ("b",)
    with pytest.raises(UnknownNameError, match="treatment 'c'"):
        times.only(["c"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": [1, -1]}, r"1 time is missing, infinite or negative\.\n  2 \(row 1\)"),
        ({"time": [1, np.nan]}, "1 time is missing"),
        ({"status": [0, 0.5]}, "status is no whole number"),
        ({"subject": [1, 1]}, "1 row repeats a subject"),
        ({"treatment": [None, "a"]}, "1 row has no treatment"),
        ({"left": [5, 0], "right": [4, 9]}, r"1 interval \(left, right\] is missing, reversed"),
    ],
)
def test_unusable_event_times(change: dict[str, Any], message: str) -> None:
    frame = pd.DataFrame({"subject": [1, 2], "treatment": "a", "time": [1, 2], "status": [1, 0]})
    with pytest.raises(DataError, match=message):
        EventTimes(frame.assign(**change))
    with pytest.raises(DataError, match="no column 'time' for time"):
        EventTimes(frame.drop(columns="time"))


def test_face_of_event_times(trial: Study) -> None:
    assert repr(time_to(trial, Response())) == (
        "Time to response (≥ 50 % fall)\n"
        "  Origin  day 0\n"
        "  Time    days\n"
        "\n"
        "Treatment  Subjects  response (≥ 50 % fall)  Censored  Never assessed  Gap (days)\n"
        "TMS              80                      42        38               6         7.0\n"
        "ECT              80                      57        23               4         7.0\n"
        "ketamine         80                      55        25               6         4.0\n"
        "\n"
        "Note: Gap: median number of days between the visits that enclose the event."
    )


def test_responders_alone_are_labelled(trial: Study) -> None:
    times = time_to(trial, Relapse(20, 2), since=Response())
    assert times.caveat == (
        "Compared among responders only: responders were not randomised; "
        "ResponseState compares everyone who started treatment"
    )
    assert times.caveat in repr(times)
    assert time_to(trial, Response()).caveat == ""


def test_unrandomised_treatments_are_labelled(tiny: pd.DataFrame) -> None:
    times = time_to(Study(tiny, scale="MADRS"), Response())
    assert times.caveat == "Unadjusted: treatments were not randomised"
