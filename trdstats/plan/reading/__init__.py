"""A plan as written, into a plan as a value; all that is wrong in it is said at once."""

from trdstats.plan.reading.text import SAMPLE_PLANS, plan_from_text, read_plan, sample_plan

__all__ = ["SAMPLE_PLANS", "plan_from_text", "read_plan", "sample_plan"]
