"""Onset that is kept, k of the last n, all of some days, states with memory: drawn by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawing import drawn_states, event, study_of
from hypothesis import given, settings
from hypothesis import strategies as st

from trdstats import (
    AtDays,
    CGIResponse,
    Deterioration,
    EarlyImprovement,
    Event,
    InResponse,
    KOfLast,
    Onset,
    Relapse,
    ReliableChange,
    Remission,
    Response,
    Study,
    Sustained,
    assess,
    rates,
    time_to,
)
from trdstats.errors import SpecError
from trdstats.outcomes import Definition

LOOSE = Onset(by_day=14, until=35, excursions=1, excursion=Response(0.25))


@pytest.mark.parametrize(
    ("rule", "patient", "states"),
    [
        # Begun by day 14 and kept to day 35: at once, on the second visit, too late.
        (Onset(by_day=14, until=35), "#####", "YYYYY"),
        (Onset(by_day=14, until=35), ".####", "nYYYY"),
        (Onset(by_day=14, until=35), "..###", "nnnnn"),
        (Onset(by_day=14, until=35), "##.##", "nnnnn"),
        # What comes after day 35 does not count.
        (Onset(by_day=14, until=35), "#####..", "YYYYYYY"),
        # Follow-up ends before day 35: not known, unless already refuted.
        (Onset(by_day=14, until=35), "###", "???"),
        (Onset(by_day=14, until=35), "##.", "nnn"),
        # One excursion that keeps a quarter of the fall (20 of 30 does, 30 does not).
        (LOOSE, "##o##", "YYYYY"),
        (LOOSE, "##.##", "nnnnn"),
        (LOOSE, "#o#o#", "nnnnn"),
        # The first day fails as an onset (two excursions follow), the second holds.
        (LOOSE, "##o#o", "nnnnn"),
        (LOOSE, "o#o##", "nYYYY"),
        # No visit at all by day 14: nobody looked.
        (Onset(by_day=14, until=35), "__###", "???"),
        # At any time, kept to the end of follow-up.
        (Onset(), "..##", "nnYY"),
        (Onset(), "##.#", "nnnY"),
        (Onset(visits_after=1), "##.#", "nnn?"),
        # A window for the beginning: week 3.
        (Onset(from_day=21, by_day=21, until=35), "..###", "nnYYY"),
        (Onset(from_day=21, by_day=21, until=35), "##.##", "nnnnn"),
        # No later score above the one at onset.
        (Onset(Response(0.3), no_rise=True), "oo##", "YYYY"),
        (Onset(Response(0.3), no_rise=True), "#o#o", "nYYY"),
        (Onset(Response(0.3), no_rise=True), "#o.#", "nnnY"),
        # Three of the last four.
        (KOfLast(Response(), 3, 4), ".##.##..", "nnnnYYnn"),
        (KOfLast(Response(), 2, 2), "#_##.", "nYYn"),
        # Response is gained at 15 and lost above 18.
        (InResponse(), "o#==o=#", "nYYYnnY"),
        (InResponse(0.5, 0.5), "o#==o=#", "nYnnnnY"),
        # All of days 14 and 28: known on day 28, unless one of them refutes it.
        (AtDays(Response(), [14, 28]), ".#.#.", "???YY"),
        (AtDays(Response(), [28, 14]), "#..#", "nnnn"),
        (AtDays(Response(), [14, 28]), "##_#", "??Y"),
        (AtDays(Response(), [14, 28]), "###_#", "????"),
        # A rise of a quarter of 30 is 37.5.
        (Deterioration(), ".!#", "nYn"),
        (~Response(), "#o", "nY"),
    ],
)
def test_drawn_patients(rule: Definition, patient: str, states: str) -> None:
    assert drawn_states(rule, patient) == states


@pytest.mark.parametrize(
    ("rule", "patient", "states"),
    [
        # A missed visit is passed over, an excursion, or a failure.
        (Onset(by_day=14, until=35), "##_##", "YYYY"),
        (Onset(by_day=14, until=35, missing="excursion"), "##_##", "nnnn"),
        (Onset(by_day=14, until=35, missing="excursion", excursions=1), "##_##", "YYYY"),
        (Onset(by_day=14, until=35, missing="excursion", excursions=1), "##_#.", "nnnn"),
        (Onset(by_day=14, until=35, missing="failure", excursions=1), "##_##", "nnnn"),
        (Onset(by_day=14, until=35, missing="failure", excursions=1), "##.##", "YYYYY"),
        # Those who leave fail.
        (Onset(by_day=14, until=35, missing="failure"), "###__", "nnn"),
        # Nobody looked by day 14: a failure.
        (Onset(by_day=14, until=35, missing="failure"), "__###", "nnn"),
        (Sustained(Response(), visits=3), "#_##", "Y??"),
        (Sustained(Response(), visits=3, missing="failure"), "#_##__", "nnn"),
        (Sustained(Response(), visits=3, missing="excursion", excursions=1), "#_#.", "Y?n"),
        (Sustained(Response(), for_days=14, missing="failure"), "#_#", "n?"),
        (KOfLast(Response(), 2, 2, missing="failure"), "#_##.", "nnYn"),
        (AtDays(Response(), [14, 28], missing="failure"), "#_###", "nnnn"),
        (AtDays(Response(), [14, 28], missing="failure"), "###_#", "nnnn"),
    ],
)
def test_missed_visits(rule: Definition, patient: str, states: str) -> None:
    assert drawn_states(rule, patient, windows=True) == states


def test_missed_visits_need_a_schedule() -> None:
    for rule in (
        Onset(missing="failure"),
        Sustained(Response(), visits=2, missing="excursion"),
        AtDays(Response(), [7], missing="failure"),
    ):
        with pytest.raises(SpecError, match="without windows it is not known which visits"):
            drawn_states(rule, "##")


def test_days_are_scheduled_days_where_there_are_windows() -> None:
    # The visit of day 14 took place on day 15; by_day=14 means the scheduled one.
    visits = pd.DataFrame(
        {"subject": ["A"] * 3 + ["B"] * 3, "treatment": ["TMS"] * 3 + ["ECT"] * 3,
         "day": [0, 15, 29] * 2, "score": [30, 15, 15, 30, 30, 30]}
    )  # fmt: skip
    rule = Onset(by_day=14, until=28)
    with_windows = Study(visits, scale="MADRS", windows={14: 2, 28: 2})
    assert assess(with_windows, rule)["met"].tolist() == [True, True, False, False]
    without = assess(Study(visits, scale="MADRS"), rule)
    assert without["reason"].tolist() == ["not assessed"] * 4  # nobody looked by day 14


def test_the_last_visit_dates_a_stretch() -> None:
    two = Sustained(Response(), visits=2, dated="last")
    assert drawn_states(two, ".#.##.") == "nnnnYn"
    month = Sustained(Response(), for_days=14, dated="last")
    assert drawn_states(month, "###.###") == "nnYnnnY"
    # Recovery is declared at the visit that completes it, unless it shows the state is lost.
    assert drawn_states(Sustained(Response(), for_days=14, dated="last"), "##_.") == "nnn"
    assert drawn_states(Sustained(Response(), for_days=14, dated="last"), "##_#") == "nnY"


def test_onset_is_dated_at_its_visit_and_ends_when_known() -> None:
    assert event(Onset(until=35), ".#.###") == (21, 28, 28, 1)
    # Days 7 and 14 may yet be an onset: nothing is known of time without one.
    assert event(Onset(until=35), "##") == (0, np.inf, 0, 0)


def test_onset_as_a_rate() -> None:
    study = study_of("#####", "..###", "##.##", "###__", windows=True)
    rule = Onset(by_day=14, until=35, missing="failure")
    counts = rates(study, rule, day=35).tidy()
    assert counts.loc[counts["measure"] == "rate", "events"].tolist() == [0, 1]  # ECT, TMS


def test_a_relapse_confirmed_within_a_window_of_days() -> None:
    """Twice at 22 or above, 5 to 15 days apart; visits between must be high too."""
    rule = Relapse(22, 2, after_days=5, within_days=15)
    last = Relapse(22, 2, after_days=5, within_days=15, dated="last")

    def dated(days: list[float], scores: list[float], which: Relapse) -> list[float]:
        visits = pd.DataFrame(
            {"subject": ["A"] * len(days) + ["B"] * 2, "day": [*days, 0, 7],
             "treatment": ["TMS"] * len(days) + ["ECT"] * 2, "score": [*scores, 30, 10]}
        )  # fmt: skip
        frame = assess(Study(visits, scale="MADRS"), which)
        frame = frame[frame["subject"] == "A"]
        return frame.loc[frame["met"].fillna(False).astype(bool), "day"].tolist()

    # Two days apart confirms nothing; the visit a week later does.
    assert dated([0, 10, 12, 17], [30, 25, 25, 24], rule) == [10, 12]
    assert dated([0, 10, 12, 17], [30, 25, 25, 24], last) == [17]
    # A low score between the two breaks it.
    assert dated([0, 10, 12, 17], [30, 25, 20, 24], rule) == []
    # Sixteen days are too long.
    assert dated([0, 10, 26], [30, 25, 25], rule) == []
    assert dated([0, 10, 25], [30, 25, 25], rule) == [10]


def test_a_rise_counts_from_the_score_at_the_origin() -> None:
    """Response at 15; 10 points above it are 25, and 20 is not enough."""
    rule = Relapse(16, rise=10)
    assert event(rule, "#o.", since=Response()) == (7, 14, 14, 1)
    assert event(rule, "#oo", since=Response()) == (14, np.inf, 14, 0)
    with pytest.raises(SpecError, match="counts from the score at an origin"):
        drawn_states(rule, "#o.")


def test_a_confirmation_does_not_begin_before_the_origin() -> None:
    # High on day 7, and on day 14, where remission at most 30 has its origin.
    rule = Relapse(20, 2, dated="last")
    assert event(rule, ".oo", since=Remission(20)) == (7, np.inf, 7, 0)


def test_events_alone_and_beside_scores() -> None:
    events = pd.DataFrame({"subject": ["P0"], "day": [10], "event": ["hospitalisation"]})
    base = study_of("..", "..")
    study = Study(base.visits, base.subjects, events, scale="MADRS")
    row = time_to(study, Event(("Hospitalisation",))).frame.iloc[0]
    assert (row["left"], row["right"], row["status"]) == (10, 10, 1)
    both = time_to(study, Relapse(25) | Event(("hospitalisation",))).frame.iloc[0]
    assert (both["left"], both["right"]) == (0, 7)  # the score came first
    with pytest.raises(SpecError, match="needs a kind of event"):
        Event(())
    with pytest.raises(SpecError, match=r"for example \('death',\)"):
        Event("death")  # type: ignore[arg-type]


def test_cgi() -> None:
    visits = pd.DataFrame(
        {"subject": ["A"] * 4 + ["B"] * 4, "treatment": ["TMS"] * 4 + ["ECT"] * 4,
         "day": [0, 7, 14, 21] * 2, "madrs": [30, 20, 10, 40] * 2, "cgi": [None, 3, 2, 6] * 2}
    )  # fmt: skip
    with pytest.warns(match="no CGII baseline"):
        study = Study(visits, scale=["MADRS", "CGI-I"], score={"MADRS": "madrs", "CGI-I": "cgi"})
    cgi = study.on("CGI-I")
    assert assess(cgi, CGIResponse())["met"].tolist()[:3] == [False, True, False]
    assert assess(cgi, Deterioration())["met"].tolist()[:3] == [False, False, True]
    with pytest.raises(SpecError, match=r"use study\.on\('CGI-I'\)"):
        assess(study, CGIResponse())
    severity = Study(visits.assign(cgi=4), scale="CGI-S", score="cgi")
    with pytest.raises(SpecError, match="deterioration is a per cent change, and totals of CGIS"):
        assess(severity, Deterioration())
    for rule in (InResponse(), Onset(), KOfLast(Response(), 1, 2)):
        with pytest.raises(SpecError, match="totals of CGII are categories"):
            assess(cgi, rule)


def test_reliable_change_by_hand() -> None:
    """SD 6, r 0.84: 1.96 * 6 * sqrt(0.32) = 6.652; 30 - 23 = 7 exceeds it, 30 - 24 = 6 does not."""
    visits = pd.DataFrame(
        {"subject": ["A"] * 4 + ["B"] * 4, "treatment": ["TMS"] * 4 + ["ECT"] * 4,
         "day": [0, 7, 14, 21] * 2, "score": [30, 24, 23, 37] * 2}
    )  # fmt: skip
    study = Study(visits, scale="MADRS")
    better, worse = (ReliableChange(6, 0.84, worse=w) for w in (False, True))
    assert assess(study, better)["met"].tolist()[:3] == [False, True, False]
    assert assess(study, worse)["met"].tolist()[:3] == [False, False, True]
    # Edwards-Nunnally, mean 34: true baseline 34 + 0.84 (30 - 34) = 30.64; limit
    # 30.64 - 1.96 * 6 * sqrt(0.16) = 25.94.
    other = ReliableChange(6, 0.84, method="edwards-nunnally", mean=34)
    assert other.least_change == pytest.approx(1.959964 * 6 * 0.4, rel=1e-6)
    assert assess(study, other)["met"].tolist()[:3] == [True, True, False]
    assert "59:12-19" in better.methods()
    assert "60:402-408" in other.methods()


patients = st.lists(st.text(alphabet="#=o.!_", min_size=1, max_size=8), min_size=2, max_size=4)


@settings(max_examples=60, deadline=None)
@given(patients, st.sampled_from([0.2, 0.5, 0.8]))
def test_memory_with_equal_thresholds_is_the_plain_rule(drawn: list[str], share: float) -> None:
    study = study_of(*drawn)
    held, plain = assess(study, InResponse(share, share)), assess(study, Response(share))
    assert held["met"].equals(plain["met"])


@settings(max_examples=60, deadline=None)
@given(patients, st.integers(1, 4), st.integers(1, 4))
def test_k_of_last_equals_a_loop(drawn: list[str], k: int, n: int) -> None:
    k, n = min(k, n), max(k, n)
    got = assess(study_of(*drawn), KOfLast(Response(), k, n))
    for i, patient in enumerate(drawn):
        seen = [c == "#" for c in patient if c != "_"]
        expected = [sum(seen[max(0, j - n + 1) : j + 1]) >= k for j in range(len(seen))]
        assert got.loc[got["subject"] == f"P{i}", "met"].tolist() == expected


@settings(max_examples=60, deadline=None)
@given(patients, st.integers(0, 2), st.sampled_from(["ignore", "excursion", "failure"]))
def test_onset_never_comes_before_the_state_and_leniency_never_hurts(
    drawn: list[str], excursions: int, missing: Any
) -> None:
    study = study_of(*drawn, windows=True)
    plain = time_to(study, Response()).frame
    onset = time_to(study, Onset(excursions=excursions, missing=missing)).frame
    both = (plain["status"] == 1) & (onset["status"] == 1)
    assert (onset["right"][both] >= plain["right"][both]).all()
    assert not ((onset["status"] == 1) & (plain["status"] == 0)).any()
    looser = time_to(study, Onset(excursions=excursions + 1, missing=missing)).frame
    assert (looser["status"] >= onset["status"]).all()


@settings(max_examples=60, deadline=None)
@given(patients, st.integers(0, 4), st.integers(1, 3))
def test_an_unscheduled_visit_never_moves_onset_later(
    drawn: list[str], place: int, days: int
) -> None:
    study = study_of(*drawn)
    extra = pd.DataFrame({"subject": ["P0"], "treatment": ["TMS"], "day": [7 * place + days]})
    for score in (15, 30):
        frame = study.longitudinal()[["subject", "treatment", "day", "score"]]
        base = study.subjects.assign(day=0.0, score=study.subjects["baseline"])
        more = pd.concat(
            [base[["subject", "treatment", "day", "score"]], frame, extra.assign(score=score)]
        ).astype({"subject": str, "treatment": str})
        before = time_to(study, Response()).frame["right"].iloc[0]
        after = time_to(Study(more, scale="MADRS"), Response()).frame["right"].iloc[0]
        assert after <= before


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Onset(by_day=28, until=14), "must follow each other"),
        (lambda: Onset(from_day=-1), "must follow each other"),
        (lambda: Onset(excursions=-1), "excursions must be 0 or more"),
        (lambda: Onset(excursion=Response(0.25)), "allow some first"),
        (lambda: Onset(Relapse(22)), "is no state that holds or not"),
        (lambda: Onset(missing="skip"), "missing must be one of"),  # type: ignore[arg-type]
        (lambda: AtDays(Response(), []), "different days after day 0"),
        (lambda: AtDays(Response(), [7, 7]), "different days after day 0"),
        (lambda: AtDays(EarlyImprovement(), [7]), "is no state that holds or not"),
        (lambda: AtDays(Response(), [7], missing="excursion"), "missing must be one of"),  # type: ignore[arg-type]
        (lambda: KOfLast(Response(), 3, 2), "k must lie between 1 and n"),
        (lambda: KOfLast("x", 1, 2), "needs a definition such as"),  # type: ignore[arg-type]
        (lambda: InResponse(0.4, 0.5), r"lost \(0.5\) must not exceed gained"),
        (lambda: CGIResponse(4), "a code of improvement, 1 to 3"),
        (lambda: Deterioration(at_least=4), "a code of worsening, 5 to 7"),
        (lambda: ReliableChange(0, 0.8), "sd must be positive"),
        (lambda: ReliableChange(6, 1), "reliability must lie between 0 and 1"),
        (lambda: ReliableChange(6, 0.8, mean=30), "mean belongs to method='edwards-nunnally'"),
        (lambda: ReliableChange(6, 0.8, method="edwards-nunnally"), "needs the mean"),
        (lambda: Relapse(22, after_days=5), "after_days needs consecutive of 2"),
        (lambda: Relapse(22, 2, after_days=0), "after_days must be positive"),
        (lambda: Relapse(22, 2, after_days=9, within_days=5), "must not exceed within_days"),
        (lambda: Relapse(22, rise=0), "rise must be at least 1"),
        (lambda: Relapse(22, dated="second"), "dated must be one of"),  # type: ignore[arg-type]
        (lambda: Sustained(Response(), visits=2, dated="end"), "dated must be one of"),  # type: ignore[arg-type]
        (lambda: ~Relapse(22), "~ turns a state"),
    ],
)
def test_unusable(make: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        make()


def test_words() -> None:
    assert LOOSE.label() == "onset by day 14 of response (≥ 50 % fall), kept to day 35"
    assert Onset(Response(), from_day=21, by_day=21, until=84, missing="failure").describe() == (
        "fall of at least 50 % of the baseline above the floor of the scale, on day 21, "
        "kept at every later visit to day 84, a missed visit fails it"
    )
    rule = Relapse(22, 2, after_days=5, within_days=15, dated="last", events=("suicide attempt",))
    assert rule.describe() == (
        "total at least 22 at 2 consecutive visits 5 to 15 days apart, dated at the last; or "
        "suicide attempt"
    )
    assert (~Response()).label() == "no response (≥ 50 % fall)"
    assert Response().methods() == (
        "Response was defined as a fall of at least 50 % of the baseline above the floor of the "
        "scale (conventional; e.g. ELEKT-D, Anand 2023, N Engl J Med 388:2315-2325)."
    )


@settings(max_examples=60, deadline=None)
@given(patients, st.integers(0, 59), st.integers(0, 59), st.integers(1, 99), st.integers(1, 99))
def test_a_stricter_cut_off_never_has_more_responders(
    drawn: list[str], cut: int, other: int, share: int, more: int
) -> None:
    study = study_of(*drawn)
    (low, high), (little, much) = sorted((cut, other)), sorted((share / 100, more / 100))
    for strict, lax in (
        (Remission(low), Remission(high)),
        (Response(much), Response(little)),
        (Response(much) & Remission(low), Response(little) & Remission(high)),
        (Onset(Response(much)), Onset(Response(little))),
        (InResponse(much, little), InResponse(little, little)),
    ):
        assert assess(study, strict)["met"].sum() <= assess(study, lax)["met"].sum()


@settings(max_examples=60, deadline=None)
@given(patients, st.sampled_from([1, 7, 14]), st.sampled_from([14, 28]))
def test_a_confirmed_relapse_is_never_dated_earlier(
    drawn: list[str], after: float, within: float
) -> None:
    study = study_of(*drawn)
    plain = time_to(study, Relapse(20)).frame["right"]
    first = time_to(study, Relapse(20, 2, after_days=after, within_days=within)).frame["right"]
    last = time_to(study, Relapse(20, 2, after_days=after, within_days=within, dated="last")).frame[
        "right"
    ]
    assert (first >= plain).all()
    assert (last >= first).all()
