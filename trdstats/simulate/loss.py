"""When a response is lost again, and how the score returns."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.errors import SpecError


@dataclass(frozen=True, slots=True)
class LossLaw:
    """Distribution of the time from response to its loss.

    Attributes
    ----------
    distribution : {"weibull", "lognormal"}
        A Weibull of shape 1 is the exponential.
    scale : float
        Days: the Weibull scale, or the log-normal median.
    shape : float
        The Weibull shape, or the log-normal sigma.
    from_day : float
        The clock starts at response, but not before this day (the end of the course where
        durability was counted from there).
    """

    distribution: str
    scale: float
    shape: float
    from_day: float

    def __post_init__(self) -> None:
        if self.distribution not in ("weibull", "lognormal"):
            raise SpecError(
                f"a distribution of loss is weibull or lognormal; got {self.distribution!r}."
            )
        if min(self.scale, self.shape) <= 0 or self.from_day < 0:
            raise SpecError(
                "a distribution of loss needs a positive scale and shape, and a day from 0 on."
            )

    @property
    def median(self) -> float:
        """Median days from the start of the clock to the loss."""
        return (
            self.scale * log(2) ** (1 / self.shape)
            if self.distribution == "weibull"
            else self.scale
        )

    def draw(self, onset: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the day on which each subject's response begins to be lost.

        Parameters
        ----------
        onset : ndarray, shape (n,)
            Day of response; infinite for who never responds.
        rng : numpy.random.Generator

        Returns
        -------
        ndarray, shape (n,)
            Days after first treatment; infinite for who never responds.
        """
        if self.distribution == "weibull":
            kept = self.scale * rng.weibull(self.shape, len(onset))
        else:
            kept = rng.lognormal(np.log(self.scale), self.shape, len(onset))
        return np.maximum(onset, self.from_day) + kept


def rebound(
    proportion: FloatArray, days: FloatArray, lost: FloatArray, *, level: float, half_time: float
) -> FloatArray:
    """Return the expected share of baseline once responses are lost.

    Parameters
    ----------
    share : ndarray, shape (n, visits)
        Expected share without loss.
    days : ndarray, shape (n, visits)
    lost : ndarray, shape (n,)
        Day on which the loss begins; infinite for never.
    level : float
        Share of baseline to which the score returns.
    half_time : float
        Half-time of the return, in days.

    Returns
    -------
    ndarray, shape (n, visits)
    """
    since = np.maximum(0.0, days - lost[:, None])
    # A score already above the level, as in a subject who hardly moved, is left alone.
    return proportion + np.maximum(0.0, level - proportion) * (1 - 0.5 ** (since / half_time))
