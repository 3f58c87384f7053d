"""Datasets of ADaM as they leave other programs: dates, units, flags and baselines gone wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trdstats import Study
from trdstats.errors import DataError, DataWarning, SpecError

PEOPLE = ["A", "B", "C"]
BASE = np.repeat([30.0, 32.0, 40.0], 3)


def adsl(**columns: Any) -> pd.DataFrame:
    frame = {"USUBJID": PEOPLE, "TRT01P": ["TMS", "ECT", "ECT"]}
    return pd.DataFrame({**frame, **columns})


def adqs(**columns: Any) -> pd.DataFrame:
    """Three subjects with baseline on study day 1, and study days 15 and 29."""
    frame = {
        "USUBJID": np.repeat(PEOPLE, 3), "PARAMCD": "MADRSTOT", "ADY": [1, 15, 29] * 3,
        "AVAL": [30, 20, 14, 32, 16, 10, 40, 38, 36],
    }  # fmt: skip
    return pd.DataFrame({**frame, **columns})


def dated(first: Any, dates: list[Any], **roles: Any) -> Study:
    return Study.from_adam(adsl(TRTSDT=[first] * 3), adqs(ADT=dates * 3).drop(columns="ADY"),
                           **roles)  # fmt: skip


@pytest.mark.parametrize(
    ("first", "dates"),
    [
        (23385.0, [23385.0, 23399.0, 23413.0]),  # SAS: 23385 days from 1 January 1960
        ("10/01/2024", ["10/01/2024", "24/01/2024", "07/02/2024"]),
        ("01/10/2024", ["01/10/2024", "01/24/2024", "02/07/2024"]),
        ("10JAN2024", ["10JAN2024", "24JAN2024", "07FEB2024"]),
        (pd.Timestamp(2024, 1, 10), list(pd.to_datetime(["2024-01-10", "2024-01-24",
                                                         "2024-02-07"], utc=True))),
        ("2024-01-10T23:00", ["2024-01-10T08:00", "2024-01-24T08:00", "2024-02-07T08:00"]),
    ],
)  # fmt: skip
def test_dates_as_programs_write_them(first: Any, dates: list[Any]) -> None:
    # By hand: 24 January and 7 February are 14 and 28 days after the 10th.
    assert dated(first, dates).visits["day"].tolist() == [0, 14, 28] * 3


def test_day_and_month_are_not_guessed() -> None:
    dates = ["01/02/2024", "08/02/2024", "12/02/2024"]
    with pytest.raises(DataError, match=r"day first or month first: nothing(.|\n)*date_order = "):
        dated("01/02/2024", dates)
    day_first = dated("01/02/2024", dates, date_order="day first")
    assert day_first.visits["day"].tolist() == [0, 7, 11] * 3
    month_first = dated("01/02/2024", dates, date_order="month first")
    assert month_first.visits["day"].tolist()[:3] == [0, 213, 335]  # 2 January, 2 August, 2 Dec


def test_order_of_day_and_month_is_that_of_all_datasets() -> None:
    tte = pd.DataFrame({"USUBJID": ["A"], "PARAMCD": "RESC", "PARAM": "rescue", "CNSR": 0,
                        "ADT": "05/02/2024"})  # fmt: skip
    people = adsl(TRTSDT=["25/01/2024"] * 3)
    assert Study.from_adam(people, adqs(), tte).events["day"].tolist() == [11]


@pytest.mark.parametrize(
    ("entry", "words"),
    [("2024-01", "3 entries of `ADQS` column 'ADT' are dates without their day or month"),
     ("soon", "3 entries of `ADQS` column 'ADT' are no dates"),
     ("9999-12-31", "3 entries of `ADQS` column 'ADT' lie before 1950 or after 2099")],
)  # fmt: skip
def test_dates_that_are_none(entry: str, words: str) -> None:
    dates = ["2024-01-10", entry, "2024-02-07"]
    with pytest.raises(DataError, match=f"{words}(.|\n)*'{entry}' in row 1"):
        dated("2024-01-10", dates)
    people = adsl(TRTSDT=["2024-01-10"] * 3)
    with pytest.warns(DataWarning, match=f"{words}. ADY is used, and dates are not compared"):
        study = Study.from_adam(people, adqs(ADT=dates * 3))
    assert study.visits["day"].tolist() == [0, 14, 28] * 3


def test_dates_are_named_by_the_rows_of_the_dataset() -> None:
    other = adqs(PARAMCD="CGI").iloc[:2].assign(ADT="2024-01-10")
    records = adqs(ADT=["2024-01-10", "soon", "2024-02-07"] * 3)
    both = pd.concat([other, records]).drop(columns="ADY")
    with pytest.raises(DataError, match="'soon' in row 3; 'soon' in row 6"):
        Study.from_adam(adsl(TRTSDT=["2024-01-10"] * 3), both)


def test_time_since_the_latest_dose_is_no_day() -> None:
    """Four hours after the second session stood on day 0.17."""
    records = adqs(ARELTM=[0, 4, 4] * 3, ARELTMU="HOURS")
    with pytest.warns(DataWarning, match=r"6 records of ADQS have an ARELTM that is a day or more"):
        study = Study.from_adam(adsl(), records)
    assert study.visits["day"].tolist() == [0, 14, 28] * 3
    first = Study.from_adam(adsl(), adqs(ADY=[-1, 1, 29] * 3, ARELTM=[-20, 4, np.nan] * 3,
                                         ARELTMU="HOURS"))  # fmt: skip
    np.testing.assert_allclose(first.visits["day"][:3], [-20 / 24, 4 / 24, 28])


@pytest.mark.parametrize(
    ("unit", "times"), [("WEEKS", [0, 2, 4]), ("min", [0, 20160, 40320]), ("HR", [0, 336, 672])]
)
def test_units_of_time(unit: str, times: list[float]) -> None:
    records = adqs(ARELTM=times * 3, ARELTMU=unit).drop(columns="ADY")
    assert Study.from_adam(adsl(), records).visits["day"].tolist() == [0, 14, 28] * 3
    with pytest.warns(DataWarning, match=r"9 records of ADQS have an ARELTM whose unit is not"):
        Study.from_adam(adsl(), adqs(ARELTM=times * 3, ARELTMU="MONTHS"))


def test_windows_in_weeks_are_refused() -> None:
    windows = {"AWTARGET": [np.nan, 2, 4] * 3, "AWLO": [np.nan, 1.5, 3.5] * 3,
               "AWHI": [np.nan, 2.5, 4.5] * 3}  # fmt: skip
    with pytest.raises(DataError, match="AWLO and AWHI are no study days: AWU is 'WEEKS'"):
        Study.from_adam(adsl(), adqs(**windows, AWU="WEEKS"))
    days = {k: [7 * v + 1 for v in values] for k, values in windows.items()}
    study = Study.from_adam(adsl(), adqs(**days, AWU="DAYS"))
    assert study.windows is not None
    assert study.windows["TMS"].days == (14, 28)


def test_visits_named_from_day_0() -> None:
    study = Study.from_adam(adsl(), adqs(AVISIT=["Day 0", "Day 14", "Day 28"] * 3))
    assert study.windows is not None
    assert study.windows["TMS"].days == (14, 28)
    study = Study.from_adam(adsl(), adqs(AVISIT=["Day 1", "Day 15", "Day 29"] * 3))
    assert study.windows is not None
    assert study.windows["TMS"].days == (14, 28)


@pytest.mark.parametrize("base", [np.nan, np.where(BASE == 32, np.nan, BASE)])
def test_an_empty_base_takes_no_baseline_away(base: Any) -> None:
    study = Study.from_adam(adsl(), adqs(BASE=base, ABLFL=["Y", "", ""] * 3))
    assert study.subjects["baseline"].tolist() == [30, 32, 40]
    assert Study.from_adam(adsl(), adqs(BASE=np.nan)).subjects["baseline"].tolist() == [30, 32, 40]
    unflagged = Study.from_adam(adsl(), adqs(ABLFL=""))
    assert unflagged.subjects["baseline"].tolist() == [30, 32, 40]


def test_a_change_that_is_none() -> None:
    change = adqs()["AVAL"] - BASE
    silent = Study.from_adam(adsl(), adqs(BASE=BASE, CHG=change.round(1)))
    assert not silent.notices
    with pytest.warns(DataWarning, match=r"6 records of ADQS have a CHG of MADRS that is not AVAL"):
        Study.from_adam(adsl(), adqs(BASE=BASE, CHG=-change))  # counted as improvement
    with pytest.warns(DataWarning, match=r"1 record of ADQS has a CHG of MADRS"):
        Study.from_adam(adsl(), adqs(CHG=change.where(change != -22, -2)))  # without BASE


@pytest.mark.parametrize(
    ("people", "records", "words"),
    [({}, {"ABLFL": [1, 0, 0] * 3}, "ABLFL of ADQS holds 1, 0"),
     ({}, {"ABLFL": ["Yes", "", ""] * 3, "ANL01FL": "Y"}, "ABLFL of ADQS holds 'Yes'"),
     ({"RANDFL": [1, 1, 1]}, {}, "RANDFL of ADSL holds 1")],
)  # fmt: skip
def test_other_flags_are_y_or_n_too(people: Any, records: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        Study.from_adam(adsl(**people), adqs(**records))


@pytest.mark.parametrize("kind", ["string", "category"])
def test_blanks_are_blank_in_columns_of_any_text(kind: str) -> None:
    """Every record was derived, of a kind without a name, and left out."""
    texts = {"DTYPE": "", "ANL01FL": "Y", "AVISIT": ["", "Week 2", "Week 4"] * 3}
    declared = adqs(**texts).astype(dict.fromkeys(texts, kind))
    plain = Study.from_adam(adsl(), adqs(**texts))
    study = Study.from_adam(adsl(), declared)
    pd.testing.assert_frame_equal(study.visits, plain.visits)
    assert study.windows == plain.windows


def test_names_and_rows_that_cannot_be_meant() -> None:
    with pytest.raises(SpecError, match="differ in capitals only: 'AVAL', 'aval'"):
        Study.from_adam(adsl(), adqs(aval=1))
    with pytest.raises(DataError, match="ADQS has no records of the subjects"):
        Study.from_adam(adsl(), adqs().iloc[:0])
    one = Study.from_adam(adsl(), adqs(DTYPE=["", "", "LOCF"] * 3), derived="LOCF")
    assert len(one.visits) == 9


def test_arguments_are_one_of_their_choices() -> None:
    with pytest.raises(SpecError, match=r"treatment must be .*'planned'.*got 'as treated'"):
        Study.from_adam(adsl(), adqs(), treatment="as treated")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=r"date_order must be .*got 'dmy'"):
        Study.from_adam(adsl(), adqs(), date_order="dmy")  # type: ignore[arg-type]


def test_decimal_commas_of_files(tmp_path: Path) -> None:
    records = adqs().assign(AVAL=[f"{v},0" for v in adqs()["AVAL"]])
    adsl().to_csv(tmp_path / "adsl.csv", index=False)
    records.to_csv(tmp_path / "adqs.csv", index=False, sep=";")
    study = Study.from_adam(tmp_path / "adsl.csv", tmp_path / "adqs.csv")
    assert study.visits["score"].tolist() == adqs()["AVAL"].tolist()
    assert "decimal_commas" in [p.kind for p in study.notices]


def test_columns_called_as_a_study_calls_its_own() -> None:
    study = Study.from_adam(adsl(subject=["x", "y", "z"]), adqs(day=[4, 5, 6] * 3, score=3))
    assert study.visits["day"].tolist() == [0, 14, 28] * 3
    assert study.visits["adam_day"].tolist() == [4, 5, 6] * 3
    assert study.subjects["adam_subject"].tolist() == ["x", "y", "z"]


def test_unscheduled_ratings_that_stand_for_a_visit_are_said() -> None:
    """A came on day 27 of its own accord and on day 30 for week 4; B on day 26 for week 2 only."""
    visits = ["Baseline", "Week 2", "Week 4"] * 3
    records = adqs(AVISIT=visits, ADY=[1, 15, 31, 1, 15, 33, 1, 15, 29])
    more = records.iloc[[2, 5]].assign(ADY=[28, 20], AVISIT="Unscheduled", AVAL=7)
    both = pd.concat([records, more], ignore_index=True)
    with pytest.warns(DataWarning, match=r"1 record without a scheduled AVISIT lies in the") as w:
        study = Study.from_adam(adsl(), both)
    assert "\n  A\n" in str(w[0].message)
    # Week 4 is day 28 with a window of 4 days: day 27 is nearer than day 30.
    of_a = study.visits[(study.visits["subject"] == "A") & (study.visits["visit"] == 28)]
    assert of_a["score"].tolist() == [7]
    flagged = both.assign(ANL01FL=np.where(both["AVISIT"] == "Unscheduled", "", "Y"))
    notices = Study.from_adam(adsl(), flagged).notices
    assert "unscheduled_in_windows" not in [p.kind for p in notices]
