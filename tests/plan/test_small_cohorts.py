"""Numbers of the first page and of leads: what they rest on, and why they have no interval."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trdstats.plan.reading import plan_from_text
from trdstats.plan.report.first_screen import headline_notes
from trdstats.plan.sections import Section
from trdstats.plan.step import Task
from trdstats.plan.steps import durability
from trdstats.plan.wording import headline, list_groups
from trdstats.study import study_from_mapping
from trdstats.tables import each_row

PLAN = """
[study]
visits = "visits.csv"
scale = "MADRS"
[definitions]
relapse = { at_least = 22 }
[analysis]
acute_end = 14
rate_days = [14]
horizon = 56
durability_days = [42]
"""


def visits() -> pd.DataFrame:
    """Return 20 responders to ECT, 2 of whom are seen after day 28, and 30 responders to TMS."""
    rows = []
    for i in range(50):
        arm = "ECT" if i < 20 else "TMS"
        days = [0, 7, 14, 28, 42, 56] if arm == "TMS" or i < 2 else [0, 7, 14, 28]
        for day in days:
            relapsed = day == 28 and 15 <= i < 19
            rows.append((f"S{i:02}", arm, day, 30 if day == 0 or relapsed else 8))
    return pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])


def durability_in(folder: Path) -> Section:
    visits().to_csv(folder / "visits.csv", index=False)
    plan = plan_from_text(PLAN, folder)
    study = study_from_mapping(plan.study, plan.folder)
    return durability.run(Task(plan, study, "durability", durability.STEP.settings()))


@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
def test_a_headline_on_two_patients_says_so(tmp_path: Path) -> None:
    section = durability_in(tmp_path)
    (shown,) = section.headlines.values()
    assert shown["ECT"].endswith(", 2 at risk")
    assert "at risk" not in shown["TMS"]
    assert "2 at risk) under ECT" in section.lead


@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
def test_a_lead_says_why_there_is_no_interval(tmp_path: Path) -> None:
    section = durability_in(tmp_path)
    assert "0 % (no 95 % CI: no subject or every subject had the outcome" in section.lead
    assert "CI –" not in section.lead


@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
def test_the_first_page_says_why_a_figure_is_missing(tmp_path: Path) -> None:
    section = durability_in(tmp_path)
    none = "Relapse by day 42: none was seen under TMS, which leaves no interval."
    assert section.unsaid == (none,)
    assert headline_notes([section, section]) == [none]
    shown = Path(tmp_path, "visits.csv")
    visits().query("treatment == 'TMS' or day < 42").to_csv(shown, index=False)
    plan = plan_from_text(PLAN, tmp_path)
    study = study_from_mapping(plan.study, plan.folder)
    section = durability.run(Task(plan, study, "durability", durability.STEP.settings()))
    few = "Relapse by day 42: too few responders are still followed under ECT."
    assert section.unsaid == (few, none)


def test_numbers_below_that_of_the_rule_are_named() -> None:
    rows = pd.DataFrame(
        {"treatment": ["A", "B", "C"], "estimate": [0.5, 0.4, 0.0], "conf_low": [0.1, 0.2, np.nan],
         "conf_high": [0.9, 0.6, np.nan], "n": [2, 10, 9], "reason": ["", "", "no events"]}
    )  # fmt: skip
    assert list_groups(rows, unit="%", level=0.95, digits=0, scale=100) == (
        "50 % (95 % CI 10 to 90; 2 subjects) under A, 40 % (95 % CI 20 to 60) under B, "
        "0 % (no 95 % CI: no events; 9 subjects) under C."
    )
    cells = [headline(r) for r in each_row(rows)]
    assert cells[:2] == ["50 (10 to 90), 2 subjects", "40 (20 to 60)"]
