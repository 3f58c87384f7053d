"""What a definition asks of the days of visits: how far apart, how long, on which."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Spacing:
    """Assessments that a rule needs: how far apart, how many, how long, on which days.

    Attributes
    ----------
    least, most : float
        Days from one assessment to a later one that confirms it.
    follow_up : float
        Days over which a state must be followed before it can be known.
    visits : int
        Assessments that a subject needs.
    on : tuple of (float, float)
        Scheduled days, from the first to the last of each pair, between which there must be an
        assessment.
    words : str
        What is asked for: "two assessments 5 to 15 days apart".
    """

    words: str
    least: float = 0.0
    most: float = inf
    follow_up: float = 0.0
    visits: int = 0
    on: tuple[tuple[float, float], ...] = ()
