from .confirmatory import Confirmatory, ConfirmatoryResult
from .new import NewPlan, write_new_plan
from .plan import Plan, PlannedStep
from .reading import read_plan, sample_plan
from .results import (
    Explanation,
    RunDifference,
    diff_runs,
    explain_result,
    read_results,
    verify_run,
)
from .run import Run, paper, run_plan
from .sections import Note, Picture, Section
from .settings import StepSettings
from .step import Step, Task
from .steps import all_steps, register_step, unregister_step

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
