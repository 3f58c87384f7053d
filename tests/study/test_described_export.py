"""The export that a plan describes: all that is wrong in it is said at once."""

from __future__ import annotations

from typing import Any

import pytest

from trdstats.study.described import check_described_study

GOOD = {"file": "a.csv", "scale": "MADRS", "day": "day"}


def words_of(study: dict[str, Any]) -> list[str]:
    return [words for _, words in check_described_study(study)]


def test_a_mapping_or_an_export_of_redcap_is_fine() -> None:
    assert words_of({"export": GOOD}) == []
    redcap = {"file": "a.csv", "scale": "MADRS", "redcap": {"days_in_names": True}}
    assert words_of({"export": redcap, "title": "Ours"}) == []


@pytest.mark.parametrize(
    ("study", "said"),
    [
        ({"export": "mapping.toml"}, "export must be a table, [study.export]"),
        ({"export": {"scale": "MADRS", "day": "day"}}, "export names no file"),
        ({"export": GOOD | {"scor": "x"}}, "'scor' is no key of a mapping; did you mean 'score'?"),
        ({"export": {"file": "a.csv", "scale": "MADRS"}}, "Nothing says when a visit was"),
        ({"export": GOOD, "visits": "b.csv"}, "the study names an export and 'visits' beside it"),
        ({"export": GOOD | {"redcap": 3}}, "redcap must be a table"),
        ({"export": GOOD | {"redcap": {"dictionry": "d.csv"}}}, "did you mean 'dictionary'?"),
        ({"export": GOOD | {"redcap": {"dictionary": 3}}}, "must be the path of a file; got 3"),
        ({"export": GOOD | {"redcap": {}, "sheet": "S"}}, "'sheet' does not go with redcap"),
        (
            {"export": GOOD | {"redcap": {"days_in_names": True, "event_table": "e.csv"}}},
            "keep one of them",
        ),
    ],
)
def test_what_is_wrong_is_said(study: dict[str, Any], said: str) -> None:
    found = words_of(study)
    assert any(said in words for words in found), found


TABLES = {"visits": "v.csv", "scale": "HAMD24"}


def test_how_files_are_read_and_what_totals_are() -> None:
    how = {"separator": ";", "encoding": "utf-16", "sheet": "Ratings", "averaged_over": 2}
    assert words_of(TABLES | how) == []
    each = {"sheet": {"visits": "Ratings"}, "averaged_over": {"HAM-D24": 2}, "separator": "\t"}
    assert words_of(TABLES | each) == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"seperator": ";"}, "unknown key 'seperator'; did you mean 'separator'?"),
        ({"encodng": "x"}, "did you mean 'encoding'?"),
        ({"sheets": "x"}, "did you mean 'sheet'?"),
        ({"average_over": 2}, "did you mean 'averaged_over'?"),
        ({"separator": ";;"}, 'separator must be one character, for example ";"'),
        ({"encoding": 8}, "encoding must be the name of an encoding"),
        ({"sheet": {"visit": "A"}}, "sheet names 'visit', which is no table of this study; did "
         "you mean 'visits'?"),
        ({"sheet": {"subjects": "A"}}, "sheet names 'subjects', which is no table of this study"),
        ({"averaged_over": "two"}, "averaged_over must be the number of raters"),
        ({"averaged_over": True}, "averaged_over must be the number of raters"),
        ({"averaged_over": 1}, "averaged_over of HAMD24: raters must be a whole number from 2"),
        ({"averaged_over": {"HAMD17": 2}}, "averaged_over names 'HAMD17', which is no scale here; "
         "did you mean 'HAMD24'?"),
        ({"averaged_over": {"HAMD24": 1.5}}, "raters must be a whole number from 2 to 10; got 1.5"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_them(more: dict[str, Any], said: str) -> None:
    (found,) = words_of(TABLES | more)
    assert said in found


def test_a_sample_or_an_export_takes_none_of_them() -> None:
    (words,) = words_of({"sample": "trial", "separator": ";"})
    assert "names a sample and 'separator' beside it" in words
    (words,) = words_of({"export": GOOD, "averaged_over": 2})
    assert "write it under [study.export]" in words


def test_categories_have_no_mean_of_raters() -> None:
    (words,) = words_of({"visits": "v.csv", "scale": "CGIS", "averaged_over": 2})
    assert "averaged_over of CGIS: Totals of CGIS are categories" in words
