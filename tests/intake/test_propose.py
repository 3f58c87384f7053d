"""What small tables seem to hold: roles by name and value, and what is asked for instead."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from trdstats.intake.propose import Proposal, propose_mapping
from trdstats.intake.propose.names import read_name


def proposed(columns: dict[str, list[Any]], **how: Any) -> Proposal:
    return propose_mapping(pd.DataFrame(columns), **how)


BASE: dict[str, list[Any]] = {"id": [1, 1, 2, 2], "arm": ["TMS", "TMS", "ECT", "ECT"]}


@pytest.mark.parametrize(
    ("column", "scale", "pattern"),
    [
        ("MADRS", "MADRS", "MADRS"),
        ("madrs_w4", "MADRS", "madrs_w{week}"),
        ("phq9_3", "PHQ9", "phq9_{item}"),
        ("w4_phq9_3", "PHQ9", "w{week}_phq9_{item}"),
        ("HAM-D 17", "HAMD17", "HAM-D 17"),
        ("hamd17_day_14", "HAMD17", "hamd17_day_{day}"),
        ("madrs_s_total", "MADRSS", "madrs_s_total"),
        ("age", None, "age"),
    ],
)
def test_names_of_columns(column: str, scale: str | None, pattern: str) -> None:
    name = read_name(column)
    assert (name.scale, name.pattern) == (scale, pattern)


def test_days_weeks_and_names_of_visits() -> None:
    score: dict[str, list[Any]] = {"madrs": [30, 20, 31, 18]}
    days = proposed({**BASE, **score, "day": [0, 7, 0, 7]})
    assert days.fields["day"] == "day"
    assert "unit" not in days.fields
    weeks = proposed({**BASE, **score, "Woche": [0, 1, 0, 1]})
    assert (weeks.fields["day"], weeks.fields["unit"]) == ("Woche", "weeks")
    visits = proposed({**BASE, **score, "visit": ["Baseline", "Week 4"] * 2})
    assert visits.fields["visit_days"] == {"Baseline": 0.0, "Week 4": 28.0}
    numbered = proposed({**BASE, **score, "visit": [1, 2, 1, 2]})
    assert [q.key for q in numbered.lacking] == ["day"]


def test_dates_need_that_of_first_treatment() -> None:
    table: dict[str, list[Any]] = {
        **BASE,
        "madrs": [30, 20, 31, 18],
        "date": ["2024-01-02", "2024-01-09"] * 2,
    }
    alone = proposed(table)
    assert [q.key for q in alone.lacking] == ["start"]
    whole = proposed({**table, "start": ["2024-01-02"] * 4, "birth_date": ["1980-05-06"] * 4})
    assert (whole.fields["date"], whole.fields["start"]) == ("date", "start")
    assert "birth_date" in whole.unused


def test_a_date_of_birth_is_no_first_treatment() -> None:
    found = proposed({**BASE, "madrs": [30, 20, 31, 18], "date": ["2024-01-02", "2024-01-09"] * 2,
                      "date_of_birth": ["1980-05-06"] * 4})  # fmt: skip
    assert "start" not in found.fields
    assert [q.key for q in found.lacking] == ["start"]


def test_items_are_scored_only_when_all_are_there() -> None:
    items: dict[str, list[Any]] = {f"phq9_{k}": [1, 2, 1, 2] for k in range(1, 10)}
    found = proposed({**BASE, "day": [0, 7, 0, 7], **items})
    assert found.fields["items"] == "phq9_{item}"
    assert "score" not in found.fields
    del items["phq9_5"]
    lacking = proposed({**BASE, "day": [0, 7, 0, 7], **items}).lacking
    assert [q.key for q in lacking] == ["score"]
    assert "PHQ9 has 9 items" in lacking[0].words


def test_wide_columns_with_one_for_baseline() -> None:
    found = proposed({"id": [1, 2], "arm": ["A", "B"], "madrs_bl": [30, 31], "madrs_w2": [20, 22],
                      "madrs_w4": [12, 15]})  # fmt: skip
    assert found.fields["score"] == {"madrs_bl": 0.0, "madrs_w2": 14.0, "madrs_w4": 28.0}


def test_wide_columns_and_several_rows_a_subject_do_not_go_together() -> None:
    found = proposed({**BASE, "madrs_w0": [30, 30, 31, 31], "madrs_w4": [12, 12, 15, 15]})
    assert ["one row a subject" in q.words for q in found.lacking] == [True]


def test_a_treatment_that_changes_is_not_taken() -> None:
    found = proposed({"id": [1, 1, 2, 2], "arm": ["A", "B", "A", "A"], "day": [0, 7, 0, 7],
                      "madrs": [30, 20, 31, 18]})  # fmt: skip
    assert [q.key for q in found.lacking] == ["treatment"]
    assert "changes within subjects" in found.lacking[0].words


def test_codes_beyond_the_scale_are_missing_and_others_stay() -> None:
    found = proposed({**BASE, "day": [0, 7, 0, 7], "madrs": [30, -9, 75, 999]})
    assert found.fields["missing"] == [-9, 999]  # 75 is a mistake, which reading reports


def test_decimal_commas_are_numbers() -> None:
    found = proposed({**BASE, "day": [0, 7, 0, 7], "madrs": [30, 20, 31, 18],
                      "bmi": ["23,7", "23,7", "31,2", "31,2"]})  # fmt: skip
    assert found.fields["covariates"] == ["bmi"]


def test_names_of_people_are_no_covariates() -> None:
    found = proposed({**BASE, "day": [0, 7, 0, 7], "madrs": [30, 20, 31, 18],
                      "sex": ["f", "f", "m", "m"], "Nachname": ["x", "x", "y", "y"]})  # fmt: skip
    assert found.fields["covariates"] == ["sex"]
    assert "Nachname" in found.unused
    assert any("'Nachname' left out" in q.words for q in found.questions)


def test_events_of_redcap_whose_names_say_nothing() -> None:
    table: dict[str, list[Any]] = {
        "record_id": [1, 1, 2, 2],
        "redcap_event_name": ["enrol_arm_1", "second_arm_1"] * 2,
             "arm": ["A", None, "B", None], "madrs": [30, 20, 31, 18]}  # fmt: skip
    lacking = proposed(table).lacking
    assert [q.key for q in lacking] == ["redcap"]
    assert "'enrol_arm_1', 'second_arm_1'" in lacking[0].words
    told = proposed(table, event_table="events.csv")
    assert not told.lacking
    assert told.redcap == {"event_table": "events.csv"}
    named = proposed({**table, "redcap_event_name": ["baseline_arm_1", "week_4_arm_1"] * 2})
    assert named.redcap == {"days_in_names": True}


def test_an_empty_table() -> None:
    assert [q.key for q in proposed({"id": [], "arm": []}).lacking] == ["file"]


def test_what_is_known_after_treatment_is_no_covariate() -> None:
    """The other columns of a wide sheet: outcomes, not characteristics."""
    later = {
        "madrs_chg_w4": [-18, -10],
        "hamd_post": [7, 9],
        "Responder": [1, 0],
        "PHQ wk 6": [4, 9],
    }
    export = pd.DataFrame({
        "id": [1, 2], "arm": ["TMS", "ECT"], "madrs_w0": [30, 32], "madrs_w4": [12, 22],
        "age": [40, 50], "prior_response": [0, 1], "phq_w0": [20, 18], **later,
    })  # fmt: skip
    proposal = propose_mapping(export)
    assert proposal.fields["covariates"] == ["age", "prior_response", "phq_w0"]
    (words,) = (q.words for q in proposal.questions if "by name" in q.words)
    assert all(repr(name) in words for name in later)
