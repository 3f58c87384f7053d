"""A horizon before the first visit: nothing was seen, which is the reason that must be given."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import NotEstimableError
from trdstats.plan.reading import plan_from_text
from trdstats.plan.step import Task
from trdstats.plan.steps import in_response
from trdstats.study import study_from_mapping

NOT_YET = r"No subject was assessed by day 5 under ECT \(day 7\), TMS \(day 7\)\."


def visits(first_of_tms: int = 7) -> pd.DataFrame:
    rows = []
    for i in range(24):
        arm = ("TMS", "ECT")[i % 2]
        first = first_of_tms if arm == "TMS" else 7
        days = [0, first, 14, 21, 28]
        scores = [30, 24 if i % 3 else 10, 12, 14 if i % 4 else 26, 12]
        rows += [(f"S{i:02}", arm, d, s) for d, s in zip(days, scores, strict=True)]
    return pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])


@pytest.fixture(scope="module")
def times() -> trd.EventTimes:
    return trd.time_to(trd.Study(visits(), scale="MADRS"), trd.Response())


def test_days_lost_before_the_first_visit_are_refused(times: trd.EventTimes) -> None:
    for spec in (trd.TimeLost(tau=5), trd.RMST(tau=5)):
        with pytest.raises(NotEstimableError, match=NOT_YET):
            spec.fit(times)


def test_a_curve_says_that_no_subject_was_assessed_by_then(times: trd.EventTimes) -> None:
    for spec in (trd.KaplanMeier(), trd.AalenJohansen()):
        table = spec.fit(times).estimates([5, 14]).tidy()
        said = table.loc[table["time"] == 5, "reason"]
        assert set(said) == {"no subject was assessed by that day"}
        assert "no subject was assessed by that day" not in set(
            table.loc[table["time"] == 14, "reason"]
        )


PLAN = """
[study]
visits = "visits.csv"
scale = "MADRS"
[definitions]
relapse = { at_least = 22 }
[analysis]
acute_end = 28
rate_days = [28]
horizon = 10
durability_days = [14]
"""


def section(folder: Path, table: pd.DataFrame, horizon: int) -> tuple[str, list[str]]:
    table.to_csv(folder / "visits.csv", index=False)
    text = PLAN.replace("horizon = 10", f"horizon = {horizon}")
    plan = plan_from_text(text, folder)
    study = study_from_mapping(plan.study, plan.folder)
    settings = in_response.InResponseSettings()
    made = in_response.run(Task(plan, study, "in_response", settings))
    return made.lead, [n.text for n in made.notes]


@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
def test_the_report_does_not_say_that_follow_up_ended(tmp_path: Path) -> None:
    lead, notes = section(tmp_path, visits(), 5)
    assert lead == "No subject was assessed by day 5."
    assert notes[0].startswith("Not every treatment was assessed by then. No subject was assessed")
    lead, notes = section(tmp_path, visits(first_of_tms=12), 9)
    assert lead.startswith("Of 9 days: ")
    assert "under ECT" in lead
    assert notes[0].startswith(
        "Not every treatment was assessed by then. No subject was assessed by day 9 under TMS"
    )
