"""Mistakes in plain tables of a study: each has a notice that names cause and remedy."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from clinic_export import ARMS, WINDOWS, Row, clinic

from trdstats import Study
from trdstats.errors import DataError, DataWarning

ROWS = clinic(60, seed=7, scheduled=True)


def table(day: Callable[[Row], float] = lambda r: float(r["day"]), **columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "subject": [r["subject"] for r in ROWS],
            "treatment": [ARMS[r["arm"]] for r in ROWS],
            "day": [day(r) for r in ROWS],
            "score": [r["madrs"] for r in ROWS],
        }
    )
    return frame.assign(**columns)


def subjects() -> pd.DataFrame:
    arms = {r["subject"]: ARMS[r["arm"]] for r in ROWS}
    return pd.DataFrame({"subject": list(arms), "treatment": list(arms.values())})


def said(visits: pd.DataFrame, *others: pd.DataFrame, **options: Any) -> dict[str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        study = Study(visits, *others, scale="MADRS", **options)
    return {p.kind: p.describe() for p in study.notices if p.level == "warning"}


@pytest.mark.parametrize("windows", [WINDOWS, None])
def test_one_treatment_in_weeks(windows: Any) -> None:
    visits = table(lambda r: r["day"] / 7 if r["arm"] == 1 else r["day"])
    words = said(visits, windows=windows)["unit_of_days"]
    assert "look like weeks" in words
    assert "ECT" in words


@pytest.mark.parametrize(("unit", "per_day"), [("weeks", 1 / 7), ("hours", 24)])
def test_one_site_in_another_unit(unit: str, per_day: float) -> None:
    def site(r: Row) -> bool:
        return int(r["subject"][1:]) % 4 == 0

    visits = table(lambda r: r["day"] * per_day if site(r) else r["day"])
    words = said(visits, windows=WINDOWS)["unit_of_days"]
    assert f"subjects look like {unit}: none of their ratings after day 0 lies" in words
    assert "Look whether a site or a treatment counts in" in words
    named = {r["subject"] for r in ROWS if not site(r)}
    assert not any(f"{name} (" in words for name in named)


def test_early_ratings_alone_are_no_weeks() -> None:
    """Days 1 and 2 of those who left would lie in windows as weeks: that is chance."""
    early = pd.DataFrame(
        [(f"E{k}", "TMS", d, 30) for k in range(12) for d in (0, 1, 2)],
        columns=["subject", "treatment", "day", "score"],
    )
    assert "unit_of_days" not in said(pd.concat([table(), early]), windows=WINDOWS)


def test_one_treatment_counts_from_day_one() -> None:
    words = said(table(lambda r: r["day"] + (r["arm"] == 1)), windows=WINDOWS)["days_from_one"]
    assert "Under ECT: The first rating of 20 of 20 subjects is on day 1" in words
    assert "Days count from 0" in words


def test_two_tables_name_different_treatments() -> None:
    other = subjects()
    other.loc[:4, "treatment"] = "TMS"
    words = said(table(), other, windows=WINDOWS)["other_treatment"]
    # Of the first five, ECT, ketamine, TMS, ECT, ketamine, one was TMS.
    assert "names another treatment than `subjects` for 4 subjects" in words
    assert "P000: TMS in `subjects`" in words
    assert "other_treatment" not in said(table(), subjects(), windows=WINDOWS)
    written = subjects()
    written["treatment"] = written["treatment"].str.upper() + " "
    assert "other_treatment" not in said(table(), written, windows=WINDOWS)
    part = table(treatment=[ARMS[r["arm"]] if not r["day"] else None for r in ROWS])
    assert "other_treatment" not in said(part, subjects(), windows=WINDOWS)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (str.lower, "Write them alike in both tables: 'P000' and 'p000'; 'P001' and 'p001' (and "),
        (lambda s: f"{s} ", "'P000' and 'P000 '"),
        (lambda s: s.replace("P0", "P"), "'P000' and 'P00'"),
    ],
)
def test_identifiers_that_two_tables_write_in_two_ways(
    change: Callable[[str], str], words: str
) -> None:
    other = subjects()
    other["subject"] = other["subject"].map(change)
    with pytest.raises(DataError, match="a subject that `subjects` does not have") as caught:
        said(table(), other, windows=WINDOWS)
    assert words in str(caught.value)


def test_numbers_beside_numbers_with_zeros_in_front() -> None:
    visits, other = table(), subjects()
    visits["subject"] = visits["subject"].str[1:].astype(int)
    other["subject"] = other["subject"].str[1:]
    with pytest.raises(DataError, match="0 and '000'; 1 and '001'"):
        said(visits, other, windows=WINDOWS)


def test_an_event_of_nobody_says_nothing_of_the_last_subject() -> None:
    events = pd.DataFrame({"subject": ["X"], "day": [1], "event": ["death"]})
    with pytest.raises(DataError, match="1 row of `events` names a subject") as caught:
        said(table(), subjects(), events, windows=WINDOWS)
    assert "after the day of death" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (lambda k: f"1'{k:03d}", "thousands set apart, such as"),
        (lambda k: f"1\u00a0{k:03d}", "thousands set apart"),
        (lambda k: f"{k},5" if k % 2 else f"{k}.5", "decimal commas and decimal points"),
    ],
)
def test_numbers_written_as_text(written: Callable[[int], str], words: str) -> None:
    income = {r["subject"]: written(int(r["subject"][1:])) for r in ROWS}
    visits = table(income=[income[r["subject"]] for r in ROWS])
    assert words in said(visits, windows=WINDOWS)["numbers_as_text"]


def test_the_baseline_was_rated_after_the_start() -> None:
    """One treatment counts from admission, three weeks before its first dose."""
    visits = table(lambda r: r["day"] + 21 * (r["arm"] == 1))
    words = said(visits, windows=WINDOWS)["first_rating_after_start"]
    assert (
        "20 subjects have no baseline and a first rating on day 1 to 28 (median day 21; ECT 20)"
        in (words)
    )
    assert "days count from another date there (admission, consent)" in words
    few = table(lambda r: r["day"] + 3 * (r["subject"] in ("P000", "P003")))
    assert "first_rating_after_start" not in said(few, windows=WINDOWS)
