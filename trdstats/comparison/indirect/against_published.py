"""An own estimate set against what a trial has published."""

from __future__ import annotations

from math import hypot

import numpy as np

from trdstats.arguments import Level
from trdstats.comparison.indirect.effect import Effect
from trdstats.comparison.indirect.measure_scales import check_inside, scale_of
from trdstats.comparison.indirect.published_trial import PublishedTrial
from trdstats.comparison.indirect.result import Piece
from trdstats.errors import SpecError
from trdstats.kinds import label_of

ANCHORED = (
    "The comparison holds where every covariate that changes the effect against the anchor was "
    "adjusted for."
)
UNANCHORED = (
    "Unanchored: nothing was randomised between the treatments. The comparison holds only where "
    "every covariate that predicts the outcome was adjusted for."
)


def read_arms(
    treatment: Level, comparator: Level, anchor: Level | None
) -> tuple[str, str, str | None]:
    """Return the labels of own treatment, published treatment and anchor.

    Raises
    ------
    SpecError
        When the anchor is one of the two.
    """
    label, other, common = label_of(treatment) or "", label_of(comparator) or "", label_of(anchor)
    if common in (label, other):
        raise SpecError(
            f"The anchor {common!r} is the treatment of both trials that the others are compared "
            "with; it cannot be one of the two that are compared."
        )
    return label, other, common


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
    interval: str,
) -> list[Piece]:
    """Return the pieces of an indirect comparison: own, published, indirect.

    Parameters
    ----------
    trial : PublishedTrial
    measure, treatment, comparator : str
    anchor : str or None
    value, error : float
        Own estimate on the scale of analysis: against the anchor, or of the one arm.
    arm : tuple of float
        Rate or mean of the own treatment and its standard error, shown when unanchored.
    interval : str
        How the own standard error was found.
    """
    if anchor is not None:
        effect = Effect.on_scale(measure, treatment, anchor, value, error)
        other = trial.contrast(comparator, anchor, measure)
        pieces = [
            Piece.of(effect, "IPD trial", (error, 0.0), interval),
            Piece.of(other, "published", (0.0, other.error)),
        ]
        known, known_error = other.value, other.error
    else:
        published = trial.arm(comparator)
        rate, scale = np.array([published.estimate]), scale_of(measure)
        check_inside(measure, rate, f"{trial.label}, {comparator}")
        kind = "mean" if measure == "mean difference" else "rate"
        pieces = [
            Piece("IPD trial", kind, treatment, "", arm[0], (arm[1], 0.0), interval),
            Piece("published", kind, comparator, "", published.estimate, (0.0, published.error)),
        ]
        known = scale.apply(rate).item()
        known_error = scale.slope(rate).item() * published.error
    indirect = Effect.on_scale(
        measure, treatment, comparator, value - known, hypot(error, known_error)
    )
    return [*pieces, Piece.of(indirect, "indirect", (error, -known_error), interval)]
