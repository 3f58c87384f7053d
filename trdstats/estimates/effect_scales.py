"""Scales on which two rates or means are compared: their difference after a transformation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import expit, logit

from trdstats.errors import NotEstimableError
from trdstats.kernels.numerics.boundary import at_boundary


@dataclass(frozen=True, slots=True)
class Link:
    """A transformation of a rate or mean.

    Attributes
    ----------
    name : {"identity", "log", "logit"}
    of_rates : bool
        Whether it is of rates, which have no Wald error at 0 and 1.
    """

    name: Literal["identity", "log", "logit"]
    of_rates: bool = True

    def apply(self, value: float) -> float:
        """Return the transformed value."""
        if self.name == "identity":
            return float(value)
        return float(np.log(value) if self.name == "log" else logit(value))

    def slope(self, value: float) -> float:
        """Return the derivative of the transformed value."""
        if self.name == "identity":
            return 1.0
        return 1 / value if self.name == "log" else 1 / (value * (1 - value))

    def back(self, difference: float) -> float:
        """Return the measure a difference of transformed values stands for."""
        return float(difference if self.name == "identity" else np.exp(difference))

    def inverse(self, value: float) -> float:
        """Return the rate or mean of a transformed value."""
        if self.name == "identity":
            return float(value)
        return float(np.exp(value) if self.name == "log" else expit(value))

    def check(self, values: Sequence[float], what: str) -> None:
        """Raise `NotEstimableError` where nobody or everybody had the outcome."""
        if self.of_rates and at_boundary(np.array(values)).any():
            none = min(values) < 0.5
            raise NotEstimableError(
                f"{what}: {'nobody' if none else 'everybody'} had the outcome. A rate of "
                f"{0 if none else 1} has no standard error: it would count as known exactly. "
                "Compare the counts alone by a score method, as rates() does, or choose another "
                "outcome or day."
            )


LINKS = {
    "risk difference": Link("identity"),
    "mean difference": Link("identity", of_rates=False),
    "risk ratio": Link("log"),
    "odds ratio": Link("logit"),
}
