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
