"""What a table says of itself is not passed over: names of columns, entries, labels."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataError, DataWarning


def table(**columns: Any) -> pd.DataFrame:
    """Twelve subjects, two treatments, three visits in weeks."""
    n = 12
    frame = {
        "subject": np.repeat([f"P{i:02d}" for i in range(n)], 3),
        "treatment": np.repeat(["ECT", "TMS"] * (n // 2), 3),
        "day": np.tile([0, 14, 28], n),
        "score": np.ravel([[30 + i, 20 + i % 5, 9 + i] for i in range(n)]),
    }
    return pd.DataFrame(frame).assign(**columns)


def kinds(study: trd.Study) -> set[str]:
    return {p.kind for p in study.notices}


def test_letters_of_another_alphabet() -> None:
    """Of a clinic whose keyboard was set to Cyrillic: the T of TMS."""
    other = table()
    rows = other["subject"].isin(["P01", "P03"])
    other.loc[rows, "treatment"] = "\N{CYRILLIC CAPITAL LETTER TE}MS"
    with pytest.warns(DataWarning, match=r"1 pair of treatments differs(.|\n)*u0422MS"):
        trd.Study(other, scale="MADRS")
    russian = table(treatment=np.repeat(["ТМС", "ЭСТ"] * 6, 3))
    assert "lookalike_treatment" not in kinds(trd.Study(russian, scale="MADRS"))


def test_both_entries_of_a_treatment_that_changes_are_shown() -> None:
    changed = table()
    changed.loc[[4, 7], "treatment"] = ["TMS\N{NO-BREAK SPACE}x", None]
    with pytest.raises(DataError, match="changes between visits of 2 subjects") as caught:
        trd.Study(changed, scale="MADRS")
    (changing,) = (p for p in caught.value.problems if p.kind == "changing_value")
    assert changing.where == (
        r"P01: 'TMS' and 'TMS\xa0x' (row 4)", "P02: 'ECT' and empty (row 7)",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["unknown", "N/A", "-9", "unbekannt"])
def test_a_treatment_that_is_not_known_is_no_arm(name: str) -> None:
    entries = table()["treatment"].where(table()["subject"] != "P05", name)
    with pytest.warns(DataWarning, match="1 treatment is called as if it were not known"):
        study = trd.Study(table(treatment=entries), scale="MADRS")
    (note,) = (p for p in study.notices if p.kind == "unnamed_treatment")
    assert note.where == (f"{name!r}: 1 subject",)


def test_days_in_a_column_called_week() -> None:
    weeks = table(day=np.tile([0, 2, 4], 12)).rename(columns={"day": "Study_Week"})
    words = r"'Study_Week' is taken for days and called by weeks: its numbers go up to 4"
    with pytest.warns(DataWarning, match=words):
        trd.Study(weeks, scale="MADRS", day="Study_Week")
    mapping = trd.ExportMapping(
        scale="MADRS", subject="subject", treatment="treatment", score="score", day="Study_Week"
    )
    with pytest.warns(DataWarning, match=rf"{words}(.|\n)*unit = \"weeks\""):
        trd.read_export(weeks, mapping=mapping)
    # Weeks that were made days under their old name, and words that only contain one.
    for name, day in (("week", [0, 14, 28]), ("weekday", [0, 3, 4]), ("day_of_week", [0, 3, 4])):
        right = table(day=np.tile(day, 12)).rename(columns={"day": name})
        assert "unit_in_name" not in kinds(trd.Study(right, scale="MADRS", day=name))


def test_totals_that_are_derived() -> None:
    kind = np.tile(["", "", "LOCF"], 12)
    with pytest.warns(DataWarning, match="12 totals are derived and no rating, by column 'DTYPE'"):
        study = trd.Study(table(DTYPE=kind), scale="MADRS")
    (note,) = (p for p in study.notices if p.kind == "derived_rows")
    assert note.where == ("LOCF: 12",)


def test_two_columns_of_one_name_that_pandas_told_apart() -> None:
    """Of ``madrs_w4`` twice in a sheet pandas makes ``madrs_w4`` and ``madrs_w4.1``: day 28.7."""
    wide = pd.DataFrame({
        "id": ["A", "B"], "arm": ["ECT", "TMS"], "madrs_w0": [30, 31], "madrs_w4": [12, 20],
        "madrs_w4.1": [28, 27], "madrs_w0.5": [25, 26],
    })  # fmt: skip
    mapping = trd.ExportMapping(scale="MADRS", subject="id", treatment="arm", score="madrs_w{week}")
    with pytest.raises(DataError, match=r"Several columns fit(.|\n)*'madrs_w4'; 'madrs_w4.1'"):
        trd.read_export(wide, mapping=mapping)
    study = trd.read_export(wide.drop(columns="madrs_w4.1"), mapping=mapping)
    assert study.scheduled_days() == [3.5, 28.0]


def test_outcomes_among_the_columns_of_subjects() -> None:
    study = trd.Study(table(age=40, madrs_w8=12, remitter="yes"), scale="MADRS")
    (note,) = (p for p in study.notices if p.kind == "known_later")
    assert note.where == ("'madrs_w8'", "'remitter'")
    assert note.level == "note"


@pytest.mark.parametrize(
    ("code", "others"),
    [(-9, range(20, 32)), (999, range(20, 32)), (9, [0, 1] * 6), (-99, [0.5] * 12)],
)
def test_codes_for_missing_among_covariates(code: int, others: Any) -> None:
    values = np.repeat([code, *list(others)[1:]], 3)
    with pytest.warns(DataWarning, match=rf"'x' holds {code}, far from all others"):
        trd.Study(table(x=values), scale="MADRS")


def test_999_among_numbers_of_sites_is_a_note() -> None:
    """Sites that have few subjects are often pooled under 999."""
    study = trd.Study(
        table(site=np.repeat([999] * 2 + [6] * 4 + [40] * 3 + [124] * 3, 3)), scale="MADRS"
    )
    (note,) = (p for p in study.notices if p.kind == "code_among_covariates")
    assert note.level == "note"


@pytest.mark.parametrize(
    "others", [[99, *range(27, 82, 5)], [-9, *range(-20, -9)], [9, *range(1, 12)]]
)
def test_numbers_that_look_like_codes(others: list[int]) -> None:
    study = trd.Study(table(x=np.repeat(others, 3)), scale="MADRS")
    assert "code_among_covariates" not in kinds(study)


def test_events_that_are_listed_twice() -> None:
    events = pd.DataFrame({"subject": ["P01", "P02", "P01"], "day": [9, 3, 9], "event": "rescue"})
    words = "1 row of `events` repeats a subject, day and kind"
    with pytest.warns(DataWarning, match=words):
        study = trd.Study(table(), None, events, scale="MADRS")
    (note,) = (p for p in study.notices if p.kind == "repeated_event")
    assert note.where == ("P01: rescue on day 9 (row 2)",)


def test_labels_of_numpy_are_shown_as_plain_ones() -> None:
    # "S000: np.str_('TMS') and empty"
    visits = pd.DataFrame({"subject": list("aabb"), "day": [0, 7, 0, 7], "score": [30, 20, 31, 22]})
    arms = np.array(["TMS", "", "ECT", "ECT"], dtype="U3").astype(object)
    visits["treatment"] = [np.str_(v) if v else None for v in arms]
    with pytest.raises(DataError, match="a: 'TMS' and empty"):
        trd.Study(visits, scale="MADRS")
