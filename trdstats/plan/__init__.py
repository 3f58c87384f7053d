"""A whole analysis as one TOML file, carried out into one folder."""

from trdstats.plan.confirmatory import Confirmatory, ConfirmatoryResult
from trdstats.plan.new import NewPlan, write_new_plan
from trdstats.plan.plan import Plan, PlannedStep
from trdstats.plan.reading import read_plan, sample_plan
from trdstats.plan.results import (
    Explanation,
    RunDifference,
    diff_runs,
    explain_result,
    read_results,
    verify_run,
)
from trdstats.plan.run import Run, paper, run_plan
from trdstats.plan.sections import Note, Picture, Section
from trdstats.plan.settings import StepSettings
from trdstats.plan.step import Step, Task
from trdstats.plan.steps import all_steps, register_step, unregister_step

__all__ = [
    "Confirmatory",
    "ConfirmatoryResult",
    "Explanation",
    "NewPlan",
    "Note",
    "Picture",
    "Plan",
    "PlannedStep",
    "Run",
    "RunDifference",
    "Section",
    "Step",
    "StepSettings",
    "Task",
    "all_steps",
    "diff_runs",
    "explain_result",
    "paper",
    "read_plan",
    "read_results",
    "register_step",
    "run_plan",
    "sample_plan",
    "unregister_step",
    "verify_run",
    "write_new_plan",
]
