"""An own estimate set against what a trial has published."""

from __future__ import annotations

from math import hypot
from typing import Any

from trdstats.comparison.indirect.effect import Effect
from trdstats.comparison.indirect.published_trial import PublishedTrial
from trdstats.comparison.indirect.result import arm_row, effect_row
from trdstats.estimates.effect_scales import LINKS

ANCHORED = (
    "The comparison holds where every covariate that changes the effect against the anchor was "
    "adjusted for."
)
UNANCHORED = (
    "Unanchored: nothing was randomised between the treatments. The comparison holds only where "
    "every covariate that predicts the outcome was adjusted for."
)


def set_against(
    trial: PublishedTrial,
    *,
    measure: str,
    treatment: str,
    comparator: str,
    anchor: str | None,
    value: float,
    error: float,
    arm: tuple[float, float],
    conf_level: float,
    interval: str,
) -> list[dict[str, Any]]:
    """Return the rows of an indirect comparison: own, published, indirect.

    Parameters
    ----------
    trial : PublishedTrial
    measure, treatment, comparator : str
    anchor : str or None
    value, error : float
        Own estimate on the scale of analysis: against the anchor, or of the one arm.
    arm : tuple of float
        Rate or mean of the own treatment and its standard error, shown when unanchored.
    conf_level : float
    interval : str
        How the own standard error was found.
    """
    link = LINKS[measure]
    if anchor is not None:
        own = Effect(measure, treatment, anchor, link.back(value), std_error=error)
        other = trial.contrast(comparator, anchor, measure)
        rows = [
            effect_row("own trial", own, conf_level, interval),
            effect_row("published", other, conf_level, "normal"),
        ]
        known, known_error = other.value, other.error
    else:
        published = trial.arm(comparator)
        link.check([published.estimate], f"{trial.label}, {comparator}")
        kind = "mean" if measure == "mean difference" else "rate"
        rows = [
            arm_row("own trial", kind, treatment, *arm, conf_level, interval),
            arm_row(
                "published", kind, comparator, published.estimate, published.error, conf_level,
                "normal",
            ),
        ]  # fmt: skip
        known = link.apply(published.estimate)
        known_error = link.slope(published.estimate) * published.error
    indirect = Effect(
        measure, treatment, comparator, link.back(value - known),
        std_error=hypot(error, known_error),
    )  # fmt: skip
    return [*rows, effect_row("indirect", indirect, conf_level, interval)]
