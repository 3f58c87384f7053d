"""Ordinary mistakes with the time of an export: each names its cause and its remedy.

The clinic is made up (tests/support/clinic.py): 60 patients, weeks 1, 2, 4, 8 and 12. Of every
treatment half respond at day 28, so any other rate is a mistake that went through.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from clinic import WINDOWS, clinic

import trdstats as trd
from trdstats.errors import DataError, DataWarning, EstimateWarning

EVERY_FOURTH = [f"P{i:03d}" for i in range(0, 60, 4)]


def study_of(change: Callable[[pd.DataFrame], pd.DataFrame] = lambda v: v, **given: Any) -> Any:
    visits, subjects = clinic()
    return trd.Study(change(visits), subjects, scale="MADRS", **given)


def days(function: Callable[[Any], Any]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return the change of a table whose days are another function of the right ones."""

    def change(visits: pd.DataFrame) -> pd.DataFrame:
        changed = visits.assign(day=function(visits["day"]))
        return changed.drop_duplicates(["subject", "day"]).reset_index(drop=True)

    return change


def shifted(by: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return the change of a table in which every fourth patient has another start."""

    def change(visits: pd.DataFrame) -> pd.DataFrame:
        wrong = visits["subject"].isin(EVERY_FOURTH)
        return visits.assign(day=visits["day"] + by * wrong)

    return change


def test_what_is_right_is_said_nothing_of() -> None:
    study = study_of(windows=WINDOWS)
    assert study.notices == ()
    table = trd.rates(study, trd.Response(), day=28).tidy()
    assert table.loc[table["measure"] == "rate", "estimate"].tolist() == [0.5, 0.5, 0.5]
    assert study_of().notices == ()


def test_no_windows() -> None:
    """Those rated on exactly day 28 alone count: 6 of 60, who are 4, 0 and 2 of 20."""
    study = study_of()
    said = (
        "Under ECT, Ketamine, TMS 60 were assessed between day 25 and 31, 6 on day 28: the others "
        "count as not assessed"
    )
    with (
        pytest.warns(DataWarning, match=said),
        pytest.warns(EstimateWarning, match="No subject was assessed at day 28 under Ketamine"),
    ):
        found = trd.rates(study, trd.Response(), day=28)
    (notice,) = found.notices
    assert notice.where == ("ECT: 4 of 20", "Ketamine: 0 of 20", "TMS: 2 of 20")
    assert notice.remedy.startswith("Give windows, for example windows={28: 3}")
    assert said in str(found)
    with pytest.warns(DataWarning, match=said):
        trd.mean_scores(study, days=[28])
    with pytest.warns(DataWarning, match=said):
        trd.change_from_baseline(study, 28)
    with pytest.warns(DataWarning) as caught:
        trd.change_from_baseline(study, {"ECT": 28, "Ketamine": 27, "TMS": 27})
    assert [str(w.message).split(":")[0] for w in caught] == [
        "Under ECT 20 were assessed between day 25 and 31, 4 on day 28",
        "Under Ketamine, TMS 35 were assessed between day 24 and 30, 6 on day 27",
    ]


def test_no_windows_in_a_comparison_and_in_strata() -> None:
    study = study_of().only(["ECT", "TMS"])
    with pytest.warns(DataWarning, match=r"Under ECT 20 were assessed between day 25 and 31, 4 on"):
        found = trd.compare(study, adjust="age", outcomes=["rate"], day=28, tau=56, n_boot=2)
    assert {p.kind for p in found.notices} == {"day_few_reach"}
    assert "4 on day 28" in str(found)
    subjects = study.subjects.assign(half=np.arange(40) // 2 % 2)
    visits, _ = clinic()
    own = trd.Study(visits[visits["subject"].isin(subjects["subject"])], subjects[
        ["subject", "treatment", "half"]], scale="MADRS")  # fmt: skip
    with pytest.warns(DataWarning, match="Under ECT, TMS 40 were assessed"):
        trd.stratified_rates(own, trd.Response(), day=28, strata="half")


@pytest.mark.parametrize(
    ("function", "unit", "remedy"),
    [
        (lambda d: (d / 7).round(), "weeks", r"visits\['day'\] \*= 7"),
        (lambda d: d * 24, "hours", r"visits\['day'\] /= 24"),
        (lambda d: d / (365.25 / 12), "months", r"visits\['day'\] \*= 365.25 / 12"),
    ],
)
def test_another_unit_under_windows(function: Any, unit: str, remedy: str) -> None:
    match = rf"The days look like {unit}: \d+ % of the \d+ ratings after day 0 lie .*\n.*{remedy}"
    with pytest.warns(DataWarning, match=match):
        study_of(days(function), windows=WINDOWS)


@pytest.mark.parametrize(
    ("function", "match"),
    [
        (lambda d: (d / 7).round(), r"look like weeks or months: .* lie on 1, 2, 4, 8, 12\."),
        (lambda d: d * 24, "The days look like hours"),
    ],
)
def test_another_unit_without_windows(function: Any, match: str) -> None:
    with pytest.warns(DataWarning, match=match):
        study_of(days(function))


@pytest.mark.parametrize(
    "plan",
    [
        (1, 2, 7),  # an infusion
        (2, 8, 15, 22, 28),
        (1, 3, 7, 10, 14, 21),
        (2, 4, 7, 9, 11, 14, 16, 18),  # three sessions a week
        tuple(range(1, 15)),  # a diary
        tuple(range(1, 29)),
        (91, 182, 273, 365),
        (168, 336, 504),
    ],
)
def test_days_that_are_days(plan: tuple[int, ...]) -> None:
    rows = [(f"S{i}", d, 30) for i in range(20) for d in (0, *plan)]
    visits = pd.DataFrame(rows, columns=["subject", "day", "score"])
    subjects = pd.DataFrame({"subject": [f"S{i}" for i in range(20)], "treatment": ["A", "B"] * 10})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trd.Study(visits, subjects, scale="MADRS")


def test_days_from_one() -> None:
    with pytest.warns(DataWarning, match=r"60 of 60 subjects is on day 1, .* count from 1"):
        study_of(days(lambda d: d + 1))
    visits, subjects = clinic()
    given = trd.Study(visits.assign(day=visits["day"] + 1), subjects.assign(entry=30),
                      scale="MADRS", baseline="entry")  # fmt: skip
    assert given.notices == ()


def test_days_counted_from_admission() -> None:
    """Treatment began on day 40 of the stay: the baseline is of day 0 and far from treatment."""
    with pytest.warns(DataWarning, match=r"60 subjects have no baseline and a first rating more"):
        study_of(days(lambda d: d + 40))


@pytest.mark.parametrize(
    ("function", "looks"),
    [
        (lambda d: 20261103 + d, "dates written as one number"),
        (lambda d: 46000 + d, "serial numbers of Excel dates"),
        (lambda d: 740000 + d, r"serial numbers of dates \(days since year 0"),
        (lambda d: 2461000 + d, "Julian days"),
        (lambda d: 1.7e9 + 86400 * d, "seconds of a computer's clock"),
        (lambda d: 1.7e12 + 86400e3 * d, "milliseconds of a computer's clock"),
        (lambda d: 1.7e18 + 86400e9 * d, "nanoseconds of a computer's clock"),
    ],
)
def test_dates_as_days_are_refused(function: Any, looks: str) -> None:
    with pytest.raises(DataError, match=f"360 days of `visits` lie before .* look like {looks}"):
        study_of(days(function))


@pytest.mark.parametrize("epoch", [24_000, 20_500])
def test_days_since_1960_and_1970_are_refused(epoch: int) -> None:
    with pytest.raises(DataError, match=r"60 of 60 subjects lie ten years .*days since 1960"):
        study_of(days(lambda d: d + epoch))


def test_serial_numbers_among_dates_are_refused() -> None:
    """Of every fourth patient the start is a serial number: -19,676 days were accepted before."""
    with pytest.raises(DataError, match=r"90 days of `visits` .*a serial number of Excel") as error:
        study_of(shifted(-19_676), windows=WINDOWS)
    (problem,) = (p for p in error.value.problems if p.kind == "impossible_day")
    assert problem.where[0] == "P000: -19676 (row 0)"
    assert "origin='1899-12-30'" in problem.remedy


@pytest.mark.parametrize("where", ["visits", "events"])
def test_the_limits_of_days(where: str) -> None:
    """Ten years before treatment to a hundred after it are days; one more is none."""
    visits, subjects = clinic()

    def build(day: float) -> trd.Study:
        rows = pd.DataFrame({"subject": ["P000"], "day": [day], "score": [20], "event": ["rescue"]})
        table = pd.concat([visits, rows[["subject", "day", "score"]]], ignore_index=True)
        events = rows[["subject", "day", "event"]]
        if where == "visits":
            return trd.Study(table, subjects, scale="MADRS")
        return trd.Study(visits, subjects, events, scale="MADRS")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        build(-3650)
        build(36500)
    for day in (-3651, 36501):
        with pytest.raises(DataError, match=f"1 day of `{where}` lies before -3650 or after 36500"):
            build(day)


def test_start_dates_too_late() -> None:
    """Day and month swapped in the start: the baseline is one of months ago."""
    match = r"15 subjects have a baseline older than 28 days \(median 37 days.*\n.*P000: day -40"
    with pytest.warns(DataWarning, match=match) as caught:
        study = study_of(shifted(-121), windows=WINDOWS)
    assert "day and month swapped" in str(caught[0].message)
    (notice,) = (p for p in study.notices if p.kind == "old_baseline")
    assert len(notice.where) == 15


def test_start_dates_too_early() -> None:
    match = r"15 subjects have no baseline and a first rating .* \(median day 91\)[^$]*swapped"
    with pytest.warns(DataWarning, match=match):
        study_of(shifted(91), windows=WINDOWS)


def test_one_of_many_is_a_note() -> None:
    visits, subjects = clinic()
    visits.loc[visits["subject"] == "P000", "day"] -= 121
    study = trd.Study(visits, subjects, scale="MADRS", windows=WINDOWS)
    assert [(p.kind, p.level) for p in study.notices] == [
        ("no_visits", "note"),
        ("old_baseline", "note"),
    ]


def test_the_other_sign() -> None:
    with pytest.warns(DataWarning, match=r"300 of 360 ratings lie before day 0[^$]*Check the sign"):
        study_of(days(lambda d: -d), windows=WINDOWS)


def test_another_year_between_two_visits() -> None:
    visits, subjects = clinic()
    visits.loc[5, "day"] += 365
    study = trd.Study(visits, subjects, scale="MADRS", windows=WINDOWS)
    (notice,) = study.notices
    assert (notice.kind, notice.level) == ("long_gap", "note")
    assert notice.where == (f"P000: day {visits.loc[4, 'day']}, then {visits.loc[5, 'day']}",)
    assert "mistyped date or year" in notice.remedy


def test_windows_for_some_of_the_visits_are_a_note() -> None:
    """Nobody said that days 28 and 56 are scheduled: two of five ratings stand for no day."""
    study = study_of(windows={7: 2, 14: 3, 84: 7})
    (notice,) = study.notices
    assert notice.summary.startswith("120 of 300 ratings after day 0 (40 %) lie in no visit window")
    assert notice.summary.endswith("0 of them come close to one.")
    assert notice.where[0] == "ECT: 40 of 100 (40 %)"
    assert notice.level == "note"
    assert "propose_windows(study)" in notice.remedy


def test_windows_too_narrow_are_a_warning() -> None:
    """Windows of the very day: counted by a loop, all that miss them come within a few days."""
    visits, subjects = clinic()
    after = visits.loc[visits["day"] > 0, "day"]
    n = int((~after.isin(list(WINDOWS))).sum())
    assert n > 75
    match = rf"{n} of 300 ratings after day 0 .* no scheduled day. \d+ of them come close to one"
    with pytest.warns(DataWarning, match=match):
        trd.Study(visits, subjects, scale="MADRS", windows=dict.fromkeys(WINDOWS, 0))


def test_other_windows_are_looked_at_anew() -> None:
    study = study_of(windows=WINDOWS)
    narrow = study.with_windows({14: 0})
    assert [p.kind for p in narrow.notices] == ["outside_windows"]
    assert narrow.with_windows(WINDOWS).notices == ()


def test_visits_ten_times_as_dense() -> None:
    visits, subjects = clinic()
    dense = [visits[visits["day"] > 0].assign(day=visits["day"] + k / 10) for k in range(1, 4)]
    ect = subjects.loc[subjects["treatment"] == "ECT", "subject"]
    last = visits.groupby("subject")["day"].transform("max")
    sparse = visits["subject"].isin(ect) & (visits["day"] > 0) & (visits["day"] < last)
    table = pd.concat([visits, *dense], ignore_index=True)
    thin = table["subject"].isin(ect) & (table["day"] > 0)
    thin &= ~table.index.isin(visits.index[~sparse])
    study = trd.Study(table[~thin], subjects, scale="MADRS")
    (notice,) = (p for p in study.notices if p.kind == "visit_density")
    assert "those under ECT" in notice.summary
    assert notice.level == "note"


def test_events_before_treatment_and_ratings_after_death() -> None:
    visits, subjects = clinic()
    events = pd.DataFrame(
        {"subject": ["P000", "P001"], "day": [-3, 10], "event": ["rescue", "death"]}
    )
    with pytest.warns(DataWarning) as caught:
        trd.Study(visits, subjects, events, scale="MADRS", windows=WINDOWS)
    said = str(caught[0].message)
    assert "1 event of 2 lies before the first treatment (day 0)." in said
    assert "P000: rescue on day -3" in said
    assert "1 subject is rated after the day of death." in said


def test_relapse_that_the_schedule_cannot_show() -> None:
    """Visits a month apart, confirmation within 15 days: relapse was 0 % without a word."""
    study = study_of(windows=WINDOWS)
    rule = trd.definitions["sustain1"]
    match = (
        r"Relapse \(SUSTAIN-1\) asks for 2 assessments 5 to 15 days apart; 100 % of consecutive "
        r"visits are more than 15 days apart \(median 28 days\): it cannot be detected"
    )
    with pytest.warns(DataWarning, match=match):
        times = trd.time_to(study, rule, since=trd.Response())
    assert re.search(match, str(times).replace("\n", " "))
    assert [p.kind for p in times.only(["ECT", "TMS"]).notices] == ["schedule_cannot_show"]


def test_a_covariate_with_decimal_commas() -> None:
    visits, subjects = clinic()
    text = subjects.assign(bmi=subjects["bmi"].map(lambda v: f"{v:.1f}".replace(".", ",")))
    levels = text["bmi"].nunique()
    match = rf"'bmi' is text that spells numbers \(decimal commas, .* category of {levels} levels"
    with pytest.warns(DataWarning, match=match):
        study = trd.Study(visits, text, scale="MADRS", windows=WINDOWS)
    with pytest.raises(DataError, match="text that spells numbers") as error:
        trd.compare(study, adjust="age + bmi", n_boot=2)
    assert len(str(error.value)) < 500
    mended = text["bmi"].str.replace(",", ".").astype(float)
    pd.testing.assert_series_equal(mended, subjects["bmi"])


def test_scores_with_decimal_commas() -> None:
    visits, subjects = clinic()
    with pytest.raises(DataError, match="They have decimal commas: read the file with"):
        trd.Study(visits.assign(score=visits["score"].map("{},0".format)), subjects, scale="MADRS")


def test_a_covariate_of_many_levels_is_not_listed_in_full() -> None:
    visits, subjects = clinic()
    names = subjects.assign(town=[f"town {i}" for i in range(60)])
    study = trd.Study(visits, names, scale="MADRS", windows=WINDOWS)
    (notice,) = study.notices
    assert (notice.kind, notice.level) == ("many_levels", "note")
    assert notice.where == ("town (60 levels)",)
    found = trd.compare(study.only(["ECT", "TMS"]), adjust="town", outcomes=["rate"], day=28,
                        tau=84, n_boot=2)  # fmt: skip
    text = str(found)
    assert text.count("No subject with town = ") == 5
    assert "more levels of town: group them" in text
