"""What a step does with a switch, where the strategy of the plan does not fit what it estimates."""

from __future__ import annotations

from trdstats.outcomes.switching import AfterSwitch

# A rate at a day cannot censor; where nothing can compete, a switch that ends the chance of the
# outcome is a failure: the share that met it by a day is then its cumulative incidence.
_INSTEAD: dict[str, dict[AfterSwitch, AfterSwitch]] = {
    "rates": {"censor": "ignore", "competing": "failure"},
    "onset": {"competing": "failure"},
    "in_response": {"competing": "failure"},
    "comparison": {"competing": "failure"},
}


def strategy_for(step: str, after_switch: AfterSwitch | None) -> AfterSwitch | None:
    """Return the strategy with which a step counts those who switched; its result says it."""
    if after_switch is None:
        return None
    return _INSTEAD.get(step, {}).get(after_switch, after_switch)
