"""A mapping checks itself, says itself in words, and equals its file."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trdstats import ExportMapping, read_export
from trdstats.errors import DataError, SpecError

PLAIN: dict[str, Any] = {"scale": "MADRS", "day": "day"}
FULL: dict[str, Any] = {
    "scale": ["PHQ9", "MADRS"],
    "subject": "pat",
    "treatment": "arm",
    "items": {"PHQ9": "phq9_{item}"},
    "score": {"MADRS": "madrs"},
    "missing_items": 1,
    "baseline": {"MADRS": "bl"},
    "date": "visit date",
    "start": "first",
    "date_order": "day first",
    "date_system": 1904,
    "timezone": "Europe/Berlin",
    "decimal": ",",
    "thousands": ".",
    "missing": {"madrs": [-9, "nicht erhoben"]},
    "labels": {"arm": {1: "ECT", "2": 'TMS "deep"'}},
    "covariates": ["age"],
    "event_dates": {"died": "death"},
    "windows": {28: 3, 14: (-2, 3)},
    "duplicates": "last",
    "randomised": True,
    "file": "export ü.csv",
}


@pytest.mark.parametrize("given", [PLAIN, FULL], ids=["plain", "full"])
def test_a_mapping_equals_its_file(given: dict[str, Any], tmp_path: Path) -> None:
    mapping = ExportMapping(**given)
    path = tmp_path / "export.toml"
    path.write_text(mapping.to_toml(), "utf-8")
    assert ExportMapping.read(path) == mapping
    assert pickle.loads(pickle.dumps(mapping)) == mapping


@given(
    st.dictionaries(st.text(min_size=1).filter(str.strip), st.text(min_size=1).filter(str.strip),
                    min_size=1, max_size=4)
)  # fmt: skip
def test_any_label_survives_the_file(labels: dict[str, str]) -> None:
    mapping = ExportMapping(scale="MADRS", day="day", labels={"arm": labels})
    assert ExportMapping.from_toml(mapping.to_toml()) == mapping


def test_all_problems_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        ExportMapping(scale="MADRS", score="madrs_{wek}", date="d", decimal=",", thousands=",",
                      unit="week", missing_items="some", timezone="Berlin")  # fmt: skip
    words = str(caught.value)
    for part in ("{wek}, which is none of {day}, {week}", "date needs start", "must differ",
                 "unit must be one of 'days', 'weeks', 'months', 'hours'",
                 "missing_items must be", "timezone 'Berlin' is not known"):  # fmt: skip
        assert part in words


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"scale": "MADRS"}, "Nothing says when a visit was"),
        ({"scale": "MADRZ", "day": "d"}, "Did you mean 'MADRS'"),
        ({"scale": ["MADRS", "MADRS"], "day": "d"}, "twice"),
        ({"scale": ["MADRS", "PHQ9"], "score": "s", "day": "d"}, "share the column 's'"),
        ({"scale": "MADRS", "day": "d", "date": "x", "start": "s"}, "day and date are named"),
        ({"scale": "MADRS", "score": "m_w{week}", "day": "d"}, "remove one of them"),
        ({"scale": "MADRS", "visit": "v"}, "visit and visit_days belong together"),
        ({"scale": "PHQ9", "items": "phq", "day": "d"}, r"a pattern with \{item\}"),
        ({"scale": "PHQ9", "items": ["a", "b"], "day": "d"}, "9 columns in the order"),
        ({"scale": "MADRS", "day": "d", "subject": "d"}, "one column, one role"),
        ({"scale": "MADRS", "day": "d", "labels": {"arm": {}}}, "table of code = label"),
        ({"scale": "MADRS", "day": "d", "windows": 3}, "windows must be"),
    ],
)
def test_what_cannot_be_meant_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        ExportMapping(**given)


def test_an_unknown_key_is_named_with_the_nearest() -> None:
    with pytest.raises(SpecError, match="'tretment' is no key of a mapping; did you mean 'treatm"):
        ExportMapping.from_toml('scale = "MADRS"\ntretment = "arm"\n')
    with pytest.raises(SpecError, match="not valid TOML"):
        ExportMapping.from_toml("scale = ")
    with pytest.raises(SpecError, match="cannot be read"):
        ExportMapping.read("not there.toml")


def test_words() -> None:
    text = str(ExportMapping(**FULL))
    for part in ("items columns 'phq9_{item}', up to 1 unanswered items filled in",
                 "1 = ECT, 2 = TMS", "'visit date' minus the date of first treatment 'first'",
                 "day first, serial numbers since 1904, calendar of Europe/Berlin",
                 "decimal mark ',', thousands '.'", "death on 'died'", "randomised"):  # fmt: skip
        assert part in text


@pytest.mark.parametrize(("rule", "score"), [("first", 20), ("last", 24), ("mean", 22)])
def test_windows_and_duplicates_reach_the_study(rule: str, score: float, tmp_path: Path) -> None:
    rows = [("A", "ECT", 0, 30), ("A", "ECT", 7, 20), ("A", "ECT", 7, 24), ("A", "ECT", 34, 10),
            ("B", "TMS", 0, 28), ("B", "TMS", 7, 22), ("B", "TMS", 25, 12)]  # fmt: skip
    path = tmp_path / "v.csv"
    pd.DataFrame(rows, columns=["id", "arm", "d", "m"]).to_csv(path, index=False)
    mapping = ExportMapping(
        scale="MADRS", subject="id", treatment="arm", day="d", score="m",
        windows={7: 2, 28: (-3, 7)}, duplicates=rule,
    )  # fmt: skip
    study = read_export(path, mapping=ExportMapping.from_toml(mapping.to_toml()))
    assert study.visits["score"].tolist() == [30, score, 10, 28, 22, 12]
    assert study.visits["visit"].dropna().tolist() == [7, 28, 7, 28]
    assert [p.kind for p in study.notices] == ["duplicates_settled"]


def test_totals_that_are_means_of_raters() -> None:
    export = pd.DataFrame(
        {"subject": ["A", "B"], "treatment": ["ECT", "TMS"], "w0": [30.5, 32], "w4": ["12,5", "20"]}
    )
    score = {"w0": 0, "w4": 28}
    mapping = ExportMapping(scale="HAM-D24", score=score, averaged_over=2)
    assert mapping.averaged_over == {"HAMD24": 2}
    assert "means of 2 raters" in str(mapping)
    assert ExportMapping.from_toml(mapping.to_toml()) == mapping
    study = read_export(export, mapping=mapping)
    assert study.scale.step == 0.5
    assert study.visits["score"].tolist() == [30.5, 12.5, 32, 20]
    with pytest.raises(DataError, match="averaged_over"):
        read_export(export, mapping=ExportMapping(scale="HAM-D24", score=score))
    for wrong, words in (
        (1, "averaged_over of HAMD24: raters must be a whole number from 2 to 10; got 1"),
        ({"HAMD17": 2}, "averaged_over names 'HAMD17', which is no scale here"),
    ):
        with pytest.raises(SpecError, match=words):
            ExportMapping(scale="HAMD24", score=score, averaged_over=wrong)
