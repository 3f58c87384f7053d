"""A good study: canonical tables, baselines, windows, several scales, events, other frames."""

from __future__ import annotations

import pickle
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from trdstats import Study, VisitWindows
from trdstats.errors import DataWarning, SpecError, UnknownNameError


def test_baseline_is_the_last_score_at_day_zero_or_before(tiny: pd.DataFrame) -> None:
    early = pd.DataFrame(
        {"subject": ["A", "A"], "treatment": "ECT", "day": [-7, -1], "score": [40, 38]}
    )
    study = Study(pd.concat([early, tiny]), scale="MADRS")
    assert study.subjects["baseline"].tolist() == [30, 32]
    without_day_0 = pd.concat([early, tiny[(tiny["day"] > 0) | (tiny["subject"] == "B")]])
    assert Study(without_day_0, scale="MADRS").subjects["baseline"].tolist() == [38, 32]


def test_row_order_does_not_matter(tiny: pd.DataFrame) -> None:
    shuffled = tiny.sample(frac=1, random_state=3)
    a, b = Study(tiny, scale="MADRS"), Study(shuffled, scale="MADRS")
    pd.testing.assert_frame_equal(a.visits, b.visits)
    pd.testing.assert_frame_equal(a.subjects, b.subjects)


def test_the_users_table_is_not_changed(tiny: pd.DataFrame) -> None:
    before = tiny.copy()
    Study(tiny, scale="MADRS")
    pd.testing.assert_frame_equal(tiny, before)


@pytest.mark.parametrize("convert", [pl.from_pandas, pa.Table.from_pandas], ids=["polars", "arrow"])
def test_other_frames_give_the_same_study(tiny: pd.DataFrame, convert: Any) -> None:
    tiny = tiny.astype({"score": "float"})
    tiny.loc[1, "score"] = np.nan
    a, b = Study(tiny, scale="MADRS"), Study(convert(tiny), scale="MADRS")
    pd.testing.assert_frame_equal(a.visits, b.visits, check_dtype=False, check_categorical=False)
    assert a.subjects["baseline"].tolist() == b.subjects["baseline"].tolist()
    assert a.treatments == b.treatments == ("ECT", "TMS")


def test_nullable_columns(tiny: pd.DataFrame) -> None:
    nullable = tiny.convert_dtypes()
    nullable.loc[1, "score"] = pd.NA
    assert np.isnan(Study(nullable, scale="MADRS").visits["score"][1])


def test_constant_columns_of_visits_describe_the_subject(tiny: pd.DataFrame) -> None:
    study = Study(tiny.assign(site=["S1"] * 3 + ["S2"] * 3, rater=list("xyzxyz")), scale="MADRS")
    assert study.subjects["site"].tolist() == ["S1", "S2"]
    assert "rater" in study.visits
    assert "site" not in study.visits


def test_reserved_names_of_the_user_are_kept_under_another_name(tiny: pd.DataFrame) -> None:
    study = Study(tiny.assign(visit=["base", "w1", "w2"] * 2), scale="MADRS")
    assert study.visits["visit_given"].tolist() == ["base", "w1", "w2"] * 2
    assert study.visits["visit"].tolist() == [0, 7, 14] * 2


def test_treatments_keep_the_order_of_a_categorical(tiny: pd.DataFrame) -> None:
    arms = pd.Categorical(tiny["treatment"], categories=["TMS", "ECT", "VNS"])
    assert Study(tiny.assign(treatment=arms), scale="MADRS").treatments == ("TMS", "ECT")


def test_numeric_treatments_become_labels(tiny: pd.DataFrame) -> None:
    study = Study(tiny.assign(treatment=[1.0] * 3 + [2.0] * 3), scale="MADRS")
    assert study.treatments == ("1", "2")


def test_windows_closest_wins_tie_later() -> None:
    # Window 14 +- 3: B has 12 and 15 (15 is closer); A has 13 and 15 (a tie, the later counts).
    visits = pd.DataFrame(
        {
            "subject": ["A"] * 4 + ["B"] * 3,
            "treatment": ["ECT"] * 4 + ["TMS"] * 3,
            "day": [0, 13, 15, 40, 0, 12, 15],
            "score": [30, 20, 18, 10, 30, 22, 21],
        }
    )
    study = Study(visits, scale="MADRS", windows={14: 3})
    used = study.visits[study.visits["visit"] == 14]
    assert used[["day", "score"]].to_numpy().tolist() == [[15, 18], [15, 21]]
    long = study.longitudinal()
    assert long["day"].tolist() == [15, 15]
    assert long["change"].tolist() == [-12, -9]


def test_an_unrated_visit_does_not_take_the_window() -> None:
    visits = pd.DataFrame(
        {"subject": "A", "treatment": "ECT", "day": [0, 13, 14], "score": [30, 20, np.nan]}
    )
    with pytest.warns(DataWarning, match="All subjects have the treatment 'ECT'"):
        study = Study(visits, scale="MADRS", windows={14: 3})
    assert study.longitudinal()["score"].tolist() == [20]


def test_windows_by_treatment(tiny: pd.DataFrame) -> None:
    windows = {"ECT": {7: 2, 14: 2}, "TMS": {10: 4}}
    study = Study(tiny, scale="MADRS", windows=windows)
    assert study.longitudinal()["visit"].tolist() == [7, 14, 10]
    assert study.longitudinal()["day"].tolist() == [7, 14, 7]
    with pytest.raises(SpecError, match="windows name no schedule for 'TMS'"):
        Study(tiny, scale="MADRS", windows={"ECT": {7: 2}})
    with pytest.raises(UnknownNameError, match="Unknown treatment in windows 'ETC'"):
        Study(tiny, scale="MADRS", windows={"ETC": {7: 2}, "TMS": {7: 2}})


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        ({7: 4, 14: 3}, r"day 7 ± 4 and day 14 ± 3 overlap"),
        ({7: -1}, "negative half-width -1"),
        ({"week 1": 2}, "must map a day to a half-width"),
        ([7, 14], "windows must be a mapping"),
        ({7: float("nan")}, "finite days"),
    ],
)
def test_unusable_windows(tiny: pd.DataFrame, windows: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Study(tiny, scale="MADRS", windows=windows)


def test_window_ends_belong_to_the_window() -> None:
    nominal = VisitWindows((7.0, 14.0), (2.0, 3.0)).nominal(np.array([4.9, 5, 9, 10, 11, 17, 17.1]))
    assert np.array_equal(nominal, [np.nan, 7, 7, np.nan, 14, 14, np.nan], equal_nan=True)


def test_longitudinal_days(tiny: pd.DataFrame) -> None:
    study = Study(tiny, scale="MADRS")
    assert study.longitudinal([14])["score"].tolist() == [15, 16]
    with pytest.raises(
        UnknownNameError, match=r"No visit is scheduled at day 15\. Nearest: 7, 14\."
    ):
        study.longitudinal([15])


def test_scales_side_by_side(tiny: pd.DataFrame) -> None:
    wide = tiny.rename(columns={"score": "madrs"}).assign(phq=[20, 15, 9, 18, 12, np.nan])
    study = Study(wide, scale=["MADRS", "PHQ-9"], score={"MADRS": "madrs", "PHQ9": "phq"})
    assert study.scales == ("MADRS", "PHQ9")
    other = study.on("phq-9")
    assert other.scale.label == "PHQ9"
    assert other.subjects["baseline"].tolist() == [20, 18]
    assert len(other.rated().row) == 3
    assert study.subjects["baseline"].tolist() == [30, 32]
    with pytest.raises(UnknownNameError, match="scale of this study 'BDI2'"):
        study.on("BDI-II")


def test_scales_in_one_column(tiny: pd.DataFrame) -> None:
    long = pd.concat(
        [
            tiny.assign(qs="MADRS"),
            tiny.assign(qs="phq-9", score=[20, 15, 9, 18, 12, 8]),
            tiny.assign(qs="CGI-S", score=4),
        ]
    )
    with pytest.warns(DataWarning, match="6 rows of `visits` belong to no scale"):
        study = Study(long, scale=["MADRS", "PHQ9"], instrument="qs")
    assert study.on("PHQ9").visits["score"].tolist() == [20, 15, 9, 18, 12, 8]
    assert study.visits["score"].tolist() == tiny["score"].tolist()


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        ({"scale": ["MADRS", "PHQ9"]}, "Several scales need their columns"),
        ({"scale": []}, "scale must name at least one"),
        ({"scale": ["MADRS", "madrs"]}, "names an instrument twice"),
        ({"scale": ["MADRS", "PHQ9"], "score": {"MADRS": "score"}}, "PHQ9 has no column"),
        (
            {"scale": "MADRS", "score": {"MADRS": "score"}, "instrument": "treatment"},
            "not both",
        ),
    ],
)
def test_contradicting_roles(tiny: pd.DataFrame, roles: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Study(tiny, **roles)


def test_events(tiny: pd.DataFrame) -> None:
    events = pd.DataFrame({"subject": ["B", "A"], "day": [9, 10.5], "event": ["Switch ", "rescue"]})
    study = Study(tiny, None, events, scale="MADRS")
    assert study.events["event"].tolist() == ["rescue", "switch"]
    with pytest.warns(DataWarning, match=r"'hospitalization' \(did you mean 'hospitalisation'\?\)"):
        Study(tiny, None, events.assign(event="hospitalization"), scale="MADRS")


def test_caveat(tiny: pd.DataFrame) -> None:
    assert "not randomised" in Study(tiny, scale="MADRS").caveat
    assert Study(tiny, scale="MADRS", randomised=True).caveat == ""


def test_a_study_does_not_change_with_its_frames(tiny: pd.DataFrame) -> None:
    study = Study(tiny, scale="MADRS")
    before = repr(study)
    visits, subjects = study.visits, study.subjects
    visits["score"] = 0.0
    subjects["baseline"] = 1.0
    assert repr(study) == before


def test_cells_of_a_study_cannot_be_changed(tiny: pd.DataFrame) -> None:
    study = Study(tiny.assign(site="Bern"), scale="MADRS")
    before = study.visits.copy()
    for frame, column, value in (
        (study.visits, "score", 0.0), (study.visits, "day", 99.0), (study.visits, "visit", 99.0),
        (study.subjects, "treatment", study.subjects["treatment"].iloc[0]),
        (study.subjects, "baseline", 0.0),
    ):  # fmt: skip
        # From pandas 3 on the frame that was given out is a copy as soon as it is changed.
        with suppress(ValueError):
            frame.loc[frame.index[0], column] = value
    pd.testing.assert_frame_equal(study.visits, before)
    assert study.subjects["site"].eq("Bern").all()  # pandas 2.2 compares no locked objects
    assert (study.subjects["baseline"] > 0).all()
    # Columns can be replaced in what was given out, and copies changed.
    changed = study.visits
    changed["score"] = 0.0
    copy = study.visits.copy()
    copy.loc[0, "score"] = 0.0
    assert (changed["score"] == 0).all()
    assert copy["score"].iloc[0] == 0
    pd.testing.assert_frame_equal(study.visits, before)


def test_a_study_pickles(tiny: pd.DataFrame) -> None:
    study = Study(tiny, scale="MADRS", windows={7: 2, 14: 2})
    again = pickle.loads(pickle.dumps(study))
    assert repr(again) == repr(study)


def test_face(tiny: pd.DataFrame) -> None:
    assert repr(Study(tiny, scale="MADRS")) == (
        "Study\n"
        "  Scale                        MADRS, 0 to 60, high is worse\n"
        "  Subjects                     2\n"
        "  Rated visits after baseline  4\n"
        "  Visits without a score       0\n"
        "  Events                       0\n"
        "  Allocation                   not randomised\n"
        "\n"
        "Treatment  Subjects  Visits  Baseline mean  SD\n"
        "ECT               1       2           30.0   –\n"
        "TMS               1       2           32.0   –"
    )
