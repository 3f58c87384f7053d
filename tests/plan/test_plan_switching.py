"""A plan names what becomes of a switch, and each step says what it did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trdstats.errors import PlanError
from trdstats.plan.carrying_out.analysis import prepare
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


COUNTED_TWICE = """
steps = ["rates", "onset", "durability", "in_response"]
rates = { outcomes = ["kept", "failing"] }
onset = { outcome = "failing" }
[definitions]
relapse = { is = "Event", events = ["switch"] }
[definitions.kept]
is = "WithoutEvent"
until = 28
state = { is = "AtDays", days = [14], definition = { is = "Response" } }
event = { is = "Event", events = ["switch"] }
[definitions.failing]
is = "FailureIf"
definition = { is = "Response" }
kinds = ["switch"]
"""


def plan(folder: Path, text: str = PLAN, **named: str) -> Plan:
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
    return plan_from_text(text + said, folder)


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


@pytest.mark.parametrize("strategy", ["ignore", "failure", "competing", "censor"])
def test_what_counts_a_switch_by_itself_is_refused_before_anything_runs(
    tmp_path: Path, strategy: str
) -> None:
    """Only a failure was looked at, and only of rates: other steps failed while they ran."""
    text = COUNTED_TWICE + PLAN.replace("[definitions]\nrelapse = { at_least = 22 }\n", "")
    own = plan(tmp_path, text, after_switch=strategy)
    with pytest.raises(PlanError) as error:
        prepare(own, study_from_mapping(own.study, own.folder))
    said = str(error.value)
    for outcome in ("without switch until day 28", "failure if switch", "of switch"):
        assert outcome in said
    assert said.count("'switch' has another part as well") == len(said.splitlines()) - 1
    assert said.count("[analysis] after_switch") == len(said.splitlines()) - 1
    assert "(line " in said


def test_a_competing_switch_is_not_counted_again(tmp_path: Path) -> None:
    text = PLAN.replace("durability_days = [14]", 'durability_days = [14]\ncompeting = ["switch"]')
    own = plan(tmp_path, text, after_switch="censor")
    with pytest.raises(PlanError, match=r"after_switch: of relapse .* has another part as well"):
        prepare(own, study_from_mapping(own.study, own.folder))
