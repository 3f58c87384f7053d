"""A plan as written, into a plan as a value; all that is wrong in it is said at once."""

from trdstats.plan.reading.text import plan_from_text, read_plan

__all__ = ["plan_from_text", "read_plan"]
