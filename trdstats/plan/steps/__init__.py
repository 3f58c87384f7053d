"""The steps of a plan, in the order of the report; one file a step."""

from __future__ import annotations

from trdstats.errors import SpecError, unknown_name
from trdstats.plan.step import Step
from trdstats.plan.steps import acute, cohorts, comparison, durability, onset, rates, scores

_STEPS: list[Step] = [
    cohorts.STEP, scores.STEP, acute.STEP, rates.STEP, onset.STEP, durability.STEP, comparison.STEP,
]  # fmt: skip


def all_steps() -> tuple[Step, ...]:
    """Return the steps in the order of the report."""
    return tuple(_STEPS)


def register_step(step: Step, *, after: str | None = None) -> None:
    """Add a step to every plan that is run from now on.

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
