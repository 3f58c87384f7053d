"""Exports of REDCap: events, repeating instruments, choices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats import RedcapLayout, Study
from trdstats.errors import DataError, SpecError, UnknownNameError
from trdstats.intake.redcap.dictionary import read_dictionary
from trdstats.intake.redcap.event_days import event_days

pytestmark = pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")

CHOICES = pd.DataFrame(
    [
        ("record_id", "text", "Record ID", ""),
        ("arm", "radio", "Treatment", "1, TMS, right side | 2, ECT"),
        ("smoker", "yesno", "Smokes", ""),
        ("madrs", "dropdown", "MADRS total", "12, twelve | 20, twenty | 30, thirty | 33, x"),
    ],
    columns=["Variable / Field Name", "Field Type", "Field Label",
             "Choices, Calculations, OR Slider Labels"],
)  # fmt: skip


def classic(**columns: Any) -> pd.DataFrame:
    frame = {
        "record_id": ["1", "1", "2", "2"],
        "redcap_event_name": ["baseline_arm_1", "week_4_arm_1"] * 2,
        "arm": ["1", None, "2", None],
        "smoker": ["1", None, "0", None],
        "pain___1": ["1", None, "0", None],
        "madrs": ["30", "12", "33", "20"],
        "madrs_complete": ["2", "2", "2", "0"],
    }
    return pd.DataFrame({**frame, **columns})


def read(frame: pd.DataFrame, *, layout: dict[str, Any], **fields: Any) -> Study:
    given = {"scale": "MADRS", "treatment": "arm", "score": "madrs", **fields}
    return trd.read_redcap(frame, layout=RedcapLayout(**layout), **given)


DAYS = {"event_days": {"baseline": 0, "week_4": 28}, "dictionary": CHOICES}


def test_a_classic_export() -> None:
    study = read(classic(), layout=DAYS)
    assert study.visits["day"].tolist() == [0, 28, 0, 28]
    assert study.treatments == ("TMS, right side", "ECT")  # in the order of the dictionary
    assert study.subjects["smoker"].tolist() == ["Yes", "No"]
    assert study.subjects["pain___1"].tolist() == [1, 0]
    assert not [c for c in (*study.visits, *study.subjects) if c.endswith("_complete")]


def test_codes_and_labels_give_the_same_study() -> None:
    labels = classic(
        arm=["TMS, right side", None, "ECT", None], smoker=["Yes", None, "No", None],
        pain___1=["Checked", None, "Unchecked", None], madrs=["thirty", "twelve", "x", "twenty"],
    )  # fmt: skip
    named = {"record_id": "Record ID", "redcap_event_name": "Event Name", "arm": "Treatment",
             "smoker": "Smokes", "madrs": "MADRS total"}  # fmt: skip
    raw, labelled = read(classic(), layout=DAYS), read(labels.rename(columns=named), layout=DAYS)
    pd.testing.assert_frame_equal(raw.visits, labelled.visits)
    pd.testing.assert_frame_equal(raw.subjects, labelled.subjects)


@pytest.mark.parametrize(
    ("arm", "words"),
    [
        (["1", None, "3", None], r"1 entry of 'arm' is no choice(.|\n)*'3'(.|\n)*2 = ECT"),
        (["1", None, "ECT", None], r"1 entry of 'arm' is labels among codes(.|\n)*'ECT'"),
    ],
)
def test_entries_that_are_no_choices(arm: list[Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        read(classic(arm=arm), layout=DAYS)


def test_unknown_events_are_named_with_the_nearest() -> None:
    with pytest.raises(DataError, match=r"'week_4_arm_1' \(did you mean 'week_04'\?\)"):
        read(classic(), layout={"event_days": {"baseline": 0, "week_04": 28}})
    with pytest.raises(DataError, match=r"event_days=(.|\n)*event_table(.|\n)*days_in_names"):
        read(classic(), layout={})


def test_events_without_ratings_need_no_day() -> None:
    frame = classic(redcap_event_name=["screening_arm_1", "week_4_arm_1"] * 2)
    frame.loc[[0, 2], "madrs"] = None
    start = frame.assign(redcap_event_name="baseline_arm_1", arm=None, smoker=None, pain___1=None,
                         madrs=["30", None, "33", None])  # fmt: skip
    study = read(pd.concat([frame, start.dropna(subset="madrs")]), layout=DAYS)
    (unrated,) = [p for p in study.notices if p.kind == "unrated_events"]
    assert unrated.where == ("'screening_arm_1': 2",)
    (said,) = [p for p in study.notices if p.kind == "event_days"]
    assert sorted(said.where) == ["'baseline_arm_1': day 0", "'week_4_arm_1': day 28"]
    assert study.visits["day"].tolist() == [0, 28, 0, 28]
    assert study.subjects["treatment"].tolist() == ["TMS, right side", "ECT"]


@pytest.mark.parametrize(
    ("name", "day"),
    [("baseline_arm_1", 0), ("day_14", 14), ("week_4_arm_2", 28), ("Week 4", 28),
     ("4_weeks_arm_1", 28), ("month_3_arm_1", 91), ("days_7", 7)],
)  # fmt: skip
def test_names_that_say_their_day(name: str, day: float) -> None:
    assert event_days([name], RedcapLayout(days_in_names=True)) == {name: day}


def test_names_that_do_not() -> None:
    layout = RedcapLayout(days_in_names=True)
    with pytest.raises(DataError, match=r"'visit_2_arm_1'; 'week_4b'(.|\n)*names do not say it"):
        event_days(["visit_2_arm_1", "week_4b", "week_4"], layout)


def test_the_event_table(tmp_path: Path) -> None:
    table = pd.DataFrame({"event_name": ["Start", "Four weeks"], "day_offset": [0, 28],
                          "unique_event_name": ["start_arm_1", "four_arm_1"]})  # fmt: skip
    table.to_csv(tmp_path / "events.csv", index=False)
    layout = RedcapLayout(event_table=tmp_path / "events.csv")
    assert event_days(["start_arm_1", "Four weeks"], layout) == {"start_arm_1": 0, "Four weeks": 28}
    with pytest.raises(DataError, match="Complete day_offset of the event table"):
        event_days(["five_arm_1"], layout)
    with pytest.raises(DataError, match="no column 'day_offset'"):
        event_days(["x"], RedcapLayout(event_table=table.drop(columns="day_offset")))
    with pytest.raises(SpecError, match="event_days and days_in_names: keep one"):
        RedcapLayout(event_days={"a": 1}, days_in_names=True)


def test_two_treatments_of_a_subject() -> None:
    with pytest.raises(DataError, match=r"1 record has more than one entry of 'arm'(.|\n)*1: "):
        read(classic(arm=["1", "2", "2", None]), layout=DAYS)


def repeating() -> pd.DataFrame:
    instance = [np.nan, 1, 2, 1]
    rows = [
        {"record_id": r, "redcap_repeat_instrument": i, "redcap_repeat_instance": k}
        for r in ("1", "2")
        for i, k in zip([None, "ratings", "ratings", "events"], instance, strict=True)
    ]
    frame = pd.DataFrame(rows)
    blank = [None] * 4
    frame["arm"] = ["1", None, None, None, "2", None, None, None]
    frame["start"] = ["2024-01-10", *blank[1:], "2024-02-01", *blank[1:]]
    frame["rated_on"] = [None, "2024-01-10", "2024-02-07", None, None, "2024-02-01", "2024-02-29",
                         None]  # fmt: skip
    frame["madrs"] = [None, "30", "12", None, None, "33", None, None]
    frame["what"] = [*blank[1:], "fall", *blank[1:], "cold"]
    return frame


def test_repeating_instruments() -> None:
    layout = {"dictionary": CHOICES.iloc[:2]}
    study = read(repeating(), layout=layout, date="rated_on", start="start")
    assert study.visits["day"].tolist() == [0, 28, 0, 28]
    assert study.visits["score"].isna().tolist() == [False, False, False, True]
    said = [p.summary for p in study.notices if p.kind == "other_instruments"]
    assert said == ["2 instances of other repeating instruments are no visits: left out."]
    with pytest.raises(UnknownNameError, match="repeating instrument 'rating'"):
        read(repeating(), layout={"visit_instruments": ["rating"]}, date="rated_on", start="start")


def test_an_export_without_events_needs_a_date() -> None:
    with pytest.raises(SpecError, match="The export has no events: name the field with the date"):
        read(repeating(), layout={})


def test_names_that_do_not_exist() -> None:
    with pytest.raises(UnknownNameError, match="field of the export 'id'"):
        read(classic(), layout={**DAYS, "record": "id"})
    with pytest.raises(DataError, match="no column 'Variable / Field Name'"):
        read(classic(), layout={"dictionary": classic(), "days_in_names": True})
    with pytest.raises(DataError, match=r"1 row names no record(.|\n)*row 1"):
        read(classic(record_id=["1", None, "2", "2"]), layout=DAYS)
    with pytest.raises(DataError, match="madrs_total"):
        read(classic(), layout=DAYS, score="madrs_total")


def test_records_of_the_api_have_empty_texts() -> None:
    """As JSON of the API gives them: '' where nothing was entered."""
    files = trd.sample_exports()
    fields = {"scale": "MADRS", "treatment": "arm", "score": "madrs_total", "date": "madrs_date",
              "start": "start_date"}  # fmt: skip
    layout = trd.RedcapLayout(dictionary=files["redcap_dictionary.csv"])
    for name in ("redcap_classic.csv", "redcap_repeating.csv"):
        blank = pd.read_csv(files[name], dtype=str, keep_default_na=False)
        study = trd.read_redcap(blank, layout=layout, **fields)
        expected = trd.read_redcap(files[name], layout=layout, **fields)
        pd.testing.assert_frame_equal(study.subjects, expected.subjects)
        pd.testing.assert_frame_equal(study.visits, expected.visits)


@pytest.mark.parametrize(
    ("offsets", "words"),
    [
        (["0", "two", "28"], "week_2_arm_1: 'two', no number"),
        (["0", "inf", "28"], "week_2_arm_1: 'inf', no number"),
        (["0", "14", "28", "15"], "week_2_arm_1: 14 and 15"),  # the last one counted
    ],
)
def test_an_event_table_gives_each_event_one_day(offsets: list[str], words: str) -> None:
    names = ["baseline_arm_1", "week_2_arm_1", "week_4_arm_1", "week_2_arm_1"][: len(offsets)]
    table = pd.DataFrame({"unique_event_name": names, "day_offset": offsets})
    with pytest.raises(DataError, match=words):
        event_days(["week_2_arm_1"], RedcapLayout(event_table=table))
    same = table.assign(day_offset=["0", "14", "28", "14"][: len(offsets)])
    assert event_days(["week_2_arm_1"], RedcapLayout(event_table=same)) == {"week_2_arm_1": 14.0}


def test_a_code_has_one_label() -> None:
    # "1, TMS | 1, ECT": all patients of the first had the name of the second.
    table = pd.DataFrame(
        {
            "Variable / Field Name": ["arm"], "Field Type": ["radio"], "Field Label": ["Arm"],
            "Choices, Calculations, OR Slider Labels": ["1, TMS | 1, ECT | 2, VNS | 2, VNS"],
        }
    )  # fmt: skip
    with pytest.raises(DataError, match=r"A code of 'arm' has two labels(.|\n)*1: 'TMS' and 'ECT'"):
        read_dictionary(table)
    fine = table.replace("1, TMS | 1, ECT", "1, TMS", regex=False)
    fine.iloc[0, 3] = "1, TMS | 2, VNS | 2, VNS"
    assert read_dictionary(fine)[0] == {"arm": {"1": "TMS", "2": "VNS"}}
