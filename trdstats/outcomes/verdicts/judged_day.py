"""The scheduled day that a definition is judged at."""

from __future__ import annotations

from trdstats.errors import SpecError
from trdstats.outcomes.assess import check_definition
from trdstats.outcomes.rules.definition import Definition


def day_of(definition: Definition, day: float | None) -> float:
    """Return the scheduled day that a definition is judged at.

    Raises
    ------
    SpecError
        When none is given and the definition names none, or another than the one it speaks of.
    """
    check_definition(definition)
    fixed, own_day = definition.fixed_day, definition.own_day
    if day is None and own_day is None:
        raise SpecError(f"{definition.label()} needs a day, for example day=28.")
    if day is not None and fixed is not None and day != fixed:
        raise SpecError(
            f"{definition.label()} speaks of day {fixed:g} alone: leave day={day:g} out."
        )
    judged_at = own_day if day is None else day
    assert judged_at is not None
    return float(judged_at)


def at_day(definition: Definition, day: float) -> str:
    """Return the words " at day 28" for a heading; empty where the label says so already."""
    return "" if definition.own_day == day else f" at day {day:g}"
