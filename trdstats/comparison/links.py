"""Scales on which two rates or means are compared: their difference after a transformation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import expit, logit

from trdstats.errors import NotEstimableError


@dataclass(frozen=True, slots=True)
class Link:
    """A transformation of a rate or mean.

    Attributes
    ----------
    name : {"identity", "log", "logit"}
    """

    name: Literal["identity", "log", "logit"]

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
        """Raise `NotEstimableError` where a rate of 0 or 1 has no transformed value."""
        low = self.name != "identity" and min(values) <= 0
        high = self.name == "logit" and max(values) >= 1
        if low or high:
            raise NotEstimableError(
                f"{what}: a rate of {'0' if low else '1'} has no value on this scale. Compare by "
                "the risk difference."
            )


LINKS = {
    "risk difference": Link("identity"),
    "mean difference": Link("identity"),
    "risk ratio": Link("log"),
    "odds ratio": Link("logit"),
}
