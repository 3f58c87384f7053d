"""Identifiers are text and stay what they are."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trdstats import Response, Study, rates, read_study
from trdstats.errors import DataError, DataWarning, TrdstatsError
from trdstats.study import read_table


def visits(*ids: Any) -> pd.DataFrame:
    """Return a baseline of 30 and a total of 10 at day 28 for each identifier."""
    rows = [
        (i, "A" if k % 2 else "B", d, s) for k, i in enumerate(ids) for d, s in ((0, 30), (28, 10))
    ]
    return pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])


def read(tmp_path: Path, text: str) -> Study:
    path = tmp_path / "visits.csv"
    path.write_text(text, "utf-8")
    return read_study(path, scale="MADRS", randomised=True)


@pytest.mark.parametrize(("one", "two"), [("007", "7"), ("1E2", "100"), ("+5", "5"), ("0x1", "1")])
def test_written_differently_is_somebody_else(tmp_path: Path, one: str, two: str) -> None:
    """As numbers both would be one person, who fell from 30 to 10: a response nobody had."""
    alike = pytest.warns(DataWarning, match="zeros in front") if one == "007" else nullcontext()
    with alike:  # they count as two, and are said to look like one
        study = read(
            tmp_path,
            f"subject,treatment,day,score\n{one},A,0,30\n{one},A,28,29\n"
            f"{two},B,0,12\n{two},B,28,10\n",
        )
    assert set(study.subjects["subject"]) == {one, two}
    assert rates(study, Response(), day=28).tidy()["events"].dropna().sum() == 0


def test_long_files_are_read_in_one_piece(tmp_path: Path) -> None:
    """A text at the end of 60,000 numbers turned half of them into other people."""
    n = 60_000
    ids = [str(i) for i in range(1, n + 1)] + ["X-1"]
    arm = ["A" if i % 2 else "B" for i in range(n + 1)]
    base = [f"{i},{a},0,30" for i, a in zip(ids, arm, strict=True)]
    last = [
        f"{i},{a},28,{10 if k < n // 2 else 25}"
        for k, (i, a) in enumerate(zip(ids, arm, strict=True))
    ]
    study = read(tmp_path, "\n".join(["subject,treatment,day,score", *base, *last]) + "\n")
    assert len(study.subjects) == n + 1
    found = rates(study, Response(), day=28).tidy()
    found = found[found["measure"] == "rate"]
    assert found["events"].sum() == n // 2
    assert found["n"].sum() == n + 1


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.lists(
        st.text("0123456789eE+-._ab", min_size=1, max_size=6), min_size=2, max_size=6, unique=True
    )
)
def test_any_identifier_survives_a_file(tmp_path_factory: Any, ids: list[str]) -> None:
    path = tmp_path_factory.mktemp("ids") / "visits.csv"
    visits(*ids).to_csv(path, index=False)
    study = read_study(path, scale="MADRS", randomised=True)
    assert set(study.subjects["subject"]) == set(ids)


def test_tables_that_differ_only_in_kind() -> None:
    table = visits("1", "2").drop(columns="treatment")
    arms = pd.DataFrame({"subject": [1, 2], "treatment": ["A", "B"]})
    said = r"Identifiers are text in one table and numbers in the other: convert both"
    with pytest.raises(DataError, match=said):
        Study(table, arms, scale="MADRS")
    # Two kinds within one column hide it from the kind of the column.
    arms = pd.DataFrame({"subject": pd.Series([1, "2"], dtype=object), "treatment": ["A", "B"]})
    with pytest.raises(DataError, match=said):
        Study(table, arms, scale="MADRS")
    events = pd.DataFrame({"subject": [2], "day": [3], "event": ["switch"]})
    with pytest.raises(DataError, match=said):
        Study(visits("1", "2"), events=events, scale="MADRS")


def test_a_file_of_numbers_beside_a_file_of_text(tmp_path: Path) -> None:
    visits(7, 8).drop(columns="treatment").to_csv(tmp_path / "v.csv", index=False)
    arms = pd.DataFrame({"subject": [7, 8], "treatment": ["A", "B"]})
    arms.to_parquet(tmp_path / "s.parquet")
    with pytest.raises(DataError, match="Identifiers are text in one table"):
        read_study(tmp_path / "v.csv", tmp_path / "s.parquet", scale="MADRS")


@pytest.mark.parametrize("twin", [7, 7.0, np.int64(7)])
def test_one_column_of_two_kinds(twin: Any) -> None:
    with pytest.raises(DataError, match="is a number in some rows and text in others") as caught:
        Study(visits("7", twin), scale="MADRS")
    assert "'7' (row 0)" in str(caught.value)


@pytest.mark.parametrize("dtype", [float, object])
def test_floats_that_cannot_tell_people_apart(dtype: Any) -> None:
    table = visits(2.0**53, 2.0**53 + 1)  # the same number twice
    table["subject"] = table["subject"].astype(dtype)
    with pytest.raises(
        DataError, match=r"identifiers of `visits` above 2\^53 stored as a floating"
    ):
        Study(table, scale="MADRS")


def test_large_whole_numbers_are_exact() -> None:
    study = Study(visits(2**53, 2**53 + 1), scale="MADRS", randomised=True)
    assert study.subjects["subject"].tolist() == [2**53, 2**53 + 1]


@pytest.mark.parametrize("empty", [None, np.nan, "", "  ", pd.NA])
def test_identifiers_that_are_all_missing(empty: Any) -> None:
    with pytest.raises(DataError, match="No row of `visits` names a subject: column 'subject' is"):
        Study(visits(empty, empty), scale="MADRS")
    arms = pd.DataFrame({"subject": [empty], "treatment": ["A"]})
    with pytest.raises(DataError, match="No row of `subjects` names a subject"):
        Study(visits("a").drop(columns="treatment"), arms, scale="MADRS")


@pytest.mark.parametrize("blank", ["", " "])
def test_a_blank_identifier_is_missing(blank: str) -> None:
    with pytest.raises(DataError, match="2 rows of `visits` name no subject"):
        Study(visits("a", blank), scale="MADRS")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("subject,day,score,score\na,0,30,30\n", "columns share a name: 'score'"),
        (
            "subject,day,score\na,0,30,9\nb,0,30,9\n",
            "names 3 columns, every other line has 4 fields",
        ),
        ("subject,day,score\na,0,30\nb,0,30,9\n", "line 3 has 4 fields"),
    ],
)
def test_files_whose_columns_shift(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "visits.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(TrdstatsError, match=words):
        read_table(path)


def test_a_comma_at_the_end_of_every_row_shifts_nothing(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    path.write_text("subject,day\na,0,\nb,1,\n", "utf-8")
    assert read_table(path).to_dict("list") == {"subject": ["a", "b"], "day": [0, 1]}
