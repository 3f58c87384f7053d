"""Scales on which two rates or means are compared, by the measure of the comparison."""

from __future__ import annotations

from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError
from trdstats.estimates.scales import SCALES, Scale, ScaleName
from trdstats.kernels.numerics.boundary import at_boundary

_NAMES: dict[str, ScaleName] = {
    "risk difference": "identity", "mean difference": "identity", "risk ratio": "log",
    "odds ratio": "logit",
}  # fmt: skip
COMPARED = tuple(_NAMES)


def scale_of(measure: str) -> Scale:
    """Return the scale on which a measure is a difference."""
    return SCALES[_NAMES[measure]]


def check_inside(measure: str, means: FloatArray, what: str) -> None:
    """Raise `NotEstimableError` where no subject or every subject had the outcome."""
    if measure != "mean difference" and at_boundary(means).any():
        none = means.min() < 0.5
        raise NotEstimableError(
            f"{what}: {'no subject' if none else 'every subject'} had the outcome. A rate of "
            f"{0 if none else 1} has no standard error: it would count as known exactly. "
            "Compare the counts alone by a score method, as rates() does, or choose another "
            "outcome or day."
        )
