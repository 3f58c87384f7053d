"""Everything that can be wrong with the tables: said at once, with subject, row and remedy."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trdstats import Study
from trdstats.errors import DataError, DataWarning, Problem, SpecError, describe_problems


def kinds(error: DataError) -> list[str]:
    return [p.kind for p in error.problems]


def test_unknown_columns_offer_the_nearest(tiny: pd.DataFrame) -> None:
    table = tiny.rename(columns={"score": "Scores", "day": "days"})
    with pytest.raises(DataError) as caught:
        Study(table, scale="MADRS")
    text = str(caught.value)
    assert "2 problems were found." in text
    assert (
        "`visits` has no column 'day' for day.\n  Did you mean 'days'? Name it with day=..." in text
    )
    assert "Did you mean 'Scores'?" in text


def test_all_problems_at_once(tiny: pd.DataFrame) -> None:
    bad = pd.concat([tiny, tiny.iloc[[1]]], ignore_index=True).astype(
        {"score": float, "day": float}
    )
    bad.loc[2, "score"] = 61
    bad.loc[4, "score"] = 17.5
    bad.loc[5, "day"] = np.inf
    bad.loc[3, "treatment"] = None
    with pytest.raises(DataError) as caught:
        Study(bad, scale="MADRS")
    assert set(kinds(caught.value)) >= {
        "duplicate_visit", "score_outside_scale", "non_integer_score", "missing_day",
        "changing_value",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"score": 61}, "score_outside_scale",
         r"1 MADRS score lies outside MADRS \(0 to 60\)\.\n  A at day 7: 61 \(row 1\)"),
        ({"score": -9}, "score_outside_scale", "set codes for missing"),
        ({"score": np.inf}, "score_outside_scale", r"A at day 7: inf \(row 1\)"),
        ({"score": 20.5}, "non_integer_score", "1 MADRS score is not a whole number"),
        ({"score": "n/a"}, "not_a_number", r"'n/a' in row 1"),
        ({"score": True}, "not_a_number", "True in row 1"),
        ({"day": np.nan}, "missing_day", r"1 row of `visits` has a missing or infinite day"),
        ({"day": "week 1"}, "not_a_number", r"'week 1' in row 1\n  Days are numbers"),
        ({"subject": None}, "missing_subject", "1 row of `visits` names no subject"),
        ({"treatment": "TMS"}, "changing_value", "'treatment' changes between visits"),
        ({"day": 14}, "duplicate_visit",
         r"1 row of `visits` repeats a subject and day \(MADRS\)\.\n  A at day 14 \(rows 1, 2\)"),
    ],
)  # fmt: skip
def test_one_problem(tiny: pd.DataFrame, change: dict[str, Any], kind: str, words: str) -> None:
    column, value = next(iter(change.items()))
    bad = tiny.astype({column: object})
    bad.loc[1, column] = value
    with pytest.raises(DataError, match=words) as caught:
        Study(bad, scale="MADRS")
    assert kind in kinds(caught.value)


def test_rows_are_said_to_count_from_zero(tiny: pd.DataFrame) -> None:
    bad = tiny.assign(score=[30, 20, 15, 32, 17, 99])
    with pytest.raises(DataError, match=r"Rows count from 0, as in \.iloc"):
        Study(bad, scale="MADRS")


def test_dates_are_refused_with_the_formula(tiny: pd.DataFrame) -> None:
    dated = tiny.assign(day=pd.to_datetime("2026-01-01") + pd.to_timedelta(tiny["day"], "D"))
    with pytest.raises(DataError, match=r"\(date - first treatment\)\.dt") as caught:
        Study(dated, scale="MADRS")
    # One problem, told once: what would follow from unreadable days is not added.
    assert kinds(caught.value) == ["not_a_number"]
    assert str(caught.value).count("Timestamp") == 1


def test_raw_sum_is_named(tiny: pd.DataFrame) -> None:
    raw = tiny.assign(score=[40, 30, 20, 38, 28, 24])
    with pytest.raises(DataError, match="looks like the raw sum of the 16 items") as caught:
        Study(raw, scale="QIDS-SR16")
    assert kinds(caught.value) == ["raw_sum"]
    assert "maximum within each of the 9 domains" in str(caught.value)


def test_another_scale_is_suggested(tiny: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="All scores would fit MADRS, HAMD17, BDI2"):
        Study(tiny, scale="PHQ9")


def test_a_slip_does_not_put_the_scale_in_doubt() -> None:
    many = pd.DataFrame({"subject": range(40), "treatment": list("ab") * 20, "day": 0, "score": 20})
    many.loc[7, "score"] = 71
    with pytest.raises(DataError) as caught:
        Study(many, scale="MADRS")
    assert "is the scale right" not in str(caught.value)


def test_empty_tables(tiny: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="`visits` has no rows"):
        Study(tiny.iloc[:0], scale="MADRS")
    with pytest.raises(DataError, match="`subjects` has no rows"):
        Study(tiny, pd.DataFrame({"subject": [], "treatment": []}), scale="MADRS")


def test_subjects_table(tiny: pd.DataFrame) -> None:
    subjects = pd.DataFrame({"subject": ["A", "A", "C"], "treatment": ["ECT", "ECT", ""]})
    with pytest.raises(DataError) as caught:
        Study(tiny.drop(columns="treatment"), subjects, scale="MADRS")
    text = str(caught.value)
    assert set(kinds(caught.value)) >= {"duplicate_subject", "missing_treatment", "unknown_subject"}
    assert "1 row of `subjects` repeats a subject.\n  A (row 1)" in text
    assert "1 subject has no treatment.\n  C (row 2)" in text
    assert "3 rows of `visits` name a subject that `subjects` does not have." in text
    assert "B (row 3); B (row 4); B (row 5)" in text


def test_identifiers_of_different_kinds(tiny: pd.DataFrame) -> None:
    visits = tiny.assign(subject=[1, 1, 1, 2, 2, 2]).drop(columns="treatment")
    subjects = pd.DataFrame({"subject": ["1", "2"], "treatment": ["ECT", "TMS"]})
    with pytest.raises(DataError, match=r"text in one table and numbers in the other"):
        Study(visits, subjects, scale="MADRS")


def test_events_are_checked(tiny: pd.DataFrame) -> None:
    events = pd.DataFrame({"subject": ["A", "Z"], "day": [np.nan, 3], "event": ["rescue", None]})
    with pytest.raises(DataError) as caught:
        Study(tiny, None, events, scale="MADRS")
    assert set(kinds(caught.value)) >= {"missing_day", "unknown_subject", "unnamed_event"}
    with pytest.raises(DataError, match="`events` has no column 'event'"):
        Study(tiny, None, events.drop(columns="event"), scale="MADRS")


def test_baseline_column_is_checked(tiny: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"1 MADRS baseline lies outside.*\n  A: 70"):
        Study(tiny.assign(base=[70] * 3 + [30] * 3), scale="MADRS", baseline="base")
    with pytest.raises(DataError, match="'base' changes between visits of 1 subject"):
        Study(tiny.assign(base=[30, 30, 31] + [30] * 3), scale="MADRS", baseline="base")


def test_missing_and_floor_baselines_are_noted_not_dropped(tiny: pd.DataFrame) -> None:
    table = tiny.assign(score=[0, 20, 15, 32, 17, 16])[lambda d: d.index != 3]
    with pytest.warns(DataWarning) as caught:
        study = Study(table, scale="MADRS")
    text = str(caught[0].message)
    assert "1 subject has no MADRS baseline (no score at day 0 or before).\n  B" in text
    assert "1 subject starts at the floor of MADRS (0).\n  A" in text
    assert [p.kind for p in study.notices] == ["no_baseline", "baseline_at_floor"]
    assert len(study.subjects) == 2
    assert "their response is not defined" in repr(study).lower()


def test_one_arm_and_unseen_subjects_are_noted(tiny: pd.DataFrame) -> None:
    table = tiny.assign(treatment="ECT")[tiny.index < 4]
    with pytest.warns(DataWarning, match="All subjects have the treatment 'ECT'") as caught:
        study = Study(table, scale="MADRS")
    # Patients who were never seen are common: they are counted, not warned about.
    assert "no MADRS rating" not in str(caught[0].message)
    assert [p.kind for p in study.notices if p.level == "note"] == ["no_visits"]
    assert "1 subject has no MADRS rating after day 0" in repr(study)


def test_not_a_frame() -> None:
    with pytest.raises(SpecError, match=r"`visits` must be a data frame.*got dict"):
        Study({"subject": [1]}, scale="MADRS")


def test_columns_that_share_a_name(tiny: pd.DataFrame) -> None:
    twice = pd.concat([tiny, tiny[["score"]]], axis=1)
    with pytest.raises(SpecError, match="columns that share a name: 'score'"):
        Study(twice, scale="MADRS")


def test_long_lists_are_cut_with_a_count() -> None:
    problem = Problem("x", "Many.", tuple(f"P{i}" for i in range(1200)), "Mend them.")
    assert describe_problems([problem]) == (
        "Many.\n  P0; P1; P2; P3; P4; and 1,195 more\n  Mend them."
    )


def test_data_errors_pickle(tiny: pd.DataFrame) -> None:
    with pytest.raises(DataError) as caught:
        Study(tiny.iloc[:0], scale="MADRS")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_lookalikes_are_noted(tiny: pd.DataFrame) -> None:
    table = tiny.assign(subject=["P1", "P1", "P1", "p1 ", "p1 ", "p1 "], treatment=list("aaaAAA"))
    with pytest.warns(DataWarning) as caught:
        study = Study(table, scale="MADRS")
    text = str(caught[0].message)
    assert "1 pair of subjects differs only in case, space, zeros in front" in text
    assert "'P1' and 'p1 '" in text
    assert "'A' and 'a'" in text
    assert len(study.subjects) == 2


def test_containers_in_cells(tiny: pd.DataFrame) -> None:
    bad = tiny.assign(score=[30, [1, 2], 15, 32, 17, 16])
    with pytest.raises(DataError, match=r"1 cell of `visits` column 'score' holds several values"):
        Study(bad, scale="MADRS")
