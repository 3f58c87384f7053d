"""A plan names what becomes of a switch, and each step says what it did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trdstats.errors import PlanError
from trdstats.plan.plan import Plan
from trdstats.plan.reading import plan_from_text
from trdstats.plan.step import Task
from trdstats.plan.steps import durability, onset, rates
from trdstats.study import study_from_mapping

pytestmark = pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")

PLAN = """
[study]
visits = "visits.csv"
courses = "courses.csv"
scale = "MADRS"
[definitions]
relapse = { at_least = 22 }
[analysis]
acute_end = 28
rate_days = [28]
horizon = 28
durability_days = [14]
"""


def plan(folder: Path, **named: str) -> Plan:
    rows = ["subject,treatment,day,score"]
    table = ["subject,treatment,start"]
    for i in range(24):
        arm, late = ("TMS", "ECT")[i % 2], 10 if i % 3 else 24
        rows += [f"S{i:02},{arm},0,30", f"S{i:02},{arm},7,{late}", f"S{i:02},{arm},14,{late}"]
        rows += [f"S{i:02},{arm},21,{14 if i % 4 else 26}", f"S{i:02},{arm},28,12"]
        table += [f"S{i:02},{arm},0"]
        if i < 9:
            table += [f"S{i:02},ketamine,{10 + i}"]
    (folder / "visits.csv").write_text("\n".join(rows), "utf-8")
    (folder / "courses.csv").write_text("\n".join(table), "utf-8")
    said = "".join(f'{key} = "{value}"\n' for key, value in named.items())
    return plan_from_text(PLAN + said, folder)


def texts(step: Any, own: Plan) -> str:
    study = study_from_mapping(own.study, own.folder)
    settings = step.STEP.settings()
    section = step.run(Task(own, study, step.STEP.key, settings))
    return " ".join(" ".join(repr(table) for table in section.tables).split())


@pytest.mark.parametrize(
    ("strategy", "of_rates", "of_onset", "of_durability"),
    [
        ("ignore", "treatment policy", "treatment policy", "treatment policy"),
        ("failure", "composite", "composite", "composite"),
        ("competing", "composite", "composite", "while on the assigned treatment"),
        ("censor", "treatment policy", "hypothetical", "hypothetical"),
    ],
)
def test_every_step_says_what_it_did(
    tmp_path: Path, strategy: str, of_rates: str, of_onset: str, of_durability: str
) -> None:
    own = plan(tmp_path, after_switch=strategy)
    said = "Another treatment was started by day 28 by 4 of 12 under ECT, 5 of 12 under TMS"
    assert said in texts(rates, own)
    assert of_rates in texts(rates, own)
    assert of_onset in texts(onset, own)
    assert of_durability in texts(durability, own)
    assert "Name after_switch" not in texts(rates, own)


def test_an_unnamed_strategy_is_asked_for(tmp_path: Path) -> None:
    assert "Name after_switch='ignore' if that is the question" in texts(rates, plan(tmp_path))


def test_a_strategy_has_to_be_known(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"after_switch must be one of .*Did you mean 'failure'"):
        plan(tmp_path, after_switch="failures")
