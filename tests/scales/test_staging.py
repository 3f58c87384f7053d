"""Staging models on cases worked by hand, at their edges, and with entries that cannot be used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from trdstats.errors import DataError, SpecError, UnknownNameError
from trdstats.scales import (
    judge_trials,
    stage_european,
    stage_maudsley,
    stage_mgh,
    stage_thase_rush,
)


def patient(**changes: Any) -> pd.DataFrame:
    values = {"duration_months": 12, "severity": "mild", "failures": 1, "augmentation": 0, "ect": 0}
    return pd.DataFrame([{**values, **changes}])


@pytest.mark.parametrize(
    ("changes", "total", "stage"),
    [
        ({}, 4, "mild"),  # 1 + 2 + 1
        ({"severity": "subsyndromal"}, 3, "mild"),  # the lowest
        ({"duration_months": 13}, 5, "mild"),
        ({"duration_months": 24, "failures": 3}, 6, "mild"),
        ({"duration_months": 25, "failures": 3}, 7, "moderate"),
        ({"failures": 2}, 4, "mild"),
        ({"failures": 4}, 5, "mild"),
        ({"failures": 5}, 6, "mild"),
        ({"failures": 6}, 6, "mild"),
        ({"failures": 7}, 7, "moderate"),
        ({"failures": 10, "augmentation": 1}, 8, "moderate"),
        ({"failures": 11, "ect": True, "severity": "severe"}, 11, "severe"),
        (
            {"duration_months": 60, "severity": "Severe with psychosis", "failures": 12,
             "augmentation": True, "ect": True},
            15, "severe",
        ),
    ],
)  # fmt: skip
def test_maudsley(changes: dict[str, Any], total: float, stage: str) -> None:
    row = stage_maudsley(patient(**changes)).iloc[0]
    assert (row["total"], row["stage"]) == (total, stage)


@pytest.mark.parametrize("changes", [{"failures": 0}, {"failures": np.nan}, {"severity": None}])
def test_outside_the_maudsley_scale(changes: dict[str, Any]) -> None:
    row = stage_maudsley(patient(**changes)).iloc[0]
    assert np.isnan(row["total"])
    assert pd.isna(row["stage"])


@pytest.mark.parametrize(
    ("classes", "ect", "stage", "unstaged"),
    [
        ("", 0, 0, 0),
        ("SSRI", 0, 1, 0),
        ("SSRI, SNRI", 0, 2, 0),
        ("SSRI; TCA", 0, 3, 0),
        ("SSRI, TCA, MAOI", 0, 4, 0),
        ("SSRI, TCA, MAOI", 1, 5, 0),
        ("ssri, snri, bupropion", 0, 2, 1),  # a third class has no stage
        ("SSRI, SNRI, MAOI", 1, 2, 2),  # without a tricyclic neither MAOI nor ECT counts
        ("", 1, 0, 1),
    ],
)
def test_thase_rush(classes: str, ect: int, stage: int, unstaged: int) -> None:
    frame = pd.DataFrame({"failed_classes": [classes], "bilateral_ect": [ect]})
    assert stage_thase_rush(frame).iloc[0].tolist() == [stage, unstaged]


def test_mgh() -> None:
    frame = pd.DataFrame({"failures": [0, 2], "optimisations": [0, 3], "ect": [0, 1]})
    assert stage_mgh(frame).tolist() == [0, 6.5]


def test_european() -> None:
    frame = pd.DataFrame(
        {"failures": [0, 1, 2, 2, 2, np.nan], "resistant_months": [9, 30, 12, 13, np.nan, 5]}
    )
    assert stage_european(frame).tolist() == [
        "not staged", "non-responder", "treatment-resistant", "chronic resistant", None, None,
    ]  # fmt: skip


def test_trials_of_treatment() -> None:
    trials = pd.DataFrame(
        {
            "intervention": ["sertraline"] * 4 + ["rTMS"],
            "dose": [50, 25, 50, 100, 30],
            "weeks": [4, 8, 3, 8, 6],
            "adherent": [1, 1, 1, 0, 1],
            "insufficient": [1, 1, 1, 1, 0],
        }
    )
    judged = judge_trials(trials, {"sertraline": (50, 4), "rTMS": (20, 4)})
    assert judged["failed_adequate"].tolist() == [True, False, False, False, False]
    assert judged["dose_ok"].tolist() == [True, False, True, True, True]
    with pytest.raises(UnknownNameError, match="intervention without a minimum 'rTMS'"):
        judge_trials(trials, {"sertraline": (50, 4)})
    with pytest.raises(SpecError, match="take them from the ATHF-SF2 checklist"):
        judge_trials(trials, {})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"severity": "bad"}, r"1 entry of column 'severity' cannot be used\.\n  'bad' in row 0"),
        ({"failures": -1}, "column 'failures'"),
        ({"failures": 1.5}, "whole number of at least 0"),
        ({"duration_months": "long"}, "'long' in row 0"),
        ({"ect": 2}, "Write True or False"),
    ],
)
def test_unusable_entries(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        stage_maudsley(patient(**changes))


def test_missing_columns() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown column 'ect'\."):
        stage_maudsley(patient().drop(columns="ect"))


@pytest.mark.parametrize(
    ("written", "stage", "unstaged"),
    [
        ("SSRIs, SNRIs", 2, 0),
        ("SSRI, SSRIs", 1, 0),
        ("sertraline, citalopram", 1, 0),  # two drugs of one class
        ("Sertraline, venlafaxine, clomipramine", 3, 0),
        ("SSRI, SNRI, tricyclic, MAO inhibitors", 4, 0),
        ("SSRI, SNRI, TCAs, MAO-I", 4, 0),
        ("SSRI/SNRI", 2, 0),
        ("none", 0, 0),
        ("None", 0, 0),
    ],
)
def test_classes_are_read_as_histories_write_them(written: str, stage: int, unstaged: int) -> None:
    """A tricyclic was no TCA, `none` a failed class, and two SSRIs were two classes."""
    frame = pd.DataFrame({"failed_classes": [written], "bilateral_ect": [0]})
    assert stage_thase_rush(frame).iloc[0].tolist() == [stage, unstaged]


@pytest.mark.parametrize("written", ["SSRI, ECT", "unknown", "2", "SSRI SNRI", "SSRI, none"])
def test_entries_that_are_no_class_are_refused(written: str) -> None:
    frame = pd.DataFrame({"failed_classes": [written], "bilateral_ect": [0]})
    with pytest.raises(DataError, match=r"ECT has its own column\), 'none' where none failed"):
        stage_thase_rush(frame)


def test_what_is_not_known_is_missing() -> None:
    frame = pd.DataFrame({
        "failed_classes": [None, "SSRI", "SSRI, SNRI, TCA, MAOI"], "bilateral_ect": [1, None, None],
    })  # fmt: skip
    staged = stage_thase_rush(frame)
    assert staged["stage"].isna().tolist() == [True, False, True]  # the last: 4 or 5
    assert staged["unstaged_failures"].isna().all()
    trials = pd.DataFrame({
        "intervention": "sertraline", "dose": [None, 25, 100, 100], "weeks": [6, 6, None, 6],
        "adherent": [1, None, 0, 1], "insufficient": [1, 1, 1, 1],
    })  # fmt: skip
    judged = judge_trials(trials, {"sertraline": (50, 4)})["failed_adequate"]
    # Not known; dose too low whatever else; not adherent whatever else; all four.
    assert judged.isna().tolist() == [True, False, False, False]
    assert judged.iloc[1:].tolist() == [False, False, True]
    with pytest.raises(SpecError, match="must not be negative"):
        judge_trials(trials, {"sertraline": (-50, 4)})


@pytest.mark.parametrize("changes", [{"failures": 99}, {"duration_months": 999}])
def test_codes_for_missing_are_no_counts(changes: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"99 in row 0\n.*probably a code for missing"):
        stage_maudsley(patient(**changes))
