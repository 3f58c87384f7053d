"""A whole analysis as one TOML file, carried out into one folder."""

from trdstats.plan.plan import Plan, read_plan
from trdstats.plan.run import Run, run_plan
from trdstats.plan.sections import Picture, Section
from trdstats.plan.step import Step
from trdstats.plan.steps import all_steps, register_step, unregister_step

__all__ = [
    "Picture",
    "Plan",
    "Run",
    "Section",
    "Step",
    "all_steps",
    "read_plan",
    "register_step",
    "run_plan",
    "unregister_step",
]
