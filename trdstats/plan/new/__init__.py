"""A first plan for an export: what is assumed is said, what is open is named with its line."""

from trdstats.plan.new.propose import NewPlan, write_new_plan

__all__ = ["NewPlan", "write_new_plan"]
