"""A whole analysis as one TOML file, carried out into one folder."""

from trdstats.plan.plan import Plan, read_plan
from trdstats.plan.run import N_STEPS, Run, run_plan

__all__ = ["N_STEPS", "Plan", "Run", "read_plan", "run_plan"]
