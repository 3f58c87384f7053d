"""Totals that are no ratings of that many patients, and tables in which all is well."""

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataWarning

WINDOWS = {7: 3, 14: 3, 28: 3}


@pytest.fixture(scope="module")
def visits() -> pd.DataFrame:
    trial = trd.load_sample("trial")
    rows = trial.visits[["subject", "day", "score"]].astype({"subject": str})
    arms = trial.subjects[["subject", "treatment"]].astype(str)
    return rows.merge(arms, on="subject").dropna().reset_index(drop=True)


def kinds(study: trd.Study) -> set[str]:
    return {p.kind for p in study.notices}


NEW = {"code_for_missing", "carried_forward", "copied_subjects", "better_before_start"}


def test_real_courses_are_said_nothing_of(visits: pd.DataFrame) -> None:
    assert not NEW & kinds(trd.Study(visits, scale="MADRS", windows=WINDOWS))
    assert not NEW & kinds(trd.load_sample("modalities"))


@pytest.mark.parametrize("code", [0, 9, 60])
def test_a_code_for_missing_inside_the_range(visits: pd.DataFrame, code: int) -> None:
    missing = np.random.default_rng(1).random(len(visits)) < 0.03
    missing &= (visits["day"] > 0).to_numpy()
    wrong = visits.assign(score=visits["score"].mask(missing, code))
    with pytest.warns(DataWarning, match=f"The MADRS total {code} stands between two totals far"):
        trd.Study(wrong, scale="MADRS", windows=WINDOWS)


def test_courses_that_go_up_and_down_are_no_codes() -> None:
    """A total of 15 between two of 30, again and again, is a course and no code."""
    n = 20
    wave = pd.DataFrame({
        "subject": np.repeat([f"P{i:02d}" for i in range(n)], 5),
        "treatment": np.repeat(["ECT", "TMS"] * (n // 2), 5),
        "day": np.tile([0, 7, 14, 21, 28], n),
        "score": np.tile([30, 15, 30, 15, 30], n),
    })  # fmt: skip
    assert "code_for_missing" not in kinds(trd.Study(wave, scale="MADRS"))


def test_a_patient_entered_twice_is_no_second_patient(visits: pd.DataFrame) -> None:
    test = visits[visits["subject"] == "TRD-001"].assign(subject="ZZ-TEST")
    with pytest.warns(DataWarning, match="1 subject has exactly the days and totals of another"):
        study = trd.Study(pd.concat([visits, test]), scale="MADRS", windows=WINDOWS)
    (copied,) = (p for p in study.notices if p.kind == "copied_subjects")
    assert copied.where == ("ZZ-TEST as TRD-001 (11 ratings)",)


def test_both_entries_of_a_double_data_entry(visits: pd.DataFrame) -> None:
    both = pd.concat([visits.assign(subject=visits["subject"] + f"--{k}") for k in (1, 2)])
    with pytest.warns(DataWarning, match="246 subjects have exactly the days and totals"):
        trd.Study(both, scale="MADRS", windows=WINDOWS)


def test_other_courses_are_no_copies() -> None:
    """Of 20,000 courses of eleven random totals no two are the same."""
    n, days = 20_000, np.arange(0, 77, 7)
    table = pd.DataFrame({
        "subject": np.repeat(np.arange(n), len(days)),
        "treatment": np.repeat(["ECT", "TMS"] * (n // 2), len(days)),
        "day": np.tile(days, n),
        "score": np.random.default_rng(3).integers(1, 47, n * len(days)),
    })  # fmt: skip
    assert "copied_subjects" not in kinds(trd.Study(table, scale="MADRS"))


def test_short_courses_on_scheduled_days_agree_by_chance() -> None:
    """Of 600 subjects with three visits on the same days many share all totals of the CGI."""
    rng = np.random.default_rng(2)
    n, days = 600, (0, 14, 28)
    scores = np.column_stack([rng.integers(5, 8, n), rng.integers(2, 7, n), rng.integers(1, 7, n)])
    table = pd.DataFrame({
        "subject": np.repeat([f"P{i:03d}" for i in range(n)], 3),
        "treatment": np.repeat(["ECT", "TMS"] * (n // 2), 3),
        "day": np.tile(days, n),
        "score": scores.ravel(),
    })  # fmt: skip
    assert not NEW & kinds(trd.Study(table, scale="CGI-S", windows={14: 3, 28: 3}))


def test_totals_carried_forward(visits: pd.DataFrame) -> None:
    left = (visits["day"] >= 20) & visits["subject"].str[-1].isin(["3", "5", "8"])
    carried = visits["score"].mask(left).groupby(visits["subject"]).ffill()
    study = trd.Study(visits.assign(score=carried), scale="MADRS", windows=WINDOWS)
    (note,) = (p for p in study.notices if p.kind == "carried_forward")
    assert note.summary == (
        "72 subjects end with 3 equal MADRS totals or more: of the other totals 9 % equal the one "
        "before."
    )
    assert note.where[0] == "TRD-005: 21 from day 14 on"


def test_days_that_count_from_the_last_treatment(visits: pd.DataFrame) -> None:
    later = visits.assign(day=visits["day"] - 28)
    with pytest.warns(DataWarning, match="189 of 270 subjects improved by 30 % or more from their"):
        trd.Study(later, scale="MADRS", windows=WINDOWS)


def test_of_many_subjects_some_are_looked_at(
    visits: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What holds of a register shows in every third subject; copies would need all of them."""
    monkeypatch.setattr("trdstats.study.totals._SUBJECTS", 100)
    missing = np.random.default_rng(1).random(len(visits)) < 0.03
    missing &= (visits["day"] > 0).to_numpy()
    wrong = visits.assign(score=visits["score"].mask(missing, 60))
    test = wrong[wrong["subject"] == "TRD-001"].assign(subject="ZZ-TEST")
    with pytest.warns(DataWarning, match="91 of 271 subjects were looked at"):
        study = trd.Study(pd.concat([wrong, test]), scale="MADRS", windows=WINDOWS)
    assert kinds(study) & NEW == {"code_for_missing"}
