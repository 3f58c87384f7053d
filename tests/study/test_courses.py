"""Courses of treatment: what is wrong with them is said at once, and what follows from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from click.testing import CliRunner

import trdstats as trd
from trdstats.cli import main
from trdstats.errors import DataError, DataWarning
from trdstats.study import study_from_mapping

VISITS = pd.DataFrame(
    {
        "subject": ["A", "A", "B", "B", "C", "C"],
        "treatment": ["ECT", "ECT", "TMS", "TMS", "IV ketamine", "IV ketamine"],
        "day": [0, 28] * 3,
        "score": [30, 12, 31, 14, 33, 30],
    }
)


def courses(*rows: tuple[Any, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["subject", "treatment", "start", "end", "kind"])


def study(table: Any, **options: Any) -> trd.Study:
    return trd.Study(VISITS, courses=table, scale="MADRS", **options)


FINE = (("A", "ECT", 0, 21, None), ("B", "TMS", 0, 30, None), ("C", "IV ketamine", 0, 18, None))


@pytest.mark.parametrize(
    ("row", "kind", "words"),
    [
        (("Z", "ECT", 0, 9, None), "unknown_subject",
         r"1 row of `courses` names a subject that `subjects` does not have.\n  Z \(row 3\)"),
        ((None, "ECT", 0, 9, None), "missing_subject", "1 row of `courses` names no subject"),
        (("A", "ECT", 40, 33, None), "end_before_start",
         r"1 course ends before the day it began.\n  A, ECT: day 40 to 33 \(row 3\)"),
        (("A", "ECT", 20, 40, None), "overlapping_courses",
         r"before an earlier one of the same treatment and subject has ended.\n"
         r"  A, ECT: day 20 \(row 3\)\n  Join them into one row"),
        (("A", "ECT", 0, None, None), "overlapping_courses", r"A, ECT: day 0"),
        (("B", "ect", 30, 40, None), "course_spelling",
         r"spelled differently from the arm.\n  'ect' \(did you mean 'ECT'\?\)\n  Write them"),
        (("B", "IV-Ketamine", 30, 40, None), "course_spelling", "did you mean 'IV ketamine'"),
        (("B", " ", 30, 40, None), "missing_treatment", r"names no treatment.\n  B \(row 3\)"),
        (("B", "ECT", None, 40, None), "missing_day",
         r"1 row of `courses` has a missing or infinite start.\n  B \(row 3\)\n  Give the day"),
        (("B", "ECT", 30, np.inf, None), "missing_day",
         r"an infinite end.\n  B \(row 3\)\n  Leave the end empty where a course goes on"),
        (("B", "ECT", 45123, 45140, None), "day_like_date",
         r"column 'start' lies more than a century from day 0: this looks like dates kept as "
         r"numbers.*\n  B: 45123 \(row 3\)\n  Turn them into dates"),
        (("B", "ECT", 20240131, None, None), "day_like_date", "B: 20240131"),
        (("B", "ECT", "31.01.2024", None, None), "not_a_number",
         r"'31.01.2024' in row 3\n  Days are numbers counted from first treatment"),
    ],
)  # fmt: skip
def test_one_problem(row: tuple[Any, ...], kind: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        study(courses(*FINE, row))
    assert kind in [p.kind for p in caught.value.problems]


def test_dates_are_refused_with_the_formula() -> None:
    table = courses(*FINE)
    dated = table.assign(start=pd.Timestamp("2024-01-01") + pd.to_timedelta(table["start"], "D"))
    with pytest.raises(DataError, match=r"\(date - first treatment\)\.dt") as caught:
        study(dated)
    assert [p.kind for p in caught.value.problems] == ["not_a_number"]


def test_all_problems_at_once() -> None:
    bad = courses(
        *FINE, ("Z", "ECT", 0, 9, None), ("A", "tms", 30, 20, None), ("A", "ECT", 5, 8, None)
    )
    with pytest.raises(DataError) as caught:
        study(bad)
    assert {p.kind for p in caught.value.problems} == {
        "unknown_subject", "course_spelling", "end_before_start", "overlapping_courses",
    }  # fmt: skip


def test_an_overlap_is_found_behind_a_short_course() -> None:
    rows = (("A", "ECT", 0, 100, None), ("A", "ECT", 10, 20, None), ("A", "ECT", 50, 60, None))
    with pytest.raises(DataError, match=r"2 courses begin before") as caught:
        study(courses(*rows))
    assert len(caught.value.problems[0].where) == 2


def test_columns_are_named() -> None:
    table = courses(*FINE).rename(columns={"start": "Start day", "treatment": "arm"})
    with pytest.raises(DataError) as caught:
        study(table)
    text = str(caught.value)
    assert "`courses` has no column 'treatment' for treatment." in text
    assert "`courses` has no column 'start', the day on which a course began." in text
    assert "Did you mean 'Start day'? Rename it to 'start'." in text


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("B", "rTMS", 30, 40, None),
         r"1 treatment of `courses` looks like an arm under another name.\n"
         r"  'rTMS' \(did you mean 'TMS'\?\)\n  A course of another treatment is a switch"),
        (("B", "lithium", 30, 40, "augmentaton"),
         r"holds kinds besides acute, maintenance, augmentation, concomitant.\n"
         r"  'augmentaton' \(did you mean 'augmentation'\?\)\n  Under such a kind"),
    ],
)  # fmt: skip
def test_warnings(row: tuple[Any, ...], words: str) -> None:
    with pytest.warns(DataWarning, match=words):
        study(courses(*FINE, row))


def test_who_has_no_course_is_noted() -> None:
    note = next(p for p in study(courses(*FINE[:2])).notices if p.kind == "no_course")
    assert note.level == "note"
    assert note.summary == "1 subject has no row in `courses`."
    assert note.where == ("C",)


def test_the_frame_is_sorted_and_whole() -> None:
    table = courses(("B", "ECT", 40, None, "Acute"), *FINE[::-1]).assign(sessions=[6, 1, 2, 3])
    own = study(table).courses
    assert list(own.columns) == ["subject", "treatment", "start", "end", "kind", "sessions"]
    assert own["subject"].astype(str).tolist() == ["A", "B", "B", "C"]
    assert own["sessions"].tolist() == [3, 2, 6, 1]
    assert own["kind"].tolist() == [None, None, "acute", None]
    assert own[["start", "end"]].dtypes.tolist() == [np.dtype(float)] * 2
    assert own["treatment"].cat.categories.tolist() == ["ECT", "IV ketamine", "TMS"]


def test_roles_name_the_columns() -> None:
    visits = VISITS.rename(columns={"subject": "id", "treatment": "arm"})
    table = courses(*FINE).rename(columns={"subject": "id", "treatment": "arm"})
    found = trd.Study(
        visits, courses=table.assign(subject="x"), scale="MADRS", subject="id", treatment="arm"
    )
    assert found.courses["subject_given"].tolist() == ["x"] * 3


def test_without_courses_the_frame_is_empty() -> None:
    none = trd.Study(VISITS, scale="MADRS")
    assert list(none.courses.columns) == ["subject", "treatment", "start", "end", "kind"]
    assert len(none.courses) == len(none.switches()) == 0
    assert none.course_days()["switch"].isna().all()


def test_what_counts_as_a_switch() -> None:
    rows = [
        ("A", "TMS", -200, -150, None),  # history
        ("A", "ECT", 0, 20, "acute"),
        ("A", "lithium", 5, None, "augmentation"),
        ("A", "sertraline", 0, None, "concomitant"),
        ("A", "ECT", 21, 90, "maintenance"),
        ("A", "ECT", 120, 140, None),
        ("B", "TMS", -400, None, None),  # an earlier course, its end not recorded
        ("B", "TMS", 0, 30, None),
        ("B", "venlafaxine", -30, None, None),  # goes on from before day 0
        ("C", "ECT", 0, 20, None),  # never had the treatment assigned
        ("C", "TMS", 40, 60, None),
    ]
    found = study(courses(*rows))
    assert found.switches().to_numpy(dtype=object).tolist() == [
        ["C", "IV ketamine", "ECT", 0.0, "switch"]
    ]
    days = found.course_days().set_index("subject")
    assert days["augmentation"].dropna().to_dict() == {"A": 5.0}
    assert days["second_course"].dropna().to_dict() == {"A": 120.0}
    assert days["end_of_first_course"].dropna().to_dict() == {"A": 20.0, "B": 30.0}
    assert found.events.astype({"subject": str}).to_numpy(dtype=object).tolist() == [
        ["A", 5.0, "augmentation"], ["A", 120.0, "second course"],
        ["C", 0.0, "switch"], ["C", 40.0, "switch"],
    ]  # fmt: skip


def test_events_and_courses_say_the_same_once() -> None:
    events = pd.DataFrame(
        {"subject": ["B", "B", "C"], "day": [30, 50, 12], "event": ["switch", "death", "rescue"]}
    )
    found = study(courses(*FINE, ("B", "ECT", 30, 40, None)), events=events)
    assert found.events["event"].tolist() == ["switch", "death", "rescue"]
    assert found.switches()[["to", "day", "event"]].to_numpy(dtype=object).tolist() == [
        ["ECT", 30.0, "switch"], [None, 12.0, "rescue"],
    ]  # fmt: skip
    again = trd.Study(found.visits.drop(columns="visit"), found.subjects.drop(columns="baseline"),
                      found.events, courses=found.courses, scale="MADRS")  # fmt: skip
    assert again.events["day"].tolist() == found.events["day"].tolist()


def test_some_of_the_subjects() -> None:
    whole = study(courses(*FINE, ("B", "ECT", 30, 40, None)))
    assert whole.only(["TMS"]).courses["treatment"].astype(str).tolist() == ["TMS", "ECT"]
    assert whole.only(["TMS"]).switches()["to"].tolist() == ["ECT"]
    assert whole.keep(["A"]).courses["start"].tolist() == [0.0]


def test_repr_tells_of_courses_and_switches() -> None:
    text = repr(study(courses(*FINE, ("B", "ECT", 30, 40, None))))
    assert "Courses                      4 of 3 subjects" in text
    assert "Started another treatment    1 of 1 TMS" in text


def test_other_frames() -> None:
    table = pl.DataFrame({"subject": ["A", "B"], "treatment": ["ECT", "ECT"], "start": [0, 9]})
    assert study(table).switches()["day"].tolist() == [9.0]


def test_from_files(tmp_path: Path) -> None:
    VISITS.to_csv(tmp_path / "visits.csv", index=False)
    courses(*FINE, ("B", "ECT", 30, 40, None)).to_csv(tmp_path / "courses.csv", index=False)
    read = trd.read_study(
        tmp_path / "visits.csv", courses_path=tmp_path / "courses.csv", scale="MADRS"
    )
    assert read.switches()["day"].tolist() == [30.0]
    said = {"visits": "visits.csv", "courses": "courses.csv", "scale": "MADRS"}
    assert study_from_mapping(said, tmp_path).switches()["to"].tolist() == ["ECT"]
    command = ["check", str(tmp_path / "visits.csv"), "--scale", "MADRS", "--courses"]
    done = CliRunner().invoke(main, [*command, str(tmp_path / "courses.csv")])
    assert done.exit_code == 0
    assert "Started another treatment" in done.output
    courses(*FINE, ("B", "ECT", 30, 4, None)).to_csv(tmp_path / "courses.csv", index=False)
    done = CliRunner().invoke(main, [*command, str(tmp_path / "courses.csv")])
    assert done.exit_code == 2
    assert "ends before the day it began" in done.output
