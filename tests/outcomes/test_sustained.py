"""Sustained states, drawn visit by visit: ``Y`` where a sustained stretch begins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawing import drawn_states, event, study_of
from hypothesis import given, settings
from hypothesis import strategies as st

from trdstats import (
    EarlyImprovement,
    Relapse,
    Remission,
    Response,
    Sustained,
    assess,
    time_to,
)
from trdstats.errors import NotEstimableError, SpecError

BOUNDED = Sustained(Response(), visits=3, excursions=1, excursion=Response(0.25))


@pytest.mark.parametrize(
    ("rule", "patient", "states"),
    [
        # Two visits in a row.
        (Sustained(Response(), visits=2), ".#.##.", "nnnYnn"),
        (Sustained(Response(), visits=2), ".....#", "nnnnn?"),
        (Sustained(Response(), visits=2), "##_#..", "YYnnn"),
        # Three of four: begun by a response, one of the next three may fail.
        (Sustained(Response(), visits=4, excursions=1), "#o##..", "Ynnnnn"),
        (Sustained(Response(), visits=4, excursions=1), "#oo###", "nnn???"),
        (Sustained(Response(), visits=4, excursions=1), "##o#", "Y?n?"),
        # An excursion may not fall short of a fall of one quarter.
        (
            Sustained(Response(), visits=3, excursions=1, excursion=Response(0.25)),
            "#o#...",
            "Ynnnnn",
        ),
        (
            Sustained(Response(), visits=3, excursions=1, excursion=Response(0.25)),
            "#.#...",
            "nnnnnn",
        ),
        # Fourteen days: the visit itself and the two after it.
        (Sustained(Response(), for_days=14), "###.##", "Ynnn??"),
        (Sustained(Response(), for_days=14), ".##_#.", "nYYnn"),
        # A missed visit leaves a gap of two weeks: nobody knows.
        (Sustained(Response(), for_days=14, max_gap_days=10), ".#_##.", "n?nnn"),
        # What was seen already refutes it, whatever comes later.
        (Sustained(Response(), for_days=28), "##.", "nnn"),
        (Sustained(Response(), for_days=0), "#.#", "YnY"),
        (Sustained(Remission(15), visits=2), ".##", "nY?"),
    ],
)
def test_drawn_patients(rule: Sustained, patient: str, states: str) -> None:
    assert drawn_states(rule, patient) == states


def test_slack_completes_a_stretch() -> None:
    # Visits every 6.9 days: four of them span 27.6 days.
    rule = Sustained(Response(), for_days=28)
    assert drawn_states(rule, "#####", step=6.9) == "?????"
    loose = Sustained(Response(), for_days=28, slack_days=1)
    assert drawn_states(loose, "#####", step=6.9) == "Y????"


def test_time_to_a_sustained_response() -> None:
    two = Sustained(Response(), visits=2)
    assert event(two, ".#.##.") == (21, 28, 28, 1)  # the response of day 14 did not last
    assert event(two, "#.....") == (42, np.inf, 42, 0)
    # The response of day 42 may yet last: time without a sustained response ends on day 35.
    assert event(two, ".....#") == (35, np.inf, 35, 0)
    # Nothing could be known before follow-up ended.
    assert event(Sustained(Response(), for_days=60), "###") == (0, np.inf, 0, 0)


def test_durability_since_a_sustained_response() -> None:
    study = study_of(".##..", "###..")
    times = time_to(study, Relapse(25), since=Sustained(Response(), visits=2))
    assert times.frame["time"].tolist() == [14, 21]
    assert "sustained response" in times.origin


patients = st.lists(st.text(alphabet="#o._", min_size=1, max_size=8), min_size=2, max_size=4)


@settings(max_examples=100, deadline=None)
@given(patients, st.integers(1, 4), st.integers(0, 2))
def test_it_equals_a_loop(drawn: list[str], visits: int, excursions: int) -> None:
    study = study_of(*drawn)
    got = assess(study, Sustained(Response(), visits=visits, excursions=excursions))
    for k, patient in enumerate(drawn):
        seen = [c == "#" for c in patient if c != "_"]
        expected: list[bool | None] = []
        for i, met in enumerate(seen):
            stretch = seen[i : i + visits]
            if not met or stretch.count(False) > excursions:
                expected.append(False)
            else:
                expected.append(True if len(stretch) == visits else None)
        own = got.loc[got["subject"] == f"P{k}", "met"]
        assert [None if pd.isna(m) else bool(m) for m in own] == expected


@settings(max_examples=100, deadline=None)
@given(patients, st.sampled_from([0.0, 7.0, 14.0, 30.0]))
def test_confirmation_never_dates_an_event_earlier(drawn: list[str], days: float) -> None:
    study = study_of(*drawn)
    plain = time_to(study, Response()).frame
    kept = time_to(study, Sustained(Response(), for_days=days)).frame
    both = (plain["status"] == 1) & (kept["status"] == 1)
    assert (kept["right"][both] >= plain["right"][both]).all()
    assert not ((kept["status"] == 1) & (plain["status"] == 0)).any()
    if days == 0:
        assert kept.drop(columns="baseline").equals(plain.drop(columns="baseline"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sustained(Response()), "either visits=... or for_days=..."),
        (lambda: Sustained(Response(), visits=2, for_days=7), "and not both"),
        (lambda: Sustained(Response(), visits=0), "visits must be at least 1"),
        (lambda: Sustained(Response(), visits=1.5), "visits must be a whole number"),  # type: ignore[arg-type]
        (lambda: Sustained(Response(), for_days=-1), "for_days must be 0 or more"),
        (lambda: Sustained(Response(), visits=2, excursions=-1), "excursions must be 0 or more"),
        (lambda: Sustained(Response(), visits=2, excursion=Response(0.25)), "allow some first"),
        (
            lambda: Sustained(Response(), for_days=7, max_gap_days=0),
            "max_gap_days must be positive",
        ),
        (lambda: Sustained(Response(), for_days=7, slack_days=-1), "slack_days must be 0 or more"),
        (lambda: Sustained(Relapse(22), visits=2), "is no state that holds or not at a visit"),
        (lambda: Sustained(EarlyImprovement(), visits=2), "cannot be sustained"),
        (lambda: Sustained("response", visits=2), "needs a definition such as Response"),  # type: ignore[arg-type]
    ],
)
def test_unusable(make: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        make()


def test_words() -> None:
    rule = Sustained(Response(), visits=4, excursions=1, excursion=Response(0.25), max_gap_days=14)
    assert rule.describe() == (
        "fall of at least 50 % of the baseline above the floor of the scale, over 4 visits, one "
        "visit may fail it but not fall short of: fall of at least 25 % of the baseline above the "
        "floor of the scale, visits at most 14 days apart; dated at the first visit"
    )
    assert Sustained(Remission(12), for_days=28, slack_days=3).label() == (
        "sustained remission (≤ 12) for 28 days (within 3)"
    )


def test_nobody_sustains_it() -> None:
    with pytest.raises(NotEstimableError, match="no subject met sustained response"):
        time_to(study_of("#.", ".."), Relapse(25), since=Sustained(Response(), visits=2))
