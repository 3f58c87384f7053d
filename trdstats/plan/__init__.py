"""A whole analysis as one TOML file, carried out into one folder."""

from trdstats.plan.confirmatory import Confirmatory, ConfirmatoryResult
from trdstats.plan.plan import Plan, PlannedStep
from trdstats.plan.reading import read_plan
from trdstats.plan.run import Run, run_plan
from trdstats.plan.sections import Note, Picture, Section
from trdstats.plan.settings import StepSettings
from trdstats.plan.step import Step, Task
from trdstats.plan.steps import all_steps, register_step, unregister_step

__all__ = [
    "Confirmatory",
    "ConfirmatoryResult",
    "Note",
    "Picture",
    "Plan",
    "PlannedStep",
    "Run",
    "Section",
    "Step",
    "StepSettings",
    "Task",
    "all_steps",
    "read_plan",
    "register_step",
    "run_plan",
    "unregister_step",
]
