"""What a definition asks of the days of visits: how far apart, how long, on which."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Spacing:
    """Days that a rule needs between two assessments, or over all of them.

    Attributes
    ----------
    least, most : float
        Days from one assessment to a later one that confirms it.
    follow_up : float
        Days over which a state must be followed before it can be known.
    words : str
        What is asked for: "two assessments 5 to 15 days apart".
    """

    words: str
    least: float = 0.0
    most: float = inf
    follow_up: float = 0.0
