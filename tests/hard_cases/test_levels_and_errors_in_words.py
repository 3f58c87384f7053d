"""Levels that are error probabilities, and errors that list what stops the work alone."""

import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataError, SpecError


def test_a_level_of_five_per_cent_is_an_alpha() -> None:
    study = trd.load_sample("trial")
    with pytest.raises(SpecError, match=r"5 of 100 cases\. Did you mean 0\.95\?"):
        trd.rates(study, trd.Response(), day=28, conf_level=0.05)
    trd.rates(study, trd.Response(), day=28, conf_level=0.5)


def test_notes_are_no_problems_of_an_error() -> None:
    """Somebody without a later visit is good to know, and stops nothing."""
    visits = pd.DataFrame({
        "subject": ["A", "A", "B"], "treatment": ["ECT", "ECT", "TMS"], "day": [0, 28, 0],
        "score": [30, 99, 31],
    })  # fmt: skip
    with pytest.raises(DataError) as caught:
        trd.Study(visits, scale="MADRS")
    assert str(caught.value).startswith("1 MADRS score lies outside")
    assert [p.kind for p in caught.value.problems] == ["score_outside_scale", "no_visits"]


def test_codes_that_some_labels_leave_out_are_said_once() -> None:
    export = pd.DataFrame({
        "id": ["A", "A", "B", "B"], "arm": [1, 1, 2, 2], "day": [0, 28] * 2,
        "madrs": [31, 14, 35, 9],
    })  # fmt: skip
    mapping = trd.ExportMapping(
        scale="MADRS", subject="id", treatment="arm", score="madrs", day="day",
        labels={"arm": {1: "ECT"}},
    )  # fmt: skip
    with pytest.raises(DataError, match="1 code that the labels of the mapping do not name") as got:
        trd.read_export(export, mapping=mapping)
    assert len(got.value.problems) == 1


def test_a_class_that_is_asked_for_has_its_article() -> None:
    with pytest.raises(SpecError, match="times must be an EventTimes; got"):
        trd.impute_origin("times", trd.KaplanMeier(), [84])
