"""Numbers of any locale, decided by the whole column."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trdstats import ExportMapping, Study, read_export
from trdstats.errors import DataError, DataWarning


def with_column(values: list[Any], score: list[Any] | None = None, **more: Any) -> Study:
    """Return a study whose subjects have the values as a covariate."""
    n = len(values)
    frame = pd.DataFrame(
        {
            "id": [f"S{k}" for k in range(n)],
            "arm": ["ECT"] * n,
            "w0": score or [30] * n,
            "x": pd.Series(values, dtype=object),
        }
    )
    given = {"scale": "MADRS", "subject": "id", "treatment": "arm", "score": "w{week}"} | more
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return read_export(frame, mapping=ExportMapping(**given))


def covariate(values: list[Any], **more: Any) -> list[Any]:
    return with_column(values, **more).subjects["x"].tolist()


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        (["23,7", "31,25"], [23.7, 31.25]),
        (["23.7", "31.25"], [23.7, 31.25]),
        (["1.234,5", "987"], [1234.5, 987]),
        (["1,234.5", "987"], [1234.5, 987]),
        (["1,234,567", "1,234"], [1234567, 1234]),
        (["1 234", "12 345"], [1234, 12345]),
        (["1 234,5", "12"], [1234.5, 12]),
        (["1'234.5", "12’000"], [1234.5, 12000]),
        (["−3", "- 4", "+5"], [-3, -4, 5]),
        (["0,123", "1,234"], [0.123, 1.234]),  # 0,123 can only be a fraction
        (["1,5", "1,234"], [1.5, 1.234]),
        (["1.234", "2.345"], [1.234, 2.345]),  # no decimal comma in the export
        (["1e3", "2.5E-1"], [1000, 0.25]),
        (["12,5", "12.5"], [12.5, 12.5]),  # each says its own mark
        ([23.7, "31,2"], [23.7, 31.2]),
        (["5", " 6 "], [5, 6]),
    ],
)
def test_numbers_as_they_are_written(written: list[Any], numbers: list[float]) -> None:
    assert covariate(written) == numbers


def test_a_number_of_two_meanings_is_asked_for() -> None:
    """As a score it stops the reading; as a covariate it stays text, with a warning."""
    study = with_column(["1,234", "2,345"])
    assert study.subjects["x"].tolist() == ["1,234", "2,345"]
    (notice,) = [p for p in study.notices if p.kind == "ambiguous_number"]
    assert "'1,234' is 1234 or 1.234" in notice.summary
    assert 'decimal = "," or decimal = "."' in notice.remedy
    assert covariate(["1,234"], decimal=",") == [1.234]
    assert covariate(["1,234"], decimal=".") == [1234]
    with pytest.raises(DataError, match="can be read in two ways: '1,234' is 1234 or 1"):
        with_column(["1"], score=["1,234"])


def test_points_are_asked_for_where_the_export_has_decimal_commas() -> None:
    study = with_column(["1.234", "2.345"], baseline=30.0)
    assert study.subjects["x"].tolist() == [1.234, 2.345]
    frame = pd.DataFrame({"id": ["a", "b"], "arm": ["E", "E"], "w0": [30, 31],
                          "bmi": ["23,7", "24,1"], "dose": ["1.234", "2.345"]})  # fmt: skip
    mapping = ExportMapping(scale="MADRS", subject="id", treatment="arm", score="w{week}")
    with pytest.warns(DataWarning, match="Column 'bmi' has decimal commas"):
        read_export(frame, mapping=mapping)


def test_declared_marks_are_held_to() -> None:
    with pytest.raises(DataError, match="says that the decimal mark is ','"):
        with_column(["1"], score=["30.5"], decimal=",")
    assert covariate(["1 234", "1.5"], thousands="space") == [1234, 1.5]


def test_percent_signs_are_refused() -> None:
    with pytest.raises(DataError, match="Percent signs are not read"):
        with_column(["1", "2"], score=["30%", "20"])


def test_a_text_among_numbers_is_named() -> None:
    study = with_column(["23,7", "24,1", "about 25"])
    assert study.subjects["x"].tolist() == [23.7, 24.1, "about 25"]
    (notice,) = [p for p in study.notices if p.kind == "texts_among_numbers"]
    assert notice.where == ("'about 25' in row 2",)


def test_labels_stay_labels() -> None:
    assert covariate(["007", "012"]) == ["007", "012"]
    assert covariate(["mild", "severe"]) == ["mild", "severe"]


def test_codes_for_missing_are_counted() -> None:
    study = with_column([-9, 31], score=[30, "nicht erhoben"], missing=[-9, "nicht erhoben"])
    assert np.isnan(study.subjects["x"].iloc[0])
    assert study.visits["score"].isna().sum() == 1
    notices = [p for p in study.notices if p.kind == "missing_codes"]
    assert {p.where for p in notices} == {("-9: 1",), ("'nicht erhoben': 1",)}


def test_codes_of_one_column() -> None:
    study = with_column([99, 31], score=[30, 9], missing={"x": [99]})
    assert study.visits["score"].tolist() == [30, 9]
    assert np.isnan(study.subjects["x"].iloc[0])


@pytest.mark.parametrize("code", ["-9", "-9.0", "−9", "-9,0", -9.0])
def test_a_code_is_known_however_it_is_written(code: Any) -> None:
    study = with_column([1, 2], score=[30, code], missing=[-9])
    assert study.visits["score"].isna().sum() == 1


def test_a_day_of_minus_nine_is_a_day() -> None:
    frame = pd.DataFrame({"id": ["a", "a"], "arm": ["E", "E"], "day": [-9, 7], "score": [30, -9]})
    mapping = ExportMapping(scale="MADRS", subject="id", treatment="arm", day="day", missing=[-9])
    with pytest.warns(DataWarning):
        study = read_export(frame, mapping=mapping)
    assert study.visits["day"].tolist() == [-9, 7]
    assert study.visits["score"].isna().tolist() == [False, True]


def test_empty_words_of_programs_are_counted() -> None:
    study = with_column(["1", "2", "3"], score=["30", "NA", "."])
    assert study.visits["score"].isna().sum() == 2
    (notice,) = [p for p in study.notices if p.kind == "missing_codes"]
    assert notice.where == ("'NA': 1", "'.': 1")


def test_a_score_that_is_a_word_is_refused_with_its_row() -> None:
    with pytest.raises(DataError, match="1 entry of `visits` column 'w0' is not a number") as error:
        with_column(["1", "2"], score=["30", "12 points"])
    assert "'12 points' in row 1" in str(error.value)
