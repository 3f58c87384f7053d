"""The steps of a plan, in the order of the report; one file a step."""

from __future__ import annotations

from trdstats.errors import SpecError, unknown_name
from trdstats.plan.step import Step
from trdstats.plan.steps import (
    acute,
    change,
    comparison,
    durability,
    in_response,
    missing,
    multiverse,
    onset,
    participants,
    rates,
)

_STEPS: list[Step] = [
    participants.STEP, in_response.STEP, change.STEP, acute.STEP, rates.STEP, onset.STEP,
    durability.STEP, comparison.STEP, missing.STEP, multiverse.STEP,
]  # fmt: skip


def all_steps() -> tuple[Step, ...]:
    """Return the steps in the order of the report."""
    return tuple(_STEPS)


def get_step(key: str) -> Step:
    """Return a step by its key.

    Raises
    ------
    UnknownNameError
        When there is none.
    """
    by_key = {s.key: s for s in _STEPS}
    if key not in by_key:
        raise unknown_name("step", key, by_key)
    return by_key[key]


def register_step(step: Step, *, after: str | None = None) -> None:
    """Add a step to every plan that is read from now on.

    Parameters
    ----------
    step : Step
    after : str, optional
        Key of the step it follows. Default: the last one.

    Raises
    ------
    SpecError
        When a step has that key already.
    UnknownNameError
        When there is no step to follow.
    """
    keys = [s.key for s in _STEPS]
    if step.key in keys:
        raise SpecError(f"A step {step.key!r} is there already: give yours another key.")
    if after is not None and after not in keys:
        raise unknown_name("step", after, keys)
    _STEPS.insert(len(_STEPS) if after is None else keys.index(after) + 1, step)


def unregister_step(key: str) -> None:
    """Take a step away that was registered."""
    _STEPS[:] = [s for s in _STEPS if s.key != key]
