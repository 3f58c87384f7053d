"""Datasets of CDISC ADaM become the study they describe, and come back unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trdstats as trd
from trdstats import Study
from trdstats.errors import DataError, DataWarning, SpecError, UnknownNameError
from trdstats.intake.adam import days_since_first, study_days

pytestmark = pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")


def adsl(**columns: Any) -> pd.DataFrame:
    frame = {"USUBJID": ["A", "B", "C"], "TRT01P": ["TMS", "ECT", "ECT"], "AGE": [30, 40, 50]}
    return pd.DataFrame({**frame, **columns})


def adqs(**columns: Any) -> pd.DataFrame:
    """Three subjects with baseline on study day 1, and study days 15 and 29."""
    frame = {
        "USUBJID": np.repeat(["A", "B", "C"], 3),
        "PARAMCD": "MADRSTOT",
        "ADY": [1, 15, 29] * 3,
        "AVAL": [30, 20, 14, 32, 16, 10, 40, 38, 36],
    }
    return pd.DataFrame({**frame, **columns})


def kinds(study: Study) -> list[str]:
    return [p.kind for p in study.notices]


def test_study_days_have_no_day_0() -> None:
    # Treatment on 10 January: the 9th is day -1, the 10th day 1, the 11th day 2 (SDTM 4.4.4).
    assert days_since_first([-1, 1, 2]).tolist() == [-1, 0, 1]
    assert study_days([-1, 0, 1]).tolist() == [-1, 1, 2]
    assert np.isnan(days_since_first([0, 0.5])).all()


@given(st.lists(st.integers(-400, 400)))
def test_study_days_come_back(day: list[int]) -> None:
    assert days_since_first(study_days(day)).tolist() == day


def test_days_count_from_first_treatment() -> None:
    study = Study.from_adam(adsl(), adqs())
    assert study.visits["day"].tolist() == [0, 14, 28] * 3
    assert study.subjects["baseline"].tolist() == [30, 32, 40]
    assert study.scales == ("MADRS",)
    # By hand: 14 of 30 and 10 of 32 are halved, 36 of 40 is not.
    table = trd.rates(study, trd.Response(), day=28).tidy()
    rates = table[table["measure"] == "rate"] if "measure" in table else table
    assert rates["estimate"].tolist()[:2] == [0.5, 1.0]


def test_day_0_is_refused() -> None:
    with pytest.raises(DataError, match=r"3 records of ADQS have ADY 0(.|\n)*add 1"):
        Study.from_adam(adsl(), adqs(ADY=[0, 14, 28] * 3))


def test_dates_say_the_day_where_ady_does_not() -> None:
    dates = pd.to_datetime(["2024-01-10", "2024-01-24", "2024-02-07"] * 3)
    people = adsl(TRTSDT=pd.to_datetime(["2024-01-10"] * 3))
    study = Study.from_adam(people, adqs(ADT=dates).drop(columns="ADY"))
    assert study.visits["day"].tolist() == [0, 14, 28] * 3
    with pytest.warns(
        DataWarning, match="9 records of ADQS have an ADY that is not the one of ADT"
    ):
        Study.from_adam(people, adqs(ADT=dates + pd.Timedelta(days=1)))
    with pytest.raises(DataError, match="a value and no day"):
        Study.from_adam(adsl(), adqs().drop(columns="ADY"))


def test_visits_that_did_not_take_place_are_counted() -> None:
    records = adqs(ADY=[1, 15, np.nan] * 3, AVAL=[30, 20, np.nan] * 3)
    study = Study.from_adam(adsl(), records)
    assert len(study.visits) == 6
    assert study.notices[0].summary.startswith("3 records have neither a day nor a value")


def test_planned_or_actual_treatment() -> None:
    people = adsl(TRT01A=["TMS", "TMS", "ECT"], TRT01PN=[1, 2, 2])
    planned = Study.from_adam(people, adqs())
    assert planned.treatments == ("TMS", "ECT")  # by TRT01PN
    assert planned.subjects["treatment"].tolist() == ["TMS", "ECT", "ECT"]
    assert planned.notices[0].where == ("B",)
    actual = Study.from_adam(people, adqs(), treatment="actual")
    assert actual.subjects["treatment"].tolist() == ["TMS", "TMS", "ECT"]


def test_treatment_of_the_records() -> None:
    people = adsl().drop(columns="TRT01P")
    records = adqs(TRTA=np.repeat(["TMS", "ECT", "ECT"], 3))
    study = Study.from_adam(people, records, treatment="actual")
    assert study.subjects["treatment"].tolist() == ["TMS", "ECT", "ECT"]
    with pytest.raises(DataError, match=r"Neither TRT01P of ADSL nor TRTP(.|\n)*'actual'"):
        Study.from_adam(people, records)
    crossed = adqs(TRTA=["TMS", "ECT", "ECT"] * 3)
    with pytest.raises(DataError, match="TRTA changes within 3 subjects"):
        Study.from_adam(people, crossed, treatment="actual")


def test_populations() -> None:
    people = adsl(ITTFL=["Y", "Y", "N"], RANDFL=["Y", "Y", ""])
    study = Study.from_adam(people, adqs(), population="ITTFL")
    assert study.subjects["subject"].tolist() == ["A", "B"]
    assert study.randomised
    assert study.notices[0].summary == "1 subject is not in the population ITTFL: left out."
    with pytest.raises(UnknownNameError, match="population flag of ADSL 'ITFL'"):
        Study.from_adam(people, adqs(), population="ITFL")
    screened = adsl(TRT01P=["TMS", "ECT", ""])
    with pytest.raises(DataError, match=r"1 subject has no TRT01P(.|\n)*population='ITTFL'"):
        Study.from_adam(screened, adqs())
    assert not Study.from_adam(adsl(), adqs()).randomised


def test_derived_records_are_no_observations() -> None:
    records = pd.concat([adqs(DTYPE=""), adqs(DTYPE="LOCF", ADY=43).iloc[[2, 5]]])
    study = Study.from_adam(adsl(), records)
    assert len(study.visits) == 9
    assert study.notices[0].where == ("DTYPE LOCF: 2",)
    assert len(Study.from_adam(adsl(), records, derived=["LOCF"]).visits) == 11
    with pytest.raises(UnknownNameError, match="Unknown DTYPE 'WOCF'"):
        Study.from_adam(adsl(), records, derived=["WOCF"])


def test_analysis_flags() -> None:
    records = adqs(ANL01FL=["", "Y", ""] * 3, ABLFL=["Y", "", ""] * 3)
    study = Study.from_adam(adsl(), records)
    assert study.visits["day"].tolist() == [0, 14] * 3  # the baseline always counts
    assert study.notices[0].summary.startswith("3 records have no ANL01FL = Y and are no baseline")
    assert len(Study.from_adam(adsl(), records, analysis_flag=None).visits) == 9
    with pytest.raises(UnknownNameError, match="analysis flag 'ANL09FL'"):
        Study.from_adam(adsl(), records, analysis_flag="ANL09FL")
    with pytest.raises(DataError, match="No record has ANL01FL = Y"):
        Study.from_adam(adsl(), adqs(ANL01FL=""))


def test_baselines() -> None:
    base = [31, 31, 31, 32, 32, 32, 40, 40, 40]
    study = Study.from_adam(adsl(), adqs(BASE=base))
    assert study.subjects["baseline"].tolist() == [31, 32, 40]
    assert study.has_given_baseline
    flagged = Study.from_adam(adsl(), adqs(ABLFL=["", "Y", "", "Y", "", "", "Y", "", ""]))
    assert flagged.subjects["baseline"].tolist() == [20, 32, 40]
    with pytest.raises(DataError, match="1 subject has more than one BASE of MADRS"):
        Study.from_adam(adsl(), adqs(BASE=[31, 30, *base[2:]]))
    with pytest.raises(DataError, match=r"1 subject has a BASE(.|\n)*ABLFL = Y"):
        Study.from_adam(adsl(), adqs(BASE=base, ABLFL=["Y", "", ""] * 3))
    with pytest.raises(DataError, match="More than one record of MADRS has ABLFL"):
        Study.from_adam(adsl(), adqs(ABLFL=["Y", "Y", ""] * 3))


def test_parameters_are_scales() -> None:
    phq9 = adqs(PARAMCD="X1", PARAM="PHQ-9 total score", AVAL=9, PARAMN=1)
    two = pd.concat([adqs(PARAMN=2), phq9,
                     adqs(PARAMCD="CGI", PARAMN=3)])  # fmt: skip
    study = Study.from_adam(adsl(), two)
    assert study.scales == ("PHQ9", "MADRS")
    assert study.on("MADRS").visits["score"].tolist() == adqs()["AVAL"].tolist()
    assert study.notices[0].where == ("'CGI'",)
    named = Study.from_adam(adsl(), two, scales={"MADRSTOT": "MADRS"})
    assert named.scales == ("MADRS",)
    with pytest.raises(UnknownNameError, match=r"No PARAMCD names a scale: 'CGI'"):
        Study.from_adam(adsl(), adqs(PARAMCD="CGI"))
    with pytest.raises(UnknownNameError, match=r"PARAMCD 'MADRS'(.|\n)*'MADRSTOT'"):
        Study.from_adam(adsl(), adqs(), scales={"MADRS": "MADRS"})


def test_windows_of_avisit() -> None:
    records = adqs(
        ADY=[1, 13, 31, 1, 17, 29, 1, 15, 26], AVISIT=["Baseline", "Week 2", "Week 4"] * 3
    )
    study = Study.from_adam(adsl(), records)
    assert study.visits["visit"].dropna().tolist() == [14, 28] * 3
    assert study.windows is not None
    assert study.windows["TMS"].describe() == "day 14 ± 2, 28 ± 3"
    assert "windows_from_visits" in kinds(study)
    vague = records.assign(AVISIT=["Baseline", "Visit 2", "End"] * 3)
    with pytest.warns(DataWarning, match=r"does not say their day(.|\n)*'Visit 2'; 'End'"):
        assert Study.from_adam(adsl(), vague).windows is None
    told = Study.from_adam(adsl(), vague, visit_days={"Visit 2": 14, "End": 28})
    assert told.windows == study.windows
    own = Study.from_adam(adsl(), records, windows={14: 3, 28: 4})
    assert own.windows["TMS"].describe() == "day 14 ± 3, 28 ± 4"
    with pytest.raises(UnknownNameError, match="AVISIT 'Visit 3'"):
        Study.from_adam(adsl(), vague, visit_days={"Visit 3": 14})


def test_windows_as_written() -> None:
    # AWTARGET 29 is day 28: study days are one more than days since first treatment.
    target, low, high = [np.nan, 15, 29] * 3, [np.nan, 12, 26] * 3, [np.nan, 18, 32] * 3
    study = Study.from_adam(adsl(), adqs(AWTARGET=target, AWLO=low, AWHI=high))
    assert study.windows["ECT"].describe() == "day 14 ± 3, 28 ± 3"
    # Further to one side: day 25 to 35.
    late = [np.nan, 18, 36] * 3
    study = Study.from_adam(adsl(), adqs(AWTARGET=target, AWLO=low, AWHI=late))
    assert study.windows["ECT"].describe() == "day 14 ± 3, 28 -3 to +7"
    assert study.windows["ECT"].spans() == {14: (11, 17), 28: (25, 35)}
    back = Study.from_adam(*study.to_adam())
    same(study, back)
    assert back.windows == study.windows


ADTTE = pd.DataFrame(
    {"USUBJID": ["A", "B", "C", "A"], "PARAMCD": ["RESC", "RESC", "RESC", "WD"],
     "PARAM": ["Time to rescue"] * 3 + ["Time to withdrawal"], "AVAL": [10, 29, 29, 20],
     "CNSR": [0, 1, 2, 0], "ADY": [10, 29, 29, 20]}
)  # fmt: skip


def test_events() -> None:
    study = Study.from_adam(adsl(), adqs(), ADTTE, events={"RESC": "rescue", "WD": "withdrawal"})
    assert study.events["day"].tolist() == [9, 19]
    assert study.events["event"].tolist() == ["rescue", "withdrawal"]
    assert "2 events of ADTTE (CNSR 0) became events of the study; 2 censored" in str(study)
    only = Study.from_adam(adsl(), adqs(), ADTTE, events={"WD": "withdrawal"})
    assert only.events["event"].tolist() == ["withdrawal"]
    with pytest.raises(DataError, match="AVAL alone does not say"):
        Study.from_adam(adsl(), adqs(), ADTTE.drop(columns="ADY"))
    with pytest.raises(UnknownNameError, match="PARAMCD of ADTTE 'RES'"):
        Study.from_adam(adsl(), adqs(), ADTTE, events={"RES": "rescue"})
    with pytest.raises(DataError, match="1 record of ADTTE lack CNSR"):
        Study.from_adam(adsl(), adqs(), ADTTE.assign(CNSR=[0, 1, np.nan, 0]))


def test_variables_are_found_in_any_case() -> None:
    study = Study.from_adam(adsl().rename(columns=str.lower), adqs().rename(columns=str.lower))
    assert study.subjects["age"].tolist() == [30, 40, 50]
    with pytest.raises(DataError, match=r"ADQS has no variable AVAL(.|\n)*did you mean 'AVALX'"):
        Study.from_adam(adsl(), adqs().rename(columns={"AVAL": "AVALX"}))
    with pytest.raises(DataError, match="more than one record of a subject"):
        Study.from_adam(adsl(USUBJID="A"), adqs())


def same(one: Study, two: Study) -> None:
    assert one.scales == two.scales
    assert one.treatments == two.treatments
    assert one.randomised == two.randomised
    for scale in one.scales:
        a, b = one.on(scale), two.on(scale)
        pd.testing.assert_frame_equal(a.visits, b.visits)
        pd.testing.assert_series_equal(a.subjects["baseline"], b.subjects["baseline"])
    covariates = [c for c in one.subjects if not c.startswith("baseline")]
    pd.testing.assert_frame_equal(one.subjects[covariates], two.subjects[covariates])
    pd.testing.assert_frame_equal(one.events, two.events)


@pytest.mark.parametrize("name", ["trial", "modalities"])
def test_samples_come_back(name: str) -> None:
    study = trd.load_sample(name)
    back = Study.from_adam(*study.to_adam())
    same(study, back)
    assert back.windows == study.windows


def test_files_of_sas_come_back(tmp_path: Path) -> None:
    study = trd.load_sample("trial")
    people, records, events = study.to_adam()
    names = {"failed_trials": "failed"}  # transport files keep eight characters
    paths = [tmp_path / f"{n}.xpt" for n in ("adsl", "adqs", "adtte")]
    for frame, path in zip((people.rename(columns=names), records, events), paths, strict=True):
        pyreadstat.write_xport(frame, str(path))
    back = Study.from_adam(*paths)
    assert back.windows == study.windows
    pd.testing.assert_frame_equal(back.visits, study.visits)
    pd.testing.assert_frame_equal(back.events, study.events)


DAYS = st.sampled_from([-7.0, -1.0, -0.5, 0.0, 0.17, 1.0, 7.0, 14.0, 15.5, 28.0, 30.0])


@st.composite
def studies(draw: st.DrawFn) -> Study:
    n = draw(st.integers(2, 6))
    ids = [f"S{k}" for k in range(n)]
    arm = [draw(st.sampled_from(["TMS", "ECT", "IV ketamine"])) for _ in ids]
    rows = [
        {"subject": s, "day": d, "madrs": draw(st.one_of(st.none(), st.integers(0, 60))),
         "phq9": draw(st.one_of(st.none(), st.integers(0, 27))), "rater": draw(st.integers(1, 3))}
        for s in ids
        for d in draw(st.lists(DAYS, min_size=1, max_size=6, unique=True))
    ]  # fmt: skip
    base = draw(st.lists(st.integers(20, 60), min_size=n, max_size=n))
    people = pd.DataFrame({"subject": ids, "treatment": arm, "age": range(n), "base": base})
    events = [
        {"subject": draw(st.sampled_from(ids)), "day": draw(DAYS),
         "event": draw(st.sampled_from(["rescue", "switch", "death"]))}
        for _ in range(draw(st.integers(0, 4)))
    ]  # fmt: skip
    several, given_baseline = draw(st.booleans()), draw(st.booleans())
    return Study(
        pd.DataFrame(rows).astype({"madrs": float, "phq9": float}),
        people,
        pd.DataFrame(events) if events else None,
        scale=["MADRS", "PHQ9"] if several else "MADRS",
        score={"MADRS": "madrs", "PHQ9": "phq9"} if several else "madrs",
        baseline={"MADRS": "base"} if given_baseline else None,
        randomised=draw(st.booleans()),
    )


@settings(max_examples=60, deadline=None)
@given(studies())
def test_every_study_comes_back(study: Study) -> None:
    same(study, Study.from_adam(*study.to_adam()))


def test_names_of_adam_cannot_be_covariates() -> None:
    visits = pd.DataFrame({"subject": ["A", "B"], "day": 0, "score": 30})
    people = pd.DataFrame({"subject": ["A", "B"], "treatment": ["x", "y"], "saffl": "Y"})
    with pytest.raises(SpecError, match="covariate 'saffl' has the name of a variable of ADaM"):
        Study(visits, people, scale="MADRS").to_adam()


def test_numbers_written_as_text_are_numbers(tmp_path: Path) -> None:
    """Tables that came through a spreadsheet: no event is lost because CNSR is text."""
    tte = pd.DataFrame({"USUBJID": ["A", "B"], "PARAMCD": "RESCUE", "CNSR": [0, 1], "ADY": [8, 29]})
    study = Study.from_adam(
        adsl(), adqs().astype({"AVAL": str, "ADY": str}), tte.astype({"CNSR": str, "ADY": str})
    )
    plain = Study.from_adam(adsl(), adqs(), tte)
    pd.testing.assert_frame_equal(study.visits, plain.visits)
    pd.testing.assert_frame_equal(study.events, plain.events)
    assert len(study.events) == 1
    with pytest.raises(DataError, match=r"1 entry of AVAL of ADQS is not a number(.|\n)*'ND'"):
        Study.from_adam(adsl(), adqs(AVAL=[30, 20, "ND", 32, 16, 10, 40, 38, 36]))


def test_blanks_round_identifiers_make_no_other_subject() -> None:
    spaced = adqs(USUBJID=np.repeat(["A ", "B ", "C "], 3))
    assert Study.from_adam(adsl(), spaced).subjects["subject"].tolist() == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [([1, 1, 0], "ITTFL of ADSL holds 1, 0"), (["Yes", "Y", "N"], "ITTFL of ADSL holds 'Yes'"),
     (["", "", "N"], "No record has ITTFL = Y")],
)  # fmt: skip
def test_flags_are_y_or_n(flags: list[Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        Study.from_adam(adsl(ITTFL=flags), adqs(), population="ITTFL")


@pytest.mark.parametrize(
    "period", [{"APERIOD": [1, 1, 2] * 3}, {"TRTA": ["TMS", "TMS", "ECT", *["ECT"] * 6]}]
)
def test_ratings_after_a_crossover(period: dict[str, Any]) -> None:
    n = 3 if "APERIOD" in period else 1
    with pytest.warns(DataWarning, match=f"{n} records? of ADQS, of {n} subjects?, belongs? to"):
        study = Study.from_adam(adsl(), adqs(**period))
    assert "later_period" in kinds(study)
    otherwise = adqs(TRTA=np.repeat(["ECT", "ECT", "TMS"], 3))
    assert "later_period" not in kinds(Study.from_adam(adsl(), otherwise))
