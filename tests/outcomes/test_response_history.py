"""Histories of response: against the event times they are made of, drawn patients, own frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawing import study_of

from trdstats import (
    LossOfResponse,
    Relapse,
    Remission,
    Response,
    ResponseHistory,
    Study,
    response_history,
    time_to,
)
from trdstats.errors import DataError, SpecError, UnknownNameError

N, R, L = "not responding", "in response", "relapsed"


def test_histories_are_the_event_times(trial: Study) -> None:
    """Row for row: onset, and durability laid after it."""
    frame = response_history(trial, Response(), Relapse(20, 2)).frame
    onset = time_to(trial, Response()).at_risk()
    waits = frame[frame["state"] == N]
    assert waits["subject"].tolist() == onset["subject"].tolist()
    assert waits["stop"].tolist() == onset["time"].tolist()
    assert (waits["to"] == R).tolist() == (onset["status"] == 1).tolist()
    for side in ("left", "right"):
        assert waits[side].tolist() == onset[side].tolist()
    durability = time_to(trial, Relapse(20, 2), since=Response()).at_risk()
    stays = frame[frame["state"] == R]
    assert stays["subject"].tolist() == durability["subject"].tolist()
    assert (stays["stop"] - stays["start"]).tolist() == durability["time"].tolist()
    assert (stays["to"] == L).tolist() == (durability["status"] == 1).tolist()
    for side in ("left", "right"):
        assert (stays[side] - stays["start"]).tolist() == durability[side].tolist()


def test_the_independent_derivation(trial: Study, trial_tables: Any) -> None:
    events = trial_tables[2].set_index("usubjid")
    frame = response_history(trial, Response(), Relapse(20, 2)).frame
    waits = frame[frame["state"] == N].set_index("subject")
    expected = events[events["time"] > 0].loc[waits.index]
    assert waits["stop"].tolist() == expected["time"].tolist()
    stays = frame[frame["state"] == R].set_index("subject")
    expected = events[events["dur_time"] > 0].loc[stays.index]
    assert len(expected) == (events["dur_time"] > 0).sum()
    assert (stays["stop"] - stays["start"]).tolist() == expected["dur_time"].tolist()
    assert (stays["to"] == L).tolist() == (expected["dur_status"] == 1).tolist()


def course(patient: str, **options: Any) -> list[tuple[float, float, str, str]]:
    study = study_of(patient, "." * len(patient))
    loss = options.pop("relapse", LossOfResponse())
    frame = response_history(study, Response(), loss, **options).frame
    own = frame[frame["subject"] == "P0"]
    return list(own[["start", "stop", "state", "to"]].itertuples(index=False, name=None))


def test_drawn_patients() -> None:
    assert course("..#=.") == [(0, 21, N, R), (21, 35, R, L)]
    assert course("..#=#") == [(0, 21, N, R), (21, 35, R, "censored")]
    assert course("....#") == [(0, 35, N, R)]  # never seen again
    assert course(".....") == [(0, 35, N, "censored")]
    assert course("#.#.#", regain=False) == [(0, 7, N, R), (7, 14, R, L)]
    assert course("#.#.#", regain=True) == [
        (0, 7, N, R), (7, 14, R, L), (14, 21, L, R), (21, 28, R, L), (28, 35, L, R),
    ]  # fmt: skip
    assert course("#._#=", regain=True)[2:] == [(14, 28, L, R), (28, 35, R, "censored")]
    assert course("_____#") == [(0, 42, N, R)]


def test_intervals_are_those_of_the_rated_visits() -> None:
    frame = response_history(study_of("._#_.", "....."), Response(), LossOfResponse()).frame
    own = frame[frame["subject"] == "P0"]
    assert own[["left", "right"]].to_numpy().tolist() == [[7, 21], [21, 35]]
    own = frame[frame["subject"] == "P1"]
    assert own[["left", "right"]].to_numpy().tolist() == [[35, np.inf]]


def plain_loop(scores: list[tuple[float, float]], base: float) -> list[tuple[float, str]]:
    """Return days and states a reader would write down, visit by visit."""
    state, found = N, []
    for day, score in scores:
        if state != R and 2 * (base - score) >= base:
            state = R
            found.append((day, R))
        elif state == R and 10 * (base - score) < 4 * base:
            state = L
            found.append((day, L))
    return found


def test_regained_response_against_a_plain_loop(trial: Study) -> None:
    frame = response_history(trial, Response(), LossOfResponse(), regain=True).frame
    visits = trial.longitudinal().dropna(subset=["score"])
    for subject, rows in visits[visits["day"] > 0].groupby("subject", observed=True):
        scores = list(zip(rows["day"], rows["score"], strict=True))
        own = frame[(frame["subject"] == subject) & (frame["to"] != "censored")]
        expected = plain_loop(scores, rows["baseline"].iloc[0])
        assert list(zip(own["stop"], own["to"], strict=True)) == expected


def test_an_event_ends_a_response_on_its_day() -> None:
    visits = pd.DataFrame(
        {"subject": list("AAAAB"), "treatment": ["ECT"] * 4 + ["TMS"], "day": [0, 7, 14, 35, 0],
         "score": [30, 10, 10, 10, 30]}
    )  # fmt: skip
    events = pd.DataFrame({"subject": ["A"], "day": [20], "event": ["hospitalisation"]})
    study = Study(visits, events=events, scale="MADRS")
    relapse = Relapse(22, events=("hospitalisation",))
    frame = response_history(study, Response(), relapse, regain=True).frame
    assert frame[["start", "stop", "to"]].to_numpy().tolist() == [
        [0, 7, R], [7, 20, L], [20, 35, R],
    ]  # fmt: skip
    assert frame[["left", "right"]].to_numpy().tolist() == [[0, 7], [20, 20], [20, 35]]


def test_face_and_counts(trial: Study) -> None:
    history = response_history(trial, Response(), Relapse(20, 2))
    assert repr(history) == (
        "Histories of response\n"
        "  Response  response (≥ 50 % fall)\n"
        "  Relapse   relapse (MADRS ≥ 20 × 2)\n"
        "  Time      days since day 0\n"
        "\n"
        "Treatment  Subjects  Responded  Relapsed  Regained  Never assessed\n"
        "TMS              74         42        13         0               6\n"
        "ECT              76         57         7         0               4\n"
        "ketamine         74         55        22         0               6"
    )
    onset = time_to(trial, Response())
    own = history.per_subject()
    assert len(own.frame) == len(onset.frame)
    assert own.frame["status"].sum() == onset.frame["status"].sum()
    assert set(trial.subjects.columns) <= set(history.frame.columns)
    assert history.only(["ECT"]).treatments == ("ECT",)
    with pytest.raises(UnknownNameError, match="Unknown treatment 'VNS'"):
        history.only(["VNS"])


def test_unrandomised_treatments_are_labelled(tiny: pd.DataFrame) -> None:
    history = response_history(Study(tiny, scale="MADRS"), Response(), LossOfResponse())
    assert "Unadjusted: treatments were not randomised" in repr(history)


@pytest.mark.parametrize(
    ("since", "words"),
    [
        (Response(), "Compared among responders only: responders were not randomised; "),
        (Remission(), "Compared among those with remission only: they were not randomised; "),
    ],
)
def test_those_who_met_an_origin_are_labelled(trial: Study, since: Any, words: str) -> None:
    times = time_to(trial, Relapse(20, 2), since=since)
    assert times.caveat == f"{words}ResponseState compares everyone who started treatment"
    assert times.only(["ECT"]).caveat == ""


def test_response_is_a_state(trial: Study) -> None:
    with pytest.raises(SpecError, match="no state that holds or not at a visit"):
        response_history(trial, Relapse(20), Relapse(20))
    with pytest.raises(SpecError, match="Did you forget the brackets"):
        response_history(trial, Response(), LossOfResponse)  # type: ignore[arg-type]


OWN = pd.DataFrame(
    {"subject": ["A", "A", "B"], "treatment": ["ECT", "ECT", "TMS"], "start": [0, 7, 0],
     "stop": [7, 28, 28], "state": [N, R, N], "to": [R, "censored", "censored"]}
)  # fmt: skip


def changed(row: int, **cells: Any) -> pd.DataFrame:
    frame = OWN.astype({"start": float, "stop": float, "treatment": object})
    for column, value in cells.items():
        frame.loc[row, column] = value
    return frame


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (changed(1, start=5), r"1 stay begins before the one before it ended.\n  A \(row 1\)"),
        (changed(1, start=9), "1 stay begins after a gap"),
        (changed(1, state=L), "1 stay is in another state than the one before it led to"),
        (changed(0, to="censored"), "1 stay follows a stay that was censored"),
        (changed(2, state="cured"), "1 row has an unknown state"),
        (changed(2, to="lost"), "1 row leads to an unknown state"),
        (changed(1, to=R), "1 stay leads to its own state"),
        (changed(2, stop=0), "1 stay ends on or before the day it starts"),
        (changed(2, start=-1), "a start or stop that is missing, infinite or negative"),
        (changed(2, stop=np.nan), "a start or stop that is missing, infinite or negative"),
        (changed(2, stop=np.inf), "a start or stop that is missing, infinite or negative"),
        (changed(2, treatment=None), "1 row has no treatment"),
        (changed(1, treatment="TMS"), "1 stay is under another treatment"),
        (OWN.assign(left=[9, 28, 28], right=[7, np.inf, np.inf]), r"1 interval \(left, right\] is"),
        (OWN.assign(left=[3, 2, 28], right=[7, np.inf, np.inf]), "or outside the stay"),
        (OWN.assign(left=[3, 28, 28], right=np.inf), "infinite where a change was seen"),
        (OWN.rename(columns={"to": "too"}), "no column 'to'.\n  Did you mean 'too'"),
        (OWN.iloc[:0], "has no rows"),
    ],
)
def test_own_frames_are_checked(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message):
        ResponseHistory(frame)


def test_all_problems_at_once() -> None:
    frame = changed(2, state="cured", stop=-3)
    with pytest.raises(DataError, match="2 problems were found"):
        ResponseHistory(frame)


def test_order_of_own_rows_does_not_matter() -> None:
    history = ResponseHistory(OWN.iloc[[1, 2, 0]])
    assert history.frame["subject"].tolist() == ["A", "A", "B"]
    assert history.frame["start"].tolist() == [0, 7, 0]
    assert history.frame["right"].tolist() == [7, np.inf, np.inf]
    # Subjects that start in response are ever in response, from their first day.
    starts = OWN.assign(state=[R, R, N]).iloc[1:].assign(start=0)
    assert ResponseHistory(starts).per_subject().frame["right"].tolist() == [0, np.inf]
