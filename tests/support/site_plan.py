"""What plans of hospitals that may not share rows have in common."""

from __future__ import annotations

from pathlib import Path

import trdstats as trd
from trdstats.plan.reading.text import plan_from_text

RULES = """[definitions]
response = { reduction = 0.5 }
remission = { at_most = 10 }
relapse = { at_least = 22 }
[analysis]
acute_end = 28
rate_days = [28]
after_switch = "ignore"
"""


def plan_of(text: str) -> trd.Plan:
    """Return the plan of a text whose files stand here."""
    return plan_from_text(text, Path())
